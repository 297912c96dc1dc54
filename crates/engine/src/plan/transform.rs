//! Winograd's minimal filtering: the transforms of input tiles, weights and output tiles.
//!
//! `F(m x m, 3 x 3)` computes `m x m` outputs of a 3x3 convolution from `(m + 2) x (m + 2)` inputs with `(m + 2)^2`
//! products where the direct way takes `9 m^2`: 2.25 times fewer for `m = 2`, 4 times for `m = 4`.
//!
//! **Source** Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015); the matrices follow from the
//! Toom-Cook construction. For `m = 4` the points are 0, ±3/4, ±3/2 and infinity in place of the paper's 0, ±1, ±2 and
//! infinity: exact in binary as well, and with rounding errors 2 to 4 times smaller.

use super::lanes::Lanes;

/// The finite points of `F(4 x 4)` other than 0, and their powers.
const A: f64 = 0.75;
const B: f64 = 1.5;
const A2: f64 = A * A;
const B2: f64 = B * B;

/// Rows of `G`, which carries a line of three weights to `tile + 2` numbers.
pub(super) fn weight_matrix(tile: usize) -> Vec<[f64; 3]> {
    if tile == 2 {
        return vec![[-1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];
    }
    let point = |p: f64, other: f64| {
        let norm = 2.0 * p * p * (p * p - other * other);
        [1.0 / norm, p / norm, p * p / norm]
    };
    vec![[1.0 / (A2 * B2), 0.0, 0.0], point(A, B), point(-A, B), point(B, A), point(-B, A), [0.0, 0.0, 1.0]]
}

/// A tile of input pixels on its way into the transformed space.
#[derive(Debug, Clone, Copy)]
pub(super) struct Into {
    /// `side * side` pixels of `channels` floats.
    pub(super) pixels: *const *const f32,
    pub(super) channels: usize,
    /// Number `p` of the transformed tile, `channels` floats, begins at `out + p * position`.
    pub(super) out: *mut f32,
    pub(super) position: usize,
}

/// A transformed tile of sums on its way back to pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct From {
    /// Number `p` of the tile, `channels` floats, begins at `sums + p * position`.
    pub(super) sums: *const f32,
    pub(super) position: usize,
    pub(super) channels: usize,
    /// `channels` floats, rounded up to whole vectors.
    pub(super) bias: *const f32,
    /// Pixel `(y, x)` begins at `out + y * line + x * channels`.
    pub(super) out: *mut f32,
    pub(super) line: usize,
    /// Pixels of the tile that lie in the image.
    pub(super) height: usize,
    pub(super) width: usize,
    /// Laid out as `out`; null where nothing is added.
    pub(super) add: *const f32,
    pub(super) relu: bool,
}

/// Transforms an input tile of side `S` (4 or 6).
///
/// # Safety
/// The processor must have the instructions of `L`; every address that [`Into`] describes must be valid.
#[inline(always)]
pub(super) unsafe fn into<L: Lanes, const S: usize>(tile: &Into) {
    let mut at = 0;
    while at + L::N <= tile.channels {
        // SAFETY: a whole vector of channels from `at` on, by the caller's promise.
        unsafe { into_lanes::<L, S>(tile, at, |p| L::load(p), |v, p| v.store(p)) };
        at += L::N;
    }
    let rest = tile.channels - at;
    if rest > 0 {
        // SAFETY: only `rest` channels are touched.
        unsafe { into_lanes::<L, S>(tile, at, |p| L::load_first(p, rest), |v: L, p| v.store_first(p, rest)) };
    }
}

/// # Safety
/// As [`into`]; `load` and `store` must be good for the channels from `at` on.
#[inline(always)]
unsafe fn into_lanes<L: Lanes, const S: usize>(
    tile: &Into,
    at: usize,
    load: impl Fn(*const f32) -> L,
    store: impl Fn(L, *mut f32),
) {
    // SAFETY: by the caller's promise.
    unsafe {
        let mut half = [[L::splat(0.0); S]; S];
        for x in 0..S {
            let mut column = [L::splat(0.0); S];
            for (y, value) in column.iter_mut().enumerate() {
                *value = load((*tile.pixels.add(y * S + x)).add(at));
            }
            let column = input_line(column);
            for (line, value) in half.iter_mut().zip(column) {
                line[x] = value;
            }
        }
        for (y, line) in half.into_iter().enumerate() {
            for (x, value) in input_line(line).into_iter().enumerate() {
                store(value, tile.out.add((y * S + x) * tile.position + at));
            }
        }
    }
}

/// `B^T d` for one line.
///
/// # Safety
/// As [`into`].
#[inline(always)]
unsafe fn input_line<L: Lanes, const S: usize>(d: [L; S]) -> [L; S] {
    let mut out = d;
    // SAFETY: by the caller's promise.
    unsafe {
        if S == 4 {
            out[0] = d[2].sub(d[0]);
            out[1] = d[2].add(d[1]);
            out[2] = d[2].sub(d[1]);
            out[3] = d[3].sub(d[1]);
        } else {
            let c = |v: f64| L::splat(v as f32);
            let (even, odd) = (d[2].mul_add(c(-B2), d[4]), d[1].mul_add(c(-B2), d[3]).mul(c(A)));
            out[1] = even.add(odd);
            out[2] = even.sub(odd);
            let (even, odd) = (d[2].mul_add(c(-A2), d[4]), d[1].mul_add(c(-A2), d[3]).mul(c(B)));
            out[3] = even.add(odd);
            out[4] = even.sub(odd);
            out[0] = d[0].mul_add(c(A2 * B2), d[2].mul_add(c(-A2 - B2), d[4]));
            out[5] = d[1].mul_add(c(A2 * B2), d[3].mul_add(c(-A2 - B2), d[5]));
        }
    }
    out
}

/// Transforms sums of side `S` (4 or 6) back to `T = S - 2` pixels per side.
///
/// # Safety
/// The processor must have the instructions of `L`; every address that [`From`] describes must be valid, and nothing
/// else may read or write the pixels of `out` meanwhile.
#[inline(always)]
pub(super) unsafe fn from<L: Lanes, const S: usize, const T: usize>(tile: &From) {
    let mut at = 0;
    while at + L::N <= tile.channels {
        // SAFETY: a whole vector of channels from `at` on, by the caller's promise.
        unsafe { from_lanes::<L, S, T>(tile, at, |p| L::load(p), |v, p| v.store(p)) };
        at += L::N;
    }
    let rest = tile.channels - at;
    if rest > 0 {
        // SAFETY: only `rest` channels are touched.
        unsafe { from_lanes::<L, S, T>(tile, at, |p| L::load_first(p, rest), |v: L, p| v.store_first(p, rest)) };
    }
}

/// # Safety
/// As [`from`]; `load` and `store` must be good for the channels from `at` on.
#[inline(always)]
unsafe fn from_lanes<L: Lanes, const S: usize, const T: usize>(
    tile: &From,
    at: usize,
    load: impl Fn(*const f32) -> L,
    store: impl Fn(L, *mut f32),
) {
    // SAFETY: by the caller's promise; `bias` holds whole vectors.
    unsafe {
        let mut half = [[L::splat(0.0); S]; T];
        for x in 0..S {
            let mut column = [L::splat(0.0); S];
            for (y, value) in column.iter_mut().enumerate() {
                *value = load(tile.sums.add((y * S + x) * tile.position + at));
            }
            let column: [L; T] = output_line(column);
            for (line, value) in half.iter_mut().zip(column) {
                line[x] = value;
            }
        }
        let bias = L::load(tile.bias.add(at));
        for (y, line) in half.into_iter().enumerate().take(tile.height) {
            let line: [L; T] = output_line(line);
            for (x, value) in line.into_iter().enumerate().take(tile.width) {
                let pixel = y * tile.line + x * tile.channels + at;
                let mut value = value.add(bias);
                if !tile.add.is_null() {
                    value = value.add(load(tile.add.add(pixel)));
                }
                if tile.relu {
                    value = value.relu();
                }
                store(value, tile.out.add(pixel));
            }
        }
    }
}

/// `A^T m` for one line.
///
/// # Safety
/// As [`from`].
#[inline(always)]
unsafe fn output_line<L: Lanes, const S: usize, const T: usize>(m: [L; S]) -> [L; T] {
    // SAFETY: by the caller's promise.
    unsafe {
        let mut out = [m[0]; T];
        if S == 4 {
            out[0] = m[0].add(m[1]).add(m[2]);
            out[1] = m[1].sub(m[2]).add(m[3]);
        } else {
            let c = |v: f64| L::splat(v as f32);
            let (s1, d1, s2, d2) = (m[1].add(m[2]), m[1].sub(m[2]), m[3].add(m[4]), m[3].sub(m[4]));
            out[0] = m[0].add(s1).add(s2);
            out[1] = d1.mul_add(c(A), d2.mul(c(B)));
            out[2] = s1.mul_add(c(A2), s2.mul(c(B2)));
            out[3] = d1.mul_add(c(A2 * A), d2.mul_add(c(B2 * B), m[5]));
        }
        out
    }
}
