// What a page wants now and then: messages, live queries, walks, files, the engine's numbers in shapes for people, and what is to be
// done when another engine answers. It is a file of its own, loaded when it is first asked for; it adds to the client what it
// needs itself.

import { EAR, FLUSHED, NOBODY } from './lanes.js';
import { BLOCKING, kind, textOf } from './line.js';
import { bytesOf, isText } from './resp.js';

export { wakeful } from './awake.js';

// --------------------------------------------------------------------------------------------------------- options

/** What `open` takes, and which values where these are few. */
const OPTIONS = {
  maxmemory: '', policy: '', path: '', log: '', directives: 'an object of names and values',
  device: 'auto, idb, opfs, memory or file', durability: 'relaxed or strict', tabs: 'share or exclusive', worker: 'true or false',
};

/** Directives of a server on a machine of its own, which the engine knows and could not follow here. */
const ELSEWHERE = /^(diskstore-|cache-(max|flush)|(port|dir)$|bind|unixsocket|tls-|tcp-|protected-mode|repl|slave|master|min-|cluster-|daemonize|supervised|pidfile|logfile|syslog|include|io-threads|vm-max-threads|vm-swap-file)/i;

/** Throws an `Error` that says what is wrong with options, if anything is; `right` knows the plain ones that are not. */
export function check(options, right, Error) {
  for (const [name, value] of Object.entries(options)) {
    const values = OPTIONS[name];
    if (values === undefined) throw new Error(`OPTION '${name}' is none of ${Object.keys(OPTIONS).join(', ')}`);
    const isFile = name === 'device' && value === 'file', plain = isFile || (name === 'directives' ? value && typeof value === 'object' : right.test([name, value].join(' ') + typeof value));
    if (isFile && !globalThis.process?.versions?.node) throw new Error("DEVICE 'file' is Node's: here there are idb, opfs and memory");
    if (value !== undefined && !plain) throw new Error(`OPTION ${name} cannot be ${typeof value === 'bigint' ? `${value}n` : JSON.stringify(value)}: it is ${values}`);
  }
  const { directives = {} } = options, name = Object.keys(directives).find((name) => ELSEWHERE.test(name));
  if (name) throw new Error(`CONFIG '${name}' cannot be given: nothing here could follow it`);
}

// -------------------------------------------------------------------------------------------------- another engine

/** Somebody else answers from now on. What was answered before is heard first; what was not is sent again. */
export function resume(client, due, go) {
  go();
  for (const [lane, line] of client.lanes) {
    const { from, bytes } = due[lane] ?? {};
    const skip = line.received - from;
    if (skip >= 0 && skip < bytes.length) client.replies(lane, bytes.subarray(skip));
    if (skip < 0) line.fail(client.wrong('REPLYLOST the tab that had the engine ended, and its replies are gone'));
    renew(client, lane, line);
  }
  if (client.notifying) events(client).catch(() => {});
  for (const { message } of client.asked.values()) client.link.post({ ...message, reign: client.reign });
  if (client.lanes.size) client.soon();
  // What came while this file was loaded.
  const { late } = client;
  client.late = undefined;
  late.forEach((data) => client.take(data));
}

/**
 * The engine ended a session: by CLIENT KILL, `timeout`, or since it had more for it than `client-output-buffer-limit` allows. What waited for a
 * reply may have been run or not, and nobody can tell; what comes now begins in the state that the session was in.
 */
export function lost(client, lane) {
  const line = client.lanes.get(lane);
  if (!line) return;
  client.link.post({ end: lane });
  line.fail(client.wrong('CLOSED the engine ended the session: by CLIENT KILL, timeout or client-output-buffer-limit'));
  // Another tab's engine counts on: what it has kept of the old session's replies must not be taken for the new one's.
  const { received } = line;
  renew(client, lane, line);
  line.received = received;
  client.soon();
}

/** The engine is told what state the session is in, and is sent again what has no reply. */
function renew(client, lane, line) {
  const again = line.waiting.filter(({ words }) => words);
  const { state, queued, watching } = stateAfter(line.past);
  line.begin();
  // What it watched was watched by an engine that is gone: whether it changed nobody can tell, so EXEC must fail.
  if (watching) line.torn = (entry) => torn(client, line, entry);
  // The rest of the past comes again with the replies to these.
  line.past = watching ? [[['WATCH'], false]] : [];
  for (const words of [...state, ...queued]) line.send({ ...NOBODY, words, own: true });
  if (lane === EAR) {
    // Subscribing again is answered by what waits behind it.
    for (const name of ears(client).keys()) line.say(subscription(name));
    missed(client).forEach((tell) => queueMicrotask(tell));
  }
  for (const entry of again) line.send(entry);
}

/** The commands to be sent in place of the next EXEC: its reply is as if what was watched had changed. */
function torn(client, line, entry) {
  const name = upper(entry.words[0]);
  if (/^(EXEC|DISCARD|UNWATCH|RESET)$/.test(name)) line.torn = undefined;
  if (name !== 'EXEC') return undefined;
  entry.mend = (value) => (value instanceof Error ? client.wrong(value.message.replace('DISCARD', 'EXEC')) : null);
  return ['DISCARD'];
}

const upper = (word) => `${textOf(word)}`.toUpperCase();

/** A past that says the same in fewer words. */
export function compact(line) {
  const { state, queued, watching } = stateAfter(line.past);
  line.past = [...state, ...(watching ? [['WATCH']] : []), ...queued].map((words) => [words, false]);
}

/** What a session's past comes to: commands that set its state, those of a transaction that has begun, whether keys are watched. */
function stateAfter(past) {
  const state = new Map();
  let queued, watching = false;
  const keep = (words) => {
    const name = upper(words[0]);
    if (name === 'MULTI') queued = [words];
    else if (name === 'WATCH') watching = true;
    else if (name === 'UNWATCH') watching = false;
    else if (name === 'SELECT' || name === 'AUTH') state.set(name, words);
    else if (name === 'CLIENT' && /^(SETNAME|NO-)/.test(upper(words[1]))) state.set(upper(words[1]), words);
    else if (name === 'RESET') {
      state.clear();
      queued = undefined;
      watching = false;
    }
  };
  for (const [words, list] of past) {
    const name = upper(words[0]), begun = queued;
    if (/^(EXEC|DISCARD)$/.test(name)) {
      if (!begun) continue;
      queued = undefined;
      watching = false;
      if (name === 'EXEC' && list) begun.slice(1).forEach(keep);
    } else if (begun && name !== 'RESET') begun.push(words);
    else if (list !== undefined) keep(words);
  }
  return { state: [...state.values()], queued: queued ?? [], watching };
}

/** Ends in good order. */
export function close(client) {
  if (client.ended) return Promise.resolve();
  // Who asks twice, as a component that is taken down twice, waits for the same end.
  return (client.closing ??= new Promise((resolve) => {
    client.closed = resolve;
    client.link.post({ ask: -1, what: 'close' });
  }).then((closed) => {
    client.closed = undefined;
    client.fail(client.wrong('CLOSED the database was closed'));
    if (typeof closed === 'string') throw client.wrong(`${closed}: what was refused last is not kept`);
  }));
}

/** Says why a transaction was refused: since the first of these commands was. */
export async function aborted(error, replies) {
  const refused = (await Promise.allSettled(replies)).find(({ status }) => status === 'rejected').reason;
  if (refused !== error) error.cause = refused;
  throw error;
}

/** Ends a session when it has its replies; where it waits for others it has none. */
export async function leave(client, how) {
  const { lane } = how, closed = (how.over = client.wrong('CLOSED the session was closed'));
  const line = client.line(lane);
  if (line.waiting.some(({ words }) => words && kind(words[0]) === BLOCKING)) line.fail(closed);
  else await client.send(['PING'], lane, {}).catch(() => {});
  client.lanes.delete(lane);
  client.link.post({ end: lane });
}

/** Ends the worker as a crash would, and opens the database again. Commands without a reply are refused. */
export function crash(client) {
  return (client.crashing ??= crashed(client).finally(() => (client.crashing = undefined)));
}

async function crashed(client) {
  const { closing } = client;
  client.fail(client.wrong(closing ? 'CLOSED the database was closed' : 'CRASHED the worker was ended'));
  // It was to be closed, and now it is.
  if (closing) return closing;
  // What is sent before the new engine is there is sent again then, so nobody may take it now.
  client.ended = client.reign = undefined;
  client.begin();
  await client.opened;
  await Promise.all([...ears(client).keys()].map((name) => listen(client, name)));
}

// ------------------------------------------------------------------------------------------------------- questions

/** A question that is no command. */
function ask(client, what, more = {}, progress) {
  return new Promise((resolve, reject) => {
    if (client.ended) return reject(client.ended);
    const ask = (client.lastAsk = (client.lastAsk ?? 0) + 1);
    const message = { ask, what, ...more };
    client.asked.set(ask, { resolve, reject, progress, message });
    client.link.post({ ...message, reign: client.reign });
  });
}

/** An answer, or how far the engine has come with it. */
export function answered(client, { answer, value, error, read, size, keys }) {
  const { resolve, reject, progress } = client.asked.get(answer) ?? {};
  if (read !== undefined) return progress?.(read, size, keys);
  client.asked.delete(answer);
  if (error) reject?.(client.wrong(error));
  else resolve?.(value);
}

export const exportRdb = (client) => ask(client, 'export');

export const importRdb = async (client, file, { progress } = {}) => ask(client, 'import', { file: await blobOf(file) }, progress);

function blobOf(file) {
  if (file instanceof Blob) return file;
  if (file instanceof ArrayBuffer || ArrayBuffer.isView(file)) return new Blob([file]);
  // In quotes: a name of our own is the same, and is shortened.
  if (file instanceof Response) return file['blob']();
  if (file instanceof ReadableStream) return new Response(file)['blob']();
  throw new TypeError('importRdb takes a Blob or File, an ArrayBuffer or a view of one, a Response or a ReadableStream');
}

/** Of a key, the command; else the browser is asked. */
export const persist = async (client, key) =>
  key === undefined ? ((await globalThis.navigator?.storage?.persist?.()) ?? false) : client.send(['PERSIST', key], client.base, {});

// ----------------------------------------------------------------------------------------------------------- walks

/** Keys, members, `[field, value]`, `[member, score]`. */
export async function* scan(db, type, given) {
  const pairs = type === 'h' || type === 'z';
  const last = given.at(-1), isKey = typeof last !== 'object' || ArrayBuffer.isView(last) || last instanceof ArrayBuffer;
  const options = (isKey ? undefined : given.pop()) ?? {};
  let cursor = '0', items;
  do {
    [cursor, items] = await db[`${type}scan`](...given, cursor, options);
    cursor = textOf(cursor);
    for (let i = 0; i < items.length; i += 1 + pairs) yield pairs ? [items[i], type === 'z' ? score(items[i + 1]) : items[i + 1]] : items[i];
  } while (cursor !== '0');
}

const score = (text) => Number(textOf(text).replace('inf', 'Infinity'));

// ------------------------------------------------------------------------------------------------------------ JSON

/** Which arguments of a method are JSON: from one on, to before another, every so many. */
const WRITES = [
  [/^(set|setnx|getset|lpos|sismember)$/, 1, 2],
  [/^(p?setex|hsetnx|lset|lrem|smove)$/, 2, 3],
  [/^([lr]pushx?|sadd|srem|smismember)$/, 1],
  [/^linsert$/, 2, 4],
  [/^mset(nx)?$/, 1, Infinity, 2],
  [/^hm?set$/, 2, Infinity, 2],
];
/** Methods whose replies are JSON. */
const READS = /^(m?get|(get)?set|get(del|ex)|h(m?get|getall|vals)|l(index|range|pop|move)|rpop(lpush)?|s(members|pop|randmember|diff|inter|union))$/;

/** A method of `db.json`. */
export async function json(db, name, given) {
  const [, ...places] = WRITES.find(([names]) => names.test(name)) ?? [], reads = READS.test(name);
  if (!places.length && !reads) throw new TypeError(`db.json has no ${name}`);
  const value = await db[name](...written(given, places));
  // SET answers with the old value only if that was asked for.
  return reads && (name !== 'set' || given[2]?.get) ? read(value) : value;
}

/** The arguments with those as JSON that are values. */
function written(given, [from = Infinity, to = Infinity, step = 1]) {
  const last = given.at(-1);
  // Names and values as an object or a Map.
  if (step === 2 && given.length === from && typeof last === 'object') {
    return [...given.slice(0, -1), new Map((last instanceof Map ? [...last] : Object.entries(last)).map(([name, value]) => [name, write(value)]))];
  }
  return given.map((one, i) => (i >= from && i < to && (i - from) % step === 0 ? write(one) : one));
}

const write = (value) => JSON.stringify(value) ?? refused(value);

function read(value) {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map(read);
  if (value instanceof Set) return new Set([...value].map(read));
  return typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, read(one)])) : JSON.parse(value);
}

function refused(value) {
  throw new TypeError(`a value is ${typeof value}, which JSON has not`);
}

// -------------------------------------------------------------------------------------------------------- messages

export const subscribe = (client, channel, handler) => hear(client, `c:${channel}`, handler);

export const psubscribe = (client, pattern, handler) => hear(client, `p:${pattern}`, handler);

/** Handlers by what they hear: a channel behind `c:`, or a pattern behind `p:`. */
const ears = (client) => (client.ears ??= new Map());

/** What is said of a connection that has ended. */
const GONE = /^(CLOSED|CRASHED)$/;

/** Returns what ends it. */
async function hear(client, name, handler) {
  callable('handler', handler);
  const heard = ears(client), handlers = heard.get(name) ?? new Set();
  // One that is given twice is called twice, until it is ended as often.
  const own = (...told) => handler(...told);
  /** Whether nobody listens any more. */
  const forget = () => handlers.delete(own) && !handlers.size && heard.get(name) === handlers && heard.delete(name);
  handlers.add(own);
  heard.set(name, handlers);
  // The first one's subscription may be on its way yet.
  const there = handlers.size === 1 ? listen(client, name) : client.send(['PING'], EAR, {});
  await there.catch((error) => {
    // The session that hears may have begun again with it.
    if (forget() && !client.ended) listen(client, name, 'UN').catch(() => {});
    throw error;
  });
  return async () => {
    // Where there is no connection any more nothing is to be ended.
    if (forget() && !client.ended) await listen(client, name, 'UN').catch((error) => {
      if (!GONE.test(error.code)) throw error;
    });
  };
}

/** Else it would be found out when the first message comes, and by nobody who could do something about it. */
function callable(what, given) {
  if (typeof given !== 'function') throw new TypeError(`the ${what} has to be a function`);
}

/** The reply is a push; a PING behind it tells that it came. */
function listen(client, name, un = '') {
  client.line(EAR).say(subscription(name, un));
  return client.send(['PING'], EAR, {});
}

/** The command that begins to listen, or ends it (`UN`). */
function subscription(name, un = '') {
  return [`${name[0] === 'p' ? 'P' : ''}${un}SUBSCRIBE`, name.slice(2)];
}

/** A message has come. */
export function heard(client, [kind, ...rest]) {
  // Each by itself: what a handler throws is its page's, and must not keep replies from those who wait for them. One that was ended meanwhile hears no more.
  const tell = (name, message, channel) => {
    const handlers = ears(client).get(name);
    handlers?.forEach((handler) => queueMicrotask(() => handlers.has(handler) && handler(message, channel)));
  };
  if (kind === 'message') tell(`c:${rest[0]}`, rest[1], rest[0]);
  else if (kind === 'pmessage' && rest[1] !== FLUSHED) tell(`p:${rest[0]}`, rest[2], rest[1]);
}

/** Events of keys come only when somebody wants them. */
function events(client) {
  client.notifying = true;
  return client.send(['CONFIG', 'SET', 'notify-keyspace-events', 'KEA'], client.base, {});
}

const ALL_GONE = `c:${FLUSHED}`;

/** Who is to be told when events may have come while nobody heard them: another engine answers, or the session that hears was ended. */
const missed = (client) => (client.missing ??= new Set());

/** Adds to them; returns what takes it away. */
function tellMissed(client, tell) {
  missed(client).add(tell);
  return () => missed(client).delete(tell);
}

export async function watch(client, pattern, handler) {
  callable('handler', handler);
  const prefix = '__keyspace@0__:', ends = [tellMissed(client, () => handler(null, 'missed'))];
  const end = () => Promise.all(ends.map((end) => end()));
  try {
    await events(client);
    ends.push(await hear(client, `p:${prefix}${pattern}`, (event, channel) => handler(channel.slice(prefix.length), event)));
    ends.push(await hear(client, ALL_GONE, () => handler(null, 'flush')));
  } catch (error) {
    await end();
    throw error;
  }
  return end;
}

/** Runs `read(db)` now and again whenever a key that it read has changed; `handler(error, value)` is told what came of it. */
export async function live(client, read, handler) {
  callable('query', read);
  callable('handler', handler);
  await events(client);
  const query = new Query(client, read, handler);
  await new Promise((begun) => {
    query.begun = begun;
    query.run();
  });
  return () => query.end();
}

class Query {
  constructor(client, read, handler) {
    Object.assign(this, { client, read, handler });
    /** What it hears, by name: promises of what ends each. */
    this.ends = new Map();
    this.running = this.again = this.over = false;
    this.heedless = tellMissed(client, () => this.changed());
  }

  changed() {
    this.again = true;
    if (!this.running) this.run();
  }

  async run() {
    this.running = true;
    // What comes with what has come is one change.
    await null;
    for (this.again = true; this.again && !this.over; ) {
      this.again = false;
      const keys = new Set([ALL_GONE]);
      this.hear(ALL_GONE);
      const told = await this.once(keys).then((value) => [undefined, value], (error) => [error]);
      queueMicrotask(() => this.over || this.handler(...told));
      await this.drop((name) => !keys.has(name));
      this.begun();
    }
    this.running = false;
  }

  /** Listens for changes of a command's keys before the command runs, so that none is missed. */
  async once(keys) {
    const before = async (words) => {
      const names = await namesOf(this.client, words);
      // Who has ended it is told no more.
      if (this.over) return;
      names.forEach((name) => keys.add(name));
      await Promise.all(names.map((name) => this.hear(name)));
    };
    return this.read(this.client.methods({ before }));
  }

  hear(name) {
    if (!this.ends.has(name)) {
      const end = hear(this.client, name, () => this.changed());
      this.ends.set(name, end);
      // Where it is refused the next run tries again.
      end.catch(() => this.ends.delete(name));
    }
    return this.ends.get(name);
  }

  /** Hears no more of these. */
  async drop(which) {
    const names = [...this.ends.keys()].filter(which);
    await Promise.allSettled(names.map(async (name) => {
      const end = this.ends.get(name);
      this.ends.delete(name);
      await (await end)();
    }));
  }

  end() {
    this.over = true;
    this.heedless();
    return this.drop(() => true);
  }
}

/** Commands that any key's coming and going changes. */
const WALKS = /^(scan|keys|dbsize|randomkey)$/i;

/** What tells of changes of a command's keys. */
async function namesOf(client, words) {
  const prefix = '__keyspace@0__:', name = upper(words[0]);
  if (WALKS.test(name)) return [`p:${prefix}*`];
  const keys = await client.send(['COMMAND', 'GETKEYS', ...words], client.base, {}).catch(() => []);
  // A key that is no text is heard of by a pattern for what of it is none.
  const names = keys.map((key) => (key.includes(NO_TEXT) ? `p:${prefix}${literal(key).replaceAll(NO_TEXT, '*')}` : `c:${prefix}${key}`));
  return /^SORT(_RO)?$/.test(name) ? [...names, ...sortedBy(words).map((pattern) => `p:${prefix}${pattern}`)] : names;
}

const utf8 = new TextDecoder();

/** What stands in a text for bytes that are none. */
const NO_TEXT = '\ufffd';

/** A pattern that matches a text alone. */
const literal = (text) => text.replace(/[*?[\]\\^]/g, '\\$&');

/** The keys that SORT reads beside its own, as patterns: what follows BY and GET. */
function sortedBy(words) {
  const texts = words.map((word) => (isText(word) ? `${word}` : utf8.decode(bytesOf(word))));
  const named = texts.filter((text, i) => i > 2 && /^(by|get)$/i.test(texts[i - 1]) && text.includes('*'));
  return named.map((text) => text.replace(/->.*/s, '').split('*')).map(([head, ...tail]) => `${literal(head)}*${literal(tail.join('*'))}`);
}

// --------------------------------------------------------------------------------------------------------- numbers

export const commandDocs = (client, ...names) => client.db.call('COMMAND', 'DOCS', ...names);

export async function stats(client) {
  return summary(await client.db.call('INFO', 'everything'), await ask(client, 'facts'), await storage());
}

export async function pageMap(client) {
  return picture(await ask(client, 'map'));
}

/** What the browser grants. WebKitGTK has no `navigator.storage`. */
async function storage() {
  const manager = globalThis.navigator?.storage;
  if (!manager?.estimate) return {};
  const { quota, usage } = await manager.estimate();
  return { quota, usage, persisted: (await manager.persisted?.()) ?? false };
}

/** The device's pages out of the engine's numbers. */
function picture(words) {
  const [pageSize, pages, n] = words;
  const read = [], written = [];
  for (let i = 0; i < n; i++) {
    const [first, count, write] = words.subarray(3 + i * 3);
    (write ? written : read).push({ first, count });
  }
  const used = new Uint8Array(words.slice(3 + n * 3).buffer);
  return { pageSize, pages, used, isUsed: (page) => ((used[page >> 3] >> (page & 7)) & 1) === 1, read, written };
}

/** INFO as an object: numbers where a line is one, the sums that pictures want beside. */
function summary(text, facts, storage) {
  const out = {}, keyspace = {};
  for (const line of text.split('\r\n')) {
    const [, name, value] = /^(\w+):(.*)$/.exec(line) ?? [];
    if (!name) continue;
    if (/^db\d+$/.test(name)) keyspace[name] = Object.fromEntries(value.split(',').map((pair) => pair.split('=')).map(([k, v]) => [k, Number(v)]));
    else out[name] = value !== '' && !isNaN(value) ? Number(value) : value;
  }
  return {
    ...out,
    ...facts,
    storage,
    keyspace,
    keys: Object.values(keyspace).reduce((sum, db) => sum + db.keys, 0),
    maxmemory: out.vm_conf_max_memory || out.maxmemory,
    hits: out.keyspace_hits,
    misses: out.keyspace_misses,
    evictions: out.evicted_keys,
    expired: out.expired_keys,
  };
}
