// A thread that sleeps takes longer to wake than a command takes to run; one that stays awake while others want its core is in the way of the
// very thread that it waits for. Which is better shows only when both are tried, and only where page and worker do the same at the same time:
// the page tries, and tells the worker.

/** Messages that come sooner than this one after the other belong to one row. */
const SOON_MS = 2;
/** How long a thread stays awake for the next message. */
const AWAKE_MS = 0.4;
/** Messages of a trial, and trials of both ways, one after the other. Of each way the quickest counts: what else happens now and then makes one slow. */
const MESSAGES = 32, TRIALS = 4;
/** How many times as many messages it takes until both are tried again: at first, for a page that begins has other things to do, and at most. */
const SOON = 16, LATE = 128;

/** Gives a function that keeps this thread awake for a moment from the time that it is given, or does not. */
export function stay(stays) {
  if (!stays) return () => {};
  let until = 0, turning = false;
  const turn = () => {
    turning = performance.now() < until;
    if (turning) again();
  };
  const again = turns(turn);
  return (now = performance.now()) => {
    until = now + AWAKE_MS;
    if (!turning) again();
    turning = true;
  };
}

/** Gives a function after which the thread turns to `turn` soon: after all else that it has to do, where the browser knows such an order. */
function turns(turn) {
  const { scheduler } = globalThis, last = { priority: 'background' };
  if (scheduler?.postTask) return () => scheduler.postTask(turn, last);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = turn;
  return () => port2.postMessage(0);
}

/** Gives a function that is called for each message: in a row of them both threads stay awake where that has shown to be faster. `tell(stays)` tells the
 * other one. */
export function wakeful(tell) {
  const stir = stay(1);
  /** What a trial took asleep, and awake. */
  const took = [0, 0];
  let stays = 0, last = 0, begun = 0, count = 0, trial = 0, again = SOON, chosen = 0;

  const ended = (time, slow) => {
    if (trial < TRIALS) took[stays] = trial < 2 ? time : Math.min(time, took[stays]);
    else if (slow) {
      // For a while after it was awake a core wakes sooner: a trial asleep may have shown too little.
      if (!stays) took[0] = time;
      if (stays || took[0] <= took[1]) trial = again;
    }
    if (++trial >= again) trial = 0;
    const way = trial < TRIALS ? trial % 2 : Number(took[1] < took[0]);
    if (trial === TRIALS) {
      again = way === chosen ? Math.min(2 * again, LATE) : SOON;
      chosen = way;
    }
    if (way !== stays) tell((stays = way));
  };

  return () => {
    const now = performance.now();
    // Awake, a pause may be what staying awake costs.
    if (!stays && now - last > SOON_MS) {
      count = 0;
      begun = now;
    }
    last = now;
    // What is much slower already, or has become so, is not waited for.
    const slow = (stays || trial >= TRIALS) && now - begun > 2 * took[0];
    if (slow || ++count > MESSAGES) {
      ended(now - begun, slow);
      count = 0;
      begun = now;
    }
    if (stays) stir(now);
  };
}
