// All images over two axes. Loaded only when it is opened.

import {html, useEffect, useRef, useState} from '../vendor/htm-preact.js';
import * as api from '../api.js';
import {count, num} from '../format.js';
import {Picture, Trouble} from './bits.js';

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

function Plot({run, x, y, data, walk, onStart}) {
  const box = useRef(null);
  const canvas = useRef(null);
  const [hover, setHover] = useState(null);
  const size = useSize(box);
  const scheme = useScheme();
  const positions = (walk.base && walk.base.positions) || {};
  const start = walk.body && positions[x] !== undefined && positions[y] !== undefined ? [positions[x], positions[y]] : null;
  const [rangeX, rangeY] = [bounds(data.x), bounds(data.y)];
  const frame = {
    size, rangeX, rangeY,
    x: (v) => PAD.left + ((v - rangeX[0]) / (rangeX[1] - rangeX[0])) * (size[0] - PAD.left - PAD.right),
    y: (v) => size[1] - PAD.bottom - ((v - rangeY[0]) / (rangeY[1] - rangeY[0])) * (size[1] - PAD.top - PAD.bottom),
  };
  const images = (walk.body && walk.knob && walk.knob.images) || [];
  const place = useRef({});
  if (place.current.data !== data) place.current = {data, of: new Map(data.rows.map((row, i) => [row, i]))};
  const knob = images.map((i) => place.current.of.get(i.row)).filter((i) => i !== undefined).map((i) => [data.x[i], data.y[i]]);

  useEffect(() => {
    if (size[0] > 0) draw(canvas.current, data, frame, {start, knob});
  }, [data, size[0], size[1], scheme, JSON.stringify([start, knob])]);

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
  return html`<div class="plot" ref=${box}>
    <canvas id="scatter-canvas" ref=${canvas} style=${{height: `${size[1]}px`}} role="img"
      aria-label=${`Scatter of ${count(data.rows.length)} images: ${x} across, ${y} upward. Every image can also be found by the search.`}
      onPointerMove=${(e) => e.pointerType === 'mouse' && setHover(nearest(e, 30))} onPointerLeave=${() => setHover(null)}
      onClick=${(e) => {
        const hit = nearest(e);
        if (hit) onStart({row: hit.row});
      }}></canvas>
    <p class="axis-name across">${x} →</p><p class="axis-name upward">${y} ↑</p>
    ${hover && html`<div class="peek" style=${{left: `${Math.min(hover.left + 12, size[0] - 92)}px`, top: `${Math.max(0, hover.top - 92)}px`}}><${Picture} who=${hover} side=${80} run=${run} /></div>`}
  </div>`;
}

export function Scatter({run, walk, onStart}) {
  const names = run.attributes.filter((a) => a.axis).map((a) => a.name);
  const [opened, setOpened] = useState(false);
  const [[x, y], setAxes] = useState([names[0], names[1]]);
  const [got, setGot] = useState({key: null, data: null, error: null});
  const key = `${x}\n${y}`;
  useEffect(() => {
    if (!opened || names.length < 2) return undefined;
    let alive = true;
    api.scatter(x, y).then((data) => alive && setGot({key, data, error: null}), (error) => alive && setGot({key, data: null, error}));
    return () => (alive = false);
  }, [opened, key]);
  if (names.length < 2) return null;
  const pick = (label, value, other, set) => html`<label>${label} <select value=${value} onChange=${(e) => set(e.target.value)}>
    ${names.map((n) => html`<option key=${n} value=${n} disabled=${n === other}>${n}</option>`)}</select></label>`;
  return html`<section id="scatter" aria-labelledby="scatter-title">
    <details id="scatter-fold" onToggle=${(e) => setOpened(e.target.open)}>
      <summary><h2 id="scatter-title">Scatter</h2></summary>
      <div class="scatter-head">
        ${pick('across', x, y, (v) => setAxes([v, y]))} ${pick('upward', y, x, (v) => setAxes([x, v]))}
        <p class="note" role="status">${got.key === key && got.data ? `${count(got.data.rows.length)} of ${count(got.data.total)} images. Click a point to start from it.` : 'Loading…'}</p>
      </div>
      <${Trouble} error=${got.key === key ? got.error : null} />
      ${opened && got.key === key && got.data && html`<${Plot} run=${run} x=${x} y=${y} data=${got.data} walk=${walk} onStart=${onStart} />`}
    </details>
  </section>`;
}
