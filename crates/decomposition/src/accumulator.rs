//! One pass over the rows: mean and covariance.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::checks::{check_finite, check_width};
use crate::fit::decompose;
use crate::moments::Moments;
use crate::options::PcaOptions;
use crate::{Error, Pca, Result};

/// Rows that enter the covariance together. Fixed, so that sums do not depend on the caller's batches.
pub const CHUNK_ROWS: usize = 4096;

/// Rows of the first chunk that are kept to check the fit on.
const SAMPLE_ROWS: usize = 256;

/// Columns of a tile of the covariance: what one task computes alone.
const TILE: usize = 128;

/// A block of the Gram matrix on or below the diagonal. Each is summed by one task at a time over fixed chunks in their
/// order, so that threads cannot change a bit of it.
struct Tile {
    row: usize,
    column: usize,
    gram: Mat<f64>,
}

/// Gathers mean and covariance of a stream of vectors.
///
/// **Units and conventions.** Rows are shifted by the first chunk's mean before they are multiplied, since subtracting
/// `n` times the squared mean at the end cancels badly where means are large. Everything is summed in `f64`. Memory:
/// `8 d` bytes for each of [`CHUNK_ROWS`] rows and `8 d^2` at most, whatever the number of rows.
///
/// **Source.** Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983 (shifted data).
pub struct Accumulator {
    d: usize,
    n: usize,
    /// Rows that wait for a full chunk, one after another.
    pending: Vec<f64>,
    pending_rows: usize,
    shift: Vec<f64>,
    /// Sums of the shifted rows.
    sum: Vec<f64>,
    tiles: Vec<Tile>,
    sample: Vec<f64>,
}

impl Accumulator {
    /// Expects vectors of `d` values.
    pub fn new(d: usize) -> Self {
        Self {
            d,
            n: 0,
            pending: Vec::new(),
            pending_rows: 0,
            shift: Vec::new(),
            sum: vec![0.0; d],
            tiles: tiles(d),
            sample: Vec::new(),
        }
    }

    /// How many rows were taken.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Takes more rows.
    ///
    /// **Shapes.** `n x d`, any `n`.
    ///
    /// **Errors.** [`Error::Shape`], and [`Error::NotFinite`] with the row's place in the stream; then no row is taken.
    pub fn push(&mut self, rows: ArrayView2<'_, f32>) -> Result<()> {
        check_width(self.d, rows)?;
        check_finite(rows, self.n)?;
        for row in rows.outer_iter() {
            self.pending.extend(row.iter().map(|value| f64::from(*value)));
            self.pending_rows += 1;
            if self.pending_rows == CHUNK_ROWS {
                self.flush();
            }
        }
        self.n += rows.nrows();
        Ok(())
    }

    /// Decomposes what was gathered.
    ///
    /// **Errors.** Fewer than 2 rows, rows that are all equal, options that the rows cannot meet ([`PcaOptions`]), a
    /// certificate that fails.
    pub fn finish(self, options: &PcaOptions) -> Result<Pca> {
        decompose(self.into_moments()?, options, false)
    }

    /// As [`Accumulator::finish`], but [`crate::Keep::Axes`] means "at most": no more than `d`, `n - 1` and the numerical rank,
    /// and [`Pca::k`] says how many these are.
    ///
    /// **Errors.** As there, but for too many axes.
    pub fn finish_at_most(self, options: &PcaOptions) -> Result<Pca> {
        decompose(self.into_moments()?, options, true)
    }

    fn into_moments(mut self) -> Result<Moments> {
        if self.n < 2 {
            return Err(Error::TooFewRows { got: self.n });
        }
        if self.pending_rows > 0 {
            self.flush();
        }
        let n = self.n as f64;
        let mean = self.shift.iter().zip(&self.sum).map(|(shift, sum)| shift + sum / n).collect();
        Ok(Moments { n: self.n, mean, covariance: self.covariance(), sample: self.sample })
    }

    /// Adds the waiting rows to the sums.
    fn flush(&mut self) {
        let (d, rows) = (self.d, self.pending_rows);
        if self.shift.is_empty() {
            self.shift = column_sums(&self.pending, d).into_iter().map(|sum| sum / rows as f64).collect();
            self.sample = self.pending[..rows.min(SAMPLE_ROWS) * d].to_vec();
        }
        for row in self.pending.chunks_exact_mut(d.max(1)) {
            row.iter_mut().zip(&self.shift).for_each(|(value, shift)| *value -= shift);
        }
        self.sum.iter_mut().zip(column_sums(&self.pending, d)).for_each(|(sum, more)| *sum += more);
        let chunk = MatRef::from_row_major_slice(&self.pending, rows, d);
        self.tiles.par_iter_mut().for_each(|tile| tile.add(chunk));
        self.pending.clear();
        self.pending_rows = 0;
    }

    /// The covariance, from Gram matrix and sums of the shifted rows.
    fn covariance(&self) -> Mat<f64> {
        let n = self.n as f64;
        let mut covariance = Mat::zeros(self.d, self.d);
        for tile in &self.tiles {
            for j in 0..tile.gram.ncols() {
                for i in 0..tile.gram.nrows() {
                    let (row, column) = (tile.row + i, tile.column + j);
                    let value = (tile.gram[(i, j)] - self.sum[row] * self.sum[column] / n) / (n - 1.0);
                    if row >= column {
                        covariance[(row, column)] = value;
                        covariance[(column, row)] = value;
                    }
                }
            }
        }
        covariance
    }
}

/// Decomposes rows that are all in memory.
///
/// **Shapes.** `n x d`.
///
/// **Errors.** Those of [`Accumulator::push`] and [`Accumulator::finish`].
pub fn fit(rows: ArrayView2<'_, f32>, options: &PcaOptions) -> Result<Pca> {
    let mut accumulator = Accumulator::new(rows.ncols());
    accumulator.push(rows)?;
    accumulator.finish(options)
}

impl Tile {
    fn add(&mut self, chunk: MatRef<'_, f64>) {
        let left = chunk.subcols(self.row, self.gram.nrows());
        let right = chunk.subcols(self.column, self.gram.ncols());
        matmul(self.gram.as_mut(), Accum::Add, left.transpose(), right, 1.0, Par::Seq);
    }
}

fn tiles(d: usize) -> Vec<Tile> {
    let starts = || (0..d).step_by(TILE);
    let length = |start: usize| TILE.min(d - start);
    let below = |row: usize| starts().take_while(move |column| *column <= row).map(move |column| (row, column));
    let places = starts().flat_map(below);
    places.map(|(row, column)| Tile { row, column, gram: Mat::zeros(length(row), length(column)) }).collect()
}

fn column_sums(rows: &[f64], d: usize) -> Vec<f64> {
    let mut sums = vec![0.0; d];
    for row in rows.chunks_exact(d.max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    sums
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ndarray::Array2;

    #[test]
    fn tiles_cover_the_lower_triangle_once() {
        for d in [1, TILE - 1, TILE, TILE + 1, 3 * TILE + 5] {
            let mut covered = vec![0; d * d];
            for tile in tiles(d) {
                for i in 0..tile.gram.nrows() {
                    for j in 0..tile.gram.ncols() {
                        covered[(tile.row + i) * d + tile.column + j] += 1;
                    }
                }
            }
            assert!((0..d).all(|i| (0..=i).all(|j| covered[i * d + j] == 1)), "d = {d}");
        }
    }

    #[test]
    fn moments_equal_the_plain_two_pass_sums() {
        let (n, d) = (CHUNK_ROWS + 777, TILE + 3);
        let rows = Array2::from_shape_fn((n, d), |(i, j)| {
            1000.0 + ((i * 7919 + j * 104_729) % 1013) as f32 / 1013.0 + if j == 5 { i as f32 * 1e-3 } else { 0.0 }
        });
        let mut accumulator = Accumulator::new(d);
        accumulator.push(rows.view()).unwrap();
        let moments = accumulator.into_moments().unwrap();
        let exact = rows.mapv(f64::from);
        let mean = exact.mean_axis(ndarray::Axis(0)).unwrap();
        let centred = &exact - &mean;
        // rtol 1e-12 of values near 1000; the covariance's entries are of order 0.1 and 1.
        assert!(moments.mean.iter().zip(&mean).all(|(got, want)| (got - want).abs() < 1e-9));
        for (i, j) in [(0, 0), (5, 5), (130, 5), (5, 130), (130, 0)] {
            let want = centred.column(i).dot(&centred.column(j)) / (n as f64 - 1.0);
            assert!((moments.covariance[(i, j)] - want).abs() < 1e-11, "({i}, {j})");
        }
        assert_eq!(moments.sample.len(), SAMPLE_ROWS * d);
    }

    #[test]
    fn a_bad_row_is_named_and_no_row_of_its_batch_taken() {
        let mut accumulator = Accumulator::new(3);
        accumulator.push(Array2::zeros((5, 3)).view()).unwrap();
        let mut rows = Array2::zeros((4, 3));
        rows[[2, 1]] = f32::NAN;
        let error = accumulator.push(rows.view()).unwrap_err();
        assert!(matches!(error, Error::NotFinite { row: 7, place: 1, .. }), "{error}");
        assert!(matches!(
            accumulator.push(Array2::zeros((1, 4)).view()),
            Err(Error::Shape { expected: 3, got: 4, .. })
        ));
        assert_eq!(accumulator.n(), 5);
    }
}
