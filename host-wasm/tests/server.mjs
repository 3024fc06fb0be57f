#!/usr/bin/env node
// The engine in wasm behind a socket, started as the server is (`--port N --name value …`), so that the server's own tests
// run on it unchanged: in Node, or in a worker of Chromium's where NUTHATCH_IN says `chromium`.
import { createServer } from 'node:net';
import { launch, visit } from './browsers.mjs';
import { serve } from './serve.mjs';
import { open } from '../pkg/node.js';

const directives = {};
let port = 6379, dir;
const words = process.argv.slice(2);
for (let i = 0; i < words.length; ) {
  const name = words[i++].replace(/^--/, '');
  const values = [];
  while (i < words.length && !words[i].startsWith('--')) values.push(words[i++]);
  if (name === 'port') port = Number(values[0]);
  else if (name === 'dir') [dir] = values;
  else if (name !== 'bind') directives[name] = values.map((value) => JSON.stringify(value)).join(' ');
}

const engine = process.env.NUTHATCH_IN === 'chromium' ? await inChromium() : await inNode();
createServer((socket) => {
  const session = engine((bytes) => (bytes === null ? socket.end() : socket.write(bytes)));
  socket.setNoDelay(true);
  socket.on('data', (bytes) => session(bytes));
  socket.on('error', () => {});
  socket.on('close', () => session(null));
}).listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit());

/** Gives a function that opens a session: it is given what takes replies, and gives what takes commands; `null` is the end. */
async function inNode() {
  const db = await open('served', { device: 'memory', directives, log: console.log });
  return (take) => {
    const resp = db.resp();
    resp.onmessage = ({ data }) => {
      take(data);
      if (data === null) resp.close();
    };
    return (bytes) => resp.postMessage(bytes && Uint8Array.from(bytes));
  };
}

/** The same, with ports in a page; bytes cross as text. The browser ends when its pipe to this process does, and what it wrote lies in
 * the server's directory. */
async function inChromium() {
  process.env.TMPDIR = dir;
  const sessions = new Map();
  const page = await visit(await (await launch()).newContext(), (await serve()).url);
  await page.exposeFunction('fromEngine', (number, text) => sessions.get(number)?.(text && Buffer.from(text, 'latin1')));
  await page.evaluate(async (directives) => {
    const db = await nuthatch.open('served', { device: 'memory', directives });
    const ports = new Map();
    globalThis.toEngine = (number, text) => {
      if (!ports.has(number)) {
        const port = db.resp();
        ports.set(number, port);
        port.onmessage = ({ data }) => fromEngine(number, data && Array.from(data, (byte) => String.fromCharCode(byte)).join(''));
      }
      ports.get(number).postMessage(text && Uint8Array.from(text, (char) => char.charCodeAt(0)));
    };
  }, directives);
  let last = 0;
  return (take) => {
    const number = ++last;
    sessions.set(number, take);
    return (bytes) => page.evaluate(([number, text]) => toEngine(number, text), [number, bytes && bytes.toString('latin1')]).catch(() => {});
  };
}
