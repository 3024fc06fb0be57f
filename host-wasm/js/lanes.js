// What both parts of the page's side call by the same names.

/** The session that hears messages. */
export const EAR = -1;
/** Published where all keys go at once, which no key's event tells. */
export const FLUSHED = '__nuthatch__:flush';
/** Who hears what nobody waits for. */
export const NOBODY = { resolve() {}, reject() {} };
