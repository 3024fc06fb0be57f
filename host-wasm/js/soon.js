// Answers that come without a wait, on the thread that asked.

/** So long after the last task answers come without one. */
const LONG_MS = 10;

/** Gives a function that calls back soon: a moment later, as a promise does, and every so often in a task of its own, so that a loop of answers leaves
 * time for others. */
export function soon() {
  let since = 0, waiting;
  const run = () => {
    const all = waiting;
    waiting = undefined;
    for (const work of all) {
      // What one throws is its own affair.
      try {
        work();
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };
  const task = tasks(() => {
    since = performance.now();
    run();
  });
  return (work) => {
    if (waiting) return waiting.push(work);
    waiting = [work];
    return performance.now() - since < LONG_MS ? queueMicrotask(run) : task();
  };
}

/** Gives a function after which `work` is done in a task. A port is no way in Node, which gives it a thousand messages in one. */
function tasks(work) {
  const { setImmediate } = globalThis;
  if (setImmediate) return () => setImmediate(work);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = work;
  return () => port2.postMessage(0);
}
