// The package in Node: its devices there, answers at once, and what a device that is slow, late and killed may do.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from '../pkg/node.js';
import { Client } from '../../target/web/client.js';
import { Memory } from '../../target/web/memory.js';
import { Server } from '../../target/web/server.js';

const SEED = Number(process.env.NUTHATCH_SEED ?? Date.now() % 1e6);
const wasm = readFileSync(new URL('../pkg/engine.wasm', import.meta.url));

test('answers at once, for what is in memory', async () => {
  const db = await open('sync');
  assert.equal(db.sync.set('k', 'v'), 'OK');
  assert.equal(db.sync.get('k'), 'v');
  assert.deepEqual(db.sync.hgetall('none'), {});
  assert.throws(() => db.sync.lpush('k', 'x'), { code: 'WRONGTYPE' });
  assert.throws(() => db.sync.blpop('none', 0), { code: 'NOTINMEMORY' });
  assert.equal(db.sync`GET ${'k'}`, 'v');
  assert.equal(await db.get('k'), 'v');
  await db.close();
});

// What a page says of its device reached Node's engine as it was, and that looked for IndexedDB.
test('a program that runs in both places may say auto, and hears of a device that only browsers have', async () => {
  for (const device of ['auto', undefined]) {
    const db = await open('both', { device });
    assert.equal(db.device, 'memory');
    assert.equal(db.sync.set('k', 'v'), 'OK');
    await db.close();
  }
  await assert.rejects(open('both', { device: 'idb' }), { code: 'DEVICE', message: /'idb' is a browser's: in Node there are memory and file/ });
});

test('a value that is not in memory is not answered at once', async () => {
  const db = await open('cold', { maxmemory: '2560kb' });
  for (let i = 0; i < 20; i++) {
    await Promise.all(Array.from({ length: 500 }, (_, j) => db.set(`k:${i * 500 + j}`, 'x'.repeat(1000))));
  }
  let cold = 0;
  for (let i = 0; i < 10_000; i++) {
    try {
      assert.equal(db.sync.strlen(`k:${i}`), 1000);
      db.sync.get(`k:${i}`);
    } catch ({ code }) {
      assert.equal(code, 'NOTINMEMORY');
      cold++;
      if (cold % 100 === 1) assert.equal((await db.get(`k:${i}`)).length, 1000);
    }
  }
  assert.ok(cold > 0);
  await db.close();
});

// Reads of a dataset of eight times the limit were a hundredth of what they had been, and nobody saw why: in a private window each read of
// the device goes to another process. So what is counted here is reads, not time: values that are in use stay, and only others are read.
test('a device is read for values that nobody uses, and hardly for those in use', async () => {
  const path = mkdtempSync(join(tmpdir(), 'nuthatch-reads-'));
  let state = SEED;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x80000000;
  try {
    const db = await open('reads', { device: 'file', path, maxmemory: '12mb' });
    const keys = 32 * 1024, inUse = keys / 20, gets = 40_000;
    for (let i = 0; i < keys; i += 512) await Promise.all(Array.from({ length: 512 }, (_, j) => db.set(`k:${i + j}`, 'x'.repeat(1000))));
    const run = async () => {
      for (let i = 0; i < gets; i += 100) {
        await Promise.all(Array.from({ length: 100 }, () => db.get(`k:${Math.floor(random() * (random() < 0.95 ? inUse : keys))}`)));
      }
      // A journal that is written anew reads the device, too: what counts is how many values came back.
      return (await db.stats()).vm_stats_swappin_count;
    };
    const before = await run(), reads = (await run()) - before;
    const others = gets * 0.05;
    assert.ok(reads > others / 2 && reads < others * 2.5, `${reads} reads for ${others} GETs of other values (NUTHATCH_SEED=${SEED})`);
    await db.close();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
});

test('files in Node: everything is there again, and a torn end costs the last moment only', async () => {
  const path = mkdtempSync(join(tmpdir(), 'nuthatch-file-'));
  try {
    const options = { device: 'file', path, maxmemory: '2560kb' };
    let db = await open('files', options);
    for (let i = 0; i < 8000; i += 500) await Promise.all(Array.from({ length: 500 }, (_, j) => db.set(`k:${i + j}`, `${i + j}`.repeat(100))));
    await db.close();
    db = await open('files', options);
    assert.equal(await db.dbsize(), 8000);
    for (let i = 0; i < 8000; i += 97) assert.equal(await db.get(`k:${i}`), `${i}`.repeat(100));
    await db.set('last', 'x');
    await db.close();
    const log = join(path, 'files.nuthatch');
    truncateSync(log, statSync(log).size - 3);
    db = await open('files', options);
    assert.ok((await db.dbsize()) >= 8000);
    await db.close();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
});

/** A store whose answers come late and in any order, and that ends in the middle of its work. */
class Late extends Memory {
  kind = 'late';

  constructor(stores, random) {
    super();
    this.stores = stores ?? this.stores;
    this.random = random;
  }

  pause() {
    return new Promise((resolve) => setTimeout(() => this.dead || resolve(), this.random() * 4));
  }

  async commit(ops) {
    await this.pause();
    if (this.full && ops.length) throw Object.assign(new Error('no room'), { name: 'QuotaExceededError' });
    super.commit(ops);
    await this.pause();
  }

  async read(reads) {
    this.rounds = (this.rounds ?? 0) + 1;
    await this.pause();
    return super.read(reads);
  }
}

/** A client whose device is `late.device`; a crash leaves what was committed. */
async function late(seed, options) {
  const state = { seed };
  const random = () => (state.seed = (state.seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  const connect = (name, receive) => {
    state.device = new Late(state.device?.stores, random);
    const server = new Server((message) => setTimeout(() => receive(message)), () => {}, { idb: async () => state.device });
    return {
      post: (message) => server.handle(message),
      stop: () => {
        state.device.dead = true;
        server.stop();
      },
    };
  };
  const client = new Client('late', { device: 'idb', wasm, maxmemory: '2560kb', ...options }, connect);
  await client.opened;
  return { db: client.db, state, random };
}

test(`a slow device, killed in mid-write again and again: acknowledged writes are there (seed ${SEED})`, async () => {
  const { db, random } = await late(SEED);
  const least = new Map();
  let next = 0;
  for (let round = 0; round < 8; round++) {
    let ended = false;
    const writer = async () => {
      while (!ended) {
        const from = next;
        next += 40;
        await Promise.allSettled(Array.from({ length: 40 }, async (_, i) => {
          const key = (from + i) % 4000;
          await db.set(`k:${key}`, `${from + i}`.padEnd(900));
          least.set(key, Math.max(least.get(key) ?? 0, from + i));
        }));
      }
    };
    const writers = [writer(), writer(), writer()];
    await new Promise((resolve) => setTimeout(resolve, 50 + random() * 200));
    ended = true;
    await db.crash();
    await Promise.all(writers);
    const keys = [...least.keys()];
    const values = await Promise.all(keys.map((key) => db.get(`k:${key}`)));
    for (const [i, key] of keys.entries()) {
      const [value, number] = [values[i], least.get(key)];
      assert.ok(value !== null && Number(value) >= number && value.length === 900, `round ${round}: k:${key} is ${value?.trim()}, not ${number} or later`);
    }
  }
  assert.ok(least.size > 100);
  await db.close();
});

/** Each of them waited for the device alone, in a message of a hundred too. */
test('values that have left are read together where they are asked for together', async () => {
  const { db, state } = await late(SEED);
  for (let i = 0; i < 8000; i += 500) await Promise.all(Array.from({ length: 500 }, (_, j) => db.set(`k:${i + j}`, `${i + j}`.padEnd(900))));
  state.device.rounds = 0;
  const values = await Promise.all(Array.from({ length: 100 }, (_, i) => db.get(`k:${i}`)));
  assert.deepEqual(values, Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(900)));
  const { rounds } = state.device;
  assert.ok(rounds > 0 && rounds < 60, `${rounds} reads`);
  await db.close();
});

/** A session's state was the engine's alone: after a crash it was in database 0, and EXEC ran although nobody watched any more. */
test('a session goes on after a crash: its database, its half transaction; what it watched counts as changed', async () => {
  const { db } = await late(SEED);
  const s = db.session();
  await s.select(2);
  await s.set('k', 1);
  await s.call('client', 'setname', 'me');
  await s.watch('k');
  await db.crash();
  assert.deepEqual([await s.get('k'), await s.call('CLIENT', 'GETNAME')], ['1', 'me']);
  assert.equal(await s.multi().incr('k').exec(), null);
  assert.deepEqual(await s.multi().incr('k').exec(), [2]);
  await s.watch('k');
  await s.unwatch();
  await s.call('MULTI');
  await s.incr('k');
  await db.crash();
  await db.crash();
  await s.incr('k');
  assert.deepEqual(await s.call('exec'), [3, 4]);
  await s.watch('k');
  await db.crash();
  await assert.rejects(s.call('EXEC'), /EXEC without MULTI/);
  await s.watch('k');
  assert.deepEqual(await s.multi().incr('k').exec(), [5]);
  await s.call('RESET');
  assert.equal(await s.get('k'), null);
  await db.close();
});

/** Half of it stayed among the bytes to be sent, and what followed was read as its arguments. */
test('a command with an argument that is none is refused, and nothing of it is sent', async () => {
  const db = await open('refused');
  await assert.rejects(db.set('k', null), TypeError);
  assert.throws(() => db.multi().set('k', 'v').set('other', null), TypeError);
  assert.equal(await db.set('k', 'v'), 'OK');
  assert.throws(() => db.sync.set('k', null), TypeError);
  assert.equal(db.sync.get('k'), 'v');
  await db.close();
});

test('a full device: a clear error, reads go on, nothing acknowledged is lost, and writes go on when there is room', async () => {
  const { db, state } = await late(SEED);
  await db.set('before', 'kept');
  state.device.full = true;
  const errors = [];
  for (let i = 0; i < 3; i++) await db.set(`k:${i}`, 'x').catch(({ code, message }) => errors.push([code, /quota is used up/.test(message)]));
  assert.deepEqual(errors, [['QUOTA', true], ['MISCONF', true], ['MISCONF', true]]);
  assert.equal(await db.get('before'), 'kept');
  state.device.full = false;
  const until = Date.now() + 10_000;
  while ((await db.set('after', 'x').catch(() => 'refused')) !== 'OK') {
    assert.ok(Date.now() < until, 'writes are refused for ever');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await db.crash();
  assert.deepEqual(await db.mget('before', 'k:0', 'k:1', 'after'), ['kept', 'x', null, 'x']);
  await db.close();
});
