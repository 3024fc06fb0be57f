// The engine's side in one file: a worker of its own, or, imported, what runs the engine on the page's thread.

import { inRow } from './row.js';
import { Server } from './server.js';

export { Server };

/** What `open` calls its workers. */
const OURS = 'nuthatch ';

if (globalThis.WorkerGlobalScope && self.name.startsWith(OURS)) {
  const server = new Server((message, transfer) => postMessage(message, transfer), () => self.close());
  const stirred = inRow(() => server.rest().then(() => server));
  onmessage = ({ data }) => {
    server.handle(data);
    stirred();
  };
}
