// A directory of files as the engine's store, for Node: a log of commits, written in order and made anew at each start.

import { closeSync, existsSync, fdatasyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { Memory } from './memory.js';

/** A commit in the log: its length and its CRC-32 before its parts. */
const HEAD = 8;
/** A part: store, key, last key (or -1), length. */
const PART = 21;

export function openFile({ name, path = '.', durability }) {
  mkdirSync(path, { recursive: true });
  const log = resolve(join(path, `${encodeURIComponent(name)}.nuthatch`)), locked = lock(log);
  try {
    return new Files(log, durability === 'strict', locked);
  } catch (error) {
    unlock(locked);
    throw error;
  }
}

/** Locks that are held here: the process in the file tells nothing of them. */
const held = new Set();

/** Two that have one database open would each write a log of their own, and the later one's would be all that is left. */
function lock(log) {
  const file = `${log}.lock`;
  for (let tries = 0; tries < 2 && !held.has(file); tries++) {
    try {
      writeFileSync(file, `${process.pid}`, { flag: 'wx' });
      held.add(file);
      return file;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const pid = Number(readFileSync(file, 'utf8'));
    if (pid !== process.pid && lives(pid)) break;
    // Its process was killed.
    rmSync(file, { force: true });
  }
  throw new Error(`BUSY '${log}' is open already; if no process has it, remove '${file}'`);
}

function lives(pid) {
  try {
    // In quotes: a name of our own is the same, and is shortened.
    return pid > 0 && process['kill'](pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function unlock(file) {
  held.delete(file);
  rmSync(file, { force: true });
}

class Files extends Memory {
  kind = 'file';

  constructor(path, strict, locked) {
    super();
    Object.assign(this, { strict, locked });
    const log = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    for (const ops of commits(log)) super.commit(ops);
    this.stores[0].clear();
    // What is there now, written whole, takes the log's place.
    const fresh = openSync(`${path}.new`, 'w');
    const all = this.stores.flatMap((records, store) => [...records].map(([key, bytes]) => ({ store, key, until: -1, bytes })));
    for (let i = 0; i < all.length; i += 64) writeSync(fresh, encoded(all.slice(i, i + 64)));
    fdatasyncSync(fresh);
    closeSync(fresh);
    renameSync(`${path}.new`, path);
    this.log = openSync(path, 'a');
    this.pagesFile = openSync(`${path}.pages`, 'w+');
    ftruncateSync(this.pagesFile, 0);
    this.pages = {
      read: (bytes, at) => readSync(this.pagesFile, bytes, 0, bytes.length, at),
      write: (bytes, at) => writeSync(this.pagesFile, bytes, 0, bytes.length, at),
    };
  }

  commit(ops) {
    if (!ops.length) return;
    writeSync(this.log, encoded(ops));
    if (this.strict) fdatasyncSync(this.log);
    super.commit(ops);
  }

  close() {
    if (this.log === undefined) return;
    fdatasyncSync(this.log);
    closeSync(this.log);
    closeSync(this.pagesFile);
    this.log = undefined;
    unlock(this.locked);
  }
}

function encoded(ops) {
  const length = ops.reduce((sum, { bytes }) => sum + PART + (bytes?.length ?? 0), 0);
  const out = Buffer.alloc(HEAD + length);
  let at = HEAD;
  for (const { store, key, until, bytes } of ops) {
    out.writeUInt8(store, at);
    out.writeDoubleLE(key, at + 1);
    out.writeDoubleLE(bytes ? -1 : until, at + 9);
    out.writeUInt32LE(bytes?.length ?? 0, at + 17);
    if (bytes) out.set(bytes, at + PART);
    at += PART + (bytes?.length ?? 0);
  }
  out.writeUInt32LE(length, 0);
  out.writeUInt32LE(crc32(out.subarray(HEAD)), 4);
  return out;
}

/** The commits that are whole; a torn one ends them. */
function* commits(log) {
  for (let at = 0; at + HEAD <= log.length; ) {
    const length = log.readUInt32LE(at), sum = log.readUInt32LE(at + 4), from = (at += HEAD);
    at += length;
    if (at > log.length || crc32(log.subarray(from, at)) !== sum) return;
    const ops = [];
    for (let i = from; i < at; ) {
      const [store, key, until, size] = [log.readUInt8(i), log.readDoubleLE(i + 1), log.readDoubleLE(i + 9), log.readUInt32LE(i + 17)];
      i += PART;
      ops.push({ store, key, until, bytes: until < 0 ? new Uint8Array(log.subarray(i, i + size)) : undefined });
      i += size;
    }
    yield ops;
  }
}
