// The page: reads the run, opens the state, and lays out the sections.

import {html, render, useEffect, useRef, useState} from './vendor/htm-preact.js';
import * as api from './api.js';
import {count} from './format.js';
import * as selections from './selections.js';
import {newSeed, open} from './state.js';
import {useWalk, walkBody} from './walker.js';
import {Trouble} from './parts/bits.js';
import {Distributions} from './parts/distributions.js';
import {newLine} from './parts/lines.js';
import {Scatter} from './parts/scatter.js';
import {HandBar, OwnLines} from './parts/selections.js';
import {Start} from './parts/start.js';
import {Walk} from './parts/walk.js';

// Images whose labels are known already, so that a new start is drawn at once.
const seen = new Map();

/** The start's labels, for a start that is an image of the run. */
function useImage(start) {
  const row = start && start.row !== undefined ? start.row : null;
  const [image, setImage] = useState(null);
  useEffect(() => {
    if (row === null || seen.has(row)) return undefined;
    const abort = new AbortController();
    api.image(row, abort.signal).then(setImage, () => abort.signal.aborted || setImage(null)); // The walk tells what is wrong.
    return () => abort.abort();
  }, [row]);
  return seen.get(row) || (image && image.row === row ? image : null);
}

function App({run, store, failed}) {
  const [state, setState] = useState(store.get());
  selections.useSelections((s) => s.cards); // A new line can be chosen at once.
  useEffect(() => store.subscribe(setState), []);
  const image = useImage(state.start);
  const walk = useWalk(walkBody(state, run, image), state.at);

  const narrow = useRef(matchMedia('(max-width: 900px)'));
  const onStart = async (who) => {
    const image = who.row === undefined || who.labels ? who : await api.image(who.row).catch(() => who);
    const labels = image.labels || {};
    if (image.labels) seen.set(image.row, {row: image.row, id: image.id, split: image.split, labels});
    const start = who.picture !== undefined ? {picture: who.picture} : {row: who.row};
    // A start that has the value walked toward already: the line stays, its value is open again. Nobody asked for a refusal.
    const {lines} = store.get();
    const kept = lines.map((l) => (l.toward !== null && labels[l.attribute] === l.toward ? {...l, toward: null} : l));
    const changed = kept.some((l, i) => l !== lines[i]);
    store.choose(changed ? {start, lines: kept, at: null} : {start});
    // On a phone the walk is further down; what is said of an own picture comes first.
    if (narrow.current.matches) document.getElementById(start.picture === undefined ? 'walk' : 'start').scrollIntoView();
  };

  const onWalk = (card) => {
    store.choose({lines: [newLine(card.line)], at: null});
    document.getElementById('walk').scrollIntoView();
  };
  // What can no longer be walked leaves the choice; the page always shows a line.
  const onGone = (card) =>
    selections.remove(card, () => {
      const {lines} = store.get();
      const left = lines.filter((l) => l.attribute !== card.line);
      if (left.length < lines.length) store.choose({lines: left.length ? left : usual(run), at: null});
    });

  return html`
    <a class="skip" href="#walk" onClick=${(e) => {
      e.preventDefault(); // The hash holds the state.
      document.getElementById('walk').scrollIntoView();
      const first = document.querySelector('#walk input, #walk button, #walk select');
      if (first) first.focus();
    }}>Skip to the walk</a>
    <header class="page-head">
      <div><p class="brand">Latentwalk explorer</p><h1>${run.name}</h1></div>
      <dl>
        <div><dt>images</dt><dd>${count(run.images)}</dd></div>
        ${Object.entries(run.splits).map(([name, n]) => html`<div key=${name}><dt>${name}</dt><dd>${count(n)}</dd></div>`)}
      </dl>
      <button type="button" id="undo" disabled=${!store.canUndo()} onClick=${() => history.back()}><span aria-hidden="true">↶</span> Undo</button>
    </header>
    <div class="columns">
      <aside><${Start} run=${run} store=${store} state=${state} image=${image} onStart=${onStart} /></aside>
      <main>
        <${Walk} run=${run} store=${store} state=${state} image=${image} walk=${walk} onStart=${onStart} />
        <${Distributions} run=${run} walk=${walk} />
        <${Scatter} run=${run} walk=${walk} onStart=${onStart} />
        <${OwnLines} run=${run} lines=${state.lines} failed=${failed} onWalk=${onWalk} onGone=${onGone} />
      </main>
    </div>
    <${HandBar} />`;
}

/** The first attribute that can be walked toward a value, or at least walked. */
function usual(run) {
  const first = run.walkable.find((a) => a.toward) || run.walkable[0];
  return first ? [newLine(first.name)] : [];
}

/** The first look: random images and the usual line. */
function welcome(run, store) {
  const state = store.get();
  const patch = {};
  if (!state.start && state.seed === null && !state.q && state.near === null && !state.split.length && !Object.keys(state.label).length) patch.seed = newSeed();
  if (state.lines.length === 0) patch.lines = usual(run);
  store.settle(patch);
}

async function boot() {
  const root = document.getElementById('app');
  try {
    const run = await api.run();
    run.byName = new Map(run.attributes.map((a) => [a.name, a]));
    run.walkable = run.attributes.filter((a) => a.axis || a.toward);
    // Before the address is read: it may name an own line.
    let failed = null;
    selections.begin(run, await api.selections().then((answer) => answer.selections, (error) => ((failed = error), [])));
    document.title = `${run.name} · Latentwalk explorer`;
    const store = open(run);
    welcome(run, store);
    // The back button may lead to an address without a line; the page always shows one.
    addEventListener('popstate', () => welcome(run, store));
    root.replaceChildren();
    render(html`<${App} run=${run} store=${store} failed=${failed} />`, root);
  } catch (error) {
    root.replaceChildren();
    render(html`<div class="boot"><p class="brand">Latentwalk explorer</p><${Trouble} error=${error} /></div>`, root);
  }
}

boot();
