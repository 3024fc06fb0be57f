/** What an argument may be. Numbers are written as JavaScript prints them; bytes go as they are. */
export type Argument = string | number | bigint | Uint8Array | ArrayBuffer;
/** One argument or several: lists and sets are spread. */
export type Many = Argument | readonly Argument[] | ReadonlySet<Argument>;

/** Any reply, in the shapes of RESP3. */
export type Reply = string | number | bigint | boolean | null | Uint8Array | NuthatchError | Reply[] | Set<Reply> | { [field: string]: Reply };

export interface OpenOptions {
  /** Memory for values, such as `"64mb"` (the default) or a number of bytes; what is cold leaves for the device. */
  maxmemory?: string | number;
  /** Evict keys over `maxmemory`, as Redis does, instead of letting values leave for the device. */
  policy?: 'noeviction' | 'allkeys-lru' | 'allkeys-lfu' | 'allkeys-random' | 'volatile-lru' | 'volatile-lfu' | 'volatile-random' | 'volatile-ttl';
  /** Where data is kept. `"auto"` (the default): in IndexedDB, but for pages, where a file of the origin's file system has been measured to be faster. */
  device?: 'auto' | 'idb' | 'opfs' | 'memory' | 'file';
  /** What an acknowledged write has survived: a crash of the tab or browser, or (`strict`) of the machine too. */
  durability?: 'relaxed' | 'strict';
  /** `"share"` (the default): tabs use one engine and hand it over. `"exclusive"`: a second tab is refused with `BUSY`. */
  tabs?: 'share' | 'exclusive';
  /** `false`: the engine runs on this thread, and `db.sync` answers at once. Replies then come before the device has the data. */
  worker?: boolean;
  /** In Node: the directory of its files. With `device` `"auto"`, or none, it means `"file"`. */
  path?: string;
  /** Further directives, as in `redis.conf`; those of networks, processes, other servers and the diskstore are refused. */
  directives?: Record<string, string | number>;
  /** The engine's log, line by line. */
  log?: (line: string) => void;
}

/** An error that the engine answered, or that hindered it; `code` is its first word: of the engine's errors theirs, such as `WRONGTYPE`; `OPTION`, `CONFIG` and
 * `DEVICE` of what `open` was given; `BUSY`, `CLOSED`, `CRASHED`, `NOREPLY`, `NOTSYNC`, `NOTINMEMORY`, `REPLYLOST`, `BADRDB`, `CORRUPT`, `WORKER`; `QUOTA`, and `IOERR` with what else
 * a browser or a system says. */
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
  /** Bytes beside it that keep pages of a file whose calls are slow, as in private windows: for each database at most a 64th of the device's memory. */
  page_cache: number;
  /** What the browser grants: empty where it does not say. */
  storage: { quota?: number; usage?: number; persisted?: boolean };
  [line: string]: unknown;
}

/** One command's entry of COMMAND DOCS. */
export interface CommandDoc { summary?: string; since?: string; group?: string; complexity?: string; arguments?: Reply[]; subcommands?: Record<string, CommandDoc> }

/** Bytes that were read, bytes of the file, keys so far. */
export type ImportProgress = (read: number, size: number, keys: number) => void;
/** `keys` that were taken; `refused`: keys of types that the engine has not, or that are too old, or for which there was no room; `error` says why the first was. */
export interface ImportResult { keys: number; refused: number; error?: string }

/** Ends what began: a subscription, a watch, a live query. */
export type Stop = () => Promise<unknown>;

interface Expiry { ex?: number; px?: number; exat?: number | Date; pxat?: number | Date }
interface SetOptions extends Expiry { keepttl?: boolean; nx?: boolean; xx?: boolean }
interface WhenOptions { nx?: boolean; xx?: boolean; gt?: boolean; lt?: boolean }
interface AddOptions extends WhenOptions { ch?: boolean }
interface ScanOptions { match?: Argument; count?: number }
interface SortOptions { by?: Argument; limit?: [number, number]; get?: Argument | Argument[]; asc?: boolean; desc?: boolean; alpha?: boolean }
interface StoreOptions { weights?: number[]; aggregate?: 'sum' | 'min' | 'max' }
interface RangeOptions { byscore?: boolean; bylex?: boolean; rev?: boolean; limit?: [number, number] }
interface LimitOptions { limit?: [number, number] }
interface WithScores { withscores: true }
interface PerhapsScores { withscores?: boolean }
/** Names with values: an object of any type whose properties are arguments, all of them there. */
type Pairs<F> = F & { [K in keyof F]-?: Argument };
/** A hash: where strings are bytes, names are bytes too, which an object cannot have. */
type Fields<S> = S extends string ? Record<string, S> : Map<S, S>;
type Scored = readonly (readonly [score: Argument, member: Argument])[];
type Bound = Argument;

/** How methods give their replies: soon, at once, or all together when the transaction is run. */
export interface Soon { soon: true }
export interface Now { now: true }
export interface Queued<T extends unknown[], B, S> { queued: T; broken: B; strings: S }
export type To<W, R> = W extends Soon ? Promise<R> : W extends Queued<infer T, infer B, infer S> ? Multi<[...T, R], B, S> : R;

/** Every command by its lower-case name. `S` is what strings come as, `W` how replies do. Options are objects with lower-case names; they stand
 * where the command has them. */
export interface Commands<S = string, W = Soon> {
  append(key: Argument, value: Argument): To<W, number>;
  auth(...words: Argument[]): To<W, 'OK'>;
  bgrewriteaof(): To<W, string>;
  bgsave(...words: Argument[]): To<W, string>;
  save(): To<W, 'OK'>;
  lastsave(): To<W, number>;
  bitcount(key: Argument, start?: number, end?: number, unit?: 'BYTE' | 'BIT'): To<W, number>;
  bitfield(key: Argument, ...operations: Argument[]): To<W, (number | null)[]>;
  bitfield_ro(key: Argument, ...operations: Argument[]): To<W, (number | null)[]>;
  bitop(operation: 'AND' | 'OR' | 'XOR' | 'NOT', target: Argument, ...keys: Many[]): To<W, number>;
  bitpos(key: Argument, bit: 0 | 1, start?: number, end?: number, unit?: 'BYTE' | 'BIT'): To<W, number>;
  blpop(keys: Many, ...rest: Argument[]): To<W, [key: S, value: S] | null>;
  brpop(keys: Many, ...rest: Argument[]): To<W, [key: S, value: S] | null>;
  blmove(from: Argument, to: Argument, take: 'LEFT' | 'RIGHT', put: 'LEFT' | 'RIGHT', timeout: number): To<W, S | null>;
  lmove(from: Argument, to: Argument, take: 'LEFT' | 'RIGHT', put: 'LEFT' | 'RIGHT'): To<W, S | null>;
  brpoplpush(from: Argument, to: Argument, timeout: number): To<W, S | null>;
  rpoplpush(from: Argument, to: Argument): To<W, S | null>;
  blmpop(timeout: number, count: number, keys: Many, side: 'LEFT' | 'RIGHT', options?: { count?: number }): To<W, [key: S, values: S[]] | null>;
  lmpop(count: number, keys: Many, side: 'LEFT' | 'RIGHT', options?: { count?: number }): To<W, [key: S, values: S[]] | null>;
  bzmpop(timeout: number, count: number, keys: Many, which: 'MIN' | 'MAX', options?: { count?: number }): To<W, [key: S, members: [S, number][]] | null>;
  zmpop(count: number, keys: Many, which: 'MIN' | 'MAX', options?: { count?: number }): To<W, [key: S, members: [S, number][]] | null>;
  bzpopmin(keys: Many, ...rest: Argument[]): To<W, [key: S, member: S, score: number] | null>;
  bzpopmax(keys: Many, ...rest: Argument[]): To<W, [key: S, member: S, score: number] | null>;
  client(...words: Argument[]): To<W, any>;
  command(...words: Argument[]): To<W, any>;
  config(...words: Argument[]): To<W, any>;
  debug(...words: Argument[]): To<W, any>;
  latency(...words: Argument[]): To<W, any>;
  memory(...words: Argument[]): To<W, any>;
  object(...words: Argument[]): To<W, any>;
  pubsub(...words: Argument[]): To<W, any>;
  slowlog(...words: Argument[]): To<W, any>;
  copy(from: Argument, to: Argument, options?: { db?: number; replace?: boolean }): To<W, number>;
  dbsize(): To<W, number>;
  incr(key: Argument): To<W, number>;
  decr(key: Argument): To<W, number>;
  incrby(key: Argument, by: number | bigint): To<W, number>;
  decrby(key: Argument, by: number | bigint): To<W, number>;
  incrbyfloat(key: Argument, by: number): To<W, S>;
  del(...keys: Many[]): To<W, number>;
  exists(...keys: Many[]): To<W, number>;
  touch(...keys: Many[]): To<W, number>;
  unlink(...keys: Many[]): To<W, number>;
  dump(key: Argument): To<W, S | null>;
  restore(key: Argument, ttl: number, payload: Argument, options?: { replace?: boolean; absttl?: boolean; idletime?: number; freq?: number }): To<W, 'OK'>;
  echo(text: Argument): To<W, S>;
  ping(text?: Argument): To<W, S>;
  expire(key: Argument, time: number, options?: WhenOptions): To<W, number>;
  pexpire(key: Argument, time: number, options?: WhenOptions): To<W, number>;
  expireat(key: Argument, at: number | Date, options?: WhenOptions): To<W, number>;
  pexpireat(key: Argument, at: number | Date, options?: WhenOptions): To<W, number>;
  expiretime(key: Argument): To<W, number>;
  pexpiretime(key: Argument): To<W, number>;
  ttl(key: Argument): To<W, number>;
  pttl(key: Argument): To<W, number>;
  persist(key: Argument): To<W, number>;
  strlen(key: Argument): To<W, number>;
  llen(key: Argument): To<W, number>;
  hlen(key: Argument): To<W, number>;
  scard(key: Argument): To<W, number>;
  zcard(key: Argument): To<W, number>;
  flushall(mode?: 'SYNC' | 'ASYNC'): To<W, 'OK'>;
  flushdb(mode?: 'SYNC' | 'ASYNC'): To<W, 'OK'>;
  get(key: Argument): To<W, S | null>;
  getdel(key: Argument): To<W, S | null>;
  getbit(key: Argument, offset: number): To<W, 0 | 1>;
  setbit(key: Argument, offset: number, bit: 0 | 1): To<W, 0 | 1>;
  getex(key: Argument, options?: Expiry & { persist?: boolean }): To<W, S | null>;
  getrange(key: Argument, start: number, end: number): To<W, S>;
  substr(key: Argument, start: number, end: number): To<W, S>;
  setrange(key: Argument, offset: number, value: Argument): To<W, number>;
  getset(key: Argument, value: Argument): To<W, S | null>;
  set(key: Argument, value: Argument, options: SetOptions & { get: true }): To<W, S | null>;
  set(key: Argument, value: Argument, options?: Expiry & { keepttl?: boolean; nx?: false; xx?: false; get?: false }): To<W, 'OK'>;
  set(key: Argument, value: Argument, options: SetOptions & { get?: false }): To<W, 'OK' | null>;
  set(key: Argument, value: Argument, options: SetOptions & { get?: boolean }): To<W, S | 'OK' | null>;
  setex(key: Argument, time: number, value: Argument): To<W, 'OK'>;
  psetex(key: Argument, time: number, value: Argument): To<W, 'OK'>;
  setnx(key: Argument, value: Argument): To<W, number>;
  mget(...keys: Many[]): To<W, (S | null)[]>;
  mset(pairs: Map<Argument, Argument>): To<W, 'OK'>;
  mset<F extends object>(pairs: Pairs<F>): To<W, 'OK'>;
  mset(...pairs: Many[]): To<W, 'OK'>;
  msetnx(pairs: Map<Argument, Argument>): To<W, number>;
  msetnx<F extends object>(pairs: Pairs<F>): To<W, number>;
  msetnx(...pairs: Many[]): To<W, number>;
  hset(key: Argument, fields: Map<Argument, Argument>): To<W, number>;
  hset<F extends object>(key: Argument, fields: Pairs<F>): To<W, number>;
  hset(key: Argument, ...pairs: Many[]): To<W, number>;
  hmset(key: Argument, fields: Map<Argument, Argument>): To<W, 'OK'>;
  hmset<F extends object>(key: Argument, fields: Pairs<F>): To<W, 'OK'>;
  hmset(key: Argument, ...pairs: Many[]): To<W, 'OK'>;
  hsetnx(key: Argument, field: Argument, value: Argument): To<W, number>;
  hget(key: Argument, field: Argument): To<W, S | null>;
  hmget(key: Argument, ...fields: Many[]): To<W, (S | null)[]>;
  hgetall(key: Argument): To<W, Fields<S>>;
  hdel(key: Argument, ...fields: Many[]): To<W, number>;
  hexists(key: Argument, field: Argument): To<W, number>;
  hstrlen(key: Argument, field: Argument): To<W, number>;
  hincrby(key: Argument, field: Argument, by: number | bigint): To<W, number>;
  hincrbyfloat(key: Argument, field: Argument, by: number): To<W, S>;
  hkeys(key: Argument): To<W, S[]>;
  hvals(key: Argument): To<W, S[]>;
  hrandfield(key: Argument): To<W, S | null>;
  hrandfield(key: Argument, count: number): To<W, S[]>;
  hrandfield(key: Argument, count: number, options: { withvalues: true }): To<W, [field: S, value: S][]>;
  hrandfield(key: Argument, count: number, options: { withvalues?: boolean }): To<W, S[] | [field: S, value: S][]>;
  hscan(key: Argument, cursor: Argument, options?: ScanOptions): To<W, [cursor: S, pairs: S[]]>;
  sscan(key: Argument, cursor: Argument, options?: ScanOptions): To<W, [cursor: S, members: S[]]>;
  zscan(key: Argument, cursor: Argument, options?: ScanOptions): To<W, [cursor: S, pairs: S[]]>;
  scan(cursor: Argument, options?: ScanOptions & { type?: string }): To<W, [cursor: S, keys: S[]]>;
  keys(pattern: Argument): To<W, S[]>;
  randomkey(): To<W, S | null>;
  info(...sections: Argument[]): To<W, string>;
  time(): To<W, [seconds: S, micros: S]>;
  type(key: Argument): To<W, 'none' | 'string' | 'list' | 'set' | 'zset' | 'hash'>;
  lcs(one: Argument, other: Argument, options?: { len?: boolean; idx?: boolean; minmatchlen?: number; withmatchlen?: boolean }): To<W, any>;
  lindex(key: Argument, index: number): To<W, S | null>;
  linsert(key: Argument, where: 'BEFORE' | 'AFTER', pivot: Argument, value: Argument): To<W, number>;
  lpush(key: Argument, ...values: Many[]): To<W, number>;
  lpushx(key: Argument, ...values: Many[]): To<W, number>;
  rpush(key: Argument, ...values: Many[]): To<W, number>;
  rpushx(key: Argument, ...values: Many[]): To<W, number>;
  lpop(key: Argument): To<W, S | null>;
  lpop(key: Argument, count: number): To<W, S[] | null>;
  rpop(key: Argument): To<W, S | null>;
  rpop(key: Argument, count: number): To<W, S[] | null>;
  lpos(key: Argument, value: Argument, options?: { rank?: number; maxlen?: number }): To<W, number | null>;
  lpos(key: Argument, value: Argument, options: { rank?: number; count: number; maxlen?: number }): To<W, number[]>;
  lrange(key: Argument, start: number, stop: number): To<W, S[]>;
  lrem(key: Argument, count: number, value: Argument): To<W, number>;
  lset(key: Argument, index: number, value: Argument): To<W, 'OK'>;
  ltrim(key: Argument, start: number, stop: number): To<W, 'OK'>;
  move(key: Argument, db: number): To<W, number>;
  swapdb(one: number, other: number): To<W, 'OK'>;
  rename(from: Argument, to: Argument): To<W, 'OK'>;
  renamenx(from: Argument, to: Argument): To<W, number>;
  publish(channel: Argument, message: Argument): To<W, number>;
  spublish(channel: Argument, message: Argument): To<W, number>;
  sadd(key: Argument, ...members: Many[]): To<W, number>;
  srem(key: Argument, ...members: Many[]): To<W, number>;
  sdiff(...keys: Many[]): To<W, Set<S>>;
  sinter(...keys: Many[]): To<W, Set<S>>;
  sunion(...keys: Many[]): To<W, Set<S>>;
  sdiffstore(target: Argument, ...keys: Many[]): To<W, number>;
  sinterstore(target: Argument, ...keys: Many[]): To<W, number>;
  sunionstore(target: Argument, ...keys: Many[]): To<W, number>;
  sintercard(count: number, keys: Many, options?: { limit?: number }): To<W, number>;
  sismember(key: Argument, member: Argument): To<W, 0 | 1>;
  smismember(key: Argument, ...members: Many[]): To<W, (0 | 1)[]>;
  smembers(key: Argument): To<W, Set<S>>;
  smove(from: Argument, to: Argument, member: Argument): To<W, 0 | 1>;
  spop(key: Argument): To<W, S | null>;
  spop(key: Argument, count: number): To<W, Set<S>>;
  srandmember(key: Argument): To<W, S | null>;
  srandmember(key: Argument, count: number): To<W, S[]>;
  sort(key: Argument, options: SortOptions & { store: Argument }): To<W, number>;
  sort(key: Argument, options?: SortOptions): To<W, (S | null)[]>;
  sort_ro(key: Argument, options?: SortOptions): To<W, (S | null)[]>;
  wait(replicas: number, timeout: number): To<W, number>;
  zadd(key: Argument, options: AddOptions & { incr: true }, score: Argument, member: Argument): To<W, number | null>;
  zadd(key: Argument, options: AddOptions, scored: Scored): To<W, number>;
  zadd(key: Argument, scored: Scored): To<W, number>;
  zadd(key: Argument, ...words: (Many | AddOptions)[]): To<W, number>;
  zincrby(key: Argument, by: number, member: Argument): To<W, number>;
  zscore(key: Argument, member: Argument): To<W, number | null>;
  zmscore(key: Argument, ...members: Many[]): To<W, (number | null)[]>;
  zrank(key: Argument, member: Argument): To<W, number | null>;
  zrevrank(key: Argument, member: Argument): To<W, number | null>;
  zrem(key: Argument, ...members: Many[]): To<W, number>;
  zcount(key: Argument, min: Bound, max: Bound): To<W, number>;
  zlexcount(key: Argument, min: Bound, max: Bound): To<W, number>;
  zremrangebyscore(key: Argument, min: Bound, max: Bound): To<W, number>;
  zremrangebylex(key: Argument, min: Bound, max: Bound): To<W, number>;
  zremrangebyrank(key: Argument, start: number, stop: number): To<W, number>;
  zrange(key: Argument, start: Bound, stop: Bound, options: RangeOptions & WithScores): To<W, [member: S, score: number][]>;
  zrange(key: Argument, start: Bound, stop: Bound, options?: RangeOptions): To<W, S[]>;
  zrange(key: Argument, start: Bound, stop: Bound, options: RangeOptions & PerhapsScores): To<W, S[] | [member: S, score: number][]>;
  zrangestore(target: Argument, from: Argument, start: Bound, stop: Bound, options?: RangeOptions): To<W, number>;
  zrevrange(key: Argument, start: number, stop: number, options: WithScores): To<W, [member: S, score: number][]>;
  zrevrange(key: Argument, start: number, stop: number): To<W, S[]>;
  zrevrange(key: Argument, start: number, stop: number, options: PerhapsScores): To<W, S[] | [member: S, score: number][]>;
  zrangebyscore(key: Argument, from: Bound, to: Bound, options: LimitOptions & WithScores): To<W, [member: S, score: number][]>;
  zrangebyscore(key: Argument, from: Bound, to: Bound, options?: LimitOptions): To<W, S[]>;
  zrangebyscore(key: Argument, from: Bound, to: Bound, options: LimitOptions & PerhapsScores): To<W, S[] | [member: S, score: number][]>;
  zrevrangebyscore(key: Argument, from: Bound, to: Bound, options: LimitOptions & WithScores): To<W, [member: S, score: number][]>;
  zrevrangebyscore(key: Argument, from: Bound, to: Bound, options?: LimitOptions): To<W, S[]>;
  zrevrangebyscore(key: Argument, from: Bound, to: Bound, options: LimitOptions & PerhapsScores): To<W, S[] | [member: S, score: number][]>;
  zrangebylex(key: Argument, from: Bound, to: Bound, options?: LimitOptions): To<W, S[]>;
  zrevrangebylex(key: Argument, from: Bound, to: Bound, options?: LimitOptions): To<W, S[]>;
  zpopmin(key: Argument): To<W, [member: S, score: number] | []>;
  zpopmax(key: Argument): To<W, [member: S, score: number] | []>;
  zpopmin(key: Argument, count: number): To<W, [member: S, score: number][]>;
  zpopmax(key: Argument, count: number): To<W, [member: S, score: number][]>;
  zrandmember(key: Argument): To<W, S | null>;
  zrandmember(key: Argument, count: number): To<W, S[]>;
  zrandmember(key: Argument, count: number, options: WithScores): To<W, [member: S, score: number][]>;
  zrandmember(key: Argument, count: number, options: PerhapsScores): To<W, S[] | [member: S, score: number][]>;
  zdiff(count: number, keys: Many, options: WithScores): To<W, [member: S, score: number][]>;
  zdiff(count: number, keys: Many): To<W, S[]>;
  zdiff(count: number, keys: Many, options: PerhapsScores): To<W, S[] | [member: S, score: number][]>;
  zinter(count: number, keys: Many, options: StoreOptions & WithScores): To<W, [member: S, score: number][]>;
  zinter(count: number, keys: Many, options?: StoreOptions): To<W, S[]>;
  zinter(count: number, keys: Many, options: StoreOptions & PerhapsScores): To<W, S[] | [member: S, score: number][]>;
  zunion(count: number, keys: Many, options: StoreOptions & WithScores): To<W, [member: S, score: number][]>;
  zunion(count: number, keys: Many, options?: StoreOptions): To<W, S[]>;
  zunion(count: number, keys: Many, options: StoreOptions & PerhapsScores): To<W, S[] | [member: S, score: number][]>;
  zdiffstore(target: Argument, count: number, keys: Many): To<W, number>;
  zinterstore(target: Argument, count: number, keys: Many, options?: StoreOptions): To<W, number>;
  zunionstore(target: Argument, count: number, keys: Many, options?: StoreOptions): To<W, number>;
  zintercard(count: number, keys: Many, options?: { limit?: number }): To<W, number>;
}

/** Commands by any name, or as text: each hole is one argument, whatever bytes it has. */
export interface Any<W = Soon> {
  (strings: TemplateStringsArray, ...holes: Argument[]): To<W, any>;
  call(name: string, ...words: Argument[]): To<W, any>;
}

/** A transaction that is being collected: `exec` sends it and gives the replies, one for each command. `B`: what it gives where it did not run;
 * `S`: what strings come as. */
export interface Multi<T extends unknown[] = [], B = never, S = string> extends Commands<S, Queued<T, B, S>>, Any<Queued<T, B, S>> {
  /** In a session `null`: a watched key had changed. */
  exec(): Promise<{ [I in keyof T]: T[I] | NuthatchError } | B>;
}

/** Scans to their end. */
export interface Scans<S = string> {
  scanIterator(options?: ScanOptions & { type?: string }): AsyncGenerator<S>;
  sscanIterator(key: Argument, options?: ScanOptions): AsyncGenerator<S>;
  hscanIterator(key: Argument, options?: ScanOptions): AsyncGenerator<[field: S, value: S]>;
  zscanIterator(key: Argument, options?: ScanOptions): AsyncGenerator<[member: S, score: number]>;
}

/** The same with strings as `Uint8Array`, names of fields among them: a hash is a `Map`. */
export interface Bytes extends Commands<Uint8Array>, Any, Scans<Uint8Array> {
  multi(): Multi<[], never, Uint8Array>;
}

/** What a live query reads through. */
export interface Reader extends Commands, Any, Scans {
  readonly bytes: Bytes;
  readonly json: Json;
  multi(): Multi;
}

/** Values, members of sets and elements of lists as JSON; keys and names of fields stay text. What is compared is JSON's text: `{ a: 1, b: 2 }` is
 * another member than `{ b: 2, a: 1 }`. Each argument is one value, lists too. */
export interface Json {
  set<T = any>(key: Argument, value: unknown, options: SetOptions & { get: true }): Promise<T | null>;
  set(key: Argument, value: unknown, options?: SetOptions): Promise<'OK' | null>;
  setnx(key: Argument, value: unknown): Promise<number>;
  setex(key: Argument, seconds: number, value: unknown): Promise<'OK'>;
  psetex(key: Argument, milliseconds: number, value: unknown): Promise<'OK'>;
  get<T = any>(key: Argument): Promise<T | null>;
  getset<T = any>(key: Argument, value: unknown): Promise<T | null>;
  getdel<T = any>(key: Argument): Promise<T | null>;
  getex<T = any>(key: Argument, options?: Expiry & { persist?: boolean }): Promise<T | null>;
  mget<T = any>(...keys: Many[]): Promise<(T | null)[]>;
  mset(values: object): Promise<'OK'>;
  mset(...pairs: unknown[]): Promise<'OK'>;
  msetnx(values: object): Promise<number>;
  msetnx(...pairs: unknown[]): Promise<number>;
  hset(key: Argument, fields: object): Promise<number>;
  hset(key: Argument, ...pairs: unknown[]): Promise<number>;
  hmset(key: Argument, fields: object): Promise<'OK'>;
  hmset(key: Argument, ...pairs: unknown[]): Promise<'OK'>;
  hsetnx(key: Argument, field: Argument, value: unknown): Promise<number>;
  hget<T = any>(key: Argument, field: Argument): Promise<T | null>;
  hmget<T = any>(key: Argument, ...fields: Many[]): Promise<(T | null)[]>;
  hvals<T = any>(key: Argument): Promise<T[]>;
  hgetall<T = any>(key: Argument): Promise<Record<string, T>>;
  lpush(key: Argument, ...values: unknown[]): Promise<number>;
  lpushx(key: Argument, ...values: unknown[]): Promise<number>;
  rpush(key: Argument, ...values: unknown[]): Promise<number>;
  rpushx(key: Argument, ...values: unknown[]): Promise<number>;
  lset(key: Argument, index: number, value: unknown): Promise<'OK'>;
  linsert(key: Argument, where: 'BEFORE' | 'AFTER', pivot: unknown, value: unknown): Promise<number>;
  lrem(key: Argument, count: number, value: unknown): Promise<number>;
  lpos(key: Argument, value: unknown): Promise<number | null>;
  lindex<T = any>(key: Argument, index: number): Promise<T | null>;
  lrange<T = any>(key: Argument, start: number, stop: number): Promise<T[]>;
  lpop<T = any>(key: Argument): Promise<T | null>;
  lpop<T = any>(key: Argument, count: number): Promise<T[] | null>;
  rpop<T = any>(key: Argument): Promise<T | null>;
  rpop<T = any>(key: Argument, count: number): Promise<T[] | null>;
  lmove<T = any>(from: Argument, to: Argument, take: 'LEFT' | 'RIGHT', put: 'LEFT' | 'RIGHT'): Promise<T | null>;
  rpoplpush<T = any>(from: Argument, to: Argument): Promise<T | null>;
  sadd(key: Argument, ...members: unknown[]): Promise<number>;
  srem(key: Argument, ...members: unknown[]): Promise<number>;
  sismember(key: Argument, member: unknown): Promise<number>;
  smismember(key: Argument, ...members: unknown[]): Promise<number[]>;
  smove(from: Argument, to: Argument, member: unknown): Promise<number>;
  smembers<T = any>(key: Argument): Promise<Set<T>>;
  spop<T = any>(key: Argument): Promise<T | null>;
  spop<T = any>(key: Argument, count: number): Promise<Set<T>>;
  srandmember<T = any>(key: Argument): Promise<T | null>;
  srandmember<T = any>(key: Argument, count: number): Promise<T[]>;
  sdiff<T = any>(...keys: Many[]): Promise<Set<T>>;
  sinter<T = any>(...keys: Many[]): Promise<Set<T>>;
  sunion<T = any>(...keys: Many[]): Promise<Set<T>>;
}

/** A session of its own: for WATCH, SELECT, and transactions that others must not disturb. */
export interface Session extends Commands, Any, Scans {
  select(database: number): Promise<'OK'>;
  /** `exec` gives `null` if one of them changed meanwhile, or if another tab has taken over: then nobody can tell. */
  watch(...keys: Many[]): Promise<'OK'>;
  unwatch(): Promise<'OK'>;
  multi(): Multi<[], null>;
  readonly bytes: Bytes;
  readonly json: Json;
  /** Ends it when it has its replies. */
  close(): Promise<void>;
}

export interface Database extends Omit<Commands, 'persist'>, Any, Scans {
  /** The same commands with strings as `Uint8Array`. */
  readonly bytes: Bytes;
  /** With `worker: false`: replies at once, for values that are in memory; others throw `NOTINMEMORY`. */
  readonly sync: Commands<string, Now> & Any<Now> & { readonly bytes: Commands<Uint8Array, Now> & Any<Now> };
  readonly json: Json;
  /** Where data is kept: `idb`, `opfs`, `memory` or `file`. */
  readonly device: string;
  multi(): Multi;
  session(): Session;
  subscribe(channel: string, handler: (message: string, channel: string) => void): Promise<Stop>;
  psubscribe(pattern: string, handler: (message: string, channel: string) => void): Promise<Stop>;
  /** Tells of every change of keys of database 0 that match; `null`: all keys went at once (`flush`: FLUSHALL, FLUSHDB, SWAPDB), or events may have been
   * missed (`missed`: another engine answers from now on). */
  watch(pattern: string, handler: (key: string | null, event: string) => void): Promise<Stop>;
  /** Runs `read` now and whenever a key that it read has changed, and calls `handler(error, value)` each time: `error` is `undefined` and `value` what
   * `read` returned, or `error` is what it threw. It goes on after an error. Reads go through `read`'s argument. */
  live<T>(read: (db: Reader) => T | Promise<T>, handler: (error: unknown, value?: T) => void): Promise<Stop>;
  stats(): Promise<Stats>;
  /** A picture of the page device. */
  pageMap(): Promise<PageMap>;
  commandDocs(...names: string[]): Promise<Record<string, CommandDoc>>;
  /** The dataset as a file that redis-server loads. */
  exportRdb(): Promise<Blob>;
  /**
   * Takes the keys of a dump.rdb; keys of the same names are replaced. A file that is damaged is refused where the damage is met: what
   * stands before it has been taken.
   */
  importRdb(file: Blob | ArrayBuffer | ArrayBufferView | Response | ReadableStream<Uint8Array>, options?: { progress?: ImportProgress }): Promise<ImportResult>;
  /** Asks the browser not to clear the data when space is short. */
  persist(): Promise<boolean>;
  /** The command PERSIST. */
  persist(key: Argument): Promise<number>;
  /** A port that speaks RESP: post bytes or text, receive `Uint8Array`; `null` ends it. */
  resp(): RespPort;
  /** Ends the worker as a crash would and opens the database again. Commands without a reply are rejected with `CRASHED`. */
  crash(): Promise<void>;
  /** Makes everything durable and ends; rejected where the device did not take what was written last. */
  close(): Promise<void>;
}

/** What `resp()` gives: a `MessagePort`, where the surrounding's types know one. */
export type RespPort = typeof globalThis extends { MessagePort: { prototype: infer P } } ? P : Port;

/** What every port has. */
export interface Port {
  postMessage(message: Uint8Array | string | null): void;
  onmessage: ((event: { data: Uint8Array | null }) => void) | null;
  start(): void;
  close(): void;
}

/** Opens a database, and makes it where there is none. */
export function open(name: string, options?: OpenOptions): Promise<Database>;
