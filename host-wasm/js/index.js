// What a page imports.

import { Client, check } from './client.js';
import { Encoder, NuthatchError, Parser } from './resp.js';
import { inRow } from './row.js';

export { NuthatchError };

/** Opens a database; resolves when it is there. */
export async function open(name, options = {}) {
  await check(options);
  const client = new Client(name, options, options.worker === false ? inline : worker);
  await client.opened;
  return client.db;
}

/** Workers that run: WebKit collects one to which only waiting calls lead, and these then wait for ever. */
const running = new Set();

/** The engine in a worker. `receive(message)`, `fail(text)`. Vite takes a worker whose options it can read without running them. */
function worker(_name, receive, fail) {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'nuthatch' });
  const stirred = inRow((stays) => worker.postMessage({ stays }));
  running.add(worker);
  worker.onmessage = ({ data }) => {
    if (data.closed) running.delete(worker);
    receive(data);
    stirred();
  };
  worker.onerror = (event) => fail(event.message ?? 'it did not load');
  const stop = () => {
    running.delete(worker);
    worker.terminate();
  };
  return { post: (message, transfer) => worker.postMessage(message, transfer), stop };
}

/** The engine on this thread; `more` devices by their names. */
export function inline(name, receive, fail, more) {
  const link = { post: (message) => (link.server ? link.server.handle(message) : early.push(message)), stop: () => link.server?.kill() };
  const early = [];
  import('./inline.js').then(({ Inline }) => {
    link.server = new Inline({ Encoder, NuthatchError, Parser }, receive, more);
    early.forEach((message) => link.server.handle(message));
  }, (error) => fail(error.message));
  return link;
}
