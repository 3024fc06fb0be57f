// What COMMAND DOCS says, as completion and as the shape of a command's arguments.

/** Whether an argument has this flag; RESP3 gives them as a set. */
const flagged = (argument, flag) => {
  const flags = argument.flags ?? [];
  return flags instanceof Set ? flags.has(flag) : flags.includes(flag);
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
  if (flagged(argument, 'multiple')) {
    const again = argument.token && !flagged(argument, 'multiple_token') ? text.slice(argument.token.length + 1) : text;
    text = `${text} [${again} …]`;
  }
  if (flagged(argument, 'optional')) return `[${text}]`;
  return argument.type === 'oneof' && !argument.token ? `(${text})` : text;
}

/** Every token that may stand among these arguments. */
function tokens(args) {
  return (args ?? []).flatMap((argument) => [argument.token || [], tokens(argument.arguments)].flat());
}

/** How many words of the line an argument that must be there takes; none where that is not one word. */
const isOneWord = ({ type, token, flags }) => !token && !flags && type !== 'oneof' && type !== 'block';

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

  /** What is still to be typed after this line, such as `value [NX | XX]`. */
  rest(line) {
    const found = this.find(line.trimStart());
    if (!found || !/\s$/.test(line)) return '';
    const typed = line.trim().split(/\s+/).slice(found.words);
    const args = [...(found.doc.arguments ?? [])];
    while (typed.length && args.length && isOneWord(args[0])) {
      args.shift();
      typed.shift();
    }
    const upper = new Set(typed.map((word) => word.toUpperCase()));
    // An option that stands there already is not offered again; the rest may come in any order.
    return args.filter((argument) => !tokens([argument]).some((token) => upper.has(token))).map(shape).join(' ');
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
    const all = [...new Set(tokens(found.doc.arguments))];
    return all.filter((token) => token.startsWith(last.toUpperCase()) && token !== last.toUpperCase()).map((token) => before + token);
  }
}
