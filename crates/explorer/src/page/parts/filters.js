// Lists of values to tick: for the search of a start and for the pool.

import {html, useState} from '../vendor/htm-preact.js';
import {shown, tint} from '../palette.js';
import {count} from '../format.js';

const MANY = 16;
const WIDE = 8;

/** One list in a fold: `options` are {value, text, count, style}. */
export function Ticks({name, hook, options, chosen, onChange}) {
  const [find, setFind] = useState('');
  const needle = find.trim().toLowerCase();
  const seen = needle ? options.filter((o) => o.text.toLowerCase().includes(needle)) : options;
  const toggle = (value) => onChange(chosen.includes(value) ? chosen.filter((v) => v !== value) : [...chosen, value]);
  return html`<details class=${`fold${chosen.length ? ' active' : ''}`} data-filter=${hook}>
    <summary><span>${name}</span>${chosen.length > 0 && html`<b>${chosen.length}</b>`}</summary>
    <div class="ticks">
      ${options.length > MANY && html`<input type="search" class="find" placeholder="find a value" aria-label=${`Find a value of ${name}`} value=${find} onInput=${(e) => setFind(e.target.value)} />`}
      <ul>
        ${seen.map((o) => html`<li key=${o.value}><label class="tick">
          <input type="checkbox" checked=${chosen.includes(o.value)} onChange=${() => toggle(o.value)} />
          <span class=${o.style ? 'cls tint' : ''} style=${o.style}>${o.text}</span>
          ${o.count !== undefined && html`<span class="count">${count(o.count)}</span>`}
        </label></li>`)}
      </ul>
      ${chosen.length > 0 && html`<button type="button" class="link" onClick=${() => onChange([])}>Clear ${name}</button>`}
    </div>
  </details>`;
}

/** The split and every attribute, side by side. */
export function Filters({run, splits, labels, onSplits, onLabels}) {
  const lists = html`<div class="folds">
    <${Ticks} name="split" hook="split" chosen=${splits} onChange=${onSplits}
      options=${Object.entries(run.splits).map(([value, n]) => ({value, text: value, count: n}))} />
    ${run.attributes.map((a) => {
      const options = shown(a).map((c) => ({value: c, text: c, count: a.counts[a.classes.indexOf(c)], style: tint(a, c)}));
      if (a.unlabelled > 0 && a.kind !== 'multi') options.push({value: '', text: 'unlabelled', count: a.unlabelled, style: tint(a, null)});
      return html`<${Ticks} key=${a.name} name=${a.name} hook=${`label:${a.name}`} options=${options} chosen=${labels[a.name] || []}
        onChange=${(values) => {
          const next = {...labels, [a.name]: values};
          if (values.length === 0) delete next[a.name];
          onLabels(next);
        }} />`;
    })}
  </div>`;
  if (run.attributes.length <= WIDE) return lists;
  const active = Object.keys(labels).length + (splits.length ? 1 : 0);
  return html`<details class="all"><summary>Filter by split and label ${active > 0 && html`<b>${active} in use</b>`}</summary>${lists}</details>`;
}
