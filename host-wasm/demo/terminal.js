// The command line: a session of its own that speaks RESP, with completion, hints, history and coloured replies.

import { breathe, el, make } from './dom.js';
import { Replies, encode, render, words } from './reply.js';

const HISTORY = 'nuthatch-history';
const KEPT_COMMANDS = 200;
const KEPT_ELEMENTS = 400;
const CHOICES = 8;
const TIP = el('summary').textContent;

/** Words that the page itself answers. */
const LOCAL = {
  clear: (terminal) => terminal.clear(),
  help: (terminal) => terminal.note('faint',
    'Every command of Redis that the engine knows, as redis-cli takes it. Try: SET bird nuthatch EX 30, HSET h a 1, ZADD z 3 c, INFO memory, MONITOR.'),
};

export class Terminal {
  constructor() {
    this.history = load();
    this.at = this.history.length;
    this.choice = -1;
    this.line = el('line');
    el('prompt').addEventListener('submit', (event) => this.submit(event));
    this.line.addEventListener('input', () => this.suggest());
    this.line.addEventListener('keydown', (event) => this.key(event));
    this.line.addEventListener('blur', () => this.offer([]));
    el('choices').addEventListener('mousedown', (event) => this.pick(event));
  }

  /** Knows the commands from now on; what goes on meanwhile goes on. */
  hint(hints) {
    this.hints = hints;
    this.suggest(false);
  }

  /** Speaks to this database from now on. */
  connect(db) {
    this.db = db;
    this.greeted = false;
    // Not every browser tells the engine that a port was closed, and what waits would wait on.
    this.port?.postMessage(null);
    this.port?.close();
    this.replies = new Replies();
    this.port = db.resp();
    this.port.onmessage = ({ data }) => (data === null ? this.ended() : this.take(data));
    this.port.postMessage(encode(words('HELLO 3')));
    this.silent = 1;
    this.line.disabled = false;
  }

  /** The port has ended: after QUIT, or because another tab leads now. */
  ended() {
    if (this.greeted) this.renew('the connection ended');
    else this.note('error', '(error) the engine does not answer');
  }

  /** Goes on with another connection, which knows nothing of what the old one had begun. */
  renew(why) {
    this.note('error', `(${why}: this is a new connection, in database 0, without MULTI and subscriptions; what was not answered may be sent again)`);
    this.connect(this.db);
  }

  /** What waits for ever, or listens, has no other way out. */
  interrupt() {
    if (this.port) this.renew('Ctrl+C');
  }

  /** There is no engine any more. */
  end(why) {
    this.why = `(error) ${why}`;
    this.note('error', this.why);
    this.port?.close();
    this.port = undefined;
  }

  take(data) {
    this.greeted = true;
    for (const reply of this.replies.push(new Uint8Array(data))) {
      // The first reply is the greeting's, which nobody asked for.
      if (this.silent && reply.sign !== '>') this.silent--;
      else this.print(render(reply));
    }
  }

  submit(event) {
    event.preventDefault();
    this.run(this.line.value);
    this.line.value = '';
    this.suggest();
  }

  /** Runs a line as if it were typed. */
  run(line) {
    if (!line.trim()) return;
    this.note('typed', `> ${line}`);
    this.remember(line);
    const local = LOCAL[line.trim().toLowerCase()];
    if (local) {
      local(this);
      return;
    }
    if (!this.port) {
      this.note('error', this.why);
      return;
    }
    try {
      this.port.postMessage(encode(words(line)));
    } catch (error) {
      this.note('error', `(error) ${error.message}`);
    }
  }

  note(kind, text) {
    this.print(make('span', { class: kind }, text));
  }

  async print(part) {
    const output = el('output');
    output.append(make('div', {}, part));
    while (output.childElementCount > KEPT_ELEMENTS) output.firstElementChild.remove();
    await breathe();
    output.scrollTop = output.scrollHeight;
  }

  clear() {
    el('output').replaceChildren();
  }

  remember(line) {
    if (this.history.at(-1) !== line) this.history.push(line);
    this.history = this.history.slice(-KEPT_COMMANDS);
    this.at = this.history.length;
    try {
      localStorage.setItem(HISTORY, JSON.stringify(this.history));
    } catch {
      // A browser that keeps nothing still has the history of this visit.
    }
  }

  key(event) {
    const open = !el('choices').hidden;
    const steps = { ArrowUp: -1, ArrowDown: 1 };
    if (event.key === 'Tab' && !event.shiftKey && this.lines?.length) this.accept(Math.max(0, this.choice));
    else if (event.key === 'Enter' && open && this.choice >= 0) this.accept(this.choice);
    else if (event.key === 'Escape' && open) this.offer([]);
    else if (steps[event.key]) this.step(steps[event.key], open);
    else if (event.ctrlKey && event.key === 'l') this.clear();
    else if (event.ctrlKey && event.key === 'c' && !this.selected()) this.interrupt();
    else return;
    event.preventDefault();
  }

  /** Whether there is something to copy. */
  selected() {
    return this.line.selectionStart !== this.line.selectionEnd || !getSelection().isCollapsed;
  }

  /** Through the completions, once one is chosen or the arrow points to them; else through the history. */
  step(by, open) {
    if (open && (by > 0 || this.choice >= 0)) this.choose((this.choice + by + this.lines.length) % this.lines.length);
    else {
      // What stands below the history comes again.
      if (this.at === this.history.length) this.begun = this.line.value;
      this.at = Math.min(this.history.length, Math.max(0, this.at + by));
      this.line.value = this.history[this.at] ?? this.begun;
      this.suggest(false);
    }
  }

  accept(index) {
    this.line.value = `${this.lines[index]} `;
    this.suggest();
  }

  pick(event) {
    const item = event.target.closest('li');
    if (!item) return;
    event.preventDefault();
    this.accept([...item.parentElement.children].indexOf(item));
  }

  suggest(offered = true) {
    const { value } = this.line;
    if (!this.hints) return;
    this.offer(offered ? this.hints.complete(value) : []);
    el('ghost').replaceChildren(make('span', {}, value), this.hints.rest(value));
    el('summary').textContent = this.hints.summary(value) ?? TIP;
  }

  offer(lines) {
    this.lines = lines.slice(0, CHOICES);
    const items = this.lines.map((line, i) => make('li', { role: 'option', id: `choice-${i}` }, line));
    el('choices').replaceChildren(...items);
    el('choices').hidden = !items.length;
    this.line.setAttribute('aria-expanded', String(items.length > 0));
    this.choose(-1);
  }

  choose(index) {
    this.choice = index;
    [...el('choices').children].forEach((item, i) => item.setAttribute('aria-selected', String(i === index)));
    if (index < 0) this.line.removeAttribute('aria-activedescendant');
    else this.line.setAttribute('aria-activedescendant', `choice-${index}`);
  }
}

function load() {
  try {
    return JSON.parse(localStorage.getItem(HISTORY)) ?? [];
  } catch {
    return [];
  }
}
