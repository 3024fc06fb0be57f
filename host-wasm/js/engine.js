// The engine's WebAssembly. Its functions take and give numbers only, so that its exports are called as they are.

/** The module: each engine has an instance of it, and a memory of its own. */
let module;

/** Begins to compile it. `wasm`: its bytes, where they are not to be fetched. */
export function prepare(wasm) {
  module ??= compile(wasm);
  module.catch(() => (module = undefined));
  return module;
}

/** An engine: its functions by their names, and its `memory`. */
export async function createEngine(wasm) {
  const module = await prepare(wasm);
  const imports = {};
  for (const { module: place, name } of WebAssembly.Module.imports(module)) {
    (imports[place] ??= {})[name] = /now/.test(name) ? () => performance.now() : () => { throw new Error(`wasm: ${name}`); };
  }
  const { exports } = await WebAssembly.instantiate(module, imports);
  const engine = { memory: exports.memory }, pointer = exports.worker_new();
  for (const name in exports) if (name.startsWith('worker_')) engine[name.slice(7)] = exports[name].bind(null, pointer);
  return engine;
}

async function compile(wasm) {
  if (wasm) return WebAssembly.compile(await wasm);
  const response = await fetch(new URL('./engine.wasm', import.meta.url));
  if (!response.ok) throw new Error(`engine.wasm: ${response.status}`);
  // A server that does not know the type cannot be compiled from while it sends.
  return /wasm/.test(response.headers.get('Content-Type')) ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
