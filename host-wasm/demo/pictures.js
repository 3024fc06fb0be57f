// The live pictures: memory against its limit, the device's pages, the curves, the keys by type.

import { bytes, el, make, number } from './dom.js';

const PERIOD = 500;
const SAMPLES = 120;
/** Keys looked at in one period for the count by type. */
const WALKED = 2000;
/** How fast a cell's flash fades, a period. */
const FADE = 0.72;
const CURVES = [
  ['Hits', 'keyspace_hits', 'good'],
  ['Misses', 'keyspace_misses', 'faint'],
  ['Swapped in', 'vm_stats_swappin_count', 'read'],
  ['Swapped out', 'vm_stats_swappout_count', 'written'],
  ['Evicted', 'evicted_keys', 'warm'],
  ['Expired', 'expired_keys', 'accent'],
];
const TYPES = ['string', 'hash', 'list', 'set', 'zset'];

export class Pictures {
  constructor(db) {
    this.db = db;
    this.curves = CURVES.map(([title, field, colour]) => new Curve(title, field, colour));
    el('curves').replaceChildren(...this.curves.map((curve) => curve.element));
    this.map = new PageMap();
    this.types = new TypeCount(db);
  }

  /** Looks and draws for ever, but only while somebody sees it. */
  async run() {
    for (;;) {
      if (!document.hidden) await this.look().catch(() => {});
      await new Promise((resolve) => { setTimeout(resolve, PERIOD); });
    }
  }

  async look() {
    const [stats, map] = await Promise.all([this.db.stats(), this.db.pageMap()]);
    memory(stats);
    const now = performance.now();
    this.curves.forEach((curve) => curve.add(Number(stats[curve.field] ?? 0), now));
    this.map.draw(map);
    await this.types.walk();
  }
}

function memory(stats) {
  const limit = Number(stats.maxmemory) || Number(stats.vm_conf_max_memory) || 0;
  const bar = el('memory-bar');
  const part = limit ? Math.min(1.2, stats.used_memory / limit) / 1.2 : 0;
  bar.firstElementChild.style.setProperty('--part', part);
  bar.setAttribute('aria-valuemax', limit);
  bar.setAttribute('aria-valuenow', stats.used_memory);
  bar.setAttribute('aria-valuetext', `${bytes(stats.used_memory)} of ${bytes(limit)}`);
  el('memory-used').textContent = bytes(stats.used_memory);
  el('memory-limit').textContent = limit ? bytes(limit) : 'no limit';
  el('paged-out').textContent = number(stats.vm_stats_swapped_objects);
}

/** A colour of the style sheet as canvases want it, for light or dark as the page is now. */
function colour(name) {
  const probe = el('probe');
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** Makes a canvas as sharp as the screen; its context, width and height in CSS pixels. */
function surface(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const scale = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** The page device: a cell stands for one page or for several in a row. */
class PageMap {
  reads = new Float32Array();
  writes = new Float32Array();

  draw({ pageSize, pages, used, read, written }) {
    const { context, width, height } = surface(el('map'));
    const side = 8;
    const columns = Math.max(1, Math.floor(width / side));
    const cells = columns * Math.max(1, Math.floor(height / side));
    const each = Math.max(1, Math.ceil(pages / cells));
    this.fade(cells, each);
    flash(this.reads, read, each);
    flash(this.writes, written, each);
    const taken = fill(used, pages, each, cells);
    const [line, usedColour, readColour, writtenColour] = ['line', 'used', 'read', 'written'].map(colour);
    for (let cell = 0; cell < cells; cell++) {
      const x = (cell % columns) * side;
      const y = Math.floor(cell / columns) * side;
      const square = (style, alpha) => {
        context.globalAlpha = alpha;
        context.fillStyle = style;
        context.fillRect(x, y, side - 1, side - 1);
      };
      square(line, cell * each < pages ? 1 : 0.35);
      if (taken[cell]) square(usedColour, 0.25 + 0.75 * taken[cell] / each);
      if (this.reads[cell] > 0.05) square(readColour, this.reads[cell]);
      if (this.writes[cell] > 0.05) square(writtenColour, this.writes[cell]);
    }
    const count = taken.reduce((sum, some) => sum + some, 0);
    const text = `${number(count)} of ${number(pages)} pages of ${bytes(pageSize)}`;
    el('map-text').textContent = text;
    el('map').setAttribute('aria-label', `The page device: ${text} used`);
  }

  /** Flashes fade; another size of cells begins anew. */
  fade(cells, each) {
    if (this.reads.length !== cells || this.each !== each) {
      this.reads = new Float32Array(cells);
      this.writes = new Float32Array(cells);
      this.each = each;
    }
    for (const flashes of [this.reads, this.writes]) flashes.forEach((light, i) => { flashes[i] = light * FADE; });
  }
}

function flash(lights, runs, each) {
  for (const { first, count } of runs) {
    const last = Math.min(lights.length - 1, Math.floor((first + count - 1) / each));
    for (let cell = Math.floor(first / each); cell <= last; cell++) lights[cell] = 1;
  }
}

/** How many pages of each cell are used. */
function fill(used, pages, each, cells) {
  const taken = new Uint32Array(cells);
  for (let page = 0; page < pages; page++) {
    const byte = used[page >> 3];
    if (byte === 0) page |= 7;
    else if (byte >> (page & 7) & 1) taken[Math.floor(page / each)]++;
  }
  return taken;
}

/** A count of INFO as a rate a second over the last minute. */
class Curve {
  constructor(title, field, colour) {
    Object.assign(this, { field, colour, rates: [] });
    this.canvas = make('canvas', { 'aria-hidden': 'true' });
    this.text = make('b', {}, '0');
    this.element = make('div', { class: 'curve' }, make('span', {}, title), this.text, this.canvas);
  }

  add(count, now) {
    if (this.before !== undefined && count >= this.before) {
      this.rates.push((count - this.before) * 1000 / (now - this.then));
      if (this.rates.length > SAMPLES) this.rates.shift();
    }
    this.before = count;
    this.then = now;
    this.text.textContent = number(this.rates.at(-1));
    this.text.title = `${number(count)} in all`;
    this.draw();
  }

  draw() {
    const { context, width, height } = surface(this.canvas);
    const top = Math.max(1, ...this.rates);
    const x = (i) => width - (this.rates.length - 1 - i) * width / (SAMPLES - 1);
    context.beginPath();
    this.rates.forEach((rate, i) => context.lineTo(x(i), height - 1 - (height - 3) * rate / top));
    const style = colour(this.colour);
    Object.assign(context, { strokeStyle: style, fillStyle: style, lineWidth: 1.5 });
    context.stroke();
    context.lineTo(width, height);
    context.lineTo(x(0), height);
    context.globalAlpha = 0.15;
    context.fill();
    context.globalAlpha = 1;
  }
}

/** Counts keys by type with a walk in the background; a round's outcome is shown when it has ended. */
class TypeCount {
  cursor = '0';
  counts = {};

  constructor(db) {
    this.db = db;
    this.bars = TYPES.map((type) => ({ type, bar: make('i'), text: make('dd', {}, '–') }));
    el('types').replaceChildren(...this.bars.flatMap(({ type, bar, text }) => [make('dt', { class: `type ${type}` }, type), text, make('dd', { class: 'bar', 'aria-hidden': 'true' }, bar)]));
  }

  async walk() {
    const [cursor, keys] = await this.db.bytes.call('SCAN', this.cursor, 'COUNT', WALKED);
    for (const type of await Promise.all(keys.map((key) => this.db.call('TYPE', key)))) {
      this.counts[type] = (this.counts[type] ?? 0) + 1;
    }
    this.cursor = typeof cursor === 'string' ? cursor : new TextDecoder().decode(cursor);
    if (this.cursor === '0') this.show();
  }

  show() {
    const most = Math.max(1, ...Object.values(this.counts));
    for (const { type, bar, text } of this.bars) {
      const count = this.counts[type] ?? 0;
      text.textContent = number(count);
      bar.style.setProperty('--part', count / most);
    }
    this.counts = {};
  }
}
