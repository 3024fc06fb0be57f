// The user's side: commands out, values in.

import { BLOCKING, FLUSHING, Line, NOBODY, kind } from './line.js';
import { Encoder, NuthatchError, Parser, check } from './resp.js';
import { JSON_METHODS, iterate, method, tagged } from './commands.js';

/** What `db.sync` is answered where there is no answer at once. */
const NOT_NOW = new TextEncoder().encode('-NOTINMEMORY the value is not in memory, or the command waits: ask for it with await\r\n');
/** Messages up to this size are copied: to hand them over costs more. */
const COPIED = 4096;
/** The session that hears messages. */
const EAR = -1;
/** Published where all keys go at once, which no key's event tells. */
const FLUSHED = '__nuthatch__:flush';

/** One user's connection to an engine. `connect` makes the way there. */
export class Client {
  constructor(name, options, connect) {
    const { device = 'auto', durability = 'relaxed' } = options;
    Object.assign(this, { name, connect, options: { ...options, device, durability } });
    this.lanes = new Map();
    this.free = [];
    /** The lane of ordinary commands. */
    this.base = 0;
    this.nextLane = 1;
    this.asked = new Map();
    this.nextAsk = 1;
    this.ears = new Map();
    const read = (bytes) => (all = NOT_NOW, from = 0, to = all.length) => this.now.parser.over(all, from, to).value(bytes);
    Object.assign(this, { read: read(false), readBytes: read(true) });
    this.db = this.methods({});
    // A tab that is frozen or put aside must not keep the others from the engine.
    const aside = () => this.ended || this.link.post({ yield: true });
    globalThis.document?.addEventListener('freeze', aside);
    if (globalThis.document) addEventListener('pagehide', aside);
    this.begin();
  }

  begin() {
    const { name, options } = this;
    this.opened = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    this.opened.catch(() => {});
    // One that was ended may have had something to say yet.
    const life = (this.life = {});
    this.link = this.connect(name, (data) => life === this.life && this.take(data), (text) => life === this.life && this.fail(new NuthatchError(`WORKER ${text}`)));
    const { device: kind, durability, wasm, path } = options;
    this.link.post({ open: { name, config: config(options, kind), kind, durability, wasm, path, tabs: tabs(options) } });
  }

  line(lane) {
    let line = this.lanes.get(lane);
    if (!line) this.lanes.set(lane, (line = new Line()));
    return line;
  }

  /** Sends a command on a lane; its reply settles the promise. */
  send(words, lane, how) {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      try {
        this.line(lane).send({ resolve, reject, how, words });
      } catch (error) {
        return reject(error);
      }
      this.soon();
    });
  }

  soon() {
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => this.flush());
  }

  call(words, how) {
    if (how.lane !== undefined) return this.send(words, how.lane, how);
    const which = kind(words[0]);
    if (which === FLUSHING) return this.send(words, this.base, how).finally(() => this.send(['PUBLISH', FLUSHED, ''], this.base, how));
    if (which !== BLOCKING) return this.send(words, this.base, how);
    const lane = this.free.pop() ?? this.nextLane++;
    return this.send(words, lane, how).finally(() => this.free.push(lane));
  }

  flush() {
    this.flushing = false;
    const message = [this.reign], buffers = [];
    for (const [lane, { encoder }] of this.lanes) {
      if (!encoder.length) continue;
      const bytes = encoder.take();
      message.push(lane, bytes);
      if (bytes.length > COPIED) buffers.push(bytes.buffer);
    }
    if (message.length > 1) this.link.post(message, buffers);
  }

  /** A reply at once, for a value in memory. */
  sync(words, how) {
    const { server } = this.link;
    if (!server || this.ended) throw this.ended ?? new NuthatchError('NOTSYNC db.sync needs open(name, { worker: false })');
    if (this.flushing) this.flush();
    const { encoder } = (this.now ??= { encoder: new Encoder(), parser: new Parser(NOT_NOW) });
    encoder.length = 0;
    encoder.command(words);
    const value = server.now(encoder.bytes, encoder.length, how.bytes ? this.readBytes : this.read);
    if (value instanceof NuthatchError) throw value;
    return value;
  }

  /** A question that is no command. */
  ask(what, more = {}, progress) {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      const ask = this.nextAsk++;
      const message = { ask, what, ...more };
      this.asked.set(ask, { resolve, reject, progress, message });
      this.link.post({ ...message, reign: this.reign });
    });
  }

  take(data) {
    if (Array.isArray(data)) {
      for (let i = 0; i < data.length; i += 2) this.replies(data[i], data[i + 1]);
    } else if (data.ready) {
      this.kind = data.kind;
      this.resume({}, data.reign);
      this.settle.resolve();
    } else if (data.resume) this.resume(data.resume, data.reign);
    else if (data.answer) this.answered(data);
    else if (data.progress) this.asked.get(data.progress)?.progress?.(data.read, data.size, data.keys);
    else if (data.failed) this.fail(new NuthatchError(data.failed));
    else if (data.closed) this.closed?.();
    else if (data.refused) this.refuse(data.refused);
    else if (data.log) this.options.log?.(data.log);
  }

  answered({ answer, value, error }) {
    const { resolve, reject } = this.asked.get(answer) ?? {};
    this.asked.delete(answer);
    if (error) reject?.(new NuthatchError(error));
    else resolve?.(value);
  }

  /** The device took no commit: what waits for one is told so. Its replies come when there is room, and what comes from now
   * on does not wait behind them. */
  refuse(text) {
    const code = /quota/.test(text) ? 'QUOTA' : 'IOERR';
    const error = new NuthatchError(`${code} ${text}: it is in memory and will be written when the device takes it`);
    for (const [lane, { waiting }] of this.lanes) {
      if (lane === EAR) continue;
      for (const entry of waiting) {
        entry.reject(error);
        Object.assign(entry, NOBODY);
      }
    }
    const { state } = this.line(this.base);
    this.base = this.nextLane++;
    this.lanes.set(this.base, new Line(state));
  }

  /** Somebody else answers from now on. What was answered before is heard first; what was not is sent again. */
  resume(due, reign) {
    this.reign = reign;
    for (const [lane, line] of this.lanes) {
      const { from, bytes } = due[lane] ?? {};
      const skip = line.received - from;
      if (skip >= 0 && skip < bytes.length) this.replies(lane, bytes.subarray(skip));
      if (skip < 0) line.fail(new NuthatchError('REPLYLOST the tab that had the engine ended, and its replies are gone'));
      const again = line.renew();
      // Subscribing again is answered by what waits behind it.
      if (lane === EAR) for (const name of this.ears.keys()) line.say(subscription(name));
      for (const entry of again) line.send(entry);
    }
    if (this.notifying) this.notify();
    for (const { message } of this.asked.values()) this.link.post({ ...message, reign });
    if (this.lanes.size) this.soon();
  }

  replies(lane, bytes) {
    const parser = new Parser(bytes);
    const line = this.lanes.get(lane) ?? new Line();
    line.received += bytes.length;
    while (!parser.done) {
      if (parser.isPush) this.heard(parser.value());
      else line.replied(parser);
    }
    line.forget();
  }

  fail(error) {
    this.settle.reject(error);
    this.ended = error;
    for (const line of this.lanes.values()) line.fail(error);
    for (const { reject } of this.asked.values()) reject(error);
    this.asked.clear();
    this.closed?.();
  }

  close() {
    if (this.ended) return Promise.resolve();
    const closed = new Promise((resolve) => (this.closed = resolve));
    this.link.post({ ask: -1, what: 'close' });
    return closed.then(() => {
      this.closed = undefined;
      this.fail(new NuthatchError('CLOSED the database was closed'));
    });
  }

  /** Ends the worker as a crash would, and opens the database again. Commands without a reply are refused. */
  async crash() {
    this.link.stop();
    this.fail(new NuthatchError('CRASHED the worker was ended'));
    // What is sent before the new engine is there is sent again then, so nobody may take it now.
    this.ended = this.reign = undefined;
    this.begin();
    await this.opened;
    await Promise.all([...this.ears.keys()].map((name) => this.listen(name)));
  }

  resp() {
    const { port1, port2 } = new MessageChannel();
    this.link.post({ port: port1 }, [port1]);
    return port2;
  }

  // ------------------------------------------------------------------------------------------------------- messages

  /** `name`: a channel, or a pattern behind `p:`. Returns what ends it. */
  async hear(name, handler) {
    const handlers = this.ears.get(name) ?? new Set();
    handlers.add(handler);
    if (handlers.size === 1) {
      this.ears.set(name, handlers);
      await this.listen(name);
    }
    return async () => {
      handlers.delete(handler);
      if (handlers.size || this.ears.get(name) !== handlers) return;
      this.ears.delete(name);
      await this.listen(name, 'UN');
    };
  }

  /** The reply is a push; a PING behind it tells that it came. */
  listen(name, un = '') {
    this.line(EAR).say(subscription(name, un));
    return this.send(['PING'], EAR, {});
  }

  heard([kind, ...rest]) {
    if (kind === 'message') this.tell(`c:${rest[0]}`, rest[1], rest[0]);
    else if (kind === 'pmessage') this.tell(`p:${rest[0]}`, rest[2], rest[1]);
  }

  tell(name, message, channel) {
    for (const handler of this.ears.get(name) ?? []) handler(message, channel);
  }

  /** Events of keys come only when somebody wants them. */
  events() {
    return (this.notifying ??= this.notify());
  }

  notify() {
    return this.send(['CONFIG', 'SET', 'notify-keyspace-events', 'KEA'], this.base, {});
  }

  // -------------------------------------------------------------------------------------------------------- methods

  /** What users hold: a function for tagged commands, with a method for every command. */
  methods(how) {
    const { before } = how;
    const run = how.run ?? (how.sync ? (words) => this.sync(words, how)
      : before ? (words) => before(words).then(() => this.call(words, how))
      : (words) => this.call(words, how));
    const db = (strings, ...holes) => run(tagged(strings, holes));
    const put = (name, value) => Object.defineProperty(db, name, { value, configurable: true });
    put('call', (...words) => run(words));
    Object.setPrototypeOf(db, commands(put, run, how));
    if (how.sync || how.bytes || how.run) return db;
    put('multi', () => this.multi(how));
    iterate(put, db);
    if (before) return db;
    put('close', () => how.lane === undefined ? this.close() : this.leave(how.lane));
    if (how.lane !== undefined) return db;
    const lazy = (name, make) => Object.defineProperty(db, name, { get: () => (this[`_${name}`] ??= make()) });
    lazy('bytes', () => this.methods({ bytes: true }));
    lazy('sync', () => this.methods({ sync: true }));
    lazy('json', () => Object.fromEntries(Object.entries(JSON_METHODS).map(([name, method]) => [name, method.bind(null, db)])));
    Object.defineProperty(db, 'device', { get: () => this.kind });
    put('session', () => this.methods({ lane: this.nextLane++ }));
    put('crash', () => this.crash());
    put('resp', () => this.resp());
    put('commandDocs', (...names) => db.call('COMMAND', 'DOCS', ...names));
    put('exportRdb', () => this.ask('export'));
    put('importRdb', (file, { progress } = {}) => this.ask('import', { file }, progress));
    put('persist', async () => (await globalThis.navigator?.storage?.persist?.()) ?? false);
    put('subscribe', (channel, handler) => this.hear(`c:${channel}`, handler));
    put('psubscribe', (pattern, handler) => this.hear(`p:${pattern}`, handler));
    for (const name of ['stats', 'pageMap', 'watch', 'live']) put(name, async (...given) => (await import('./page-more.js'))[name](this, ...given));
    return db;
  }

  leave(lane) {
    this.lanes.delete(lane);
    this.link.post({ end: lane });
  }

  /** Commands that are run together at `exec`. */
  multi(how) {
    const queued = [];
    const db = this.methods({ run: (words) => (words.forEach(check), queued.push(words), db) });
    Object.defineProperty(db, 'exec', {
      value: () => {
        const { lane = this.base } = how;
        const replies = [['MULTI'], ...queued, ['EXEC']].map((words) => this.send(words, lane, how));
        replies.forEach((reply) => reply.catch(() => {}));
        return replies.at(-1);
      },
    });
    return db;
  }
}

/** The command that begins to listen, or ends it (`UN`). */
function subscription(name, un = '') {
  return [`${name[0] === 'p' ? 'P' : ''}${un}SUBSCRIBE`, name.slice(2)];
}

/** How tabs share: not at all where data does not outlive the page. */
function tabs({ device, tabs = 'share', worker }) {
  if (device === 'memory' || device === 'file') return undefined;
  return worker === false ? 'exclusive' : tabs;
}

/** The directives that the options mean. */
function config({ maxmemory, policy, worker, directives = {} }, kind) {
  const lines = { save: '""', 'enable-debug-command': 'yes' };
  if (policy) Object.assign(lines, { maxmemory: maxmemory ?? 0, 'maxmemory-policy': policy });
  else Object.assign(lines, { 'vm-enabled': 'yes', 'really-use-vm': 'yes', 'vm-max-memory': maxmemory ?? '64mb' });
  if (kind !== 'memory') {
    const rewrite = { 'auto-aof-rewrite-min-size': '1mb', 'auto-aof-rewrite-percentage': 100 };
    Object.assign(lines, { appendonly: 'yes', appendfsync: worker === false ? 'everysec' : 'always' }, rewrite);
  }
  return Object.entries({ ...lines, ...directives }).map(([name, value]) => `${name} ${value}`).join('\n');
}

/** Commands that a session of its own may send, and those that have no reply or end it. */
const OWN = /^(select|watch|unwatch)$/, NEVER = /^(multi|exec|discard|hello|quit|reset|monitor|p?sync|[ps]?(un)?subscribe)$/;

/** What `db` is made of: a name that is asked for becomes the method of the command that has it. */
function commands(put, run, { lane }) {
  return new Proxy(Function.prototype, {
    get(functions, name, db) {
      if (typeof name === 'symbol' || name in functions || name === 'then' || name === 'toJSON') return Reflect.get(functions, name, db);
      if (NEVER.test(name) || (lane === undefined && OWN.test(name)) || !/^[a-z_]+$/.test(name)) return undefined;
      const call = method(name, run);
      put(name, call);
      return call;
    },
  });
}
