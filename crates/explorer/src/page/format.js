// Numbers and short texts for people: at most three significant digits.

const grouped = new Intl.NumberFormat('en');
// Made once: a drag writes dozens of numbers per step.
const short = new Intl.NumberFormat('en', {maximumSignificantDigits: 3});

/** A measured number. */
export function num(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  // A tiny negative number is 0, not −0.
  return short.format(Number(value.toPrecision(3)) || 0).replace('-', '−');
}

/** A share as per cent. */
export const percent = (share) => `${num(100 * share)} %`;

/** A count of things, exact. */
export const count = (value) => grouped.format(value);

/** 0.42 -> "42nd". A share short of one never reads as the hundredth. */
export function ordinal(share) {
  const n = share >= 1 ? 100 : Math.min(99, Math.round(100 * share));
  const teen = n % 100 > 10 && n % 100 < 14;
  return `${n}${teen ? 'th' : ['th', 'st', 'nd', 'rd'][n % 10] || 'th'}`;
}

export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;
