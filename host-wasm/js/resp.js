// RESP on JavaScript's side: commands into bytes, bytes into values.

const toBytes = new TextEncoder();
/** A value may begin with a byte order mark, which is a part of it. */
const toText = new TextDecoder('utf-8', { ignoreBOM: true });
/** Messages up to this size are decoded at once: a value that is kept keeps the whole message's text. */
const DECODED_WHOLE = 1 << 16;
/** Texts shorter than this are made here: the decoder's call costs more. */
const DECODED_AT_ONCE = 64;
/** Texts up to this length are copied without the encoder, whose calls cost more than they do. */
const SHORT = 100;

/** An error that the engine answered, or that hindered it. `code` is its first word, such as `WRONGTYPE`; what a browser or a system says is given one. */
export class NuthatchError extends Error {
  constructor(text) {
    if (!/^[A-Z]{2,}( |$)/.test(text)) text = `${/quota/.test(text) ? 'QUOTA' : 'IOERR'} ${text}`;
    super(text);
    this.name = 'NuthatchError';
    this.code = text.split(' ', 1)[0];
  }
}

/** Collects commands. */
export class Encoder {
  constructor() {
    this.bytes = new Uint8Array(4096);
    this.length = 0;
  }

  /** Makes room for `more` bytes. */
  room(more) {
    if (this.length + more > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
  }

  /** `*3\r\n` or `$5\r\n`; there is room. */
  head(sign, number) {
    const { bytes } = this;
    bytes[this.length++] = sign;
    if (number < 10) bytes[this.length++] = 48 + number;
    else for (const digit of String(number)) bytes[this.length++] = digit.charCodeAt(0);
    bytes[this.length++] = 13;
    bytes[this.length++] = 10;
  }

  /** One command; nothing of one with an argument that is none. */
  command(words) {
    const start = this.length;
    try {
      this.room(32);
      this.head(42, words.length);
      for (let i = 0; i < words.length; i++) this.word(words[i]);
    } catch (error) {
      this.length = start;
      throw error;
    }
  }

  word(word) {
    if (typeof word === 'string') this.text(word);
    else if (isText(word)) this.text(`${word}`);
    else this.binary(binary(word));
  }

  text(text) {
    const { length } = text;
    const start = this.length;
    if (length < SHORT) {
      this.room(length + 32);
      this.head(36, length);
      const { bytes } = this;
      let at = this.length, i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        bytes[at++] = code;
      }
      if (i === length) {
        this.length = at;
        this.end();
        return;
      }
      this.length = start;
    }
    this.binary(toBytes.encode(text));
  }

  binary(data) {
    this.room(data.length + 32);
    this.head(36, data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
    this.end();
  }

  end() {
    this.bytes[this.length++] = 13;
    this.bytes[this.length++] = 10;
  }

  /** Gives away what was collected. */
  take() {
    const out = this.bytes.length > this.length * 2 ? this.bytes.slice(0, this.length) : this.bytes.subarray(0, this.length);
    if (out.buffer === this.bytes.buffer) this.bytes = new Uint8Array(4096);
    this.length = 0;
    return out;
  }
}

export const isText = (word) => /^(string|number|bigint)$/.test(typeof word);

/** An argument as bytes; throws where it can be none. */
export const bytesOf = (word) => (isText(word) ? toBytes.encode(word) : binary(word));

function binary(word) {
  if (word instanceof Uint8Array) return word;
  if (word instanceof ArrayBuffer) return new Uint8Array(word);
  if (ArrayBuffer.isView(word)) return new Uint8Array(word.buffer, word.byteOffset, word.byteLength);
  throw new TypeError(`an argument is ${word && typeof word}: give a string, a number or bytes`);
}

/** The text of a few bytes, if it is ASCII. */
function ascii(bytes, from, to) {
  let text = '';
  for (; from < to; from++) {
    if (bytes[from] > 127) return undefined;
    text += String.fromCharCode(bytes[from]);
  }
  return text;
}

/** Reads whole replies out of bytes. */
export class Parser {
  constructor(bytes) {
    this.over(bytes, 0, bytes.length);
    if (bytes.length < DECODED_AT_ONCE || bytes.length > DECODED_WHOLE) return;
    const text = toText.decode(bytes);
    // As many characters as bytes: it is ASCII, and places in both are the same.
    if (text.length === bytes.length) this.whole = text;
  }

  /** Reads from other bytes. */
  over(bytes, from, to) {
    this.bytes = bytes;
    this.at = from;
    this.end = to;
    this.whole = undefined;
    return this;
  }

  get done() {
    return this.at >= this.end;
  }

  /** Whether a message to subscribers comes next, which answers nothing. */
  get isPush() {
    return this.bytes[this.at] === 62;
  }

  line() {
    const start = this.at;
    const end = this.bytes.indexOf(13, start);
    this.at = end + 2;
    return this.slice(start, end);
  }

  slice(start, end) {
    if (this.whole !== undefined) return this.whole.slice(start, end);
    const short = end - start < DECODED_AT_ONCE ? ascii(this.bytes, start, end) : undefined;
    return short ?? toText.decode(this.bytes.subarray(start, end));
  }

  int() {
    const { bytes } = this;
    let { at } = this, number = 0;
    const negative = bytes[at] === 45;
    if (negative) at++;
    const start = at;
    for (; bytes[at] !== 13; at++) number = number * 10 + bytes[at] - 48;
    this.at = at + 2;
    // Beyond 2^53 numbers lose digits: those stay text, as the engine wrote them.
    if (at - start > 15 && number >= 2 ** 53) return BigInt(this.slice(start - negative, at));
    return negative ? -number : number;
  }

  blob(bytes) {
    const length = this.int();
    if (length < 0) return null;
    const start = this.at;
    this.at = start + length + 2;
    return bytes ? this.bytes.slice(start, start + length) : this.slice(start, start + length);
  }

  list(bytes) {
    const length = this.int();
    if (length < 0) return null;
    const out = new Array(length);
    for (let i = 0; i < length; i++) out[i] = this.value(bytes);
    return out;
  }

  /** The next reply; an error is a value. `bytes`: strings are given as bytes. */
  value(bytes) {
    switch (this.bytes[this.at++]) {
      case 36: return this.blob(bytes); // $
      case 58: return this.int(); // :
      case 43: return this.line(); // +
      case 95: this.at += 2; return null; // _
      case 42: case 62: return this.list(bytes); // * >
      case 45: return new NuthatchError(this.line()); // -
      case 37: { // %
        const length = this.int(), out = [];
        for (let i = 0; i < length; i++) out.push([this.value(bytes), this.value(bytes)]);
        // A name that is no text is no object's.
        return bytes ? new Map(out) : Object.fromEntries(out);
      }
      case 126: return new Set(this.list(bytes)); // ~
      case 44: return Number(this.line().replace('inf', 'Infinity')); // ,
      case 35: return this.line() === 't'; // #
      case 40: return BigInt(this.line()); // (
      case 61: return this.blob().slice(4); // =
      default: throw new NuthatchError(`PROTOCOL byte ${this.bytes[this.at - 1]}`);
    }
  }
}
