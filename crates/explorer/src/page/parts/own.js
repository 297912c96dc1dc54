// An own picture as the start: file dialog, drop anywhere on the page, paste.

import {html, useEffect, useRef, useState} from '../vendor/htm-preact.js';
import * as api from '../api.js';
import {ordinal, percent} from '../format.js';
import {Trouble} from './bits.js';

const KEY = 'latentwalk-pictures';

/** What the server said of the own pictures of this tab, by their names. */
export function known() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) || {};
  } catch {
    return {};
  }
}

function remember(answer) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({...known(), [answer.picture]: answer}));
  } catch {
    // Without storage only the reload forgets.
  }
}

/** How far an own picture lies from the run's images. */
export function Far({picture}) {
  const said = known()[picture];
  if (!said) return null;
  return html`<div class="far" id="far">
    ${said.warning && html`<p class="warning" id="warning"><span class="sign" aria-hidden="true">▲</span><span><b>Warning.</b> ${said.warning}</span></p>`}
    <p title="The share of the run's images that have a nearer neighbour than this picture has.">
      Distance to the run: <b>${ordinal(said.far)} percentile</b>. ${percent(said.far)} of the images have a nearer neighbour.</p>
  </div>`;
}

export function Own({run, onPicture}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const [over, setOver] = useState(false);
  const input = useRef(null);

  const place = async (file) => {
    if (!file || !run.network) return;
    setBusy(true);
    setError(null);
    try {
      const answer = await api.upload(file);
      remember(answer);
      onPicture(answer.picture);
    } catch (e) {
      setError(e);
    }
    setBusy(false);
  };
  const placing = useRef(place);
  placing.current = place;

  useEffect(() => {
    if (!run.network) return undefined;
    // Dragging over a child leaves its parent, so that the count of entered elements tells when the page is left.
    let entered = 0;
    const files = (e) => e.dataTransfer && [...e.dataTransfer.types].includes('Files');
    const listeners = {
      dragenter: (e) => files(e) && (e.preventDefault(), (entered += 1), setOver(true)),
      dragover: (e) => files(e) && e.preventDefault(),
      dragleave: (e) => files(e) && (entered -= 1) <= 0 && ((entered = 0), setOver(false)),
      drop: (e) => {
        if (!files(e)) return;
        e.preventDefault();
        entered = 0;
        setOver(false);
        placing.current(e.dataTransfer.files[0]);
      },
      paste: (e) => {
        const file = [...((e.clipboardData && e.clipboardData.files) || [])].find((f) => f.type.startsWith('image/'));
        if (file) placing.current(file);
      },
    };
    for (const [name, listener] of Object.entries(listeners)) document.addEventListener(name, listener);
    return () => Object.entries(listeners).forEach(([name, listener]) => document.removeEventListener(name, listener));
  }, [run.network]);

  return html`<div class="own">
    <input id="picture-file" class="unseen" type="file" accept="image/*" ref=${input} tabindex="-1" aria-hidden="true" disabled=${!run.network}
      onChange=${(e) => {
        place(e.target.files[0]);
        e.target.value = ''; // The same file may be chosen again.
      }} />
    <button type="button" id="own-picture" disabled=${!run.network || busy} onClick=${() => input.current.click()}>${busy ? 'Placing…' : 'Own picture…'}</button>
    <span class="note">${run.network ? 'or drop or paste one anywhere' : run.no_network}</span>
    <${Trouble} error=${error} />
    ${over && html`<div class="drop" aria-hidden="true"><p>Drop the picture to start from it</p></div>`}
  </div>`;
}
