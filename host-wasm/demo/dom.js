// Short words for the page's elements.

/** The element with this id. */
export const el = (id) => document.getElementById(id);

/** A new element: `make('li', { class: 'a', role: 'option' }, 'text', child)`. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Tells the reader, by eye and by ear, how something went. */
export const say = (text, failed) => tell(el('said'), text, failed);

/** As `say`, how the database is. */
export const state = (text, failed) => tell(el('state'), text, failed);

function tell(where, text, failed = false) {
  where.textContent = text;
  where.classList.toggle('failed', failed);
}

/** Tells of what went wrong with something that was asked for. */
export const complain = (error) => say(error.message, true);

/** `1536` as `1.5 KB`. */
export function bytes(count) {
  const units = ['bytes', 'KB', 'MB', 'GB'];
  let unit = 0;
  for (; count >= 1000 && unit < 3; unit++) count /= 1024;
  return `${unit && count < 100 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

/** `12345` as `12,345`. */
export const number = (count) => Math.round(count ?? 0).toLocaleString('en');

/** Milliseconds as `3 d 4 h`, `2 h 5 min`, `45.2 s`. */
export function duration(ms) {
  const s = ms / 1000;
  if (s < 60) return `${Math.max(0, s).toFixed(1)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

/** Lets the page draw and take input before going on. */
export const breathe = () => new Promise((resolve) => { setTimeout(resolve); });
