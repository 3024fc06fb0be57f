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
  let open = false;
  strings.forEach((text, i) => {
    if (/^\s/.test(text)) open = false;
    const parts = text.split(/\s+/).filter(Boolean);
    parts.forEach((part, n) => {
      if (n === 0 && open) words.push(words.pop() + part);
      else words.push(part);
    });
    if (parts.length) open = !/\s$/.test(text);
    if (i >= holes.length) return;
    if (open && words.length) words.push(`${words.pop()}${holes[i]}`);
    else words.push(holes[i]);
    open = true;
  });
  return words;
}

/** Values as JSON, for those who ask for it. */
export const JSON_METHODS = {
  set: (db, key, value, options) => db.set(key, JSON.stringify(value), options),
  get: async (db, key) => parse(await db.get(key)),
  mget: async (db, ...keys) => (await db.mget(...keys)).map(parse),
  mset: (db, pairs) => db.mset(mapped(pairs, JSON.stringify)),
  hset: (db, key, fields) => db.hset(key, mapped(fields, JSON.stringify)),
  hget: async (db, key, field) => parse(await db.hget(key, field)),
  hgetall: async (db, key) => mapped(await db.hgetall(key), parse),
  lpush: (db, key, ...values) => db.lpush(key, ...values.map((value) => JSON.stringify(value))),
  rpush: (db, key, ...values) => db.rpush(key, ...values.map((value) => JSON.stringify(value))),
  lrange: async (db, key, from, to) => (await db.lrange(key, from, to)).map(parse),
};

const parse = (text) => (text === null ? null : JSON.parse(text));
const mapped = (object, change) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));

/** Scans as async iterators: keys, members, `[field, value]`, `[member, score]`. */
export function iterate(put, db) {
  const over = (name, each) => async function* (...given) {
    let cursor = '0', items;
    const options = typeof given.at(-1) === 'object' ? given.pop() : {};
    do {
      [cursor, items] = await db[name](...given, cursor, options);
      for (let i = 0; i < items.length; i += each) yield each === 1 ? items[i] : [items[i], items[i + 1]];
    } while (cursor !== '0');
  };
  put('scanIterator', over('scan', 1));
  put('sscanIterator', over('sscan', 1));
  put('hscanIterator', over('hscan', 2));
  put('zscanIterator', over('zscan', 2));
}
