// Class colours, the same as the report's: a ramp where the classes have an order, distinct hues otherwise.

const HUES = {
  l: ['#0072b2', '#cc5500', '#008a64', '#be5a96', '#aa7800', '#3c9bd7', '#882255', '#6e731e', '#332288', '#d25f69', '#1e828c', '#78553c'],
  d: ['#5ab1ef', '#ff9254', '#3fcf9f', '#e79cc6', '#ebbe4b', '#96d7ff', '#dc78a5', '#bec369', '#9b91f0', '#ffa0a5', '#69cdd7', '#cdaa91'],
};
const RAMP = {
  l: [[27, 58, 107], [33, 122, 128], [128, 140, 40], [222, 125, 50]],
  d: [[118, 160, 240], [80, 195, 190], [190, 200, 95], [255, 175, 105]],
};

function ramp(stops, index, total) {
  const at = total < 2 ? 0 : (index / (total - 1)) * (stops.length - 1);
  const below = Math.min(Math.floor(at), stops.length - 2);
  const share = at - below;
  return `rgb(${stops[below].map((a, c) => Math.round(a + share * (stops[below + 1][c] - a))).join(' ')})`;
}

/** The classes of an attribute as they are shown: those on the axis in its order, then the others. */
export function shown(attribute) {
  const order = attribute.axis ? attribute.axis.order : [];
  return [...order, ...attribute.classes.filter((c) => !order.includes(c))];
}

/**
 * The style which gives an element the colour of a class. Both schemes are given; the style sheet chooses (`.tint`).
 * Preact sets it through the DOM, so the content security policy allows it.
 */
export function tint(attribute, value) {
  const classes = shown(attribute);
  const index = classes.indexOf(value);
  if (index < 0) return {'--l': 'var(--faint)', '--d': 'var(--faint)'};
  const ordered = attribute.kind === 'ordered' ? (attribute.axis ? attribute.axis.order.length : classes.length) : 0;
  const of = (scheme) =>
    index < ordered ? ramp(RAMP[scheme], index, ordered) : HUES[scheme][(index - ordered) % HUES[scheme].length];
  return {'--l': of('l'), '--d': of('d')};
}
