// The loop around the engine: bytes in and out, jobs to the device and back, the hour.

/** Commands are given to the engine in portions, so that cold values can leave between them. */
const PORTION = 1 << 18;
/** Bytes that are copied one by one: a call for them costs more. */
const FEW = 64;
/** No store of the device: the texts of COMMAND DOCS. */
const PACKAGE = 3;
/** Bytes of the engine's seed. */
const SEED = 32;
/** A buffer for input that grew beyond this is given back. */
const INPUT_KEPT = 1 << 20;
const toBytes = new TextEncoder();
const toText = new TextDecoder();

/**
 * An engine over a device. `receive(session, bytes)` is called with what each session is answered, `turned` after each turn;
 * `along` gives what goes into a commit of files beside them.
 *
 * A device has `mount()`, which gives the directory's record, the keys of the chunks in their order and a function that
 * gives some of those, when it is called; `commit(ops)` and `read(reads)`, which give promises, or nothing or records where
 * they are done at once; and, where it has pages of its own, `pages` with `read` and `write`.
 */
export class Host {
  constructor(engine, device, receive, notice) {
    Object.assign(this, { engine, device, receive, notice });
    this.queue = [];
    /** When somebody last asked for something. */
    this.fed = Date.now();
    /** What the device did since the start. */
    this.counts = { commits: 0, records_written: 0, bytes_written: 0, reads: 0, bytes_read: 0 };
  }

  /** Begins with these directives. */
  configure(config) {
    const text = toBytes.encode(config), all = new Uint8Array(SEED + text.length);
    crypto.getRandomValues(all.subarray(0, SEED));
    all.set(text, SEED);
    this.input(all);
    const wrong = this.engine.configure(all.length, Date.now());
    if (wrong) throw new Error(`CONFIG ${this.said(wrong)}`);
  }

  /** Begins to load what the device has, as its `mount` gave it. */
  async mount({ directory = new Uint8Array(), keys, tails, records = [] }) {
    const { engine } = this, { length } = directory;
    this.records = records;
    const all = new Uint8Array(length + keys.length * 8);
    all.set(directory);
    all.set(new Uint8Array(Float64Array.from(keys).buffer), length);
    this.input(all);
    const wanted = this.numbers(engine.mount(length, keys.length, !!this.device.pages));
    const bytes = await tails(wanted);
    wanted.forEach((key, i) => bytes[i] && engine.set_tail(key, this.input(bytes[i])));
    engine.start();
  }

  /** The engine's memory; a view of it ends when that grows. */
  get bytes() {
    if (!this.all?.length) this.all = new Uint8Array(this.engine.memory.buffer);
    return this.all;
  }

  view(pointer, length) {
    return this.bytes.subarray(pointer >>>= 0, pointer + length);
  }

  /** The text that the engine has left. */
  said(length) {
    return toText.decode(this.view(this.engine.reply(), length).slice());
  }

  /** The numbers that it has left. */
  numbers(length) {
    return new Float64Array(this.engine.memory.buffer, this.engine.numbers() >>> 0, length).slice();
  }

  /** Lays the first bytes of these, or a text, where the engine looks for them; gives how many they are. */
  input(bytes = '', length = bytes.length) {
    if (typeof bytes === 'string') ({ length } = (bytes = toBytes.encode(bytes)));
    const pointer = this.engine.input(length) >>> 0, all = this.bytes;
    if (length <= FEW) for (let i = 0; i < length; i++) all[pointer + i] = bytes[i];
    else all.set(length < bytes.length ? bytes.subarray(0, length) : bytes, pointer);
    return length;
  }

  open() {
    return this.engine.open(Date.now());
  }

  close(session) {
    this.engine.close(session);
    this.turn();
  }

  /** Gives sessions bytes: `session, bytes, session, bytes, …`. They are run at once, unless the device has to be waited for. */
  send(...parts) {
    this.fed = Date.now();
    parts.forEach((part, i) => i % 2 && this.queue.push([parts[i - 1], part, 0]));
    this.turn();
  }

  /** Runs what waits while there is room for what it brings. */
  feed() {
    const { queue, engine } = this;
    let fed = 0;
    while (queue.length && !engine.is_pressed()) {
      const head = queue[0];
      const [session, bytes, from] = head;
      const to = Math.min(from + PORTION, bytes.length);
      this.input(bytes.subarray(from, to));
      engine.send(session, to - from, Date.now());
      if (to === bytes.length) queue.shift();
      else head[2] = to;
      // What came together goes to the device together.
      fed += to - from;
      if (fed < PORTION) continue;
      fed = 0;
      this.exchange();
    }
    engine.shrink_input(INPUT_KEPT);
  }

  /** Everything that is due now. */
  turn() {
    if (this.turning) return;
    this.turning = true;
    this.feed();
    this.engine.tick(Date.now());
    this.exchange();
    for (let length; (length = this.engine.poll_notice()); ) {
      const text = this.said(length);
      this.notice(text[0], text.slice(1));
    }
    this.deliver();
    this.turning = false;
    // A timer that is early is no harm, and setting one costs more than a command.
    if (!this.timer || this.next < this.due) this.wake();
    this.turned();
  }

  wake() {
    clearTimeout(this.timer);
    this.due = this.next;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.turn();
    }, Math.max(0, this.next - Date.now()));
  }

  /** Jobs go out; those of pages that are done at once come back at once. */
  exchange() {
    const { engine } = this;
    for (;;) {
      this.next = engine.turn(Date.now());
      let again = false;
      for (let kind; (kind = engine.poll_page_job()); again = true) this.page(kind === 2);
      for (let serial; (serial = engine.poll_commit()); ) again = this.commit(serial) || again;
      again = this.reads() || engine.has_ended() || again;
      if (!again) return;
    }
  }

  /** What was written or read, for `counts`. */
  note(write, bytes) {
    const { counts } = this;
    counts[write ? 'records_written' : 'reads']++;
    counts[write ? 'bytes_written' : 'bytes_read'] += bytes;
  }

  page(write) {
    const { engine, device: { pages } } = this;
    let failure;
    const length = engine.page_len();
    this.note(write, length);
    try {
      const view = this.view(engine.page_bytes(), length);
      const at = engine.page_offset();
      const moved = write ? pages.write(view, at) : pages.read(view, at);
      if (moved !== length) failure = `only ${moved} of ${length} bytes`;
    } catch (error) {
      failure = reason(error);
    }
    engine.page_job_done(this.input(failure));
  }

  /** True: it is done already. */
  commit(serial) {
    const { engine } = this;
    const ops = [];
    // One of nothing is no transaction.
    this.counts.commits += engine.ops() > 0;
    for (let i = 0, n = engine.ops(); i < n; i++) {
      const until = engine.op_until(i);
      const bytes = until < 0 ? this.view(engine.op_bytes(i), engine.op_len(i)).slice() : undefined;
      if (bytes) this.note(true, bytes.length);
      ops.push({ store: engine.op_store(i), key: engine.op_key(i), until, bytes });
    }
    // Appends to files: what sessions are owed for them goes along.
    if (ops.some(({ store, bytes }) => store === 1 && bytes)) ops.push(...(this.along?.() ?? []));
    const files = ops.some(({ store }) => store !== 0);
    return this.settle(() => this.device.commit(ops), (failure) => {
      engine.committed(serial, this.input(failure));
      if (!files) return;
      if (failure && !this.failing) this.notice('R', failure);
      this.failing = failure;
    });
  }

  reads() {
    const { engine } = this;
    const reads = [];
    for (let number; (number = engine.poll_read()); ) {
      const [store, from, to, skip, length] = [1, 2, 3, 4, 5].map((which) => engine.read_fact(which));
      if (store === PACKAGE) this.settle(this.docs, (failure, text) => this.took({ number, skip: 0, length: Infinity }, text && [text], failure));
      else reads.push({ number, store, from, to, skip, length });
    }
    if (!reads.length) return false;
    return this.settle(() => this.device.read(reads), (failure, values) => {
      reads.forEach((read, i) => this.took(read, values?.[i], failure));
    });
  }

  took({ number, skip, length }, records, failure) {
    const { engine } = this;
    for (const record of records ?? []) {
      this.note(false, record.length);
      const part = record.subarray(skip, skip + length);
      engine.read_part(number, this.input(part));
      skip = 0;
      length -= part.length;
    }
    engine.read_end(number, this.input(failure));
  }

  /** Ends a job now where the device is done now, else later and then in a turn of its own. */
  settle(start, end) {
    let outcome;
    try {
      outcome = start();
    } catch (error) {
      end(reason(error));
      return true;
    }
    if (!outcome?.then) {
      end(undefined, outcome);
      return true;
    }
    outcome.then((value) => this.stopped || end(undefined, value), (error) => this.stopped || end(reason(error))).then(() => this.turn());
    return false;
  }

  /** Does nothing any more, whatever comes back from the device. */
  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.turn = this.settle = this.close = () => {};
  }

  deliver() {
    const { engine } = this;
    for (let session; (session = engine.poll_session()) >= 0; ) {
      const length = engine.output_len(session);
      const bytes = this.view(engine.output(session), length).slice();
      const closed = engine.consume(session, length);
      this.receive(session, bytes, closed);
    }
  }
}

/** What a device's error says. */
export function reason(error) {
  const text = error?.message || String(error);
  return error?.name === 'QuotaExceededError' ? `the browser's quota is used up (${text})` : text;
}
