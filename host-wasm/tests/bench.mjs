// The package's numbers in Chromium, beside what else keeps data in a browser. Prints a table; medians of `rounds` runs, each in a new profile.
import { launch, profile, visit } from './browsers.mjs';
import { serve, serveDemo } from './serve.mjs';

const ROUNDS = Number(process.argv[2] ?? 3);
const LARGE = Number(process.argv[3] ?? 256) * 1024;

const server = await serve();
const rows = [];
try {
  for (const [name, work, unit, argument] of [
    ['100,000 sets, one call each in batches of 1,000', sets, '/s'],
    ['IndexedDB, one put a transaction', puts, '/s'],
    ['Dexie bulkPut of 1,000', dexie, '/s'],
    ['idb-keyval setMany of 1,000', keyval, '/s'],
    ['localForage setItem, 1,000 at once', forage, '/s'],
    ['GETs in batches of 100, one after another', batched, '/s', 1],
    ['GETs in batches of 100 from ten callers, each awaiting its own batch', batched, '/s', 10],
    ['GETs awaited one by one, the first 20,000 of a page', single, '/s'],
    ['GETs awaited one by one, the next 20,000', single, '/s', 20_000],
    ['db.sync.get', sync, '/s'],
    ['reopening 100,000 keys, to the first reply', reopen, ' ms'],
  ]) {
    if (!ROUNDS) break;
    const seen = [];
    for (let round = 0; round < ROUNDS; round++) {
      seen.push(await inProfile(work, argument));
    }
    seen.sort((a, b) => a - b);
    rows.push([name, Math.round(seen[seen.length >> 1]).toLocaleString('en') + unit]);
    console.log(rows.at(-1).join(': '));
  }
  if (ROUNDS) console.log(`the demo page, from navigation to a command's answer: ${Math.round(await page())} ms`);
  for (const [where, within] of [['', inProfile], [' in a private window', inPrivate]]) {
    const { rate, wasm, device } = await within(large, LARGE);
    console.log(`${LARGE >> 10} MB under 32 MB (${device})${where}, 95/5 GETs in batches of 100: ${Math.round(rate).toLocaleString('en')}/s, wasm memory at most ${(wasm / 2 ** 20).toFixed(1)} MB`);
  }
} finally {
  server.close();
}

async function inProfile(work, argument) {
  const { context, close } = await profile();
  try {
    return await (await visit(context, server.url)).evaluate(work, argument);
  } finally {
    await close();
  }
}

async function inPrivate(work, argument) {
  const browser = await launch();
  try {
    return await (await visit(await browser.newContext(), server.url)).evaluate(work, argument);
  } finally {
    await browser.close();
  }
}

/** Milliseconds until the demo page has answered the command that a visitor would type at once; the median of visits after the first, which starts the browser too. */
async function page() {
  const demo = await serveDemo();
  const { context, close } = await profile();
  try {
    const visitor = await context.newPage(), seen = [];
    await visitor.addInitScript(typed);
    for (let visits = 0; visits < 5 * ROUNDS + 1; visits++) {
      await visitor.goto(demo.url);
      await visitor.waitForFunction(() => globalThis.answered);
      seen.push(await visitor.evaluate(() => answered));
    }
    return seen.slice(1).sort((a, b) => a - b)[(5 * ROUNDS) >> 1];
  } finally {
    await close();
    demo.close();
  }
}

/** On the page: gives the command line a command as soon as it takes one, and notes when its reply stands below. */
function typed() {
  const whole = { childList: true, subtree: true, attributes: true };
  const given = new MutationObserver(() => {
    const line = document.getElementById('line'), output = document.getElementById('output');
    if (!line || line.disabled) return;
    given.disconnect();
    // Once as it was typed, once as it is answered.
    new MutationObserver(() => { if (output.textContent.split('a bird').length > 2) globalThis.answered ??= performance.now(); }).observe(output, whole);
    line.value = 'ECHO "a bird"';
    document.getElementById('prompt').requestSubmit();
  });
  given.observe(document, whole);
}

async function sets() {
  const db = await nuthatch.open('bench');
  const begun = performance.now();
  for (let i = 0; i < 100_000; i += 1000) await Promise.all(Array.from({ length: 1000 }, (_, j) => db.set(`key:${i + j}`, `value ${i + j}`)));
  return 1e8 / (performance.now() - begun);
}

async function puts() {
  const request = indexedDB.open('puts');
  request.onupgradeneeded = () => request.result.createObjectStore('s');
  const db = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const begun = performance.now(), N = 3000;
  for (let i = 0; i < N; i++) {
    await new Promise((resolve) => {
      const tx = db.transaction('s', 'readwrite', { durability: 'relaxed' });
      tx.objectStore('s').put(`value ${i}`, `key:${i}`);
      tx.oncomplete = resolve;
    });
  }
  return (N * 1000) / (performance.now() - begun);
}

async function dexie() {
  const { Dexie } = await import('/tests/node_modules/dexie/dist/dexie.mjs');
  const db = new Dexie('dexie');
  db.version(1).stores({ s: 'key' });
  const begun = performance.now(), N = 20_000;
  for (let i = 0; i < N; i += 1000) await db.s.bulkPut(Array.from({ length: 1000 }, (_, j) => ({ key: `key:${i + j}`, value: `value ${i + j}` })));
  return (N * 1000) / (performance.now() - begun);
}

async function keyval() {
  const { setMany } = await import('/tests/node_modules/idb-keyval/dist/index.js');
  const begun = performance.now(), N = 20_000;
  for (let i = 0; i < N; i += 1000) await setMany(Array.from({ length: 1000 }, (_, j) => [`key:${i + j}`, `value ${i + j}`]));
  return (N * 1000) / (performance.now() - begun);
}

async function forage() {
  await new Promise((resolve) => {
    const script = Object.assign(document.createElement('script'), { src: '/tests/node_modules/localforage/dist/localforage.min.js', onload: resolve });
    document.head.append(script);
  });
  const begun = performance.now(), N = 3000;
  for (let i = 0; i < N; i += 1000) await Promise.all(Array.from({ length: 1000 }, (_, j) => localforage.setItem(`key:${i + j}`, `value ${i + j}`)));
  return (N * 1000) / (performance.now() - begun);
}

/** `callers` side by side, each of which waits for its batch before it asks for the next. Each begins in a task of its own, so that a batch is a message. */
async function batched(callers) {
  const db = await nuthatch.open('bench', { device: 'memory' });
  await Promise.all(Array.from({ length: 10_000 }, (_, i) => db.set(`key:${i}`, `value ${i}`)));
  const begun = performance.now(), N = 300_000 / callers;
  await Promise.all(Array.from({ length: callers }, async (_, caller) => {
    await new Promise((resolve) => setTimeout(resolve));
    for (let i = 0; i < N; i += 100) await Promise.all(Array.from({ length: 100 }, (_, j) => db.get(`key:${(i + caller * 1000 + j) % 10_000}`)));
  }));
  return (N * callers * 1000) / (performance.now() - begun);
}

async function single(before = 0) {
  const db = await nuthatch.open('bench', { device: 'memory' });
  await db.set('k', 'v');
  for (let i = 0; i < before; i++) await db.get('k');
  const begun = performance.now(), N = 20_000;
  for (let i = 0; i < N; i++) await db.get('k');
  return (N * 1000) / (performance.now() - begun);
}

async function sync() {
  const db = await nuthatch.open('bench', { device: 'memory', worker: false });
  db.sync.set('k', 'v');
  const begun = performance.now(), N = 500_000;
  for (let i = 0; i < N; i++) db.sync.get('k');
  return (N * 1000) / (performance.now() - begun);
}

async function reopen() {
  const db = await nuthatch.open('reopened');
  for (let i = 0; i < 100_000; i += 10_000) await Promise.all(Array.from({ length: 10_000 }, (_, j) => db.set(`key:${i + j}`, `value ${i + j}`)));
  await db.close();
  const begun = performance.now();
  const again = await nuthatch.open('reopened');
  await again.get('key:5');
  return performance.now() - begun;
}

async function large(keys) {
  const db = await nuthatch.open('large', { maxmemory: '32mb' });
  const value = 'v'.repeat(1000);
  let wasm = 0;
  const note = async () => (wasm = Math.max(wasm, (await db.stats()).wasm_memory));
  for (let i = 0; i < keys; i += 1024) {
    await Promise.all(Array.from({ length: 1024 }, (_, j) => db.set(`key:${i + j}`, value)));
    if (i % 16_384 === 0) await note();
  }
  let done = 0;
  const run = async (ms) => {
    done = 0;
    const begun = performance.now();
    while (performance.now() - begun < ms) {
      await Promise.all(Array.from({ length: 100 }, () => db.get(`key:${Math.floor(Math.random() * (Math.random() < 0.95 ? keys / 20 : keys))}`)));
      done += 100;
    }
    return (done * 1000) / (performance.now() - begun);
  };
  await run(4000);
  const rate = await run(8000);
  await note();
  return { rate, wasm, device: db.device };
}
