// The package in Node: its devices there, answers at once, and what a device that is slow, late and killed may do.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs, { mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { open } from '../pkg/node.js';
import { stay, wakeful } from '../../target/web/awake.js';
import { Client } from '../../target/web/client.js';
import { Memory } from '../../target/web/memory.js';
import { cached } from '../../target/web/page-cache.js';
import { Server } from '../../target/web/server.js';

const SEED = Number(process.env.NUTHATCH_SEED ?? Date.now() % 1e6);
const wasm = readFileSync(new URL('../pkg/engine.wasm', import.meta.url));

/** What programs import, as a literal. */
const PACKAGE = JSON.stringify(new URL('../pkg/node.js', import.meta.url).href);

const settle = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a program of its own prints, which has `open`. */
function said(program, timeout = 20_000) {
  return execFileSync(process.execPath, ['--input-type=module', '-e', `import { open } from ${PACKAGE};\n${program}`], { encoding: 'utf8', timeout }).trim();
}

/** A directory that goes when the test ends. */
function scratch(t, prefix) {
  const path = mkdtempSync(join(tmpdir(), prefix));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

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

// `persist(key)` asked the browser, a stream was taken for a file of its name, and of two `close()` one never ended.
test('a database is closed twice, PERSIST has its name, and an import may be a stream', async () => {
  const db = await open('twice');
  await db.set('k', 'v', { ex: 100 });
  assert.equal(await db.persist('k'), 1);
  assert.deepEqual([await db.ttl('k'), await db.persist('k'), await db.persist()], [-1, 0, false]);
  const file = await db.exportRdb();
  await db.flushall();
  for (const form of [file, file.stream(), new Response(file), await file.arrayBuffer(), new Uint8Array(await file.arrayBuffer())]) {
    await db.importRdb(form);
    assert.equal(await db.get('k'), 'v');
    await db.flushall();
  }
  await assert.rejects(db.importRdb('dump.rdb'), TypeError);
  await Promise.all([db.close(), db.close()]);
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
test('a device is read for values that nobody uses, and hardly for those in use', async (t) => {
  const path = scratch(t, 'nuthatch-reads-');
  let state = SEED;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x80000000;
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
});

/** What was on its way to the new journal took two thirds of a small limit, values left for it, and what was in use was read from the device again and again. */
test('while a journal is written anew most of what is in memory stays there', async (t) => {
  const path = scratch(t, 'nuthatch-rewrite-'), keys = 16 * 1024;
  const db = await open('rewrite', { device: 'file', path, maxmemory: '4mb' });
  const inMemory = async () => keys - (await db.stats()).vm_stats_swapped_objects;
  let next = 0;
  const get = (n) => Promise.all(Array.from({ length: n }, () => db.get(`k:${(next += 7919) % keys}`)));
  for (let i = 0; i < keys; i += 512) await Promise.all(Array.from({ length: 512 }, (_, j) => db.set(`k:${i + j}`, 'x'.repeat(1000))));
  while ((await db.stats()).aof_rewrite_in_progress) await new Promise((resolve) => setTimeout(resolve, 10));
  for (let i = 0; i < 50; i++) await get(100);
  const before = await inMemory();
  let sum = 0, looked = 0;
  await db.bgrewriteaof();
  for (; looked < 1000 && (await db.stats()).aof_rewrite_in_progress; looked++) {
    await get(100);
    sum += await inMemory();
  }
  assert.ok(looked > 3 && sum / looked > before / 3, `${sum / looked} of ${before} were there (${looked})`);
  await db.close();
});

test('files in Node: everything is there again, and a torn end costs the last moment only', async (t) => {
  const path = scratch(t, 'nuthatch-file-');
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
});

// Each small commit wrote the journal's last record whole: the log of these keys was 6.3 MB long, and is 0.3.
test('a small commit adds little to the log, and all of it is there again', async (t) => {
  const path = scratch(t, 'nuthatch-file-'), log = join(path, 'small.nuthatch');
  let db = await open('small', { path, durability: 'strict' });
  for (let i = 0; i < 1500; i++) await db.set(`k:${i}`, `${i}`.repeat(30));
  const size = statSync(log).size;
  assert.ok(size < 1500 * 400, `${size} bytes`);
  for (let round = 0; round < 3; round++) {
    await db.close();
    db = await open('small', { path, durability: 'strict' });
    assert.equal(await db.dbsize(), 1500 + round + Math.sign(round));
    for (let i = 0; i < 1500; i += 13) assert.equal(await db.get(`k:${i}`), `${i}`.repeat(30));
    // What begins like a value of before is not that value.
    await db.set('again', 'a'.repeat(round + 1));
    await db.set(`more:${round}`, 'x');
    if (round) await db.del(`more:${round - 1}`, `k:${1500 - round}`);
    if (round) await db.mset({ [`k:${1500 - round}`]: `${1500 - round}`.repeat(30), [`more:${round - 1}`]: 'y' });
  }
  await db.close();
});

/** What becomes of a log with these bytes: how many keys there are, or the error's code. A log that is refused stays as it was. */
async function opened(path, bytes) {
  const log = join(path, 'log.nuthatch');
  writeFileSync(log, bytes);
  try {
    const db = await open('log', { path }), keys = await db.dbsize();
    await db.close();
    return keys;
  } catch ({ code, message }) {
    assert.ok(code === 'CORRUPT' && message.includes(`'${log}' is damaged at byte `) && message.includes('nothing was changed'), message);
    assert.ok(readFileSync(log).equals(bytes) && !fs.existsSync(`${log}.lock`));
    return code;
  }
}

// One bit that was wrong, and everything that was written after it was gone without a word; any file of that name was taken for an empty log, and
// replaced.
test('a damaged log is refused and left as it is, a torn one is not', async (t) => {
  const path = scratch(t, 'nuthatch-damage-'), ends = [];
  const db = await open('log', { path }), log = join(path, 'log.nuthatch');
  for (let i = 0; i < 100; i++) {
    await db.set(`k:${i}`, 'x'.repeat(100));
    ends.push(statSync(log).size);
  }
  const whole = readFileSync(log), [last, end] = ends.slice(-2), first = 15 + 8 + whole.readUInt32LE(15), zeros = Buffer.alloc(70);
  await db.close();
  assert.equal(whole.toString('latin1', 0, 15), 'nuthatch log 1\n');
  assert.equal(await opened(path, whole), 100);
  const flipped = (at) => Buffer.from(whole.map((byte, i) => (i === at ? byte ^ 0x55 : byte)));
  // Every byte of a commit's head and the begin of its part, and some anywhere.
  const places = [...Array.from({ length: 30 }, (_, i) => ends[29] + i), ...Array.from({ length: 40 }, (_, i) => Math.floor((i / 40) * last))];
  for (const at of places) assert.equal(await opened(path, flipped(at)), 'CORRUPT', `byte ${at}`);
  await assert.rejects(open('log', { path }), { message: new RegExp(`truncate -s ${ends.findLast((one) => one <= places.at(-1))}\\)`) });

  // A crash tears the last commit, or a power cut leaves zeros in its place and in that of those before it.
  for (const cut of [1, 60, end - last - 5, end - last - 1]) assert.equal(await opened(path, whole.subarray(0, end - cut)), 99, `without ${cut}`);
  assert.equal(await opened(path, flipped(end - 10)), 99);
  assert.equal(await opened(path, Buffer.concat([whole, zeros])), 100);
  assert.equal(await opened(path, Buffer.concat([whole.subarray(0, ends[49] + 40), zeros, zeros, zeros, zeros])), 50);
  assert.equal(await opened(path, Buffer.concat([whole.subarray(0, ends[49] + 40), zeros, whole.subarray(ends[60])])), 'CORRUPT');

  // Those of the first version begin with a commit, and what is none of ours with something else.
  const old = whole.subarray(15);
  assert.deepEqual([await opened(path, old), await opened(path, old.subarray(0, -9)), await opened(path, Buffer.alloc(0)), await opened(path, zeros)], [100, 99, 0, 0]);
  for (let length = 1; length < first; length += 7) assert.equal(await opened(path, whole.subarray(0, length)), 0, `${length} bytes`);
  for (const other of ['hello, this is no log', 'hello, this is no log at all. '.repeat(100), 'nuthatch log 2\n', Buffer.from('SQLite format 3\0')]) assert.equal(await opened(path, Buffer.from(other)), 'CORRUPT', other);
  assert.equal(await opened(path, Buffer.concat([Buffer.from('{'), old])), 'CORRUPT');
});

// Without `device` the path meant nothing, and the data went with the process.
test('a path means files', async (t) => {
  const path = scratch(t, 'nuthatch-path-');
  for (const [i, device] of [undefined, 'auto', 'file'].entries()) {
    const db = await open('p', { device, path });
    assert.deepEqual([db.device, await db.incr('n')], ['file', i + 1]);
    await db.close();
  }
  await assert.rejects(open('p', { device: 'memory', path }), { code: 'OPTION', message: /'path'/ });
});

// The process lived on, so that the database was BUSY until that ended too.
test('a thread that ends without closing its database leaves it to others', async (t) => {
  const path = scratch(t, 'nuthatch-thread-');
  for (const [i, ends] of ['process.exit()', 'throw new Error("on purpose")', 'Promise.reject(new Error("on purpose"))'].entries()) {
    const script = `import(${PACKAGE}).then(async ({ open }) => { const db = await open('t', { path: ${JSON.stringify(path)} }); await db.incr('n'); setInterval(() => {}, 1000); setTimeout(() => { ${ends} }); });`;
    const thread = new Worker(script, { eval: true }).on('error', () => {});
    await new Promise((resolve) => thread.once('exit', resolve));
    const db = await open('t', { path });
    assert.equal(await db.get('n'), String(i + 1), ends);
    await db.close();
  }
});

// Opened a second time it had a log of its own, which took the first one's place: what was written by way of that was gone.
test('a database of files is open once', async (t) => {
  const path = scratch(t, 'nuthatch-lock-'), options = { device: 'file', path };
  const db = await open('one', options);
  await db.set('k', 'v');
  await assert.rejects(open('one', options), { code: 'BUSY' });
  await db.set('k', 'w');
  await db.crash();
  assert.equal(await db.get('k'), 'w');
  const other = `await open('one', { device: 'file', path: ${JSON.stringify(path)} }).then(() => console.log('open'), ({ code }) => console.log(code)); process.exit();`;
  const elsewhere = () => said(other);
  assert.equal(elsewhere(), 'BUSY');
  // A thread of this process is another one too, and so is another way to the directory.
  const thread = `import(${PACKAGE}).then(({ open }) => open('one', { device: 'file', path: ${JSON.stringify(path)} })).then(() => 'open', ({ code }) => code).then((told) => require('node:worker_threads').parentPort.postMessage(told));`;
  assert.equal(await new Promise((resolve) => new Worker(thread, { eval: true }).once('message', resolve)), 'BUSY');
  symlinkSync(path, `${path}-link`);
  await assert.rejects(open('one', { ...options, path: `${path}-link` }), { code: 'BUSY' });
  rmSync(`${path}-link`);
  await db.close();
  assert.equal(elsewhere(), 'open');
  // The number of a process that is gone was given to another one.
  if (process.platform === 'linux') writeFileSync(join(path, 'one.nuthatch.lock'), `${process.ppid} 0`);
  // That one has ended without a word.
  const again = await open('one', options);
  assert.equal(await again.get('k'), 'w');
  await again.close();
});

// A disk that was full for a moment left half a commit in the log, or less of it than was asked: a start read no further, and what had been
// acknowledged later was gone. A waiting BLPOP was told that it could not be written, and took the next element all the same.
test('files on a disk that fails for a moment lose nothing that was acknowledged', async (t) => {
  const path = scratch(t, 'nuthatch-full-'), options = { device: 'file', path, durability: 'strict' }, { writeSync } = fs;
  const during = async (how, work) => {
    fs.writeSync = how;
    syncBuiltinESMExports();
    await work().finally(() => {
      fs.writeSync = writeSync;
      syncBuiltinESMExports();
    });
  };
  const wrote = (file, bytes, from, length, at) => writeSync(file, bytes, from, length, at);
  let db = await open('full', options), calls = 0;
  await db.set('before', '1');
  const waiting = db.blpop('queue', 0), long = 'x'.repeat(1000);
  const full = (file, bytes, from, length, at) => {
    if (calls++) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    return wrote(file, bytes, from, length >> 1, at);
  };
  await during(full, () => assert.rejects(db.set('refused', long), { code: 'IOERR' }));
  // Until the device takes what it refused, it is not asked for more.
  while (!(await db.set('after', '2').catch(({ code }) => assert.equal(code, 'MISCONF')))) await new Promise((resolve) => setTimeout(resolve, 20));
  await during((file, bytes, from, length, at) => wrote(file, bytes, from, Math.min(length, 7), at), () => db.set('short', long));
  await db.rpush('queue', 'job');
  assert.deepEqual(await waiting, ['queue', 'job']);
  await db.close();
  // A disk that is full has no room for a new log; the old one is read and goes on.
  await during((file, bytes, from, length, at) => (length > 100 ? full() : wrote(file, bytes, from, length, at)), async () => (db = await open('full', options)));
  assert.deepEqual(await db.mget('before', 'refused', 'after', 'short'), ['1', long, '2', long]);
  await db.set('last', '3');
  await db.close();
  db = await open('full', options);
  assert.deepEqual(await db.mget('before', 'last'), ['1', '3']);
  // Who closes it meanwhile hears of it: to close it said nothing.
  await during(full, async () => {
    await assert.rejects(db.set('lost', long), { code: 'IOERR' });
    await assert.rejects(db.close(), { code: 'IOERR', message: /not kept/ });
  });
  db = await open('full', options);
  assert.deepEqual(await db.mget('last', 'lost'), ['3', null]);
  const { fdatasyncSync } = fs;
  fs.fdatasyncSync = () => { throw new Error('EIO: i/o error, fdatasync'); };
  syncBuiltinESMExports();
  await assert.rejects(db.close(), { code: 'IOERR' }).finally(() => {
    fs.fdatasyncSync = fdatasyncSync;
    syncBuiltinESMExports();
  });
  await open('full', options).then((again) => again.close());
  // A new one that begins there is a log like others as soon as there is room.
  await during((file, bytes, ...where) => (bytes.includes('nuthatch') ? full() : wrote(file, bytes, ...where)), async () => (db = await open('new', options)));
  while (!(await db.set('k', 'v').catch(({ code }) => assert.equal(code, 'MISCONF')))) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(readFileSync(join(path, 'new.nuthatch'), 'latin1'), /^nuthatch log 1\n/);
  await db.crash();
  assert.equal(await db.get('k'), 'v');
  await db.close();
});

// It was made anew at a start only: a value that was written again and again filled the disk.
test('the log of files does not grow for ever', async (t) => {
  const path = scratch(t, 'nuthatch-log-');
  const db = await open('log', { device: 'file', path });
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  for (let i = 0; i < 2500; i++) await db.set('k', bytes);
  const { size } = statSync(join(path, 'log.nuthatch'));
  assert.ok(size < 140e6, `${size} bytes`);
  await db.close();
});

// An unmount that came after `close()` ended the program; a key of bytes passed for options, and a large set was too many arguments.
test('what is ended late, keys of bytes, large sets', async () => {
  const db = await open('late');
  const stops = [await db.live((d) => d.get('k'), () => {}), await db.watch('*', () => {}), await db.subscribe('c', () => {})];
  const key = Uint8Array.of(255, 1);
  await db.bytes.hset(key, 'f', 'v');
  const found = [];
  for await (const [name] of db.bytes.hscanIterator(key)) found.push(String.fromCharCode(...name));
  assert.deepEqual(found, ['f']);
  assert.equal(await db.sadd('s', new Set(Array.from({ length: 200_000 }, (_, i) => i))), 200_000);
  await assert.rejects(db.call('SHUTDOWN'), { code: 'NOREPLY' });
  const heard = [];
  await db.psubscribe('*', (message, channel) => channel.startsWith('__nuthatch') && heard.push(channel));
  await db.flushall();
  await db.ping();
  await db.close();
  await Promise.all(stops.map((stop) => stop()));
  assert.deepEqual(heard, []);
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

/** A client whose device is `state.device`; a crash leaves what was committed. `state.link` counts messages. */
async function late(seed, options, make = (stores, random) => new Late(stores, random)) {
  const state = { seed };
  const random = () => (state.seed = (state.seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  const connect = (name, receive) => {
    state.device = make(state.device?.stores, random);
    const link = (state.link = { there: 0, back: 0 });
    const server = new Server((message) => {
      link.back++;
      setTimeout(() => receive(message));
    }, () => {}, { idb: async () => state.device });
    return {
      post: (message) => {
        link.there++;
        server.handle(message);
      },
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

/** Pages whose calls keep the engine waiting, as those of a file in a private window do. */
class Blocking extends Memory {
  waited = 0;
  bytes = new Uint8Array(1 << 25);
  pages = {
    read: (into, at) => this.wait(() => into.set(this.bytes.subarray(at, at + into.length)), into),
    write: (from, at) => this.wait(() => this.bytes.set(from, at), from),
  };

  wait(move, { length }) {
    const begun = performance.now();
    move();
    while (performance.now() - begun < 0.3);
    this.waited += performance.now() - begun;
    return length;
  }
}

/**
 * In a private window GETs were 1,300 a second while a journal was written anew, and 60,000 before and after: each message of a client's had it read
 * a hundred values and more.
 */
test('a journal that is written anew over a device that keeps the engine waiting leaves most of the time to who asks', async () => {
  const { db, state } = await late(SEED, { maxmemory: '8mb' }, () => new Blocking()), keys = 20_000;
  const rewrites = async () => (await db.stats()).aof_rewrite_in_progress;
  /** The device's share of the time that `work` takes. */
  const share = async (work) => {
    const begun = performance.now(), before = state.device.waited;
    await work();
    return (state.device.waited - before) / (performance.now() - begun);
  };
  try {
    for (let i = 0; i < keys; i += 500) await Promise.all(Array.from({ length: 500 }, (_, j) => db.set(`k:${i + j}`, `${i + j}`.padEnd(900))));
    while (await rewrites()) await new Promise((resolve) => setTimeout(resolve, 10));
    // What is asked for is in memory.
    const get = () => Promise.all(Array.from({ length: 100 }, (_, i) => db.get(`k:${keys - 1 - i}`)));
    await get();
    await db.bgrewriteaof();
    let batches = 0;
    const busy = await share(async () => {
      for (const until = performance.now() + 1000; performance.now() < until; batches++) await get();
    });
    assert.ok(await rewrites(), 'it goes on');
    assert.ok(batches > 20 && busy > 0.02 && busy < 0.5, `the device took ${busy} of the time in ${batches} batches`);
    // Nobody asks. It had gone on ten times a second then, with a fiftieth of the time.
    const idle = await share(() => new Promise((resolve) => setTimeout(resolve, 300)));
    assert.ok(await rewrites(), 'it goes on');
    assert.ok(idle > 0.08, `the device took ${idle} of the time where nobody asked`);
    // Somebody waits for what stands behind it.
    const saved = db.call('SAVE');
    let waits = true;
    saved.finally(() => (waits = false));
    const haste = await share(async () => {
      while (waits) await get();
    });
    assert.equal(await saved, 'OK');
    assert.ok(haste > busy, `${haste} of the time where somebody waits, ${busy} before`);
  } finally {
    await db.close();
  }
});

/** Bytes of a file, read and written through a cache that has room for a part of them and whose file fails now and then. */
test(`pages that are kept beside a late file are what the file has (seed ${SEED})`, () => {
  let state = SEED;
  const random = (below) => ((state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) >> 8) % below;
  // Its end is inside of a block, and it grows.
  const file = new Uint8Array((3 << 20) + 300);
  let calls = 0, fails = false, end = 0;
  const move = (most, run) => {
    calls++;
    const fate = fails ? random(8) : 8;
    if (fate === 0) throw new Error('it was refused');
    const moved = fate < 3 ? random(most + 1) : most;
    run(moved);
    if (fate === 1) throw new Error('it was refused in the middle');
    return moved;
  };
  const device = {
    read: (into, at) => move(Math.max(0, Math.min(into.length, end - at)), (moved) => into.set(file.subarray(at, at + moved))),
    write: (from, at) => move(from.length, (moved) => {
      file.set(from.subarray(0, moved), at);
      end = Math.max(end, moved && at + moved);
    }),
  };
  const pages = cached(device, 1 << 20);
  const check = (length, at) => {
    const bytes = new Uint8Array(length), moved = pages.read(bytes, at), there = Math.max(0, Math.min(length, end - at));
    if (!fails) assert.equal(moved, there);
    assert.ok(moved <= there && Buffer.compare(bytes.subarray(0, moved), file.subarray(at, at + moved)) === 0, `${length} bytes at ${at}`);
  };
  for (let step = 0; step < 20_000; step++) {
    fails = step % 100 > 80;
    const length = 1 + random(random(10) ? 2000 : 20_000), at = random(Math.min(file.length, end + 5000) - length);
    if (at < 0) continue;
    let failed = false;
    try {
      if (random(2)) check(length, at);
      else failed = pages.write(new Uint8Array(length).fill(random(256)), at) < length;
    } catch (error) {
      assert.match(error.message, /it was refused/);
      failed = true;
    }
    // What a call that failed has left in the file is what is read from then on.
    fails = false;
    if (failed) check(length, at);
  }
  assert.equal(pages.held(), 1 << 20);
  // What has just been written, and what lies beside what was read, is there.
  const bytes = new Uint8Array(1024), before = calls;
  pages.write(bytes.fill(7), 65536);
  assert.equal(pages.read(bytes.fill(0), 65536), 1024);
  assert.deepEqual([calls - before, bytes[0], bytes[1023]], [1, 7, 7]);
  const fresh = cached(device, 1 << 20), read = calls;
  for (let at = 0; at < 8192; at += 1024) fresh.read(bytes, at);
  assert.equal(calls - read, 1);
});

/** Where the browser gave no memory, a block counted as kept, and was nothing but zeros as soon as there was some. */
test('pages that nothing can be kept of are read from the file', (context) => {
  const file = new Uint8Array(1 << 14);
  const pages = cached({
    read: (into, at) => into.set(file.subarray(at, at + into.length)) ?? into.length,
    write: (from, at) => file.set(from, at) ?? from.length,
  }, 1 << 20);
  const bytes = new Uint8Array(4096);
  const { Uint8Array: given } = globalThis;
  globalThis.Uint8Array = new Proxy(given, {
    construct(target, [length, ...more]) {
      if (length === 1 << 20) throw new RangeError('Array buffer allocation failed');
      return new target(length, ...more);
    },
  });
  context.after(() => (globalThis.Uint8Array = given));
  assert.equal(pages.write(bytes.fill(7), 0), 4096);
  assert.equal(pages.held(), 0);
  globalThis.Uint8Array = given;
  assert.equal(pages.read(bytes.fill(0), 0), 4096);
  assert.ok(bytes.every((byte) => byte === 7));
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

/** SUBSCRIBE by `call` had the page read its answer for ever, and a command that is answered by nothing (or CLIENT REPLY OFF) gave each later caller the
 * reply of another. HELLO 2 and RESET changed the shapes of all replies to come. */
test('what is not answered by one reply is refused, and those who ask next have theirs', async () => {
  const db = await open('one reply');
  await db.hset('h', { a: 1 });
  const odd = [['SUBSCRIBE', 'c'], ['psubscribe', 'c*'], ['ssubscribe', 'c'], ['UNSUBSCRIBE'], ['MONITOR'], ['HELLO', '2'], ['QUIT'], ['SYNC'], ['PSYNC', '?', -1], ['CLIENT', 'REPLY', 'OFF'], ['client', 'reply', 'skip'], []];
  for (const words of odd) {
    await assert.rejects(db.call(...words), { code: 'NOREPLY' }, words.join(' '));
    assert.throws(() => db.sync.call(...words), { code: 'NOREPLY' });
    assert.throws(() => db.multi().call(...words), { code: 'NOREPLY' });
    assert.deepEqual(await db.hgetall('h'), { a: '1' });
  }
  await assert.rejects(db``, { code: 'NOREPLY' });
  await assert.rejects(db.client('REPLY', 'OFF'), { code: 'NOREPLY' });
  await db.close();
});

/** What a handler threw kept the rest of its message from those who waited for it: replies were gone, or went to others. */
test('what a handler throws is its own affair', () => {
  const script = `
    const thrown = [], heard = [];
    process.on('uncaughtException', ({ message }) => thrown.push(message));
    const db = await open('throws');
    const fail = (what) => { throw new Error(what); };
    await db.subscribe('c', () => fail('message'));
    await db.subscribe('c', (message) => heard.push(message));
    await db.watch('k', () => fail('watch'));
    let runs = 0;
    await db.live((d) => d.get('k'), (error, value) => { runs++; fail('live ' + (error?.message ?? value)); });
    const replies = await Promise.all([db.publish('c', 'one'), db.set('k', 'v'), db.get('k'), db.publish('c', 'two')]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    console.log(JSON.stringify({ replies, heard, runs, thrown: thrown.sort() }));
    await db.close();`;
  const seen = JSON.parse(said(script));
  assert.deepEqual(seen, { replies: [1, 'OK', 'v', 1], heard: ['one', 'two'], runs: 2, thrown: ['live null', 'live v', 'message', 'message', 'watch'] });
});

/** A date's milliseconds went to EXPIREAT and EXAT, which count seconds: the key was to last until the year 58,000. */
test('dates are seconds where the command counts them', async () => {
  const db = await open('dates'), at = new Date(Date.now() + 90_500);
  const left = {};
  for (const [name, set] of Object.entries({
    exat: () => db.set('k', 'v', { exat: at }), pxat: () => db.set('k', 'v', { pxat: at }), getex: () => db.getex('k', { exat: at }),
    expireat: () => db.expireat('k', at), pexpireat: () => db.pexpireat('k', at), gt: () => db.expireat('k', at, { xx: true }),
  })) {
    await db.set('k', 'v', { ex: 7 });
    await set();
    left[name] = await db.pttl('k');
  }
  for (const [name, ms] of Object.entries(left)) assert.ok(ms > 85_000 && ms <= 90_500, `${name}: ${ms}`);
  await db.close();
});

test('a hole that touches text is one argument with it, whatever bytes it has', async () => {
  const db = await open('holes'), bytes = new Uint8Array([0, 255, 13, 10]);
  await db`SET key:${bytes}:end ${bytes} EX ${60}`;
  await db`SET ${'n:'}${5} x`;
  const [key, other] = (await db.bytes.keys('*')).sort((a, b) => b.length - a.length);
  assert.deepEqual([...key], [...Buffer.from('key:'), 0, 255, 13, 10, ...Buffer.from(':end')]);
  assert.equal(Buffer.from(other).toString(), 'n:5');
  assert.deepEqual(await db.bytes`GET ${key}`, bytes);
  for (const none of [undefined, null, {}, true]) {
    await assert.rejects(async () => db`SET k:${none} x`, TypeError);
    await assert.rejects(async () => db`SET ${none} x`, TypeError);
  }
  await db.close();
});

/** Each of them was there for strings outside of sessions alone. */
test('bytes, JSON and transactions are there wherever commands are', async () => {
  const db = await open('everywhere'), s = db.session(), text = (bytes) => Buffer.from(bytes).toString();
  await db.mset({ a: 1, b: 2 });
  assert.deepEqual((await db.bytes.multi().get('a').hgetall('none').call('GET', 'b').exec()).map((one) => (one instanceof Uint8Array ? text(one) : one)), ['1', new Map(), '2']);
  const keys = [];
  for await (const key of db.bytes.scanIterator({ count: 1 })) keys.push(text(key));
  assert.deepEqual(keys.sort(), ['a', 'b']);
  await s.select(1);
  await s.json.hset('h', 'f', { deep: [1] });
  await s.json.hset('h', { g: null });
  assert.deepEqual([await s.json.hgetall('h'), text(await s.bytes.hget('h', 'g')), await db.exists('h')], [{ f: { deep: [1] }, g: null }, 'null', 0]);
  await assert.rejects(db.json.set('k', undefined), TypeError);
  await assert.rejects(db.json.set('k', () => {}), TypeError);
  const seen = [];
  const stop = await db.live(async (d) => [await d.json.get('a'), text(await d.bytes.get('b')), await d.multi().get('a').exec(), (await d.keys('*')).length], (error, value) => seen.push(error ?? JSON.stringify(value)));
  for (const change of [() => db.set('a', 7), () => db.set('b', 8), () => db.set('c', 9)]) {
    await change();
    await settle(60);
  }
  await stop();
  await db.set('a', 'unheard');
  await settle(60);
  assert.deepEqual(seen, ['[1,"2",["1"],2]', '[7,"2",["7"],2]', '[7,"8",["7"],2]', '[7,"8",["7"],3]']);
  await db.close();
});

/** What had been sent on it was never answered, and what was sent after went to a session that nobody had opened. */
test('a session that is closed has its replies, and takes no more', async () => {
  const db = await open('sessions'), s = db.session();
  const last = s.incr('n'), ended = s.close();
  assert.equal(await last, 1);
  await ended;
  await assert.rejects(s.incr('n'), { code: 'CLOSED' });
  await assert.rejects(s.multi().incr('n').exec(), { code: 'CLOSED' });
  await assert.rejects(s.bytes.get('n'), { code: 'CLOSED' });
  const waits = db.session(), waited = waits.blpop('none', 0);
  await db.ping();
  await waits.close();
  await assert.rejects(waited, { code: 'CLOSED' });
  assert.equal(await db.get('n'), '1');
  assert.equal((await db.client('LIST')).trim().split('\n').length, 1);
  await db.close();
});

/** Who watched heard nothing of a FLUSHALL that a session sent, and then of none by `sync`, in a transaction or through a port: the client told of what it had
 * sent itself, and of databases that nobody watched. */
test('a flush is told, whoever sends it, and in its place among the events; a file may come as bytes', async () => {
  const db = await open('flush'), s = db.session(), heard = [], lived = [];
  await db.set('k', 'v');
  const bytes = new Uint8Array(await (await db.exportRdb()).arrayBuffer());
  await db.watch('*', (key, event) => heard.push(key ?? event));
  await db.live((d) => d.get('k'), (error, value) => lived.push(error ?? value));
  const port = db.resp();
  port.on('message', () => {});
  const ways = {
    method: () => db.flushall(), word: () => db.flushdb('SYNC'), call: () => db.call('flushAll'), tagged: () => db`FLUSHDB ASYNC`, sync: () => db.sync.flushall(),
    bytes: () => db.bytes.flushall(), session: () => s.flushall(), port: () => port.postMessage('FLUSHALL\r\n'), swap: () => db.call('SWAPDB', 0, 7),
    multi: () => db.multi().flushall().exec(),
  };
  for (const [way, flush] of Object.entries(ways)) {
    await db.set('k', way);
    await settle(30);
    heard.length = lived.length = 0;
    await flush();
    await settle(30);
    assert.deepEqual([heard, lived], [['flush'], [null]], way);
  }
  heard.length = 0;
  await db.multi().set('before', 1).flushdb().set('after', 1).exec();
  await s.select(3);
  await s.flushdb();
  await db.call('SWAPDB', 4, 5);
  await settle(30);
  assert.deepEqual(heard, ['before', 'flush', 'after']);
  port.close();
  for (const file of [bytes, bytes.buffer, new Blob([bytes])]) {
    await db.flushall();
    assert.deepEqual([(await db.importRdb(file)).keys, await db.get('k')], [1, 'v']);
  }
  await db.close();
});

/** An object as a value became the names of its fields, and of an array the last element was left out where it was `undefined`. */
test('what is no value is refused', async () => {
  const db = await open('values', { device: 'memory' });
  for (const call of [() => db.rpush('q', { id: 1, ok: true }), () => db.setex('k', 10, { done: true }), () => db.sadd('s', [{}]), () => db.lpush('l', ['a', undefined]), () => db.set('k', undefined, { ex: 1 })]) {
    await assert.rejects(async () => call(), TypeError);
  }
  assert.deepEqual(await db.keys('*'), []);
  assert.equal(await db.set('k', 'v', undefined), 'OK');
  await db.close();
});

/** `durability: 'stict'` was relaxed, `tab: 'exclusive'` was shared, and `diskstore-enabled yes` was taken and did nothing. */
test('options that are wrong are refused, with what may stand there', async () => {
  const wrong = [
    [{ durability: 'stict' }, 'OPTION', /durability .*relaxed or strict/], [{ tabs: 'shared' }, 'OPTION', /tabs .*share or exclusive/], [{ worker: 'no' }, 'OPTION', /worker .*true or false/], [{ worker: 'false' }, 'OPTION', /worker .*"false".*true or false/],
    [{ durability: null }, 'OPTION', /durability .*null/], [{ fooo: undefined }, 'OPTION', /'fooo'/], [{ durability: ['strict'] }, 'OPTION', /\["strict"\]/], [{ directives: null }, 'OPTION', /directives .*null.*object/], [{ worker: 1n }, 'OPTION', /worker .*1n/],
    [{ tab: 'exclusive' }, 'OPTION', /'tab' .*maxmemory, .*tabs/], [{ device: 'disk' }, 'OPTION', /"disk": .*memory or file/], [{ device: 'opfs' }, 'DEVICE', /'opfs' .*memory and file/], [{ policy: 'lru' }, 'CONFIG', /allkeys-lru/], [{ maxmemory: 'much' }, 'CONFIG', /memory value/],
    ...['diskstore-enabled', 'cache-max-memory', 'Port', 'dir', 'replicaof', 'logfile', 'io-threads', 'vm-swap-file'].map((name) => [{ directives: { [name]: 'yes' } }, 'CONFIG', new RegExp(`'${name}'`)]),
    [{ directives: { nonsense: 1 } }, 'CONFIG', /nonsense/],
  ];
  for (const [options, code, message] of wrong) await assert.rejects(open('wrong', options), { name: 'NuthatchError', code, message }, String(Object.entries(options)));
  const db = await open('right', { durability: undefined, tabs: 'share', worker: false, policy: 'allkeys-lfu', log: () => {}, directives: { 'slowlog-max-len': 7 } });
  assert.deepEqual(await db.config('GET', 'slowlog-max-len'), { 'slowlog-max-len': '7' });
  await db.close();
});

/** `Internal error opening …` had the code `Internal`, and `EACCES: permission denied` had `EACCES:`. */
test('what a system says has a code of ours', async () => {
  await assert.rejects(open('nowhere', { device: 'file', path: '/dev/null/nowhere' }), { code: 'IOERR', message: /^IOERR ENOTDIR: / });
  for (const [name, code] of [['QuotaExceededError', 'QUOTA'], ['UnknownError', 'IOERR']]) {
    const raw = () => { throw Object.assign(new Error('A thing went wrong'), { name }); };
    await assert.rejects(late(SEED, {}, () => ({ mount: raw, close() {} })), { code, message: /A thing went wrong/ });
    const { db, state } = await late(SEED);
    state.device.commit = async (ops) => ops.length && raw();
    await assert.rejects(db.set('k', 'v'), { code, message: new RegExp(`^${code} .*A thing went wrong.*it is written later`) });
    await assert.rejects(db.importRdb(new Blob(['no dump'])), { code: 'BADRDB' });
    const blob = Object.assign(new Blob(['x']), { stream: raw });
    await assert.rejects(db.importRdb(blob), { code: 'BADRDB' });
    state.device.commit = () => {};
    await db.crash();
    await db.close();
  }
});

/** `watch(pattern)` without one threw at the first event, where nobody could catch it. */
test('a handler is a function, or it is refused at once', async () => {
  const db = await open('handlers');
  for (const none of [undefined, null, 'f', {}]) {
    for (const call of [() => db.watch('*', none), () => db.subscribe('c', none), () => db.psubscribe('c*', none), () => db.live(() => 1, none), () => db.live(none, () => {})]) {
      await assert.rejects(call, TypeError);
    }
  }
  await db.set('k', 'v');
  assert.equal(await db.publish('c', 'nobody hears it'), 0);
  await db.close();
});

/** What the query throws was said to come first, and no test saw one. */
test('a live query that throws tells its handler, and runs again', async () => {
  const db = await open('throwing'), told = [];
  const stop = await db.live(async (d) => {
    const value = await d.get('k');
    if (!value) throw new Error('no k');
    return d.lrange('k', 0, -1);
  }, (...given) => told.push(given));
  for (const change of [() => db.set('k', 'v'), () => db.del('k'), () => db.rpush('k', 'a')]) {
    await change();
    await settle(30);
  }
  await stop();
  assert.deepEqual(told.map(([error, value]) => [error?.message, error?.code, value]), [
    ['no k', undefined, undefined], ['WRONGTYPE Operation against a key holding the wrong kind of value', 'WRONGTYPE', undefined], ['no k', undefined, undefined],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'WRONGTYPE', undefined],
  ]);
  await db.close();
});

/** The decoder took a byte order mark for its own. */
test('a text that begins with a byte order mark is what was written', async () => {
  const db = await open('mark'), mark = '\ufeff';
  for (const text of [mark, `${mark}a`, `${mark}ä`, mark + 'x'.repeat(100), mark.repeat(30_000)]) {
    await db.set('k', text);
    assert.deepEqual([await db.get('k'), db.sync.get('k'), await db.mget('k', 'k')], [text, text, [text, text]]);
  }
  await db.close();
});

/** Names of fields were read as text, so that two that are none were one; `sync` had no bytes, JSON few commands, and scores came as text from a walk alone. */
test('bytes are bytes, JSON is for every command with values, scores are numbers', async () => {
  const db = await open('shapes'), one = new Uint8Array([255]), other = new Uint8Array([254]);
  await db.hset('h', new Map([[one, 'a'], [other, new Uint8Array([0])]]));
  const all = await db.bytes.hgetall('h');
  assert.deepEqual([...all].map(([name, value]) => [...name, ...value]).sort(), [[254, 0], [255, 97]]);
  await db.hset('copy', all);
  assert.deepEqual([await db.call('DEBUG', 'DIGEST-VALUE', 'copy'), db.sync.bytes.hget('copy', other), db.sync.bytes`HLEN ${'copy'}`], [await db.call('DEBUG', 'DIGEST-VALUE', 'h'), new Uint8Array([0]), 2]);

  const { json } = db, value = { deep: [1, null, 'ä'] };
  assert.equal(json.exec, undefined);
  assert.equal(json.then, undefined);
  await assert.rejects(json.incr('n'), TypeError);
  assert.deepEqual([await json.set('k', value), await json.setnx('k', 1), await json.set('k', 2, { get: true }), await json.getset('k', value), await json.mset({ a: 1, b: value }), await json.mset('c', [1], 'd', null), await json.mget('a', 'b', 'c', 'd', 'none')], ['OK', 0, value, 2, 'OK', 'OK', [1, value, [1], null, null]]);
  assert.deepEqual([await json.hset('j', { f: value, g: [] }), await json.hset('j', 'i', 1, 'k', 2), await json.hset('j', new Map([['m', true]])), await json.hmget('j', 'f', 'none', 'k'), await json.hvals('j'), await json.hgetall('j')], [2, 2, 1, [value, null, 2], [value, [], 1, 2, true], { f: value, g: [], i: 1, k: 2, m: true }]);
  assert.deepEqual([await json.rpush('l', value, 'x', [2]), await json.lpop('l'), await json.lpop('l', 2), await json.lpop('l'), await json.rpush('l', 1, 2), await json.lset('l', 0, value), await json.lindex('l', 0), await json.linsert('l', 'AFTER', value, 3), await json.lrem('l', 1, value), await json.lrange('l', 0, -1)], [3, value, ['x', [2]], null, 2, 'OK', value, 3, 1, [3, 2]]);
  assert.deepEqual([await json.sadd('s', value, 1), await json.sismember('s', value), await json.smembers('s'), await json.srem('s', 1), await json.spop('s')], [2, 1, new Set([value, 1]), 1, value]);

  await db.zadd('z', [['-inf', 'a'], [1.5, 'b'], ['inf', 'c']]);
  const walk = async (from) => {
    const found = [];
    for await (const [member, score] of from.zscanIterator('z')) found.push([`${Buffer.from(member)}`, score]);
    return found;
  };
  for (const from of [db, db.bytes, db.session()]) assert.deepEqual(await walk(from), [['a', -Infinity], ['b', 1.5], ['c', Infinity]]);
  await db.close();
});

/** A program that did not close its database never ended, and one with files that did end would have lost its last moment. */
test('a program ends when it has nothing more to do, and what it wrote to files is there', (t) => {
  const path = scratch(t, 'nuthatch-end-');
  const run = (text) => said(`const db = await open('end', { device: 'file', path: ${JSON.stringify(path)} });\n${text}`);
  assert.equal(run(`
    await open('memory');
    await db.subscribe('c', () => {});
    await db.set('k', 'v', { ex: 1000 });
    db.sync.set('now', 'w');
    db.session().blpop('none', 0.3).then((none) => console.log('waited', none));`), 'waited null');
  assert.equal(run("await db.crash(); console.log(await db.mget('k', 'now'));"), "[ 'v', 'w' ]");
});

/** Nothing held what makes `Promise.all` the fast way. */
test('calls of one microtask travel as one message each way, and what they write is one transaction', async () => {
  const { db, state } = await late(SEED), { link } = state, writes = [];
  await db.set('k', 'v');
  const { commit } = state.device;
  state.device.commit = function (ops) {
    if (ops.length) writes.push(ops.length);
    return commit.call(this, ops);
  };
  const s = db.session();
  await s.select(1);
  Object.assign(link, { there: 0, back: 0 });
  const calls = [db.set('a', 1), db`INCR ${'n'}`, db.multi().incr('n').incr('n').exec(), db.call('GET', 'k'), s.set('of one', 'x'), ...Array.from({ length: 500 }, (_, i) => db.hset('h', { [i]: 'x'.repeat(50) }))];
  assert.deepEqual((await Promise.all(calls)).slice(0, 5), ['OK', 1, [2, 3], 'v', 'OK']);
  assert.deepEqual([link.there, link.back, writes.length], [1, 1, 1]);
  await db.close();
});

/** A session that the engine had ended was another one from then on, of RESP2 and of database 0, and what waited on it waited for ever. */
test('a session that the engine ends is told so, and the next command begins where it was', async () => {
  const db = await open('killed'), s = db.session(), heard = [], kinds = [];
  const idOf = async (name) => (await db.client('LIST')).match(new RegExp(`id=(\\d+) [^\\n]*name=${name} `))[1];
  await s.select(3);
  await s.client('SETNAME', 'third');
  await s.hset('h', { a: 1 });
  const waits = s.blpop('none', 0);
  waits.catch(() => {});
  await db.client('KILL', 'ID', await idOf('third'));
  await assert.rejects(waits, { code: 'CLOSED', message: /CLIENT KILL/ });
  assert.deepEqual([await s.hgetall('h'), await db.exists('h'), await s.client('GETNAME')], [{ a: '1' }, 0, 'third']);
  // One that nobody waits on, and one within a transaction of which it watched a key.
  await db.client('KILL', 'ID', await idOf('third'));
  await settle(40);
  assert.deepEqual(await s.hgetall('h'), { a: '1' });
  await s.watch('h');
  await db.client('KILL', 'ID', await idOf('third'));
  await settle(40);
  assert.equal(await s.multi().set('never', 1).exec(), null);
  assert.equal(await s.multi().set('then', 1).exec().then((all) => all[0]), 'OK');
  // The lane of ordinary commands: its own end is answered.
  assert.equal(await db.client('KILL', 'SKIPME', 'no', 'ID', await db.client('ID')), 1);
  assert.deepEqual(await db.hgetall('none'), {});
  await db.client('KILL', 'TYPE', 'normal');
  assert.deepEqual(await s.hgetall('h'), { a: '1' });

  // Who hears messages goes on hearing, and is told that some may be missing.
  await db.subscribe('c', (message) => heard.push(message));
  await db.watch('w*', (key, event) => kinds.push(key ?? event));
  const lived = [], stop = await db.live((d) => d.get('k'), (error, value) => lived.push(error ?? value));
  await db.client('KILL', 'TYPE', 'pubsub');
  await settle(40);
  await db.publish('c', 'again');
  await db.set('w1', 1);
  await db.set('k', 'v');
  await settle(40);
  assert.deepEqual([heard, kinds, lived], [['again'], ['missed', 'w1'], [null, null, 'v']]);
  // More messages in one turn than Redis keeps for one who does not take them.
  heard.length = 0;
  await Promise.all(Array.from({ length: 40 }, () => db.publish('c', 'x'.repeat(1 << 20))));
  await settle(40);
  await db.publish('c', 'after');
  await settle(40);
  assert.equal(heard.at(-1), 'after');
  await stop();
  await db.config('SET', 'timeout', 1);
  await new Promise((resolve) => setTimeout(resolve, 2300));
  assert.deepEqual([await s.hgetall('h'), await db.hgetall('none')], [{ a: '1' }, {}]);
  await db.close();
});

/** Between the end of one engine and the next events went unheard; keys that are no text, and those of SORT's patterns, were not listened for; a query that
 * was stopped while it ran kept its subscriptions. */
test('a live query runs again for every key that it read, and after another engine has begun', async () => {
  const db = await open('lively'), odd = new Uint8Array([255, 42, 65]), seen = [];
  await db.rpush('l', 1, 2);
  const stop = await db.live(async (d) => [await d.get(odd), await d.sort('l', { by: new TextEncoder().encode('w[*]'), get: ['#', 'h_*->f'] })], (error, value) => seen.push(error ?? value));
  const steps = [() => db.set(odd, 'x'), () => db.set('w[1]', 9), () => db.hset('h_2', { f: 'two' }), () => db.set('other', 1)];
  for (const step of steps) {
    await step();
    await settle(60);
  }
  assert.deepEqual(seen, [[null, ['1', null, '2', null]], ['x', ['1', null, '2', null]], ['x', ['2', null, '1', null]], ['x', ['2', 'two', '1', null]]]);
  seen.length = 0;
  await db.crash();
  await settle(60);
  assert.deepEqual(seen, [[null, []]]);
  await stop();

  let go;
  const held = new Promise((resolve) => (go = resolve));
  let runs = 0;
  const twice = await db.live(async (d) => {
    if (runs++) await held;
    return d.get('third');
  }, () => {});
  await db.set('third', 1);
  await settle(60);
  await twice();
  go();
  await settle(60);
  assert.deepEqual(await db.call('PUBSUB', 'CHANNELS', '*third'), []);
  await db.close();
});

/** A handler that was given twice was called once, and its first end ended both. */
test('a handler that subscribes twice is called twice, until it is ended twice', async () => {
  const db = await open('subscribed'), told = [], handler = (message) => told.push(message);
  const [first, second] = await Promise.all([db.subscribe('c', handler), db.subscribe('c', handler)]);
  assert.equal(await db.publish('c', 'a'), 1);
  await settle(20);
  await first();
  await first();
  await db.publish('c', 'b');
  await settle(20);
  await second();
  assert.equal(await db.publish('c', 'c'), 0);
  assert.deepEqual(told, ['a', 'a', 'b']);
  await db.close();
});

/** One order of these left a directory that nobody could open until the program ended, another one never ended. */
test('close and crash in any order leave nothing open', async (t) => {
  const path = scratch(t, 'nuthatch-orders-'), options = { device: 'file', path };
  const orders = [['close', 'crash'], ['crash', 'close'], ['crash', 'crash', 'close'], ['close', 'close', 'crash'], ['crash', 'close', 'crash']];
  for (const order of orders) {
    const db = await open('orders', options);
    await db.set('k', order.join());
    await Promise.allSettled(order.map((name) => db[name]()));
    await assert.rejects(db.get('k'), { code: 'CLOSED' }, order.join());
    const again = await open('orders', options);
    assert.equal(await again.get('k'), order.join());
    await again.close();
  }
});

/** It ran once more. */
test('a transaction runs once, and says which command was refused', async () => {
  const db = await open('once'), all = db.multi().incr('n');
  assert.deepEqual([await all.exec(), await all.exec(), await db.get('n')], [[1], [1], '1']);
  await assert.rejects(db.multi().incr('n').call('SET', 'k').exec(), ({ code, cause }) => code === 'EXECABORT' && /number of arguments for 'set'/.test(cause.message));
  await assert.rejects(db.multi().call('NOSUCH').exec(), ({ cause }) => /unknown command/.test(cause.message));
  await db.close();
});

/** By its bytes SUBSCRIBE was a command like others, and waited for a reply that is none. */
test('a command whose name comes as bytes is the same command', async () => {
  const db = await open('names'), bytes = (text) => new TextEncoder().encode(text);
  await assert.rejects(db.call(bytes('subscribe'), 'c'), { code: 'NOREPLY' });
  await assert.rejects(db.call(bytes('CLIENT'), bytes('REPLY'), 'OFF'), { code: 'NOREPLY' });
  const waits = db.call(bytes('BLPOP'), 'l', 0);
  assert.equal(await db.rpush('l', 'x'), 1);
  assert.deepEqual(await waits, ['l', 'x']);
  const s = db.session();
  await s.call(bytes('RESET'));
  assert.deepEqual(await s.hgetall('none'), {});
  await s.call(bytes('SELECT'), 2);
  await s.set('k', 'v');
  await db.client('KILL', 'SKIPME', 'no', 'ID', await s.client('ID'));
  assert.equal(await s.get('k'), 'v');
  await db.close();
});

/** What one callback threw kept the rest of what had come from those who waited for it, and gave later replies to others. */
test('what is thrown beside replies costs nobody a reply', () => {
  const script = `
    import Redis from ${JSON.stringify(new URL('../pkg/ioredis.js', import.meta.url).href)};
    const thrown = [], fail = (what) => { throw new Error(what); };
    process.on('uncaughtException', ({ message }) => thrown.push(message.split(' ', 1)[0]));
    const db = await open('thrown', { log: () => fail('log') });
    await db.mset({ a: 1, b: 2 });
    const file = await db.exportRdb();
    const replies = await Promise.all([db.debug('RELOAD'), db.get('a'), db.importRdb(file, { progress: () => fail('progress') }).then(({ keys }) => keys), db.get('b')]);
    const [one, two, three] = [new Redis(), new Redis(), new Redis()];
    await one.subscribe('c');
    one.on('message', () => fail('message'));
    const more = [await Promise.all([two.publish('c', 'x'), three.ping(), two.ping()]), await two.get('none'), await three.get('none')];
    console.log(JSON.stringify([replies, more, [...new Set(thrown)].sort()]));
    process.exit();`;
  const seen = JSON.parse(said(script));
  assert.deepEqual(seen, [['OK', '1', 2, '2'], [[1, 'PONG', 'PONG'], null, null], ['log', 'message', 'progress']]);
});

/** What was loaded when it was first wanted kept later calls waiting, and an answer at once went ahead of them. */
test('answers at once are in their place from the beginning', async () => {
  const db = await open('first');
  db.subscribe('c', () => {});
  db.set('k', 'new');
  assert.equal(db.sync.get('k'), 'new');
  await db.close();
});

/** One that failed half-way left what it had begun, and nobody could end it. */
test('a watch that fails leaves nothing behind', async () => {
  const db = await open('half');
  for (let moment = 0; moment < 40; moment++) {
    const watch = db.watch('k*', () => {});
    for (let i = 0; i < moment; i++) await null;
    await db.client('KILL', 'TYPE', 'pubsub');
    await watch.then((stop) => stop(), ({ code }) => assert.equal(code, 'CLOSED'));
    await new Promise((resolve) => setTimeout(resolve, 3));
    assert.deepEqual([await db.call('PUBSUB', 'NUMPAT'), await db.call('PUBSUB', 'CHANNELS')], [0, []], `${moment}`);
  }
  await db.close();
});

/** It never ended, nor did any import or export after it. */
test('an import whose session is ended is refused, and others go on', async () => {
  const db = await open('ended import');
  await db.set('k', 'v');
  const file = await db.exportRdb(), bytes = new Uint8Array(await file.arrayBuffer());
  let go;
  const killed = new Promise((resolve) => (go = resolve));
  const slow = new ReadableStream({
    async start(to) {
      to.enqueue(bytes.slice(0, 20));
      await killed;
      to.enqueue(bytes.slice(20));
      to.close();
    },
  });
  const held = db.importRdb(Object.assign(new Blob([bytes]), { stream: () => slow }));
  setTimeout(async () => {
    await db.client('KILL', 'TYPE', 'normal');
    go();
  }, 30);
  await assert.rejects(held, { code: 'CLOSED' });
  assert.ok((await db.exportRdb()).size > 0);
  assert.equal((await db.importRdb(file)).keys, 1);
  await db.close();
});

/** A query whose keys changed all the time gave nobody what ends it. */
test('a live query is there after its first run, however often its keys change', async () => {
  const db = await open('busy');
  let on = true;
  const writes = (async () => {
    for (let i = 0; on; i++) await db.set('n', i);
  })();
  const stop = await db.live((d) => d.get('n'), () => {});
  await stop();
  on = false;
  await writes;
  await db.close();
});

/** A port held a program, and stayed when the database was closed. */
test('a port ends with its database', async () => {
  const db = await open('ports'), port = db.resp();
  const replies = [];
  const ended = new Promise((resolve) => port.on('message', (data) => (data ? replies.push(`${Buffer.from(data)}`) : resolve())));
  port.postMessage('PING\r\n');
  await new Promise((resolve) => setTimeout(resolve, 30));
  await db.close();
  await ended;
  assert.deepEqual(replies, ['+PONG\r\n']);
  port.close();
});

/** Answers came as microtasks alone: a loop over them, or a live query that changed what it read, left timers and sockets no time, for ever. */
test('a loop of answers leaves time for timers', async () => {
  const db = await open('loop');
  let done = false, reads = 0;
  const begun = performance.now();
  setTimeout(() => (done = true), 50);
  for (; !done; reads++) await db.get('k');
  assert.ok(reads > 100 && performance.now() - begun < 2000, `${reads} in ${performance.now() - begun} ms`);
  let runs = 0;
  const stop = await db.live((d) => d.get('total'), () => db.set('total', runs++));
  await db.set('total', 'begin');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await stop();
  assert.ok(runs > 5, `${runs}`);
  await db.close();
});

/** What is loaded when it is first wanted was sent behind all that came after it. */
test('JSON and PERSIST keep their places among calls of one microtask', async () => {
  for (const first of [true, false]) {
    const db = await open('places');
    if (!first) await db.json.get('none');
    const replies = await Promise.all([db.json.set('k', { a: 1 }), db.expire('k', 60), db.set('p', 1), db.persist('p'), db.expire('p', 60), db.json.set('o', 'json'), db.set('o', '"plain"'), db.multi().incr('n').exec()]);
    assert.deepEqual(replies, ['OK', 1, 'OK', 0, 1, 'OK', 'OK', [1]]);
    assert.deepEqual([await db.ttl('k'), await db.ttl('p'), await db.json.get('o')], [60, 60, 'plain']);
    if (first) {
      await db.close();
      continue;
    }
    const o = { a: 1 }, set = db.json.set('k', o);
    o.a = 2;
    await set;
    assert.deepEqual(await db.json.get('k'), { a: 1 });
    await db.close();
  }
});

/** `mset('a', undefined, 'b', undefined)` was MSET a b. */
test('an argument that is undefined is refused, unless it is an option that was not given', async () => {
  const db = await open('undefined');
  for (const call of [() => db.mset('a', undefined, 'b', undefined), () => db.hset('h', 'a', undefined, 'b', 'c'), () => db.set(undefined, 'k', 'v'), () => db.sadd('s', ['q', undefined, 'w'])]) {
    await assert.rejects(call, TypeError);
  }
  assert.equal(await db.dbsize(), 0);
  assert.deepEqual([await db.set('k', 'v', undefined), await db.set('k', 'v', { ex: undefined, nx: undefined }), await db.ttl('k')], ['OK', 'OK', -1]);
  await assert.rejects(db.set('k', undefined), { code: 'ERR', message: /arguments for 'set'/ });
  await db.close();
});

/** By `call` they put everybody's session into a state, of which a refused write then made another one. */
test('SELECT and transactions by their names are for a session of its own', async () => {
  const db = await open('shared'), s = db.session();
  for (const words of [['SELECT', 4], ['multi'], ['EXEC'], ['DISCARD'], ['WATCH', 'k'], ['unwatch'], ['RESET']]) {
    await assert.rejects(db.call(...words), { code: 'NOREPLY', message: /db\.session\(\)/ }, words[0]);
    assert.throws(() => db.sync.call(...words), { code: 'NOREPLY' });
    assert.throws(() => db.multi().call(...words), { code: 'NOREPLY' });
  }
  assert.deepEqual([await s.call('SELECT', 4), await s.call('MULTI'), await s.set('k', 'v'), await s.call('EXEC'), await db.exists('k')], ['OK', 'OK', 'QUEUED', ['OK'], 0]);
  assert.deepEqual([await s.call('RESET'), await s.get('k'), await s.hgetall('none')], ['RESET', null, {}]);
  await db.close();
});

/** An engine that was shut down by a port left everybody waiting. */
test('SHUTDOWN through a port ends what waits', async (t) => {
  const db = await open('shut', { device: 'file', path: scratch(t, 'nuthatch-shut-') }), port = db.resp();
  port.postMessage('SHUTDOWN NOSAVE\r\n');
  await assert.rejects(db.blpop('none', 0), { code: 'CLOSED', message: /SHUTDOWN/ });
  await assert.rejects(db.get('k'), { code: 'CLOSED' });
  await db.close();
  port.close();
});

/** Its one setting failed and was kept, or was taken away by somebody: from then on nobody was told anything. */
test('watch and live begin again after one that failed, and where the setting was changed', async () => {
  const db = await open('begin'), heard = [];
  const failed = db.watch('*', () => {}), crash = db.crash();
  await assert.rejects(failed, { code: 'CRASHED' });
  await crash;
  await db.watch('*', (key) => heard.push(key));
  await db.set('a', 1);
  await db.config('SET', 'notify-keyspace-events', '');
  await db.watch('none', () => {});
  await db.set('b', 1);
  await settle(20);
  assert.deepEqual(heard, ['a', 'b']);
  await db.close();
});

/** A query whose listening session ended at the wrong moment ran no more, or left a rejection that nobody could catch. */
test('a live query outlives the end of what it hears by, at any moment', async () => {
  const script = `
    const unheard = [];
    process.on('unhandledRejection', ({ message }) => unheard.push(message));
    const settle = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    for (const how of ['crash', 'kill']) for (let moment = 0; moment < 40; moment++) {
      const db = await open('moments');
      let last, runs = 0;
      // It reads another key each time, so that it listens and ends listening.
      const stop = await db.live(async (d) => [await d.get('other' + runs++ % 3), await d.get('n')], (error, value) => (last = error ?? value));
      db.set('n', 1).catch(() => {});
      for (let i = 0; i < moment; i++) await null;
      await (how === 'crash' ? db.crash() : db.client('KILL', 'TYPE', 'pubsub').catch(() => {}));
      await settle(5);
      await db.set('n', moment);
      await settle(5);
      if (last?.[1] !== String(moment)) console.log(how, moment, last);
      await stop();
      if ((await db.call('PUBSUB', 'CHANNELS')).length) console.log(how, moment, 'still listens');
      await db.close();
    }
    console.log(unheard.join());`;
  assert.equal(said(script, 60_000), '');
});

/** Handlers were told of what was under way when they were ended. */
test('a handler that was ended is told no more', async () => {
  const db = await open('ended'), told = [];
  const stop = await db.subscribe('c', (message) => {
    told.push(message);
    stop();
  });
  await Promise.all([1, 2, 3].map((n) => db.publish('c', n)));
  let over = false;
  for (let moment = 0; moment < 30; moment++) {
    over = false;
    const end = await db.live((d) => d.get('k'), () => assert.ok(!over, `${moment}`));
    db.set('k', moment);
    for (let i = 0; i < moment; i++) await null;
    over = true;
    await end();
  }
  assert.deepEqual(told, ['1']);
  await db.close();
});

/** Its session had been ended, by `timeout`, and that was not noticed before the next call. */
test('answers at once go on after their session was ended', async () => {
  const db = await open('direct');
  db.sync.set('k', 'v');
  await db.client('KILL', 'TYPE', 'normal');
  await db.ping();
  assert.equal(db.sync.get('k'), 'v');
  await db.close();
});

/** A port kept the program, and one that was closed without a word kept its session. */
test('a port keeps no program, and takes its session along', async () => {
  const script = `
    const db = await open('ports');
    for (let i = 0; i < 50; i++) db.resp().close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    console.log((await db.client('LIST')).trim().split('\\n').length);
    db.resp();`;
  assert.equal(said(script), '1');
});

/** A piece of 2 MiB was taken apart into eight parts and one of nothing, which said that the file had ended. */
test('a file may come in pieces of any length, and each part is told of', async () => {
  const db = await open('pieces', { device: 'memory' });
  const keys = 3000, digest = () => db.call('DEBUG', 'DIGEST');
  await Promise.all(Array.from({ length: keys }, (_, i) => db.set(`k:${i}`, crypto.getRandomValues(new Uint8Array(500)))));
  const before = await digest(), file = new Uint8Array(await (await db.exportRdb()).arrayBuffer());
  for (const length of [1000, 1 << 16, 1 << 18, 1 << 19, 1 << 20, file.length]) {
    const pieces = class extends Blob {
      stream() {
        let at = 0;
        return new ReadableStream({ pull: (to) => (at < file.length ? to.enqueue(file.slice(at, (at += length))) : to.close()) });
      }
    };
    const told = [];
    await db.flushall();
    const { keys: taken, refused } = await db.importRdb(new pieces([file]), { progress: (...far) => told.push(far) });
    assert.deepEqual([taken, refused, await digest()], [keys, 0, before], `pieces of ${length}`);
    assert.deepEqual(told.at(-1), [file.length, file.length, keys]);
    const steps = told.map(([read], i) => read - (told[i - 1]?.[0] ?? 0));
    assert.ok(Math.max(...steps) <= 1 << 18 && told.length > 5, `${steps}`);
  }
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

/** A clock that tests turn, and the tasks that wait for it. */
function stopped(context) {
  const clock = { now: 0, tasks: [] };
  context.mock.method(performance, 'now', () => clock.now);
  globalThis.scheduler = { postTask: (task) => clock.tasks.push(task) };
  context.after(() => delete globalThis.scheduler);
  return clock;
}

// One trial that a collection of garbage had made slow put both threads to sleep for the next 4,000 messages, and page and worker, which each
// tried by itself, hardly ever stayed awake together: single GETs were a third of what they can be.
test('threads stay awake together where that is quicker, whatever happens now and then', (context) => {
  const clock = stopped(context);

  /** The share of messages, and of time, from message `from` to `to` for which the threads were awake. `cost(stays, since, i)`: the milliseconds of
   * message `i`, `since` messages after the last change. */
  const awake = (from, to, cost) => {
    let stays = 0, since = 0, messages = 0, time = 0, all = 0;
    const stirred = wakeful((way) => ([stays, since] = [way, 0]));
    for (let i = 0; i < to; i++) {
      const took = cost(stays, since++, i);
      if (i >= from) {
        messages += stays / (to - from);
        time += stays && took;
        all += took;
      }
      clock.now += took;
      stirred();
    }
    return { messages, time: time / all };
  };
  const quick = (stays) => (stays ? 0.03 : 0.1);
  const pause = (i) => (i % 700 === 699 ? 6 : 0);

  const quiet = awake(20_000, 40_000, (stays, _, i) => quick(stays) + pause(i));
  assert.ok(quiet.messages > 0.9, `cores of its own: awake for ${quiet.messages} of the messages`);
  for (const cost of [0.5, 5]) {
    const busy = awake(20_000, 40_000, (stays, _, i) => (stays ? cost : 0.03) + pause(i));
    assert.ok(busy.time < 0.2, `cores that others want, ${cost} ms: awake for ${busy.time} of the time`);
    const later = awake(22_000, 40_000, (stays, _, i) => (i < 20_000 ? quick(stays) : stays ? cost : 0.03));
    assert.ok(later.time < 0.2, `cores that others want later, ${cost} ms: awake for ${later.time} of the time`);
  }
  const warm = awake(20_000, 40_000, (stays, since) => (stays ? 0.03 : since < 200 ? 0.025 : 0.1));
  assert.ok(warm.messages > 0.5, `a core that wakes sooner for a while after it was awake: awake for ${warm.messages}`);
  const begins = awake(140, 1140, (stays, _, i) => (i < 140 ? 0.4 : quick(stays)));
  assert.ok(begins.messages > 0.3, `a page that begins: awake for ${begins.messages} of the first thousand`);
  for (const burst of [34, 65, 100, 300]) {
    const bursts = awake(20_000, 40_000, (stays, _, i) => quick(stays) + (i % burst ? 0 : 6));
    assert.ok(bursts.messages > 0.8, `bursts of ${burst}: awake for ${bursts.messages}`);
  }
  const even = awake(0, 40_000, (_stays, _since, i) => 1 + (i % 7) / 300);
  assert.ok(even.messages < 0.2, `what gains nothing: awake for ${even.messages}`);
  const hiccups = awake(0, 40_000, (stays, _, i) => (stays ? 0.08 : 0.06) + (i % 1500 ? 0 : 1.5));
  assert.ok(hiccups.messages < 0.4, `hiccups where sleep is quicker: awake for ${hiccups.messages}`);
});

test('a thread stays awake for a moment after what stirred it, and no longer', (context) => {
  const clock = stopped(context);
  const stir = stay();
  const turn = (ms) => {
    clock.now += ms;
    clock.tasks.splice(0).forEach((task) => task());
    return clock.tasks.length;
  };
  stir();
  assert.deepEqual([turn(0.3), turn(0.05), turn(0.1), turn(0)], [1, 1, 0, 0]);
  stir();
  stir();
  assert.deepEqual([turn(0.3), turn(0.2)], [1, 0]);

  // Where the browser has no such order it posts messages to itself.
  delete globalThis.scheduler;
  let posts = 0;
  const { MessageChannel } = globalThis;
  context.after(() => (globalThis.MessageChannel = MessageChannel));
  globalThis.MessageChannel = class {
    port1 = {};
    port2 = { postMessage: () => (posts++, clock.tasks.push(() => this.port1.onmessage())) };
  };
  stay()();
  assert.deepEqual([turn(0.3), turn(0.2), posts], [1, 0, 2]);
});
