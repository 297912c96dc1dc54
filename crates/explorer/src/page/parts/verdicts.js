// What the run found out about each chosen line: always in sight, so that no walk is read without it.

import {html} from '../vendor/htm-preact.js';
import {percent} from '../format.js';

const NAMES = {exists: 'readable', ordered: 'ordered', one_axis: 'one axis', stable: 'stable', separate: 'separate'};
const ANSWERS = {yes: ['good', '✓'], no: ['bad', '✕'], unclear: ['caution', '?']};

/** The answer to whether an own line holds. */
export function Answer({answer}) {
  const [tone, icon] = ANSWERS[answer] || ANSWERS.unclear;
  return html`<span class=${`badge ${tone}`} data-verdict=${answer}><span aria-hidden="true">${icon}</span> ${answer}</span>`;
}

function Badge({name, verdict}) {
  const [tone, icon] = ANSWERS[verdict.answer] || ANSWERS.unclear;
  return html`<li class=${`badge ${tone}`} data-verdict=${verdict.answer} title=${verdict.sentence}>
    <span aria-hidden="true">${icon}</span> ${name}<span class="unseen">: ${verdict.answer}. ${verdict.sentence}</span></li>`;
}

export function Verdicts({run, lines}) {
  return html`<ul class="facts" aria-label="Verdicts of the chosen lines">
    ${lines.map((line) => {
      const a = run.byName.get(line.attribute);
      if (a.own) {
        return html`<li key=${line.attribute} class="fact" data-verdicts=${a.name}>
          <b class="who">${a.own.name}</b> <${Answer} answer=${a.own.answer} />
          <p class="sentence" title=${a.sentence}>${a.sentence}</p>
        </li>`;
      }
      const verdicts = Object.entries(NAMES).filter(([key]) => a.verdicts && a.verdicts[key]);
      return html`<li key=${line.attribute} class="fact" data-verdicts=${a.name}>
        <b class="who">${a.name}</b>
        <ul class="badges">
          ${verdicts.map(([key, name]) => html`<${Badge} key=${key} name=${name} verdict=${a.verdicts[key]} />`)}
          ${verdicts.length === 0 && html`<li class="badge neutral"><span aria-hidden="true">–</span> no verdicts</li>`}
          ${a.toward && a.toward.hit !== null && html`<li class="measure" title=${`On test images, walking toward a value found it this often (${a.toward.way}).`}>hit <b>${percent(a.toward.hit)}</b></li>`}
          ${a.toward && a.toward.kept !== null && html`<li class="measure" title="On test images, the other labels stayed the same this often.">kept <b>${percent(a.toward.kept)}</b></li>`}
        </ul>
        ${a.sentence && html`<p class="sentence" title=${a.sentence}>${a.sentence}</p>`}
      </li>`;
    })}
  </ul>`;
}
