// Debian's browsers.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const CHROMIUM = { executablePath: '/usr/bin/chromium', headless: true };
const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Chromium; `sqlite`: with its newer backend of IndexedDB. */
export function launch({ sqlite = false, args = [] } = {}) {
  const backend = sqlite ? ['--enable-features=IdbSqliteBackingStore'] : [];
  return chromium.launch({ ...CHROMIUM, args: [...QUIET, ...backend, ...args] });
}

/**
 * A browser with a profile on the disk, as people have one, and its only context, with these `options`; `close` ends both and removes it. The contexts of
 * `launch` are private windows: their stores are in the browser's memory, and each call of a file goes to another process.
 */
export async function profile(options = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'nuthatch-profile-'));
  const context = await chromium.launchPersistentContext(folder, { ...CHROMIUM, args: QUIET, ...options });
  const close = async () => {
    await context.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  return { context, close };
}

/** What pages threw that nobody caught. */
const thrown = [];

/** Nothing may be thrown that nobody catches. */
export function clean() {
  assert.deepEqual(thrown.splice(0), []);
}

/** A page with the package on it. */
export async function visit(context, url) {
  const page = await context.newPage();
  page.on('pageerror', (error) => thrown.push(`${error}`));
  page.on('console', (message) => message.type() === 'error' && console.error('console:', message.text()));
  await page.goto(url);
  await page.waitForFunction('globalThis.ready');
  return page;
}
