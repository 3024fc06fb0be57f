// Pages in a file of the origin's own file system, the rest in IndexedDB. Only a worker may open such a file.

import { openIdb } from './idb.js';

/** A worker that was ended a moment ago may hold the file yet: so many tries, this long apart. */
const TRIES = 20, PAUSE_MS = 25;

export async function openOpfs(options) {
  const opening = openIdb(options);
  let handle;
  try {
    const root = await navigator.storage.getDirectory();
    handle = await access(await root.getFileHandle(`nuthatch-${encodeURIComponent(options.name)}.pages`, { create: true }));
  } catch (error) {
    opening.then((device) => device.close(), () => {});
    throw error;
  }
  // Pages live as long as the engine does.
  handle.truncate(0);
  const device = await opening;
  const { close } = device;
  return Object.assign(device, {
    kind: 'opfs',
    pages: { read: (bytes, at) => handle.read(bytes, { at }), write: (bytes, at) => handle.write(bytes, { at }) },
    close: () => {
      handle.close();
      close.call(device);
    },
  });
}

async function access(file) {
  for (let i = 1; ; i++) {
    try {
      return await file.createSyncAccessHandle();
    } catch (error) {
      if (i === TRIES || !/NoModification|InvalidState/.test(error.name)) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
