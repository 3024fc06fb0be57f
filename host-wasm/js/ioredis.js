// ioredis' class over an engine in this process: for tests, in place of a server or a mock.
//
// Instances with the same host and port share one dataset, as they would share a server.

import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { NAMES } from './names.js';
import { Fifo, ReplyError, engine, prefixed, reply, transformers, words } from './ioredis-wire.js';

export { OwnCommand as Command, ReplyError };

const MORE = 'exec discard watch unwatch select quit reset hello role subscribe psubscribe ssubscribe unsubscribe punsubscribe sunsubscribe';
/** What ioredis has and the engine has not: its error says so. */
const OTHERS = (
  'acl arcount ardel ardelrange arget argetrange argrep arinfo arinsert arlastitems arlen armget armset arnext arop arring arscan arseek ' +
  'arset asking backup blmovem cluster delex digest eval eval_ro evalsha evalsha_ro failover fcall fcall_ro function geoadd geodist geohash ' +
  'geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore hexpire hexpireat hexpiretime hgetdel ' +
  'hgetex himport hotkeys hpersist hpexpire hpexpireat hpexpiretime hpttl hsetex httl increx lmovem lolwut migrate module msetex pfadd ' +
  'pfcount pfdebug pfmerge pfselftest psync readonly readwrite replconf replicaof restore-asking script sdiffcard sentinel shutdown slaveof ' +
  'sunioncard sync trimslots vadd vcard vdim vemb vgetattr vinfo vismember vlinks vrandmember vrange vrem vsetattr vsim waitaof xack ' +
  'xackdel xadd xautoclaim xcfgset xclaim xdel xdelex xgroup xidmprecord xinfo xlen xnack xpending xrange xread xreadgroup xrevrange xsetid xtrim'
);
const COMMANDS = [...NAMES, ...`${MORE} ${OTHERS}`.split(' '), 'multi'];
const DEFAULTS = { port: 6379, host: 'localhost', db: 0, keyPrefix: '', lazyConnect: false, enableOfflineQueue: true, connectionName: null, stringNumbers: false };
const CLOSED = 'Connection is closed.';
/** After how many milliseconds the first, second, … attempt to connect again is made. */
const RETRY = (times) => Math.min(times * 50, 2000);
const SUBSCRIBING = /^[ps]?(un)?subscribe$/;
/** What a connection that is subscribed may send where replies and messages are not told apart, as in RESP2. */
const SUBSCRIBED = /^([ps]?(un)?subscribe|ping|quit)$/;

/** Calls back where a callback was given. */
function answered(promise, callback) {
  // What it gives back is nobody's.
  if (callback) promise.then((value) => void callback(null, value), (error) => void callback(error));
  return promise;
}

const callbackOf = (given) => (typeof given.at(-1) === 'function' ? given.pop() : undefined);

/** One command on its way. */
class Command {
  constructor(name, given, { keyPrefix, stringNumbers }, bytes) {
    Object.assign(this, { name: String(name), keyPrefix, texts: stringNumbers, bytes });
    this.kind = this.name.toLowerCase();
    // What is changed goes by the name as it was given.
    this.args = words(this.name, given);
    this.promise = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
  }

  /** The words to be sent. */
  line(at) {
    if (this.keyPrefix && !this.prefixed) for (const place of at.keyPlaces(this.kind, this.args)) this.args[place] = prefixed(this.keyPrefix, this.args[place]);
    this.prefixed = true;
    return [this.name, ...this.args];
  }

  settle(value) {
    const result = this.raw && Array.isArray(value) ? value : this.read(value);
    if (result instanceof Error) this.reject(result);
    else this.resolve(result);
  }

  read(value) {
    const result = reply(value, this);
    return result instanceof Error ? result : transformers.reply[this.name]?.(result) ?? result;
  }
}

/** A command that users make themselves, for `sendCommand`: its reply is bytes, unless an encoding is asked for. */
class OwnCommand extends Command {
  static name = 'Command';
  static setArgumentTransformer = (name, change) => (transformers.argument[name] = change);
  static setReplyTransformer = (name, change) => (transformers.reply[name] = change);

  constructor(name, given = [], { replyEncoding, keyPrefix } = {}, callback) {
    super(name, given, { keyPrefix }, !replyEncoding);
    answered(this.promise, callback);
  }
}

/** A method for each command, and one for each that gives Buffers; what they do with a command is the class's `sendCommand`. */
class Commander extends EventEmitter {
  getBuiltinCommands() {
    return [...COMMANDS];
  }

  createBuiltinCommand(name) {
    return { string: method(name, false), buffer: method(name, true) };
  }

  addBuiltinCommand(name) {
    this[name] = method(name, false);
    this[`${name}Buffer`] = method(name, true);
  }

  call(name, ...given) {
    return method(name, false).apply(this, given);
  }

  callBuffer(name, ...given) {
    return method(name, true).apply(this, given);
  }

  send_command(...given) {
    return this.call(...given);
  }

  defineCommand(name) {
    throw new Error(`the command '${name}' cannot be defined: the engine runs no Lua scripts`);
  }
}

function method(name, bytes) {
  return function (...given) {
    const callback = callbackOf(given);
    return this.sendCommand(new Command(name, given, this.options, bytes), callback);
  };
}

for (const name of COMMANDS) Commander.prototype.addBuiltinCommand.call(Commander.prototype, name);

/** Commands that are sent together. Each is answered by `[error]` or `[null, result]`. */
export class Pipeline extends Commander {
  static name = 'Pipeline';

  constructor(redis, multi) {
    super();
    Object.assign(this, { redis, options: redis.options, queue: [], callbacks: [], open: 0, isPipeline: true });
    if (multi) this.multi();
  }

  get length() {
    return this.queue.length;
  }

  addBatch(commands = []) {
    for (const [name, ...given] of commands) this[name](...given);
    return this;
  }

  multi() {
    this.open++;
    return this.sendCommand(new Command('multi', [], this.options));
  }

  sendCommand(command, callback) {
    this.queue.push(command);
    answered(command.promise, callback);
    command.promise.catch(() => {});
    return this;
  }

  /** Ends a transaction that was begun in it, else sends everything. */
  exec(callback) {
    if (this.open > 0) {
      this.open--;
      return this.sendCommand(new Command('exec', [], this.options), callback);
    }
    return this.run(callback);
  }

  execBuffer(callback) {
    return this.exec(callback);
  }

  /** Sends everything, each time; the outcome stays the first time's, and its callback alone is called. */
  run(callback) {
    this.queue.forEach((command, place) => this.redis.sendCommand(Object.assign(command, { place, raw: command.kind === 'exec' })));
    return (this.ran ??= answered(this.outcome(), callback));
  }

  async outcome() {
    const { queue } = this;
    const results = await Promise.all(queue.map(({ promise }) => promise.then((value) => [null, value], (error) => [error])));
    // What EXEC gives belongs to the commands before it.
    results.forEach(([, value], at) => {
      if (queue[at].raw && Array.isArray(value)) value.forEach((one, i) => (value[i] = queue[at - value.length + i].read(one)));
    });
    return results;
  }
}

/** A transaction as one pipeline: `exec` gives its results alone, or `null` where a watched key had changed. */
class Transaction extends Pipeline {
  constructor(redis) {
    super(redis, true);
  }

  exec(callback) {
    if (this.open > 0) super.exec();
    // Once more it is a pipeline like others.
    if (this.ran) return this.run();
    return answered(this.run().then((results) => {
      const [error, value] = results.at(-1);
      if (error) throw Object.assign(error, { previousErrors: results.slice(0, -1).flatMap(([error]) => error ?? []) });
      return wrapped(value);
    }), callback);
  }
}

/** The members of a list or a set; the fields and values of a hash. */
const items = (value) => (Array.isArray(value) || value instanceof Set ? [...value] : [...(value instanceof Map ? value : Object.entries(value))].flat());

/** Gives up a command that may have been run. */
function aborted({ name, args, reject }) {
  reject(Object.assign(new Error('Command aborted due to connection close'), { name: 'AbortError', command: { name, args } }));
}

const wrapped = (results) => results && results.map((one) => (one instanceof Error ? [one] : [null, one]));

/** One connection. */
export class Redis extends Commander {
  static name = 'Redis';
  static Command = OwnCommand;
  isCluster = false;

  static createClient(...given) {
    return new Redis(...given);
  }

  constructor(...given) {
    super();
    this.options = parsed(given);
    /** What is there at first, as ioredis-mock takes it; a duplicate is not to bring it once more. */
    this.initial = this.options.data ?? {};
    delete this.options.data;
    Object.keys(this.options.scripts ?? {}).forEach((name) => this.defineCommand(name));
    this.condition = { select: this.options.db, subscriber: false };
    this.offline = [];
    this.owed = new Fifo();
    /** Which connection it is: those before it have nothing to say any more. */
    this.connections = 0;
    /** How often in a row it was tried to connect again. */
    this.attempts = 0;
    if (this.options.lazyConnect) this.turn('wait');
    else this.connect().catch(() => {});
  }

  // ------------------------------------------------------------------------------------------------------ the connection

  connect(callback) {
    return answered(this.begin(), callback);
  }

  async begin() {
    if (/^(connecting|connect|ready)$/.test(this.status)) throw new Error('Redis is already connecting/connected');
    clearTimeout(this.later);
    const { host, port, path, db, connectionName, readOnly } = this.options;
    const number = ++this.connections;
    const goOn = () => {
      if (this.leaving || number !== this.connections) throw new Error(CLOSED);
    };
    this.condition = { select: db, subscriber: false };
    await this.turn('connecting');
    goOn();
    this.engine = await engine(path ?? `${host}:${port}`);
    goOn();
    this.session = this.engine.session((value) => this.replied(value), () => this.leave());
    await this.turn('connect');
    goOn();
    if (connectionName) this.own('client', 'setname', connectionName);
    if (readOnly) this.own('readonly');
    // Where there is no such database the connection stays with the first.
    if (db) await this.own('select', db).promise.catch((error) => error instanceof ReplyError && this.fault(error));
    goOn();
    for (const [key, value] of Object.entries(this.initial)) this.put(key, value);
    this.initial = {};
    // Who waits for the connection goes on after those who listen for it.
    await this.started();
  }

  /** What was selected and subscribed when the last connection ended is so again; then what waited goes out. */
  started() {
    const { autoResubscribe = true, monitor } = this.options;
    const { select, subscriber } = this.before ?? this.condition;
    this.before = undefined;
    if (select !== this.condition.select) {
      this.own('select', select);
      this.selected(select);
    }
    // Listeners hear of it before the replies come.
    const ready = this.turn('ready');
    this.attempts = 0;
    for (const name of (autoResubscribe && subscriber) || []) {
      const [kind] = name.split(':', 1);
      this.own(`${kind}subscribe`, name.slice(kind.length + 1));
    }
    this.offline.splice(0).forEach((command) => this.write(command));
    if (monitor) this.own('monitor').promise.then(() => this.turn('monitoring'), () => {});
    return ready;
  }

  /** Resolves when listeners have heard of it, and what they began has gone on as far as it can. */
  turn(status, more) {
    this.status = status;
    return new Promise((resolve) => queueMicrotask(() => {
      process.nextTick(resolve);
      this.emit(status, more);
    }));
  }

  /** An error that is no command's. */
  fault(error) {
    queueMicrotask(() => (this.listenerCount('error') ? this.emit('error', error) : console.error('[ioredis] Unhandled error event:', error.stack)));
  }

  /** A key of the initial data: what stood there goes, since instances share their data. */
  put(key, value) {
    const { keyPrefix } = this.options, one = !value || typeof value !== 'object' || Buffer.isBuffer(value) || value instanceof Date;
    const name = one ? 'set' : Array.isArray(value) ? 'rpush' : value instanceof Set ? 'sadd' : 'hset';
    this.issue(new Command('del', [key], { keyPrefix }));
    if (one || items(value).length) this.issue(new Command(name, [key, ...(one ? [value] : items(value))], { keyPrefix }));
  }

  /** A command of our own, before those that wait. */
  own(name, ...given) {
    return this.issue(new Command(name, given, {}));
  }

  issue(command) {
    command.promise.catch(() => {});
    this.write(command);
    return command;
  }

  disconnect(reconnect = false) {
    if (this.status === 'end' || (reconnect && this.status === 'reconnecting')) return;
    if (!reconnect) this.ending = true;
    if (/^(wait|reconnecting)$/.test(this.status)) this.over();
    else this.leave();
  }

  /** The connection ends as soon as the replies that are there have been given. */
  leave() {
    const { connections } = this;
    this.leaving = true;
    queueMicrotask(() => process.nextTick(() => connections === this.connections && this.over()));
  }

  /** The connection has ended, by whomever. What was on its way goes out once more, if there is to be another. */
  over() {
    const { status, session, subscriptions } = this, owed = this.owed.rest;
    const { retryStrategy = RETRY, autoResendUnfulfilledCommands = true } = this.options;
    this.connections++;
    clearTimeout(this.later);
    session?.end();
    subscriptions?.session.end();
    const subscribing = (subscriptions?.owed ?? []).map(({ command }) => command);
    this.engine?.wait(-owed.length - subscribing.length);
    // Of a pipeline that was answered in part nothing is run twice.
    const again = owed.findIndex(({ place }) => !(place > 0));
    owed.splice(0, again < 0 ? owed.length : again).forEach(aborted);
    const rest = [...subscribing, ...owed];
    this.owed = new Fifo();
    this.session = this.subscriptions = undefined;
    if (status !== 'reconnecting') this.turn('close');
    if (status === 'ready') {
      this.before ??= this.condition;
      if (autoResendUnfulfilledCommands) this.offline.unshift(...rest.splice(0));
    }
    const delay = !this.ending && typeof retryStrategy === 'function' ? retryStrategy(++this.attempts) : undefined;
    this.ending = this.leaving = false;
    if (typeof delay === 'number') {
      this.turn('reconnecting', delay);
      this.later = setTimeout(() => this.connect().catch(() => {}), delay);
    } else {
      this.turn('end');
      rest.push(...this.offline.splice(0));
    }
    for (const { reject } of rest) reject(new Error(CLOSED));
  }

  end() {
    this.disconnect();
  }

  duplicate(override = {}) {
    return new this.constructor({ ...this.options, ...override });
  }

  sendCommand(command, callback) {
    if (this.status === 'wait') this.connect().catch(() => {});
    if (this.status === 'end') command.reject(new Error(CLOSED));
    // The engine would end, and nobody start another.
    else if (command.kind === 'shutdown') command.reject(Object.assign(new ReplyError('ERR Errors trying to SHUTDOWN. Check logs.'), { command: { name: command.name, args: command.args } }));
    else if (this.status === 'monitoring') command.reject(new Error("Connection is in monitoring mode, can't process commands."));
    else if (this.mode === 'subscriber' && !SUBSCRIBED.test(command.kind)) command.reject(new Error('Connection in subscriber mode, only subscriber commands may be used'));
    else if (this.status === 'ready' && !this.leaving) this.write(command);
    else if (!this.options.enableOfflineQueue) command.reject(new Error("Stream isn't writeable and enableOfflineQueue options is false"));
    else if (command.kind === 'quit' && !this.offline.length) {
      this.disconnect();
      command.settle('OK');
    } else this.offline.push(command);
    const { commandTimeout } = this.options;
    if (commandTimeout) {
      const late = setTimeout(() => command.reject(new Error('Command timed out')), commandTimeout);
      const done = () => clearTimeout(late);
      command.promise.then(done, done);
    }
    return answered(command.promise, callback);
  }

  write(command) {
    const { kind } = command;
    if (SUBSCRIBING.test(kind)) return this.subscribing(command);
    const line = command.line(this.engine);
    this.owed.push(command);
    this.engine.wait();
    this.session.send(line);
    // The engine closes after its answer.
    if (kind === 'quit') this.ending = true;
  }

  get mode() {
    if (this.options.monitor) return 'monitor';
    return this.condition.subscriber && Number(this.options.protocol) === 2 ? 'subscriber' : 'normal';
  }

  selected(db) {
    if (this.condition.select === db) return;
    this.condition.select = db;
    queueMicrotask(() => this.emit('select', db));
  }

  /** Gives a connection of its own, which hears of each command. */
  monitor(callback) {
    const other = this.duplicate({ monitor: true, lazyConnect: false });
    return answered(once(other, 'monitoring').then(() => other), callback);
  }

  /** `time [db from] "word" …`, as MONITOR tells it; but for quotes, what is escaped stays so. */
  monitored(line) {
    const [, time, db, from, rest] = /^(\S+) \[(\d+) (.*?)\] (.*)$/s.exec(line) ?? [];
    if (time) this.emit('monitor', time, rest.match(/"(\\.|[^"\\])*"/g).map((word) => word.slice(1, -1).replaceAll('\\"', '"')), from, db);
  }

  replied(value) {
    const command = this.owed.shift();
    if (!command) return this.monitored(reply(value, {}));
    this.engine.wait(-1);
    if (command.kind === 'select' && !(value instanceof Error)) this.selected(Number(command.args[0]));
    command.settle(value);
  }

  // ------------------------------------------------------------------------------------------------------------ messages

  /** Subscriptions have a session of their own, so that other commands can go on. */
  subscribing(command) {
    this.subscriptions ??= { session: this.engine.session((value) => this.heard(value), () => this.leave()), owed: [], names: new Set() };
    const { session, owed, names } = this.subscriptions;
    const kind = command.kind.replace(/(un)?subscribe/, '');
    const ends = command.kind.includes('un');
    const line = command.line(this.engine);
    let count = command.args.length;
    if (ends && !count) count = Math.max(1, [...names].filter((name) => name.startsWith(`${kind}:`)).length);
    owed.push({ command, count });
    this.engine.wait();
    session.send(line);
  }

  heard(value) {
    const kind = value instanceof Error ? '' : String(reply(value[0], {}));
    if (/message$/.test(kind)) return this.message(kind, value);
    const { owed, names } = this.subscriptions;
    const [first] = owed;
    if (kind) {
      const name = `${kind.replace(/(un)?subscribe/, '')}:${reply(value[1], {})}`;
      if (kind.includes('un')) names.delete(name);
      else names.add(name);
      this.condition.subscriber = Number(value[2]) > 0 && names;
      if (--first.count) return;
    }
    owed.shift();
    this.engine.wait(-1);
    first.command.settle(kind ? value[2] : value);
  }

  message(kind, [, ...rest]) {
    const texts = rest.map((one) => reply(one, {})), bytes = rest.map((one) => reply(one, { bytes: true }));
    this.emit(kind, ...texts);
    this.emit(`${kind}Buffer`, ...(kind === 'pmessage' ? [texts[0], ...bytes.slice(1)] : bytes));
  }

  // --------------------------------------------------------------------------------------------- several commands at once

  pipeline(commands) {
    return new Pipeline(this).addBatch(commands);
  }

  multi(commands, options = Array.isArray(commands) ? {} : commands) {
    if (options?.pipeline === false) return this.sendCommand(new Command('multi', [], this.options));
    return new Transaction(this).addBatch(Array.isArray(commands) ? commands : []);
  }

  exec(callback) {
    return answered(this.sendCommand(new Command('exec', [], this.options)).then(wrapped), callback);
  }
}

/** A stream of the portions that a scan gives: `new ScanStream({ objectMode: true, redis, command: 'hscan', key: 'h', match: 'a*' })`. */
export class ScanStream extends Readable {
  static name = 'ScanStream';

  constructor(options) {
    super(options);
    this.opt = options;
    this.cursor = '0';
  }

  _read() {
    if (this.drained) return this.push(null);
    const { redis, command, key, match, type, count } = this.opt;
    const options = Object.entries({ match, type, count }).flatMap(([option, value]) => (value ? [option.toUpperCase(), value] : []));
    redis[command](...(key === undefined ? [] : [key]), this.cursor, ...options).then(([next, items]) => {
      this.cursor = String(next);
      this.drained ||= this.cursor === '0';
      this.push(items);
    }, (error) => this.destroy(error));
  }

  close() {
    this.drained = true;
  }
}

for (const name of ['scan', 'sscan', 'hscan', 'zscan']) {
  for (const command of [name, `${name}Buffer`]) {
    Redis.prototype[`${command}Stream`] = function (...given) {
      const key = name === 'scan' ? undefined : given.shift();
      return new ScanStream({ objectMode: true, key, redis: this, command, ...given[0] });
    };
  }
}

/** A callback that tells what it was called with. */
export function print(error, reply) {
  console.log(error ? `Error: ${error}` : `Reply: ${reply}`);
}

/** What the constructor was given: a port, a host or a URL, and options, in this order; the first word on each option counts. */
function parsed(given) {
  const options = {};
  const more = (found) => Object.entries(found).forEach(([name, value]) => (options[name] ??= value));
  for (const one of given) {
    if (typeof one === 'number') options.port ??= one;
    else if (typeof one === 'string') more(/^\d+$/.test(one) ? { port: Number(one) } : address(one));
    else if (one && typeof one === 'object') more(one);
  }
  more(DEFAULTS);
  return { ...options, port: Number(options.port), db: Number(options.db) };
}

function address(text) {
  if (text.startsWith('/')) return { path: text };
  if (!text.includes('://')) return { host: text };
  const { hostname, port, pathname, searchParams } = new URL(text);
  const found = Object.fromEntries(searchParams);
  if (hostname) found.host = hostname;
  if (port) found.port = Number(port);
  if (pathname.length > 1) found.db = Number(pathname.slice(1));
  return found;
}

/** A cluster of one. */
export class Cluster extends Redis {
  static name = 'Cluster';

  constructor([first] = [], { redisOptions, ...options } = {}) {
    super(first ?? {}, { ...redisOptions, ...options });
    this.isCluster = true;
  }

  nodes() {
    return [this];
  }

  duplicate(nodes = [], options = {}) {
    return new Cluster([nodes[0] ?? { ...this.options }], options);
  }
}

Redis.Cluster = Cluster;
Redis.Redis = Redis;
Redis.ReplyError = ReplyError;
Redis.Pipeline = Pipeline;
Redis.ScanStream = ScanStream;
Redis.print = print;
Redis.default = Redis;

export default Redis;
// What `require` gives.
export { Redis as 'module.exports' };
