//! The walk toward a value: the stages' answer at its end, and images on the way there.

use ndarray::{ArrayView1, ArrayView2};

use super::ValueLines;
use crate::checks;
use crate::error::Result;
use crate::knob::Knob;
use crate::space::Space;

/// From where to where a walk leads, and among which images.
#[derive(Clone, Copy)]
pub struct TowardWalk<'a> {
    /// The pool in the metric of the lines.
    pub space: &'a Space,
    /// Raw PCA coordinates of the same rows, m × k.
    pub pool: ArrayView2<'a, f32>,
    /// Raw PCA coordinates of the start, k long.
    pub start: ArrayView1<'a, f32>,
    /// The start's own class, where it has one.
    pub from: Option<u32>,
    /// The wanted class.
    pub to: u32,
    /// The usual number of stops, the last one included: at least 1.
    pub stops: usize,
    /// Weights of directions on which the position has to stay, as [`crate::Metric::keeping`] takes them.
    pub kept: &'a [Vec<f64>],
}

impl ValueLines {
    /// The line from a start toward a class, ready to be walked, and how much of its course is left by what is kept.
    ///
    /// Its end is the value's slab; the image nearest to the line in it is what [`super::TowardCases::along`] answers. The stops before
    /// it stand evenly between the start's position and the middle of the slab, and are for the eye.
    ///
    /// **Errors.** No stops asked for, no such class, two classes in the same place, another width or metric.
    pub fn knob(&self, walk: &TowardWalk<'_>) -> Result<(Knob, f64)> {
        checks::inside("the lines of the way", self.lines.len(), walk.to as usize)?;
        let line_to = &self.lines[walk.to as usize];
        line_to.check()?;
        let course = self.course(walk.from, walk.to)?;
        let (course, left) = self.metric.keeping(&course, walk.kept)?;
        let line = self.metric.line(&course, walk.start)?;
        let sweep = walk.space.sweep_by(&line, (walk.pool, walk.start), &line_to.weights)?;
        Ok((Knob::toward(sweep, line_to.slab, walk.stops)?, left))
    }
}
