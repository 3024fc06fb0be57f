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
  /** Numbers come as strings. */
  stringNumbers?: boolean;
  /** Others of ioredis' options are taken and mean nothing here. */
  [option: string]: unknown;
}

export interface ScanStreamOptions {
  match?: string;
  type?: string;
  count?: number;
  [option: string]: unknown;
}

type Answered<T> = (error: Error | null, result?: T) => void;

/** An error that the engine answered. */
export class ReplyError extends Error {
  command: { name: string; args: (string | Buffer)[] };
  previousErrors?: ReplyError[];
}

/** `get`, `getBuffer`, …: a method for each command, and one for each that gives Buffers. */
export interface Commands<R> {
  call(name: string, ...given: any[]): R;
  callBuffer(name: string, ...given: any[]): R;
  [command: string]: any;
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

export interface Redis extends Commands<Promise<any>> {}
export class Redis extends EventEmitter {
  static Command: {
    setArgumentTransformer(name: string, change: (args: any[]) => any[]): void;
    setReplyTransformer(name: string, change: (reply: any) => any): void;
  };
  static Cluster: typeof Cluster;
  static createClient(...given: ConstructorParameters<typeof Redis>): Redis;
  constructor(port: number, host?: string | RedisOptions, options?: RedisOptions);
  constructor(url: string, options?: RedisOptions);
  constructor(options?: RedisOptions);
  readonly options: RedisOptions;
  readonly status: 'wait' | 'connecting' | 'connect' | 'ready' | 'close' | 'end';
  connect(callback?: Answered<void>): Promise<void>;
  disconnect(): void;
  quit(callback?: Answered<'OK'>): Promise<'OK'>;
  duplicate(override?: RedisOptions): Redis;
  pipeline(commands?: any[][]): Pipeline;
  multi(options: { pipeline: false }): Promise<'OK'>;
  multi(commands?: any[][]): Transaction;
  scanStream(options?: ScanStreamOptions): Readable;
  sscanStream(key: string | Buffer, options?: ScanStreamOptions): Readable;
  hscanStream(key: string | Buffer, options?: ScanStreamOptions): Readable;
  zscanStream(key: string | Buffer, options?: ScanStreamOptions): Readable;
}

/** A cluster of one. */
export class Cluster extends Redis {
  constructor(nodes?: RedisOptions[], options?: RedisOptions & { redisOptions?: RedisOptions });
  nodes(): Redis[];
}

export default Redis;
