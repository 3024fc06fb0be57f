// The package in Debian's Firefox: more than its memory, a worker that is killed, a reload.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { serve } from './serve.mjs';

test('values leave memory, survive a kill of the worker and a reload', async () => {
  const server = await serve();
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true });
  try {
    const page = await browser.newPage();
    await page.goto(server.url);
    for (const before of [null, 'v7'.repeat(100)]) {
      await page.waitForFunction('globalThis.ready');
      const seen = await page.evaluate(async () => {
        const KEYS = 4000, value = (i) => `v${i}`.repeat(100);
        const db = await nuthatch.open('firefox', { maxmemory: '2mb' });
        const before = await db.get('k:7');
        await Promise.all(Array.from({ length: KEYS }, (_, i) => db.set(`k:${i}`, value(i))));
        await db.crash();
        const got = await Promise.all(Array.from({ length: KEYS }, (_, i) => db.get(`k:${i}`)));
        const wrong = got.filter((text, i) => text !== value(i)).length;
        const { vm_stats_swapped_objects: swapped } = await db.stats();
        await db.close();
        return { before, wrong, swapped };
      });
      assert.equal(seen.before, before);
      assert.equal(seen.wrong, 0);
      assert.ok(seen.swapped > 1000, `${seen.swapped} values left`);
      await page.reload();
    }
  } finally {
    await browser.close();
    server.close();
  }
});
