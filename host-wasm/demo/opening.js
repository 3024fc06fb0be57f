// The database begins to open before the page is there: its worker and its engine have to come first.

import { open } from './nuthatch/index.js';

/** `?device=memory&limit=8mb&name=other` for those who want to try. */
const asked = new URLSearchParams(location.search);

export const opening = open(asked.get('name') ?? 'demo', { device: asked.get('device') ?? 'auto', maxmemory: asked.get('limit') ?? '16mb' });
// Whoever asks for it hears of it.
opening.catch(() => {});
