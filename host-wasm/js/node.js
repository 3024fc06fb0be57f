// The package in Node: the engine on this thread, in memory or over files in a directory.

import { embed } from './embed.js';

export { NuthatchError } from './resp.js';

/** Opens a database. With `path`, a directory, it is in files (`device: "file"`), else in memory. */
export async function open(name, options = {}) {
  return (await embed(name, options)).db;
}
