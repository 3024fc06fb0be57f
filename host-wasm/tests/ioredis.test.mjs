// `nuthatch/ioredis` beside ioredis itself on redis-server: the same steps, the same outcomes.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import Theirs from 'ioredis';
import Ours, { Cluster, Redis, ScanStream, print } from '../pkg/ioredis.js';

/** Steps by what they are about; each is given a connection, a way to make another, and the class. Its outcome is compared. */
const CASES = {
  'arguments are flat, lists, objects, maps, numbers, nothing': async (redis) => [
    await redis.set('k', 'v', 'EX', 100), await redis.set(['k', 'w']), await redis.get('k'), await redis.set('n', 1.5), await redis.get('n'),
    await redis.set('none', null), await redis.get('none'), await redis.set('no', undefined), await redis.get('no'), await redis.set('t', true), await redis.get('t'),
    await redis.set('large', 2 ** 60), await redis.get('large'), await redis.del('k', ['n', 'none']), await redis.exists('k', 't'),
    await redis.mset({ a: 1, b: 'two' }), await redis.mset(new Map([['c', 3]])), await redis.mset('d', 4, 'e', 5), await redis.mget('a', 'b', 'c', 'd', 'e', 'f'), await redis.mget(['a', 'b']),
    await redis.msetnx({ a: 1, z: 2 }), await redis.hset('h', { a: 1, b: 2 }), await redis.hset('h', new Map([['c', 3]])), await redis.hset('h', 'd', 4, 'e', 5), await redis.hmset('h', { f: 6 }),
    await redis.hgetall('h'), await redis.hgetall('absent'), await redis.hmget('h', 'a', 'x'), await redis.rpush('l', [1, 2], 3), await redis.lrange('l', 0, -1),
  ],
  'replies have the shapes of RESP2': async (redis) => [
    await redis.zadd('z', 1, 'a', 2.5, 'b', 'inf', 'c'), await redis.zrange('z', 0, -1, 'WITHSCORES'), await redis.zscore('z', 'b'), await redis.zrangebyscore('z', '-inf', '(2.5'),
    await redis.zpopmin('z', 2), await redis.zincrby('z', 2, 'x'), await redis.zmscore('z', 'x', 'none'), await redis.sadd('s', 'b', 'a'), (await redis.smembers('s')).sort(), await redis.sismember('s', 'a'), await redis.smismember('s', 'a', 'z'),
    await redis.incrbyfloat('f', 0.1), await redis.hincrbyfloat('h', 'f', 1.25), await redis.expire('f', 100), await redis.ttl('f'), await redis.pttl('absent'), await redis.type('s'),
    await redis.object('ENCODING', 'f'), await redis.config('GET', 'maxmemory-samples'), await redis.getset('f', 'x'), await redis.setnx('f', 'y'), await redis.append('f', 'yz'), await redis.strlen('f'), await redis.getrange('f', 0, 1),
    await redis.hrandfield('h', 1, 'WITHVALUES'), await redis.lpos('absent', 'x'), await redis.rename('f', 'g'), await redis.dbsize(), await redis.echo('hello'), await redis.ping(), await redis.ping('there'), await redis.scan('0', 'COUNT', 1000).then(([cursor, keys]) => [cursor, keys.sort()]),
    await redis.copy('g', 'i'), await redis.sort('l', 'ALPHA'), await redis.bitcount('g'), await redis.time().then((time) => time.map((part) => typeof part)), await redis.lmpop(1, 'none', 'LEFT'), await redis.sinter('s', 's').then((all) => all.sort()), await redis.zunion(1, 'z', 'WITHSCORES'),
  ],
  'Buffers': async (redis) => [
    await redis.setBuffer('b', Buffer.from([0, 255, 13, 10])), await redis.getBuffer('b'), await redis.get('b'), await redis.getBuffer('absent'), await redis.hset('h', Buffer.from('f'), Buffer.from('v')), await redis.hgetallBuffer('h'),
    await redis.rpush('l', Buffer.from('x')), await redis.lrangeBuffer('l', 0, -1), await redis.mgetBuffer('b', 'absent'), await redis.callBuffer('GET', 'b'), await redis.multi().getBuffer('b').get('b').exec(), await redis.set('ü', 'ß'), await redis.get('ü'), await redis.strlen('ü'), await redis.incrBuffer('n'),
  ],
  'errors': async (redis) => [
    await redis.set('k', 'v'), await seen(redis.lpush('k', 1)), await seen(redis.incr('k')), await seen(redis.set('k')), await seen(redis.call('NONSENSE', 'a')), await seen(redis.exec()), await seen(redis.hset('k', { a: 1 })), await seen(redis.call('set', 'k', 'v', 'oops')),
  ],
  'pipelines': async (redis) => {
    const out = [];
    const pipeline = redis.pipeline().set('a', 1, (error, reply) => out.push(['called', error, reply])).incr('a').lpush('a', 'x').get('a').hset('h', { f: 1 }).hgetall('h');
    out.push(pipeline.length, (await pipeline.exec()).map(plain));
    out.push((await redis.pipeline([['set', 'k', 'v'], ['get', 'k']]).exec()).map(plain), await redis.pipeline().exec());
    out.push((await redis.pipeline().get('k').multi().set('k', 2).hgetall('h').exec().get('k').exec()).map(plain));
    return out;
  },
  'transactions': async (redis, make) => {
    const out = [];
    out.push(await redis.multi().set('k', 1).incr('k').hset('h', 'a', 'b').hgetall('h').exec());
    out.push((await redis.multi([['set', 'k', 'v'], ['incr', 'k']]).exec()).map(plain));
    out.push(await redis.multi().set('k').get('k').exec().catch((error) => [error.message, error.previousErrors.map(({ message }) => message)]));
    out.push(await redis.multi({ pipeline: false }), await redis.set('k', 5), await redis.get('k'), await redis.exec());
    const other = make();
    await redis.watch('k');
    await other.set('k', 'changed');
    out.push(await redis.multi().set('k', 'mine').exec(), await redis.get('k'));
    await redis.watch('k');
    await redis.unwatch();
    await other.set('k', 'again');
    out.push(await redis.multi().set('k', 'mine').exec(), await redis.multi().exec());
    out.push(await redis.multi({ pipeline: false }), await redis.discard());
    return out;
  },
  'callbacks': (redis) => new Promise((resolve) => {
    const out = [];
    redis.set('k', 'v', (error, reply) => out.push([error, reply]));
    redis.get('k', (error, reply) => out.push([error, reply]));
    redis.lpush('k', 'x', (error, reply) => out.push([error.message, reply]));
    redis.multi().get('k').exec((error, replies) => {
      out.push([error, replies]);
      resolve(out);
    });
  }),
  'messages': async (redis, make) => {
    const sub = make(), out = [];
    sub.on('message', (channel, message) => out.push(['message', channel, message]));
    sub.on('messageBuffer', (channel, message) => out.push(['messageBuffer', channel, message]));
    sub.on('pmessage', (pattern, channel, message) => out.push(['pmessage', pattern, channel, message]));
    sub.on('pmessageBuffer', (pattern, channel, message) => out.push(['pmessageBuffer', pattern, channel, message]));
    out.push(await sub.subscribe('a', 'b'), await sub.psubscribe('c*'));
    out.push(await redis.publish('a', 'one'), await redis.publish('cd', 'two'), await redis.publish('x', 'none'));
    await wait(30);
    out.push(await sub.unsubscribe('a'), await redis.publish('a', 'unheard'), await sub.punsubscribe('c*'), await sub.unsubscribe(), await sub.get('k'));
    return out;
  },
  'subscribed connections': async (redis, make) => {
    const out = [];
    for (const protocol of [2, 3]) {
      const sub = make({ protocol });
      out.push(sub.mode, await sub.subscribe('a'), sub.mode, await seen(sub.get('k')), await sub.psubscribe('b*'), await seen(sub.multi().get('k').exec()), (await sub.pipeline().get('k').exec()).map(plain), await sub.unsubscribe('a'), sub.mode, await sub.punsubscribe(), sub.mode, await sub.get('k'));
    }
    return out.map((one) => (one?.message ? one.message : one));
  },
  'prefixes': async (redis, make) => {
    const p = make({ keyPrefix: 'p:' }), out = [];
    out.push(await p.set('a', 1), await p.mset({ b: 2, c: 3 }), await p.mget('a', 'b', 'c'), await p.hset('h', { a: 'b' }), await p.del('b', 'c'), await p.rename('a', 'd'), await p.zadd('z', 1, 'm'), await p.zunionstore('u', 2, 'z', 'z'));
    out.push(await p.sadd('s', 1), await p.sinterstore('t', 's', 's'), await p.object('ENCODING', 's'), await p.bitop('AND', 'x', 'd', 'd'), await p.lpush('l', 1), await p.lmove('l', 'm', 'LEFT', 'RIGHT'), await p.set(Buffer.from('buf'), 1), await p.rpush('q', 1), await p.blpop('q', 1));
    out.push((await p.keys('*')).sort(), (await redis.keys('*')).sort(), await p.multi().get('d').incr('d').exec(), await p.pipeline().get('d').exec(), await p.lmpop(2, 'l', 'm', 'LEFT'), await p.sort('s', 'STORE', 'sorted'), await p.getBuffer('d'), await p.exists('d', 'e'), await p.touch('d'), await p.copy('d', 'f'), (await redis.keys('*')).sort());
    return out;
  },
  'streams of scans': async (redis) => {
    const items = async (stream) => {
      const all = [];
      for await (const portion of stream) all.push(...portion);
      return all.map(String).sort();
    };
    for (let i = 0; i < 50; i++) redis.set(`k:${i}`, i);
    await redis.sadd('s', 1, 2, 3);
    await redis.hset('h', { a: 1, b: 2 });
    await redis.zadd('z', 1, 'a', 2, 'b');
    return [await items(redis.scanStream({ match: 'k:*', count: 7 })), await items(redis.scanStream({ type: 'hash' })), await items(redis.sscanStream('s')), await items(redis.hscanStream('h', { match: 'a' })), await items(redis.zscanStream('z')), await items(redis.scanBufferStream({ match: 'k:1' }))];
  },
  'waiting': async (redis, make) => {
    const other = make();
    const popped = redis.blpop('q', 5);
    await wait(20);
    await other.rpush('q', 'x');
    return [await popped, await redis.blpop('none', 0.05), await redis.brpop('a', 'b', 0.05), await redis.bzpopmin('z', 0.05)];
  },
  'databases, names, states': async (redis, make) => {
    const second = make({ db: 2, connectionName: 'second' }), out = [];
    out.push(await second.set('k', 'of two'), await redis.get('k'), await redis.select(2), await redis.get('k'), await second.client('GETNAME'), redis.status);
    const copy = second.duplicate();
    out.push(await copy.get('k'), copy.options.db, await copy.quit());
    await wait(20);
    out.push(copy.status, await seen(copy.get('k')));
    return out;
  },
  'connecting': async (redis, make) => {
    const events = [], lazy = make({ lazyConnect: true });
    for (const event of ['connecting', 'connect', 'ready', 'close', 'end']) lazy.on(event, () => events.push(event));
    const out = [lazy.status, await lazy.connect(), lazy.status, await seen(lazy.connect())];
    out.push(await lazy.get('k'));
    const end = once(lazy, 'end');
    lazy.disconnect();
    await end;
    const early = make({ lazyConnect: true, enableOfflineQueue: false });
    return [...out, events, lazy.status, await seen(early.get('k')), await make({ lazyConnect: true }).set('x', 1)];
  },
  // A connection that was made again began with database 0 and without subscriptions.
  'connections that begin again': async (redis, make) => {
    const one = make({ db: 1, retryStrategy: () => 1 }), heard = told(one);
    await one.ping();
    await one.select(3);
    await one.set('k', 'of three');
    await one.subscribe('a', 'b');
    await one.psubscribe('c*');
    await one.unsubscribe('b');
    const flying = one.get('k'), end = once(one, 'end');
    one.disconnect();
    const out = [one.status, await seen(one.get('k')), await flying, (await end, await one.connect(), one.condition.select), await one.get('k')];
    await wait(30);
    for (const channel of ['a', 'b', 'c1']) out.push(await redis.publish(channel, 'x'));
    await wait(30);
    one.disconnect(true);
    out.push(await one.get('k'), await seen(one.connect()));
    const deaf = make({ autoResubscribe: false, retryStrategy: () => 1 });
    await deaf.subscribe('d');
    deaf.disconnect(true);
    out.push(await deaf.ping(), await redis.publish('d', 'x'));
    return [...out, [...heard]];
  },
  // Commands on it waited for ever.
  'connections that the server closes': async (redis, make) => {
    const times = [], one = make({ retryStrategy: (time) => times.push(time) }), heard = told(one), half = make({ retryStrategy: () => 1 });
    await one.ping();
    await one.select(3);
    const popped = one.blpop('q', 0), whole = one.pipeline().set('k', 1).incr('k').exec();
    const part = half.pipeline().incr('n').blpop('q', 0).incr('n').exec();
    const ends = [null, () => 'never'].map((retryStrategy) => make({ retryStrategy })), ended = ends.map((end) => seen(end.blpop('q', 0)));
    const sub = make({ retryStrategy: () => 1 });
    await sub.subscribe('a');
    sub.on('message', (...message) => heard.push(message));
    await Promise.all([half, ...ends, sub].map((one) => one.status === 'ready' || once(one, 'ready')));
    await wait(30);
    const again = Promise.all([one, half, sub].map((one) => once(one, 'ready')));
    await redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await redis.client('KILL', 'TYPE', 'pubsub');
    await again;
    await wait(30);
    const out = [await redis.publish('a', 'x'), (await part).map(plain), await redis.get('n'), await Promise.all(ended), ends.map(({ status }) => status)];
    await redis.select(3);
    return [...out, await redis.rpush('q', 'x'), await popped, await whole, one.condition.select, times, [...heard]];
  },
  'how connections begin and end': async (redis, make) => {
    const out = [];
    const life = async (options, steps) => {
      const one = make({ retryStrategy: () => 1, ...options }), heard = told(one);
      await steps(one, heard);
      await wait(50);
      out.push([...heard]);
    };
    await life({}, async (one, heard) => heard.push(await one.ping(), await Promise.all([one.ping(), one.quit(), seen(one.ping())])));
    await life({ lazyConnect: true }, async (one) => one.disconnect());
    await life({ lazyConnect: true }, async (one, heard) => heard.push(await one.connect(), one.status));
    await life({ enableOfflineQueue: false }, async (one, heard) => {
      await once(one, 'ready');
      one.disconnect(true);
      heard.push(await seen(one.ping()));
    });
    await life({}, async (one) => {
      await once(one, 'connect');
      one.disconnect();
    });
    const monitor = await redis.monitor();
    out.push(monitor.status, await seen(monitor.ping()));
    monitor.disconnect();
    return out;
  },
  // Nothing told of it.
  'databases that are not there': async (redis, make) => {
    const one = make({ db: 99 }), heard = told(one);
    return [await one.set('k', 'v'), await redis.get('k'), [...heard]];
  },
  'names as they are given, pipelines that are run again, commands that are made by hand': async (redis, make, Class) => {
    const pipeline = redis.pipeline().set('a', 1), out = [await pipeline.exec(), await pipeline.exec()];
    out.push(await redis.hset('h', 'a', 1), await redis.call('hgetall', 'h'), await redis.call('HGETALL', 'h'), await redis.call('mset', { b: 2 }), await redis.get('b'));
    out.push(await redis.sendCommand(new Class.Command('get', ['a'], { replyEncoding: 'utf8' })), await redis.sendCommand(new Class.Command('GET', ['a'])), Class.name, Class.Cluster.name, redis.isCluster, redis.mode);
    await redis.select(5);
    return [...out, redis.options.db, redis.condition.select, redis.duplicate({ lazyConnect: true }).options.db];
  },
  // A second `exec` sent nothing, though replies were those of the first, as they should be.
  'pipelines and transactions of which exec is called twice': async (redis) => {
    const out = [], heard = [], hear = (...outcome) => heard.push(outcome), twice = async (all) => out.push([await all.exec(hear), await all.exec(hear)], heard.splice(0));
    await twice(redis.pipeline().incr('n').hset('h', 'a', 1).hgetall('h').getBuffer('n'));
    await twice(redis.pipeline().multi().incr('n').exec());
    await twice(redis.multi().incr('n').hgetall('h'));
    const grown = redis.pipeline(), empty = await grown.exec();
    grown.incr('n');
    return [...out, empty, await grown.exec(), await redis.get('n')];
  },
  // `command` was a method of our own.
  'COMMAND': async (redis) => [await redis.command('GETKEYS', 'mset', 'a', 1, 'b', 2), await redis.pipeline().command('GETKEYS', 'get', 'a').exec(), await redis.commandBuffer('GETKEYS', 'get', 'a')],
  'monitors, commands that take too long': async (redis, make) => {
    const monitor = await redis.monitor(), heard = [], hasty = make({ commandTimeout: 30 });
    monitor.on('monitor', (time, args, from, db) => heard.push([/^\d+\.\d+$/.test(time), args, typeof from, db]));
    await redis.set('a', 'say "x" \\ \0ü\n');
    await redis.get('a');
    await wait(30);
    monitor.disconnect();
    return [heard.filter(([, [name]]) => /^[gs]et$/.test(name)), monitor.mode, await hasty.ping(), await seen(hasty.blpop('q', 1))];
  },
  'numbers as strings, scripts of methods': async (redis, make, Class) => {
    const texts = make({ stringNumbers: true });
    const { string } = redis.createBuiltinCommand('get');
    Class.Command.setReplyTransformer('strlen', (length) => ({ length }));
    Class.Command.setArgumentTransformer('append', (args) => [args[0], `<${args[1]}>`]);
    const out = [await texts.incr('n'), await texts.call('LLEN', 'none'), typeof string, await redis.call('set', ['k', 'v']), await redis.append('k', 'w'), await redis.strlen('k'), await redis.send_command('GET', 'k')];
    Class.Command.setReplyTransformer('strlen', (length) => length);
    Class.Command.setArgumentTransformer('append', (args) => args);
    return out;
  },
};

/** What a connection tells of itself from now on. */
function told(redis) {
  const heard = [];
  for (const event of ['wait', 'connecting', 'connect', 'ready', 'close', 'reconnecting', 'end', 'select', 'error']) redis.on(event, (more) => heard.push([event, more?.message ?? more, redis.status]));
  return heard;
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const plain = ([error, reply]) => (error ? [error.message] : [error, reply]);
const seen = (promise) => promise.then((value) => ({ value }), ({ name, message, command }) => ({ name, message, command }));

describe('beside ioredis on redis-server', () => {
  let child, port;
  before(async () => {
    port = await new Promise((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        server.close(() => resolve(port));
      });
    });
    child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], { stdio: 'ignore' });
  });
  after(() => child?.kill('SIGKILL'));

  async function outcome(Class, steps) {
    const made = [];
    const make = (options = {}) => made[made.push(new Class({ host: '127.0.0.1', port, ...options })) - 1];
    const redis = make();
    try {
      await redis.flushall();
      return await steps(redis, make, Class);
    } finally {
      made.forEach((one) => one.disconnect());
    }
  }

  for (const [name, steps] of Object.entries(CASES)) {
    test(name, async () => {
      const [theirs, ours] = [await outcome(Theirs, steps), await outcome(Ours, steps)];
      assert.deepEqual(ours, theirs);
    });
  }
});

test('instances of one address share their data, others do not; the constructor takes what ioredis takes', async () => {
  const all = [new Ours(7001), new Ours(7001, 'localhost', { keyPrefix: '' }), new Ours('redis://localhost:7001/3'), new Ours({ port: 7002 }), new Redis.Cluster([{ port: 7001 }]), new Cluster([{ host: 'localhost', port: 7001 }], { redisOptions: { db: 3 } })];
  await all[0].set('k', 'one');
  await all[2].set('k', 'three');
  assert.deepEqual(await Promise.all(all.map((one) => one.get('k'))), ['one', 'one', 'three', null, 'one', 'three']);
  assert.throws(() => all[0].defineCommand('x', { lua: 'return 1' }), /no Lua/);
  all.forEach((one) => one.disconnect());
});

// They were no methods, so that a program ended with a TypeError in place of the error that it waits for; scripts were forgotten.
test('every command of ioredis is a method, and those that the engine has not are answered so', async () => {
  const redis = new Ours({ port: 7006 }), theirs = new Theirs({ lazyConnect: true });
  assert.deepEqual(redis.getBuiltinCommands().sort(), theirs.getBuiltinCommands().sort());
  for (const name of theirs.getBuiltinCommands()) assert.deepEqual([name, typeof redis[name], typeof redis[`${name}Buffer`], typeof redis.pipeline()[name]], [name, 'function', 'function', 'function']);
  const unknown = { name: 'ReplyError', message: "ERR unknown command 'pfadd', with args beginning with: 'h' 'a' " };
  await assert.rejects(redis.pfadd('h', 'a'), unknown);
  const [[error], [, reply]] = await redis.pipeline().pfaddBuffer('h', 'a').ping().exec();
  assert.deepEqual([error.message, reply], [unknown.message, 'PONG']);
  await assert.rejects(redis.multi().xadd('s', '*', 'f', 'v').exec(), { message: /^EXECABORT/ });
  await assert.rejects(redis.shutdown('NOSAVE'), { message: /^ERR Errors trying to SHUTDOWN/ });
  assert.equal(await redis.ping(), 'PONG');
  assert.throws(() => new Ours({ port: 7006, scripts: { twice: { numberOfKeys: 1, lua: 'return 2' } } }), /'twice' cannot be defined: .* no Lua/);
  redis.disconnect();
});

// Of ioredis-mock's options this one was taken and forgotten: tests found an empty server.
test('data that are there at first', async () => {
  const data = { n: 3, 'user:1': { id: 1, name: 'Ada' }, more: new Map([['a', 'b']]), list: ['x', 'y'], set: new Set(['m']), bytes: Buffer.from([0, 255]), empty: [] };
  const redis = new Ours({ port: 7003, db: 1, keyPrefix: 'p:', data }), lazy = new Ours({ port: 7004, lazyConnect: true, data: { list: ['a'] } });
  assert.deepEqual([await redis.incr('n'), await redis.hgetall('user:1'), await redis.hget('more', 'a'), await redis.lrange('list', 0, -1), await redis.smembers('set'), await redis.getBuffer('bytes'), await redis.exists('empty')], [4, { id: '1', name: 'Ada' }, 'b', ['x', 'y'], ['m'], data.bytes, 0]);
  const copy = redis.duplicate({ keyPrefix: '' });
  assert.deepEqual([await copy.get('p:n'), await copy.dbsize(), data.n], ['4', 6, 3]);
  assert.equal(await lazy.rpush('list', 'b'), 2);
  // Each brings its own: lists do not grow.
  const again = new Ours({ port: 7004, data: { list: ['a'] } });
  assert.deepEqual(await again.lrange('list', 0, -1), ['a']);
  [redis, lazy, copy, again].forEach((one) => one.disconnect());
});

test('streams of scans that are made by hand, a callback that prints', async (t) => {
  const redis = new Ours({ port: 7005 }), lines = [];
  await redis.sadd('s', 'a', 'b', 'c');
  const stream = new ScanStream({ objectMode: true, redis, command: 'sscan', key: 's', match: '[ab]' });
  assert.deepEqual((await stream.toArray()).flat().sort(), ['a', 'b']);
  assert.ok(redis.scanStream() instanceof Ours.ScanStream);
  t.mock.method(console, 'log', (line) => lines.push(line));
  print(null, 'OK');
  Ours.print(new Error('no'));
  assert.deepEqual(lines, ['Reply: OK', 'Error: Error: no']);
  redis.disconnect();
});

test('`require` gives the class; a process ends though nobody disconnects, but not while a command waits', () => {
  const path = JSON.stringify(createRequire(import.meta.url).resolve('../pkg/ioredis.js'));
  const script = `const Redis = require(${path}); const r = new Redis(); r.blpop('q', 0.2).then((v) => console.log('waited', v)); r.subscribe?.('c');`;
  const module = `import Redis from ${path}; const r = new Redis(); r.blpop('q', 0.2).then((v) => console.log('waited', v)); await r.set('k', 1);`;
  const run = (...given) => execFileSync(process.execPath, given, { encoding: 'utf8', timeout: 20_000, stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  assert.equal(run('--input-type=module', '-e', module), 'waited null');
  if (process.features.require_module) assert.equal(run('-e', script), 'waited null');
});

/** A command without the key that its prefix belongs to threw when it was already waited for: each later reply went to the command before. */
test('a command that lacks its key is refused, and the next ones have their own replies', async () => {
  const redis = new Ours({ port: 7010, keyPrefix: 'p:' });
  await redis.mset({ a: 'A', b: 'B' });
  const replies = [redis.get(), redis.get('a'), redis.get('b'), redis.object('encoding')].map((one) => one.catch((error) => error.name));
  assert.deepEqual(await Promise.all(replies), ['ReplyError', 'A', 'B', 'ReplyError']);
  redis.disconnect();
});

/** Each reply moved all that were still waited for: 100,000 commands at once took nine seconds, and 300,000 a minute. */
test('many commands at once take as long as so many', async () => {
  const redis = new Ours({ port: 7011 });
  const took = async (count) => {
    const begun = performance.now(), pipeline = redis.pipeline();
    for (let i = 0; i < count; i++) pipeline.incr('n');
    assert.equal((await pipeline.exec()).length, count);
    return performance.now() - begun;
  };
  await took(5_000);
  const few = await took(15_000), many = await took(120_000);
  assert.ok(many < few * 24, `${few} and ${many} ms`);
  redis.disconnect();
});

/** Replies came as microtasks alone: a job's worker that polled left its own program's timers no time, for ever. */
test('a loop of commands leaves time for timers', async () => {
  const redis = new Ours({ port: 7006 });
  await redis.ping();
  let done = false, polls = 0;
  const begun = performance.now();
  setTimeout(() => (done = true), 50);
  for (; !done; polls++) await redis.rpop('jobs');
  assert.ok(polls > 100 && performance.now() - begun < 2000, `${polls} in ${performance.now() - begun} ms`);
  redis.disconnect();
});
