// What a worker wants now and then: files in and out, ports, what other tabs ask, and the device that is memory alone. It is a
// file of its own, loaded when it is first asked for, with methods for the server and for the tabs.

import { stay } from './awake.js';
import { cached } from './page-cache.js';

export { Memory } from './memory.js';

const EXPORTED = 'dump.rdb';
/** Bytes of a file that are read from the device at once. */
const WINDOW = 4 << 20;
/** Bytes of a file that the engine is given at once. */
const FED = 1 << 18;
/** How devices are measured: so many values leave and come back one by one, in the store as parts of a record. */
const VALUES = 4, VALUE = 1 << 10, RECORD = 1 << 16;
/** A file that takes longer is late: on a disk it takes a tenth of this. */
const LATE_MS = 1;
/** What is found of a file: the store needs less than half of a late one's time, or more. */
const QUICK = false, SLOWER = true, LATE = 'late';
/** So many bytes of pages of a late file stay in memory for each GB that the device has: a 64th. GB of one that does not tell. */
const CACHED = 16 << 20, LITTLE = 2;
/** At the end the journal is written anew if it has grown by this, and only where less than this is in memory: it takes a moment. */
const GROWN = 256 << 10, SMALL = 24 << 20;
/** Replies that were sent are kept too, up to so many bytes: the tab may not have got them. */
const KEPT = 1 << 16;
/** Records of tabs that did not come back in this time are removed. */
const FORGOTTEN_MS = 3_600_000;
/** A tab that was closed or ended a moment ago may hold a database for so long. */
const HELD_MS = 2000;
/** What is said of a session of our own that the engine ended. */
const ENDED = 'CLOSED the engine ended the session: by CLIENT KILL or timeout';
const utf8 = new TextDecoder();
const toBytes = new TextEncoder();

/** Of the server. */
export const serving = {
  /** What is to be called for each message from now on. */
  stays(stays) {
    this.stir ??= stay();
    return stays ? this.stir : () => {};
  },

  /**
   * This tab has the database to itself, or it is refused. One of that name beside it, with nothing in it, is open as long as this tab lives: it can only
   * be removed where nobody has it open, and of two that then make it one is the first.
   */
  async alone(name) {
    const lock = `nuthatch:${name} is open`, busy = new Error('BUSY another tab has it open, and without https tabs cannot share it');
    await done(indexedDB.deleteDatabase(lock), busy);
    const request = indexedDB.open(lock);
    let first = false;
    request.onupgradeneeded = () => (first = true);
    const db = await done(request), { stop } = this;
    this.stop = () => {
      db.close();
      return stop.call(this);
    };
    if (!first) throw busy;
  },

  /** Another tab leads from now on. */
  followed(due) {
    this.unbridge();
    this.tell(due);
    this.early?.splice(0).forEach((data) => this.handle(data));
  },

  async answer(data, send) {
    const { host } = this, answer = data.ask;
    // Who is answered by another engine from now on asks that one.
    const sure = (message) => host === this.host && !host.stopped && send(message);
    try {
      sure({ answer, value: await this[`on_${data.what}`](data, sure) });
    } catch (error) {
      sure({ answer, error: error?.message ?? String(error) });
    }
  },

  /**
   * Pages lie in a file, unless the store beside it has shown to be much faster and either will do. That is found out once for each database; whether a
   * file is late, each time that it has been.
   */
  async choose(device, known) {
    const found = known === SLOWER ? known : await measured(device);
    if (found === SLOWER && this.options.kind === 'auto') Object.assign(device, { kind: 'idb', pages: undefined });
    else if (found) device.pages = cached(device.pages, (navigator.deviceMemory ?? LITTLE) * CACHED);
  },

  async close() {
    if (this.engine.used_memory() < SMALL) {
      const rewritten = () => new Promise((resolve) => (this.rewritten = resolve));
      if (this.engine.is_rewriting()) await rewritten();
      if (this.engine.journal_more() > GROWN) await this.rewrite().then(rewritten, () => {});
      this.rewritten = undefined;
    }
    this.shut();
  },

  /** Nobody has asked for anything for a while. */
  tidy() {
    const { engine } = this;
    if (!engine.is_rewriting() && engine.journal_more() > engine.journal_base() / 2) this.rewrite().catch(() => {});
  },

  rewrite() {
    return this.command('BGREWRITEAOF');
  },

  /** A command of our own; gives its reply as it came. */
  command(text) {
    return new Promise((resolve, reject) => {
      const session = this.session((bytes, closed) => {
        this.drop(session);
        if (closed) return reject(new Error(ENDED));
        const reply = utf8.decode(bytes).trim();
        if (reply[0] === '-') reject(new Error(reply.slice(1)));
        else resolve(reply);
      });
      this.host.send(session, toBytes.encode(`${text}\r\n`));
    });
  },

  on_facts() {
    const { kind, pages } = this.device;
    return { device: kind, ...this.host.counts, wasm_memory: this.engine.memory.buffer.byteLength, page_cache: pages?.held?.() ?? 0 };
  },

  /** A port that speaks RESP. `null` from either side ends it. */
  port(port) {
    if (this.following) return this.bridge(port);
    if (this.early) return this.early.push({ port });
    const { host } = this;
    if (host.stopped) {
      port.postMessage(null);
      return port.close();
    }
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
      else if (this.ports.has(end)) host.send(session, sent(data));
    };
    // Where closing it is told to the other side.
    port.addEventListener('close', end);
    // Who waits for an answer in Node has the other end.
    port.unref?.();
  },

  /** A port of this tab to the engine of another; it ends when another tab leads. */
  bridge(port) {
    const lane = `port ${(this.bridged = (this.bridged ?? 0) + 1)}`;
    const hear = (bytes) => {
      port.postMessage(bytes, bytes ? [bytes.buffer] : []);
      if (bytes) return;
      this.bridges.delete(lane);
      port.close();
      // Where another tab leads by now, it knows of no such session.
      this.end(lane);
    };
    (this.bridges ??= new Map()).set(lane, hear);
    const end = () => this.bridges.has(lane) && hear(null);
    port.addEventListener('close', end);
    port.onmessage = ({ data }) => {
      if (data === null) end();
      else this.tabs.forward({ message: [lane, sent(data)] });
    };
  },

  /** The engine at the other end of ports is gone: what waits for its answers is told so. */
  unbridge() {
    this.bridges?.forEach((hear) => hear(null));
  },

  /** Replies that came from another tab. */
  replied(replies) {
    const ours = [];
    for (let i = 0; i < replies.length; i += 2) {
      const bridge = this.bridges?.get(replies[i]);
      if (bridge) bridge(replies[i + 1]);
      else ours.push(replies[i], replies[i + 1]);
    }
    if (ours.length) this.post(ours);
  },

  /** The texts of COMMAND DOCS, a file of the package. `from`: where it is, or what gives it. */
  async docs(from) {
    if (typeof from === 'function') return from();
    const response = await fetch(from);
    if (!response.ok) throw new Error(`docs.tsv: ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  },

  on_map() {
    const { host, engine } = this, length = engine.page_map();
    return new Uint32Array(host.view(engine.reply(), length).slice().buffer);
  },

  /** One file after the other: they have one name. */
  next(work) {
    const result = (this.files ?? Promise.resolve()).then(work);
    this.files = result.catch(() => {});
    return result;
  },

  on_export() {
    return this.next(async () => {
      await this.command('SAVE');
      const { engine, host } = this;
      const [base, size] = host.numbers(engine.file(host.input(EXPORTED)));
      const parts = [];
      for (let at = 0; at < size; at += WINDOW) {
        const [records] = await this.device.read([{ store: 1, from: base + at, to: base + at + WINDOW - 1 }]);
        parts.push(new Blob(records));
      }
      engine.remove_file(host.input(EXPORTED));
      host.turn();
      return new Blob(parts, { type: 'application/octet-stream' });
    });
  },

  on_import({ ask, file }, send) {
    return this.next(async () => {
      const { engine, host } = this;
      const outcome = { keys: 0, refused: 0, error: undefined }, over = new Error(ENDED);
      let arrived, stop;
      const ended = new Promise((_, reject) => (stop = reject));
      ended.catch(() => {});
      const session = this.session((bytes, closed) => {
        count(utf8.decode(bytes), outcome);
        arrived?.();
        if (closed) stop(over);
      });
      /** Replies that come, unless the session is ended. */
      const replied = (work) => Promise.race([new Promise(work), ended]);
      engine.import_begin();
      try {
        const reader = file.stream().getReader();
        for (let read = 0; ; ) {
          const { value = new Uint8Array(), done } = await reader.read();
          let at = 0;
          // What lies in memory comes as one piece. A part of nothing tells the engine that the file has ended.
          do {
            const part = value.subarray(at, at + FED);
            engine.import_feed(host.input(part));
            let keys;
            for (; (keys = engine.import_step(session, Date.now())) >= 0; outcome.keys = keys) {
              const replies = replied((resolve) => (arrived = resolve));
              host.turn();
              await replies;
            }
            if (keys === -3) throw new Error(host.said(engine.reply_len()));
            send({ answer: ask, read: (read += part.length), size: file.size, keys: outcome.keys });
          } while ((at += FED) < value.length);
          if (!done) continue;
          // The last replies come before this one.
          const end = replied((resolve) => (outcome.end = resolve));
          host.send(session, toBytes.encode('PING\r\n'));
          await end;
          return { keys: outcome.keys - outcome.refused, refused: outcome.refused, error: outcome.error };
        }
      } catch (error) {
        throw error === over ? error : new Error(`BADRDB ${error?.message ?? error}`);
      } finally {
        if (!host.stopped) {
          engine.import_end();
          this.drop(session);
        }
      }
    });
  },
};

/** Of the tabs: what the leader does for others, and what the others hear. */
export const sharing = {
  /** Another tab leads: this one follows until it may lead, or is refused. */
  async queue(tabs) {
    const late = new AbortController();
    // A tab that is closed or loaded anew holds what it had for a moment.
    this.refused = () => setTimeout(() => this.kind || late.abort(), HELD_MS);
    if (tabs === 'exclusive') this.refused();
    else {
      this.server.following = true;
      this.follow();
    }
    return this.turn({ signal: late.signal }).catch(() => {
      throw new Error('BUSY another tab has it open');
    }).finally(() => (this.refused = undefined));
  },

  /** Takes over what earlier leaders owed; what this tab is owed itself. */
  inherit() {
    this.server.unbridge();
    for (const [key, record] of this.owed) if (record && record.time < Date.now() - FORGOTTEN_MS) this.owed.set(key, undefined);
    return this.due(this.owed.get(this.id));
  },

  /** What this tab is owed from the leader that it had last. */
  due(record) {
    return record?.epoch === (this.leader ?? this.last) ? record?.lanes : undefined;
  },

  /** Finds the leader. */
  follow() {
    this.channel.postMessage({ who: this.id });
  },

  forward(message) {
    this.channel.postMessage({ from: this.id, epoch: this.leader, ...message });
  },

  /** The device took no commit. */
  refuse(text) {
    this.channel.postMessage({ refused: text, epoch: this.epoch });
  },

  guest(id) {
    let guest = this.guests.get(id);
    if (!guest) {
      guest = { lanes: new Map(), outbox: [], ended: new Map() };
      this.guests.set(id, guest);
      navigator.locks.request(this.tabLock(id), () => this.leads && this.gone(id));
    }
    return guest;
  },

  /** A tab has ended. */
  gone(id) {
    for (const { session } of this.guests.get(id)?.lanes.values() ?? []) this.server.drop(session);
    this.guests.delete(id);
    this.owed.set(id, undefined);
  },

  /** Commands of another tab. */
  run(id, message) {
    const guest = this.guest(id), lane = (number) => {
      let lane = guest.lanes.get(number);
      if (!lane) {
        // After one that the engine ended it is counted on.
        lane = { sent: guest.ended.get(number) ?? 0, kept: new Uint8Array(), session: undefined };
        guest.ended.delete(number);
        lane.session = this.server.session((bytes, closed) => {
          if (bytes.length) this.reply(guest, number, lane, bytes);
          if (!closed) return;
          guest.outbox.push(number, null);
          guest.ended.set(number, lane.sent);
        });
        guest.lanes.set(number, lane);
      }
      return lane.session;
    };
    this.server.host.send(...message.map((part, i) => (i % 2 ? part : lane(part))));
  },

  reply(guest, number, lane, bytes) {
    lane.sent += bytes.length;
    lane.kept = joined(lane.kept, bytes).slice(-KEPT);
    guest.outbox.push(number, bytes);
  },

  leave(guest, number) {
    const lane = guest.lanes.get(number);
    if (!lane) return;
    guest.lanes.delete(number);
    this.server.drop(lane.session);
  },

  /** After a turn. */
  flush() {
    for (const [id, { outbox }] of this.guests) {
      if (outbox.length) this.channel.postMessage({ to: id, epoch: this.epoch, replies: outbox.splice(0) });
    }
  },

  /** What goes into a commit of files beside them: all that other tabs are answered for what the commit makes durable. */
  records() {
    const ops = [];
    for (const [key, record] of this.owed) if (!record) ops.push({ store: 2, key, until: key });
    for (const { key } of ops) this.owed.delete(key);
    for (const [id, { lanes }] of this.guests) {
      const record = { epoch: this.epoch, time: Date.now(), lanes: {} };
      for (const [number, lane] of lanes) {
        const { engine } = this.server, { session } = lane;
        const unsent = this.server.host.view(engine.unsent(session), engine.unsent_len(session));
        record.lanes[number] = { from: lane.sent - lane.kept.length, bytes: joined(lane.kept, unsent) };
      }
      ops.push({ store: 2, key: id, until: -1, bytes: record });
    }
    return ops;
  },

  hear(data) {
    const { server } = this;
    if (this.leads) {
      if (data.who) this.channel.postMessage({ to: data.who, leads: this.epoch, owed: this.owed.get(data.who), kind: server.device.kind, alone: server.options.tabs === 'exclusive' });
      else if (data.epoch !== this.epoch) return;
      else if (data.message) this.run(data.from, data.message);
      else if (data.ask) server.answer(data, (answer) => this.channel.postMessage({ to: data.from, epoch: this.epoch, answer }));
      else if (data.end !== undefined && this.guests.has(data.from)) this.leave(this.guests.get(data.from), data.end);
    } else if (data.alone && data.to === this.id && !this.kind && this.refused) this.refused();
    else if (data.leads && data.to === this.id && data.leads !== this.leader) {
      const due = this.due(data.owed);
      this.leader = data.leads;
      this.kind = data.kind;
      server.followed(due);
    } else if (data.leads && data.to === undefined) this.follow();
    else if (data.left && data.left === this.leader) [this.leader, this.last] = [undefined, data.left];
    else if (data.refused && data.epoch === this.leader) server.post({ refused: data.refused });
    else if (data.to === this.id && data.epoch === this.leader) {
      if (data.replies) server.replied(data.replies);
      else if (data.answer) server.post(data.answer);
    }
  },
};

/** `QUICK`, `SLOWER` or `LATE`; it is remembered in the store, beside the directory. */
async function measured({ db, pages }) {
  const record = new Uint8Array(RECORD), value = new Uint8Array(VALUE), now = () => performance.now();
  const files = () => {
    const begun = now();
    for (let i = 0; i < VALUES; i++) pages.write(value, i * VALUE);
    for (let i = 0; i < VALUES; i++) pages.read(value, i * VALUE);
    return now() - begun;
  };
  // Once more, since anything may have come between.
  const file = Math.min(files(), files()), isLate = file > LATE_MS, begun = now();
  const within = (mode, work) => new Promise((resolve) => {
    const tx = db.transaction(['pages', 'meta'], mode);
    work(tx.objectStore('pages'), tx.objectStore('meta'));
    tx.oncomplete = resolve;
  });
  const stored = async () => {
    await within('readwrite', (store) => store.put(record, -1));
    for (let i = 0; i < VALUES; i++) await within('readonly', (store) => store.get(-1));
    return now() - begun < file / 2;
  };
  const over = new Promise((resolve) => setTimeout(resolve, file / 2, false));
  const found = !isLate ? QUICK : (await Promise.race([stored(), over])) ? SLOWER : LATE;
  within('readwrite', (store, meta) => {
    store.delete(-1);
    meta.put(found, -1);
  });
  return found;
}

/** What a request gives; `busy` where another tab is in its way: one that waits behind another request is not told that it is blocked. */
function done(request, busy) {
  return new Promise((resolve, reject) => {
    if (busy) setTimeout(reject, HELD_MS, busy);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** What was sent to a port, as bytes. */
const sent = (data) => (typeof data === 'string' ? toBytes.encode(data) : new Uint8Array(data));

/** Refusals among replies to RESTORE, the first of them word by word. */
function count(replies, outcome) {
  for (const line of replies.split('\r\n')) {
    if (line === '+PONG') outcome.end();
    if (line[0] !== '-') continue;
    outcome.refused++;
    outcome.error ??= line.slice(1);
  }
}

function joined(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
