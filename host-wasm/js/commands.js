// Methods out of names: options become words.

import { bytesOf, isText } from './resp.js';

/** Commands in which an object means pairs, not options. */
const PAIRS = /^(m|h|hm)set(nx)?$/;
/** In these it is neither, but a value that somebody forgot to write as text. */
const VALUES = /push|sadd|setex/;

const NEITHER = 2;

/** A function that runs a command: arrays are spread, an option `{ ex: 60, nx: true }` becomes `EX 60 NX`. */
export function method(name, run) {
  const first = name.toUpperCase(), pairs = VALUES.test(name) ? NEITHER : PAIRS.test(name);
  return (...given) => {
    const words = [first];
    for (const item of given) {
      if (typeof item === 'string') words.push(item);
      else add(words, item, pairs, name === 'expireat');
    }
    // Options that were not given; elsewhere it is no argument, and what comes behind must not take its place.
    while (words.at(-1) === undefined) words.pop();
    return run(words);
  };
}

/** `seconds`: what a date is told in. */
function add(words, item, pairs, seconds) {
  if (Array.isArray(item) || item instanceof Set) item.forEach((one) => add(words, one ?? null, pairs));
  else if (item instanceof Map) item.forEach((value, key) => words.push(key, value));
  else if (item instanceof Date) words.push(Math.floor(item / (seconds ? 1000 : 1)));
  else if (pairs !== NEITHER && item && typeof item === 'object' && !ArrayBuffer.isView(item) && !(item instanceof ArrayBuffer)) {
    for (const [key, value] of Object.entries(item)) {
      if (pairs) words.push(key, value);
      else if (value === true) words.push(key.toUpperCase());
      else if (value !== false && value !== undefined) {
        for (const one of key === 'get' ? [value].flat() : [value]) {
          words.push(key.toUpperCase());
          add(words, one, false, key === 'exat');
        }
      }
    }
  } else words.push(item);
}

/** Splits a template at its spaces; a hole is one argument, whatever bytes it has, or a part of one where it touches text. */
export function tagged(strings, holes) {
  const words = [];
  // Whether what comes next belongs to the last word.
  let open = false;
  const add = (part) => {
    words.push(open ? joined(words.pop(), part) : part);
    open = true;
  };
  strings.forEach((text, i) => {
    for (const part of text.split(/(\s+)/)) {
      if (/\s/.test(part)) open = false;
      else if (part) add(part);
    }
    if (i < holes.length) add(holes[i]);
  });
  return words;
}

/** One word of two: bytes where one of them is. */
function joined(...parts) {
  return parts.every(isText) ? parts.join('') : Uint8Array.from(parts.flatMap((part) => [...bytesOf(part)]));
}
