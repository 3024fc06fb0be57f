// What both parts of the page's side call by the same names.

/** The session that hears messages. */
export const EAR = -1;
/** Where the engine publishes that all keys went at once, which no key's event tells: worker.rs has the same name. */
export const FLUSHED = '__nuthatch__:flush';
/** Who hears what nobody waits for. */
export const NOBODY = { resolve() {}, reject() {} };
