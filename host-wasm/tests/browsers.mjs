// Debian's browsers.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Chromium; `sqlite`: with its newer backend of IndexedDB. */
export function launch({ sqlite = false, args = [] } = {}) {
  const backend = sqlite ? ['--enable-features=IdbSqliteBackingStore'] : [];
  return chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: [...QUIET, ...backend, ...args] });
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
