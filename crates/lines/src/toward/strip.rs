//! The walk toward a value: the stages' answer at its end, and images on the way there.

use ndarray::{ArrayView1, ArrayView2, Axis};

use super::ValueLines;
use super::mapped::{Mapped, product};
use crate::checks;
use crate::error::Result;
use crate::walk::{Hit, StopResult, Strip};

/// From where to where a strip leads, and how.
#[derive(Clone, Copy)]
pub struct TowardWalk<'a> {
    /// Raw PCA coordinates of the pool, m × k.
    pub pool: ArrayView2<'a, f32>,
    /// Raw PCA coordinates of the start, k long.
    pub start: ArrayView1<'a, f32>,
    /// The start's own class, where it has one.
    pub from: Option<u32>,
    /// The wanted class.
    pub to: u32,
    /// Stops, the last one included: at least 1.
    pub stops: usize,
    /// Images for each stop, at most.
    pub per_stop: usize,
    /// Weights of directions on which the position has to stay, as [`crate::Metric::keeping`] takes them.
    pub kept: &'a [Vec<f64>],
}

impl ValueLines {
    /// The walk from a start toward a class.
    ///
    /// The last stop is the value's slab; the image nearest to the line in it is what [`super::TowardCases::along`] answers. The
    /// stops before it stand evenly between the start's position and the middle of the slab, and are for the eye. No image comes
    /// twice: the end chooses first. Pool rows for which `excluded` is true never come.
    ///
    /// Gives the strip and how much of the course is left by what is kept.
    ///
    /// **Errors.** No stops or images asked for, no such class, two classes in the same place, another width.
    pub fn strip(&self, walk: &TowardWalk<'_>, excluded: &dyn Fn(usize) -> bool) -> Result<(Strip, f64)> {
        checks::some("the stops of the walk", walk.stops)?;
        checks::some("the list of images for each stop", walk.per_stop)?;
        checks::inside("the lines of the way", self.lines.len(), walk.to as usize)?;
        let line_to = &self.lines[walk.to as usize];
        line_to.check()?;
        let course = self.course(walk.from, walk.to)?;
        let (course, left) = self.metric.keeping(&course, walk.kept)?;
        let line = self.metric.line(&course, walk.start)?;
        let position = |row: ArrayView1<'_, f32>| -> f64 {
            row.iter().zip(&line_to.weights).map(|(&v, w)| f64::from(v) * w).sum()
        };
        let (low, high) = line_to.slab;
        let begin = position(walk.start);
        let step = ((low + high) / 2.0 - begin) / walk.stops as f64;
        let slab = |stop: usize| match stop + 1 == walk.stops {
            true => (low, high),
            false => {
                let (a, b) = (begin + step * (stop as f64 + 0.5), begin + step * (stop as f64 + 1.5));
                (a.min(b), a.max(b))
            }
        };
        let pool = Mapped::new(&self.metric, walk.pool)?;
        let start = Mapped::new(&self.metric, walk.start.insert_axis(Axis(0)))?;
        let (start, unit) = (start.row(0).to_vec(), line.unit());
        let (square, at) = (product(&start, &start), product(&start, unit));
        let positions: Vec<f64> = walk.pool.outer_iter().map(position).collect();
        let mut used: Vec<usize> = Vec::new();
        let mut stops = Vec::with_capacity(walk.stops);
        for stop in (0..walk.stops).rev() {
            let (from, to) = slab(stop);
            let inside = |row: &usize| from <= positions[*row] && positions[*row] < to;
            let rows = (0..positions.len()).filter(inside).filter(|row| !excluded(*row) && !used.contains(row));
            let mut found: Vec<(f64, usize)> = rows
                .map(|row| {
                    let along = product(pool.row(row), unit);
                    (pool.square_from(row, &start, square) - (along - at).powi(2), row)
                })
                .collect();
            found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            found.truncate(walk.per_stop);
            used.extend(found.iter().map(|(_, row)| row));
            let hits = found.into_iter().map(|(off, row)| Hit {
                row,
                position: positions[row],
                distance: off.max(0.0).sqrt(),
            });
            let middle = if stop + 1 == walk.stops { (low + high) / 2.0 } else { begin + step * (stop as f64 + 1.0) };
            stops.push(StopResult { position: middle, slab: (from, to), hits: hits.collect() });
        }
        stops.reverse();
        Ok((Strip { start_position: begin, stops }, left))
    }
}
