// Answers that come without a wait, on the thread that asked.

/** So long answers may follow each other before timers and what else waits have their turn. */
const LONG_MS = 10;

/** Gives a function that calls back soon: a moment later, as a promise does, and where that has gone on for long in a task of its own, so that
 * a loop of answers leaves time for others. */
export function soon() {
  let since = 0, waiting;
  const run = () => {
    const all = waiting;
    waiting = undefined;
    all.forEach((work) => work());
  };
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.unref?.();
    since = performance.now();
    run();
  };
  port1.unref?.();
  return (work) => {
    if (waiting) return waiting.push(work);
    waiting = [work];
    if (performance.now() - since < LONG_MS) return queueMicrotask(run);
    port1.ref?.();
    port2.postMessage(0);
  };
}
