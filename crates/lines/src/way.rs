//! Where a line to another value has to arrive, and the ways to find an image there.

use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::space::{Space, place_on, square_between};
use crate::top::Candidate;

/// Where a line has to arrive: a direction and the slab of positions in which images are looked for.
///
/// Its weights are written as decimal strings, so that they are read back to the last bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineToValue {
    /// The direction: weights (a score) in raw PCA space.
    #[serde(with = "crate::exact")]
    pub weights: Vec<f64>,
    /// Positions `[low, high)` along it.
    #[serde(with = "crate::exact::pair")]
    pub slab: (f64, f64),
}

impl LineToValue {
    /// The line to the slab around `to_median`, which reaches `reach` of the gap between the medians back towards
    /// `from_median`, and as far beyond.
    ///
    /// **Units and conventions.** Positions along `weights`; the start's class may stand on either side. With a reach of
    /// 0.5 the slab begins half way. With a reach of 0 or equal medians it is empty, and every case a miss.
    /// **Errors.** A reach outside 0 to 1, medians or weights that are not usable.
    pub fn towards(weights: Vec<f64>, from_median: f64, to_median: f64, reach: f64) -> Result<Self> {
        checks::option("the reach", reach, 0.0, 1.0)?;
        checks::usable("the medians", 0, [from_median, to_median].into_iter())?;
        checks::usable("the direction", 0, weights.iter().copied())?;
        let half = reach * (to_median - from_median).abs();
        Ok(Self { weights, slab: (to_median - half, to_median + half) })
    }

    pub(crate) fn check(&self) -> Result<()> {
        let (low, high) = self.slab;
        // Written so that NaN fails too; an infinite border is a slab without an end.
        let ordered = low <= high;
        let refused = Error::NotAscending { what: "border of the slab", place: 1, left: low, right: high };
        if ordered { Ok(()) } else { Err(refused) }
    }

    pub(crate) fn holds(&self, position: f64) -> bool {
        self.slab.0 <= position && position < self.slab.1
    }
}

/// How an image with another value of the target is looked for.
#[derive(Clone, Copy)]
pub enum Way<'a> {
    /// Nearest to the line through the start, among the pool rows whose position lies in the slab of `line_to`.
    Line {
        /// The metric in which the line is drawn, as [`Metric::line`].
        metric: &'a Metric,
        /// The line from a start (its row) to a class; `None` where there is none: a miss.
        line_to: &'a (dyn Fn(usize, u32) -> Option<LineToValue> + Sync),
    },
    /// Nearest to the start, whatever it is.
    Nearest {
        /// The metric.
        metric: &'a Metric,
    },
    /// Nearest to the start among the pool rows that carry the wanted value: an oracle, since it reads the labels.
    Labelled {
        /// The metric.
        metric: &'a Metric,
    },
}

/// What a way found for one case.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) row: Option<usize>,
    pub(crate) twin_rank: Option<usize>,
}

/// A way over a mapped pool.
pub(crate) struct Finder<'a> {
    way: Way<'a>,
    space: Space,
    /// The target's label of every pool row.
    labels: &'a [Option<u32>],
}

impl<'a> Finder<'a> {
    pub(crate) fn new(way: &Way<'a>, pool: ArrayView2<'_, f32>, labels: &'a [Option<u32>]) -> Result<Self> {
        let (Way::Line { metric, .. } | Way::Nearest { metric } | Way::Labelled { metric }) = *way;
        Ok(Self { way: *way, space: Space::new(metric.clone(), pool)?, labels })
    }

    pub(crate) fn width(&self) -> usize {
        self.space.width()
    }

    /// The image for the start in row `start`, at `point`, and the place of its twin among the candidates.
    pub(crate) fn find(
        &self,
        (start, point): (usize, ArrayView1<'_, f32>),
        to: u32,
        twin: Option<&[f32]>,
    ) -> Result<Found> {
        let twin = twin.map(|twin| self.map_twin(twin)).transpose()?;
        match self.way {
            Way::Line { line_to, .. } => match line_to(start, to) {
                Some(line_to) => self.along(&line_to, point, twin),
                None => Ok(Found::default()),
            },
            Way::Nearest { .. } => Ok(self.around(point, twin, |_| true)),
            Way::Labelled { .. } => Ok(self.around(point, twin, |row| self.labels[row] == Some(to))),
        }
    }

    fn along(&self, line_to: &LineToValue, point: ArrayView1<'_, f32>, twin: Option<Vec<f32>>) -> Result<Found> {
        line_to.check()?;
        let line = self.space.metric().line(&line_to.weights, point)?;
        let twin = twin.map(|twin| place_on(twin.into_iter(), &line));
        let twin = twin.filter(|&(_, position)| line_to.holds(position)).map(|(square, _)| square);
        let tallies = self.space.fold_line(&line, Tally::default, |tally: &mut Tally, candidate| {
            if line_to.holds(candidate.position) {
                tally.add(candidate, twin);
            }
        });
        Ok(Tally::found(tallies, twin))
    }

    fn around(
        &self,
        point: ArrayView1<'_, f32>,
        twin: Option<Vec<f32>>,
        wanted: impl Fn(usize) -> bool + Sync,
    ) -> Found {
        let raw: Vec<f64> = point.iter().map(|&v| f64::from(v)).collect();
        let origin = self.space.metric().map_point(&raw);
        let twin = twin.map(|twin| square_between(twin.into_iter(), origin.iter().copied()));
        let tallies = self.space.fold_point(&origin, Tally::default, |tally: &mut Tally, candidate| {
            if wanted(candidate.row) {
                tally.add(candidate, twin);
            }
        });
        Tally::found(tallies, twin)
    }

    /// By the way of the pool's rows, to the last bit: a twin that is a pool row stands where that row stands.
    fn map_twin(&self, twin: &[f32]) -> Result<Vec<f32>> {
        checks::width("the twin", self.width(), twin.len())?;
        checks::usable("the twin", 0, twin.iter().map(|&v| f64::from(v)))?;
        let rows = ArrayView1::from(twin).insert_axis(ndarray::Axis(0));
        Ok(self.space.metric().map(rows)?.into_iter().collect())
    }
}

/// The best of some candidates, and how many stand before the twin.
#[derive(Default)]
struct Tally {
    best: Option<Candidate>,
    ahead: usize,
}

impl Tally {
    /// `twin` is the twin's squared distance; at equal distance the pool row stands first.
    fn add(&mut self, candidate: Candidate, twin: Option<f64>) {
        self.ahead += usize::from(twin.is_some_and(|square| candidate.square <= square));
        if self.best.is_none_or(|best| candidate.before(&best)) {
            self.best = Some(candidate);
        }
    }

    fn found(tallies: Vec<Self>, twin: Option<f64>) -> Found {
        let ahead: usize = tallies.iter().map(|tally| tally.ahead).sum();
        let best = tallies.iter().filter_map(|tally| tally.best).reduce(|a, b| if b.before(&a) { b } else { a });
        Found { row: best.map(|best| best.row), twin_rank: twin.map(|_| ahead + 1) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn the_slab_reaches_back_and_as_far_beyond() {
        let slab = |from, to, reach| LineToValue::towards(vec![1.0], from, to, reach).unwrap().slab;
        assert_eq!(slab(0.0, 4.0, 0.5), (2.0, 6.0));
        assert_eq!(slab(4.0, 0.0, 0.5), (-2.0, 2.0));
        assert_eq!(slab(-1.0, 1.0, 1.0), (-1.0, 3.0));
        let empty = LineToValue::towards(vec![1.0], 1.0, 1.0, 0.5).unwrap();
        assert!(!empty.holds(1.0), "equal medians leave no slab");
        let line_to = LineToValue::towards(vec![1.0], 0.0, 4.0, 0.25).unwrap();
        assert_eq!([2.9, 3.0, 4.9, 5.0].map(|s| line_to.holds(s)), [false, true, true, false]);
    }

    #[test]
    fn bad_lines_are_refused() {
        let towards = |w: f64, from: f64, reach: f64| LineToValue::towards(vec![w], from, 1.0, reach);
        for reach in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(towards(1.0, 0.0, reach), Err(Error::Option { name: "the reach", .. })));
        }
        assert!(matches!(towards(1.0, f64::NAN, 0.5), Err(Error::NotUsable { what: "the medians", .. })));
        assert!(matches!(towards(f64::INFINITY, 0.0, 0.5), Err(Error::NotUsable { .. })));
        let metric = Metric::euclidean(2).unwrap();
        let pool = array![[0.0_f32, 0.0], [1.0, 0.0]];
        let find = |weights: &[f64], slab: (f64, f64), twin: Option<&[f32]>| {
            let line_to = |_: usize, _: u32| Some(LineToValue { weights: weights.to_vec(), slab });
            let way = Way::Line { metric: &metric, line_to: &line_to };
            let search = Finder::new(&way, pool.view(), &[None, None]).unwrap();
            search.find((0, pool.row(0)), 1, twin).map(|found| (found.row, found.twin_rank))
        };
        let everywhere = (f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!(find(&[1.0, 0.0], everywhere, Some(&[5.0, 1.0])).unwrap(), (Some(0), Some(3)));
        assert_eq!(find(&[1.0, 0.0], (0.5, 0.5), Some(&[0.5, 0.0])).unwrap(), (None, None));
        assert!(matches!(
            find(&[1.0, 0.0], (1.0, 0.0), None),
            Err(Error::NotAscending { place: 1, left: 1.0, right: 0.0, .. })
        ));
        assert!(matches!(find(&[1.0, 0.0], (f64::NAN, 1.0), None), Err(Error::NotAscending { .. })));
        assert!(matches!(find(&[1.0], everywhere, None), Err(Error::Shape { unit: "axes", expected: 2, got: 1, .. })));
        assert!(matches!(find(&[0.0, 0.0], everywhere, None), Err(Error::ZeroDirection)));
        let narrow = find(&[1.0, 0.0], everywhere, Some(&[0.0]));
        assert!(matches!(narrow, Err(Error::Shape { what: "the twin", expected: 2, got: 1, .. })));
        let nan = find(&[1.0, 0.0], everywhere, Some(&[0.0, f32::NAN]));
        assert!(matches!(nan, Err(Error::NotUsable { what: "the twin", axis: 1, .. })));
    }

    #[test]
    fn a_pool_row_as_its_own_twin_stands_right_behind_itself() {
        // Several tasks of rows, no two alike, in a metric with a full triangle.
        let z = Array2::from_shape_fn((2500, 5), |(i, j)| ((i * (7 + j) + 3 * j) % (911 + 100 * j)) as f32 * 0.013);
        let labels: Vec<Option<u32>> = (0..2500).map(|i| Some((i % 3) as u32)).collect();
        let rows: Vec<usize> = (0..2500).collect();
        let metric = Metric::within_class(z.view(), &labels, &rows, 3, 1e-4).unwrap();
        let line_to =
            |_: usize, _: u32| Some(LineToValue { weights: vec![0.1, 0.2, -0.3, 0.4, 0.5], slab: (2.0, 9.0) });
        for way in [
            Way::Line { metric: &metric, line_to: &line_to },
            Way::Nearest { metric: &metric },
            Way::Labelled { metric: &metric },
        ] {
            let search = Finder::new(&way, z.view(), &labels).unwrap();
            let start = array![3.0_f32, 4.0, 5.0, 6.0, 2.0];
            let mut seen = Vec::new();
            for (row, values) in z.outer_iter().enumerate() {
                let found = search.find((0, start.view()), 1, values.as_slice()).unwrap();
                let candidate = !matches!(way, Way::Labelled { .. }) || labels[row] == Some(1);
                if let Some(rank) = found.twin_rank.filter(|_| candidate) {
                    seen.push((rank, row));
                }
                if found.row == Some(row) {
                    assert_eq!(found.twin_rank, Some(2), "behind the best row, which it equals");
                }
            }
            seen.sort_unstable();
            assert!(seen.len() > 500);
            let ranks: Vec<usize> = seen.iter().map(|&(rank, _)| rank).collect();
            assert_eq!(ranks, (2..seen.len() + 2).collect::<Vec<_>>(), "every candidate behind itself, none between");
        }
    }
}
