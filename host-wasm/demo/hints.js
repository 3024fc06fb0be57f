// What COMMAND DOCS says, as completion and as the shape of a command's arguments.

import { words } from './reply.js';

const decoder = new TextDecoder();

/** Whether an argument has this flag; RESP3 gives them as a set. */
const flagged = (argument, flag) => {
  const flags = argument.flags ?? [];
  return flags instanceof Set ? flags.has(flag) : flags.includes(flag);
};

/** The argument once more, as it may follow itself. */
const again = (argument) => {
  const token = flagged(argument, 'multiple_token') ? argument.token : undefined;
  return { ...argument, token, flags: ['optional', 'again', 'multiple_token'] };
};

/** One argument in the usual notation: `[EX seconds | PX milliseconds]`, `key [key …]`. */
function shape(argument) {
  const children = (argument.arguments ?? []).map(shape);
  let text = argument.name;
  if (argument.type === 'pure-token') text = argument.token || '""';
  else {
    if (argument.type === 'oneof') text = children.join(' | ');
    else if (argument.type === 'block') text = children.join(' ');
    if (argument.token) text = `${argument.token} ${argument.type === 'oneof' ? `(${text})` : text}`;
  }
  if (flagged(argument, 'again')) text = `${text} …`;
  if (flagged(argument, 'multiple')) text = `${text} ${shape(again(argument))}`;
  if (flagged(argument, 'optional')) return `[${text}]`;
  return argument.type === 'oneof' && !argument.token ? `(${text})` : text;
}

/** The arguments of which the next one may be: options, which may come in any order, and the first that must be there. */
function next(args) {
  const must = args.findIndex((argument) => !flagged(argument, 'optional'));
  return must < 0 ? args : args.slice(0, must + 1);
}

/** Every token that may stand next where these arguments are to come. */
function tokens(args) {
  return next(args).flatMap((argument) => {
    if (argument.token) return [argument.token];
    const children = argument.arguments ?? [];
    return argument.type === 'oneof' ? children.flatMap((child) => tokens([child])) : tokens(children);
  });
}

/** What of these arguments is still to come after words in upper case, and the words that fit none. */
function walk(args, typed) {
  let rest = args;
  let left = typed;
  while (left.length) {
    const choices = next(rest);
    // A word that may be a token is one: what may be repeated would take it too.
    const argument = choices.find((one) => tokens([one]).includes(left[0])) ?? choices.find((one) => begin(one, left));
    const found = argument && begin(argument, left);
    if (!found) break;
    // Where one that must be there has come, the options before it are over; where an option has, what was repeated without a token.
    const others = flagged(argument, 'optional')
      ? rest.filter((one) => one !== argument && (!flagged(one, 'again') || tokens([one]).length))
      : rest.slice(rest.indexOf(argument) + 1);
    const repeated = flagged(argument, 'multiple') || flagged(argument, 'again') ? [again(argument)] : [];
    rest = [...found.rest, ...repeated, ...others];
    left = found.left;
  }
  return { rest, left };
}

/** As `walk`, of one argument that begins with these words; nothing where it does not. */
function begin(argument, typed) {
  const { token, type, arguments: children } = argument;
  if (token && typed[0] !== token) return undefined;
  if (type === 'pure-token') return { rest: [], left: typed.slice(1) };
  const left = token ? typed.slice(1) : typed;
  if (!left.length) return { rest: [{ ...argument, token: undefined, flags: [] }], left };
  if (type === 'oneof') return children.map((child) => begin(child, left)).find(Boolean);
  if (type !== 'block') return { rest: [], left: left.slice(1) };
  const inside = walk(children, left);
  return inside.left.length < typed.length ? inside : undefined;
}

/** Completion and hints over the commands' docs. */
export class Hints {
  constructor(docs) {
    this.docs = new Map();
    for (const [name, doc] of Object.entries(docs)) {
      this.docs.set(name, doc);
      for (const [full, sub] of Object.entries(doc.subcommands ?? {})) this.docs.set(full.replace('|', ' '), sub);
    }
    this.names = [...this.docs.keys()].sort();
  }

  /** The command that a line begins with, and how many words name it. */
  find(line) {
    const [first = '', second = ''] = line.toLowerCase().split(/\s+/);
    const two = this.docs.get(`${first} ${second}`);
    if (two) return { name: `${first} ${second}`, doc: two, words: 2 };
    const one = this.docs.get(first);
    return one && { name: first, doc: one, words: 1 };
  }

  /** What the command does. */
  summary(line) {
    const found = this.find(line.trimStart());
    return found && [found.doc.summary, found.doc.since && `Since ${found.doc.since}.`].filter(Boolean).join(' ');
  }

  /** The command's arguments that are still to come after this line; none where a quote is open. */
  after(line, found) {
    let typed;
    try {
      typed = words(line).slice(found.words);
    } catch {
      return [];
    }
    return walk(found.doc.arguments ?? [], typed.map((word) => decoder.decode(word).toUpperCase())).rest;
  }

  /** What is still to be typed after this line, such as `value [NX | XX]`. */
  rest(line) {
    const found = this.find(line.trimStart());
    return found && /\s$/.test(line) ? this.after(line, found).map(shape).join(' ') : '';
  }

  /** What the last word of the line may become: whole lines, the likeliest first. */
  complete(line) {
    const trimmed = line.trimStart();
    const lower = trimmed.toLowerCase();
    if (!trimmed) return [];
    const names = this.names.filter((name) => name.startsWith(lower) && name !== lower);
    if (names.length) return names.map((name) => (/[A-Z]/.test(trimmed[0]) ? name.toUpperCase() : name));
    const found = this.find(trimmed);
    const last = trimmed.match(/\S*$/)[0];
    if (!found || !last || !/\s/.test(trimmed)) return [];
    const before = trimmed.slice(0, trimmed.length - last.length);
    return tokens(this.after(before, found)).filter((token) => token.startsWith(last.toUpperCase()) && token !== last.toUpperCase()).map((token) => before + token);
  }
}
