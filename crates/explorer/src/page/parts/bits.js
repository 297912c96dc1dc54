// Small pieces used everywhere.

import {Component, html} from '../vendor/htm-preact.js';
import {tint} from '../palette.js';
import * as api from '../api.js';

/** A class by its colour and name. */
export function Class({attribute, value}) {
  if (value === null || value === undefined) return html`<span class="none">unlabelled</span>`;
  return html`<span class="cls tint" style=${tint(attribute, value)}>${value}</span>`;
}

/** A picture of an image of the run or of an own picture. The text next to it names it, so it needs no text of its own. */
export function Picture({who, side, run, alt = ''}) {
  const sharp = run.picture_px < 64 ? 'im px' : 'im';
  return html`<img class=${sharp} src=${api.picture(who, side, run.picture_px)} alt=${alt} width=${side} height=${side} decoding="async" draggable=${false} />`;
}

/** A refusal or fault, told in place. */
export function Trouble({error}) {
  return html`<div role="status" class=${error ? 'trouble' : ''}>
    ${error && html`<p><span class="sign" aria-hidden="true">!</span>${error.message}</p>${error.hint && html`<p class="hint">${error.hint}</p>`}`}
  </div>`;
}

export const describe = (image, run) =>
  [image.id, ...run.attributes.map((a) => image.labels[a.name]).filter((v) => v !== null && v !== undefined)].join(', ');

/** A part which is drawn again only where `same` says that its properties differ: a drag draws the page many times a second. */
export const memo = (Part, same) =>
  class extends Component {
    shouldComponentUpdate(next) {
      return !same(this.props, next);
    }

    render(props) {
      return html`<${Part} ...${props} />`;
    }
  };
