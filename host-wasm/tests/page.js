// What every page of the tests has.
import * as nuthatch from '/pkg/index.js';

globalThis.nuthatch = nuthatch;
globalThis.ready = true;
