// Asks for walks: once per choice for the strip, and while the knob moves for the images under it.

import {useEffect, useLayoutEffect, useMemo, useRef, useState} from './vendor/htm-preact.js';
import * as api from './api.js';

/**
 * One request in flight and the latest one waiting. While the knob of the same walk moves, the request in flight may finish, so
 * that the images follow the hand; all superseded ones in between are dropped. Another walk aborts it.
 */
class Latest {
  constructor(paint) {
    this.paint = paint;
    this.flight = null;
    this.waiting = null;
  }

  ask(job) {
    if (this.flight && this.flight.job.key !== job.key) this.stop();
    if (this.flight) this.waiting = job;
    else this.send(job);
  }

  stop() {
    this.waiting = null;
    if (this.flight) this.flight.abort.abort();
    this.flight = null;
  }

  async send(job) {
    const mine = {job, abort: new AbortController()};
    this.flight = mine;
    let answer = null;
    let error = null;
    try {
      answer = await api.walk({...job.body, at: [job.at], per_stop: 6}, mine.abort.signal);
    } catch (e) {
      error = e;
    }
    if (this.flight !== mine) return; // Stale: never painted.
    this.flight = null;
    this.paint(job, answer, error);
    const next = this.waiting;
    this.waiting = null;
    if (next) this.send(next);
  }
}

/** Whether an attribute can be walked without a value to go to. */
export const hasAxis = (attribute) => Boolean(attribute.axis || attribute.own);

/** The attributes of which only the start's own label may be found: those that the start has, and that are not walked. */
export const sameLabels = (state, image) => {
  const walked = new Set(state.lines.map((l) => l.attribute));
  const labels = image ? image.labels : {};
  return Object.fromEntries(state.same.filter((name) => labels[name] !== undefined && labels[name] !== null && !walked.has(name)).map((name) => [name, [labels[name]].flat()]));
};

/** The images that may be found: the chosen ones, or the run's own pool, and of these the ones with the start's labels. */
function wantedPool(state, run, image) {
  const same = sameLabels(state, image);
  if (Object.keys(same).length === 0) return state.pool;
  const {splits, labels} = state.pool || run.pool;
  return {splits: [...splits], labels: {...labels, ...same}};
}

/** What is asked of the server, or null where the choice is not complete. `image` is the start, where it is an image of the run. */
export function walkBody(state, run, image) {
  if (!state.start || state.lines.length === 0) return null;
  const mix = state.lines.length > 1;
  const lines = state.lines.map((l) => ({attribute: l.attribute, toward: l.toward, weight: mix ? l.weight : 1}));
  if (lines.some((l) => l.toward === null && !hasAxis(run.byName.get(l.attribute)))) return null;
  const walked = new Set(lines.map((l) => l.attribute));
  return {start: state.start, lines, keep: state.keep.filter((k) => !walked.has(k)), pool: wantedPool(state, run, image)};
}

const clamp = (value, [low, high]) => Math.min(high, Math.max(low, value));

/** Where the knob stands before it was ever moved: at the value walked toward, or at the end of the axis away from the start. */
function resting(base, body) {
  const [low, high] = base.range;
  if (body.lines.length > 1 || body.lines[0].toward !== null) return high;
  return base.start.at > (low + high) / 2 ? low : high;
}

/**
 * The walk of `body`: `base` (its usual stops), `knob` (the stop under the knob), `at`, `error`, `busy`. What was painted stays
 * until its successor is there, so that nothing flickers.
 */
export function useWalk(body, wanted) {
  const key = body && JSON.stringify(body);
  const [base, setBase] = useState({key: null, answer: null, error: null});
  const [knob, setKnob] = useState({key: null, stop: null, error: null});
  const latest = useRef(null);
  latest.current ||= new Latest((job, answer, error) =>
    setKnob(error ? {key: job.key, stop: null, error} : {key: job.key, stop: answer.stops[0] || null, error: null}));

  useEffect(() => {
    latest.current.stop();
    if (!key) {
      setBase({key: null, answer: null, error: null});
      setKnob({key: null, stop: null, error: null});
      return undefined;
    }
    const abort = new AbortController();
    api.walk({...body, at: null, per_stop: 1}, abort.signal).then(
      (answer) => setBase({key, answer, error: null}),
      (error) => abort.signal.aborted || setBase({key, answer: null, error}));
    return () => abort.abort();
  }, [key]);

  const current = base.key === key && base.answer;
  const at = useMemo(
    () => (base.answer ? clamp(wanted ?? (current ? resting(base.answer, body) : base.answer.range[1]), base.answer.range) : null),
    [base, wanted, current]);

  // Before the next paint, not after it: the images follow the hand a frame sooner.
  useLayoutEffect(() => {
    if (current && at !== null) latest.current.ask({key, body, at});
  }, [current, at]);

  return {
    body,
    base: base.answer,
    knob: base.answer ? knob.stop : null,
    at,
    // A refusal takes the place of the walk; a fault while the knob moves only stands beside it.
    refused: base.key === key ? base.error : null,
    error: base.key === key ? base.error || (knob.key === key ? knob.error : null) : null,
    busy: Boolean(key) && (base.key !== key || (!base.error && knob.key !== key)),
  };
}
