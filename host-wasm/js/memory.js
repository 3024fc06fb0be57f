// A store that ends with the page: cold values leave the engine's memory for JavaScript's.

export class Memory {
  kind = 'memory';

  constructor() {
    this.stores = [new Map(), new Map(), new Map()];
  }

  mount() {
    return { directory: this.stores[2].get(0), keys: [...this.stores[1].keys()].sort((a, b) => a - b), tails: (wanted) => Array.from(wanted, (key) => this.stores[1].get(key)) };
  }

  commit(ops) {
    for (const { store, key, until, bytes } of ops) {
      const records = this.stores[store];
      if (bytes) records.set(key, bytes);
      else if (until === key) records.delete(key);
      else for (const other of records.keys()) if (other >= key && other <= until) records.delete(other);
    }
  }

  read(reads) {
    return reads.map(({ store, from, to }) => {
      const records = this.stores[store];
      if (from === to) return records.has(from) ? [records.get(from)] : [];
      const keys = [...records.keys()].filter((key) => key >= from && key <= to).sort((a, b) => a - b);
      return keys.map((key) => records.get(key));
    });
  }

  close() {}
}
