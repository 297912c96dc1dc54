//! A knob on a line: from its one end to the other, and at each place the images nearest to the line.

use std::collections::BTreeSet;

use crate::checks;
use crate::error::Result;
use crate::stops::{Stops, spaced};
use crate::sweep::Sweep;
use crate::walk::{Hit, StopResult};

/// A line that is ready to be walked, to and fro.
///
/// **Units and conventions.** A place on the knob is a share of the way: 0 at its beginning, 1 at its end, others linear between and
/// beyond. Each place has a slab of positions; the images found there are the nearest to the line in it.
#[derive(Debug, Clone)]
pub struct Knob {
    sweep: Sweep,
    scale: Scale,
}

/// Place, position and slab of a stop.
type Slab = (f64, f64, (f64, f64));

/// What stands where on a knob.
#[derive(Debug, Clone)]
enum Scale {
    /// Along stops: the first one is the beginning, the last one the end.
    Stops(Stops),
    /// From the start to the middle of a slab, in so many steps.
    Goal { slab: (f64, f64), steps: usize },
}

impl Knob {
    /// A knob along stops.
    pub fn along(sweep: Sweep, stops: Stops) -> Self {
        Self { sweep, scale: Scale::Stops(stops) }
    }

    /// A knob from the sweep's start to the middle of a slab; `steps` is the usual number of stops, the slab included.
    ///
    /// **Errors.** No steps.
    pub fn toward(sweep: Sweep, slab: (f64, f64), steps: usize) -> Result<Self> {
        checks::some("the stops of the walk", steps)?;
        Ok(Self { sweep, scale: Scale::Goal { slab, steps } })
    }

    /// The pool beside the line.
    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    /// Position of the beginning and of the end.
    fn ends(&self) -> (f64, f64) {
        let start = self.sweep.start_position();
        match &self.scale {
            Scale::Stops(stops) => (stops.positions()[0], stops.positions()[stops.len() - 1]),
            Scale::Goal { slab: (low, high), .. } => (start, (low + high) / 2.0),
        }
    }

    /// The place at which the start itself stands.
    pub fn place_of_start(&self) -> f64 {
        let (from, to) = self.ends();
        (self.sweep.start_position() - from) / (to - from)
    }

    /// The usual number of stops.
    fn usual(&self) -> usize {
        match &self.scale {
            Scale::Stops(stops) => stops.len(),
            Scale::Goal { steps, .. } => *steps,
        }
    }

    /// What lies at a place: at most `count` of the images that are admitted. Near the end of a knob toward a slab, that slab is looked
    /// into.
    ///
    /// **Errors.** No images asked for; a place that is not usable.
    pub fn at(&self, place: f64, count: usize, admitted: impl Fn(usize) -> bool) -> Result<StopResult> {
        checks::some("the list of images for each stop", count)?;
        checks::usable("the place on the knob", 0, [place].into_iter())?;
        let (from, to) = self.ends();
        let steps = match &self.scale {
            Scale::Stops(stops) => stops.len() - 1,
            Scale::Goal { steps, .. } => *steps,
        } as f64;
        let (position, slab) = match &self.scale {
            Scale::Goal { slab, .. } if (1.0 - place).abs() * steps < 0.5 => (to, *slab),
            _ => {
                let (position, half) = (from + place * (to - from), ((to - from) / steps / 2.0).abs());
                (position, (position - half, position + half))
            }
        };
        Ok(StopResult { position, slab, hits: self.sweep.nearest(slab, count, admitted) })
    }

    /// The walk: `stops` stops from the beginning to the end, the usual number where none is given, each with at most `count` images.
    ///
    /// Slabs tile the way. No image comes twice: the end chooses first. A slab that is the goal may overlap its neighbour.
    ///
    /// **Errors.** No images or stops asked for; fewer than two stops of a knob along stops.
    pub fn walk(
        &self,
        stops: Option<usize>,
        count: usize,
        admitted: impl Fn(usize) -> bool,
    ) -> Result<Vec<(f64, StopResult)>> {
        checks::some("the list of images for each stop", count)?;
        let stops = stops.unwrap_or_else(|| self.usual());
        checks::some("the stops of the walk", stops)?;
        let mut used: BTreeSet<usize> = BTreeSet::new();
        let mut found: Vec<(f64, StopResult)> = Vec::with_capacity(stops);
        for (place, position, slab) in self.slabs(stops)?.into_iter().rev() {
            let hits: Vec<Hit> = self.sweep.nearest(slab, count, |row| !used.contains(&row) && admitted(row));
            used.extend(hits.iter().map(|hit| hit.row));
            found.push((place, StopResult { position, slab, hits }));
        }
        found.reverse();
        Ok(found)
    }

    /// Place, position and slab of each stop, ascending in place.
    fn slabs(&self, count: usize) -> Result<Vec<Slab>> {
        let (from, to) = self.ends();
        let of = |stops: &Stops| -> Vec<_> {
            let place = |position: f64| (position - from) / (to - from);
            (0..stops.len()).map(|at| (place(stops.positions()[at]), stops.positions()[at], stops.slab(at))).collect()
        };
        Ok(match &self.scale {
            Scale::Stops(stops) if stops.len() == count => of(stops),
            Scale::Stops(_) => of(&Stops::new(spaced(from, to, count))?),
            Scale::Goal { slab: (low, high), .. } => {
                let step = (to - from) / count as f64;
                let stop = |at: usize| match at + 1 == count {
                    true => (1.0, to, (*low, *high)),
                    false => {
                        let [a, b] = [0.5, 1.5].map(|half| from + step * (at as f64 + half));
                        ((at + 1) as f64 / count as f64, from + step * (at as f64 + 1.0), (a.min(b), a.max(b)))
                    }
                };
                (0..count).map(stop).collect()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ndarray::Array2;

    use super::*;
    use crate::{Metric, Space, WalkOptions, walk};

    fn world() -> (Array2<f32>, Space) {
        let z = Array2::from_shape_fn((2000, 3), |(i, j)| ((i * (7 + 4 * j) + 3 * j) % 97) as f32 * 0.1);
        let space = Space::new(Metric::whitened(z.view()).unwrap(), z.view()).unwrap();
        (z, space)
    }

    #[test]
    fn a_knob_along_stops_walks_as_a_walk_does() {
        let (z, space) = world();
        let line = space.metric().line(&[0.6, 0.0, 0.8], z.row(17)).unwrap();
        let stops = Stops::new(vec![2.0, 4.0, 6.0, 8.0]).unwrap();
        let strip = walk(&space, &line, &stops, &WalkOptions { per_stop: 3, exclude: &[17], ..WalkOptions::default() })
            .unwrap();
        let knob = Knob::along(space.sweep(&line).unwrap(), stops);
        let walked = knob.walk(None, 3, |row| row != 17).unwrap();
        assert_eq!(walked.iter().map(|(_, stop)| stop.clone()).collect::<Vec<_>>(), strip.stops);
        for (place, stop) in &walked {
            let there = knob.at(*place, 3, |row| row != 17).unwrap();
            assert!((there.position - stop.position).abs() < 1e-12);
            assert_eq!(there.hits, stop.hits, "the knob at a stop finds what the walk finds there");
        }
        assert_eq!(knob.walk(Some(9), 1, |_| true).unwrap().len(), 9);
        let start = knob.at(knob.place_of_start(), 1, |_| true).unwrap();
        assert_eq!((start.hits[0].row, start.hits[0].distance < 1e-6), (17, true), "the start lies on its line");
        assert!(knob.walk(Some(1), 1, |_| true).is_err() && knob.at(0.5, 0, |_| true).is_err());
        assert!(knob.at(f64::NAN, 1, |_| true).is_err());
    }

    #[test]
    fn a_knob_toward_a_slab_ends_in_it() {
        let (z, space) = world();
        let line = space.metric().line(&[0.6, 0.0, 0.8], z.row(17)).unwrap();
        let sweep = space.sweep(&line).unwrap();
        let knob = Knob::toward(sweep.clone(), (7.0, 7.6), 5).unwrap();
        let walked = knob.walk(None, 2, |_| true).unwrap();
        assert_eq!((walked.len(), walked[4].0, walked[4].1.slab), (5, 1.0, (7.0, 7.6)));
        assert_eq!(walked[4].1.hits, knob.at(1.0, 2, |_| true).unwrap().hits);
        assert_eq!(knob.at(0.95, 2, |_| true).unwrap().slab, (7.0, 7.6), "near the end the goal is looked into");
        assert_eq!(knob.place_of_start(), 0.0);
        let mut rows: Vec<usize> = walked.iter().flat_map(|(_, stop)| &stop.hits).map(|hit| hit.row).collect();
        let all = rows.len();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), all, "no image stands twice");
        assert!(Knob::toward(sweep, (0.0, 1.0), 0).is_err());
    }
}
