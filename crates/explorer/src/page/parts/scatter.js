// All images over two axes. Loaded only when it is opened.

import {html, useEffect, useMemo, useRef, useState} from '../vendor/htm-preact.js';
import * as api from '../api.js';
import {count, num} from '../format.js';
import * as lasso from '../lasso.js';
import * as selections from '../selections.js';
import {MODES, useSelections} from '../selections.js';
import {Picture, Trouble} from './bits.js';
import {Mark} from './selections.js';

const PAD = {left: 52, right: 14, top: 14, bottom: 38};

const bounds = (values) => {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  const room = (high - low || 1) * 0.04;
  return [low - room, high + room];
};

function useSize(box) {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!box.current) return undefined;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return [width, Math.round(Math.min(460, Math.max(260, width * 0.6)))];
}

function useScheme() {
  const [scheme, setScheme] = useState(0);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const flip = () => setScheme((n) => n + 1);
    dark.addEventListener('change', flip);
    return () => dark.removeEventListener('change', flip);
  }, []);
  return scheme;
}

function draw(canvas, data, frame, marked) {
  const [width, height] = frame.size;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  pen.strokeStyle = colour('--grid');
  pen.strokeRect(PAD.left + 0.5, PAD.top + 0.5, width - PAD.left - PAD.right - 1, height - PAD.top - PAD.bottom - 1);
  pen.fillStyle = colour('--soft');
  const n = data.rows.length;
  pen.globalAlpha = n > 20000 ? 0.15 : n > 4000 ? 0.25 : 0.5;
  const size = n > 4000 ? 2 : 3;
  for (let i = 0; i < n; i += 1) pen.fillRect(frame.x(data.x[i]) - size / 2, frame.y(data.y[i]) - size / 2, size, size);
  // The chosen ones: squares and crosses, so that the groups differ by more than colour.
  pen.globalAlpha = n > 4000 ? 0.6 : 0.9;
  for (const [group, mask] of Object.entries(marked.groups)) {
    if (!mask) continue;
    pen.fillStyle = colour(`--group-${group}`);
    for (let i = 0; i < n; i += 1) {
      if (!mask[i]) continue;
      const [px, py] = [frame.x(data.x[i]), frame.y(data.y[i])];
      if (group === 'a') pen.fillRect(px - size / 2 - 0.5, py - size / 2 - 0.5, size + 1, size + 1);
      else (pen.fillRect(px - size, py - 0.5, 2 * size, 1), pen.fillRect(px - 0.5, py - size, 1, 2 * size));
    }
  }
  pen.globalAlpha = 1;
  pen.fillStyle = colour('--soft');
  pen.font = `12px ${colour('--sans')}`;
  const [x, y] = [frame.rangeX, frame.rangeY];
  pen.textBaseline = 'top';
  for (const [v, align] of [[x[0], 'left'], [(x[0] + x[1]) / 2, 'center'], [x[1], 'right']]) {
    pen.textAlign = align;
    pen.fillText(num(v), frame.x(v), height - PAD.bottom + 6);
  }
  pen.textAlign = 'right';
  for (const [v, base] of [[y[0], 'bottom'], [(y[0] + y[1]) / 2, 'middle'], [y[1], 'top']]) {
    pen.textBaseline = base;
    pen.fillText(num(v), PAD.left - 6, frame.y(v));
  }
  const spot = (px, py, r, fill) => {
    pen.beginPath();
    pen.arc(px, py, r, 0, 2 * Math.PI);
    pen.fillStyle = fill;
    pen.fill();
    pen.lineWidth = 2;
    pen.strokeStyle = colour('--ground');
    pen.stroke();
  };
  for (const [vx, vy] of marked.knob.slice().reverse()) {
    // A triangle, as in the distributions; the nearest one larger.
    const r = vx === marked.knob[0][0] && vy === marked.knob[0][1] ? 8 : 5;
    const [px, py] = [frame.x(vx), frame.y(vy)];
    pen.beginPath();
    pen.moveTo(px, py + r);
    pen.lineTo(px - r, py - r * 0.8);
    pen.lineTo(px + r, py - r * 0.8);
    pen.closePath();
    pen.fillStyle = colour('--ink');
    pen.lineWidth = 2;
    pen.strokeStyle = colour('--ground');
    pen.stroke();
    pen.fill();
  }
  if (marked.start) spot(frame.x(marked.start[0]), frame.y(marked.start[1]), 7, colour('--accent'));
}

/** Which points of the scatter belong to a group: those in its lasso, or its images. */
function useMask(data, {polygon, images}) {
  return useMemo(() => {
    if (polygon) return lasso.inside(polygon, data.x, data.y);
    if (!images.length) return null;
    const rows = new Set(images.map((i) => i.row));
    return Uint8Array.from(data.rows, (row) => rows.has(row));
  }, [data, polygon, images]);
}

const short = (value) => Number(value.toPrecision(6));

function Plot({run, x, y, data, walk, chosen, onStart, onSmall}) {
  const box = useRef(null);
  const canvas = useRef(null);
  const [hover, setHover] = useState(null);
  const size = useSize(box);
  const scheme = useScheme();
  const positions = (walk.base && walk.base.positions) || {};
  const start = walk.body && positions[x] !== undefined && positions[y] !== undefined ? [positions[x], positions[y]] : null;
  const [rangeX, rangeY] = useMemo(() => [bounds(data.x), bounds(data.y)], [data]);
  const frame = {
    size, rangeX, rangeY,
    x: (v) => PAD.left + ((v - rangeX[0]) / (rangeX[1] - rangeX[0])) * (size[0] - PAD.left - PAD.right),
    y: (v) => size[1] - PAD.bottom - ((v - rangeY[0]) / (rangeY[1] - rangeY[0])) * (size[1] - PAD.top - PAD.bottom),
  };
  const back = ([px, py]) => [
    short(rangeX[0] + ((px - PAD.left) / (size[0] - PAD.left - PAD.right)) * (rangeX[1] - rangeX[0])),
    short(rangeY[0] + ((size[1] - PAD.bottom - py) / (size[1] - PAD.top - PAD.bottom)) * (rangeY[1] - rangeY[0])),
  ];
  const groups = {a: useMask(data, chosen.a), b: useMask(data, chosen.b)};
  const images = (walk.body && walk.knob && walk.knob.images) || [];
  const place = useRef({});
  if (place.current.data !== data) place.current = {data, of: new Map(data.rows.map((row, i) => [row, i]))};
  const knob = images.map((i) => place.current.of.get(i.row)).filter((i) => i !== undefined).map((i) => [data.x[i], data.y[i]]);

  useEffect(() => {
    if (size[0] > 0) draw(canvas.current, data, frame, {start, knob, groups});
  }, [data, size[0], size[1], scheme, groups.a, groups.b, JSON.stringify([start, knob])]);

  const nearest = (event, reach = Infinity) => {
    const rect = canvas.current.getBoundingClientRect();
    const [mx, my] = [event.clientX - rect.left, event.clientY - rect.top];
    let best = null;
    for (let i = 0; i < data.rows.length; i += 1) {
      const d = (frame.x(data.x[i]) - mx) ** 2 + (frame.y(data.y[i]) - my) ** 2;
      if (best === null || d < best.d) best = {d, i};
    }
    return best && best.d < reach ** 2 ? {row: data.rows[best.i], left: frame.x(data.x[best.i]), top: frame.y(data.y[best.i])} : null;
  };
  // The path under the pen: set straight on its element, so that drawing does not draw the whole section again.
  const trail = useRef(null);
  const pen = useRef(null);
  const spotOf = (e) => {
    const rect = canvas.current.getBoundingClientRect();
    return [e.clientX - rect.left, e.clientY - rect.top];
  };
  const show = () => pen.current.setAttribute('d', lasso.path(trail.current || [], false));
  const drawing = chosen.mode === 'lasso';
  const lift = (e, done) => {
    if (!trail.current) return;
    const polygon = done ? lasso.polygonOf(trail.current) : null;
    trail.current = null;
    show();
    if (!done) return;
    onSmall(!polygon);
    if (!polygon) return;
    const corners = polygon.map(back);
    const sampled = lasso.inside(corners, data.x, data.y).reduce((sum, one) => sum + one, 0);
    selections.lasso(chosen.target, [x, y], corners, sampled, data.rows.length);
  };
  const pointer = drawing
    ? {
        onPointerDown: (e) => {
          if (e.button !== 0 || !e.isPrimary) return;
          e.preventDefault();
          e.currentTarget.setPointerCapture(e.pointerId);
          trail.current = [spotOf(e)];
        },
        onPointerMove: (e) => {
          if (!trail.current || !e.isPrimary) return;
          const [px, py] = spotOf(e);
          const [qx, qy] = trail.current[trail.current.length - 1];
          if ((px - qx) ** 2 + (py - qy) ** 2 < 9) return;
          trail.current.push([px, py]);
          show();
        },
        onPointerUp: (e) => lift(e, true),
        onPointerCancel: (e) => lift(e, false),
      }
    : {
        onPointerMove: (e) => e.pointerType === 'mouse' && setHover(nearest(e, 30)),
        onPointerLeave: () => setHover(null),
        onClick: (e) => {
          const hit = nearest(e);
          if (hit) onStart({row: hit.row});
        },
      };
  return html`<div class="plot" ref=${box}>
    <canvas id="scatter-canvas" class=${drawing ? 'drawing' : ''} ref=${canvas} style=${{height: `${size[1]}px`}} role="img"
      aria-label=${`Scatter of ${count(data.rows.length)} images: ${x} across, ${y} upward. Every image can also be found by the search.`}
      ...${pointer}></canvas>
    <svg class="lassos" aria-hidden="true">
      ${['b', 'a'].filter((g) => chosen[g].polygon).map((g) => html`<path key=${g} class=${g} data-lasso=${g} d=${lasso.path(chosen[g].polygon.map(([vx, vy]) => [frame.x(vx), frame.y(vy)]), true)} />`)}
      <path class=${`live ${chosen.target}`} ref=${pen} />
    </svg>
    <p class="axis-name across">${x} →</p><p class="axis-name upward">${y} ↑</p>
    ${hover && !drawing && html`<div class="peek" style=${{left: `${Math.min(hover.left + 12, size[0] - 92)}px`, top: `${Math.max(0, hover.top - 92)}px`}}><${Picture} who=${hover} side=${80} run=${run} /></div>`}
  </div>`;
}

/** Which group the next lasso defines, and what is in them. */
function Lasso({chosen, small}) {
  const said = ['a', 'b'].filter((g) => chosen[g].polygon).map((g) => html`<span key=${g}><${Mark} group=${g} /> about ${count(chosen[g].sampled)} of the ${count(chosen[g].of)} sampled points</span>`);
  return html`<div class="lasso-head">
    <fieldset><legend>The next lasso is</legend>
      ${[['a', 'Group A'], ['b', 'Group B']].map(([g, name]) => html`<label key=${g} class="tick"><input type="radio" name="lasso-group" data-target=${g} checked=${chosen.target === g} onChange=${() => selections.choose({target: g})} /><${Mark} group=${g} /><span>${name}</span></label>`)}
    </fieldset>
    ${said.length > 0 && html`<button type="button" class="link" id="clear-lassos" onClick=${selections.clearLassos}>Clear</button>`}
    <p class="note sampled" role="status">${small ? 'That was too small. Draw around the points.' : said.length ? said : 'Drag around points. Without a lasso, group B is all other images.'}</p>
    ${said.length === 0 && html`<p class="note">Drawing needs a pointer. <button type="button" class="link" onClick=${() => {
      document.getElementById('own-lines').scrollIntoView();
      document.getElementById('by-hand').focus();
    }}>Images can be chosen by hand instead.</button></p>`}
  </div>`;
}

export function Scatter({run, walk, onStart}) {
  const names = run.attributes.filter((a) => a.axis).map((a) => a.name);
  const [opened, setOpened] = useState(false);
  const [[x, y], setAxes] = useState([names[0], names[1]]);
  const [got, setGot] = useState({key: null, data: null, error: null});
  const chosen = useSelections((s) => s);
  const [small, setSmall] = useState(false);
  const key = `${x}\n${y}`;
  useEffect(() => {
    if (!opened || names.length < 2) return undefined;
    let alive = true;
    api.scatter(x, y).then((data) => alive && setGot({key, data, error: null}), (error) => alive && setGot({key, data: null, error}));
    return () => (alive = false);
  }, [opened, key]);
  if (names.length < 2) return null;
  const axes = (across, upward) => {
    selections.clearLassos();
    setSmall(false);
    setAxes([across, upward]);
  };
  const pick = (label, value, other, set) => html`<label>${label} <select value=${value} onChange=${(e) => set(e.target.value)}>
    ${names.map((n) => html`<option key=${n} value=${n} disabled=${n === other}>${n}</option>`)}</select></label>`;
  return html`<section id="scatter" aria-labelledby="scatter-title">
    <details id="scatter-fold" onToggle=${(e) => setOpened(e.target.open)}>
      <summary><h2 id="scatter-title">Scatter</h2></summary>
      <div class="scatter-head">
        ${pick('across', x, y, (v) => axes(v, y))} ${pick('upward', y, x, (v) => axes(x, v))}
        <div class="segments" role="group" aria-label="What a click or drag on the scatter does">
          ${Object.entries(MODES).map(([mode, name]) => html`<button key=${mode} type="button" class="segment" data-mode=${mode} aria-pressed=${chosen.mode === mode} onClick=${() => (setSmall(false), selections.choose({mode}))}>${name}</button>`)}
        </div>
        <p class="note" role="status">${got.key === key && got.data ? `${count(got.data.rows.length)} of ${count(got.data.total)} images.${chosen.mode === 'pick' ? ' Click a point to start from it.' : ''}` : 'Loading…'}</p>
      </div>
      ${chosen.mode === 'lasso' && html`<${Lasso} chosen=${chosen} small=${small} />`}
      <${Trouble} error=${got.key === key ? got.error : null} />
      ${opened && got.key === key && got.data && html`<${Plot} run=${run} x=${x} y=${y} data=${got.data} walk=${walk} chosen=${chosen} onStart=${onStart} onSmall=${setSmall} />`}
    </details>
  </section>`;
}
