// Own lines: the two groups being chosen, the lines made of them, and their cards. One for the page.

import {useEffect, useReducer, useRef} from './vendor/htm-preact.js';
import * as api from './api.js';

/** So many images each group needs. */
export const NEEDED = 20;
export const MODES = {pick: 'Pick', lasso: 'Draw a lasso'};

// A group is a lasso or images chosen by hand; what came last counts.
const nothing = {polygon: null, axes: null, sampled: 0, of: 0, images: []};

let run = null;
let state = {cards: [], hand: false, mode: 'pick', target: 'a', a: nothing, b: nothing};
const listeners = new Set();

const set = (patch) => {
  state = {...state, ...patch};
  listeners.forEach((l) => l(state));
};

/** An own line stands beside the attributes where lines are looked up. It has no classes, so no values to walk toward. */
const line = (card) => ({name: card.line, own: card, kind: 'own', classes: [], counts: [], unlabelled: 0, axis: null, toward: null, verdicts: null, sentence: card.sentence});

function keep(cards) {
  for (const a of run.own) run.byName.delete(a.name);
  run.own = cards.map(line);
  for (const a of run.own) run.byName.set(a.name, a);
  set({cards});
}

export function begin(theRun, cards) {
  run = theRun;
  run.own = [];
  keep(cards);
}

/** What `pick` reads of the state; the component is drawn again when that changes. */
export function useSelections(pick) {
  const [, again] = useReducer((n) => n + 1, 0);
  const drawn = useRef(null);
  drawn.current = pick(state);
  useEffect(() => {
    const look = () => pick(state) !== drawn.current && again();
    listeners.add(look);
    look();
    return () => listeners.delete(look);
  }, []);
  return drawn.current;
}

export const choose = (patch) => set(patch);
export const clear = (group) => set({[group]: nothing});

export const lasso = (group, axes, polygon, sampled, of) => set({[group]: {...nothing, polygon, axes, sampled, of}});

/** Other axes: a polygon drawn on the former ones says nothing there. */
export const clearLassos = () => set(Object.fromEntries(['a', 'b'].filter((g) => state[g].polygon).map((g) => [g, nothing])));

const without = (group, row) => ({...group, images: group.images.filter((i) => i.row !== row)});

/** Puts an image into a group, or takes it out again. No image is in both. */
export function toggle(group, {row, id}) {
  const other = group === 'a' ? 'b' : 'a';
  if (state[group].images.some((i) => i.row === row)) set({[group]: without(state[group], row)});
  else set({[group]: {...nothing, images: [...state[group].images, {row, id}]}, [other]: without(state[other], row)});
}

const side = ({polygon, images}) => (polygon ? {polygon} : images.length ? {rows: images.map((i) => i.row)} : null);

/** What is missing before a line can be made: a sentence, or nothing. */
export function missing({a, b}, name) {
  const few = (group, letter) => {
    const left = NEEDED - group.images.length;
    return !group.polygon && group.images.length > 0 && left > 0 ? `${left} more ${left === 1 ? 'image' : 'images'} in group ${letter}` : null;
  };
  const wants = [side(a) ? few(a, 'A') : 'a lasso or images for group A', few(b, 'B'), name.trim() ? null : 'a name'].filter(Boolean);
  return wants.length ? `Still needed: ${wants.join(', ')}.` : null;
}

export async function make(name) {
  const {a, b} = state;
  const card = await api.makeSelection({name: name.trim(), axes: a.axes || b.axes, positive: side(a), negative: side(b)});
  keep([...state.cards.filter((c) => c.name !== card.name), card]);
  return card;
}

/** Deletes a line; `leave` is told before it can no longer be looked up. */
export async function remove(card, leave) {
  const {selections: cards} = await api.dropSelection(card.name);
  leave();
  keep(cards);
}
