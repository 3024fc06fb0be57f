// The table of keys, and a key's value as its type wants to be seen.

import { complain, duration, el, make, number } from './dom.js';
import { printable } from './reply.js';

const SHOWN = 50;
const ELEMENTS = 100;
const TEXT_SHOWN = 2000;
/** Calls of SCAN, of a thousand keys each, for one page of the table: a pattern that matches little must not walk for ever. */
const CALLS = 400;
const decoder = new TextDecoder();

export class Keys {
  constructor(db) {
    this.db = db;
    this.deadlines = new Map();
    el('filter').addEventListener('submit', (event) => {
      event.preventDefault();
      this.find().catch(complain);
    });
    el('more').addEventListener('click', () => this.more().catch(complain));
    setInterval(() => this.countDown(), 100);
  }

  /** Begins at the start. */
  async find() {
    this.cursor = '0';
    this.deadlines.clear();
    el('rows').replaceChildren();
    await this.more();
    el('none').hidden = el('rows').childElementCount > 0;
  }

  async more() {
    const keys = [];
    const pattern = el('pattern').value || '*';
    for (let call = 0; call < CALLS && keys.length < SHOWN; call++) {
      const [cursor, some] = await this.db.bytes.call('SCAN', this.cursor, 'MATCH', pattern, 'COUNT', pattern === '*' ? SHOWN : 1000);
      this.cursor = typeof cursor === 'string' ? cursor : decoder.decode(cursor);
      keys.push(...some);
      if (this.cursor === '0') break;
    }
    const facts = await Promise.all(keys.map((key) => Promise.all([this.db.call('TYPE', key), this.db.call('PTTL', key)])));
    el('rows').append(...keys.map((key, i) => this.row(key, ...facts[i])));
    el('more').hidden = this.cursor === '0';
  }

  row(key, type, left) {
    const deadline = make('td', { class: 'deadline' }, left < 0 ? '–' : duration(left));
    const open = make('button', { class: 'link', click: () => this.open(key, row).catch(complain) }, shorten(key, 80));
    const row = make('tr', {}, make('td', {}, open), make('td', {}, make('span', { class: `type ${type}` }, type)), deadline);
    if (left >= 0) this.deadlines.set(row, { at: performance.now() + left, cell: deadline });
    return row;
  }

  countDown() {
    const now = performance.now();
    for (const [row, { at, cell }] of this.deadlines) {
      if (!row.isConnected || at <= now) {
        row.classList.add('gone');
        cell.textContent = 'expired';
        this.deadlines.delete(row);
      } else cell.textContent = duration(at - now);
    }
  }

  async open(key, row) {
    for (const other of el('rows').children) other.classList.toggle('open', other === row);
    const type = await this.db.call('TYPE', key);
    const view = VIEWS[type];
    const drop = make('button', { class: 'danger', click: () => this.drop(key, row).catch(complain) }, 'Delete');
    const head = make('h3', {}, shorten(key, 200));
    if (!view) {
      el('value').replaceChildren(head, make('p', { class: 'faint' }, 'It is gone.'));
      return;
    }
    const [encoding, value] = await Promise.all([this.db.call('OBJECT', 'ENCODING', key), view(this.db, key)])
      .catch((error) => ['', make('p', { class: 'failed' }, error.message)]);
    el('value').replaceChildren(head, make('p', { class: 'faint' }, `${type}, ${encoding} `, drop), value);
  }

  async drop(key, row) {
    await this.db.call('UNLINK', key);
    row.classList.add('gone');
    el('value').replaceChildren(make('p', { class: 'faint' }, 'Deleted.'));
  }
}

const shorten = (bytes, most) => {
  const text = printable(bytes.subarray(0, most));
  return bytes.length > most ? `${text}…` : text;
};

/** A table of rows, with a word on what is left out. */
function table(heads, rows, all) {
  const head = make('thead', {}, make('tr', {}, ...heads.map((text) => make('th', { scope: 'col' }, text))));
  const body = make('tbody', {}, ...rows.map((cells) => make('tr', {}, ...cells.map((cell) => make('td', {}, cell)))));
  const parts = [make('table', {}, head, body)];
  if (all > rows.length) parts.push(make('p', { class: 'faint' }, `${number(all - rows.length)} more of ${number(all)}`));
  return make('div', {}, ...parts);
}

const VIEWS = {
  async string(db, key) {
    const [length, text] = await Promise.all([db.call('STRLEN', key), db.bytes.call('GETRANGE', key, 0, TEXT_SHOWN - 1)]);
    const more = length > TEXT_SHOWN ? make('p', { class: 'faint' }, `${number(length - TEXT_SHOWN)} more bytes`) : '';
    return make('div', {}, make('pre', {}, pretty(text)), more);
  },

  async list(db, key) {
    const [length, elements] = await Promise.all([db.call('LLEN', key), db.bytes.call('LRANGE', key, 0, ELEMENTS - 1)]);
    return table(['#', 'Element'], elements.map((element, i) => [i, shorten(element, 200)]), length);
  },

  async set(db, key) {
    const [length, [, members]] = await Promise.all([db.call('SCARD', key), db.bytes.call('SSCAN', key, 0, 'COUNT', ELEMENTS)]);
    return table(['Member'], members.slice(0, ELEMENTS).map((member) => [shorten(member, 200)]), length);
  },

  async hash(db, key) {
    const [length, [, flat]] = await Promise.all([db.call('HLEN', key), db.bytes.call('HSCAN', key, 0, 'COUNT', ELEMENTS)]);
    const rows = [];
    for (let i = 0; i < flat.length && rows.length < ELEMENTS; i += 2) rows.push([shorten(flat[i], 80), shorten(flat[i + 1], 200)]);
    return table(['Field', 'Value'], rows, length);
  },

  async zset(db, key) {
    const [length, pairs] = await Promise.all([db.call('ZCARD', key), db.bytes.call('ZRANGE', key, 0, ELEMENTS - 1, 'REV', 'WITHSCORES')]);
    const most = Math.max(1, ...pairs.map(([, score]) => Number(score)));
    const rows = pairs.map(([member, score], i) => {
      const bar = make('i');
      bar.style.setProperty('--part', Math.max(0, Number(score)) / most);
      return [i + 1, shorten(member, 80), score, make('div', { class: 'bar' }, bar)];
    });
    return table(['Rank', 'Member', 'Score', ''], rows, length);
  },
};

/** JSON is set out in lines. */
function pretty(bytes) {
  const text = printable(bytes);
  if (!/^[[{]/.test(decoder.decode(bytes.subarray(0, 1)))) return text;
  try {
    return JSON.stringify(JSON.parse(decoder.decode(bytes)), undefined, 2);
  } catch {
    return text;
  }
}
