// A worker of its own for the engine.

import { Server } from './server.js';

const server = new Server((message, transfer) => postMessage(message, transfer), () => self.close());
onmessage = ({ data }) => server.handle(data);
