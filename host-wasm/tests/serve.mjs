// A server of this package's files on a free port, with the strictest policy that a page may set.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.css': 'text/css', '.svg': 'image/svg+xml' };
/** No eval and nothing from elsewhere; wasm is code, and has a word of its own. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:";
const PAGE = '<!doctype html><meta charset="utf-8"><title>Nuthatch</title><link rel="icon" href="data:,"><script type="module" src="/tests/page.js"></script>';

/** As `serve`, for the demo page and the package below it, as they are when they are published. */
export function serveDemo() {
  return serve((path) => (path.startsWith('/nuthatch/') ? path.replace('/nuthatch', '/pkg') : `/demo${path === '/' ? '/index.html' : path}`));
}

/** Serves until `close`; `url` is the page's. `place`: which file of this package a path of a URL means. */
export async function serve(place = (path) => path) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, 'http://localhost').pathname);
    response.setHeader('Content-Security-Policy', POLICY);
    if (place(path) === '/') return response.setHeader('Content-Type', 'text/html').end(PAGE);
    try {
      const body = await readFile(join(ROOT, place(path)));
      response.setHeader('Content-Type', TYPES[extname(place(path))] ?? 'application/octet-stream').end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}
