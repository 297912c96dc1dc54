// The choice of what is walked: one line, or several as a mix; what is kept; what may be shown.

import {html} from '../vendor/htm-preact.js';
import {shown, tint} from '../palette.js';
import {count, num, plural} from '../format.js';
import {hasAxis} from '../walker.js';
import {Filters} from './filters.js';

const FEW = 6;
const WIDE = 8;

/** A new line for an attribute: along its axis where it has one, otherwise toward a value still to be chosen. */
export const newLine = (name) => ({attribute: name, toward: null, weight: 1});

/** How a line is called. Own lines go by their own names. */
const called = (attribute) => (attribute.own ? attribute.own.name : attribute.name);

function Attribute({run, walkable, line, index, mix, taken, onChange}) {
  const name = `attribute-${index}`;
  const options = (list) => list.map((a) => html`<option key=${a.name} value=${a.name} disabled=${taken.has(a.name) && a.name !== line.attribute}>${called(a)}</option>`);
  if (walkable.length > FEW || mix) {
    return html`<select aria-label="Attribute" data-attribute value=${line.attribute} onChange=${(e) => onChange(newLine(e.target.value))}>
      ${options(walkable)}
      ${run.own.length > 0 && html`<optgroup label="own lines">${options(run.own)}</optgroup>`}
    </select>`;
  }
  return html`<div class="segments" role="radiogroup" aria-label="Attribute">
    ${walkable.map((a) => html`<label key=${a.name} class="segment">
      <input type="radio" name=${name} value=${a.name} checked=${a.name === line.attribute} disabled=${taken.has(a.name) && a.name !== line.attribute} onChange=${() => onChange(newLine(a.name))} />
      <span>${a.name}</span>
    </label>`)}
  </div>
  ${run.own.length > 0 && html`<select class=${`own-lines${run.byName.get(line.attribute).own ? ' in-use' : ''}`} aria-label="Own line" data-own-lines value=${run.byName.get(line.attribute).own ? line.attribute : ''} onChange=${(e) => onChange(newLine(e.target.value))}>
    <option value="" disabled hidden>own lines</option>
    <optgroup label="own lines">${options(run.own)}</optgroup>
  </select>`}`;
}

function Line({run, walkable, line, index, mix, taken, own, onChange, onWeight, onRemove}) {
  const attribute = run.byName.get(line.attribute);
  const set = (toward) => onChange({...line, toward});
  const values = attribute.toward ? shown(attribute).filter((c) => attribute.toward.values.includes(c)) : [];
  return html`<li class="line" data-line=${line.attribute}>
    <${Attribute} run=${run} walkable=${walkable} line=${line} index=${index} mix=${mix} taken=${taken} onChange=${onChange} />
    <div class="ways" role="group" aria-label=${`Way of ${called(attribute)}`}>
      ${hasAxis(attribute) && html`<button type="button" data-axis aria-pressed=${line.toward === null} onClick=${() => set(null)}>along its axis</button>`}
      ${values.length > 0 && html`<span class="toward">toward</span>`}
      ${values.map((v) => html`<button key=${v} type="button" class="value tint" style=${tint(attribute, v)} data-value=${v} aria-pressed=${line.toward === v}
        disabled=${own[attribute.name] === v} title=${own[attribute.name] === v ? 'The start has this value already.' : null} onClick=${() => set(v)}><span class="cls">${v}</span></button>`)}
    </div>
    ${mix && html`<div class="weight">
      <label><span>weight</span><input type="range" min="-2" max="2" step="0.1" value=${line.weight} onInput=${(e) => onWeight({...line, weight: Number(e.target.value)})} /></label>
      <output>${num(line.weight)}</output>
      <button type="button" class="link" aria-label=${`Remove the line of ${called(attribute)}`} onClick=${onRemove}>Remove</button>
    </div>`}
  </li>`;
}

function Keep({run, store, state}) {
  const walked = new Set(state.lines.map((l) => l.attribute));
  const others = run.attributes.filter((a) => a.axis && !walked.has(a.name));
  if (others.length === 0) return null;
  const toggle = (name) => store.choose({keep: state.keep.includes(name) ? state.keep.filter((k) => k !== name) : [...state.keep, name]});
  const boxes = others.map((a) => html`<label key=${a.name} class="tick"><input type="checkbox" data-keep=${a.name} checked=${state.keep.includes(a.name)} onChange=${() => toggle(a.name)} /><span>${a.name}</span></label>`);
  return html`<fieldset id="keep"><legend>Keep</legend>
    ${others.length <= WIDE ? boxes : html`<details class="all"><summary>${state.keep.length} of ${others.length} attributes</summary><div class="many">${boxes}</div></details>`}
  </fieldset>`;
}

/** Attributes of which only images with the start's own label may be found. */
function Same({run, store, state, image}) {
  const walked = new Set(state.lines.map((l) => l.attribute));
  const labels = image ? image.labels : {};
  const others = run.attributes.filter((a) => !walked.has(a.name) && labels[a.name] !== undefined && labels[a.name] !== null);
  if (others.length === 0) return null;
  const toggle = (name) => store.choose({same: state.same.includes(name) ? state.same.filter((s) => s !== name) : [...state.same, name]});
  const boxes = others.map((a) => html`<label key=${a.name} class="tick"><input type="checkbox" data-same=${a.name} checked=${state.same.includes(a.name)} onChange=${() => toggle(a.name)} /><span>${a.name}: ${[labels[a.name]].flat().join(', ')}</span></label>`);
  return html`<fieldset id="same"><legend>Only with the start's own</legend>
    ${others.length <= WIDE ? boxes : html`<details class="all"><summary>${state.same.length} of ${others.length} attributes</summary><div class="many">${boxes}</div></details>`}
  </fieldset>`;
}

function Pool({run, store, state, base}) {
  const pool = state.pool;
  const size = base ? base.pool : run.pool.images;
  const own = () => store.choose({pool: {splits: [...run.pool.splits], labels: structuredClone(run.pool.labels)}});
  return html`<fieldset id="pool"><legend>Look in</legend>
    <label class="tick"><input type="radio" name="pool" checked=${pool === null} onChange=${() => store.choose({pool: null})} /><span>the run's pool</span></label>
    <label class="tick"><input type="radio" name="pool" checked=${pool !== null} onChange=${own} /><span>chosen images</span></label>
    <span class="count" title="Images that can be found">${plural(size, 'image')}</span>
    ${pool && html`<${Filters} run=${run} splits=${pool.splits} labels=${pool.labels}
      onSplits=${(splits) => store.choose({pool: {...pool, splits}})} onLabels=${(labels) => store.choose({pool: {...pool, labels}})} />`}
  </fieldset>`;
}

export function Lines({run, store, state, image, base}) {
  const walkable = run.walkable;
  const mix = state.lines.length > 1;
  const taken = new Set(state.lines.map((l) => l.attribute));
  const free = walkable.find((a) => !taken.has(a.name) && a.axis) || [...walkable, ...run.own].find((a) => !taken.has(a.name));
  const put = (index, line) => state.lines.map((l, i) => (i === index ? line : l));
  return html`<div class="choice">
    <ul class="lines">
      ${state.lines.map((line, index) => html`<${Line} key=${index} run=${run} walkable=${walkable} line=${line} index=${index} mix=${mix} taken=${taken}
        own=${image ? image.labels : {}}
        onChange=${(l) => store.choose({lines: put(index, l), at: null})}
        onWeight=${(l) => store.drag({lines: put(index, l)})}
        onRemove=${() => store.choose({lines: state.lines.filter((_, i) => i !== index), at: null})} />`)}
    </ul>
    <div class="also">
      <button type="button" id="add-line" class="link" disabled=${!free || state.lines.length === 0} onClick=${() => store.choose({lines: [...state.lines, newLine(free.name)], at: null})}>+ Add another line</button>
      <${Keep} run=${run} store=${store} state=${state} />
      <${Same} run=${run} store=${store} state=${state} image=${image} />
      <${Pool} run=${run} store=${store} state=${state} base=${base} />
    </div>
  </div>`;
}
