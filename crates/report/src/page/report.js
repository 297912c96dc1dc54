// Steps through strips and opens their images. Without this script everything is still there to be read.
(() => {
'use strict';
const dialog = document.getElementById('image');
const picture = document.getElementById('image-picture');
const facts = document.getElementById('image-facts');
const text = (cell, selector) => (cell.querySelector(selector)?.textContent || '').trim();
let shown = null;

/** What a cell says: place in the walk, label, other labels. */
function told(cell) {
  const rows = [['split', text(cell, '.tip>bdi')], ['stop', text(cell, '.at')], ['label', text(cell, '.label')]];
  const frame = cell.querySelector('.frame');
  rows.push(['position', frame.dataset.position || ''], ['distance', text(cell, '.where .d').replace(/^d /, '')]);
  for (const other of cell.querySelectorAll('.other')) {
    const [name, ...value] = other.title.split(': ');
    const state = {kept: ' (kept)', changed: ' (changed)'}[other.classList[1]] || '';
    rows.push([name, value.join(': ') + state]);
  }
  return rows.filter(([, value]) => value);
}

function fill(cell) {
  const image = cell.querySelector('.frame>.im');
  picture.replaceChildren(...(image ? [image.cloneNode(true)] : []));
  document.getElementById('image-id').textContent = text(cell, '.tip b') || text(cell, '.frame');
  facts.replaceChildren(...told(cell).map(([name, value]) => {
    const row = document.createElement('div');
    const [term, said] = ['dt', 'dd'].map((tag) => document.createElement(tag));
    term.textContent = name;
    said.textContent = value;
    row.append(term, said);
    return row;
  }));
}

/** Strips that lie above one another and start together step together. */
const groups = new Map();

class Strip {
  constructor(list) {
    this.list = list;
    const versus = list.closest('.versus');
    this.group = groups.get(versus) || [];
    if (versus) groups.set(versus, this.group);
    this.group.push(this);
    this.scroller = list.parentElement;
    this.cells = [...list.children];
    this.at = Math.max(0, this.cells.findIndex((cell) => cell.classList.contains('start')));
    this.cells.forEach((cell, i) => {
      const frame = cell.querySelector('.frame');
      frame.tabIndex = i === this.at ? 0 : -1;
      frame.setAttribute('role', 'button');
      frame.setAttribute('aria-label', `Open ${text(cell, '.tip b') || 'an empty slab'}: ${this.words(i)}`);
      frame.addEventListener('click', () => this.open(i));
    });
    list.addEventListener('keydown', (event) => this.key(event));
    if (!list.classList.contains('flat') && this.cells.length > 1 && this.group[0] === this) {
      const head = versus?.querySelector('.walk-head');
      if (head) head.after(this.slider());
      else this.scroller.before(this.slider());
    }
  }

  words(i) {
    const cell = this.cells[i];
    return [text(cell, '.at'), text(cell, '.label') || text(cell, '.empty')].filter(Boolean).join(' · ');
  }

  label() {
    return text(this.cells[this.at], '.label') || text(this.cells[this.at], '.empty');
  }

  slider() {
    const box = document.createElement('div');
    box.className = 'step';
    this.range = Object.assign(document.createElement('input'), {type: 'range', min: 0, max: this.cells.length - 1, step: 1});
    this.range.setAttribute('aria-label', 'Step through this row');
    this.said = document.createElement('output');
    this.range.addEventListener('input', () => this.go(Number(this.range.value)));
    box.append(this.range, this.said);
    this.tell();
    return box;
  }

  tell() {
    if (!this.range) return;
    const said = this.group.length > 1 ? this.group.map((strip) => strip.label()) : [this.words(this.at)];
    const words = `${this.at + 1} of ${this.cells.length} · ${said.join(' / ')}`;
    this.range.value = this.at;
    this.range.setAttribute('aria-valuetext', words);
    this.said.textContent = words;
  }

  go(i, focus = false) {
    this.group.forEach((strip) => strip.stand(i));
    this.group[0].tell();
    const cell = this.cells[this.at];
    if (dialog.open) fill(cell);
    else if (focus) cell.querySelector('.frame').focus({preventScroll: true});
  }

  stand(i) {
    this.at = Math.min(Math.max(i, 0), this.cells.length - 1);
    this.cells.forEach((cell, at) => {
      cell.classList.toggle('current', at === this.at);
      cell.querySelector('.frame').tabIndex = at === this.at ? 0 : -1;
    });
    const cell = this.cells[this.at];
    const room = this.scroller.clientWidth - cell.offsetWidth;
    this.scroller.scrollLeft = cell.offsetLeft - this.list.offsetLeft - room / 2;
  }

  open(i) {
    this.go(i);
    shown = this;
    fill(this.cells[this.at]);
    if (!dialog.open) dialog.showModal();
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const steps = {ArrowLeft: this.at - 1, ArrowRight: this.at + 1, Home: 0, End: this.cells.length - 1};
    if (event.key in steps) this.go(steps[event.key], true);
    else if (event.key === 'Enter' || event.key === ' ') this.open(this.at);
    else return;
    event.preventDefault();
  }
}

for (const list of document.querySelectorAll('ol.strip')) new Strip(list);
dialog.addEventListener('keydown', (event) => {
  if (event.key.startsWith('Arrow') && shown) shown.key(event);
});
dialog.addEventListener('click', (event) => {
  if (event.target === dialog) dialog.close();
});
dialog.addEventListener('close', () => shown?.cells[shown.at].querySelector('.frame').focus({preventScroll: true}));

/** What is wider than its place can be scrolled by keys. */
function reach() {
  for (const box of document.querySelectorAll('.scroll,pre')) {
    const wide = box.scrollWidth > box.clientWidth + 1 && !box.querySelector('[tabindex="0"]');
    if (wide) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
  }
}
addEventListener('load', reach);
addEventListener('resize', reach);
for (const details of document.querySelectorAll('details')) details.addEventListener('toggle', reach);
})();
