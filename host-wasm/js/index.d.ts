/** What an argument may be. Numbers are written as JavaScript prints them; bytes go as they are. */
export type Argument = string | number | bigint | Uint8Array | ArrayBuffer;
/** One argument or several: lists are spread. */
export type Many = Argument | readonly Argument[];

/** Any reply, in the shapes of RESP3. */
export type Reply = string | number | bigint | boolean | null | Uint8Array | NuthatchError | Reply[] | Set<Reply> | { [field: string]: Reply };

export interface OpenOptions {
  /** Memory for values, such as `"64mb"` (the default) or a number of bytes; what is cold leaves for the device. */
  maxmemory?: string | number;
  /** Evict keys over `maxmemory`, as Redis does, instead of letting values leave for the device. */
  policy?: 'noeviction' | 'allkeys-lru' | 'allkeys-lfu' | 'allkeys-random' | 'volatile-lru' | 'volatile-lfu' | 'volatile-random' | 'volatile-ttl';
  /** Where data is kept. `"auto"`: pages in a file of the origin's file system where there is one, the rest in IndexedDB. */
  device?: 'auto' | 'idb' | 'opfs' | 'memory' | 'file';
  /** What an acknowledged write has survived: a crash of the tab or browser, or (`strict`) of the machine too. */
  durability?: 'relaxed' | 'strict';
  /** `"share"` (the default): tabs use one engine and hand it over. `"exclusive"`: a second tab is refused with `BUSY`. */
  tabs?: 'share' | 'exclusive';
  /** `false`: the engine runs on this thread, and `db.sync` answers at once. Replies then come before the device has the data. */
  worker?: boolean;
  /** Further directives, as in `redis.conf`. */
  directives?: Record<string, string | number>;
  /** The engine's log, line by line. */
  log?: (line: string) => void;
}

/** An error that the engine answered, or that hindered it; `code` is its first word, such as `WRONGTYPE`. */
export class NuthatchError extends Error {
  readonly code: string;
}

/** A run of pages. */
export interface PageRun { first: number; count: number }

/** The page device: which pages are taken, and what was read and written since the last picture. */
export interface PageMap {
  /** Bytes of a page. */
  pageSize: number;
  /** Pages that were ever used, more or less. */
  pages: number;
  /** One bit a page, the lowest first. */
  used: Uint8Array;
  isUsed(page: number): boolean;
  read: PageRun[];
  written: PageRun[];
}

/** INFO as an object, every line by its name and numbers as numbers, with what the device did since the start. */
export interface Stats {
  used_memory: number;
  /** The limit: of values in memory or, with a policy, of all. */
  maxmemory: number;
  keys: number;
  keyspace: Record<string, { keys: number; expires: number; avg_ttl: number }>;
  hits: number;
  misses: number;
  evictions: number;
  expired: number;
  vm_stats_used_pages: number;
  vm_stats_swapped_objects: number;
  vm_stats_swappin_count: number;
  vm_stats_swappout_count: number;
  aof_current_size?: number;
  /** `idb`, `opfs`, `memory` or `file`. */
  device: string;
  /** Transactions. */
  commits: number;
  records_written: number;
  bytes_written: number;
  reads: number;
  bytes_read: number;
  /** Bytes of the engine's memory; it grows and never shrinks. */
  wasm_memory: number;
  /** What the browser grants: empty where it does not say. */
  storage: { quota?: number; usage?: number; persisted?: boolean };
  [line: string]: unknown;
}

/** One command's entry of COMMAND DOCS. */
export interface CommandDoc { summary?: string; since?: string; group?: string; complexity?: string; arguments?: Reply[]; subcommands?: Record<string, CommandDoc> }

/** Bytes that were read, bytes of the file, keys so far. */
export type ImportProgress = (read: number, size: number, keys: number) => void;
/** `refused`: keys of types that the engine has not, or that are too old; `error` says why the first was. */
export interface ImportResult { keys: number; refused: number; error?: string }

/** Ends what began: a subscription, a watch, a live query. */
export type Stop = () => Promise<unknown>;

type Flag = true | false;
interface Expiry { ex?: number; px?: number; exat?: number | Date; pxat?: number | Date }
interface SetOptions extends Expiry { keepttl?: Flag; nx?: Flag; xx?: Flag }
interface WhenOptions { nx?: Flag; xx?: Flag; gt?: Flag; lt?: Flag }
interface AddOptions extends WhenOptions { ch?: Flag }
interface ScanOptions { match?: Argument; count?: number }
interface SortOptions { by?: Argument; limit?: [number, number]; get?: Argument | Argument[]; asc?: Flag; desc?: Flag; alpha?: Flag }
interface StoreOptions { weights?: number[]; aggregate?: 'sum' | 'min' | 'max' }
interface RangeOptions { byscore?: Flag; bylex?: Flag; rev?: Flag; limit?: [number, number] }
interface LimitOptions { limit?: [number, number] }
interface WithScores { withscores: true }
type Pairs = Record<string, Argument> | Map<Argument, Argument>;
type Scored = readonly (readonly [score: Argument, member: Argument])[];
type Bound = Argument;

/** Every command by its lower-case name. `S` is what strings come as. Options are objects with lower-case names; they stand
 * where the command has them. */
export interface Commands<S = string> {
  append(key: Argument, value: Argument): Promise<number>;
  auth(...words: Argument[]): Promise<'OK'>;
  bgrewriteaof(): Promise<string>;
  bgsave(...words: Argument[]): Promise<string>;
  save(): Promise<'OK'>;
  lastsave(): Promise<number>;
  bitcount(key: Argument, start?: number, end?: number, unit?: 'BYTE' | 'BIT'): Promise<number>;
  bitfield(key: Argument, ...operations: Argument[]): Promise<(number | null)[]>;
  bitfield_ro(key: Argument, ...operations: Argument[]): Promise<(number | null)[]>;
  bitop(operation: 'AND' | 'OR' | 'XOR' | 'NOT', target: Argument, ...keys: Many[]): Promise<number>;
  bitpos(key: Argument, bit: 0 | 1, start?: number, end?: number, unit?: 'BYTE' | 'BIT'): Promise<number>;
  blpop(keys: Many, ...rest: Argument[]): Promise<[key: S, value: S] | null>;
  brpop(keys: Many, ...rest: Argument[]): Promise<[key: S, value: S] | null>;
  blmove(from: Argument, to: Argument, take: 'LEFT' | 'RIGHT', put: 'LEFT' | 'RIGHT', timeout: number): Promise<S | null>;
  lmove(from: Argument, to: Argument, take: 'LEFT' | 'RIGHT', put: 'LEFT' | 'RIGHT'): Promise<S | null>;
  brpoplpush(from: Argument, to: Argument, timeout: number): Promise<S | null>;
  rpoplpush(from: Argument, to: Argument): Promise<S | null>;
  blmpop(timeout: number, count: number, keys: Many, side: 'LEFT' | 'RIGHT', options?: { count?: number }): Promise<[key: S, values: S[]] | null>;
  lmpop(count: number, keys: Many, side: 'LEFT' | 'RIGHT', options?: { count?: number }): Promise<[key: S, values: S[]] | null>;
  bzmpop(timeout: number, count: number, keys: Many, which: 'MIN' | 'MAX', options?: { count?: number }): Promise<[key: S, members: [S, number][]] | null>;
  zmpop(count: number, keys: Many, which: 'MIN' | 'MAX', options?: { count?: number }): Promise<[key: S, members: [S, number][]] | null>;
  bzpopmin(keys: Many, ...rest: Argument[]): Promise<[key: S, member: S, score: number] | null>;
  bzpopmax(keys: Many, ...rest: Argument[]): Promise<[key: S, member: S, score: number] | null>;
  client(...words: Argument[]): Promise<any>;
  command(...words: Argument[]): Promise<any>;
  config(...words: Argument[]): Promise<any>;
  debug(...words: Argument[]): Promise<any>;
  latency(...words: Argument[]): Promise<any>;
  memory(...words: Argument[]): Promise<any>;
  object(...words: Argument[]): Promise<any>;
  pubsub(...words: Argument[]): Promise<any>;
  slowlog(...words: Argument[]): Promise<any>;
  copy(from: Argument, to: Argument, options?: { db?: number; replace?: Flag }): Promise<number>;
  dbsize(): Promise<number>;
  incr(key: Argument): Promise<number>;
  decr(key: Argument): Promise<number>;
  incrby(key: Argument, by: number | bigint): Promise<number>;
  decrby(key: Argument, by: number | bigint): Promise<number>;
  incrbyfloat(key: Argument, by: number): Promise<S>;
  del(...keys: Many[]): Promise<number>;
  exists(...keys: Many[]): Promise<number>;
  touch(...keys: Many[]): Promise<number>;
  unlink(...keys: Many[]): Promise<number>;
  dump(key: Argument): Promise<S | null>;
  restore(key: Argument, ttl: number, payload: Argument, options?: { replace?: Flag; absttl?: Flag; idletime?: number; freq?: number }): Promise<'OK'>;
  echo(text: Argument): Promise<S>;
  ping(text?: Argument): Promise<S>;
  expire(key: Argument, time: number, options?: WhenOptions): Promise<number>;
  pexpire(key: Argument, time: number, options?: WhenOptions): Promise<number>;
  expireat(key: Argument, at: number | Date, options?: WhenOptions): Promise<number>;
  pexpireat(key: Argument, at: number | Date, options?: WhenOptions): Promise<number>;
  expiretime(key: Argument): Promise<number>;
  pexpiretime(key: Argument): Promise<number>;
  ttl(key: Argument): Promise<number>;
  pttl(key: Argument): Promise<number>;
  persist(key: Argument): Promise<number>;
  strlen(key: Argument): Promise<number>;
  llen(key: Argument): Promise<number>;
  hlen(key: Argument): Promise<number>;
  scard(key: Argument): Promise<number>;
  zcard(key: Argument): Promise<number>;
  flushall(mode?: 'SYNC' | 'ASYNC'): Promise<'OK'>;
  flushdb(mode?: 'SYNC' | 'ASYNC'): Promise<'OK'>;
  get(key: Argument): Promise<S | null>;
  getdel(key: Argument): Promise<S | null>;
  getbit(key: Argument, offset: number): Promise<0 | 1>;
  setbit(key: Argument, offset: number, bit: 0 | 1): Promise<0 | 1>;
  getex(key: Argument, options?: Expiry & { persist?: Flag }): Promise<S | null>;
  getrange(key: Argument, start: number, end: number): Promise<S>;
  substr(key: Argument, start: number, end: number): Promise<S>;
  setrange(key: Argument, offset: number, value: Argument): Promise<number>;
  getset(key: Argument, value: Argument): Promise<S | null>;
  set(key: Argument, value: Argument, options: SetOptions & { get: true }): Promise<S | null>;
  set(key: Argument, value: Argument, options: SetOptions & ({ nx: true } | { xx: true })): Promise<'OK' | null>;
  set(key: Argument, value: Argument, options?: SetOptions): Promise<'OK'>;
  setex(key: Argument, time: number, value: Argument): Promise<'OK'>;
  psetex(key: Argument, time: number, value: Argument): Promise<'OK'>;
  setnx(key: Argument, value: Argument): Promise<number>;
  mget(...keys: Many[]): Promise<(S | null)[]>;
  mset(pairs: Pairs): Promise<'OK'>;
  mset(...pairs: Many[]): Promise<'OK'>;
  msetnx(pairs: Pairs): Promise<number>;
  msetnx(...pairs: Many[]): Promise<number>;
  hset(key: Argument, fields: Pairs): Promise<number>;
  hset(key: Argument, ...pairs: Many[]): Promise<number>;
  hmset(key: Argument, fields: Pairs): Promise<'OK'>;
  hmset(key: Argument, ...pairs: Many[]): Promise<'OK'>;
  hsetnx(key: Argument, field: Argument, value: Argument): Promise<number>;
  hget(key: Argument, field: Argument): Promise<S | null>;
  hmget(key: Argument, ...fields: Many[]): Promise<(S | null)[]>;
  hgetall(key: Argument): Promise<Record<string, S>>;
  hdel(key: Argument, ...fields: Many[]): Promise<number>;
  hexists(key: Argument, field: Argument): Promise<number>;
  hstrlen(key: Argument, field: Argument): Promise<number>;
  hincrby(key: Argument, field: Argument, by: number | bigint): Promise<number>;
  hincrbyfloat(key: Argument, field: Argument, by: number): Promise<S>;
  hkeys(key: Argument): Promise<S[]>;
  hvals(key: Argument): Promise<S[]>;
  hrandfield(key: Argument): Promise<S | null>;
  hrandfield(key: Argument, count: number): Promise<S[]>;
  hrandfield(key: Argument, count: number, options: { withvalues: true }): Promise<[field: S, value: S][]>;
  hscan(key: Argument, cursor: Argument, options?: ScanOptions): Promise<[cursor: S, pairs: S[]]>;
  sscan(key: Argument, cursor: Argument, options?: ScanOptions): Promise<[cursor: S, members: S[]]>;
  zscan(key: Argument, cursor: Argument, options?: ScanOptions): Promise<[cursor: S, pairs: S[]]>;
  scan(cursor: Argument, options?: ScanOptions & { type?: string }): Promise<[cursor: S, keys: S[]]>;
  keys(pattern: Argument): Promise<S[]>;
  randomkey(): Promise<S | null>;
  info(...sections: Argument[]): Promise<string>;
  time(): Promise<[seconds: S, micros: S]>;
  type(key: Argument): Promise<'none' | 'string' | 'list' | 'set' | 'zset' | 'hash'>;
  lcs(one: Argument, other: Argument, options?: { len?: Flag; idx?: Flag; minmatchlen?: number; withmatchlen?: Flag }): Promise<any>;
  lindex(key: Argument, index: number): Promise<S | null>;
  linsert(key: Argument, where: 'BEFORE' | 'AFTER', pivot: Argument, value: Argument): Promise<number>;
  lpush(key: Argument, ...values: Many[]): Promise<number>;
  lpushx(key: Argument, ...values: Many[]): Promise<number>;
  rpush(key: Argument, ...values: Many[]): Promise<number>;
  rpushx(key: Argument, ...values: Many[]): Promise<number>;
  lpop(key: Argument): Promise<S | null>;
  lpop(key: Argument, count: number): Promise<S[] | null>;
  rpop(key: Argument): Promise<S | null>;
  rpop(key: Argument, count: number): Promise<S[] | null>;
  lpos(key: Argument, value: Argument, options?: { rank?: number; maxlen?: number }): Promise<number | null>;
  lpos(key: Argument, value: Argument, options: { rank?: number; count: number; maxlen?: number }): Promise<number[]>;
  lrange(key: Argument, start: number, stop: number): Promise<S[]>;
  lrem(key: Argument, count: number, value: Argument): Promise<number>;
  lset(key: Argument, index: number, value: Argument): Promise<'OK'>;
  ltrim(key: Argument, start: number, stop: number): Promise<'OK'>;
  move(key: Argument, db: number): Promise<number>;
  swapdb(one: number, other: number): Promise<'OK'>;
  rename(from: Argument, to: Argument): Promise<'OK'>;
  renamenx(from: Argument, to: Argument): Promise<number>;
  publish(channel: Argument, message: Argument): Promise<number>;
  spublish(channel: Argument, message: Argument): Promise<number>;
  sadd(key: Argument, ...members: Many[]): Promise<number>;
  srem(key: Argument, ...members: Many[]): Promise<number>;
  sdiff(...keys: Many[]): Promise<Set<S>>;
  sinter(...keys: Many[]): Promise<Set<S>>;
  sunion(...keys: Many[]): Promise<Set<S>>;
  sdiffstore(target: Argument, ...keys: Many[]): Promise<number>;
  sinterstore(target: Argument, ...keys: Many[]): Promise<number>;
  sunionstore(target: Argument, ...keys: Many[]): Promise<number>;
  sintercard(count: number, keys: Many, options?: { limit?: number }): Promise<number>;
  sismember(key: Argument, member: Argument): Promise<0 | 1>;
  smismember(key: Argument, ...members: Many[]): Promise<(0 | 1)[]>;
  smembers(key: Argument): Promise<Set<S>>;
  smove(from: Argument, to: Argument, member: Argument): Promise<0 | 1>;
  spop(key: Argument): Promise<S | null>;
  spop(key: Argument, count: number): Promise<Set<S>>;
  srandmember(key: Argument): Promise<S | null>;
  srandmember(key: Argument, count: number): Promise<S[]>;
  sort(key: Argument, options: SortOptions & { store: Argument }): Promise<number>;
  sort(key: Argument, options?: SortOptions): Promise<(S | null)[]>;
  sort_ro(key: Argument, options?: SortOptions): Promise<(S | null)[]>;
  wait(replicas: number, timeout: number): Promise<number>;
  zadd(key: Argument, options: AddOptions & { incr: true }, score: Argument, member: Argument): Promise<number | null>;
  zadd(key: Argument, options: AddOptions, scored: Scored): Promise<number>;
  zadd(key: Argument, scored: Scored): Promise<number>;
  zadd(key: Argument, ...words: (Many | AddOptions)[]): Promise<number>;
  zincrby(key: Argument, by: number, member: Argument): Promise<number>;
  zscore(key: Argument, member: Argument): Promise<number | null>;
  zmscore(key: Argument, ...members: Many[]): Promise<(number | null)[]>;
  zrank(key: Argument, member: Argument): Promise<number | null>;
  zrevrank(key: Argument, member: Argument): Promise<number | null>;
  zrem(key: Argument, ...members: Many[]): Promise<number>;
  zcount(key: Argument, min: Bound, max: Bound): Promise<number>;
  zlexcount(key: Argument, min: Bound, max: Bound): Promise<number>;
  zremrangebyscore(key: Argument, min: Bound, max: Bound): Promise<number>;
  zremrangebylex(key: Argument, min: Bound, max: Bound): Promise<number>;
  zremrangebyrank(key: Argument, start: number, stop: number): Promise<number>;
  zrange(key: Argument, start: Bound, stop: Bound, options: RangeOptions & WithScores): Promise<[member: S, score: number][]>;
  zrange(key: Argument, start: Bound, stop: Bound, options?: RangeOptions): Promise<S[]>;
  zrangestore(target: Argument, from: Argument, start: Bound, stop: Bound, options?: RangeOptions): Promise<number>;
  zrevrange(key: Argument, start: number, stop: number, options: WithScores): Promise<[member: S, score: number][]>;
  zrevrange(key: Argument, start: number, stop: number): Promise<S[]>;
  zrangebyscore(key: Argument, from: Bound, to: Bound, options: LimitOptions & WithScores): Promise<[member: S, score: number][]>;
  zrangebyscore(key: Argument, from: Bound, to: Bound, options?: LimitOptions): Promise<S[]>;
  zrevrangebyscore(key: Argument, from: Bound, to: Bound, options: LimitOptions & WithScores): Promise<[member: S, score: number][]>;
  zrevrangebyscore(key: Argument, from: Bound, to: Bound, options?: LimitOptions): Promise<S[]>;
  zrangebylex(key: Argument, from: Bound, to: Bound, options?: LimitOptions): Promise<S[]>;
  zrevrangebylex(key: Argument, from: Bound, to: Bound, options?: LimitOptions): Promise<S[]>;
  zpopmin(key: Argument): Promise<[member: S, score: number] | []>;
  zpopmax(key: Argument): Promise<[member: S, score: number] | []>;
  zpopmin(key: Argument, count: number): Promise<[member: S, score: number][]>;
  zpopmax(key: Argument, count: number): Promise<[member: S, score: number][]>;
  zrandmember(key: Argument): Promise<S | null>;
  zrandmember(key: Argument, count: number): Promise<S[]>;
  zrandmember(key: Argument, count: number, options: WithScores): Promise<[member: S, score: number][]>;
  zdiff(count: number, keys: Many, options: WithScores): Promise<[member: S, score: number][]>;
  zdiff(count: number, keys: Many): Promise<S[]>;
  zinter(count: number, keys: Many, options: StoreOptions & WithScores): Promise<[member: S, score: number][]>;
  zinter(count: number, keys: Many, options?: StoreOptions): Promise<S[]>;
  zunion(count: number, keys: Many, options: StoreOptions & WithScores): Promise<[member: S, score: number][]>;
  zunion(count: number, keys: Many, options?: StoreOptions): Promise<S[]>;
  zdiffstore(target: Argument, count: number, keys: Many): Promise<number>;
  zinterstore(target: Argument, count: number, keys: Many, options?: StoreOptions): Promise<number>;
  zunionstore(target: Argument, count: number, keys: Many, options?: StoreOptions): Promise<number>;
  zintercard(count: number, keys: Many, options?: { limit?: number }): Promise<number>;
}

/** As `Commands`, with every promise unwrapped. */
export type Sync<C> = { [N in keyof C]: C[N] extends (...given: infer A) => Promise<infer R> ? (...given: A) => R : C[N] };

/** Commands by any name, or as text: each hole is one argument, whatever bytes it has. */
export interface Any<S = string> {
  (strings: TemplateStringsArray, ...holes: Argument[]): Promise<any>;
  call(name: string, ...words: Argument[]): Promise<any>;
}

export interface SyncAny {
  (strings: TemplateStringsArray, ...holes: Argument[]): any;
  call(name: string, ...words: Argument[]): any;
}

/** A transaction that is being collected: `exec` sends it and gives the replies, one for each command. `B`: what it gives where it did not run. */
export type Multi<T extends unknown[] = [], B = never> = {
  [N in keyof Commands]: Commands[N] extends (...given: infer A) => Promise<infer R> ? (...given: A) => Multi<[...T, R], B> : never;
} & {
  call(name: string, ...words: Argument[]): Multi<[...T, any], B>;
  /** In a session `null`: a watched key had changed. */
  exec(): Promise<{ [I in keyof T]: T[I] | NuthatchError } | B>;
};

/** Scans to their end. */
export interface Scans {
  scanIterator(options?: ScanOptions & { type?: string }): AsyncGenerator<string>;
  sscanIterator(key: Argument, options?: ScanOptions): AsyncGenerator<string>;
  hscanIterator(key: Argument, options?: ScanOptions): AsyncGenerator<[field: string, value: string]>;
  zscanIterator(key: Argument, options?: ScanOptions): AsyncGenerator<[member: string, score: string]>;
}

/** Values as JSON. */
export interface Json {
  set(key: Argument, value: unknown, options?: SetOptions): Promise<'OK' | null>;
  get<T = any>(key: Argument): Promise<T | null>;
  mget<T = any>(...keys: Argument[]): Promise<(T | null)[]>;
  mset(values: Record<string, unknown>): Promise<'OK'>;
  hset(key: Argument, fields: Record<string, unknown>): Promise<number>;
  hget<T = any>(key: Argument, field: Argument): Promise<T | null>;
  hgetall<T = any>(key: Argument): Promise<Record<string, T>>;
  lpush(key: Argument, ...values: unknown[]): Promise<number>;
  rpush(key: Argument, ...values: unknown[]): Promise<number>;
  lrange<T = any>(key: Argument, start: number, stop: number): Promise<T[]>;
}

/** A session of its own: for WATCH, SELECT, and transactions that others must not disturb. */
export interface Session extends Commands, Any, Scans {
  select(database: number): Promise<'OK'>;
  /** `exec` gives `null` if one of them changed meanwhile, or if another tab has taken over: then nobody can tell. */
  watch(...keys: Many[]): Promise<'OK'>;
  unwatch(): Promise<'OK'>;
  multi(): Multi<[], null>;
  close(): void;
}

/** The command PERSIST is `db.call('PERSIST', key)`: `persist` is the browser's. */
export interface Database extends Omit<Commands, 'persist'>, Any, Scans {
  /** The same commands with strings as `Uint8Array`. */
  readonly bytes: Commands<Uint8Array> & Any;
  /** With `worker: false`: replies at once, for values that are in memory; others throw `NOTINMEMORY`. */
  readonly sync: Sync<Commands> & SyncAny;
  readonly json: Json;
  /** Where data is kept: `idb`, `opfs`, `memory` or `file`. */
  readonly device: string;
  multi(): Multi;
  session(): Session;
  subscribe(channel: string, handler: (message: string, channel: string) => void): Promise<Stop>;
  psubscribe(pattern: string, handler: (message: string, channel: string) => void): Promise<Stop>;
  /** Tells of every change of keys that match; `null`: all keys went at once. */
  watch(pattern: string, handler: (key: string | null, event: string) => void): Promise<Stop>;
  /** Runs `read` now and whenever a key that it read has changed, and hands over what it returned. Reads go through its argument. */
  live<T>(read: (db: Commands & Any & Scans) => T | Promise<T>, handler: (error: unknown, value?: T) => void): Promise<Stop>;
  stats(): Promise<Stats>;
  /** A picture of the page device. */
  pageMap(): Promise<PageMap>;
  commandDocs(...names: string[]): Promise<Record<string, CommandDoc>>;
  /** The dataset as a file that redis-server loads. */
  exportRdb(): Promise<Blob>;
  /** Takes the keys of a dump.rdb; keys of the same names are replaced. */
  importRdb(file: Blob, options?: { progress?: ImportProgress }): Promise<ImportResult>;
  /** Asks the browser not to clear the data when space is short. */
  persist(): Promise<boolean>;
  /** A port that speaks RESP: post bytes or text, receive `Uint8Array`; `null` ends it. */
  resp(): MessagePort;
  /** Ends the worker as a crash would and opens the database again. Commands without a reply are rejected with `CRASHED`. */
  crash(): Promise<void>;
  /** Makes everything durable and ends. */
  close(): Promise<void>;
}

/** Opens a database, and makes it where there is none. */
export function open(name: string, options?: OpenOptions): Promise<Database>;
