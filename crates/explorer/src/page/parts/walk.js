// The walk: what is walked, the knob, the images under it, the strip.

import {html, useEffect, useState} from '../vendor/htm-preact.js';
import * as api from '../api.js';
import {csv, download, fileName} from '../export.js';
import {num, percent} from '../format.js';
import {hasAxis} from '../walker.js';
import {Trouble} from './bits.js';
import {Knob} from './knob.js';
import {Lines} from './lines.js';
import {StartTile, Strip, Tile} from './tiles.js';
import {Verdicts} from './verdicts.js';

/** Says the result once the knob rests; a drag would otherwise flood a screen reader. */
function Said({walk, walked}) {
  const [text, setText] = useState('');
  const nearest = walk.knob && walk.knob.images[0];
  const now = nearest ? `Nearest image: ${nearest.id}, ${walked.own ? '' : `${walked.name} ${nearest.value ?? 'unlabelled'}, `}distance ${num(nearest.distance)}.` : '';
  useEffect(() => {
    const later = setTimeout(() => setText(now), 700);
    return () => clearTimeout(later);
  }, [now]);
  return html`<p class="unseen" aria-live="polite">${text}</p>`;
}

function Exports({run, walk, image}) {
  const [said, setSaid] = useState('');
  const [error, setError] = useState(null);
  const table = () => csv(run, image, walk.base);
  const say = (text) => {
    setSaid(text);
    setTimeout(() => setSaid(''), 2500);
  };
  const copy = () => navigator.clipboard.writeText(table()).then(() => say('Copied.'), () => say('The browser does not allow it.'));
  const save = () => download(new Blob([table()], {type: 'text/csv'}), fileName(walk.body, 'csv'));
  const png = async () => {
    setError(null);
    try {
      download(await api.strip({...walk.body, at: null, per_stop: 1}), fileName(walk.body, 'png'));
    } catch (e) {
      setError(e);
    }
  };
  return html`<div class="exports">
    <span role="status" class="soft">${said}</span>
    <button type="button" class="link" id="copy-csv" onClick=${copy}>Copy ids as CSV</button>
    <button type="button" class="link" id="save-csv" onClick=${save}>Download CSV</button>
    <button type="button" class="link" id="save-png" onClick=${png}>Strip as PNG</button>
    <${Trouble} error=${error} />
  </div>`;
}

export function Walk({run, store, state, image, walk, onStart}) {
  const walked = state.lines.length ? run.byName.get(state.lines[0].attribute) : null;
  const choices = state.lines.some((l) => l.toward === null && !hasAxis(run.byName.get(l.attribute)));
  // While the next walk is on its way, the last one stays, but with the new choice's names.
  const shown = walk.base && walk.body && !walk.refused;
  return html`<section id="walk" class="walk" aria-labelledby="walk-title" aria-busy=${walk.busy}>
    <h2 id="walk-title">Walk</h2>
    ${run.walkable.length === 0 && run.own.length === 0 && html`<p class="lead">This run found no line to walk. The images can still be looked at.</p>`}
    <${Lines} run=${run} store=${store} state=${state} image=${image} base=${walk.base} />
    ${walked && html`<div class="console">
      <${Verdicts} run=${run} lines=${state.lines} />
      ${shown && walk.body.keep.length > 0 && html`<p class="left" id="left"><b>${percent(walk.base.left)}</b> of the direction is left by what is kept.</p>`}
      ${shown && html`<${Knob} run=${run} walk=${walk} onDrag=${(at) => store.drag({at})} onChoose=${(at) => store.choose({at})} />`}
    </div>`}
    <${Trouble} error=${walk.error} />
    ${!state.start && walked && html`<p class="lead waiting">Choose a start. The images along the line appear here.</p>`}
    ${state.start && choices && html`<p class="lead waiting">Choose a value to walk toward.</p>`}
    ${shown && walk.knob && html`<div class="stage">
        <${StartTile} run=${run} start=${state.start} image=${image} base=${walk.base} walked=${walked} />
        <ul id="tiles" class="tiles" data-at=${walk.knob.at} aria-label="The nearest images at the knob">
          ${walk.knob.images.map((i, index) => html`<${Tile} key=${index} run=${run} image=${i} walked=${walked} big=${index === 0} side=${index === 0 ? 260 : 96} onStart=${onStart} />`)}
          ${walk.knob.images.length === 0 && html`<li class="tile big"><span class="frame empty">No image of the pool stands here.</span></li>`}
        </ul>
      </div>
      <${Said} walk=${walk} walked=${walked} />`}
    ${shown && html`<div class="strip-head"><h3>The usual stops</h3><${Exports} run=${run} walk=${walk} image=${image} /></div>
      <${Strip} run=${run} walk=${walk} start=${state.start} image=${image} onAt=${(at) => store.choose({at: Number(at.toFixed(4))})} onStart=${onStart} />
      <p class="legend"><span class="changed"><i aria-hidden="true">≠</i> a label that differs from the start's</span> <span class="kept"><i aria-hidden="true">=</i> a label that is the same</span> <span><i aria-hidden="true">·</i> a label that cannot be compared</span> <span class="soft">d: distance from the place looked for</span></p>`}
  </section>`;
}
