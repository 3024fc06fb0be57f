// The package in Node: the engine on this thread, in memory or over files in a directory.

import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client } from './client.js';
import { openFile } from './file.js';
import { inline } from './index.js';

export { NuthatchError } from './resp.js';

// Node 18 has it under this name only.
globalThis.crypto ??= webcrypto;

/** Opens a database. `device`: `"memory"` (the default), or `"file"` with `path`, a directory. */
export async function open(name, options = {}) {
  const wasm = readFile(new URL('./engine.wasm', import.meta.url));
  const client = new Client(name, { device: 'memory', ...options, worker: false, wasm }, (...way) => inline(...way, { file: openFile }));
  await client.opened;
  return client.db;
}
