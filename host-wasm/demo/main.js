// The page: joins its parts when the database is there.

import { bytes, complain, el, number, state } from './dom.js';
import { Hints } from './hints.js';
import { Keys } from './keys.js';
import { Life } from './life.js';
import { opening } from './opening.js';
import { Pictures } from './pictures.js';
import { Workload, feed, job, leaderboard, sessions } from './samples.js';
import { Terminal } from './terminal.js';

const THEME = 'nuthatch-theme';

themes();
const terminal = new Terminal();
start().catch((error) => state(`The database could not be opened: ${error.message}`, true));

async function start() {
  const db = await opening;
  terminal.connect(db);
  const keys = await db.call('DBSIZE');
  // Since the visitor came: what the page takes counts too.
  state(`${number(keys)} keys, there after ${Math.round(performance.now())} ms`);
  document.documentElement.dataset.ready = 'true';
  const table = new Keys(db);
  const life = new Life(db, terminal);
  life.watch();
  buttons(db, table, life);
  files(db, table);
  new Pictures(db).run();
  // What fails from here on is no failure to open.
  table.find().then(() => db.commandDocs()).then((docs) => terminal.hint(new Hints(docs))).catch(complain);
}

function buttons(db, table, life) {
  const workload = new Workload();
  const actions = {
    sessions: () => sessions(db),
    leaderboard: () => leaderboard(db),
    feed: () => feed(db),
    workload: () => workload.toggle(db, el('workload'), () => sessions(db).then(() => table.find())),
    crash: () => {
      workload.on = false;
      return life.crash();
    },
    empty: () => job.run('Emptying', async () => {
      await db.call('FLUSHALL');
      return 'Emptied';
    }),
  };
  for (const [name, action] of Object.entries(actions)) {
    const press = async () => {
      await action();
      if (name !== 'workload') await table.find();
    };
    el(name).addEventListener('click', () => press().catch(complain));
  }
}

/** A dump.rdb in, by button or drop, and one out. */
function files(db, table) {
  const take = (file) => job.run(`Loading ${file.name}`, async (show) => {
    const { keys, refused, error } = await db.importRdb(file, { progress: (read, size) => show(read / size, `${bytes(read)} of ${bytes(size)}`) });
    await table.find();
    const taken = `${file.name} loaded: ${number(keys)} keys taken`;
    return refused ? `${taken}, ${number(refused)} refused: ${error},` : taken;
  });
  el('import').addEventListener('click', () => el('file').click());
  el('file').addEventListener('change', ({ target }) => {
    if (target.files[0]) take(target.files[0]);
    target.value = '';
  });
  el('export').addEventListener('click', () => job.run('Saving', async (show) => {
    show(undefined);
    const blob = await db.exportRdb();
    download(blob, 'dump.rdb');
    return `dump.rdb saved (${bytes(blob.size)})`;
  }));
  drops(take);
}

function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function drops(take) {
  const show = (shown) => { el('drop').hidden = !shown; };
  addEventListener('dragover', (event) => {
    event.preventDefault();
    show(true);
  });
  addEventListener('dragleave', (event) => { if (!event.relatedTarget) show(false); });
  addEventListener('drop', (event) => {
    event.preventDefault();
    show(false);
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}

function themes() {
  const select = el('theme');
  const set = (theme) => {
    document.documentElement.dataset.theme = theme;
    select.value = theme;
  };
  try {
    set(localStorage.getItem(THEME) ?? '');
  } catch {
    set('');
  }
  select.addEventListener('change', () => {
    set(select.value);
    try {
      localStorage.setItem(THEME, select.value);
    } catch {
      // It holds for this visit.
    }
  });
}
