// The column in which a start is found.

import {html, useEffect, useRef, useState} from '../vendor/htm-preact.js';
import * as api from '../api.js';
import {count, plural} from '../format.js';
import {newSeed} from '../state.js';
import {Class, Picture, Trouble, describe, memo} from './bits.js';
import {Filters} from './filters.js';
import {Far, Own} from './own.js';
import {Choose} from './selections.js';

const PAGE = 60;
const NEAR = 24;

/** The images the filters find, page by page. */
function useImages(state) {
  const question = {q: state.q, split: state.split, label: state.label, seed: state.seed};
  const key = state.near !== null ? `near ${state.near}` : JSON.stringify(question);
  const [found, setFound] = useState({key: null, images: [], total: null, error: null});
  const [busy, setBusy] = useState(false);
  const flight = useRef(null);

  const load = (offset) => {
    if (flight.current) flight.current.abort();
    const abort = (flight.current = new AbortController());
    setBusy(true);
    const asked = state.near !== null ? api.near(state.near, NEAR, abort.signal) : api.images(question, offset, PAGE, abort.signal);
    asked.then(
      (answer) => {
        if (abort.signal.aborted) return;
        setBusy(false);
        setFound((before) => ({key, total: answer.total ?? null, error: null, images: offset ? [...before.images, ...answer.images] : answer.images}));
      },
      (error) => {
        if (abort.signal.aborted) return;
        setBusy(false);
        setFound((before) => ({...before, key, error, images: offset ? before.images : [], total: offset ? before.total : null}));
      });
  };
  useEffect(() => {
    // A short wait, so that typing asks once.
    const soon = setTimeout(() => load(0), found.key === null ? 0 : 90);
    return () => clearTimeout(soon);
  }, [key]);
  return {...found, busy: busy || found.key !== key, more: () => load(found.images.length)};
}

/** The start as it is now, small. */
function Now({run, start, image, onNear}) {
  if (!start) return html`<p class="lead">Click an image to start from it.</p>`;
  const own = start.picture !== undefined;
  return html`<div class="now" data-start=${own ? start.picture : start.row}>
    <span class="frame"><${Picture} who=${start} side=${64} run=${run} /></span>
    <div>
      <p class="id">${own ? 'Own picture' : image ? image.id : `Image ${start.row}`}</p>
      ${own
        ? html`<p class="soft">not part of the run</p>`
        : image && html`<p class="values">${run.attributes.filter((a) => image.labels[a.name]).map((a) => html`<span key=${a.name}><span class="of">${a.name}</span> <${Class} attribute=${a} value=${image.labels[a.name]} /></span>`)}</p>`}
      ${image && html`<button type="button" class="link" id="more-like" onClick=${onNear}>More like this</button>`}
    </div>
    ${own && html`<${Far} picture=${start.picture} />`}
  </div>`;
}

function All({run, store, state, image, onStart}) {
  const found = useImages(state);
  const active = Object.keys(state.label).length + (state.split.length ? 1 : 0) + (state.q ? 1 : 0);
  const heading = state.near !== null
    ? 'The nearest images'
    : found.total === null ? 'Images' : `${plural(found.total, 'image')}${state.seed !== null ? ', in random order' : ''}`;
  return html`<section id="start" aria-labelledby="start-title">
    <h2 id="start-title">Start</h2>
    <${Now} run=${run} start=${state.start} image=${image} onNear=${() => store.choose({near: state.start.row})} />
    <div class="search">
      <input id="search" type="search" placeholder="search by id" aria-label="Search by id" value=${state.q}
        onInput=${(e) => store.drag({q: e.target.value, near: null})} />
      <button type="button" id="random" title="Shuffle the images" onClick=${() => store.choose({seed: newSeed(), near: null})}>Random</button>
    </div>
    <${Filters} run=${run} splits=${state.split} labels=${state.label}
      onSplits=${(split) => store.choose({split, near: null})} onLabels=${(label) => store.choose({label, near: null})} />
    <${Own} run=${run} onPicture=${(picture) => onStart({picture})} />
    <div class="found">
      <p role="status">${heading}</p>
      ${state.near !== null
        ? html`<button type="button" class="link" onClick=${() => store.choose({near: null})}>Back to all</button>`
        : active > 0
          ? html`<button type="button" class="link" id="clear" onClick=${() => store.choose({q: '', split: [], label: {}})}>Clear filters</button>`
          : state.seed !== null && html`<button type="button" class="link" onClick=${() => store.choose({seed: null})}>In order</button>`}
    </div>
    <${Trouble} error=${found.error} />
    <ul id="grid" class="grid" aria-label="Images to start from" aria-busy=${found.busy}>
      ${found.images.map((i) => html`<li key=${i.row}>
        <button type="button" class="thumb" data-row=${i.row} title=${describe(i, run)} aria-current=${state.start && state.start.row === i.row ? 'true' : null}
          onClick=${() => onStart(i)}><${Picture} who=${i} side=${96} run=${run} alt=${describe(i, run)} /></button>
        <${Choose} image=${i} />
      </li>`)}
      ${!found.busy && !found.error && found.images.length === 0 && html`<li class="nothing">No image fits. Remove a filter.</li>`}
    </ul>
    ${state.near === null && found.total !== null && found.images.length < found.total && html`<button type="button" id="more" class="wide" disabled=${found.busy} onClick=${found.more}>More (${count(found.total - found.images.length)} left)</button>`}
  </section>`;
}

const READ = ['start', 'q', 'split', 'label', 'seed', 'near'];

export const Start = memo(All, (a, b) => a.image === b.image && READ.every((key) => a.state[key] === b.state[key]));
