// A directory of files as the engine's store, for Node: a log of commits, written in order, and made anew at each start and as it grows.

import { closeSync, existsSync, fdatasyncSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, readSync, realpathSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Memory } from './memory.js';

/** A commit in the log: its length and its CRC-32 before its parts. */
const HEAD = 8;
/** A part: store, key, last key (or -1), length. */
const PART = 21;
/** A log is made anew when it is as long as this, and twice as long as it was then. */
const GROWN = 64 << 20;

export function openFile({ name, path = '.', durability }) {
  mkdirSync(path, { recursive: true });
  const log = join(realpathSync(path), `${encodeURIComponent(name)}.nuthatch`), locked = lock(log);
  try {
    return new Files(log, durability === 'strict', locked);
  } catch (error) {
    unlock(locked);
    throw error;
  }
}

/** Locks that are held here: where a system does not say when a process began, the file tells nothing of them. */
const held = new Set();
// A thread may end while its process goes on, and that would be taken for the holder.
process.on('exit', () => held.forEach(unlock));

/** Two that have one database open would each write a log of their own, and the later one's would be all that is left. */
function lock(log) {
  const file = `${log}.lock`;
  for (let tries = 0; tries < 2 && !held.has(file); tries++) {
    try {
      writeFileSync(file, `${process.pid} ${begun(process.pid)}`, { flag: 'wx' });
      held.add(file);
      return file;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const [pid, since] = readFileSync(file, 'utf8').split(' ');
    // Another thread of this process may have it. A process of that number that began at another time is another one.
    if (lives(Number(pid)) && (since ? since === begun(pid) : Number(pid) !== process.pid)) break;
    // Its process was killed.
    rmSync(file, { force: true });
  }
  throw new Error(`BUSY '${log}' is open already; if no process has it, remove '${file}'`);
}

/** When a process began, in the system's own measure, where it says so. */
function begun(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ')[19];
  } catch {
    return '';
  }
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
    Object.assign(this, { path, strict, locked });
    const log = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    let whole = 0;
    for (const [ops, end] of commits(log)) {
      super.commit(ops);
      whole = end;
    }
    this.stores[0].clear();
    try {
      this.rewrite();
    } catch {
      // Where there is no room for another one the log goes on as it is.
      this.log = openSync(path, 'a');
      ftruncateSync(this.log, whole);
      this.grown(whole);
    }
    this.pagesFile = openSync(`${path}.pages`, 'w+');
    ftruncateSync(this.pagesFile, 0);
    this.pages = {
      read: (bytes, at) => readSync(this.pagesFile, bytes, 0, bytes.length, at),
      write: (bytes, at) => put(this.pagesFile, bytes, at),
    };
  }

  /** What is there now, written whole, takes the log's place. */
  rewrite() {
    const { path } = this, name = `${path}.new`, fresh = openSync(name, 'w');
    let length = 0;
    try {
      const all = this.stores.flatMap((records, store) => [...records].map(([key, bytes]) => ({ store, key, until: -1, bytes })));
      for (let i = 0; i < all.length; i += 64) length += put(fresh, encoded(all.slice(i, i + 64)));
      fdatasyncSync(fresh);
    } catch (error) {
      rmSync(name, { force: true });
      throw error;
    } finally {
      closeSync(fresh);
    }
    renameSync(name, path);
    keepName(dirname(path));
    if (this.log !== undefined) closeSync(this.log);
    this.log = openSync(path, 'a');
    this.grown(length);
  }

  /** The log is so long, and well. */
  grown(length) {
    Object.assign(this, { length, torn: false, most: Math.max(GROWN, 2 * length) });
  }

  /** What a failure left of a commit must not stand before the next: a start would read no further. */
  mend() {
    if (this.torn) ftruncateSync(this.log, this.length);
    this.torn = false;
  }

  commit(ops) {
    if (!ops.length) return;
    this.mend();
    this.torn = true;
    const length = put(this.log, encoded(ops));
    if (this.strict) fdatasyncSync(this.log);
    this.torn = false;
    this.length += length;
    super.commit(ops);
    if (this.length < this.most) return;
    try {
      this.rewrite();
    } catch {
      // No room for another one: it is tried again when the log is twice as long.
      this.most *= 2;
    }
  }

  /** Gives what failed, if anything did: what was acknowledged last may not outlast a power cut. */
  close() {
    if (this.log === undefined) return undefined;
    const { log } = this;
    let failure;
    try {
      this.mend();
      fdatasyncSync(log);
    } catch ({ message }) {
      failure = message;
    }
    this.log = undefined;
    closeSync(log);
    closeSync(this.pagesFile);
    unlock(this.locked);
    return failure;
  }
}

/** Writes all of it, at a place or at the end: one call may write less. */
function put(file, bytes, at) {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, at === undefined ? null : at + done);
  return bytes.length;
}

/** A file's new name outlasts a power cut, where directories can be opened. */
function keepName(folder) {
  try {
    const file = openSync(folder, 'r');
    fsyncSync(file);
    closeSync(file);
  } catch {}
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

/** The commits that are whole, each with where it ends; a torn one ends them. */
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
    yield [ops, at];
  }
}
