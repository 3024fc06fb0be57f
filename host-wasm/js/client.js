// The user's side: commands out, values in. What is wanted now and then is loaded when it is (page-more.js).

import { EAR } from './lanes.js';
import { BLOCKING, Line, ODD, OWN, kind, oneReply } from './line.js';
import { NuthatchError, Parser, bytesOf } from './resp.js';
import { method, tagged } from './commands.js';

/** Messages up to this size are copied: to hand them over costs more. */
const COPIED = 4096;
/** What a line remembers before it is put into fewer words. */
const PAST = 200;
/** Methods that are loaded when they are first called. */
const LATER = 'close crash exportRdb importRdb persist subscribe psubscribe commandDocs stats pageMap watch live'.split(' ');

/** Options that are right, each with its name; of others page-more.js knows what is wrong. */
const RIGHT = /^(maxmemory|policy|path|log) |^(worker (true|false)boolean|(durability (relaxed|strict)|tabs (share|exclusive)|device (auto|idb|opfs|memory))string)$/;

/** Rejects options that are wrong. */
export async function check(options) {
  if (!Object.entries(options).every((option) => RIGHT.test(option.join(' ') + typeof option[1]))) (await import('./page-more.js')).check(options, RIGHT, NuthatchError);
}

/** One user's connection to an engine. `connect` makes the way there. */
export class Client {
  constructor(name, options, connect) {
    Object.assign(this, { name, connect, options });
    this.lanes = new Map();
    this.free = [];
    /** The lane of ordinary commands. */
    this.base = 0;
    this.nextLane = 1;
    /** Questions that are no commands, until they are answered. */
    this.asked = new Map();
    this.db = this.methods({});
    // A tab that is frozen or put aside must not keep the others from the engine.
    const aside = () => this.ended || this.link.post({ yield: true });
    if (globalThis.document) {
      document.addEventListener('freeze', aside);
      addEventListener('pagehide', aside);
    }
    this.begin();
  }

  begin() {
    const { name, options } = this;
    this.opened = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    this.opened.catch(() => {});
    this.late = undefined;
    // One that was ended may have had something to say yet.
    const life = (this.life = {});
    this.link = this.connect(name, (data) => life === this.life && this.take(data), (text) => life === this.life && this.fail(new NuthatchError(`WORKER ${text}`)));
    const { device: kind = 'auto', durability = 'relaxed', wasm, docs, path } = options;
    this.link.post({ open: { name, config: config(options, kind), kind, durability, wasm, docs, path, tabs: tabs(options) } });
  }

  line(lane) {
    let line = this.lanes.get(lane);
    if (!line) this.lanes.set(lane, (line = new Line()));
    return line;
  }

  /** Sends a command on a lane, which others may send on too (`shared`); its reply settles the promise. */
  send(words, lane, how, shared) {
    // What came before it goes before it.
    if (this.held) return this.held.then(() => this.send(words, lane, how, shared));
    return new Promise((resolve, reject) => {
      const ended = this.ended ?? how.over;
      if (ended) throw ended;
      this.line(lane).send({ resolve, reject, how, words, shared });
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
    if (kind(words[0]) !== BLOCKING) return this.send(words, this.base, how, true);
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
  sync(words, { bytes }) {
    const { server } = this.link;
    if (!server || this.ended) throw this.ended ?? new NuthatchError('NOTSYNC db.sync needs worker: false');
    oneReply(words, true);
    if (this.flushing) this.flush();
    return server.sync(words, bytes);
  }

  wrong(text) {
    return new NuthatchError(text);
  }

  /** What is wanted now and then. */
  more() {
    return import('./page-more.js').then((more) => (this.rest = more));
  }

  /** Calls a function of that, at once where it is there. */
  want(name, ...given) {
    if (this.rest) return this.rest[name](...given);
    this.held = this.more().finally(() => (this.held = undefined));
    return this.held.then(() => this.want(name, ...given));
  }

  take(data) {
    if (this.late) this.late.push(data);
    else if (Array.isArray(data)) for (let i = 0; i < data.length; i += 2) this.replies(data[i], data[i + 1]);
    else if (data.reign) this.led(data);
    else if (data.answer) this.rest.answered(this, data);
    else if (data.failed) {
      // Whoever opens it next must not wait for this one.
      this.link.stop();
      this.fail(new NuthatchError(data.failed));
    }
    else if (data.closed) this.closed?.(data.closed);
    else if (data.refused) this.refuse(data.refused);
    else if (data.log) this.options.log?.(data.log);
  }

  /** Somebody answers from now on; what was sent before is told to that one first. */
  led({ reign, resume = {}, kind }) {
    const { life } = this;
    this.kind = kind;
    const go = () => {
      this.reign = reign;
      // Where there are answers at once, these are in their place among others from the beginning.
      this.settle.resolve(this.link.server && this.more());
    };
    if (!this.lanes.size && !this.asked.size) return go();
    this.late = [];
    this.more().then((more) => life === this.life && more.resume(this, resume, go)).catch((error) => life === this.life && this.fail(error));
  }

  /** The device took no commit: what waits for one is told so. Its replies come when there is room, to nobody, and what comes from now on does not
   * wait behind them. */
  refuse(text) {
    for (const [lane, { waiting }] of this.lanes) for (const { words, reject } of waiting) {
      // Who waits for an element waits for no commit.
      if (lane !== EAR && kind(words?.[0]) !== BLOCKING) reject(new NuthatchError(`${text}: it is written later`));
    }
    this.base = this.nextLane++;
  }

  replies(lane, bytes) {
    if (!bytes) return this.want('lost', this, lane);
    const parser = new Parser(bytes);
    const line = this.lanes.get(lane) ?? new Line();
    line.received += bytes.length;
    while (!parser.done) {
      if (parser.isPush) this.want('heard', this, parser.value());
      else line.replied(parser);
    }
    line.forget();
    if (line.past.length > PAST) this.want('compact', line);
  }

  fail(error) {
    this.settle.reject(error);
    this.ended = error;
    for (const line of this.lanes.values()) line.fail(error);
    for (const { reject } of this.asked.values()) reject(error);
    this.asked.clear();
    this.closed?.();
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
    const more = () => this.more(), made = {};
    const lazy = (name, make) => Object.defineProperty(db, name, { get: () => (made[name] ??= make()) });
    if (how.run) return db;
    if (!how.bytes) lazy('bytes', () => this.methods(Object.assign(Object.create(how), { bytes: true })));
    if (how.sync) return db;
    put('multi', () => this.multi(how));
    for (const type of ['', 's', 'h', 'z']) put(`${type}scanIterator`, async function* (...given) {
      yield* (await more()).scan(db, type, given);
    });
    if (how.bytes) return db;
    lazy('json', () => new Proxy({}, {
      get: (_, name) => (isMethod(name) ? (...given) => this.want('json', db, name, given) : undefined),
    }));
    if (before) return db;
    if (how.lane !== undefined) {
      put('close', () => this.want('leave', this, how));
      return db;
    }
    lazy('sync', () => this.methods({ sync: true }));
    Object.defineProperty(db, 'device', { get: () => this.kind });
    put('session', () => this.methods({ lane: this.nextLane++ }));
    put('resp', () => {
      const { port1, port2 } = new MessageChannel();
      this.link.post({ port: port1 }, [port1]);
      return port2;
    });
    for (const name of LATER) {
      put(name, (...given) => {
        // What has crashed answers nothing more, whatever is loaded first.
        if (name === 'crash' && !this.crashing) this.link.stop();
        return this.want(name, this, ...given);
      });
    }
    return db;
  }

  /** Commands that are run together at `exec`. */
  multi(how) {
    const queued = [];
    let ran;
    const db = this.methods({ run: (words) => (oneReply(words, how.lane === undefined), words.forEach(bytesOf), queued.push(words), db) });
    const send = () => {
      const { lane = this.base } = how;
      const replies = [['MULTI'], ...queued, ['EXEC']].map((words) => this.send(words, lane, how));
      replies.forEach((reply) => reply.catch(() => {}));
      return replies.at(-1).catch((error) => this.want('aborted', error, replies));
    };
    Object.defineProperty(db, 'exec', { value: () => (ran ??= how.before ? Promise.all(queued.map(how.before)).then(send) : send()) });
    return db;
  }
}

/** How tabs share: not at all where data does not outlive the page. */
function tabs({ device, tabs = 'share', worker }) {
  return /memory|file/.test(device) ? undefined : worker === false ? 'exclusive' : tabs;
}

/** The directives that the options mean. */
function config({ maxmemory = '64mb', policy, worker, directives = {} }, kind) {
  const limit = policy ? `maxmemory ${maxmemory}\nmaxmemory-policy ${policy}` : `vm-enabled yes\nreally-use-vm yes\nvm-max-memory ${maxmemory}`;
  const journal = kind === 'memory' ? '' : `appendonly yes\nappendfsync ${worker === false ? 'everysec' : 'always'}`;
  const more = Object.entries(directives).map(([name, value]) => `${name} ${value}`);
  return [limit, journal, ...more].join('\n');
}

/** Names that are no methods: `multi` is another one, and these end it. */
const NEVER = /^(then|multi|exec|discard|reset)$/;

const isMethod = (name) => /^[a-z_]+$/.test(String(name)) && !NEVER.test(name);

/** What `db` is made of: a name that is asked for becomes the method of the command that has it. */
function commands(put, run, { lane }) {
  return new Proxy(Function.prototype, {
    get(functions, name, db) {
      if (typeof name === 'symbol' || name in functions) return Reflect.get(functions, name, db);
      if (!isMethod(name) || kind(name) === ODD || (lane === undefined && kind(name) === OWN)) return undefined;
      const call = method(name, run);
      put(name, call);
      return call;
    },
  });
}
