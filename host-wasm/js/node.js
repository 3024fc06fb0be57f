// The package in Node: the engine on this thread, in memory or over files in a directory.

import { embed } from './embed.js';

export { NuthatchError } from './resp.js';

/** Opens a database. `device`: `"memory"` (the default, and what `"auto"` means), or `"file"` with `path`, a directory. */
export async function open(name, options = {}) {
  return (await embed(name, options)).db;
}
