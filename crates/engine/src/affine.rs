//! One matrix applied to many rows, in `f64` between `f32` and `f32`.

use rayon::prelude::*;

use crate::{InstructionSet, check_len, instruction_set};

/// Columns of a panel of the matrix.
const LANES: usize = 8;
/// Rows of a register block: with [`LANES`] columns it takes 12 of the 16 vector registers of AVX2.
const ROWS: usize = 6;
/// Rows that one task maps. Fixed, so that threads change no bit.
const TASK_ROWS: usize = 32 * ROWS;

/// `(x - center) M + shift` for each row `x`.
///
/// **Precision.** Rows are centred, multiplied and summed in `f64` in the order of their values, and rounded to `f32` once. Threads
/// change no bit. Fused products give other bits than [`InstructionSet::Portable`], nearly always the same `f32`.
///
/// ```
/// use latentwalk_engine::Affine;
///
/// let map = Affine::new(2, 1, |i, _| [10.0, 1.0][i]).centered(&[1.0, 1.0]).shifted(&[0.5]);
/// let mut out = [0.0; 2];
/// map.apply(&[1.0, 2.0, 3.0, 4.0], &mut out);
/// assert_eq!(out, [1.5, 23.5]);
/// ```
#[derive(Debug, Clone)]
pub struct Affine {
    p: usize,
    q: usize,
    center: Vec<f64>,
    shift: Vec<f64>,
    /// Element `(i, j)` is `panels[j / LANES * p + i][j % LANES]`, zero from `q` on.
    panels: Vec<[f64; LANES]>,
}

impl Affine {
    /// The `p x q` matrix of these elements, without centre and shift.
    pub fn new(p: usize, q: usize, element: impl Fn(usize, usize) -> f64) -> Self {
        let lane = |i: usize, j: usize| if j < q { element(i, j) } else { 0.0 };
        let places = (0..q).step_by(LANES).flat_map(|first| (0..p).map(move |i| (first, i)));
        let panels = places.map(|(first, i)| std::array::from_fn(|lane_of| lane(i, first + lane_of))).collect();
        Self { p, q, center: vec![0.0; p], shift: vec![0.0; q], panels }
    }

    /// Takes this from each row first.
    ///
    /// # Panics
    /// Where it does not hold `p` values.
    #[must_use]
    pub fn centered(mut self, center: &[f64]) -> Self {
        self.center.copy_from_slice(center);
        self
    }

    /// Adds this to each row at the end.
    ///
    /// # Panics
    /// Where it does not hold `q` values.
    #[must_use]
    pub fn shifted(mut self, shift: &[f64]) -> Self {
        self.shift.copy_from_slice(shift);
        self
    }

    /// Maps rows.
    ///
    /// **Shapes**: `rows` `n x p`, `out` `n x q`.
    ///
    /// # Panics
    /// Where a slice does not fit the shape.
    pub fn apply(&self, rows: &[f32], out: &mut [f32]) {
        if self.p == 0 || self.q == 0 {
            return;
        }
        let isa = instruction_set();
        let n = out.len() / self.q;
        check_len("rows", rows, n * self.p);
        check_len("out", out, n * self.q);
        let tasks = rows.par_chunks(TASK_ROWS * self.p).zip(out.par_chunks_mut(TASK_ROWS * self.q));
        tasks.for_each_init(|| vec![0.0; ROWS * self.p], |centred, (rows, out)| self.map_rows(isa, rows, centred, out));
    }

    fn map_rows(&self, isa: InstructionSet, rows: &[f32], centred: &mut [f64], out: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if isa != InstructionSet::Portable {
            // SAFETY: `instruction_set()` found the features.
            return unsafe { self.map_rows_avx2(rows, centred, out) };
        }
        let _ = isa;
        self.map_rows_with::<false>(rows, centred, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn map_rows_avx2(&self, rows: &[f32], centred: &mut [f64], out: &mut [f32]) {
        self.map_rows_with::<true>(rows, centred, out);
    }

    #[inline(always)]
    fn map_rows_with<const FUSED: bool>(&self, rows: &[f32], centred: &mut [f64], out: &mut [f32]) {
        let (p, q) = (self.p, self.q);
        for (rows, out) in rows.chunks(ROWS * p).zip(out.chunks_mut(ROWS * q)) {
            // Rows that the last block lacks stay as they were; what they give is not written.
            for (centred, row) in centred.chunks_exact_mut(p).zip(rows.chunks_exact(p)) {
                let values = row.iter().zip(&self.center);
                centred.iter_mut().zip(values).for_each(|(out, (&value, center))| *out = f64::from(value) - center);
            }
            for (first, panel) in (0..q).step_by(LANES).zip(self.panels.chunks_exact(p)) {
                let sums = products::<FUSED>(centred, panel);
                let columns = LANES.min(q - first);
                let shift = &self.shift[first..][..columns];
                for (out, sums) in out.chunks_exact_mut(q).zip(&sums) {
                    let values = sums.iter().zip(shift);
                    out[first..][..columns]
                        .iter_mut()
                        .zip(values)
                        .for_each(|(out, (sum, shift))| *out = (sum + shift) as f32);
                }
            }
        }
    }
}

/// The products of [`ROWS`] rows with one panel.
#[inline(always)]
fn products<const FUSED: bool>(rows: &[f64], panel: &[[f64; LANES]]) -> [[f64; LANES]; ROWS] {
    let p = panel.len();
    let rows: [&[f64]; ROWS] = std::array::from_fn(|r| &rows[r * p..][..p]);
    let mut sums = [[0.0; LANES]; ROWS];
    for (i, weights) in panel.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let value = row[i];
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = if FUSED { value.mul_add(*weight, *sum) } else { value * weight + *sum };
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::with_portable_kernels;

    #[test]
    fn maps_are_those_of_the_definition() {
        // Shapes that meet one value, part of a panel, part of a block, and a second task.
        for (n, p, q) in [(1, 1, 1), (5, 3, 8), (ROWS, 20, 9), (TASK_ROWS + 1, 50, 17), (7, 40, 100)] {
            let number = |i: usize| (i * 7919 % 2003) as f64 / 1000.0 - 1.0;
            let rows: Vec<f32> = (0..n * p).map(|i| number(i) as f32).collect();
            let center: Vec<f64> = (0..p).map(|i| number(i + 11)).collect();
            let shift: Vec<f64> = (0..q).map(|i| number(i + 5)).collect();
            let map = Affine::new(p, q, |i, j| number(i * q + j + 3)).centered(&center).shifted(&shift);
            let mut fused = vec![f32::NAN; n * q];
            map.apply(&rows, &mut fused);
            let mut portable = vec![f32::NAN; n * q];
            with_portable_kernels(|| map.apply(&rows, &mut portable));
            for (r, j) in (0..n).flat_map(|r| (0..q).map(move |j| (r, j))) {
                let term = |i: usize| (f64::from(rows[r * p + i]) - center[i]) * number(i * q + j + 3);
                let exact = (0..p).map(term).sum::<f64>() + shift[j];
                for got in [fused[r * q + j], portable[r * q + j]] {
                    // One rounding to f32; the terms are of order one.
                    assert!(
                        (f64::from(got) - exact).abs() <= 6e-8 * exact.abs() + 1e-13,
                        "{n} x {p} x {q}: ({r}, {j}) {got}"
                    );
                }
            }
        }
    }
}
