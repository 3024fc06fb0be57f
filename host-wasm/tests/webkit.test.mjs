// The package in Debian's WebKitGTK: more than its memory, files out and in, a reload. No worker is killed: its Web Lock sometimes
// stays held for ever there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { serve } from './serve.mjs';

/** Debian's small browser around the engine. */
const LIBRARIES = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
const BROWSER = readdirSync(LIBRARIES).filter((name) => name.startsWith('webkit2gtk-')).sort().map((name) => `${LIBRARIES}/${name}/MiniBrowser`).at(-1);

const free = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

/** Xvfb on a display that it chooses. */
async function screen(children) {
  const child = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  const [text] = await once(child.stdout, 'data');
  return `:${text.toString().trim()}`;
}

/** A session of the driver: a function that asks it. */
async function driver(children) {
  for (let tries = 1; ; tries++) {
    const env = { ...process.env, DISPLAY: await screen(children), LANG: 'en_US.UTF-8', WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1', LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_DMABUF_RENDERER: '1' };
    const port = await free();
    const child = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], { env, stdio: 'ignore' });
    children.push(child);
    try {
      await listening(port);
      const { sessionId } = await ask(port, 'POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary: BROWSER, args: ['--automation'] } } } });
      const session = (method, path, body) => ask(port, method, `/session/${sessionId}${path}`, body);
      await session('POST', '/timeouts', { script: 60_000 });
      return session;
    } catch (error) {
      // Now and then the browser does not come up.
      child.kill();
      if (tries === 8) throw error;
    }
  }
}

async function listening(port) {
  for (let tries = 0; tries < 40; tries++) {
    if (await fetch(`http://127.0.0.1:${port}/status`, { headers: { connection: 'close' } }).catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function ask(port, method, path, body) {
  const signal = AbortSignal.timeout(path === '/session' ? 8_000 : 90_000);
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, signal, body: body && JSON.stringify(body), headers: { 'content-type': 'application/json', connection: 'close' } });
  const { value } = await response.json();
  assert.ok(response.ok, JSON.stringify(value));
  return value;
}

/** What the page does; it is sent as text. */
async function work() {
  const nuthatch = await import('/pkg/index.js');
  const KEYS = 6000, value = (i) => `v${i}`.repeat(100);
  const db = await nuthatch.open('webkit', { maxmemory: '3mb' });
  const before = await db.get('k:7');
  await Promise.all(Array.from({ length: KEYS }, (_, i) => db.set(`k:${i}`, value(i))));
  const got = await Promise.all(Array.from({ length: KEYS }, (_, i) => db.get(`k:${i}`)));
  const wrong = got.filter((text, i) => text !== value(i)).length;
  const { device, vm_stats_swapped_objects: swapped } = await db.stats();
  const file = await db.exportRdb();
  await db.flushall();
  const { keys } = await db.importRdb(file);
  await db.close();
  return { before, wrong, device, swapped, keys };
}

const SCRIPT = `const done = arguments[arguments.length - 1]; (${work})().then(done, (error) => done({ error: String(error.stack ?? error) }))`;

test('values leave memory and survive a reload; files go out and in', async () => {
  const server = await serve(), children = [];
  try {
    const session = await driver(children);
    for (const before of [null, 'v7'.repeat(100)]) {
      await session('POST', '/url', { url: server.url });
      const seen = await session('POST', '/execute/async', { script: SCRIPT, args: [] });
      assert.equal(seen.error, undefined);
      assert.equal(seen.before, before);
      assert.equal(seen.wrong, 0);
      assert.equal(seen.keys, 6000);
      assert.match(seen.device, /^(idb|opfs)$/);
      assert.ok(seen.swapped > 500, `${seen.swapped} values left`);
    }
    await session('DELETE', '');
  } finally {
    children.reverse().forEach((child) => child.kill());
    server.close();
  }
});
