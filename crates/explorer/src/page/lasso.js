// Polygons: how a drawn path becomes one, and which points lie inside.

const MOST = 300;

/** A drawn path as a closed polygon of not too many corners; null where it is too small to hold anything. */
export function polygonOf(path) {
  if (path.length < 3) return null;
  let area = 0;
  path.forEach(([x, y], i) => {
    const [u, v] = path[(i + 1) % path.length];
    area += x * v - u * y;
  });
  if (Math.abs(area) < 200) return null;
  const step = Math.max(1, path.length / MOST);
  return Array.from({length: Math.floor(path.length / step)}, (_, i) => path[Math.floor(i * step)]);
}

/** For each point whether it lies inside (by the even-odd rule). */
export function inside(polygon, xs, ys) {
  const out = new Uint8Array(xs.length);
  const [px, py] = [polygon.map((p) => p[0]), polygon.map((p) => p[1])];
  const [left, right, low, high] = [Math.min(...px), Math.max(...px), Math.min(...py), Math.max(...py)];
  for (let i = 0; i < xs.length; i += 1) {
    const [x, y] = [xs[i], ys[i]];
    if (x < left || x > right || y < low || y > high) continue;
    let odd = 0;
    for (let k = 0, j = px.length - 1; k < px.length; j = k, k += 1) {
      if (py[k] > y !== py[j] > y && x < ((px[j] - px[k]) * (y - py[k])) / (py[j] - py[k]) + px[k]) odd ^= 1;
    }
    out[i] = odd;
  }
  return out;
}

export const path = (points, closed) => (points.length ? `M${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' L')}${closed ? ' Z' : ''}` : '');
