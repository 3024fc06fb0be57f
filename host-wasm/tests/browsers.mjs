// Debian's browsers.
import { chromium } from 'playwright-core';

const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Chromium; `sqlite`: with its newer backend of IndexedDB. */
export function launch({ sqlite = false, args = [] } = {}) {
  const backend = sqlite ? ['--enable-features=IdbSqliteBackingStore'] : [];
  return chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: [...QUIET, ...backend, ...args] });
}

/** A page with the package on it. */
export async function visit(context, url) {
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error('page:', error));
  page.on('console', (message) => message.type() === 'error' && console.error('console:', message.text()));
  await page.goto(url);
  await page.waitForFunction('globalThis.ready');
  return page;
}
