// The server's API: one function per question, errors with the server's own sentence and hint.

export class Refused extends Error {
  constructor(sentence, hint, status) {
    super(sentence);
    this.hint = hint || null;
    this.status = status;
  }
}

async function ask(path, options) {
  let reply;
  try {
    reply = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused('The explorer does not answer.', 'Is the command still running? Start it again and reload.', 0);
  }
  if (reply.ok) return reply;
  const body = await reply.json().catch(() => null);
  throw new Refused((body && body.error) || `The explorer answered with status ${reply.status}.`, body && body.hint, reply.status);
}

const get = async (path, signal) => (await ask(path, {signal})).json();
const post = (path, body, signal) =>
  ask(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body), signal});

export const run = () => get('api/run');
export const image = (row, signal) => get(`api/images/${row}`, signal);
export const near = (row, limit, signal) => get(`api/images/${row}/near?limit=${limit}`, signal);
export const walk = async (body, signal) => (await post('api/walk', body, signal)).json();
export const strip = async (body) => (await post('api/strip', body)).blob();
export const selections = () => get('api/selections');
export const makeSelection = async (body) => (await post('api/selections', body)).json();
export const dropSelection = async (name) => (await ask(`api/selections/${encodeURIComponent(name)}`, {method: 'DELETE'})).json();
export const directionOf = (name) => `api/selections/${encodeURIComponent(name)}/direction.npy`;
export const upload = async (file) => (await ask('api/pictures', {method: 'POST', body: file})).json();

export function images({q, split, label, seed}, offset, limit, signal) {
  const query = new URLSearchParams();
  if (q) query.set('q', q);
  for (const s of split) query.append('split', s);
  for (const [name, values] of Object.entries(label)) for (const v of values) query.append('label', `${name}:${v}`);
  if (seed !== null) query.set('seed', seed);
  query.set('offset', offset);
  query.set('limit', limit);
  return get(`api/images?${query}`, signal);
}

const scatters = new Map();

/** The scatter of two axes. Kept once asked for: it does not change while the server runs. */
export function scatter(x, y) {
  const path = `api/scatter?${new URLSearchParams({x, y})}`;
  if (!scatters.has(path)) {
    const answer = get(path);
    answer.catch(() => scatters.delete(path));
    scatters.set(path, answer);
  }
  return scatters.get(path);
}

/**
 * The address of a picture for a box of `side` CSS pixels. Small pictures are asked for as packed, so that the browser draws
 * their pixels sharp; larger ones in few sizes, so that they stay cached.
 */
export function picture(who, side, px) {
  if (who.picture !== undefined) return `api/pictures/${encodeURIComponent(who.picture)}/picture`;
  const wanted = side * Math.min(2, window.devicePixelRatio || 1);
  const size = px < 64 ? Math.max(16, px) : [96, 192, 384].find((s) => s >= wanted) || 512;
  return `api/images/${who.row}/picture?size=${size}`;
}
