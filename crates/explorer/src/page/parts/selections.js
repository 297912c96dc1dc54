// Own lines: the groups they are made of, the controls to choose images by hand, and the cards of what was found.

import {html, useEffect, useRef, useState} from '../vendor/htm-preact.js';
import * as api from '../api.js';
import {num, percent, plural} from '../format.js';
import * as selections from '../selections.js';
import {NEEDED, useSelections} from '../selections.js';
import {Picture, Trouble} from './bits.js';
import {Answer} from './verdicts.js';

/** The sign of a group: a filled square and a dashed circle, each with its letter. */
export const Mark = ({group}) => html`<i class=${`group-mark ${group}`} aria-hidden="true">${group.toUpperCase()}</i>`;

/** The two controls at an image, there only while images are chosen by hand. */
export function Choose({image}) {
  const at = useSelections((s) => (!s.hand ? null : ['a', 'b'].find((g) => s[g].images.some((i) => i.row === image.row)) || 'none'));
  if (at === null || image.row === undefined) return null;
  return html`<span class="picks">${['a', 'b'].map((g) => html`<button key=${g} type="button" class=${`pick ${g}`} data-put=${g} aria-pressed=${at === g}
    aria-label=${`${image.id} in group ${g.toUpperCase()}`} onClick=${() => selections.toggle(g, image)}><span aria-hidden="true">${at === g ? '✓' : '+'}</span> ${g.toUpperCase()}</button>`)}</span>`;
}

const amount = (images) => (images.length < NEEDED ? `${images.length} of ${NEEDED}` : plural(images.length, 'image'));

/** While images are chosen by hand: how far one is, wherever the page stands. */
export function HandBar() {
  const s = useSelections((state) => state);
  if (!s.hand) return null;
  const say = (g, none) => (s[g].polygon ? 'a lasso' : s[g].images.length ? amount(s[g].images) : none);
  return html`<div class="hand-bar" role="region" aria-label="Choosing by hand"><div>
    <b>By hand</b>
    <span><${Mark} group="a" /> <span class="unseen">Group A: </span>${say('a', `0 of ${NEEDED}`)}</span>
    <span><${Mark} group="b" /> <span class="unseen">Group B: </span>${say('b', 'all others')}</span>
    <button type="button" class="link" onClick=${() => document.getElementById('own-lines').scrollIntoView()}>To the groups</button>
    <button type="button" onClick=${() => selections.choose({hand: false})}>Done</button>
  </div></div>`;
}

function Group({run, group, of, name, empty}) {
  const {polygon, axes, sampled, of: total, images} = of;
  return html`<div class="group" role="group" aria-label=${`Group ${group.toUpperCase()}`} data-group=${group}>
    <h3><${Mark} group=${group} /> ${name}
      ${images.length > 0 && html`<span class="count" data-count>${amount(images)}</span>`}
      ${(polygon || images.length > 0) && html`<button type="button" class="link" aria-label=${`Clear group ${group.toUpperCase()}`} onClick=${() => selections.clear(group)}>Clear</button>`}</h3>
    ${polygon && html`<p class="note">A lasso over ${axes[0]} and ${axes[1]}: about ${sampled.toLocaleString('en')} of the ${total.toLocaleString('en')} sampled points.</p>`}
    ${!polygon && images.length === 0 && html`<p class="note">${empty}</p>`}
    ${images.length > 0 && html`<ul class="chosen">${images.map((i) => html`<li key=${i.row}>
      <button type="button" class="thumb" title=${`${i.id}: take it out`} aria-label=${`Take ${i.id} out of group ${group.toUpperCase()}`} onClick=${() => selections.toggle(group, i)}>
        <${Picture} who=${i} side=${44} run=${run} /><span class="out" aria-hidden="true">×</span></button></li>`)}</ul>`}
  </div>`;
}

function Make({drafts}) {
  const [name, setName] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const [said, setSaid] = useState('');
  const wants = selections.missing(drafts, name);
  useEffect(() => setError(null), [drafts.a, drafts.b]);
  const submit = async (e) => {
    e.preventDefault();
    if (wants || busy) return;
    setBusy(true);
    setError(null);
    setSaid('');
    try {
      const card = await selections.make(name);
      setName('');
      setSaid(`${card.name} is tested: ${card.answer}. ${card.sentence}`);
    } catch (refused) {
      setError(refused);
    }
    setBusy(false);
  };
  return html`<form class="make" onSubmit=${submit}>
    <label for="line-name">Name</label>
    <input type="text" id="line-name" maxlength="60" autocomplete="off" placeholder="a name for the line" value=${name} onInput=${(e) => (setName(e.target.value), setError(null))} />
    <button type="submit" id="make-line" disabled=${Boolean(wants) || busy} aria-describedby="line-wants">${busy ? 'Testing…' : 'Make it a line'}</button>
    <p class="note" id="line-wants">${busy ? '' : wants || ''}</p>
    <${Trouble} error=${error} />
    <p class="unseen" role="status">${said}</p>
  </form>`;
}

/** The figures of a card. What was drawn on positions cannot be judged on them, so that figure is pale and says so. */
function Figures({card}) {
  const {apart} = card;
  const drawn = card.plane !== null && card.plane !== undefined;
  const [low, high] = (apart && apart.interval) || [];
  return html`<table class="figures">
    <thead><tr><td></td><th scope="col">AUC</th><th scope="col">95 % interval</th><th scope="col">p</th><th scope="col">stability</th></tr></thead>
    <tbody>
      ${drawn && html`<tr class="pale"><th scope="row">as drawn</th><td>${num(card.auc)}</td><td colspan="3" class="why">cannot be judged: it was drawn on these positions</td></tr>`}
      <tr><th scope="row">${drawn ? 'both axes taken out' : 'held out'}</th><td>${num(apart && apart.auc)}</td><td>${num(low)} to ${num(high)}</td><td>${num(apart && apart.p)}</td><td>${num(apart && apart.stability)}</td></tr>
    </tbody>
  </table>
  ${drawn && html`<p class="note"><b>${percent(card.plane)}</b> of the direction lies in the scatter's plane.</p>`}`;
}

function Card({card, walked, onWalk, onGone}) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const drop = async () => {
    setBusy(true);
    try {
      await onGone(card);
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return html`<li class="card" data-card=${card.name} data-answer=${card.answer}>
    <h3>${card.name}</h3>
    <p class="sizes"><span><${Mark} group="a" /> <span class="unseen">Group A: </span>${plural(card.positive, 'image')}</span> <span><${Mark} group="b" /> <span class="unseen">Group B: </span>${plural(card.negative, 'image')}</span></p>
    <p class="found-out"><${Answer} answer=${card.answer} /> <span>${card.sentence}</span></p>
    <${Figures} card=${card} />
    <div class="acts">
      <button type="button" data-walk=${card.name} aria-pressed=${walked} aria-label=${`Walk along it: ${card.name}`} onClick=${() => onWalk(card)}>Walk along it</button>
      <a href=${api.directionOf(card.name)} download=${`${card.name}.npy`}>Direction (.npy)</a>
      <button type="button" class="link" data-delete=${card.name} disabled=${busy} aria-label=${`Delete ${card.name}`} onClick=${drop}>Delete</button>
    </div>
    <${Trouble} error=${error} />
  </li>`;
}

export function OwnLines({run, lines, failed, onWalk, onGone}) {
  const s = useSelections((state) => state);
  const newest = useRef(s.cards.length);
  const list = useRef(null);
  useEffect(() => {
    if (s.cards.length > newest.current && list.current) list.current.firstElementChild.scrollIntoView({block: 'nearest'});
    newest.current = s.cards.length;
  }, [s.cards]);
  const scatter = run.attributes.filter((a) => a.axis).length > 1;
  return html`<section id="own-lines" aria-labelledby="own-lines-title">
    <h2 id="own-lines-title">Own lines</h2>
    <p class="note">${scatter ? 'Draw a lasso on the scatter, or choose images by hand.' : 'Choose images by hand.'} A line from group B to group A is fitted and tested at once.${scatter ? ' A lasso drawn on positions looks perfect on these positions. So the line is judged after both axes are taken out.' : ''}</p>
    <div class="hand"><button type="button" id="by-hand" aria-pressed=${s.hand} onClick=${() => selections.choose({hand: !s.hand})}>Choose by hand</button>
      <span class="note">${s.hand ? 'Every image now has + A and + B, in the list of starts and in the walk.' : `At least ${NEEDED} images in a group.`}</span></div>
    <div class="groups">
      <${Group} run=${run} group="a" name="Group A" of=${s.a} empty="Nothing yet." />
      <${Group} run=${run} group="b" name="Group B" of=${s.b} empty="All other images." />
    </div>
    <${Make} drafts=${s} />
    <${Trouble} error=${failed} />
    ${s.cards.length > 0 && html`<ul class="cards" aria-label="Own lines" ref=${list}>
      ${s.cards.slice().reverse().map((card) => html`<${Card} key=${card.name} card=${card} walked=${lines.some((l) => l.attribute === card.line)} onWalk=${onWalk} onGone=${onGone} />`)}
    </ul>`}
  </section>`;
}
