// RESP for the terminal: a typed line into a command, bytes into replies that remember their type, replies into text.

import { make, number } from './dom.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ESCAPES = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };
/** Elements of a reply that are shown, nested ones too: a browser lays out no 100,000 of them at once. */
const SHOWN = 1000;
/** Bytes that are shown of a string that is no text. */
const SHOWN_BYTES = 10_000;
const LISTS = { '*': ')', '>': ')', '~': '~', '%': '#', '|': '#' };

/** Splits a line into arguments as redis-cli does: quotes, `\n`, `\xff`. Text that is not closed is an error. */
export function words(line) {
  const out = [];
  const text = line.trim();
  for (let i = 0; i < text.length; ) {
    if (/\s/.test(text[i])) i++;
    else {
      const [word, end] = text[i] === '"' || text[i] === "'" ? quoted(text, i) : plain(text, i);
      if (end < text.length && !/\s/.test(text[end])) throw new Error('a closing quote must be followed by a space');
      out.push(word);
      i = end;
    }
  }
  return out;
}

function plain(text, start) {
  let end = start;
  while (end < text.length && !/\s/.test(text[end])) end++;
  return [encoder.encode(text.slice(start, end)), end];
}

function quoted(text, start) {
  const quote = text[start];
  const out = [];
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === quote) return [Uint8Array.from(out), i + 1];
    if (text[i] !== '\\') {
      const letter = String.fromCodePoint(text.codePointAt(i));
      out.push(...encoder.encode(letter));
      i += letter.length - 1;
    } else if (quote === '"' && /^x[\da-f]{2}/i.test(text.slice(i + 1, i + 4))) {
      out.push(parseInt(text.slice(i + 2, i + 4), 16));
      i += 3;
    } else if (i + 1 < text.length) {
      const letter = text[++i];
      if (quote === "'" && letter !== "'") out.push(92);
      out.push(...encoder.encode((quote === '"' && ESCAPES[letter]) || letter));
    }
  }
  throw new Error('the quote is not closed');
}

/** The bytes of a command. */
export function encode(args) {
  const parts = [encoder.encode(`*${args.length}\r\n`)];
  for (const arg of args) parts.push(encoder.encode(`$${arg.length}\r\n`), arg, encoder.encode('\r\n'));
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** Collects bytes and gives whole replies, `{ sign, value }` each. */
export class Replies {
  bytes = new Uint8Array();

  /** The replies that are whole now. */
  push(more) {
    const joined = new Uint8Array(this.bytes.length + more.length);
    joined.set(this.bytes);
    joined.set(more, this.bytes.length);
    this.bytes = joined;
    const out = [];
    let end = 0;
    for (;;) {
      this.at = end;
      const reply = this.read();
      if (!reply) break;
      end = this.at;
      out.push(reply);
    }
    this.bytes = joined.subarray(end);
    return out;
  }

  line() {
    const end = this.bytes.indexOf(13, this.at);
    if (end < 0 || end + 1 >= this.bytes.length) return undefined;
    const text = decoder.decode(this.bytes.subarray(this.at, end));
    this.at = end + 2;
    return text;
  }

  /** One reply, or nothing where its end has not come. */
  read() {
    const line = this.line();
    if (line === undefined) return undefined;
    const sign = line[0];
    const rest = line.slice(1);
    if ('$=!'.includes(sign)) return this.blob(sign, Number(rest));
    if (LISTS[sign]) return this.list(sign, Number(rest));
    return { sign, value: rest };
  }

  blob(sign, length) {
    if (length < 0) return { sign: '_' };
    if (this.at + length + 2 > this.bytes.length) return undefined;
    const value = this.bytes.slice(this.at, this.at + length);
    this.at += length + 2;
    return { sign, value };
  }

  list(sign, length) {
    if (length < 0) return { sign: '_' };
    const count = sign === '%' || sign === '|' ? length * 2 : length;
    const value = [];
    while (value.length < count) {
      const element = this.read();
      if (!element) return undefined;
      value.push(element);
    }
    return { sign, value };
  }
}

/** Bytes as text; nothing where they are no UTF-8. */
function utf8(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Bytes as redis-cli prints them, without the quotes: UTF-8 is shown as text, the rest as `\xff`. */
export function printable(bytes) {
  const text = utf8(bytes);
  if (text !== undefined) return text.replace(/[\x00-\x1f\x7f"\\]/g, escaped);
  return Array.from(bytes, (byte) => String.fromCharCode(byte).replace(/[^ -~]|["\\]/, escaped)).join('');
}

function escaped(letter) {
  const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '"': '\\"', '\\': '\\\\' }[letter];
  return short ?? `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

const span = (kind, text) => make('span', { class: kind }, text);

/** A reply as elements, in the form of redis-cli's; of very many the first ones. */
export function render(reply) {
  const out = new DocumentFragment();
  put(out, reply, 0, { left: SHOWN });
  return out;
}

/** `room`: how many elements of lists may still be shown. */
function put(out, { sign, value }, indent, room) {
  switch (sign) {
    case '$': return string(out, value);
    case '=': return out.append(span('string', decoder.decode(value).slice(4)));
    case '+': return out.append(span('status', value));
    case '-': return out.append(span('error', `(error) ${value}`));
    case '!': return out.append(span('error', `(error) ${decoder.decode(value)}`));
    case ':': case '(': return out.append(span('faint', '(integer) '), span('number', value));
    case ',': return out.append(span('faint', '(double) '), span('number', value));
    case '#': return out.append(span('number', value === 't' ? '(true)' : '(false)'));
    case '_': return out.append(span('faint', '(nil)'));
    default: return list(out, sign, value, indent, room);
  }
}

function string(out, bytes) {
  const more = utf8(bytes) === undefined ? bytes.length - SHOWN_BYTES : 0;
  if (more <= 0) return out.append(span('string', `"${printable(bytes)}"`));
  out.append(span('string', `"${printable(bytes.subarray(0, SHOWN_BYTES))}"`), span('faint', ` … ${number(more)} more bytes`));
}

function list(out, sign, elements, indent, room) {
  if (!elements.length) return out.append(span('faint', { '%': '(empty hash)', '~': '(empty set)' }[sign] ?? '(empty array)'));
  const pairs = LISTS[sign] === '#';
  const step = pairs ? 2 : 1;
  const count = elements.length / step;
  const width = String(count).length;
  for (let i = 0; i < count; i++) {
    if (i) out.append('\n', ' '.repeat(indent));
    if (!room.left) return out.append(span('faint', `… ${number(count - i)} more`));
    room.left--;
    const head = `${String(i + 1).padStart(width)}${LISTS[sign]} `;
    out.append(span('faint', head));
    put(out, elements[i * step], indent + head.length, room);
    if (!pairs) continue;
    out.append(span('faint', ' => '));
    put(out, elements[i * step + 1], indent + head.length + 4, room);
  }
}
