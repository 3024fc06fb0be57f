// What stands behind `nuthatch/ioredis`: engines by their addresses, sessions on them, arguments and replies as ioredis has them.

import { Buffer } from 'node:buffer';
import { embed } from './embed.js';
import { Encoder, NuthatchError, Parser } from './resp.js';
import { soon } from './soon.js';

/** An error that the engine answered. */
export class ReplyError extends Error {
  static name = 'ReplyError';
  name = 'ReplyError';
}

/** First in, first out. An array's own `shift` moves all that is left, once that is long. */
export class Fifo {
  items = [];
  first = 0;

  push(item) {
    this.items.push(item);
  }

  get next() {
    return this.items[this.first];
  }

  shift() {
    const { next } = this;
    if (this.first < this.items.length) this.first++;
    if (this.first * 2 >= this.items.length) [this.items, this.first] = [this.rest, 0];
    return next;
  }

  /** What is there still. */
  get rest() {
    return this.items.slice(this.first);
  }
}

/** Engines by address; as a server does, they keep their data when clients go. */
const engines = new Map();

/** The engine at an address, which is made when it is first asked for. */
export function engine(address) {
  let found = engines.get(address);
  if (!found) engines.set(address, (found = Engine.start(address)));
  return found;
}

class Engine {
  static async start(address) {
    const { link, db } = await embed(address, { policy: 'noeviction' });
    const keys = new Map();
    for (const [name, , , first, last, step] of await db.call('COMMAND')) keys.set(name, { first, last, step });
    const engine = Object.assign(new Engine(), { server: link.server, keys, waiting: 0, later: soon() });
    // Sessions are not the client's: what waits on them keeps the process alive by this.
    engine.awake = setInterval(() => {}, 2 ** 30);
    engine.awake.unref();
    return engine;
  }

  /** One more waits for a reply, or `by` more. */
  wait(by = 1) {
    this.waiting += by;
    if (this.waiting === by && by > 0) this.awake.ref();
    else if (!this.waiting) this.awake.unref();
  }

  /** A session; `take(reply)` is called with each reply, strings in it as bytes, `over()` when the engine has closed it. */
  session(take, over) {
    const { server } = this;
    const encoder = new Encoder();
    let open = true, heard = true;
    const drop = () => {
      if (open) server.drop(number);
      open = false;
    };
    const number = server.session((bytes, closed) => {
      // What is sent in one go is answered a moment later, as it would be by a server.
      for (const parser = new Parser(bytes); !parser.done; ) {
        const value = parser.value(true);
        this.later(() => heard && take(value));
      }
      if (!closed) return;
      drop();
      this.later(over);
    });
    const send = (words) => {
      encoder.command(words);
      if (open) server.host.send(number, encoder.take());
    };
    const end = () => {
      // What it has still to say concerns nobody.
      heard = false;
      drop();
    };
    return { send, end };
  }

  /** Which of a command's arguments (its name is not among them) are keys. */
  keyPlaces(name, args) {
    return [...this.places(name, args)].filter((place) => place < args.length);
  }

  places(name, args) {
    if (/^sort(_ro)?$/.test(name)) return sorted(args);
    if (/^(object|memory)$/.test(name)) return [1];
    const counted = COUNTED.find(([names]) => names.test(name));
    if (counted) return [...counted[2], ...range(counted[1] + 1, counted[1] + Number(args[counted[1]]))];
    const { first, last, step } = this.keys.get(name) ?? {};
    return first ? range(first - 1, last < 0 ? args.length + last : last - 1, step) : [];
  }
}

/** Commands that say how many keys follow: where they say it, and where other keys are. */
const COUNTED = [
  [/^z(union|inter|diff)store$/, 1, [0]],
  [/^(z(union|inter|diff|intercard|mpop)|sintercard|lmpop)$/, 0, []],
  [/^b[lz]mpop$/, 1, []],
];

/** Numbers from one to another, both among them. */
function range(from, to, step = 1) {
  const numbers = [];
  for (let number = from; number <= to; number += step) numbers.push(number);
  return numbers;
}

/** SORT names keys in patterns and options. */
function sorted(args) {
  const places = new Set([0]);
  for (let i = 1; i < args.length - 1; i++) {
    const word = String(args[i]).toUpperCase();
    if (word !== 'STORE' && word !== 'BY' && word !== 'GET') continue;
    const pattern = String(args[++i]);
    if (word === 'STORE' || pattern.includes('*')) places.add(i);
  }
  return places;
}

const pairs = (given) => (given instanceof Map ? [...given] : Object.entries(given)).flat();
const isPairs = (given) => typeof given === 'object' && given !== null && !Buffer.isBuffer(given);

const many = (args) => (args.length === 1 && isPairs(args[0]) ? pairs(args[0]) : args);
const fields = (args) => (args.length === 2 && isPairs(args[1]) ? [args[0], ...pairs(args[1])] : args);

/** What is done with arguments and replies, by a command's name. */
export const transformers = {
  argument: { mset: many, msetnx: many, hset: fields, hmset: fields },
  reply: {
    hgetall: (flat) => (Array.isArray(flat) ? Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[i * 2], flat[i * 2 + 1]])) : flat),
  },
};

/** A command's arguments: lists in them are spread, then each is text or bytes. */
export function words(name, given) {
  const args = given.flat();
  return (transformers.argument[name]?.(args) ?? args).map(word);
}

function word(arg) {
  if (typeof arg === 'string' || Buffer.isBuffer(arg)) return arg;
  if (arg === null || arg === undefined) return '';
  return String(Number.isInteger(arg) && !Number.isSafeInteger(arg) ? BigInt(arg) : arg);
}

export function prefixed(prefix, key) {
  if (typeof key === 'string' && typeof prefix === 'string') return prefix + key;
  return Buffer.concat([Buffer.from(prefix), Buffer.from(key)]);
}

/** A reply as ioredis gives it. `bytes`: strings as Buffers; `texts`: numbers as strings. */
export function reply(value, { name, args, bytes, texts }) {
  if (value instanceof NuthatchError) return Object.assign(new ReplyError(value.message), { command: { name, args } });
  if (value instanceof Uint8Array) {
    const buffer = Buffer.from(value.buffer, value.byteOffset, value.length);
    return bytes ? buffer : buffer.toString();
  }
  if (typeof value === 'string') return bytes ? Buffer.from(value) : value;
  if (typeof value === 'number' || typeof value === 'bigint') return texts ? String(value) : Number(value);
  if (Array.isArray(value)) return value.map((one) => reply(one, { name, args, bytes, texts }));
  return value;
}
