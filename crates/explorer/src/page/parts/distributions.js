// How the classes lie along each axis, and where the start and the knob stand.

import {html} from '../vendor/htm-preact.js';
import {tint} from '../palette.js';
import {num} from '../format.js';
import {memo} from './bits.js';

const W = 360;
const LEFT = 92;
const TOP = 20;

/**
 * Where the knob stands on the axes of the walked attributes. Along a single axis that is the knob's own position. A line toward a
 * value and a mix have another measure, so the nearest image's place on the axis is shown instead.
 */
function knobPlaces(run, walk) {
  const nearest = walk.knob && walk.knob.images[0];
  const lines = walk.body && walk.base ? walk.body.lines : [];
  const places = {};
  for (const {attribute, toward} of lines) {
    if (!run.byName.get(attribute).axis) continue;
    const own = lines.length === 1 && toward === null;
    const value = own ? walk.knob && walk.knob.position : nearest && nearest.axes[attribute];
    if (value !== undefined && value !== null) places[attribute] = value;
  }
  return places;
}

function Ridge({bins, x, base, height, top, style, name}) {
  const points = bins.map((b, i) => `${x(i + 0.5).toFixed(1)},${(base - (b / top) * height).toFixed(1)}`);
  const line = `M${x(0).toFixed(1)},${base} L${points.join(' L')} L${x(bins.length).toFixed(1)},${base}`;
  return html`<g class="tint" style=${style}>
    <path class="fill" d=${`${line} Z`} /><path class="curve" d=${line} />
    <text class="name" x=${LEFT - 10} y=${base - 3} text-anchor="end">${name.length > 13 ? `${name.slice(0, 12)}…` : name}<title>${name}</title></text>
  </g>`;
}

const Chart = memo(Drawn, (a, b) => a.attribute === b.attribute && a.start === b.start && a.knob === b.knob);

function Drawn({attribute, start, knob}) {
  const {axis} = attribute;
  const {from, to, classes} = axis.histogram;
  const rows = axis.order.filter((c) => classes[c]);
  const step = Math.max(12, Math.min(30, 260 / rows.length));
  const height = step * 1.35; // Ridges overlap a little.
  const bottom = TOP + height + step * (rows.length - 1);
  // Each class by its own share, so that a rare one is as readable as a common one.
  const shares = rows.map((c) => {
    const sum = classes[c].reduce((a, b) => a + b, 0) || 1;
    return classes[c].map((b) => b / sum);
  });
  const top = Math.max(1e-9, ...shares.flat());
  const at = (value) => LEFT + ((value - from) / (to - from)) * (W - LEFT - 8);
  const inside = (value) => Math.max(LEFT, Math.min(W - 8, at(value)));
  const has = (value) => value !== null && value !== undefined;
  const ticks = [from, (from + to) / 2, to];
  const label = `${attribute.name}: ${rows.map((c) => `${c} around ${num(axis.medians[c])}`).join(', ')}.${has(start) ? ` The start stands at ${num(start)}.` : ''}${has(knob) ? ` The knob stands at ${num(knob)}.` : ''}`;
  return html`<figure class="ridge" data-chart=${attribute.name}>
    <figcaption>${attribute.name}</figcaption>
    <svg class="chart" viewBox=${`0 0 ${W} ${bottom + 22}`} role="img" aria-label=${label}>
      ${rows.map((c, i) => {
        const base = TOP + height + step * i;
        const x = (bin) => at(from + (bin / shares[i].length) * (to - from));
        return html`<${Ridge} key=${c} name=${c} bins=${shares[i]} x=${x} base=${base} height=${height} top=${top} style=${tint(attribute, c)} />`;
      })}
      <line class="axis" x1=${LEFT} x2=${W - 8} y1=${bottom} y2=${bottom} />
      ${ticks.map((t, i) => html`<text class="tick" x=${at(t)} y=${bottom + 16} text-anchor=${['start', 'middle', 'end'][i]}>${num(t)}</text>`)}
      ${has(start) && html`<g class="at-start"><line x1=${inside(start)} x2=${inside(start)} y1=${TOP - 6} y2=${bottom} /><circle cx=${inside(start)} cy=${TOP - 8} r="4"><title>The start stands at ${num(start)}.</title></circle></g>`}
      ${has(knob) && html`<g class="at-knob"><line x1=${inside(knob)} x2=${inside(knob)} y1=${TOP - 6} y2=${bottom} /><path d=${`M${inside(knob)},${TOP - 4} l-5,-8 h10 Z`}><title>The knob stands at ${num(knob)}.</title></path></g>`}
    </svg>
  </figure>`;
}

export function Distributions({run, walk}) {
  const withAxis = run.attributes.filter((a) => a.axis);
  const places = knobPlaces(run, walk);
  const positions = (walk.base && walk.body && walk.base.positions) || {};
  if (withAxis.length === 0) return null;
  return html`<section id="distributions" aria-labelledby="distributions-title">
    <div class="strip-head"><h2 id="distributions-title">Distributions</h2>
      <p class="legend"><span class="key-start"><i aria-hidden="true">●</i> the start</span> <span class="key-knob"><i aria-hidden="true">▼</i> the knob</span></p></div>
    <p class="note">Where the classes lie along each axis. Each ridge shows the share of its class.</p>
    <div class="ridges">${withAxis.map((a) => html`<${Chart} key=${a.name} attribute=${a} start=${positions[a.name]} knob=${places[a.name]} />`)}</div>
  </section>`;
}
