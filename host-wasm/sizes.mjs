// Prints the sizes of the package in pkg/ and fails where one is over its budget (budget.json), unless told --no-budget.
import { readFileSync, readdirSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const here = new URL('./', import.meta.url);
const budget = process.argv.includes('--no-budget') ? {} : JSON.parse(readFileSync(new URL('budget.json', here)));
const read = (name) => readFileSync(new URL(`pkg/${name}`, here));
const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length;

/** What only Node loads. */
const NODE = /^(node|ioredis|file)/;
const rows = readdirSync(new URL('pkg/', here)).filter((name) => /\.(js|wasm|tsv)$/.test(name)).map((name) => {
  const bytes = read(name);
  return { name, raw: bytes.length, gzip: gzip(bytes), brotli: brotli(bytes) };
});
const scripts = rows.filter(({ name }) => name.endsWith('.js') && !NODE.test(name));
/** What `import { open } from 'nuthatch'` loads before somebody wants more. */
const FIRST = /^(index|worker)\.js$/;
for (const [name, some] of [['js at first', scripts.filter((row) => FIRST.test(row.name))], ['js', scripts]]) {
  const sum = (what) => some.reduce((total, row) => total + row[what], 0);
  rows.push({ name, raw: sum('raw'), gzip: sum('gzip'), brotli: sum('brotli') });
}

let over = false;
for (const row of rows) {
  const limits = Object.entries(budget[row.name] ?? {});
  const notes = limits.map(([what, limit]) => `at most ${limit} ${what}${row[what] > limit ? ': OVER BUDGET' : ''}`);
  over ||= limits.some(([what, limit]) => row[what] > limit);
  const columns = [row.raw, row.gzip, row.brotli].map((bytes) => String(bytes).padStart(9)).join('');
  console.log(`${row.name.padEnd(14)}${columns}  ${notes.join(', ')}`);
}
process.exitCode = over ? 1 : 0;
