// The package's types, as a strict TypeScript program sees them: the README's examples, and what else is easily lost.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const here = fileURLToPath(new URL('.', import.meta.url));
const options = {
  strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'], types: ['node'], typeRoots: [join(here, 'node_modules/@types')],
  paths: { nuthatch: [join(here, '../js/index.d.ts')], 'nuthatch/ioredis': [join(here, '../js/ioredis.d.ts')] },
};

/** What the compiler says of a program. */
function faults(text) {
  const file = join(here, 'program.ts'), host = ts.createCompilerHost(options), { readFile, fileExists, getSourceFile } = host;
  host.readFile = (name) => (name === file ? text : readFile(name));
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, language) => (name === file ? ts.createSourceFile(name, text, language) : getSourceFile(name, language));
  const found = ts.getPreEmitDiagnostics(ts.createProgram([file], options, host));
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

// The declarations contradicted themselves (PERSIST is a command, `persist` the browser's), so that a program without `skipLibCheck` did not compile, and the
// README's transaction could not be taken apart, since a WATCH might have ended it that only sessions have.
test('the examples of the README compile', () => {
  const readme = readFileSync(join(here, '../README.md'), 'utf8');
  const examples = [...readme.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code);
  assert.equal(examples.length, 2);
  for (const code of examples) assert.deepEqual(faults(`declare const key: string, bytes: Uint8Array;\n${code}`), [], code);
});

test('replies have their types', () => {
  assert.deepEqual(faults(`
    import { open } from 'nuthatch';
    const db = await open('app', { maxmemory: '64mb', policy: 'allkeys-lru', device: 'auto', durability: 'strict', tabs: 'share' });
    const value: string | null = await db.get('k'), bytes: Uint8Array | null = await db.bytes.get('k'), now: string | null = db.sync.get('k');
    const granted: boolean = await db.persist();
    for await (const [field, text] of db.hscanIterator('h')) field.concat(text);
    const session = db.session();
    await session.watch('k');
    const replies = await session.multi().incr('k').exec();
    // @ts-expect-error: a watched key may have changed
    replies[0];
    // @ts-expect-error: no such policy
    await open('app', { policy: 'all' });
    // @ts-expect-error: no such option
    await db.set('k', 'v', { exx: 1 });
  `), []);
});
