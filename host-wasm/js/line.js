// One session of the engine as its user sees it: commands that wait for replies, and what another engine must be told before it
// can go on with them.

import { Encoder, NuthatchError } from './resp.js';

/** What a command's name says of how it is to be sent. */
export const PLAIN = 0, STATEFUL = 1, BLOCKING = 2, FLUSHING = 3;
const KINDS = [
  [/^(multi|exec|discard|watch|unwatch|select|auth|client|reset)$/i, STATEFUL],
  [/^(b[lrz](m?pop(min|max)?|move|poplpush)|wait)$/i, BLOCKING],
  [/^(flush(all|db)|swapdb)$/i, FLUSHING],
];
const known = new Map();
/** Names that are remembered: they come from users. */
const KNOWN = 1000;

export function kind(name) {
  let found = known.get(name);
  if (found === undefined) {
    found = KINDS.find(([names]) => names.test(name))?.[1] ?? PLAIN;
    if (known.size < KNOWN) known.set(name, found);
  }
  return found;
}

/** Who hears what nobody waits for. */
export const NOBODY = { resolve() {}, reject() {} };
const upper = (word) => String(word).toUpperCase();

export class Line {
  /** `state`: commands that put the session into a state, by what they set. */
  constructor(state = []) {
    this.state = new Map(state);
    /** Commands of a transaction that has begun, as they were acknowledged. */
    this.queued = undefined;
    /** Keys are watched. */
    this.watching = false;
    /** They were watched by an engine that is gone: whether they changed nobody can tell, so EXEC must fail. */
    this.torn = false;
    this.waiting = [];
    this.begin();
  }

  begin() {
    this.encoder = new Encoder();
    this.waiting = [];
    this.next = this.received = 0;
    this.hello = true;
  }

  greet() {
    if (!this.hello) return;
    this.hello = false;
    this.encoder.command(['HELLO', '3']);
    this.waiting.push(NOBODY);
  }

  /** A command that is answered by no reply but by pushes. */
  say(words) {
    this.greet();
    this.encoder.command(words);
  }

  /** `entry`: a command's words, how its reply is to be read, and who waits for it. */
  send(entry) {
    this.greet();
    const { words } = entry;
    if (kind(words[0]) === STATEFUL && this.sent(entry, upper(words[0]))) this.encoder.command(['DISCARD']);
    else this.encoder.command(words);
    this.waiting.push(entry);
  }

  /** True: this EXEC is to fail. */
  sent(entry, name) {
    entry.stateful = true;
    entry.torn = this.torn && name === 'EXEC';
    if (/^(EXEC|DISCARD|UNWATCH|RESET)$/.test(name)) this.torn = false;
    return entry.torn;
  }

  /** Takes the next reply. */
  replied(parser) {
    const entry = this.waiting[this.next++];
    let value = parser.value(entry?.how?.bytes);
    if (!entry) return;
    if (entry.torn) value = value instanceof NuthatchError ? new NuthatchError(value.message.replace('DISCARD', 'EXEC')) : null;
    if (entry.stateful || (this.queued && entry.words)) this.note(entry.words, value);
    if (value instanceof NuthatchError) entry.reject(value);
    else entry.resolve(value);
  }

  /** Lets go of what was answered. */
  forget() {
    if (this.next === this.waiting.length) this.waiting.length = 0;
    else this.waiting.splice(0, this.next);
    this.next = 0;
  }

  /** What waits is given up; what we sent ourselves to restore the state is not. */
  fail(error) {
    const { waiting } = this;
    this.waiting = waiting.filter(({ own }) => own);
    for (const { reject } of waiting) reject(error);
  }

  note(words, value) {
    const name = upper(words[0]);
    if (/^(EXEC|DISCARD)$/.test(name)) {
      const { queued } = this;
      if (!queued) return;
      this.queued = undefined;
      this.watching = false;
      if (name === 'EXEC' && Array.isArray(value)) queued.slice(1).forEach((one) => this.keep(one));
    } else if (this.queued && name !== 'RESET') this.queued.push(words);
    else if (!(value instanceof NuthatchError)) this.keep(words);
  }

  keep(words) {
    const name = upper(words[0]);
    if (name === 'MULTI') this.queued = [words];
    else if (name === 'WATCH') this.watching = true;
    else if (name === 'UNWATCH') this.watching = false;
    else if (name === 'SELECT' || name === 'AUTH') this.state.set(name, words);
    else if (name === 'CLIENT' && /^(SETNAME|NO-)/.test(upper(words[1]))) this.state.set(upper(words[1]), words);
    else if (name === 'RESET') {
      this.state.clear();
      this.queued = undefined;
      this.watching = false;
    }
  }

  /** Another engine answers from now on: it is told what state the session is in. Gives the commands that are to be sent again. */
  renew() {
    const again = this.waiting.filter(({ words }) => words);
    const before = [...this.state.values(), ...(this.queued ?? [])];
    this.begin();
    this.torn ||= this.watching;
    // It begins again when its first command is acknowledged again.
    this.queued = undefined;
    for (const words of before) this.send({ ...NOBODY, words, own: true });
    return again;
  }
}
