// IndexedDB as the engine's store: three object stores of records with numbers as keys.

const STORES = ['pages', 'chunks', 'meta'];
/** Chunks that are read ahead at a start, of at most 64 KiB each. */
const AHEAD = 64;

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Opens the database's store. `durability`: `relaxed` or `strict`. */
export async function openIdb({ name, durability }) {
  const request = indexedDB.open(`nuthatch:${name}`, 1);
  request.onupgradeneeded = () => STORES.forEach((store) => request.result.createObjectStore(store));
  const db = await done(request);
  // Another tab wants to delete or upgrade it: nobody is to wait for us.
  db.onversionchange = () => db.close();
  return new Idb(db, durability);
}

class Idb {
  kind = 'idb';

  constructor(db, durability) {
    this.db = db;
    this.durability = durability;
  }

  /** Reads ahead, so that a start waits for the store once; what it asks for then is there. */
  async mount() {
    const tx = this.db.transaction(['chunks', 'meta']);
    const meta = tx.objectStore('meta'), chunks = tx.objectStore('chunks'), rest = IDBKeyRange.lowerBound(1);
    const [directory, slow, keys, first, owners, owed] = await Promise.all([
      done(meta.get(0)),
      done(meta.get(-1)),
      done(chunks.getAllKeys()),
      done(chunks.getAll(null, AHEAD)),
      done(meta.getAllKeys(rest)),
      done(meta.getAll(rest)),
    ]);
    this.ahead = new Map(first.map((bytes, i) => [keys[i], bytes]));
    this.keys = keys;
    const tails = (wanted) => Promise.all(Array.from(wanted, (key) => this.ahead.get(key) ?? done(this.store('chunks').get(key))));
    return { directory, slow, keys, tails, records: owners.map((owner, i) => [owner, owed[i]]) };
  }

  /** The start is over. */
  begun() {
    this.ahead = this.keys = undefined;
  }

  /** The records between two keys, if they were read ahead. */
  known(store, from, to) {
    const keys = store === 1 ? this.keys?.filter((key) => key >= from && key <= to) : undefined;
    return keys?.every((key) => this.ahead.has(key)) ? keys.map((key) => this.ahead.get(key)) : undefined;
  }

  store(name) {
    return this.db.transaction(name).objectStore(name);
  }

  /** All of it or nothing of it. */
  commit(ops) {
    if (!ops.length) return undefined;
    return new Promise((resolve, reject) => {
      const stores = [...new Set(ops.map((op) => STORES[op.store]))];
      const tx = this.db.transaction(stores, 'readwrite', { durability: this.durability });
      tx.oncomplete = () => resolve();
      tx.onabort = () => reject(tx.error ?? new Error('it was aborted'));
      for (const { store, key, until, bytes } of ops) {
        const records = tx.objectStore(STORES[store]);
        if (store === 1) this.keys = bytes ? undefined : this.keys?.filter((other) => other < key || other > until);
        if (bytes) records.put(bytes, key);
        else records.delete(IDBKeyRange.bound(key, until));
      }
      tx.commit?.();
    });
  }

  read(reads) {
    const found = reads.map(({ store, from, to }) => this.known(store, from, to));
    if (found.every(Boolean)) return found;
    const tx = this.db.transaction([...new Set(reads.map((read) => STORES[read.store]))]);
    // Values that left together lie in one record: it is read once.
    const same = new Map();
    return Promise.all(reads.map(({ store, from, to }, i) => {
      const name = `${store}:${from}:${to}`;
      if (!same.has(name)) same.set(name, found[i] ?? done(tx.objectStore(STORES[store]).getAll(IDBKeyRange.bound(from, to))));
      return same.get(name);
    }));
  }

  close() {
    this.db.close();
  }
}
