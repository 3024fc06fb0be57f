// The engine's side in one file: a worker of its own, or, imported, what runs the engine on the page's thread.

import { Server } from './server.js';

export { Server };

/** What `open` calls its workers. */
const OURS = 'nuthatch';

if (globalThis.WorkerGlobalScope && self.name === OURS) {
  const server = new Server((message, transfer) => postMessage(message, transfer), () => self.close());
  let stirred = () => {};
  onmessage = ({ data }) => {
    // The page tries both ways in a row of messages.
    if ('stays' in data) server.rest().then(() => (stirred = server.stays(data.stays)), () => {});
    server.handle(data);
    stirred();
  };
}
