// The engine on Node's thread, for `nuthatch` and `nuthatch/ioredis`.

import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client } from './client.js';
import { openFile } from './file.js';
import { inline } from './index.js';
import { NuthatchError } from './resp.js';

// Node 18 has it under this name only.
globalThis.crypto ??= webcrypto;

/** What there is here; the first is what `auto` means. */
const DEVICES = ['memory', 'file'];

/** A client of an engine of its own, which is there when the promise resolves. */
export async function embed(name, options) {
  const { device: asked = 'auto' } = options, device = asked === 'auto' ? DEVICES[0] : asked;
  if (!DEVICES.includes(device)) throw new NuthatchError(`DEVICE '${device}' is a browser's: in Node there are ${DEVICES.join(' and ')}`);
  const wasm = readFile(new URL('./engine.wasm', import.meta.url));
  const docs = () => readFile(new URL('./docs.tsv', import.meta.url));
  const client = new Client(name, { ...options, device, worker: false, wasm, docs }, (...way) => inline(...way, { file: openFile }));
  await client.opened;
  return client;
}
