// A thread that sleeps takes longer to wake than a command takes to run; one that stays awake while others want its core is in the way of the
// very thread that it waits for. Which is better shows only when both are tried.

/** Messages that come sooner than this one after the other belong to one row. */
const SOON_MS = 2;
/** How long a thread stays awake for the next message. */
const AWAKE_MS = 0.4;
/** Messages of a trial, and trials until both ways are tried again. */
const TRIAL = 32, AGAIN = 128;

/** Gives a function that is called for each message: in a row of them the thread stays awake where that has shown to be faster. */
export function wakeful() {
  const { port1, port2 } = new MessageChannel();
  const took = [0, 0];
  let last = 0, until = 0, turning = false, count = 0, begun = 0, stays = 0;
  port1.onmessage = () => {
    turning = performance.now() < until;
    if (turning) port2.postMessage(0);
  };
  return () => {
    const now = performance.now();
    if (now - last > SOON_MS) {
      count -= count % TRIAL;
      begun = now;
    }
    last = now;
    if (stays && now - begun > 2 * took[0]) {
      // It is much slower already: the rest of the trial is not waited for.
      took[1] = Infinity;
      stays = 0;
      count -= count % TRIAL;
      begun = now;
    } else if (++count % TRIAL === 0) {
      took[stays] = now - begun;
      begun = now;
      const trial = (count / TRIAL) % AGAIN;
      stays = trial < 2 ? trial : Number(took[1] < took[0]);
    }
    if (!stays) return;
    until = now + AWAKE_MS;
    if (!turning) port2.postMessage(0);
    turning = true;
  };
}
