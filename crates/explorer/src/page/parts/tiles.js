// Images with what is known of them: the start, those at the knob, and the strip of usual stops.

import {html} from '../vendor/htm-preact.js';
import {num} from '../format.js';
import {Class, Picture} from './bits.js';
import {Choose} from './selections.js';

const SHOWN = {big: 10, small: 4};

/** The labels of a found image. What changed and what was kept differ by sign, colour and weight; what changed comes first. */
function Labels({run, image, walked, big}) {
  const rank = (a) => (image.changed.includes(a.name) ? 0 : image.kept.includes(a.name) ? 1 : 2);
  const others = run.attributes
    .filter((a) => a.name !== walked.name && image.labels[a.name] !== undefined && image.labels[a.name] !== null)
    .sort((a, b) => rank(a) - rank(b));
  const limit = big ? SHOWN.big : SHOWN.small;
  const seen = others.length > limit ? others.slice(0, limit - 1) : others;
  const rest = others.slice(seen.length);
  const say = (a) => `${['≠', '=', '·'][rank(a)]} ${a.name} ${image.labels[a.name]}`;
  const changed = rest.filter((a) => rank(a) === 0).length;
  return html`<ul class="labels">
    ${!walked.own && html`<li class="walked"><${Class} attribute=${walked} value=${image.value} /></li>`}
    ${seen.map((a) => {
      const [kind, sign, word] = [['changed', '≠', 'changed'], ['kept', '=', 'kept'], ['unsaid', '·', '']][rank(a)];
      return html`<li key=${a.name} class=${kind} data-label=${kind}><i aria-hidden="true">${sign}</i><span class="unseen">${word} </span><span class="of">${a.name}</span> ${image.labels[a.name]}</li>`;
    })}
    ${rest.length > 0 && html`<li class=${changed ? 'changed' : 'unsaid'} title=${rest.map(say).join('\n')}>${changed ? `${changed} more changed` : `${rest.length} more`}</li>`}
  </ul>`;
}

/** One found image. */
export function Tile({run, image, walked, side, big, onStart}) {
  return html`<li class=${big ? 'tile big' : 'tile'} data-row=${image.row}>
    <span class="frame"><${Picture} who=${image} side=${side} run=${run} alt=${image.id} /></span>
    <div class="text">
      <p class="id" title=${image.id}>${image.id}</p>
      <p class="where"><span title="Position on the line">${num(image.position)}</span><span class="d" title="Distance from the place looked for">d ${num(image.distance)}</span></p>
      <${Labels} run=${run} image=${image} walked=${walked} big=${big} />
      <button type="button" class="link here" aria-label=${`Start here, from ${image.id}`} onClick=${() => onStart(image)}>Start here</button>
      <${Choose} image=${image} />
    </div>
  </li>`;
}

/** The start, as large as the nearest image, so that the two can be compared. */
export function StartTile({run, start, image, base, walked}) {
  const own = start.picture !== undefined;
  return html`<figure class="tile big first" data-start-tile>
    <span class="frame"><${Picture} who=${start} side=${260} run=${run} alt=${image ? image.id : 'own picture'} /></span>
    <figcaption class="text">
      <p class="id">${own ? 'Own picture' : image ? image.id : `Image ${start.row}`}</p>
      <p class="where"><span title="Position on the line">${num(base && base.start.position)}</span></p>
      <ul class="labels">
        ${!own && image && !walked.own && html`<li class="walked"><${Class} attribute=${walked} value=${image.labels[walked.name]} /></li>`}
        ${image && run.attributes.filter((a) => a.name !== walked.name && image.labels[a.name]).slice(0, SHOWN.big).map((a) => html`<li key=${a.name} class="unsaid"><span class="of">${a.name}</span> ${image.labels[a.name]}</li>`)}
        ${own && base && base.start.class && html`<li class="walked"><${Class} attribute=${walked} value=${base.start.class} /></li>`}
      </ul>
      ${image && html`<${Choose} image=${image} />`}
    </figcaption>
  </figure>`;
}

const FEW = 3;

function changes({changed, labels}) {
  const few = changed.length > FEW ? changed.slice(0, FEW - 1) : changed;
  return few.map((name) => `${name} ${labels[name]}`).join(', ') + (few.length < changed.length ? ` and ${changed.length - few.length} more` : '');
}

/** The usual stops in a row. A click on one moves the knob there. */
export function Strip({run, walk, start, image, onAt, onStart}) {
  const {base, at} = walk;
  const walked = run.byName.get(walk.body.lines[0].attribute);
  const span = base.range[1] - base.range[0] || 1;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Strip of the usual stops"><ol id="strip" class="strip" style=${{'--n': String(base.stops.length + 1)}} aria-busy=${walk.busy}>
    <li class="start" data-strip-start>
      <p class="at">start</p>
      <span class="frame"><${Picture} who=${start} side=${112} run=${run} alt=${image ? image.id : 'own picture'} /></span>
      <p class="id" title=${image ? image.id : null}>${image ? image.id : 'Own picture'}</p>
      ${!walked.own && html`<p class="label">${image ? html`<${Class} attribute=${walked} value=${image.labels[walked.name]} />` : html`<span class="none">not labelled</span>`}</p>`}
      ${image && html`<${Choose} image=${image} />`}
    </li>
    ${base.stops.map((stop, index) => {
      const found = stop.images[0];
      const here = at !== null && Math.abs(stop.at - at) < span / 400;
      return html`<li key=${index} class=${here ? 'here' : ''} data-at=${stop.at} data-row=${found ? found.row : ''}>
        <p class="at">${num(stop.at)}</p>
        ${found
          ? html`<button type="button" class="frame" aria-current=${here ? 'true' : null} aria-label=${`Move the knob to ${num(stop.at)}: ${found.id}`} onClick=${() => onAt(stop.at)}><${Picture} who=${found} side=${112} run=${run} /></button>
            <p class="id" title=${found.id}>${found.id}</p>
            ${!walked.own && html`<p class="label"><${Class} attribute=${walked} value=${found.value} /></p>`}
            ${found.changed.length > 0
              ? html`<p class="changed" data-label="changed"><i aria-hidden="true">≠</i> ${changes(found)}</p>`
              : found.kept.length > 0 && html`<p class="kept" data-label="kept"><i aria-hidden="true">=</i> ${found.kept.length === 1 ? found.kept[0] : `${found.kept.length} others`} kept</p>`}
            <button type="button" class="link here-link" aria-label=${`Start here, from ${found.id}`} onClick=${() => onStart(found)}>Start here</button>
            <${Choose} image=${found} />`
          : html`<span class="frame empty">no image stands here</span>`}
      </li>`;
    })}
  </ol></div>`;
}
