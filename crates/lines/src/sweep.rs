//! A whole pool placed beside one line: what every stop on it is looked up in.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

use crate::checks;
use crate::error::Result;
use crate::line::Line;
use crate::space::Space;
use crate::top::{Candidate, Top};
use crate::walk::Hit;

/// Every pool row's position and its squared distance from a line.
///
/// The line stays while a knob moves along it, and with it both figures. So one pass over the pool serves every stop, and
/// [`Sweep::nearest`] looks through two columns of numbers instead of all axes.
///
/// **Units and conventions.** Distances are those of the space's metric, by the arithmetic of [`crate::walk`]: what a sweep finds in a
/// slab is what a walk finds there, to the last bit.
#[derive(Debug, Clone)]
pub struct Sweep {
    start_position: f64,
    positions: Vec<f64>,
    squares: Vec<f64>,
}

impl Space {
    /// The pool beside a line, placed by the positions along that line.
    ///
    /// **Errors.** A line of another metric or width.
    pub fn sweep(&self, line: &Line) -> Result<Sweep> {
        let (positions, squares) = self.scan_squares(line)?;
        Ok(Sweep { start_position: line.start_position(), positions, squares })
    }

    /// The pool beside a line, placed by a score of its own: `z · score`, summed in the axes' order.
    ///
    /// **Shapes.** `z` has the raw coordinates of the space's rows, n × k; `start` and `score` are k long.
    /// **Errors.** A line of another metric or width, another number of rows, a score of another width.
    pub fn sweep_by(
        &self,
        line: &Line,
        (z, start): (ArrayView2<'_, f32>, ArrayView1<'_, f32>),
        score: &[f64],
    ) -> Result<Sweep> {
        checks::length("rows of the pool", self.len(), z.nrows())?;
        checks::width("the pool", score.len(), z.ncols())?;
        let position =
            |row: ArrayView1<'_, f32>| -> f64 { row.iter().zip(score).map(|(&v, w)| f64::from(v) * w).sum() };
        let (_, squares) = self.scan_squares(line)?;
        let positions = (0..z.nrows()).into_par_iter().with_min_len(4096).map(|row| position(z.row(row))).collect();
        Ok(Sweep { start_position: position(start), positions, squares })
    }
}

impl Sweep {
    /// Position of the line's start.
    pub fn start_position(&self) -> f64 {
        self.start_position
    }

    /// Position of every pool row.
    pub fn positions(&self) -> &[f64] {
        &self.positions
    }

    /// The `count` rows nearest to the line among those whose position lies in `[low, high)` and that are admitted; ties by row.
    pub fn nearest(&self, (low, high): (f64, f64), count: usize, admitted: impl Fn(usize) -> bool) -> Vec<Hit> {
        let mut top = Top::new(count);
        for (row, (&position, &square)) in self.positions.iter().zip(&self.squares).enumerate() {
            if low <= position && position < high && top.admits(square) && admitted(row) {
                top.offer(Candidate { square, row, position });
            }
        }
        top.into_vec().into_iter().map(Hit::from).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ndarray::Array2;

    use super::*;
    use crate::{Metric, Stops, WalkOptions, walk};

    #[test]
    fn a_sweep_finds_what_a_walk_finds() {
        let z = Array2::from_shape_fn((3001, 4), |(i, j)| ((i * (7 + 4 * j) + 3 * j) % 97) as f32 * 0.1);
        let space = Space::new(Metric::whitened(z.view()).unwrap(), z.view()).unwrap();
        let stops = Stops::new(vec![0.5, 3.0, 4.0, 6.0, 50.0]).unwrap();
        for start in [3, 1200, 3000] {
            let line = space.metric().line(&[0.6, 0.0, 0.8, -0.1], z.row(start)).unwrap();
            let sweep = space.sweep(&line).unwrap();
            let options = WalkOptions { per_stop: 9, exclude: &[start], ..WalkOptions::default() };
            let strip = walk(&space, &line, &stops, &options).unwrap();
            assert_eq!(sweep.start_position(), strip.start_position);
            for stop in &strip.stops {
                assert_eq!(sweep.nearest(stop.slab, 9, |row| row != start), stop.hits);
            }
            assert!(sweep.nearest((40.0, 60.0), 9, |_| true).is_empty(), "an empty slab is a miss");
            let scored = space.sweep_by(&line, (z.view(), z.row(start)), &[1.0, 0.0, 0.0, 0.0]).unwrap();
            assert!(scored.positions().iter().zip(z.column(0)).all(|(&p, &v)| p == f64::from(v)));
        }
        let line = space.metric().line(&[1.0, 0.0, 0.0, 0.0], z.row(0)).unwrap();
        let few = z.slice(ndarray::s![..9, ..]);
        assert!(space.sweep_by(&line, (few, z.row(0)), &[1.0; 4]).is_err());
        assert!(space.sweep_by(&line, (z.view(), z.row(0)), &[1.0; 3]).is_err());
    }
}
