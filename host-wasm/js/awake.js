// A thread that sleeps takes longer to wake than a command takes to run.

const AWAKE_MS = 0.4;

/** Gives a function that is called for each message: while they come one soon after the other, the thread stays awake. */
export function wakeful() {
  const { port1, port2 } = new MessageChannel();
  let last = 0, until = 0, awake = false;
  port1.onmessage = () => {
    awake = performance.now() < until;
    if (awake) port2.postMessage(0);
  };
  return () => {
    const now = performance.now(), soon = now - last < AWAKE_MS;
    last = now;
    if (!soon) return;
    until = now + AWAKE_MS;
    if (!awake) port2.postMessage(0);
    awake = true;
  };
}
