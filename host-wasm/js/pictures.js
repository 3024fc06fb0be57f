// The engine's numbers in shapes for people.

/** The device's pages out of the engine's numbers. */
export function picture(words) {
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
export function stats(text, facts, storage) {
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
