// What a page wants now and then: live queries, watches, and the engine's numbers in shapes for people. It is a file of its own,
// loaded when it is first asked for.

/** Published where all keys go at once, which no key's event tells (client.js). */
const FLUSHED = 'c:__nuthatch__:flush';

export async function watch(client, pattern, handler) {
  await client.events();
  const prefix = '__keyspace@0__:';
  const ends = [
    await client.hear(`p:${prefix}${pattern}`, (event, channel) => handler(channel.slice(prefix.length), event)),
    await client.hear(FLUSHED, () => handler(null, 'flush')),
  ];
  return () => Promise.all(ends.map((end) => end()));
}

/** Runs `read(db)` now and again whenever a key that it read has changed. */
export async function live(client, read, handler) {
  await client.events();
  let ends = new Map(), running = false, again = false, over = false;
  const changed = () => {
    again = true;
    if (!running) run();
  };
  const run = async () => {
    running = true;
    await null;
    for (again = true; again && !over; ) {
      again = false;
      const keys = new Set([FLUSHED]);
      const watched = client.methods({ before: (words) => note(client, words, keys, ends, changed) });
      try {
        handler(undefined, await read(watched));
      } catch (error) {
        handler(error);
      }
      for (const [name, end] of ends) if (!keys.has(name)) ends.delete(name), (await end)();
    }
    running = false;
  };
  ends.set(FLUSHED, client.hear(FLUSHED, changed));
  await run();
  return async () => {
    over = true;
    for (const end of ends.values()) (await end)();
    ends.clear();
  };
}

/** Listens for changes of a command's keys before the command runs, so that none is missed. */
async function note(client, words, keys, ends, changed) {
  const found = await client.send(['COMMAND', 'GETKEYS', ...words], client.base, {}).catch(() => []);
  await Promise.all(found.map((key) => {
    const name = `c:__keyspace@0__:${key}`;
    keys.add(name);
    if (!ends.has(name)) ends.set(name, client.hear(name, changed));
    return ends.get(name);
  }));
}

export async function stats(client) {
  return summary(await client.db.call('INFO', 'everything'), await client.ask('facts'), await storage());
}

export async function pageMap(client) {
  return picture(await client.ask('map'));
}

/** What the browser grants. WebKitGTK has no `navigator.storage`. */
async function storage() {
  const manager = globalThis.navigator?.storage;
  if (!manager?.estimate) return {};
  const { quota, usage } = await manager.estimate();
  return { quota, usage, persisted: (await manager.persisted?.()) ?? false };
}

/** The device's pages out of the engine's numbers. */
function picture(words) {
  const [pageSize, pages, n] = words;
  const read = [], written = [];
  for (let i = 0; i < n; i++) {
    const [first, count, write] = words.subarray(3 + i * 3);
    (write ? written : read).push({ first, count });
  }
  const used = new Uint8Array(words.slice(3 + n * 3).buffer);
  return { pageSize, pages, used, isUsed: (page) => ((used[page >> 3] >> (page & 7)) & 1) === 1, read, written };
}

/** INFO as an object: numbers where a line is one, the sums that pictures want beside. */
function summary(text, facts, storage) {
  const out = {}, keyspace = {};
  for (const line of text.split('\r\n')) {
    const [, name, value] = /^(\w+):(.*)$/.exec(line) ?? [];
    if (!name) continue;
    if (/^db\d+$/.test(name)) keyspace[name] = Object.fromEntries(value.split(',').map((pair) => pair.split('=')).map(([k, v]) => [k, Number(v)]));
    else out[name] = value !== '' && !isNaN(value) ? Number(value) : value;
  }
  return {
    ...out,
    ...facts,
    storage,
    keyspace,
    keys: Object.values(keyspace).reduce((sum, db) => sum + db.keys, 0),
    maxmemory: out.vm_conf_max_memory || out.maxmemory,
    hits: out.keyspace_hits,
    misses: out.keyspace_misses,
    evictions: out.evicted_keys,
    expired: out.expired_keys,
  };
}
