// The engine's side: sessions for pages, and the way from start to end. It runs in a worker or, with `worker: false`, in the
// page itself. What is asked for now and then (ports, files in and out, other tabs) is loaded when it is (worker-more.js).

import { createEngine, prepare } from './engine.js';
import { Host, reason } from './host.js';
import { openIdb } from './idb.js';
import { openOpfs } from './opfs.js';
import { Tabs } from './tabs.js';

/** The journal is written anew when nobody has asked for anything for this time, if it has grown by this (and by half of its base): a
 * start replays what came since, command by command. */
const IDLE_MS = 1500, GROWN = 256 << 10;
/** Replies up to this size are copied: to hand them over costs more. */
const COPIED = 4096;

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
    this.outbox = [];
    this.buffers = [];
  }

  handle(data) {
    if (Array.isArray(data)) this.take(data);
    else if (data.open) this.open(data.open).catch((error) => this.fail(error));
    else if (data.port) this.rest().then(() => this.port(data.port), () => data.port.close());
    else if ('end' in data) this.end(data.end);
    else if (data.yield) this.yield();
    else if (data.ask) this.asked(data);
  }

  fail(error) {
    this.post({ failed: reason(error) });
  }

  async open(options) {
    this.options = options;
    // Whoever leads needs it at once, and who follows when the leader ends.
    prepare(options.wasm);
    if (options.tabs && globalThis.navigator?.locks) {
      this.tabs = new Tabs(this, options.name);
      if (!(await this.tabs.turn({ ifAvailable: true }))) await this.rest().then(() => this.tabs.queue(options.tabs));
    }
    // Without Web Locks, as on plain http, nobody could take over.
    else if (options.tabs && globalThis.indexedDB) await this.rest().then(() => this.alone(options.name));
    await this.begin();
  }

  /** Loads the engine with what the device has; this tab leads. */
  async begin() {
    const { config, kind, wasm, ...options } = this.options;
    this.following = false;
    this.early ??= [];
    const mount = async () => {
      const device = (this.device = await this.devices[kind](options)), found = await device.mount();
      if (device.kind === 'opfs' && found.slow !== false) await this.rest().then(() => this.choose(device, found.slow));
      return found;
    };
    const [engine, found] = await Promise.all([createEngine(wasm), mount()]);
    this.engine = engine;
    this.host = new Host(engine, this.device, (...what) => this.receive(...what), (...what) => this.notice(...what));
    this.host.turned = () => this.turned();
    this.host.docs = () => this.rest().then(() => this.docs(options.docs ?? new URL('./docs.tsv', import.meta.url)));
    if (this.tabs) {
      this.host.along = () => this.tabs.records?.();
      if (found.records?.length) await this.rest();
    }
    this.host.configure(config);
    await this.host.mount(found);
    this.host.turn();
  }

  /** Loads what is wanted now and then, once. */
  rest() {
    return (this.loaded ??= more().then(({ serving, sharing }) => {
      Object.assign(this, serving);
      if (this.tabs) Object.assign(this.tabs, sharing);
    })).catch((error) => {
      this.loaded = undefined;
      throw error;
    });
  }

  /** After each turn: one message for all that it brought. */
  turned() {
    if (this.early && !this.engine.is_loading()) this.began();
    if (this.outbox.length) this.post(this.outbox.splice(0), this.buffers.splice(0));
    this.tabs?.flush?.();
    if (this.yielding === 'now') return this.yielded();
    if (this.rewritten && !this.engine.is_rewriting()) this.rewritten();
    else if (Date.now() - this.host.fed > IDLE_MS && !this.early && this.engine.journal_more() > GROWN) this.rest().then(() => this.tidy(), () => {});
  }

  began() {
    const waiting = this.early;
    this.early = undefined;
    this.device.begun?.();
    this.tell(this.tabs?.lead(this.host.records));
    waiting.forEach((data) => this.handle(data));
  }

  /** The page learns who answers it from now on, and what it was answered before. It sends again what was not. */
  tell(due) {
    this.post({ reign: ++this.reign, resume: due, kind: this.device?.kind ?? this.tabs.kind });
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
    } else if (!this.early) this.host.send(...parts.map((part, i) => (i % 2 ? part : this.lane(part))));
  }

  lane(lane) {
    let session = this.lanes.get(lane);
    if (session === undefined) {
      session = this.session((bytes, closed) => {
        if (bytes.length) {
          this.outbox.push(lane, bytes);
          if (bytes.length > COPIED) this.buffers.push(bytes.buffer);
        }
        // What comes on it until the page knows is nobody's.
        if (closed) this.outbox.push(lane, null);
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
    const sink = this.sinks.get(session);
    if (closed) this.sinks.delete(session);
    sink?.(bytes, closed);
  }

  drop(session) {
    this.sinks.delete(session);
    this.host.close(session);
  }

  end(lane) {
    if (this.following) return this.tabs.forward?.({ end: lane });
    const session = this.lanes.get(lane);
    if (session === undefined) return;
    this.lanes.delete(lane);
    this.drop(session);
  }

  /** Ends without a goodbye. Gives what the device could not keep, if anything. */
  stop() {
    this.host?.stop();
    for (const end of this.ports) end();
    return this.device?.close() || this.host?.failing;
  }

  notice(kind, text) {
    if (kind === 'F') this.post({ failed: text });
    else if (kind === 'L') this.post({ log: text });
    else if (kind === 'R') {
      this.post({ refused: text });
      this.tabs?.refuse?.(text);
    }
    else {
      // The turn goes on: replies are on their way, and the engine is asked for them.
      if (this.yielding) return void (this.yielding = 'now');
      // Its timer would keep Node's process alive for ever.
      this.post({ closed: this.stop() || true });
      this.tabs?.end();
      this.finish();
    }
  }

  yielded() {
    this.yielding = undefined;
    this.stop();
    this.lanes.clear();
    this.sinks.clear();
    // Whoever waits for a file asks again.
    this.files = undefined;
    this.tabs.yield();
    this.rest().then(() => this.tabs.follow(), () => {});
    this.tabs.turn().then(() => this.begin()).catch((error) => this.fail(error));
  }

  /** A question of this tab's page. */
  asked(data) {
    if (data.what === 'close') {
      this.closing = true;
      if (this.following) this.notice('S');
      // What is being opened would be open for ever.
      else if (this.early) this.early.push(data);
      else this.rest().then(() => this.close(), () => this.shut());
    }
    else if (data.reign !== this.reign) return;
    else if (this.following) this.tabs.leader && this.tabs.forward(data);
    else if (!this.early) this.rest().then(() => this.answer(data, this.post), ({ message }) => this.post({ answer: data.ask, error: message }));
  }

  shut() {
    this.engine.shut_down(Date.now());
    this.host.turn();
  }
}

/** By its address, so that no bundler has to split this file in two. */
const more = () => import(/* @vite-ignore */ `${new URL('./worker-more.js', import.meta.url)}`);

const devices = {
  memory: async () => new (await more()).Memory(),
  idb: openIdb,
  opfs: openOpfs,
  // A file where there can be one; the first time both are measured.
  auto: (options) => openOpfs(options).catch(() => openIdb(options)),
};
