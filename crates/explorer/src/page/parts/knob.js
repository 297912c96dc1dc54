// The knob: a native range slider, with marks for the stops, the start and (on an axis) the classes.

import {html} from '../vendor/htm-preact.js';
import {tint} from '../palette.js';
import {num} from '../format.js';
import {Class} from './bits.js';

/** Where on the knob a position of the axis lies, read off the usual stops. */
function shareOf(stops, position) {
  for (let i = 1; i < stops.length; i += 1) {
    const [a, b] = [stops[i - 1], stops[i]];
    const share = (position - a.position) / (b.position - a.position);
    if (share >= -1e-6 && share <= 1 + 1e-6) return a.at + share * (b.at - a.at);
  }
  return null;
}

/** The classes of the axis with their places on the knob; those that would cover another's name are left out. */
function classes(run, walk) {
  const [line] = walk.body.lines;
  const axis = run.byName.get(line.attribute).axis;
  if (walk.body.lines.length > 1 || line.toward !== null || !axis || walk.base.metric !== axis.metric) return [];
  const placed = axis.order
    .map((name) => ({name, at: shareOf(walk.base.stops, axis.medians[name])}))
    .filter((c) => c.at !== null)
    .sort((a, b) => a.at - b.at);
  // How wide a name is need not be exact: about seven pixels a letter, on a track of at least this width.
  const room = window.innerWidth > 900 ? 520 : window.innerWidth - 56;
  const [low, high] = walk.base.range;
  const out = [];
  let free = -1;
  for (const c of placed) {
    const share = (c.at - low) / (high - low || 1);
    const wide = (7 * c.name.length + 20) / room;
    if (share - share * wide < free) continue;
    free = share + (1 - share) * wide;
    out.push(c);
  }
  return out;
}

export function Knob({run, walk, onDrag, onChoose}) {
  const {base, at, knob} = walk;
  const [low, high] = base.range;
  const share = (v) => (v - low) / (high - low || 1);
  const place = (v) => ({'--at': String(Math.min(1, Math.max(0, share(v))))});
  const [line] = walk.body.lines;
  const mix = walk.body.lines.length > 1;
  const attribute = run.byName.get(line.attribute);
  const marks = classes(run, walk);
  const outside = base.start.at < low ? 'before' : base.start.at > high ? 'after' : '';
  const position = knob ? num(knob.position) : '–';
  const read = (e) => Number(Number(e.target.value).toFixed(4));
  return html`<div class="knob">
    <div class="track">
      <input type="range" id="knob" aria-label="Place on the line" min=${low} max=${high} step=${(high - low) / 200 || 0.005} value=${at}
        aria-valuetext=${`${num(at)}, position ${position}`} onInput=${(e) => onDrag(read(e))} />
      <div class="marks" aria-hidden="true">
        ${base.stops.map((s) => html`<i class="stop-mark" style=${place(s.at)}></i>`)}
        ${base.start.at !== null && base.start.at !== undefined && html`<i class=${`start-mark ${outside}`} style=${place(base.start.at)} title=${outside ? 'The start stands outside of the line.' : 'The start stands here.'}></i>`}
      </div>
    </div>
    <div class="ends">
      ${marks.map((c) => html`<button type="button" key=${c.name} class="mark tint" style=${{...tint(attribute, c.name), ...place(c.at)}} onClick=${() => onChoose(Number(c.at.toFixed(4)))}
        aria-label=${`Move the knob to the median of ${c.name}`}><span class="cls">${c.name}</span></button>`)}
      ${marks.length === 0 && !mix && line.toward !== null && html`<span class="mark" style=${place(low)}>${num(low)}</span><span class="mark" style=${place(high)}><${Class} attribute=${attribute} value=${line.toward} /></span>`}
      ${marks.length === 0 && !mix && attribute.own && html`<span class="mark" style=${place(low)}>less like A</span><span class="mark" style=${place(high)}>more like A</span>`}
      ${marks.length === 0 && (mix || (line.toward === null && !attribute.own)) && html`<span class="mark" style=${place(low)}>${num(low)}</span><span class="mark" style=${place(high)}>${num(high)}</span>`}
    </div>
    <output class="reading" for="knob"><span>at <b>${num(at)}</b></span> <span>${base.unit || 'position'} <b>${position}</b></span></output>
  </div>`;
}
