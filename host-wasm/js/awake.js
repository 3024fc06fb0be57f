// A thread that sleeps takes longer to wake than a command takes to run; one that stays awake while others want its core is in the way of the
// very thread that it waits for. Which is better shows only when both are tried, and only where page and worker do the same at the same time:
// the page tries, and tells the worker.

/** Messages that come sooner than this one after the other belong to one row. */
const SOON_MS = 2;
/** How long a thread stays awake for the next message. */
const AWAKE_MS = 0.4;
/** Messages of a trial; trials of a comparison, of both ways in turn: of each the quicker counts, for what else happens now and then makes one slow. */
const MESSAGES = 32, TRIALS = 4;
/** Trials from one comparison to the next: at first and after another outcome, and at most. A page that begins has other things to do. */
const FIRST_AGAIN = 16, MOST_AGAIN = 128;
/** To stay awake takes a core from others: it has to be so much quicker. */
const WORTH = 1.1;

/** Gives a function that keeps this thread awake for a moment from the time that it is given. */
export function stay() {
  let until = 0, turning = false;
  const turn = () => {
    turning = performance.now() < until;
    if (turning) soon();
  };
  const soon = turns(turn);
  return (now = performance.now()) => {
    until = now + AWAKE_MS;
    if (!turning) soon();
    turning = true;
  };
}

/** Gives a function after which the thread turns to `turn` soon: after all else that it has to do, where the browser knows such an order. */
function turns(turn) {
  const { scheduler } = globalThis, order = { priority: 'background' };
  if (scheduler?.postTask) return () => scheduler.postTask(turn, order);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = turn;
  return () => port2.postMessage(0);
}

/** Gives a function that is called for each message: in a row of them both threads stay awake where that has shown to be faster. `tell(stays)` tells the
 * other one. */
export function wakeful(tell) {
  const stir = stay();
  /** What a trial took asleep, and awake. */
  const took = [0, 0];
  let stays = 0, last = 0, begun = 0, count = 0, paused = 0, trial = 0, again = FIRST_AGAIN, chosen;

  const better = () => Number(WORTH * took[1] < took[0]);

  /** Ends a trial, or as many messages between comparisons, and says how the next is to be. */
  const ended = (time, slow) => {
    if (trial < TRIALS) took[stays] = trial < 2 ? time : Math.min(time, took[stays]);
    else if (slow) {
      // For a while after it was awake a core wakes sooner: the trial asleep may have shown too little, if this is no hiccup.
      if (!stays) took[0] = time;
      if (!stays && better()) again = trial + FIRST_AGAIN;
      else trial = again;
    }
    if (++trial >= again) trial = 0;
    const way = trial < TRIALS ? trial % 2 : better();
    if (trial === TRIALS) {
      again = way === chosen ? Math.min(2 * again, MOST_AGAIN) : FIRST_AGAIN;
      chosen = way;
    }
    if (way !== stays) tell((stays = way));
  };

  return () => {
    const now = performance.now();
    // One pause is the user's; awake, a second one may be what that costs.
    if (now - last > SOON_MS && !(stays && paused)) {
      paused = stays;
      count = -1;
      begun = now;
    }
    last = now;
    // What is much slower already, or has become so, is not waited for.
    const slow = (stays || trial >= TRIALS) && now - begun > 2 * took[0];
    if (slow || ++count === MESSAGES) {
      ended(now - begun, slow);
      paused = count = 0;
      begun = now;
    }
    if (stays) stir(now);
  };
}
