// Messages that come one soon after the other: only then it matters how a thread waits for the next (awake.js).

/** Sooner than this, and so many of them. */
const SOON_MS = 1, LONG = 100;

/** Gives a function that is called for each message. In a row of them `tell` is told whether to stay awake. */
export function inRow(tell) {
  let last = 0, row = 0, stirred = () => {
    const now = performance.now();
    row = now - last < SOON_MS ? row + 1 : 0;
    last = now;
    if (row === LONG) import('./page-more.js').then(({ wakeful }) => (stirred = wakeful(tell)), () => {});
  };
  return () => stirred();
}
