// The engine's side: sessions for pages and ports, questions that are no commands, files in and out. It runs in a worker
// or, with `worker: false`, in the page itself.

import init, { Worker as Engine } from './engine.js';
import { Host } from './host.js';
import { openIdb } from './idb.js';
import { Memory } from './memory.js';
import { openOpfs } from './opfs.js';
import { NuthatchError } from './resp.js';
import { Tabs } from './tabs.js';

const EXPORTED = 'dump.rdb';
/** The journal is written anew when nobody has asked for anything for this time, if it has grown by this and by half of its base:
 * a start replays what came since, command by command. */
const IDLE_MS = 1500, GROWN = 256 << 10;
/** At the end too, but only where less than this is in memory: it takes a moment. */
const SMALL = 24 << 20;
/** Bytes of a file that are read from the device at once. */
const WINDOW = 4 << 20;
const utf8 = new TextDecoder();
const toBytes = new TextEncoder();

export class Server {
  /** `post(message, transfer)` reaches the page, `end()` ends the worker; `more` devices by their names. */
  constructor(post, end = () => {}, more = {}) {
    Object.assign(this, { post, finish: end });
    /** Sessions by the page's numbers for them. */
    this.lanes = new Map();
    /** What is done with a session's replies. */
    this.sinks = new Map();
    /** Ports that came before the dataset was there. */
    this.early = [];
    /** How often the one who answers has changed. */
    this.reign = 0;
    this.devices = { ...devices, ...more };
    /** Ports to this engine: what ends each. */
    this.ports = new Set();
    /** Ports whose bytes go to another tab. */
    this.bridges = new Map();
    this.outbox = [];
    this.buffers = [];
    this.files = Promise.resolve();
  }

  handle(data) {
    if (Array.isArray(data)) this.take(data);
    else if (data.open) this.open(data.open).catch((error) => this.post({ failed: error?.message ?? String(error) }));
    else if (data.port) this.port(data.port);
    else if (data.end) this.end(data.end);
    else if (data.yield) this.yield();
    else if (data.ask) this.asked(data);
  }

  async open(options) {
    this.options = options;
    if (options.tabs && globalThis.navigator?.locks) {
      this.tabs = new Tabs(this, options.name);
      if (!(await this.tabs.now())) {
        if (options.tabs === 'exclusive') throw new NuthatchError('BUSY another tab has this database open');
        this.following = true;
        this.tabs.follow();
        await this.tabs.later();
      }
    }
    await this.begin();
  }

  /** Loads the engine with what the device has; this tab leads. */
  async begin() {
    const { config, kind, wasm, ...options } = this.options;
    this.following = false;
    this.early ??= [];
    const [exports, device] = await Promise.all([init(wasm && { module_or_path: await wasm }), this.devices[kind](options)]);
    this.device = device;
    const seed = crypto.getRandomValues(new Uint8Array(32));
    this.engine = new Engine(seed, config, Date.now());
    this.host = new Host(exports, this.engine, device, (...what) => this.receive(...what), (...what) => this.notice(...what));
    this.host.turned = () => this.turned();
    if (this.tabs) this.host.along = () => this.tabs.records();
    await this.host.mount();
  }

  /** After each turn: one message for all that it brought. */
  turned() {
    if (this.early && !this.engine.is_loading()) this.began();
    if (this.outbox.length) this.post(this.outbox.splice(0), this.buffers.splice(0));
    this.tabs?.flush();
    if (this.yielding === 'now') return this.yielded();
    if (this.rewritten && !this.engine.journal()[2]) this.rewritten();
    else if (Date.now() - this.host.fed > IDLE_MS && !this.early && this.grown(0.5)) this.command('BGREWRITEAOF').catch(() => {});
  }

  /** Whether the journal is worth being written anew; `share`: its base grows with it. */
  grown(share) {
    const [more, base, busy] = this.engine.journal();
    return !busy && more > Math.max(GROWN, base * share);
  }

  began() {
    const waiting = this.early;
    this.early = undefined;
    this.tell(this.tabs?.lead(this.host.records));
    waiting.forEach((data) => this.handle(data));
  }

  /** Another tab leads from now on. */
  followed(due) {
    this.tell(due);
    this.early?.splice(0).forEach((data) => this.handle(data));
  }

  /** The page learns who answers it from now on, and what it was answered before. It sends again what was not. */
  tell(due) {
    const reign = ++this.reign;
    if (reign > 1) this.post({ resume: due ?? {}, reign });
    else this.post({ ready: true, reign, kind: this.device?.kind ?? this.tabs.kind });
  }

  /** Ends in good order, so that another tab may lead; this one follows. */
  yield() {
    if (!this.tabs?.leads || this.early || this.following || this.closing) return;
    this.yielding = 'soon';
    this.following = true;
    this.tabs.leads = false;
    this.shut();
  }

  /** `[reign, lane, bytes, lane, bytes, …]` */
  take(message) {
    const [reign, ...parts] = message;
    if (reign !== this.reign) return;
    if (this.following) {
      if (this.tabs.leader) this.tabs.forward({ message: parts });
    } else if (!this.early) for (let i = 0; i < parts.length; i += 2) this.host.send(this.lane(parts[i]), parts[i + 1]);
  }

  lane(lane) {
    let session = this.lanes.get(lane);
    if (session === undefined) {
      session = this.session((bytes, closed) => {
        if (bytes.length) {
          this.outbox.push(lane, bytes);
          this.buffers.push(bytes.buffer);
        }
        if (closed) this.end(lane);
      });
      this.lanes.set(lane, session);
    }
    return session;
  }

  /** Opens a session; `sink` is given its replies. */
  session(sink) {
    const session = this.host.open();
    this.sinks.set(session, sink);
    return session;
  }

  receive(session, bytes, closed) {
    this.sinks.get(session)?.(bytes, closed);
  }

  drop(session) {
    this.sinks.delete(session);
    this.host.close(session);
  }

  end(lane) {
    if (this.following) return this.tabs.forward({ end: lane });
    const session = this.lanes.get(lane);
    if (session === undefined) return;
    this.lanes.delete(lane);
    this.drop(session);
  }

  /** Runs one command; `read(bytes, from, to)` its reply, if it has one at once. */
  now(bytes, length, read) {
    const { host } = this;
    if (this.early || this.following) return read();
    if (this.direct === undefined) {
      this.direct = this.session(() => {});
      host.send(this.direct, toBytes.encode('HELLO 3\r\n'));
    }
    const answered = host.ask(this.direct, bytes, length);
    if (answered) return read(host.bytes, host.answer, host.answer + answered);
    this.drop(this.direct);
    this.direct = undefined;
    return read();
  }

  /** Ends without a goodbye. */
  stop() {
    this.host?.stop();
    this.device?.close();
  }

  /** A port that speaks RESP. `null` from either side ends it. */
  port(port) {
    if (this.following) return this.bridge(port);
    if (this.early) return this.early.push({ port });
    const { host } = this;
    const session = this.session((bytes, closed) => {
      if (bytes.length) port.postMessage(bytes, [bytes.buffer]);
      if (closed) end();
    });
    const end = () => {
      if (!this.ports.delete(end)) return;
      port.postMessage(null);
      port.close();
      // Another engine's sessions have the same numbers.
      if (host === this.host) this.drop(session);
    };
    this.ports.add(end);
    port.onmessage = ({ data }) => {
      if (data === null) end();
      else if (this.ports.has(end)) host.send(session, typeof data === 'string' ? toBytes.encode(data) : new Uint8Array(data));
    };
  }

  /** A port of this tab to the engine of another; it ends when another tab leads. */
  bridge(port) {
    const lane = `port ${(this.bridged = (this.bridged ?? 0) + 1)}`, { reign } = this;
    this.bridges.set(lane, (bytes) => port.postMessage(bytes, bytes && [bytes.buffer]));
    port.onmessage = ({ data }) => {
      if (data === null || reign !== this.reign) {
        this.bridges.delete(lane);
        port.postMessage(null);
        port.close();
        if (data === null) this.end(lane);
      } else this.tabs.forward({ message: [lane, typeof data === 'string' ? toBytes.encode(data) : new Uint8Array(data)] });
    };
  }

  /** Replies that came from another tab. */
  replied(replies) {
    const ours = [];
    for (let i = 0; i < replies.length; i += 2) {
      const bridge = this.bridges.get(replies[i]);
      if (bridge) bridge(replies[i + 1]);
      else ours.push(replies[i], replies[i + 1]);
    }
    if (ours.length) this.post(ours);
  }

  notice(kind, text) {
    if (kind === 'F') this.post({ failed: text });
    else if (kind === 'L') this.post({ log: text });
    else if (kind === 'R') {
      this.post({ refused: text });
      this.tabs?.refuse(text);
    }
    else {
      // The turn goes on: replies are on their way, and the engine is asked for them.
      if (this.yielding) return void (this.yielding = 'now');
      // Its timer would keep Node's process alive for ever.
      this.stop();
      this.post({ closed: true });
      this.tabs?.end();
      this.finish();
    }
  }

  yielded() {
    this.yielding = undefined;
    this.stop();
    this.engine.free();
    this.lanes.clear();
    this.sinks.clear();
    for (const end of this.ports) end();
    this.direct = undefined;
    // Whoever waits for a file asks again.
    this.files = Promise.resolve();
    this.tabs.yield();
    this.tabs.follow();
    this.tabs.later().then(() => this.begin()).catch((error) => this.post({ failed: String(error) }));
  }

  /** A question of this tab's page. */
  asked(data) {
    if (data.what === 'close') this.early || this.following ? this.notice('S') : this.close();
    else if (data.reign !== this.reign) return;
    else if (this.following) this.tabs.leader && this.tabs.forward(data);
    else if (!this.early) this.answer(data, (message) => this.post(message));
  }

  async answer(data, send) {
    const { host } = this, answer = data.ask;
    // Who is answered by another engine from now on asks that one.
    const sure = (message) => host === this.host && !host.stopped && send(message);
    try {
      sure({ answer, value: await this[`on_${data.what}`](data, sure) });
    } catch (error) {
      sure({ answer, error: error?.message ?? String(error) });
    }
  }

  async close() {
    this.closing = true;
    if (this.engine.used_memory() < SMALL && this.grown(0)) {
      const rewritten = new Promise((resolve) => (this.rewritten = resolve));
      await this.command('BGREWRITEAOF').then(() => rewritten, () => {});
      this.rewritten = undefined;
    }
    this.shut();
  }

  shut() {
    this.engine.shut_down(Date.now());
    this.host.turn();
  }

  on_map() {
    return this.engine.page_map();
  }

  on_facts() {
    return { device: this.device.kind, ...this.host.counts, wasm_memory: this.host.memory.buffer.byteLength };
  }

  /** A command of our own; gives its reply as it came. */
  command(text) {
    return new Promise((resolve, reject) => {
      const session = this.session((bytes) => {
        this.drop(session);
        const reply = utf8.decode(bytes).trim();
        if (reply[0] === '-') reject(new NuthatchError(reply.slice(1)));
        else resolve(reply);
      });
      this.host.send(session, toBytes.encode(`${text}\r\n`));
    });
  }

  /** One file after the other: they have one name. */
  next(work) {
    const result = this.files.then(work);
    this.files = result.catch(() => {});
    return result;
  }

  on_export() {
    return this.next(async () => {
      await this.command('SAVE');
      const [base, size] = this.engine.file(EXPORTED);
      const parts = [];
      for (let at = 0; at < size; at += WINDOW) {
        const [records] = await this.device.read([{ store: 1, from: base + at, to: base + at + WINDOW - 1 }]);
        parts.push(new Blob(records));
      }
      this.engine.remove_file(EXPORTED);
      this.host.turn();
      return new Blob(parts, { type: 'application/octet-stream' });
    });
  }

  on_import({ ask, file }, send) {
    return this.next(async () => {
      const { engine, host } = this;
      const outcome = { keys: 0, refused: 0, error: undefined };
      let arrived;
      const session = this.session((bytes) => {
        count(utf8.decode(bytes), outcome);
        arrived?.();
      });
      engine.import_begin();
      try {
        const reader = file.stream().getReader();
        for (let read = 0; ; ) {
          const { value = new Uint8Array(), done } = await reader.read();
          host.input(value);
          engine.import_feed(value.length);
          for (let keys; (keys = engine.import_step(session, Date.now())) >= 0; outcome.keys = keys) {
            const replies = new Promise((resolve) => (arrived = resolve));
            host.turn();
            await replies;
          }
          send({ progress: ask, read: (read += value.length), size: file.size, keys: outcome.keys });
          if (!done) continue;
          // The last replies come before this one.
          const end = new Promise((resolve) => (outcome.end = resolve));
          host.send(session, toBytes.encode('PING\r\n'));
          await end;
          return { keys: outcome.keys, refused: outcome.refused, error: outcome.error };
        }
      } catch (error) {
        throw new NuthatchError(`BADRDB ${error?.message ?? error}`);
      } finally {
        if (!host.stopped) {
          engine.import_end();
          this.drop(session);
        }
      }
    });
  }
}

/** Refusals among replies to RESTORE, the first of them word by word. */
function count(replies, outcome) {
  for (const line of replies.split('\r\n')) {
    if (line === '+PONG') outcome.end();
    if (line[0] !== '-') continue;
    outcome.refused++;
    outcome.error ??= line.slice(1);
  }
}

const devices = {
  memory: async () => new Memory(),
  idb: openIdb,
  opfs: openOpfs,
  // Reading a page from a file is twenty times as fast as from IndexedDB (docs/benchmarks.md), where files can be had.
  auto: (options) => openOpfs(options).catch(() => openIdb(options)),
};
