// What the user has chosen, and its place in the address: reload, bookmarks and the back button all go through here.

const blank = () => ({start: null, lines: [], at: null, keep: [], same: [], pool: null, q: '', split: [], label: {}, seed: null, near: null});

// Names are free text, so the parts of a compound value are escaped before they are joined.
const join = (...parts) => parts.map((p) => encodeURIComponent(p).replaceAll('~', '%7E')).join('~');
const parts = (text) => text.split('~').map((p) => decodeURIComponent(p));

function labels(texts) {
  const out = {};
  for (const text of texts) {
    const [name, value] = parts(text);
    (out[name] ||= []).push(value || '');
  }
  return out;
}

const number = (text) => (text === null || text === '' || !Number.isFinite(Number(text)) ? null : Number(text));
const row = (text) => (/^\d+$/.test(text || '') ? Number(text) : null);

export function parse(hash, run) {
  const state = blank();
  let query;
  try {
    query = new URLSearchParams(hash.replace(/^#/, ''));
    const start = query.get('start');
    if (row(start) !== null) state.start = {row: row(start)};
    else if (query.get('picture')) state.start = {picture: query.get('picture')};
    for (const text of query.getAll('line')) {
      const [attribute, weight, toward] = parts(text);
      const known = run.byName.get(attribute);
      if (known && (known.axis || known.toward || known.own)) state.lines.push({attribute, toward: known.own ? null : toward ?? null, weight: number(weight) ?? 1});
    }
    state.at = number(query.get('at'));
    state.keep = query.getAll('keep').filter((k) => run.attributes.some((a) => a.name === k && a.axis));
    state.same = query.getAll('same').filter((name) => run.attributes.some((a) => a.name === name));
    if (query.get('pool') === 'chosen') state.pool = {splits: query.getAll('in'), labels: labels(query.getAll('only'))};
    state.q = query.get('q') || '';
    state.split = query.getAll('split');
    state.label = labels(query.getAll('label'));
    state.seed = number(query.get('seed'));
    state.near = row(query.get('near'));
  } catch {
    return blank(); // An address with broken escapes says nothing.
  }
  return state;
}

export function format(state) {
  const query = new URLSearchParams();
  if (state.start) query.set(...(state.start.picture !== undefined ? ['picture', state.start.picture] : ['start', state.start.row]));
  for (const l of state.lines) query.append('line', l.toward === null ? join(l.attribute, l.weight) : join(l.attribute, l.weight, l.toward));
  if (state.at !== null) query.set('at', state.at);
  for (const k of state.keep) query.append('keep', k);
  for (const name of state.same) query.append('same', name);
  const each = (key, map) => Object.entries(map).forEach(([name, values]) => values.forEach((v) => query.append(key, join(name, v))));
  if (state.pool) {
    query.set('pool', 'chosen');
    for (const s of state.pool.splits) query.append('in', s);
    each('only', state.pool.labels);
  }
  if (state.q) query.set('q', state.q);
  for (const s of state.split) query.append('split', s);
  each('label', state.label);
  if (state.seed !== null) query.set('seed', state.seed);
  if (state.near !== null) query.set('near', state.near);
  return `#${query}`;
}

export const newSeed = () => Math.floor(Math.random() * 1e6);

/** Opens the store: the state, its listeners, and the address kept in step. */
export function open(run) {
  let state = parse(location.hash, run);
  let waiting = 0;
  const listeners = new Set();
  const depth = () => (history.state && history.state.depth) || 0;
  const tell = () => listeners.forEach((l) => l(state));
  const write = (push) => {
    clearTimeout(waiting);
    waiting = 0;
    const address = format(state);
    if (push && address !== location.hash) history.pushState({depth: depth() + 1}, '', address);
    else history.replaceState({depth: depth()}, '', address);
  };
  const read = () => {
    clearTimeout(waiting);
    waiting = 0;
    if (format(state) === location.hash) return;
    state = parse(location.hash, run);
    tell();
  };
  addEventListener('popstate', read);
  addEventListener('hashchange', read);

  return {
    get: () => state,
    canUndo: () => depth() > 0,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** A choice: a step of its own for the back button. */
    choose(patch) {
      if (waiting) write(false); // First settle what a drag left behind.
      state = {...state, ...patch};
      write(true);
      tell();
    },
    /** A drag or typing: the same step goes on. Browsers limit how often the address may change, so that it follows shortly after. */
    drag(patch) {
      state = {...state, ...patch};
      if (!waiting) waiting = setTimeout(() => write(false), 160);
      tell();
    },
    /** What the page fills in by itself: never a step. */
    settle(patch) {
      state = {...state, ...patch};
      write(false);
      tell();
    },
  };
}
