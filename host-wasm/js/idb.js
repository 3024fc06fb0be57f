// IndexedDB as the engine's store: three object stores of records with numbers as keys.

const STORES = ['pages', 'chunks', 'meta'];

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

  async mount() {
    const tx = this.db.transaction(['chunks', 'meta']);
    const meta = tx.objectStore('meta'), rest = IDBKeyRange.lowerBound(1);
    const [directory, keys, owners, owed] = await Promise.all([
      done(meta.get(0)),
      done(tx.objectStore('chunks').getAllKeys()),
      done(meta.getAllKeys(rest)),
      done(meta.getAll(rest)),
    ]);
    const tails = (wanted) => {
      const chunks = this.db.transaction('chunks').objectStore('chunks');
      return Promise.all(Array.from(wanted, (key) => done(chunks.get(key))));
    };
    return { directory, keys, tails, records: owners.map((owner, i) => [owner, owed[i]]) };
  }

  /** All of it or nothing of it. */
  commit(ops) {
    if (!ops.length) return undefined;
    return new Promise((resolve, reject) => {
      const stores = [...new Set(ops.map((op) => STORES[op.store]))];
      const tx = this.db.transaction(stores, 'readwrite', { durability: this.durability });
      tx.oncomplete = () => resolve();
      tx.onabort = () => reject(tx.error ?? new Error('the transaction was aborted'));
      for (const { store, key, until, bytes } of ops) {
        const records = tx.objectStore(STORES[store]);
        if (bytes) records.put(bytes, key);
        else records.delete(IDBKeyRange.bound(key, until));
      }
      tx.commit?.();
    });
  }

  read(reads) {
    const tx = this.db.transaction([...new Set(reads.map((read) => STORES[read.store]))]);
    // Values that left together lie in one record: it is read once.
    const same = new Map();
    return Promise.all(reads.map(({ store, from, to }) => {
      const name = `${store}:${from}:${to}`;
      if (!same.has(name)) same.set(name, done(tx.objectStore(STORES[store]).getAll(IDBKeyRange.bound(from, to))));
      return same.get(name);
    }));
  }

  close() {
    this.db.close();
  }
}
