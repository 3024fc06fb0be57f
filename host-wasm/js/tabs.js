// Several tabs, one engine: the worker that has the Web Lock leads, the others send it what their pages ask.
//
// What a leader answers another tab is kept with the data, in the same transaction: a tab whose leader ends learns from the next
// one what was run and answered, and sends again only what was not. So nothing acknowledged is lost, and nothing runs twice.

/** Records of tabs have keys from here on; before them lies the directory. */
const FIRST_KEY = 1;
/** Replies that were sent are kept too, up to so many bytes: the tab may not have got them. */
const KEPT = 1 << 16;
/** Records of tabs that did not come back in this time are removed. */
const FORGOTTEN_MS = 3_600_000;

const random = () => crypto.getRandomValues(new Uint32Array(2)).reduce((high, low) => high * 2 ** 20 + low % 2 ** 20, 0) + FIRST_KEY;

export class Tabs {
  constructor(server, name) {
    Object.assign(this, { server, lock: `nuthatch:${name}`, id: random(), guests: new Map(), owed: new Map() });
    this.channel = new BroadcastChannel(this.lock);
    this.channel.onmessage = ({ data }) => this.hear(data);
    // Held as long as this tab lives: who leads learns of its end.
    navigator.locks.request(this.tabLock(this.id), () => new Promise(() => {}));
  }

  tabLock(id) {
    return `${this.lock}:${id}`;
  }

  /** Resolves to whether this worker leads now. */
  now() {
    return new Promise((resolve) => this.request({ ifAvailable: true }, resolve));
  }

  /** Resolves when this worker leads. */
  later() {
    return new Promise((resolve) => this.request({}, resolve));
  }

  request(options, resolve) {
    navigator.locks.request(this.lock, options, (lock) => {
      resolve(!!lock);
      return lock && new Promise((release) => (this.release = release));
    });
  }

  // ------------------------------------------------------------------------------------------------ this tab leads

  /** `records`: what earlier leaders owed. */
  lead(records) {
    this.owed = new Map(records);
    this.forget();
    const due = this.due(this.owed.get(this.id));
    this.epoch = this.last = random();
    this.leads = true;
    this.leader = undefined;
    this.channel.postMessage({ leads: this.epoch });
    return due;
  }

  yield() {
    this.leads = false;
    this.guests.clear();
    this.owed.clear();
    this.channel.postMessage({ left: this.epoch });
    this.release();
  }

  /** The device took no commit. */
  refuse(text) {
    this.channel.postMessage({ refused: text, epoch: this.epoch });
  }

  /** This tab wants no more of the database. */
  end() {
    this.channel.close();
    this.release?.();
  }

  guest(id) {
    let guest = this.guests.get(id);
    if (!guest) {
      guest = { lanes: new Map(), outbox: [] };
      this.guests.set(id, guest);
      navigator.locks.request(this.tabLock(id), () => this.leads && this.gone(id));
    }
    return guest;
  }

  /** A tab has ended. */
  gone(id) {
    for (const { session } of this.guests.get(id)?.lanes.values() ?? []) this.server.drop(session);
    this.guests.delete(id);
    this.owed.set(id, undefined);
  }

  /** Commands of another tab. */
  run(id, message) {
    const guest = this.guest(id);
    for (let i = 0; i < message.length; i += 2) {
      const number = message[i];
      let lane = guest.lanes.get(number);
      if (!lane) {
        lane = { sent: 0, kept: new Uint8Array(), session: undefined };
        lane.session = this.server.session((bytes, closed) => {
          if (bytes.length) this.reply(guest, number, lane, bytes);
          if (closed) this.leave(guest, number);
        });
        guest.lanes.set(number, lane);
      }
      this.server.host.send(lane.session, message[i + 1]);
    }
  }

  reply(guest, number, lane, bytes) {
    lane.sent += bytes.length;
    lane.kept = joined(lane.kept, bytes).slice(-KEPT);
    guest.outbox.push(number, bytes);
  }

  leave(guest, number) {
    const lane = guest.lanes.get(number);
    if (!lane) return;
    guest.lanes.delete(number);
    this.server.drop(lane.session);
  }

  /** After a turn. */
  flush() {
    for (const [id, { outbox }] of this.guests) {
      if (outbox.length) this.channel.postMessage({ to: id, epoch: this.epoch, replies: outbox.splice(0) });
    }
  }

  /** What goes into a commit of files beside them: all that other tabs are answered for what the commit makes durable. */
  records() {
    const ops = [];
    for (const [key, record] of this.owed) if (!record) ops.push({ store: 2, key, until: key });
    for (const { key } of ops) this.owed.delete(key);
    for (const [id, { lanes }] of this.guests) {
      const record = { epoch: this.epoch, time: Date.now(), lanes: {} };
      for (const [number, lane] of lanes) {
        const unsent = this.server.host.unsent(lane.session);
        record.lanes[number] = { from: lane.sent - lane.kept.length, bytes: joined(lane.kept, unsent) };
      }
      ops.push({ store: 2, key: id, until: -1, bytes: record });
    }
    return ops;
  }

  forget() {
    for (const [key, record] of this.owed) if (record && record.time < Date.now() - FORGOTTEN_MS) this.owed.set(key, undefined);
  }

  // --------------------------------------------------------------------------------------------- another tab leads

  /** Finds the leader. */
  follow() {
    this.channel.postMessage({ who: this.id });
  }

  /** What this tab is owed from the leader that it had last. */
  due(record) {
    return record?.epoch === (this.leader ?? this.last) ? record?.lanes : undefined;
  }

  forward(message) {
    this.channel.postMessage({ from: this.id, epoch: this.leader, ...message });
  }

  hear(data) {
    const { server } = this;
    if (this.leads) {
      if (data.who) this.channel.postMessage({ to: data.who, leads: this.epoch, owed: this.owed.get(data.who), kind: server.device.kind });
      else if (data.epoch !== this.epoch) return;
      else if (data.message) this.run(data.from, data.message);
      else if (data.ask) server.answer(data, (answer) => this.channel.postMessage({ to: data.from, epoch: this.epoch, answer }));
      else if (data.end !== undefined && this.guests.has(data.from)) this.leave(this.guests.get(data.from), data.end);
    } else if (data.leads && data.to === this.id && data.leads !== this.leader) {
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
  }
}

function joined(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
