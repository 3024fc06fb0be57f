// A directory of files as the engine's store, for Node: a log of commits, written in order, and made anew at each start and as it grows.

import { closeSync, existsSync, fdatasyncSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, readSync, realpathSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Memory } from './memory.js';

/** A log begins with it; those of the first version began with a commit. */
const MAGIC = Buffer.from('nuthatch log 1\n');
/** A commit in the log: its length and its CRC-32 before its parts. */
const HEAD = 8;
/** A part: store, key, last key (or what its bytes are), length. */
const PART = 21;
/** Its bytes are the record, or stand behind those that it has: all that a small commit adds to a journal's last record. */
const WHOLE = -1, MORE = -2;
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
    for (const [ops, end] of commits(log, path)) {
      ops.forEach((op) => super.commit([{ ...op, bytes: op.until === MORE ? longer(this.stores[op.store].get(op.key), op.bytes) : op.bytes }]));
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
    let length;
    try {
      length = put(fresh, MAGIC);
      const all = this.stores.flatMap((records, store) => [...records].map(([key, bytes]) => ({ store, key, until: WHOLE, bytes })));
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
    // Where there was no room for a new log at the start nothing is in it.
    const length = (this.length ? 0 : put(this.log, MAGIC)) + put(this.log, encoded(added(ops, this.stores)));
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

/** Operations as the log tells them: of a record that grew only what was added. */
function added(ops, stores) {
  const latest = new Map();
  let removed = false;
  return ops.map((op) => {
    const { store, key, bytes } = op, id = `${store} ${key}`;
    if (!bytes) {
      latest.clear();
      removed = true;
      return op;
    }
    const old = latest.get(id) ?? (removed ? undefined : stores[store].get(key));
    latest.set(id, bytes);
    const grew = old?.length && old.length <= bytes.length && !Buffer.compare(old, bytes.subarray(0, old.length));
    return { store, key, until: grew ? MORE : WHOLE, bytes: grew ? bytes.subarray(old.length) : bytes };
  });
}

/** Bytes with more behind them, in place where there is room. */
function longer(bytes = new Uint8Array(), more) {
  const length = bytes.length + more.length;
  if (length > bytes.buffer.byteLength) {
    const roomy = new Uint8Array(2 * length);
    roomy.set(bytes);
    bytes = roomy;
  }
  const all = new Uint8Array(bytes.buffer, 0, length);
  all.set(more, length - more.length);
  return all;
}

function encoded(ops) {
  const length = ops.reduce((sum, { bytes }) => sum + PART + (bytes?.length ?? 0), 0);
  const out = Buffer.alloc(HEAD + length);
  let at = HEAD;
  for (const { store, key, until, bytes } of ops) {
    out.writeUInt8(store, at);
    out.writeDoubleLE(key, at + 1);
    out.writeDoubleLE(until, at + 9);
    out.writeUInt32LE(bytes?.length ?? 0, at + 17);
    if (bytes) out.set(bytes, at + PART);
    at += PART + (bytes?.length ?? 0);
  }
  out.writeUInt32LE(length, 0);
  out.writeUInt32LE(crc32(out.subarray(HEAD)), 4);
  return out;
}

/** The commits of a log, each with where it ends. A crash tears what was written last, which is left out; elsewhere it is damage. */
function* commits(log, path) {
  let at = MAGIC.equals(log.subarray(0, MAGIC.length)) ? MAGIC.length : 0;
  for (let end; (end = whole(log, at)); at = end) yield [parts(log, at + HEAD, end), end];
  if (torn(log, at)) return;
  const cut = at ? `, or cut it there (truncate -s ${at}) and lose what comes after` : '';
  throw new Error(`CORRUPT '${path}' is damaged at byte ${at}${at ? '' : ', or is no log of this version'}; nothing was changed: bring back a copy, or move the file away${cut}`);
}

/** Where the commit that is whole at a place ends, if one is. */
function whole(log, at) {
  const from = at + HEAD, end = from + PART > log.length ? Infinity : from + log.readUInt32LE(at);
  if (end > log.length) return undefined;
  // Its parts first: sums of all that could be commits would take too long.
  return end > from && row(log, from, end) === end && crc32(log.subarray(from, end)) === log.readUInt32LE(at + 4) ? end : undefined;
}

/** Follows parts to an end, or to where what stands there is none, or is not whole. */
function row(log, part, end) {
  while (part + PART <= end) {
    const size = log.readUInt32LE(part + 17);
    if (log.readUInt8(part) > 2 || (size && ![WHOLE, MORE].includes(log.readDoubleLE(part + 9)))) break;
    part += PART + size;
  }
  return part;
}

/** Whether what is not whole from this place on is the last write, and not damage with more behind it. */
function torn(log, at) {
  const zeros = (from) => log.subarray(from).every((byte) => !byte);
  // After a power cut blocks may be there that were never written.
  if (zeros(at) || MAGIC.subarray(0, log.length).equals(log)) return true;
  const end = at + HEAD > log.length ? log.length : at + HEAD + log.readUInt32LE(at);
  if (!zeros(end)) return false;
  if (isBegun(log, at + HEAD, Math.min(end, log.length))) return true;
  if (!at) return false;
  // Its length may be what is damaged.
  for (let next = at + 1; next < log.length; next++) if (whole(log, next)) return false;
  return true;
}

/** Whether parts follow each other up to an end, as far as they are there: a value may hold what looks like commits. */
function isBegun(log, from, end) {
  const part = row(log, from, end);
  return part > from && part + PART > end;
}

function parts(log, from, end) {
  const ops = [];
  for (let at = from; at < end; ) {
    const [store, key, until, size] = [log.readUInt8(at), log.readDoubleLE(at + 1), log.readDoubleLE(at + 9), log.readUInt32LE(at + 17)];
    at += PART;
    ops.push({ store, key, until, bytes: until < 0 ? new Uint8Array(log.subarray(at, at + size)) : undefined });
    at += size;
  }
  return ops;
}
