// The engine's life: whether there is one, as the header tells, and its death on request.

import { number, say, state } from './dom.js';

const PERIOD = 500;
/** How long an engine may take to count its keys before it is killed: one that is busy is killed all the same. */
const PATIENCE = 1000;

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export class Life {
  constructor(db, terminal) {
    Object.assign(this, { db, terminal, ended: false });
  }

  /** Looks for ever: an engine may end by SHUTDOWN, from whatever connection, and by what its device cannot do. */
  async watch() {
    const ping = () => this.db.call('PING');
    for (;;) {
      // It may be the connection alone that was ended, as by CLIENT KILL; the next one is another.
      await ping().catch(ping).then(() => this.answers(), (error) => this.ends(error));
      await pause(PERIOD);
    }
  }

  answers() {
    if (!this.ended) return;
    this.ended = false;
    state('The engine is there again');
    this.terminal.renew('the engine is there again');
  }

  ends({ message }) {
    if (this.ended) return;
    this.ended = true;
    const text = `The engine has ended (${message}): “Crash it” brings it back`;
    state(text, true);
    say(text, true);
    this.terminal.end(text);
  }

  /** Kills the worker as a crash of the tab would, and counts what is there again. */
  async crash() {
    const before = await Promise.race([this.db.call('DBSIZE').catch(() => undefined), pause(PATIENCE)]);
    const began = performance.now();
    this.ended = false;
    await this.db.crash();
    const after = await this.db.call('DBSIZE');
    const took = Math.round(performance.now() - began);
    this.terminal.renew('the worker was killed');
    state(`${number(after)} keys, there again after ${took} ms`);
    const killed = before === undefined ? 'The engine' : `The worker was killed with ${number(before)} keys, and`;
    say(`${killed} came back with ${number(after)} in ${took} ms.`, after < before);
  }
}
