// What leaves the page: tables and pictures of the strip.

import {shown} from './palette.js';

const field = (value) => {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** The strip as a table: the start (where it is an image of the run), then each stop's image. */
export function csv(run, start, base) {
  const names = run.attributes.filter((a) => a.kind !== 'multi' && shown(a).length).map((a) => a.name);
  const lines = [['role', 'at', 'position', 'row', 'id', 'split', 'distance', ...names]];
  const labels = (image) => names.map((n) => image.labels[n]);
  if (start) lines.push(['start', base.start.at, base.start.position, start.row, start.id, start.split, null, ...labels(start)]);
  for (const stop of base.stops) {
    for (const image of stop.images.slice(0, 1)) {
      lines.push(['stop', stop.at, image.position, image.row, image.id, image.split, image.distance, ...labels(image)]);
    }
  }
  return lines.map((l) => l.map(field).join(',')).join('\n') + '\n';
}

export function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export const fileName = (body, extension) =>
  `walk-${body.lines.map((l) => (l.toward === null ? l.attribute : `${l.attribute}-${l.toward}`)).join('+')}.${extension}`
    .replace(/[^\w.+-]+/g, '_');
