// Messages that come one soon after the other: only then it matters how a thread waits for the next (awake.js).

/** Sooner than this, and so many of them. */
const SOON_MS = 1, LONG = 100;

/** Gives a function that is called for each message; `load` brings `wakeful` when there is a row of them. */
export function inRow(load) {
  let last = 0, row = 0, stirred = () => {
    const now = performance.now();
    row = now - last < SOON_MS ? row + 1 : 0;
    last = now;
    if (row === LONG) load().then(({ wakeful }) => (stirred = wakeful()), () => {});
  };
  return () => stirred();
}
