// Data to play with: larger than the memory limit, with deadlines near and far; and work that reads it as the world reads.

import { breathe, el, number, say } from './dom.js';

const BATCH = 500;
const SESSIONS = 100_000;
const PLAYERS = 20_000;
const POSTS = 5_000;
const WORDS = 'seed bark crown trunk moss nest wing song oak pine acorn beetle hollow winter spring thaw feather branch lichen root'.split(' ');

const any = (list) => list[Math.floor(Math.random() * list.length)];
const below = (count) => Math.floor(Math.random() * count);
const text = (count) => Array.from({ length: count }, () => any(WORDS)).join(' ');
const id = (i) => String(i).padStart(6, '0');

/** One long work at a time, with its bar and its stop button. */
class Job {
  async run(title, steps) {
    if (this.running) {
      say('One thing at a time: stop what runs first.', true);
      return;
    }
    this.running = true;
    this.stopped = false;
    el('job').hidden = false;
    el('job-stop').onclick = () => { this.stopped = true; };
    const began = performance.now();
    try {
      const done = await steps((part, detail = '') => this.show(title, part, detail), () => this.stopped);
      say(`${done} in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
    } catch (error) {
      say(`${title}: ${error.message}`, true);
    } finally {
      this.running = false;
      el('job').hidden = true;
    }
  }

  show(title, part, detail) {
    el('job-text').textContent = `${title} ${detail}`;
    const bar = el('job-bar');
    if (part === undefined) bar.removeAttribute('value');
    else bar.value = part;
  }
}

export const job = new Job();

/** Runs `count` makers in batches of commands: each batch is one message to the engine. */
async function load(db, title, count, commands) {
  await job.run(title, async (show, stopped) => {
    let made = 0;
    while (made < count && !stopped()) {
      const batch = [];
      for (const end = Math.min(count, made + BATCH); made < end; made++) {
        for (const command of commands(made)) batch.push(db.call(...command));
      }
      await Promise.all(batch);
      show(made / count, `${number(made)} of ${number(count)}`);
      await breathe();
    }
    return `${number(made)} written`;
  });
}

/** Sessions as hashes; one of twenty has a deadline that you can watch. */
export const sessions = (db) => load(db, 'Sessions', SESSIONS, (i) => {
  const key = `session:${id(i)}`;
  const cart = Array.from({ length: 1 + below(4) }, () => ({ item: below(9999), name: text(2), count: 1 + below(3) }));
  const fields = ['user', `user:${below(30_000)}`, 'agent', `Mozilla/5.0 (${text(3)})`, 'seen', Date.now() - below(1e7), 'cart', JSON.stringify(cart), 'note', text(20)];
  const seconds = i % 20 ? 3600 + below(86_400) : 10 + below(170);
  return [['HSET', key, ...fields], ['EXPIRE', key, seconds]];
});

/** A leaderboard as one sorted set. */
export const leaderboard = (db) => load(db, 'Leaderboard', PLAYERS, (i) => [
  ['ZADD', 'leaderboard', Math.floor(1e6 * Math.random() ** 3), `player:${id(i)}`],
]);

/** A feed: a list of posts, their texts, their tags as sets, their likes as counters. */
export const feed = (db) => load(db, 'Feed', POSTS, (i) => {
  const post = { id: i, by: `user:${below(30_000)}`, title: text(4), body: text(60), at: new Date().toISOString() };
  return [
    ['SET', `post:${id(i)}`, JSON.stringify(post)],
    ['LPUSH', 'feed', `post:${id(i)}`],
    ['SADD', `tag:${any(WORDS)}`, `post:${id(i)}`],
    ['INCRBY', `likes:${id(i)}`, below(500)],
  ];
});

/** Ranks by Zipf's law, the first the most frequent: the harmonic sum is inverted, which for an exponent of 1 is a power. */
const zipf = (count) => Math.min(count - 1, Math.floor(count ** Math.random()) - 1);

/** Spreads neighbouring ranks over the keys, so that what is hot does not lie side by side. */
const spread = (rank) => (rank * 7919) % SESSIONS;

/** The sessions that are read the most often. */
const HOT = Array.from({ length: 20 }, (_, rank) => `session:${id(spread(rank))}`);

/** Reads sessions, a few often and most seldom, and writes one of twenty of those that are there. */
export class Workload {
  /** `load` brings the sessions where there are none. */
  async toggle(db, button, load) {
    this.on = !this.on;
    button.setAttribute('aria-pressed', String(this.on));
    // One that has not stopped yet goes on.
    if (!this.on || this.running) return;
    this.running = true;
    try {
      if (!await db.call('EXISTS', ...HOT)) await load();
      await this.work(db);
      say('The workload has stopped.');
    } catch (error) {
      say(`The workload has stopped: ${error.message}`, true);
    }
    this.on = this.running = false;
    button.setAttribute('aria-pressed', 'false');
  }

  async work(db) {
    say('Reading sessions by Zipf’s law; watch the pages.');
    let done = 0;
    let began = performance.now();
    while (this.on) {
      await Promise.all(Array.from({ length: BATCH }, () => this.one(db)));
      done += BATCH;
      const took = performance.now() - began;
      if (took > 1000) {
        say(`Zipf workload: ${number(done * 1000 / took)} sessions a second.`);
        done = 0;
        began = performance.now();
      }
      await breathe();
    }
  }

  async one(db) {
    const key = `session:${id(spread(zipf(SESSIONS)))}`;
    const seen = await db.call('HGET', key, 'seen');
    // A write to one that is not there would make it, with nothing else in it and no deadline.
    if (seen !== null && Math.random() < 0.05) await db.call('HSET', key, 'seen', Date.now());
  }
}
