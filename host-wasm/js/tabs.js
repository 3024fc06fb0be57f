// Several tabs, one engine: the worker that has the Web Lock leads, the others send it what their pages ask.
//
// What a leader answers another tab is kept with the data, in the same transaction: a tab whose leader ends learns from the next
// one what was run and answered, and sends again only what was not. So nothing acknowledged is lost, and nothing runs twice.
// What a tab that is alone has no use for is loaded when another appears (worker-more.js).

/** Records of tabs have keys from here on; before them lies the directory. */
const FIRST_KEY = 1;

const random = () => Math.floor(Math.random() * 2 ** 52) + FIRST_KEY;

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

  /** Resolves when this worker leads, or to whether it does, where `options` do not let it wait. */
  turn(options) {
    return new Promise((resolve, reject) => navigator.locks.request(this.lock, options, (lock) => {
      resolve(!!lock);
      return lock && new Promise((release) => (this.release = release));
    }).catch(reject));
  }

  /** `records`: what earlier leaders owed. */
  lead(records) {
    this.owed = new Map(records);
    const due = this.inherit?.();
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

  /** This tab wants no more of the database. */
  end() {
    this.channel.close();
    this.release?.();
  }

  /** Another tab says something. */
  hear(data) {
    this.server.rest().then(() => this.hear(data));
  }
}
