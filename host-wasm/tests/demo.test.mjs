// The demo page in Chromium, as a visitor uses it. Its screenshots are kept in target/screenshots.

import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { profile } from './browsers.mjs';
import { serveDemo } from './serve.mjs';

const screenshots = fileURLToPath(new URL('../../target/screenshots', import.meta.url));
const corpus = fileURLToPath(new URL('../../tests/data/rdb-corpus/data', import.meta.url));
const LIMIT = 16 * 1024 * 1024;
/** HTML, CSS and JavaScript of the page, gzipped. */
const MOST_BYTES = 40 * 1024;

/** In this order: each finds what those before it have left. */
const PARTS = [
  terminal, docsArrive, waysOut, completion, refused, workloadAlone, samples, longReplies,
  keysAndValues, outAndIn, dropped, crash, shutdown, twoTabs, looks,
];

let page, url;
const errors = [];

test('the demo page', async () => {
  await mkdir(screenshots, { recursive: true });
  await size();
  const server = await serveDemo();
  const { context, close } = await profile({ viewport: { width: 1400, height: 1100 }, acceptDownloads: true });
  try {
    page = await watched(context);
    url = server.url;
    await visit();
    for (const part of PARTS) await part();
    assert.deepEqual(errors, []);
  } finally {
    await close();
    server.close();
  }
});

/** A page whose errors are noted. */
async function watched(context) {
  const page = await context.newPage();
  page.on('pageerror', (error) => errors.push(error.stack));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  return page;
}

const text = (id) => page.textContent(`#${id}`);
const shot = (name) => page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });

/** Waits until something holds. */
async function until(what, holds, patience = 60_000) {
  const end = Date.now() + patience;
  while (!(await holds())) {
    assert(Date.now() < end, `${what}; the page says: ${await text('said')}, ${errors.join('; ')}`);
    await page.waitForTimeout(50);
  }
}

async function visit(query = '') {
  await page.goto(url + query);
  await page.waitForSelector('html[data-ready]', { timeout: 30_000 });
}

/** Types a command; what was answered. */
async function command(line) {
  const before = await page.locator('#output > div').count();
  await page.fill('#line', line);
  await page.press('#line', 'Enter');
  await until(`no reply to ${line}`, async () => (await page.locator('#output > div').count()) >= before + 2);
  return page.locator('#output > div').last().textContent();
}

/** Presses a button and waits until its work has ended; what the page says then. */
async function press(id) {
  await page.click(`#${id}`);
  await page.waitForTimeout(50);
  await until(`${id} does not end`, async () => page.locator('#job').isHidden(), 240_000);
  return text('said');
}

async function size() {
  const demo = fileURLToPath(new URL('../demo', import.meta.url));
  let bytes = 0;
  for (const name of await readdir(demo)) bytes += gzipSync(await readFile(join(demo, name)), { level: 9 }).length;
  console.log(`demo page: ${bytes} bytes gzipped`);
  assert(bytes <= MOST_BYTES, `the page has ${bytes} bytes, more than ${MOST_BYTES}`);
}

async function terminal() {
  assert.equal(await command('FLUSHALL'), 'OK');
  assert.equal(await command('SET "a \\x41" \'x y\''), 'OK');
  assert.equal(await command('GET "a A"'), '"x y"');
  assert.equal(await command('INCR n'), '(integer) 1');
  assert.equal(await command('GET none'), '(nil)');
  assert.equal(await command('HSET h a 1 b 2'), '(integer) 2');
  assert.equal(await command('HGETALL h'), '1# "a" => "1"\n2# "b" => "2"');
  assert.equal(await command('RPUSH l one two'), '(integer) 2');
  assert.equal(await command('LRANGE l 0 -1'), '1) "one"\n2) "two"');
  assert.match(await command('LPUSH h x'), /^\(error\) WRONGTYPE/);
  assert.match(await command('GET "a'), /quote is not closed/);
  await page.press('#line', 'ArrowUp');
  assert.equal(await page.inputValue('#line'), 'GET "a');
  await page.press('#line', 'ArrowUp');
  assert.equal(await page.inputValue('#line'), 'LPUSH h x');
  await page.fill('#line', '');
  await halfTyped();
}

/** A line that was half typed was gone after a look at the history. */
async function halfTyped() {
  await command('PING');
  await page.fill('#line', 'SET half ty');
  for (const [key, line] of [['ArrowUp', 'PING'], ['ArrowUp', 'GET "a'], ['ArrowDown', 'PING'], ['ArrowDown', 'SET half ty'], ['ArrowDown', 'SET half ty']]) {
    await page.press('#line', key);
    assert.equal(await page.inputValue('#line'), line);
  }
  await page.fill('#line', '');
}

/** When the hints' texts had come the terminal connected anew, and a MULTI that was begun before was gone, as was the reply of what waited. */
async function docsArrive() {
  let arrive;
  const held = new Promise((resolve) => { arrive = resolve; });
  await page.route('**/docs.tsv', async (route) => {
    await held;
    await route.continue();
  });
  await visit();
  assert.equal(await command('SELECT 3'), 'OK');
  assert.equal(await command('MULTI'), 'OK');
  await page.fill('#line', 'SET k');
  assert.match(await text('summary'), /^Tab completes/);
  arrive();
  await until('no docs', async () => (await text('ghost')) === 'SET k' && /Sets a string/.test(await text('summary')));
  assert(await page.locator('#choices').isHidden(), 'completions come up by themselves');
  assert.equal(await command('INCR docs'), 'QUEUED');
  assert.equal(await command('EXEC'), '1) (integer) 1');
  assert.match(await command('CLIENT INFO'), / db=3 /);
  assert.equal(await command('DEL docs'), '(integer) 1');
  assert.equal(await command('SELECT 0'), 'OK');
  await page.unroute('**/docs.tsv');
}

/** What waits for ever, or listens, kept the terminal for as long as the page was there. */
async function waysOut() {
  for (const waits of ['BLPOP queue 0', 'MONITOR', 'MULTI']) {
    await page.fill('#line', waits);
    await page.press('#line', 'Enter');
    await page.press('#line', 'Control+c');
    await until('no way out', async () => /^\(Ctrl\+C: this is a new connection/.test(await page.locator('#output > div').last().textContent()));
  }
  // The engine knows that nobody waits any more.
  assert.equal(await command('RPUSH queue one'), '(integer) 1');
  assert.equal(await command('DEL queue'), '(integer) 1');
  assert.match(await text('summary'), /Ctrl\+C/);
  // With a selection it copies, as everywhere.
  await page.fill('#line', 'PING');
  await page.press('#line', 'Control+a');
  await page.press('#line', 'Control+c');
  assert.equal(await command('ECHO copied'), '"copied"');
  assert.doesNotMatch(await page.locator('#output > div').nth(-3).textContent(), /Ctrl/);
}

async function completion() {
  await until('no docs', async () => {
    await page.fill('#line', 'zrangest');
    return (await page.locator('#choices li').count()) === 1;
  });
  await page.press('#line', 'Tab');
  assert.equal(await page.inputValue('#line'), 'zrangestore ');
  assert.match(await text('ghost'), /dst src min max/);
  await page.fill('#line', 'SET k ');
  assert.match(await text('ghost'), /^SET k value \[NX \| XX\] \[GET\] \[EX seconds/);
  assert.match(await text('summary'), /string.*Since 1\.0\.0/s);
  await page.fill('#line', 'SET k v kee');
  await page.press('#line', 'ArrowDown');
  await page.press('#line', 'Enter');
  assert.equal(await page.inputValue('#line'), 'SET k v KEEPTTL ');
  await hints();
  await page.fill('#line', '');
}

/** A quoted key was counted as two arguments, an option that had begun lost what it needs, and where the key stands tokens were offered. */
async function hints() {
  for (const [line, rest] of [
    ['SET "my key" ', /^value \[NX/],
    ['SET "my key ', /^$/],
    ['SET k v EX ', /^seconds \[NX \| XX\] \[GET\]$/],
    ['SET k v NX EX 9 ', /^\[GET\]$/],
    ['ZADD k ch ', /^\[NX \| XX\] \[GT \| LT\] \[INCR\] score member \[score member …\]$/],
    ['ZADD k 1 ', /^member \[score member …\]$/],
    ['ZUNION 2 a b ', /^\[key …\] \[WEIGHTS weight \[weight …\]\]/],
    ['ZUNION 2 a b WEIGHTS ', /^weight \[weight …\] \[AGGREGATE/],
    // A word that no option takes ended the hints by an error.
    ['ZUNION 2 a b AGGREGATE foo ', /^/],
  ]) {
    await page.fill('#line', line);
    const ghost = await text('ghost');
    assert(ghost.startsWith(line) && rest.test(ghost.slice(line.length)), ghost);
  }
  for (const [line, tokens] of [
    ['SET e', []], ['SET k e', []], ['SET "k v e', []], ['SET k v EX n', []], ['SET "my key" v e', ['EX', 'EXAT']], ['SET k v EX 9 n', ['NX']], ['SET k v NX x', []],
  ]) {
    await page.fill('#line', line);
    const before = line.replace(/\S*$/, '');
    assert.deepEqual(await page.locator('#choices li').allTextContents(), tokens.map((token) => before + token), line);
  }
}

/** The page counted the keys of database 0, whoever they came from, and kept silent about those that were refused. */
async function refused() {
  assert.equal(await command('SET other 1'), 'OK');
  for (const [file, said] of [
    ['librdb__misc_with_stream', /loaded: 7 keys taken, 5 refused: ERR Bad data format, in /],
    ['librdb__stream_v11', /loaded: 0 keys taken, [1-9]\d* refused: ERR Bad data format, in /],
    ['librdb__module', /loaded: 0 keys taken, 1 refused: .*, in /],
    ['librdb__single_key', /loaded: 1 keys taken in/],
  ]) {
    await page.setInputFiles('#file', join(corpus, `${file}.rdb`));
    await until(`${file} is not loaded`, async () => (await text('said')).startsWith(`${file}.rdb`));
    assert.match(await text('said'), said);
  }
}

/** Without the sessions of the sample the workload wrote to them all the same, and made thousands with one field each. */
async function workloadAlone() {
  await press('empty');
  await page.click('#workload');
  await page.locator('#job').waitFor({ state: 'visible' });
  await page.click('#job-stop');
  await until('no figures of the workload', async () => /sessions a second/.test(await text('said')));
  await page.click('#workload');
  await until('it does not stop', async () => (await text('said')) === 'The workload has stopped.');
  const fields = await page.evaluate(async () => {
    const db = await (await import('/opening.js')).opening, counts = {};
    for (const key of await db.call('KEYS', 'session:*')) (counts[await db.call('HLEN', key)] ??= []).push(key);
    return Object.keys(counts);
  });
  assert.deepEqual(fields, ['5']);
  assert(await page.locator('#none').isHidden(), 'the table knows nothing of them');
  await press('empty');
}

async function samples() {
  assert.match(await press('leaderboard'), /^20,000 written/);
  assert.match(await press('sessions'), /^100,000 written/);
  assert.match(await press('feed'), /^5,000 written/);
  // Expired sessions are gone from the count.
  const keys = Number((await command('DBSIZE')).match(/\d+/)[0]);
  assert(keys > 100_000 && keys <= 110_050, `${keys} keys`);
  const used = Number((await command('INFO memory')).match(/used_memory:(\d+)/)[1]);
  assert(used <= LIMIT * 1.5, `${used} bytes are used`);
  await until('no values on the device', async () => Number((await text('paged-out')).replaceAll(',', '')) > 10_000);
  await page.click('#workload');
  await until('no figures of the workload', async () => /sessions a second/.test(await text('said')));
  await shot('workload');
  await page.click('#workload');
  assert.equal(await page.getAttribute('#workload', 'aria-pressed'), 'false');
}

/** What the samples hold was too much for one reply: its tens of thousands of parts went into one call as arguments, which threw. And a string of bytes ended
 * after 10,000 of them as if it had no more. */
async function longReplies() {
  assert.match(await command('ZRANGE leaderboard 0 -1'), /^ {4}1\) "player:[^]*\n 1000\) "player:\d+"\n… 19,000 more$/);
  // Of pairs each takes three elements: the last one has no room for its own two.
  assert.match(await command('ZRANGE leaderboard 0 -1 WITHSCORES'), /\n {2}334\) … 2 more\n… 19,666 more$/);
  assert.match(await command('KEYS *'), /\n {2}1000\) "[^\n]+\n… [\d,]+ more$/);
  await command('SETRANGE bytes 0 "\\xff\\x00"');
  assert.equal(await command('GET bytes'), '"\\xff\\x00"');
  await command('SETRANGE bytes 10099 "\\xff"');
  assert.match(await command('GET bytes'), /^"\\xff(\\x00){9999}" … 100 more bytes$/);
  assert.equal(await command('DEL bytes'), '(integer) 1');
}

async function keysAndValues() {
  await command('SET brief x EX 3');
  for (const [pattern, sees] of [['leaderboard', /player:/], ['feed', /post:/], ['tag:moss', /post:/], ['post:000007', /"body"/], ['session:00001?', /user:/]]) {
    await page.fill('#pattern', pattern);
    await page.click('#filter button');
    await until(`${pattern} is not found`, async () => (await page.locator('#rows button').count()) > 0);
    await page.locator('#rows button').first().click();
    await until(`no value of ${pattern}`, async () => sees.test(await text('value')));
    await shot(`value ${pattern.replace(/\W/g, ' ')}`);
  }
  await command('SET brief x EX 3');
  await page.fill('#pattern', 'brief');
  await page.click('#filter button');
  await until('no deadline', async () => /\d s/.test((await page.locator('#rows .deadline').allTextContents()).join()));
  await until('it does not expire', async () => (await page.locator('#rows .deadline').allTextContents()).join() === 'expired');
}

async function outAndIn() {
  const before = Number((await command('DBSIZE')).match(/\d+/)[0]);
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 120_000 }), page.click('#export')]);
  const path = join(screenshots, 'dump.rdb');
  await download.saveAs(path);
  assert.equal((await readFile(path)).subarray(0, 5).toString(), 'REDIS');
  await press('empty');
  assert.equal(await command('DBSIZE'), '(integer) 0');
  await page.setInputFiles('#file', path);
  await page.waitForTimeout(50);
  await until('the file is not loaded', async () => /loaded: /.test(await text('said')), 240_000);
  const after = Number((await command('DBSIZE')).match(/\d+/)[0]);
  // Short deadlines pass meanwhile.
  assert(after <= before && after > before - 5100, `${before} keys went out, ${after} came in`);
  assert.match(await command('ZCARD leaderboard'), /20000/);
}

/** Nobody had tried it but by the button. */
async function dropped() {
  const file = await page.evaluateHandle(async () => {
    const { open } = await import('/nuthatch/index.js'), other = await open('other', { device: 'memory' }), transfer = new DataTransfer();
    await other.hset('dropped', { field: 'value' });
    transfer.items.add(new File([await other.exportRdb()], 'dropped.rdb'));
    await other.close();
    return transfer;
  });
  await page.dispatchEvent('body', 'dragover', { dataTransfer: file });
  assert(await page.locator('#drop').isVisible(), 'nothing shows that a file may be dropped');
  await page.dispatchEvent('body', 'drop', { dataTransfer: file });
  assert(await page.locator('#drop').isHidden());
  await until('the dropped file is not loaded', async () => /^dropped\.rdb loaded: /.test(await text('said')));
  assert.equal(await command('HGET dropped field'), '"value"');
  assert.match(await command('ZCARD leaderboard'), /20000/);
}

/** A second tab uses the first one's engine, and goes on when that one is closed. */
async function twoTabs() {
  const first = page;
  await command('SET tabs 1');
  page = await watched(first.context());
  await visit();
  assert.equal(await command('INCR tabs'), '(integer) 2');
  await find('tabs');
  await first.close();
  // The table's question waits until this tab leads; the terminal's connection ended with the other one, and says so.
  await find('dropped');
  assert.match(await command('PING'), /PONG|the connection ended/);
  assert.equal(await command('INCR tabs'), '(integer) 3');
  assert.match(await command('ZCARD leaderboard'), /20000/);
}

/** Waits until the table of keys shows this key alone. */
async function find(key) {
  await page.fill('#pattern', key);
  await page.click('#filter button');
  await until(`${key} is not found`, async () => (await page.locator('#rows button').allTextContents()).join() === key);
}

async function crash() {
  const before = await command('DEBUG DIGEST-VALUE leaderboard feed post:000007');
  // The new connection is in database 0, and nothing said that it is another one.
  assert.equal(await command('SELECT 1'), 'OK');
  await page.click('#crash');
  await until('it does not come back', async () => /came back with/.test(await text('said')));
  assert.match(await page.locator('#output > div').last().textContent(), /^\(the worker was killed: this is a new connection, in database 0/);
  assert.equal(await command('DEBUG DIGEST-VALUE leaderboard feed post:000007'), before);
  await visit();
  assert.equal(await command('DEBUG DIGEST-VALUE leaderboard feed post:000007'), before);
}

/** SHUTDOWN ended the engine and nothing on the page told it; the button that should have brought it back threw, since it first asked for the number of keys. */
async function shutdown() {
  const digest = await command('DEBUG DIGEST-VALUE leaderboard feed post:000007');
  const before = await page.locator('#output > div').count();
  await page.fill('#line', 'SHUTDOWN');
  await page.press('#line', 'Enter');
  await until('its end is not told', async () => (await page.locator('#output > div').count()) > before + 1);
  for (const id of ['state', 'said']) assert.match(await text(id), /^The engine has ended \(.*SHUTDOWN\): “Crash it” brings it back$/);
  assert.match(await command('PING'), /^\(error\) The engine has ended/);
  await page.click('#filter button');
  await until('the table does not tell', async () => (await text('said')) === 'CLOSED by SHUTDOWN');
  await page.click('#crash');
  await until('it does not come back', async () => /^The engine came back with/.test(await text('said')));
  assert.match(await text('state'), /^[\d,]+ keys, there again after \d+ ms$/);
  assert.equal(await command('DEBUG DIGEST-VALUE leaderboard feed post:000007'), digest);
}

async function looks() {
  await page.selectOption('#theme', 'dark');
  await page.waitForTimeout(700);
  await shot('dark');
  await page.setViewportSize({ width: 360, height: 740 });
  await page.waitForTimeout(700);
  await shot('phone');
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(wide <= 0, `${wide} pixels too wide for a phone`);
  const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, select')]
    .filter((one) => !one.hidden && !(one.textContent.trim() || one.labels?.length || one.ariaLabel)).map((one) => one.id));
  assert.deepEqual(nameless, []);
  await press('empty');
}
