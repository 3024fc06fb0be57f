// ioredis' class over an engine in this process, for tests. Commands have ioredis' argument conventions and reply shapes; who has
// ioredis installed may use its types instead: `import type Redis from 'ioredis'`.

import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';

export interface RedisOptions {
  /** Instances with the same host and port (or path) share one dataset. */
  port?: number;
  host?: string;
  path?: string;
  db?: number;
  keyPrefix?: string;
  lazyConnect?: boolean;
  enableOfflineQueue?: boolean;
  connectionName?: string;
  /** After how many milliseconds to connect again when a connection has ended, by the number of the attempt; without a number it has ended for good. */
  retryStrategy?: ((times: number) => number | void | null) | null;
  /** What was subscribed is subscribed again on the next connection: `true`. */
  autoResubscribe?: boolean;
  /** Commands that were on their way are sent again on the next connection: `true`. `false` rejects them. */
  autoResendUnfulfilledCommands?: boolean;
  /** Milliseconds after which a command is given up. */
  commandTimeout?: number;
  /** Numbers come as strings. */
  stringNumbers?: boolean;
  /** What is there at first, as ioredis-mock takes it: lists as arrays, sets as `Set`, hashes as objects or `Map`, all else as strings. */
  data?: Record<string, unknown>;
  /** `2`: a connection that is subscribed takes nothing but what concerns subscriptions, `ping` and `quit`, as with RESP2. */
  protocol?: 2 | 3;
  /** Others of ioredis' options are taken and mean nothing here. */
  [option: string]: unknown;
}

export interface ScanStreamOptions {
  match?: string;
  type?: string;
  count?: number;
  [option: string]: unknown;
}

/** A stream of the portions that a scan gives. */
export class ScanStream extends Readable {
  constructor(options: ScanStreamOptions & { redis: Redis; command: string; key?: string | Buffer });
  /** The portion that is under way is the last. */
  close(): void;
}

/** A callback that prints `Error: …` or `Reply: …`. */
export function print(error: Error | null, reply?: any): void;

type Answered<T> = (error: Error | null, result?: T) => void;

/** An error that the engine answered. */
export class ReplyError extends Error {
  command: { name: string; args: (string | Buffer)[] };
  previousErrors?: ReplyError[];
}

/** What is given to a command: words, bytes, numbers, lists and objects of these, and at last a callback. */
type Given = string | number | bigint | boolean | null | undefined | object | Answered<any>;
/** The commands that the engine has; others are methods too, which give its error. */
type Name =
  'append' | 'auth' | 'bgrewriteaof' | 'bgsave' | 'bitcount' | 'bitfield' | 'bitfield_ro' | 'bitop' | 'bitpos' | 'blmove' | 'blmpop' | 'blpop' |
  'brpop' | 'brpoplpush' | 'bzmpop' | 'bzpopmax' | 'bzpopmin' | 'client' | 'command' | 'config' | 'copy' | 'dbsize' | 'debug' | 'decr' | 'decrby' |
  'del' | 'dump' | 'echo' | 'exists' | 'expire' | 'expireat' | 'expiretime' | 'flushall' | 'flushdb' | 'get' | 'getbit' | 'getdel' | 'getex' |
  'getrange' | 'getset' | 'hdel' | 'hexists' | 'hget' | 'hgetall' | 'hincrby' | 'hincrbyfloat' | 'hkeys' | 'hlen' | 'hmget' | 'hmset' | 'hrandfield' |
  'hscan' | 'hset' | 'hsetnx' | 'hstrlen' | 'hvals' | 'incr' | 'incrby' | 'incrbyfloat' | 'info' | 'keys' | 'lastsave' | 'latency' | 'lcs' | 'lindex' |
  'linsert' | 'llen' | 'lmove' | 'lmpop' | 'lpop' | 'lpos' | 'lpush' | 'lpushx' | 'lrange' | 'lrem' | 'lset' | 'ltrim' | 'memory' | 'mget' | 'move' |
  'mset' | 'msetnx' | 'object' | 'persist' | 'pexpire' | 'pexpireat' | 'pexpiretime' | 'ping' | 'psetex' | 'pttl' | 'publish' | 'pubsub' |
  'randomkey' | 'rename' | 'renamenx' | 'restore' | 'rpop' | 'rpoplpush' | 'rpush' | 'rpushx' | 'sadd' | 'save' | 'scan' | 'scard' | 'sdiff' |
  'sdiffstore' | 'set' | 'setbit' | 'setex' | 'setnx' | 'setrange' | 'sinter' | 'sintercard' | 'sinterstore' | 'sismember' | 'slowlog' | 'smembers' |
  'smismember' | 'smove' | 'sort' | 'sort_ro' | 'spop' | 'spublish' | 'srandmember' | 'srem' | 'sscan' | 'strlen' | 'substr' | 'sunion' |
  'sunionstore' | 'swapdb' | 'time' | 'touch' | 'ttl' | 'type' | 'unlink' | 'wait' | 'zadd' | 'zcard' | 'zcount' | 'zdiff' | 'zdiffstore' | 'zincrby' |
  'zinter' | 'zintercard' | 'zinterstore' | 'zlexcount' | 'zmpop' | 'zmscore' | 'zpopmax' | 'zpopmin' | 'zrandmember' | 'zrange' | 'zrangebylex' |
  'zrangebyscore' | 'zrangestore' | 'zrank' | 'zrem' | 'zremrangebylex' | 'zremrangebyrank' | 'zremrangebyscore' | 'zrevrange' | 'zrevrangebylex' |
  'zrevrangebyscore' | 'zrevrank' | 'zscan' | 'zscore' | 'zunion' | 'zunionstore' | 'discard' | 'watch' | 'unwatch' | 'select' | 'reset' | 'hello' |
  'role' | 'subscribe' | 'psubscribe' | 'ssubscribe' | 'unsubscribe' | 'punsubscribe' | 'sunsubscribe';

/** `get`, `getBuffer`, …: a method for each command, and one for each that gives Buffers. */
export interface Commands<R> extends Record<Name | `${Name}Buffer`, (...given: Given[]) => R> {
  call(name: string, ...given: Given[]): R;
  callBuffer(name: string, ...given: Given[]): R;
}

export interface Pipeline extends Commands<Pipeline> {
  readonly length: number;
  addBatch(commands: any[][]): this;
  exec(callback?: Answered<[error: Error | null, result?: any][]>): Promise<[error: Error | null, result?: any][]>;
}

export interface Transaction extends Commands<Transaction> {
  readonly length: number;
  /** `null`: a watched key had changed. */
  exec(callback?: Answered<[error: Error | null, result?: any][] | null>): Promise<[error: Error | null, result?: any][] | null>;
}

/** A command that is made by hand, for `sendCommand`; its reply is bytes where no encoding is asked for. */
export class Command {
  static setArgumentTransformer(name: string, change: (args: any[]) => any[]): void;
  static setReplyTransformer(name: string, change: (reply: any) => any): void;
  constructor(name: string, given?: Given[], options?: { replyEncoding?: string | null; keyPrefix?: string }, callback?: Answered<any>);
  readonly name: string;
  readonly args: (string | Buffer)[];
  readonly promise: Promise<any>;
}

export interface Redis extends Commands<Promise<any>> {}
export class Redis extends EventEmitter {
  static Command: typeof Command;
  static Cluster: typeof Cluster;
  static ScanStream: typeof ScanStream;
  static ReplyError: typeof ReplyError;
  static print: typeof print;
  static createClient(...given: ConstructorParameters<typeof Redis>): Redis;
  constructor(port: number, host?: string | RedisOptions, options?: RedisOptions);
  constructor(url: string, options?: RedisOptions);
  constructor(options?: RedisOptions);
  readonly options: RedisOptions;
  readonly mode: 'normal' | 'subscriber' | 'monitor';
  readonly isCluster: boolean;
  readonly status: 'wait' | 'connecting' | 'connect' | 'ready' | 'monitoring' | 'close' | 'reconnecting' | 'end';
  connect(callback?: Answered<void>): Promise<void>;
  /** `true`: connects again, as after a connection that the engine has closed. */
  disconnect(reconnect?: boolean): void;
  end(): void;
  quit(callback?: Answered<'OK'>): Promise<'OK'>;
  sendCommand(command: Command, callback?: Answered<any>): Promise<any>;
  /** Gives a connection of its own, which hears of each command by `monitor` events. */
  monitor(callback?: Answered<Redis>): Promise<Redis>;
  duplicate(override?: RedisOptions): Redis;
  pipeline(commands?: any[][]): Pipeline;
  multi(options: { pipeline: false }): Promise<'OK'>;
  /** Ends what `multi({ pipeline: false })` began. */
  exec(callback?: Answered<[error: Error | null, result?: any][] | null>): Promise<[error: Error | null, result?: any][] | null>;
  multi(commands?: any[][]): Transaction;
  scanStream(options?: ScanStreamOptions): ScanStream;
  sscanStream(key: string | Buffer, options?: ScanStreamOptions): ScanStream;
  hscanStream(key: string | Buffer, options?: ScanStreamOptions): ScanStream;
  zscanStream(key: string | Buffer, options?: ScanStreamOptions): ScanStream;
}

/** A cluster of one. */
export class Cluster extends Redis {
  constructor(nodes?: RedisOptions[], options?: RedisOptions & { redisOptions?: RedisOptions });
  nodes(): Redis[];
}

export default Redis;
