//! A pool of images under a metric, laid out for a scan.

use latentwalk_arithmetic::Fnv;
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::{Error, Result};
use crate::kernel::{self, LANES};
use crate::line::Line;
use crate::metric::Metric;
use crate::top::{Candidate, Top};

/// Rows scanned by one task, a multiple of the block's rows.
const ROWS_PER_TASK: usize = 128 * LANES;
/// Rows whose neighbours one task looks for: each block is read once for all of them.
const ROWS_TOGETHER: usize = 16;

/// A pool row near a point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Row of the pool.
    pub row: usize,
    /// Distance in the metric.
    pub distance: f64,
}

/// A metric's mapped pool.
///
/// **Shapes.** n rows of k axes, kept as blocks of 16 rows whose values stand side by side for every axis (the last
/// block is filled with zeros that nothing reads), so that one instruction serves many rows.
#[derive(Debug, Clone)]
pub struct Space {
    metric: Metric,
    n: usize,
    blocks: Vec<f32>,
    fingerprint: u64,
}

impl Space {
    /// Maps a pool of raw PCA coordinates.
    ///
    /// **Shapes.** `z_pool` is n × k. **Errors.** An empty pool, another width, values that are not usable.
    pub fn new(metric: Metric, z_pool: ArrayView2<'_, f32>) -> Result<Self> {
        checks::some("the pool", z_pool.nrows())?;
        checks::rows("the pool", metric.width(), z_pool)?;
        let mapped = metric.map(z_pool)?;
        let (n, k) = mapped.dim();
        let mut blocks = vec![0.0; n.div_ceil(LANES) * LANES * k];
        blocks.par_chunks_mut(LANES * k).enumerate().for_each(|(i, block)| {
            for (lane, row) in (i * LANES..((i + 1) * LANES).min(n)).enumerate() {
                for (axis, &value) in mapped.row(row).iter().enumerate() {
                    block[axis * LANES + lane] = value;
                }
            }
        });
        let fingerprint = fingerprint(&blocks, LANES * k);
        Ok(Self { metric, n, blocks, fingerprint })
    }

    /// The metric.
    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    /// Number of pool rows.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Never true: an empty pool is refused.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Number of axes.
    pub fn width(&self) -> usize {
        self.metric.width()
    }

    /// A mapped row. Panics beyond the pool, as an index does.
    pub fn row(&self, row: usize) -> Vec<f32> {
        assert!(row < self.n, "row {row} of a pool of {}", self.n);
        self.values(row).collect()
    }

    fn values(&self, row: usize) -> impl Iterator<Item = f32> {
        let k = self.width();
        let block = &self.blocks[row / LANES * LANES * k..][..LANES * k];
        block.iter().skip(row % LANES).step_by(LANES).copied()
    }

    /// Position along the line and distance from it of every pool row.
    ///
    /// **Errors.** A line of another metric or width.
    pub fn scan(&self, line: &Line) -> Result<(Vec<f64>, Vec<f64>)> {
        let (positions, mut distances) = self.scan_squares(line)?;
        distances.par_iter_mut().with_min_len(ROWS_PER_TASK).for_each(|square| *square = square.sqrt());
        Ok((positions, distances))
    }

    /// As [`Space::scan`], with squared distances.
    pub(crate) fn scan_squares(&self, line: &Line) -> Result<(Vec<f64>, Vec<f64>)> {
        self.check_line(line)?;
        let (mut squares, mut alongs) = (vec![0.0; self.padded()], vec![0.0; self.padded()]);
        squares
            .par_chunks_mut(ROWS_PER_TASK)
            .zip(alongs.par_chunks_mut(ROWS_PER_TASK))
            .zip(self.blocks.par_chunks(ROWS_PER_TASK * self.width()))
            .for_each(|((squares, alongs), blocks)| {
                kernel::line_distances(blocks, line.origin(), line.unit(), squares, alongs);
                for (square, along) in squares.iter_mut().zip(alongs) {
                    *square = off_line(*square, *along);
                    *along = line.position(*along);
                }
            });
        squares.truncate(self.n);
        alongs.truncate(self.n);
        Ok((alongs, squares))
    }

    /// Positions `wᵀz` of every pool row.
    ///
    /// **Errors.** As [`Metric::line`].
    pub fn positions(&self, w: &[f64]) -> Result<Vec<f64>> {
        let origin = ndarray::Array1::<f32>::zeros(self.width());
        Ok(self.scan(&self.metric.line(w, origin.view())?)?.0)
    }

    /// The `count` pool rows nearest to a mapped point, by an exact scan; ties by row.
    ///
    /// **Shapes.** `point` is k long, in the mapped space ([`Line::mapped_point`], [`Metric::map`]).
    /// **Errors.** Another width, values that are not usable, an excluded row that is not in the pool.
    pub fn nearest(&self, point: &[f32], count: usize, exclude: &[usize]) -> Result<Vec<Neighbour>> {
        self.check_point(point)?;
        let exclude = self.excluded(exclude)?;
        let point: Vec<f64> = point.iter().map(|&v| f64::from(v)).collect();
        let tops = self.fold_point(
            &point,
            || Top::new(count),
            |top, candidate| {
                if top.admits(candidate.square) && exclude.binary_search(&candidate.row).is_err() {
                    top.offer(candidate);
                }
            },
        );
        let mut all = Top::new(count);
        tops.into_iter().for_each(|top| all.merge(top));
        Ok(found(all))
    }

    /// For each of some pool rows the `count` others nearest to it, as [`Space::nearest`] finds them: exactly, ties by row.
    ///
    /// Rows are worked on in parallel, and each task reads the pool once for several of them; beside the answer memory stays flat.
    ///
    /// **Errors.** A row that is not in the pool.
    pub fn neighbours(&self, rows: &[usize], count: usize) -> Result<Vec<Vec<Neighbour>>> {
        rows.iter().try_for_each(|&row| checks::inside("rows of the pool", self.n, row))?;
        Ok(rows.par_chunks(ROWS_TOGETHER).flat_map_iter(|rows| self.neighbours_of_few(rows, count)).collect())
    }

    fn neighbours_of_few(&self, rows: &[usize], count: usize) -> Vec<Vec<Neighbour>> {
        let points: Vec<Vec<f64>> = rows.iter().map(|&row| self.values(row).map(f64::from).collect()).collect();
        let mut tops = vec![Top::new(count); rows.len()];
        let mut squares = vec![0.0; ROWS_PER_TASK];
        for (task, blocks) in self.blocks.chunks(ROWS_PER_TASK * self.width()).enumerate() {
            let squares = &mut squares[..blocks.len() / self.width()];
            for ((point, top), &own) in points.iter().zip(&mut tops).zip(rows) {
                kernel::point_distances(blocks, point, squares);
                for (row, &square) in self.task_rows(task).zip(squares.iter()) {
                    if top.admits(square) && row != own {
                        top.offer(Candidate { square, row, position: 0.0 });
                    }
                }
            }
        }
        tops.into_iter().map(found).collect()
    }

    /// Squared distance of a row from a mapped point, by the arithmetic of the scan.
    pub(crate) fn square_from(&self, row: usize, point: &[f32]) -> f64 {
        square_between(self.values(row), point.iter().map(|&p| f64::from(p)))
    }

    /// A row as a candidate of the line, by the arithmetic of the scan, to the last bit.
    pub(crate) fn locate(&self, row: usize, line: &Line) -> Candidate {
        let (square, position) = place_on(self.values(row), line);
        Candidate { square, row, position }
    }

    /// One pass over the pool: per task, every row as a candidate, folded into a state; states in the order of tasks.
    pub(crate) fn fold_line<S: Send>(
        &self,
        line: &Line,
        new: impl Fn() -> S + Sync,
        step: impl Fn(&mut S, Candidate) + Sync,
    ) -> Vec<S> {
        self.blocks
            .par_chunks(ROWS_PER_TASK * self.width())
            .enumerate()
            .map(|(task, blocks)| {
                let rows = blocks.len() / self.width();
                let (mut squares, mut alongs) = (vec![0.0; rows], vec![0.0; rows]);
                kernel::line_distances(blocks, line.origin(), line.unit(), &mut squares, &mut alongs);
                let mut state = new();
                for (row, (&square, &along)) in self.task_rows(task).zip(squares.iter().zip(&alongs)) {
                    step(
                        &mut state,
                        Candidate { square: off_line(square, along), row, position: line.position(along) },
                    );
                }
                state
            })
            .collect()
    }

    /// As [`Space::fold_line`], with distances from a mapped point; positions are 0.
    pub(crate) fn fold_point<S: Send>(
        &self,
        point: &[f64],
        new: impl Fn() -> S + Sync,
        step: impl Fn(&mut S, Candidate) + Sync,
    ) -> Vec<S> {
        self.blocks
            .par_chunks(ROWS_PER_TASK * self.width())
            .enumerate()
            .map(|(task, blocks)| {
                let mut squares = vec![0.0; blocks.len() / self.width()];
                kernel::point_distances(blocks, point, &mut squares);
                let mut state = new();
                for (row, square) in self.task_rows(task).zip(squares) {
                    step(&mut state, Candidate { square, row, position: 0.0 });
                }
                state
            })
            .collect()
    }

    /// Sorted rows that must not be retrieved.
    pub(crate) fn excluded(&self, exclude: &[usize]) -> Result<Vec<usize>> {
        exclude.iter().try_for_each(|&row| checks::inside("excluded rows", self.n, row))?;
        let mut sorted = exclude.to_vec();
        sorted.sort_unstable();
        Ok(sorted)
    }

    /// Hash of the mapped rows: tells an index of these rows from one of others.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) fn check_line(&self, line: &Line) -> Result<()> {
        checks::width("the line", self.width(), line.unit().len())?;
        if line.kind() == self.metric.kind() {
            Ok(())
        } else {
            let what = format!("the line in the {} metric", line.kind());
            Err(Error::OtherSpace { what, rows: self.n, metric: self.metric.kind() })
        }
    }

    pub(crate) fn check_point(&self, point: &[f32]) -> Result<()> {
        checks::width("the query point", self.width(), point.len())?;
        checks::usable("the query point", 0, point.iter().map(|&v| f64::from(v)))
    }

    fn padded(&self) -> usize {
        self.n.div_ceil(LANES) * LANES
    }

    fn task_rows(&self, task: usize) -> std::ops::Range<usize> {
        task * ROWS_PER_TASK..((task + 1) * ROWS_PER_TASK).min(self.n)
    }
}

/// Candidates as they are told.
fn found(top: Top) -> Vec<Neighbour> {
    top.into_vec().iter().map(|c| Neighbour { row: c.row, distance: c.square.sqrt() }).collect()
}

/// Hashes of tasks, hashed in their order.
fn fingerprint(blocks: &[f32], block: usize) -> u64 {
    let tasks: Vec<u64> = blocks
        .par_chunks(block * ROWS_PER_TASK / LANES)
        .map(|values| values.iter().fold(Fnv::new(), |hash, value| hash.word(value.to_bits().into())).value())
        .collect();
    tasks.into_iter().fold(Fnv::new(), Fnv::word).value()
}

/// Squared distance from a line and position along it of mapped values, by the arithmetic of the scan, to the last bit.
pub(crate) fn place_on(values: impl Iterator<Item = f32>, line: &Line) -> (f64, f64) {
    let (mut square, mut along) = (0.0, 0.0);
    for ((x, p), u) in values.zip(line.origin()).zip(line.unit()) {
        let difference = f64::from(x) - p;
        square += difference * difference;
        along += difference * u;
    }
    (off_line(square, along), line.position(along))
}

/// Squared distance of mapped values from a mapped point, by the arithmetic of the scan, to the last bit.
pub(crate) fn square_between(values: impl Iterator<Item = f32>, point: impl Iterator<Item = f64>) -> f64 {
    values.zip(point).map(|(x, p)| f64::from(x) - p).fold(0.0, |sum, d| sum + d * d)
}

/// Pythagoras; rounding may take it below zero for a point of the line.
fn off_line(square: f64, along: f64) -> f64 {
    (square - along * along).max(0.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn blocks_hold_the_rows_and_nearest_agrees_with_a_sort() {
        let z = Array2::from_shape_fn((4133, 3), |(i, j)| ((i * (7 + j) + 3 * j) % 911) as f32 * 0.01);
        let space = Space::new(Metric::euclidean(3).unwrap(), z.view()).unwrap();
        assert_eq!((space.len(), space.width()), (4133, 3));
        assert_eq!(space.row(4132), z.row(4132).to_vec());
        let point = [3.0_f32, 4.0, 5.0];
        let mut expected: Vec<(f64, usize)> = (0..4133).map(|row| (space.square_from(row, &point), row)).collect();
        expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let banned = expected[1].1;
        expected.remove(1);
        let got = space.nearest(&point, 20, &[banned]).unwrap();
        for (neighbour, (square, row)) in got.iter().zip(&expected) {
            assert_eq!((neighbour.row, neighbour.distance), (*row, square.sqrt()));
        }
        assert_eq!(got.len(), 20);
    }

    #[test]
    fn neighbours_of_rows_are_the_nearest_to_each_and_never_itself() {
        // Every 911th row is the same, so there are ties.
        let z = Array2::from_shape_fn((4133, 3), |(i, j)| ((i * (7 + j) + 3 * j) % 911) as f32 * 0.01);
        let space = Space::new(Metric::whitened(z.view()).unwrap(), z.view()).unwrap();
        let rows: Vec<usize> = (0..4133).rev().step_by(59).chain([7, 7]).collect();
        let found = space.neighbours(&rows, 15).unwrap();
        assert_eq!(found.len(), rows.len());
        for (near, &row) in found.iter().zip(&rows) {
            assert_eq!(*near, space.nearest(&space.row(row), 15, &[row]).unwrap());
            assert!(near[0].distance == 0.0 && near[0].row < near[1].row);
        }
        let few = Space::new(Metric::euclidean(3).unwrap(), z.slice(ndarray::s![..4, ..])).unwrap();
        assert!(few.neighbours(&[0, 3], 15).unwrap().iter().all(|near| near.len() == 3));
        assert!(matches!(few.neighbours(&[4], 1), Err(Error::Outside { got: 4, count: 4, .. })));
    }

    #[test]
    fn scan_locate_and_fold_agree_to_the_last_bit() {
        let z = Array2::from_shape_fn((2500, 5), |(i, j)| ((i * (7 + j) + 3 * j) % 911) as f32 * 0.013);
        let space = Space::new(Metric::whitened(z.view()).unwrap(), z.view()).unwrap();
        let line = space.metric().line(&[0.1, 0.2, -0.3, 0.4, 0.5], z.row(9)).unwrap();
        let (positions, distances) = space.scan(&line).unwrap();
        let folded: Vec<Candidate> = space.fold_line(&line, Vec::new, |all, c| all.push(c)).concat();
        for row in 0..z.nrows() {
            let located = space.locate(row, &line);
            assert_eq!(located, folded[row]);
            assert_eq!((located.position, located.square.sqrt()), (positions[row], distances[row]));
        }
    }

    #[test]
    fn bad_pools_and_points_are_refused() {
        let metric = Metric::euclidean(2).unwrap();
        let empty = Array2::<f32>::zeros((0, 2));
        assert!(matches!(Space::new(metric.clone(), empty.view()), Err(Error::Empty { .. })));
        let narrow = Array2::<f32>::zeros((3, 1));
        assert!(matches!(Space::new(metric.clone(), narrow.view()), Err(Error::Shape { .. })));
        let nan = array![[0.0, 1.0], [f32::NAN, 0.0]];
        let error = Space::new(metric.clone(), nan.view()).unwrap_err();
        assert!(matches!(error, Error::NotUsable { row: 1, axis: 0, .. }), "{error}");
        let space = Space::new(metric, array![[0.0, 1.0]].view()).unwrap();
        assert!(matches!(space.nearest(&[0.0], 1, &[]), Err(Error::Shape { .. })));
        assert!(matches!(space.nearest(&[0.0, f32::NAN], 1, &[]), Err(Error::NotUsable { .. })));
        assert!(matches!(space.nearest(&[0.0, 0.0], 1, &[1]), Err(Error::Outside { got: 1, count: 1, .. })));
        let other = Metric::whitened(array![[0.0_f32, 1.0], [1.0, 3.0]].view()).unwrap();
        let line = other.line(&[1.0, 0.0], array![0.0_f32, 0.0].view()).unwrap();
        assert!(matches!(space.scan(&line), Err(Error::OtherSpace { .. })));
    }
}
