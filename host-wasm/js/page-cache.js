// The system keeps in memory what was read of a file and written to it lately. Where each call of a file waits for another process, as in a
// browser's private windows, nobody does: this does.

/** Bytes that are kept or forgotten together. */
const BLOCK = 1 << 10;
/** Bytes that are read at once. */
const AHEAD = 8 << 10;
/** Bytes that are allocated at once. */
const PART = 1 << 20;

/**
 * The same pages with up to `size` bytes of them in memory; `held()` tells how many bytes are allocated for that. A block has one slot where it may
 * lie, and the last to come stays.
 */
export function cached(pages, size) {
  const slots = Math.max(1, Math.floor(size / PART)) * (PART / BLOCK), parts = [];
  /** The block in each slot. */
  const inside = new Int32Array(slots).fill(-1);
  const has = (block) => inside[block % slots] === block;
  /** Where a block lies or may lie; nowhere, where the browser gives no memory for it. */
  const memory = (block) => {
    const at = (block % slots) * BLOCK, part = Math.floor(at / PART);
    try {
      parts[part] ??= new Uint8Array(PART);
    } catch {
      return undefined;
    }
    return parts[part].subarray(at % PART, (at % PART) + BLOCK);
  };
  const first = (at) => Math.floor(at / BLOCK), end = (at, length) => Math.ceil((at + length) / BLOCK);

  /** What the file has at `at` from now on: of a block that lies in it in part, what is kept changes in part. */
  const keep = (bytes, at) => {
    for (let block = first(at); block < end(at, bytes.length); block++) {
      const from = block * BLOCK - at, part = bytes.subarray(Math.max(from, 0), from + BLOCK);
      const place = part.length === BLOCK || has(block) ? memory(block) : undefined;
      if (!place) continue;
      place.set(part, Math.max(-from, 0));
      inside[block % slots] = block;
    }
  };

  const forget = (at, length) => {
    for (let block = first(at); block < end(at, length); block++) if (has(block)) inside[block % slots] = -1;
  };

  /** To read more takes hardly longer, and what left memory together may come back together. */
  const fetch = (bytes, at) => {
    const begin = Math.floor(at / AHEAD) * AHEAD, blocks = new Uint8Array(Math.ceil((at + bytes.length) / AHEAD) * AHEAD - begin);
    const found = blocks.subarray(0, pages.read(blocks, begin));
    keep(found, begin);
    const wanted = found.subarray(at - begin, at - begin + bytes.length);
    bytes.set(wanted);
    return wanted.length;
  };

  const read = (bytes, at) => {
    for (let block = first(at); block < end(at, bytes.length); block++) {
      if (!has(block)) return fetch(bytes, at);
      const from = block * BLOCK - at;
      bytes.set(memory(block).subarray(Math.max(-from, 0), bytes.length - from), Math.max(from, 0));
    }
    return bytes.length;
  };

  const write = (bytes, at) => {
    let written;
    try {
      return (written = pages.write(bytes, at));
    } finally {
      if (written === bytes.length) keep(bytes, at);
      else forget(at, bytes.length);
    }
  };

  return { read, write, held: () => parts.filter(Boolean).length * PART };
}
