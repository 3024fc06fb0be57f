// The engine on Node's thread, for `nuthatch` and `nuthatch/ioredis`.

import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client, check } from './client.js';
import { openFile } from './file.js';
import { inline } from './index.js';
import { NuthatchError } from './resp.js';

// Node 18 has it under this name only.
globalThis.crypto ??= webcrypto;

/** What there is here; the first is what `auto` means without a path, the second what it means with one. */
const DEVICES = ['memory', 'file'];

/** Databases that are closed when the program has nothing more to do. */
const open = new Set();
process.on('beforeExit', () => open.forEach(({ db }) => db.close()));

/** A client of an engine of its own, which is there when the promise resolves. */
export async function embed(name, options) {
  await check(options);
  const { device: asked = 'auto', path } = options, device = asked === 'auto' ? DEVICES[Number(path !== undefined)] : asked;
  if (!DEVICES.includes(device)) throw new NuthatchError(`DEVICE '${device}' is a browser's: in Node there are ${DEVICES.join(' and ')}`);
  if (path !== undefined && device === 'memory') throw new NuthatchError("OPTION 'path' is for files, and the device 'memory' has none");
  const wasm = readFile(new URL('./engine.wasm', import.meta.url));
  const docs = () => readFile(new URL('./docs.tsv', import.meta.url));
  const connect = (name, receive, fail) => {
    const link = inline(name, (data) => {
      if (data.reign) quiet(link.server.host, client);
      if (data.closed) open.delete(client);
      receive(data);
    }, fail, { file: openFile });
    return link;
  };
  const client = new Client(name, { ...options, device, worker: false, wasm, docs }, connect);
  await client.opened;
  if (device === 'file') open.add(client);
  return client;
}

/** Only what somebody waits for keeps the process alive, not what is due some time. */
function quiet(host, client) {
  const { turned } = host;
  const waits = () => client.asked.size || client.closing || [...client.lanes.values()].some(({ waiting }) => waiting.length);
  const rest = () => host.timer?.[waits() ? 'ref' : 'unref']();
  host.turned = () => {
    turned();
    rest();
  };
  rest();
}
