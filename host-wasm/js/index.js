// What a page imports.

import { Client } from './client.js';

export { NuthatchError } from './resp.js';

/** Opens a database; resolves when it is there. */
export async function open(name, options = {}) {
  const client = new Client(name, options, options.worker === false ? (...way) => inline(...way) : worker);
  await client.opened;
  return client.db;
}

/** The engine in a worker. `receive(message)`, `fail(text)`. */
function worker(name, receive, fail) {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: `nuthatch ${name}` });
  worker.onmessage = ({ data }) => receive(data);
  worker.onerror = (event) => fail(`the worker could not be started: ${event.message ?? 'its script did not load'}`);
  return { post: (message, transfer) => worker.postMessage(message, transfer), stop: () => worker.terminate() };
}

/** The engine on this thread; `more` devices by their names. */
export function inline(name, receive, fail, more) {
  const link = { post: (message) => (link.server ? link.server.handle(message) : early.push(message)), stop: () => link.server?.stop() };
  const early = [];
  import('./worker.js').then(({ Server }) => {
    link.server = new Server((message) => queueMicrotask(() => receive(message)), undefined, more);
    early.forEach((message) => link.server.handle(message));
  }, (error) => fail(error.message));
  return link;
}
