// The engine on the page's own thread, which has answers at once.

import { soon } from './soon.js';
import { Server } from './worker.js';

const toBytes = new TextEncoder();
const HELLO = toBytes.encode('HELLO 3\r\n');
/** The answer where there is none at once. */
const NOT_NOW = toBytes.encode('-NOTINMEMORY the value is not in memory, or the command waits: ask for it with await\r\n');

export class Inline extends Server {
  /** `resp`: the page's own classes of that module. */
  constructor({ Encoder, Parser, NuthatchError }, post, more) {
    const later = soon();
    super((message) => later(() => post(message)), undefined, more);
    const parser = new Parser(NOT_NOW);
    const read = (bytes) => (all, from, to) => parser.over(all, from, to).value(bytes);
    Object.assign(this, { encoder: new Encoder(), read: read(false), readBytes: read(true), NuthatchError });
  }

  /** A command's reply at once, for a value in memory. `bytes`: strings are given as bytes. */
  sync(words, bytes) {
    const { encoder } = this;
    encoder.length = 0;
    encoder.command(words);
    const value = this.now(encoder.bytes, encoder.length, bytes ? this.readBytes : this.read);
    if (value instanceof this.NuthatchError) throw value;
    return value;
  }

  /** Runs one command and reads its reply, if it has one at once. */
  now(bytes, length, read) {
    const { host } = this;
    if (this.early || this.following) return read(NOT_NOW, 0, NOT_NOW.length);
    if (this.direct === undefined) {
      // One that the engine ended is no more, as if it had never been.
      this.direct = this.session((_, closed) => closed && this.leave());
      host.send(this.direct, HELLO);
    }
    const answered = this.ask(this.direct, bytes, length);
    if (answered) return read(host.bytes, host.engine.reply(), host.engine.reply() + answered);
    this.leave();
    return read(NOT_NOW, 0, NOT_NOW.length);
  }

  leave() {
    const { direct } = this;
    this.direct = undefined;
    this.drop(direct);
  }

  /** Ends without a goodbye, as a worker does that is terminated: others may lead. */
  kill() {
    this.stop();
    this.tabs?.end();
  }

  yielded() {
    this.direct = undefined;
    super.yielded();
  }

  /** Gives a session bytes and takes its answer: how many bytes, which lie at the engine's `reply`. The rest of the turn comes soon. */
  ask(session, bytes, length) {
    const { host } = this;
    host.input(bytes, length);
    const answered = host.engine.ask(session, length, (host.fed = Date.now()));
    if (!this.soon) {
      this.soon = true;
      queueMicrotask(() => {
        this.soon = false;
        host.turn();
      });
    }
    return answered;
  }
}
