// The package's types, as a strict TypeScript program sees them: the README's examples, and what else is easily lost.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const here = fileURLToPath(new URL('.', import.meta.url));
const options = {
  strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'], types: ['node'], typeRoots: [join(here, 'node_modules/@types')],
  paths: { nuthatch: [join(here, '../js/index.d.ts')], 'nuthatch/ioredis': [join(here, '../js/ioredis.d.ts')] },
};

/** What the compiler says of a program. */
function faults(text) {
  const file = join(here, 'program.ts'), host = ts.createCompilerHost(options), { readFile, fileExists, getSourceFile } = host;
  host.readFile = (name) => (name === file ? text : readFile(name));
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, language) => (name === file ? ts.createSourceFile(name, text, language) : getSourceFile(name, language));
  const found = ts.getPreEmitDiagnostics(ts.createProgram([file], options, host));
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

// The declarations contradicted themselves (PERSIST is a command, `persist` the browser's), so that a program without `skipLibCheck` did not compile, and the
// README's transaction could not be taken apart, since a WATCH might have ended it that only sessions have.
test('the examples of the README compile', () => {
  const readme = readFileSync(join(here, '../README.md'), 'utf8');
  const examples = [...readme.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code);
  assert.equal(examples.length, 2);
  for (const code of examples) assert.deepEqual(faults(`declare const key: string, bytes: Uint8Array;\n${code}`), [], code);
});

test('replies have their types', () => {
  assert.deepEqual(faults(`
    import { open } from 'nuthatch';
    const db = await open('app', { maxmemory: '64mb', policy: 'allkeys-lru', device: 'auto', durability: 'strict', tabs: 'share' });
    const value: string | null = await db.get('k'), bytes: Uint8Array | null = await db.bytes.get('k'), now: string | null = db.sync.get('k');
    const granted: boolean = await db.persist();
    for await (const [field, text] of db.hscanIterator('h')) field.concat(text);
    const session = db.session();
    await session.watch('k');
    const replies = await session.multi().incr('k').exec();
    // @ts-expect-error: a watched key may have changed
    replies[0];
    // @ts-expect-error: no such policy
    await open('app', { policy: 'all' });
    // @ts-expect-error: no such option
    await db.set('k', 'v', { exx: 1 });
  `), []);
});

// A command with several forms had only its last one in transactions and in `db.sync`: `multi().hset('h', { a: 1 })` did not compile, and pairs were said to be strings.
test('every form of a command has its type in transactions, at once and as bytes', () => {
  assert.deepEqual(faults(`
    import { open, type NuthatchError } from 'nuthatch';
    type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
    const same = <T extends true>() => {};
    const db = await open('app', { device: 'file', path: '/tmp' });
    const replies = await db.multi().hset('h', { a: 1 }).lpop('l').lpop('l', 2).zrange('z', 0, -1, { withscores: true }).mset({ a: 1 }).set('k', 'v', { get: true }).zadd('z', [[1, 'a']]).exec();
    type Seen = number | NuthatchError;
    same<Same<typeof replies, [Seen, string | null | NuthatchError, string[] | null | NuthatchError, [member: string, score: number][] | NuthatchError, 'OK' | NuthatchError, string | null | NuthatchError, Seen]>>();
    const [any, count] = await db.multi()\`GET \${'k'}\`.incr('n').exec();
    same<Same<typeof count, Seen>>();
    const one: string | null = db.sync.lpop('l'), pairs: [string, number][] = db.sync.zrange('z', 0, -1, { withscores: true }), n: number = db.sync.hset('h', { a: 1 });
    const [bytes] = await db.bytes.multi().get('k').exec();
    same<Same<typeof bytes, Uint8Array | null | NuthatchError>>();
    for await (const key of db.bytes.scanIterator()) same<Same<typeof key, Uint8Array>>();
    await db.sadd('copy', await db.smembers('s'));
    await db.live(async (d) => [await d.json.get('a'), await d.bytes.get('b'), await d.multi().get('c').exec()], () => {});
    await db.importRdb(new Uint8Array(9));
    // @ts-expect-error: a field has a value
    db.multi().hget('h');
  `), []);
});

// An interface has no index signature: what was declared as one was no hash. A flag that is known at run time alone had no type, or a wrong one.
test('objects of any type are hashes, flags may be variables, bytes have their shapes', () => {
  assert.deepEqual(faults(`
    import { open } from 'nuthatch';
    type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
    const same = <T extends true>() => {};
    interface User { name: string; born: number }
    interface Loose { name?: string }
    declare const ada: User, loose: Loose, flag: boolean, map: Map<string, number>;
    const db = await open('app');
    await db.hset('h', ada);
    await db.mset(ada);
    await db.multi().hset('h', ada).hmset('h', map).exec();
    await db.hset('h', map);
    await db.hset('h', ['a', 1]);
    await db.hset('h', new Uint8Array(1), 'v');
    await db.json.hset('h', ada);
    // @ts-expect-error: it may be missing
    await db.hset('h', loose);
    // @ts-expect-error: a value that is none
    await db.hset('h', { a: {} });
    const perhaps = await db.set('k', 'v', { nx: flag }), sure = await db.set('k', 'v', { ex: 1, nx: false }), any = await db.set('k', 'v', { get: flag });
    same<Same<typeof perhaps, 'OK' | null>>();
    same<Same<typeof sure, 'OK'>>();
    same<Same<typeof any, string | null>>();
    const scored = await db.zrange('z', 0, -1, { rev: flag, withscores: flag }), pairs = await db.zrange('z', 0, -1, { withscores: true }), members = await db.zrange('z', 0, -1, { rev: flag });
    same<Same<typeof scored, string[] | [member: string, score: number][]>>();
    same<Same<typeof pairs, [member: string, score: number][]>>();
    same<Same<typeof members, string[]>>();
    // @ts-expect-error: no such option
    await db.zrange('z', 0, -1, { withscore: true });
    const all: Map<Uint8Array, Uint8Array> = await db.bytes.hgetall('h'), text: Record<string, string> = await db.hgetall('h'), now: Uint8Array | null = db.sync.bytes.get('k');
    await db.hset('copy', all);
    for await (const [, score] of db.zscanIterator('z')) score.toFixed();
    const [first]: (number | null)[] = await db.json.hmget<number>('h', 'a'), set: Set<User> = await db.json.smembers<User>('s');
    await db.json.sadd('s', ada, [1]);
    // @ts-expect-error: no values in it
    await db.json.incr('n');
  `), []);
});

test('the class in place of ioredis has types for callbacks, buffers and transactions', () => {
  assert.deepEqual(faults(`
    import Redis, { Cluster, ScanStream, print } from 'nuthatch/ioredis';
    const redis = new Redis(6379, '127.0.0.1', { db: 1, keyPrefix: 'app:', protocol: 2, data: { n: 1 } });
    const n: number = await redis.incr('n'), bytes: Buffer = await redis.getBuffer('b');
    redis.get('k', (error, value) => error?.message ?? value.length);
    const results = await redis.pipeline().set('k', 1, 'EX', 5).hset('h', { a: 1 }).getBuffer('k').exec((error, all) => all?.[0][1]);
    const [first] = results, failed: Error | null = first[0];
    const list = await redis.multi([['get', 'k']]).mset(new Map([['a', 1]])).exec();
    if (list) list[0][1];
    await redis.multi({ pipeline: false });
    await redis.exec();
    redis.on('message', (channel: string, message: string) => {});
    await redis.subscribe('a', 'b', (error, count) => count);
    for await (const keys of redis.scanStream({ match: '*' })) keys;
    await redis.call('GET', 'k');
    new Cluster([{ port: 1 }]).nodes()[0].get('k');
    class Mine extends Redis {}
    new Mine('redis://localhost:1/2', { retryStrategy: (times) => (times < 3 ? times * 10 : null), autoResubscribe: false }).disconnect(true);
    redis.get('k', print);
    new ScanStream({ objectMode: true, redis, command: 'scan' }).close();
    // @ts-expect-error: no such command
    redis.gett('k');
  `), []);
});
