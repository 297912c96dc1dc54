//! Walking a line: at every stop, the images nearest to the line.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::Result;
use crate::index::{DEFAULT_EF, HnswIndex};
use crate::line::Line;
use crate::space::Space;
use crate::stops::Stops;
use crate::top::{Candidate, Top};

/// Default of [`WalkOptions::per_stop`].
pub const DEFAULT_PER_STOP: usize = 1;

/// Neighbours of a stop's point that an indexed walk looks at, at most.
const MOST_NEIGHBOURS: usize = 1024;

/// How candidates are found.
#[derive(Debug, Clone, Copy, Default)]
pub enum Search<'a> {
    /// One pass over the whole pool: the reference.
    #[default]
    Exact,
    /// Neighbours of each stop's point from an index, looked through for the slab's.
    Hnsw {
        /// The index, built over the same space.
        index: &'a HnswIndex,
        /// Width of the search; [`DEFAULT_EF`] is a sensible one.
        ef: usize,
    },
}

impl<'a> Search<'a> {
    /// The index with its default width of search.
    pub fn indexed(index: &'a HnswIndex) -> Self {
        Self::Hnsw { index, ef: DEFAULT_EF }
    }
}

/// What a walk retrieves.
#[derive(Debug, Clone, Copy)]
pub struct WalkOptions<'a> {
    /// Images for each stop, at most. Default [`DEFAULT_PER_STOP`].
    pub per_stop: usize,
    /// How candidates are found.
    pub search: Search<'a>,
    /// Pool rows that are never retrieved: the start, where it lies in the pool.
    pub exclude: &'a [usize],
}

impl Default for WalkOptions<'_> {
    fn default() -> Self {
        Self { per_stop: DEFAULT_PER_STOP, search: Search::Exact, exclude: &[] }
    }
}

/// A retrieved image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Row of the pool.
    pub row: usize,
    /// Its position, `wᵀz`.
    pub position: f64,
    /// Its distance from the line, in the metric.
    pub distance: f64,
}

/// A stop and what was found there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StopResult {
    /// Position of the stop.
    pub position: f64,
    /// The slab `[low, high)`.
    pub slab: (f64, f64),
    /// Nearest to the line first, ties by row; empty when the slab is: a miss.
    pub hits: Vec<Hit>,
}

/// What a walk retrieved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strip {
    /// Position of the start.
    pub start_position: f64,
    /// The stops, ascending.
    pub stops: Vec<StopResult>,
}

/// Retrieves, at every stop, the pool rows nearest to the line among those whose position lies in the stop's slab.
///
/// No row comes twice in a strip, excluded rows never come, and an empty slab stays empty. With [`Search::Exact`] the
/// result is exact and does not depend on the number of threads. With [`Search::Hnsw`] the neighbours of the stop's point
/// are asked for in growing numbers until no further one can be nearer to the line, or 1,024 were looked at: what is found
/// is ranked exactly, what the index or that bound leaves out is missing.
///
/// **Errors.** No images asked for, a line or an index of another metric or size, an excluded row that is not in the pool.
pub fn walk(space: &Space, line: &Line, stops: &Stops, options: &WalkOptions<'_>) -> Result<Strip> {
    checks::some("the list of images for each stop", options.per_stop)?;
    space.check_line(line)?;
    let exclude = space.excluded(options.exclude)?;
    let tops = match options.search {
        Search::Exact => exact(space, line, stops, options.per_stop, &exclude),
        Search::Hnsw { index, ef } => {
            index.check_space(space)?;
            (0..stops.len())
                .map(|stop| indexed_stop(space, line, stops, stop, &Query { index, ef, options, exclude: &exclude }))
                .collect::<Result<_>>()?
        }
    };
    Ok(Strip { start_position: line.start_position(), stops: results(stops, tops) })
}

fn exact(space: &Space, line: &Line, stops: &Stops, per_stop: usize, exclude: &[usize]) -> Vec<Top> {
    let fresh = || vec![Top::new(per_stop); stops.len()];
    let tasks = space.fold_line(line, fresh, |tops: &mut Vec<Top>, candidate| {
        let Some(stop) = stops.stop_of(candidate.position) else { return };
        let top = &mut tops[stop];
        if top.admits(candidate.square) && exclude.binary_search(&candidate.row).is_err() {
            top.offer(candidate);
        }
    });
    let mut all = fresh();
    for task in tasks {
        all.iter_mut().zip(task).for_each(|(top, part)| top.merge(part));
    }
    all
}

struct Query<'a> {
    index: &'a HnswIndex,
    ef: usize,
    options: &'a WalkOptions<'a>,
    exclude: &'a [usize],
}

/// Every row outside a ball around the stop's point is farther from that point than the ball's radius, and within the
/// slab at most `reach` of that lies along the line: what remains bounds its distance from the line from below.
fn indexed_stop(space: &Space, line: &Line, stops: &Stops, stop: usize, query: &Query<'_>) -> Result<Top> {
    let position = stops.positions()[stop];
    let (low, high) = stops.slab(stop);
    let reach = (position - low).max(high - position) / line.scale();
    let point = line.mapped_point(position);
    let bound = MOST_NEIGHBOURS.max(4 * query.options.per_stop).min(space.len());
    let mut asked = (8 * query.options.per_stop).clamp(32, bound.max(32)).min(space.len());
    loop {
        let neighbours = query.index.search(&point, asked, query.ef)?;
        let radius = neighbours.last().map_or(0.0, |farthest| farthest.distance);
        let mut top = Top::new(query.options.per_stop);
        for neighbour in &neighbours {
            let candidate = space.locate(neighbour.row, line);
            let inside = stops.stop_of(candidate.position) == Some(stop);
            if inside && query.exclude.binary_search(&neighbour.row).is_err() {
                top.offer(candidate);
            }
        }
        if asked >= bound || !top.admits(radius * radius - reach * reach) {
            return Ok(top);
        }
        asked = (2 * asked).min(bound);
    }
}

/// Slabs are disjoint, so that no row can come twice; it is checked all the same, since the strip promises it.
fn results(stops: &Stops, tops: Vec<Top>) -> Vec<StopResult> {
    let mut seen = BTreeSet::new();
    let mut result = |(stop, top): (usize, Top)| StopResult {
        position: stops.positions()[stop],
        slab: stops.slab(stop),
        hits: top.into_vec().into_iter().filter(|c| seen.insert(c.row)).map(Hit::from).collect(),
    };
    tops.into_iter().enumerate().map(&mut result).collect()
}

impl From<Candidate> for Hit {
    fn from(candidate: Candidate) -> Self {
        Self { row: candidate.row, position: candidate.position, distance: candidate.square.sqrt() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use latentwalk_testing::on_threads;
    use ndarray::{Array2, array};

    use super::*;
    use crate::{Error, HnswOptions, Metric};

    fn space(n: usize) -> (Array2<f32>, Space) {
        let z = Array2::from_shape_fn((n, 3), |(i, j)| ((i * (7 + 4 * j) + 3 * j) % 997) as f32 * 0.01);
        let space = Space::new(Metric::whitened(z.view()).unwrap(), z.view()).unwrap();
        (z, space)
    }

    #[test]
    fn a_strip_keeps_its_promises() {
        let (z, space) = space(3000);
        let line = space.metric().line(&[0.6, 0.0, 0.8], z.row(17)).unwrap();
        let stops = Stops::new(vec![1.0, 4.0, 6.0, 9.0, 100.0]).unwrap();
        let options = WalkOptions { per_stop: 8, exclude: &[17], ..WalkOptions::default() };
        let strip = walk(&space, &line, &stops, &options).unwrap();
        let (positions, distances) = space.scan(&line).unwrap();
        let mut seen = BTreeSet::new();
        for (stop, result) in strip.stops.iter().enumerate() {
            let mut expected: Vec<usize> = (0..z.nrows())
                .filter(|&row| row != 17 && positions[row] >= result.slab.0 && positions[row] < result.slab.1)
                .collect();
            expected.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]).then(a.cmp(&b)));
            expected.truncate(8);
            assert_eq!(result.hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), expected, "stop {stop}");
            assert!(result.hits.iter().all(|hit| seen.insert(hit.row) && hit.row != 17));
        }
        assert!(strip.stops[4].hits.is_empty(), "an empty slab is a miss");
        assert_eq!(strip.stops[3].hits.len(), 8);
        let free = walk(&space, &line, &stops, &WalkOptions { exclude: &[], ..options }).unwrap();
        assert!(free.stops.iter().flat_map(|s| &s.hits).any(|hit| hit.row == 17), "the start lies on its line");
    }

    #[test]
    fn equal_strips_in_pools_of_one_and_two_threads() {
        let (z, space) = space(9000);
        let stops = Stops::new(vec![1.0, 4.0, 6.0]).unwrap();
        let strips = [1, 2].map(|threads| {
            on_threads(threads, || {
                let again = Space::new(Metric::whitened(z.view()).unwrap(), z.view()).unwrap();
                let line = again.metric().line(&[0.6, 0.0, 0.8], z.row(17)).unwrap();
                walk(&again, &line, &stops, &WalkOptions { per_stop: 40, ..WalkOptions::default() }).unwrap()
            })
        });
        assert_eq!(strips[0], strips[1]);
        drop(space);
    }

    #[test]
    fn an_indexed_walk_finds_what_the_scan_finds() {
        let (z, space) = space(997);
        let index = HnswIndex::build(&space, HnswOptions::default()).unwrap();
        let line = space.metric().line(&[0.6, 0.0, 0.8], z.row(17)).unwrap();
        let stops = Stops::new(vec![2.0, 4.0, 6.0, 8.0, 40.0]).unwrap();
        let options = WalkOptions { per_stop: 3, exclude: &[17], ..WalkOptions::default() };
        let exact = walk(&space, &line, &stops, &options).unwrap();
        let indexed = walk(&space, &line, &stops, &WalkOptions { search: Search::indexed(&index), ..options }).unwrap();
        assert_eq!(exact, indexed);
        let reversed = z.slice(ndarray::s![..;-1, ..]);
        let other = Space::new(Metric::whitened(z.view()).unwrap(), reversed).unwrap();
        let refused = walk(&other, &line, &stops, &WalkOptions { search: Search::indexed(&index), ..options });
        assert!(matches!(refused, Err(Error::OtherSpace { rows: 997, .. })));
    }

    #[test]
    fn ties_go_by_row() {
        let z = array![[0.0_f32, 2.0], [0.1, 1.0], [0.2, 1.0], [0.0, 1.0], [1.0, 0.0]];
        let space = Space::new(Metric::euclidean(2).unwrap(), z.view()).unwrap();
        let line = space.metric().line(&[1.0, 0.0], array![0.0_f32, 0.0].view()).unwrap();
        let stops = Stops::new(vec![0.0, 1.0]).unwrap();
        let strip = walk(&space, &line, &stops, &WalkOptions { per_stop: 2, ..WalkOptions::default() }).unwrap();
        assert_eq!(strip.stops[0].hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn bad_options_are_refused() {
        let (z, space) = space(50);
        let line = space.metric().line(&[0.6, 0.0, 0.8], z.row(1)).unwrap();
        let stops = Stops::new(vec![2.0, 4.0]).unwrap();
        let none = walk(&space, &line, &stops, &WalkOptions { per_stop: 0, ..WalkOptions::default() });
        assert!(matches!(none, Err(Error::Empty { .. })));
        let beyond = walk(&space, &line, &stops, &WalkOptions { exclude: &[50], ..WalkOptions::default() });
        assert!(matches!(beyond, Err(Error::Outside { got: 50, count: 50, .. })));
    }
}
