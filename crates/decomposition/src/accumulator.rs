//! One pass over the rows: mean and covariance.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use latentwalk_engine::Gram;
use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::certificates::largest;
use crate::checks::{check_finite, check_shape, check_width};
use crate::fit::decompose;
use crate::moments::{Kernel, Moments};
use crate::options::PcaOptions;
use crate::rounding::SpotCheck;
use crate::{Error, Pca, Result};

/// Rows of a block, which is centred on its own mean. Fixed, so that sums do not depend on the caller's batches.
pub const BLOCK_ROWS: usize = 2048;

/// Up to so many rows are multiplied in `f64`: they take little time, and rounding would weigh most in them.
pub const EXACT_ROWS: usize = 4 * BLOCK_ROWS;

/// Rows of the first block that are kept to check the fit on.
const SAMPLE_ROWS: usize = 256;

/// Columns whose sums one task adds.
const SUMMED_COLUMNS: usize = 128;

/// Gathers mean and covariance of a stream of vectors.
///
/// **Units and conventions.** The stream is cut into blocks of [`BLOCK_ROWS`]. Each is centred on its own mean in `f64`, multiplied, and
/// joined to those before it in `f64`. So neither large means nor rows that are sorted by class cost precision. Up to [`EXACT_ROWS`]
/// are multiplied in `f64`. More are multiplied in `f32` ([`Gram`]): then an entry of the covariance is off by about
/// [`Gram::usual_error`] of the root of its two variances, which [`crate::Certificates::covariance`] checks against `f64`. Bits depend on the blocks and on the kernel
/// ([`latentwalk_engine::InstructionSet`]), never on threads or batches. Memory: `4 d` bytes for each of [`EXACT_ROWS`] and
/// `12 d^2`, whatever the number of rows.
///
/// **Source.** Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
pub struct Accumulator {
    d: usize,
    n: usize,
    /// Rows that wait for a full block, or for there to be more than [`EXACT_ROWS`], one after another.
    pending: Vec<f32>,
    /// Blocks that were joined, and their rows.
    blocks: usize,
    joined: usize,
    mean: Vec<f64>,
    gram: Gram,
    sample: Vec<f32>,
    /// The greatest error that was found in a block's sums.
    rounding: f64,
    /// What multiplied the blocks: [`Kernel::F64`] as long as nothing else did.
    kernel: Kernel,
}

/// What a block is multiplied in.
#[derive(Clone, Copy)]
enum Precision {
    Single,
    Double,
}

impl Accumulator {
    /// Expects vectors of `d` values.
    pub fn new(d: usize) -> Self {
        Self {
            d,
            n: 0,
            pending: Vec::new(),
            blocks: 0,
            joined: 0,
            mean: vec![0.0; d],
            gram: Gram::new(d),
            sample: Vec::new(),
            rounding: 0.0,
            kernel: Kernel::F64,
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
        self.n += rows.nrows();
        match rows.as_slice() {
            Some(values) => self.push_values(values),
            None => rows.outer_iter().for_each(|row| self.push_values(&row.to_vec())),
        }
        Ok(())
    }

    /// Takes another stream's rows, as if they came after this one's.
    ///
    /// **Units and conventions.** Each stream's last block is closed first. So the bits depend on where one ends and the next begins.
    ///
    /// **Errors.** [`Error::Shape`] for vectors of another width.
    pub fn merge(&mut self, mut other: Self) -> Result<()> {
        check_shape("vectors", self.d, other.d)?;
        self.close_block();
        other.close_block();
        self.rounding = largest([self.rounding, other.rounding].into_iter());
        self.n += other.n;
        if other.kernel != Kernel::F64 {
            self.kernel = other.kernel;
        }
        if self.blocks == 0 {
            self.sample = other.sample;
        }
        self.blocks += other.blocks;
        self.gram.add_sums(&other.gram);
        self.join(&other.mean, other.joined);
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
        self.close_block();
        let degrees = self.n as f64 - 1.0;
        let covariance = Mat::from_fn(self.d, self.d, |i, j| self.gram.get(i, j) / degrees);
        Ok(Moments {
            n: self.n,
            mean: self.mean,
            covariance,
            sample: self.sample,
            rounding: self.rounding,
            kernel: self.kernel,
        })
    }

    /// Takes whole rows that lie one after another.
    fn push_values(&mut self, mut values: &[f32]) {
        if self.blocks == 0 && self.pending.len() + values.len() <= EXACT_ROWS * self.d {
            self.pending.extend_from_slice(values);
            return;
        }
        let block = BLOCK_ROWS * self.d;
        if self.pending.len() >= block {
            // They waited whether there would be more.
            let waited = std::mem::take(&mut self.pending);
            let blocks = waited.chunks_exact(block);
            self.pending.extend_from_slice(blocks.remainder());
            blocks.for_each(|block| self.add_block(block, Precision::Single));
        }
        if !self.pending.is_empty() {
            let (first, rest) = values.split_at((block - self.pending.len()).min(values.len()));
            self.pending.extend_from_slice(first);
            values = rest;
            if self.pending.len() == block {
                let full = std::mem::take(&mut self.pending);
                self.add_block(&full, Precision::Single);
            }
        }
        // Whole blocks go in from where they lie.
        let mut blocks = values.chunks_exact(block.max(1));
        blocks.by_ref().for_each(|block| self.add_block(block, Precision::Single));
        self.pending.extend_from_slice(blocks.remainder());
    }

    /// Adds the waiting rows to the sums: no more will come. All of a short stream still waits, and is multiplied in `f64`.
    fn close_block(&mut self) {
        let precision = if self.blocks == 0 { Precision::Double } else { Precision::Single };
        let pending = std::mem::take(&mut self.pending);
        pending.chunks((BLOCK_ROWS * self.d).max(1)).for_each(|block| self.add_block(block, precision));
    }

    fn add_block(&mut self, block: &[f32], precision: Precision) {
        let rows = block.len() / self.d;
        let mean = means(block, self.d);
        if self.blocks == 0 {
            self.sample = block[..rows.min(SAMPLE_ROWS) * self.d].to_vec();
        }
        if matches!(precision, Precision::Single) {
            self.kernel = Kernel::of_f32();
        }
        match precision {
            Precision::Double => add_in_f64(&mut self.gram, block, &mean),
            Precision::Single if SpotCheck::is_due(self.blocks) => {
                let check = SpotCheck::before(&self.gram, self.d, self.blocks);
                self.gram.add(block, &mean);
                self.rounding = largest([self.rounding, check.error(&self.gram, block, &mean)].into_iter());
            }
            Precision::Single => self.gram.add(block, &mean),
        }
        self.blocks += 1;
        self.join(&mean, rows);
    }

    /// Joins rows around another mean, whose sums around it are in already.
    fn join(&mut self, mean: &[f64], rows: usize) {
        let (before, rows) = (self.joined as f64, rows as f64);
        let all = before + rows;
        self.joined = all as usize;
        if rows == 0.0 {
            return;
        }
        let apart: Vec<f64> = mean.iter().zip(&self.mean).map(|(new, mean)| new - mean).collect();
        self.mean.iter_mut().zip(&apart).for_each(|(mean, apart)| *mean += apart * (rows / all));
        if before > 0.0 {
            self.gram.add_outer(&apart, before * rows / all);
        }
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

/// Adds the products of centred rows.
fn add_in_f64(gram: &mut Gram, rows: &[f32], mean: &[f64]) {
    let d = mean.len();
    let centred = centred(rows, mean);
    let centred = MatRef::from_row_major_slice(&centred, rows.len() / d, d);
    gram.update(|tile| {
        let left = centred.subcols(tile.rows.start, tile.rows.len());
        let right = centred.subcols(tile.columns.start, tile.columns.len());
        let height = tile.rows.len();
        let sums = MatMut::from_row_major_slice_mut(tile.sums, height, tile.stride).subcols_mut(0, tile.columns.len());
        matmul(sums, Accum::Add, left.transpose(), right, 1.0, Par::Seq);
    });
}

/// Rows less their mean.
pub(crate) fn centred(rows: &[f32], mean: &[f64]) -> Vec<f64> {
    let mut centred = vec![0.0; rows.len()];
    centred.par_chunks_mut(mean.len()).zip(rows.par_chunks(mean.len())).for_each(|(centred, row)| {
        let values = row.iter().zip(mean);
        centred.iter_mut().zip(values).for_each(|(out, (&value, mean))| *out = f64::from(value) - mean);
    });
    centred
}

/// The mean of each column.
fn means(rows: &[f32], d: usize) -> Vec<f64> {
    let mut sums = vec![0.0; d];
    sums.par_chunks_mut(SUMMED_COLUMNS).enumerate().for_each(|(strip, sums)| {
        for row in rows.chunks_exact(d) {
            let values = &row[strip * SUMMED_COLUMNS..];
            sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += f64::from(value));
        }
    });
    let n = (rows.len() / d) as f64;
    sums.into_iter().map(|sum| sum / n).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ndarray::Array2;

    /// `n` rows of `d` values: noise, a slope in column 5, and a constant column 2.
    fn rows(n: usize, d: usize, offset: f32) -> Array2<f32> {
        Array2::from_shape_fn((n, d), |(i, j)| {
            let noise = ((i * 7919 + j * 104_729) % 1013) as f32 / 1013.0;
            offset + if j == 2 { 0.5 } else { noise } + if j == 5 { i as f32 * 1e-3 } else { 0.0 }
        })
    }

    fn gathered(rows: &Array2<f32>) -> Moments {
        let mut accumulator = Accumulator::new(rows.ncols());
        accumulator.push(rows.view()).unwrap();
        accumulator.into_moments().unwrap()
    }

    #[test]
    fn moments_equal_the_plain_two_pass_sums() {
        // A deviation is about 0.3, so means lie up to 30,000 deviations away.
        for offset in [0.0, 1000.0, 8192.0] {
            let rows = rows(4 * BLOCK_ROWS + 777, 131, offset);
            let moments = gathered(&rows);
            let exact = rows.mapv(f64::from);
            let mean = exact.mean_axis(ndarray::Axis(0)).unwrap();
            let centred = &exact - &mean;
            assert!(moments.mean.iter().zip(&mean).all(|(got, want)| (got - want).abs() < 1e-12 * want.abs().max(1.0)));
            let want = |i: usize, j: usize| centred.column(i).dot(&centred.column(j)) / (rows.nrows() as f64 - 1.0);
            for (i, j) in [(0, 0), (5, 5), (130, 5), (5, 130), (130, 0), (2, 2), (2, 5)] {
                let allowed = 10.0 * Gram::usual_error(rows.nrows()) * (want(i, i) * want(j, j)).sqrt();
                assert!((moments.covariance[(i, j)] - want(i, j)).abs() <= allowed, "({i}, {j}) around {offset}");
            }
            assert_eq!(moments.covariance[(2, 2)], 0.0, "a constant column has no variance");
            assert!(moments.rounding > 0.0 && moments.rounding < 1e-6, "{}", moments.rounding);
            assert_eq!(moments.sample.len(), SAMPLE_ROWS * 131);
        }
    }

    /// Blocks that each hold one class, whose means lie far apart: what lies between the classes is summed in `f64`.
    #[test]
    fn rows_sorted_by_class_cost_nothing() {
        let n = 5 * BLOCK_ROWS;
        let mut sorted = rows(n, 40, 0.0);
        for (i, mut row) in sorted.outer_iter_mut().enumerate() {
            row += 1000.0 * (i / BLOCK_ROWS) as f32;
        }
        let mixed = Array2::from_shape_fn((n, 40), |(i, j)| sorted[[i * 4101 % n, j]]);
        let (sorted, mixed) = (gathered(&sorted), gathered(&mixed));
        for (i, j) in [(0, 0), (5, 5), (39, 0)] {
            let relative = sorted.covariance[(i, j)] / mixed.covariance[(i, j)] - 1.0;
            assert!(relative.abs() < 10.0 * Gram::usual_error(n), "({i}, {j}): {relative}");
        }
    }

    #[test]
    fn streams_merge() {
        let all = rows(5 * BLOCK_ROWS + 100, 30, 2.0);
        let whole = gathered(&all);
        let part = |rows: ArrayView2<'_, f32>| {
            let mut accumulator = Accumulator::new(30);
            accumulator.push(rows).unwrap();
            accumulator
        };
        for (cut, allowed) in [(BLOCK_ROWS, 1e-7), (BLOCK_ROWS + 50, 1e-7), (0, 0.0)] {
            let (first, second) = all.view().split_at(ndarray::Axis(0), cut);
            let mut merged = part(first);
            merged.merge(part(second)).unwrap();
            assert_eq!(merged.n(), all.nrows());
            let merged = merged.into_moments().unwrap();
            for (i, j) in [(0, 0), (5, 5), (29, 3)] {
                let scale = (whole.covariance[(i, i)] * whole.covariance[(j, j)]).sqrt();
                let error = (merged.covariance[(i, j)] - whole.covariance[(i, j)]).abs() / scale;
                assert!(error <= allowed, "({i}, {j}) cut at {cut}: {error}");
            }
        }
        assert!(matches!(
            part(all.view()).merge(Accumulator::new(31)),
            Err(Error::Shape { expected: 30, got: 31, .. })
        ));
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
