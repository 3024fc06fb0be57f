#!/usr/bin/env node
// The engine in wasm behind a socket, started as the server is (`--port N --name value …`), so that the server's own tests
// run on it unchanged.
import { createServer } from 'node:net';
import { open } from '../pkg/node.js';

const directives = {};
let port = 6379;
const words = process.argv.slice(2);
for (let i = 0; i < words.length; ) {
  const name = words[i++].replace(/^--/, '');
  const values = [];
  while (i < words.length && !words[i].startsWith('--')) values.push(words[i++]);
  if (name === 'port') port = Number(values[0]);
  else if (name !== 'dir' && name !== 'bind') directives[name] = values.map((value) => JSON.stringify(value)).join(' ');
}

const db = await open('served', { device: 'memory', directives, log: console.log });
createServer((socket) => {
  const resp = db.resp();
  socket.setNoDelay(true);
  socket.on('data', (bytes) => resp.postMessage(Uint8Array.from(bytes)));
  socket.on('error', () => {});
  socket.on('close', () => resp.postMessage(null));
  resp.onmessage = ({ data }) => (data === null ? socket.end(() => resp.close()) : socket.write(data));
}).listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit());
