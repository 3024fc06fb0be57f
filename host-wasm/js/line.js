// One session of the engine as its user sees it: commands that wait for replies, and those that put the session into a state, of which
// another engine must be told before it can go on (page-more.js).

import { NOBODY } from './lanes.js';
import { Encoder, NuthatchError } from './resp.js';

/** What a command's name says of how it is to be sent. */
export const PLAIN = 0, BLOCKING = 1, ODD = 2, STATEFUL = 3, OWN = 4;
const KINDS = [
  [/^(auth|client)$/i, STATEFUL],
  // A session of its own may send these: others would be in their state.
  [/^(multi|exec|discard|(un)?watch|select|reset)$/i, OWN],
  [/^(b[lrz](m?pop(min|max)?|move|poplpush)|wait)$/i, BLOCKING],
  // No command at all, too: it is not answered.
  [/^(undefined|hello|shutdown|quit|monitor|p?sync|[ps]?(un)?subscribe)$/i, ODD],
];
const known = new Map();
/** Names that are remembered: they come from users. */
const KNOWN = 1000;

/** A word that may have come as bytes. */
export const textOf = (word) => (typeof word === 'object' ? String.fromCharCode(...new Uint8Array(word)) : word);

export function kind(name) {
  let found = known.get(name);
  if (found === undefined) {
    const text = textOf(name);
    found = KINDS.find(([names]) => names.test(text))?.[1] ?? PLAIN;
    if (known.size < KNOWN) known.set(text, found);
  }
  return found;
}

/** A command's kind. Throws unless it is answered by one reply: whoever waits after another would be given replies that are not theirs; and where it
 * puts a session that others use too (`shared`) into a state. */
export function oneReply(words, shared) {
  const [name, more] = words, which = kind(name);
  if (which === ODD || (shared && which === OWN) || (which === STATEFUL && /^client reply$/i.test(`${textOf(name)} ${textOf(more)}`))) throw new NuthatchError(`NOREPLY ${name}: use db.session(), db.resp() or db.subscribe`);
  return which;
}

export class Line {
  constructor() {
    /** Commands that may have changed the session's state, and whether each was answered with a list; not at all: it was refused. */
    this.past = [];
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
    const { words } = entry;
    entry.stateful = oneReply(words, entry.shared) >= STATEFUL;
    this.greet();
    this.encoder.command((entry.stateful && this.torn?.(entry)) || words);
    this.waiting.push(entry);
    // It goes back to RESP2.
    if (entry.stateful && /^reset$/i.test(textOf(words[0]))) this.hello = true;
  }

  /** Takes the next reply. */
  replied(parser) {
    const entry = this.waiting[this.next++];
    let value = parser.value(entry?.how?.bytes);
    if (!entry) return;
    if (entry.mend) value = entry.mend(value);
    const failed = value instanceof NuthatchError;
    const { words } = entry;
    // A transaction with one that was refused is refused: its name alone will be refused again.
    if (words && (entry.stateful || failed || value === 'QUEUED')) this.past.push(failed ? [[words[0]]] : [words, Array.isArray(value)]);
    if (failed) entry.reject(value);
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
}
