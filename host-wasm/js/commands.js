// Methods out of names: options become words.

/** Commands in which an object means pairs, not options. */
const PAIRS = /^(m|h|hm)set(nx)?$/;

/** A function that runs a command: arrays are spread, an option `{ ex: 60, nx: true }` becomes `EX 60 NX`. */
export function method(name, run) {
  const first = name.toUpperCase(), pairs = PAIRS.test(name);
  return (...given) => {
    const words = [first];
    for (let i = 0; i < given.length; i++) {
      if (typeof given[i] === 'string') words.push(given[i]);
      else add(words, given[i], pairs);
    }
    return run(words);
  };
}

function add(words, item, pairs) {
  if (Array.isArray(item)) item.forEach((one) => add(words, one, pairs));
  else if (item instanceof Map) item.forEach((value, key) => words.push(key, value));
  else if (item instanceof Set) words.push(...item);
  else if (item instanceof Date) words.push(item.getTime());
  else if (item && typeof item === 'object' && !ArrayBuffer.isView(item) && !(item instanceof ArrayBuffer)) {
    for (const [key, value] of Object.entries(item)) {
      if (pairs) words.push(key, value);
      else if (value === true) words.push(key.toUpperCase());
      else if (value !== false && value !== undefined) {
        for (const one of key === 'get' ? [value].flat() : [value]) {
          words.push(key.toUpperCase());
          add(words, one, false);
        }
      }
    }
  } else if (item !== undefined) words.push(item);
}

/** Splits a template at its spaces; a hole is one argument, or a part of one where it touches text. */
export function tagged(strings, holes) {
  const words = [];
  // Whether what comes next belongs to the last word.
  let open = false;
  const add = (part) => {
    words.push(open ? `${words.pop()}${part}` : part);
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

/** Methods whose values are JSON: which of their arguments are, from one to before another. */
const JSON_METHODS = { get: [], mget: [], hget: [], hgetall: [], lrange: [], set: [1, 2], mset: [0, 1], hset: [1, 2], lpush: [1], rpush: [1] };

/** Values as JSON, for those who ask for it. */
export function asJson(db) {
  const methods = Object.entries(JSON_METHODS).map(([name, [from, to]]) => {
    const write = /^(m|h)set/.test(name) ? mapped(JSON.stringify) : JSON.stringify;
    const read = (text) => (text === null ? null : JSON.parse(text));
    const method = from === undefined
      ? async (...given) => {
        const value = await db[name](...given);
        return Array.isArray(value) ? value.map(read) : (name === 'hgetall' ? mapped(read) : read)(value);
      }
      : (...given) => db[name](...given.map((one, i) => (i >= from && !(i >= to) ? write(one) : one)));
    return [name, method];
  });
  return Object.fromEntries(methods);
}

const mapped = (change) => (object) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
