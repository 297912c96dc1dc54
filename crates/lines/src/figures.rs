//! How good are the walks along a direction?
//!
//! Slabs fix the position, so that walks restate the direction's AUC in part: [`WalkStudy::random_in_slab`],
//! [`WalkStudy::random_direction`] and [`WalkStudy::nearest_to_start`] give the same figures for walks that do without
//! the line, without the direction, and without both.

use std::collections::{BTreeMap, BTreeSet};

use latentwalk_arithmetic::{ascending, median, spearman};
use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::{Error, Result};
use crate::line::Line;
use crate::metric::MetricKind;
use crate::space::Space;
use crate::stops::Stops;
use crate::walk::{Hit, WalkOptions, walk};

/// What is walked, and the labels by which the walks are judged.
#[derive(Debug, Clone, Copy)]
pub struct WalkStudy<'a> {
    /// The metric and the pool.
    pub space: &'a Space,
    /// The attribute's label of every pool row.
    pub labels: &'a [Option<u32>],
    /// Classes from low to high; may name a subset.
    pub order: &'a [u32],
    /// The direction: weights in raw PCA space.
    pub weights: &'a [f64],
    /// The stops, the same for every start.
    pub stops: &'a Stops,
    /// Raw PCA coordinates of the starts, one per row.
    pub starts: ArrayView2<'a, f32>,
    /// Pool row of every start that lies in the pool; empty when none does.
    pub start_rows: &'a [Option<usize>],
}

/// Figures of one strip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StripFigures {
    /// The nearest image at every stop; `None` for a miss.
    pub hits: Vec<Option<Hit>>,
    /// Spearman's correlation between stop and rank of the image's class; 0 when one class only was met.
    pub spearman: f64,
    /// Whether every class of the order was met.
    pub meets_every_class: bool,
    /// Images with a label of the attribute.
    pub on_attribute: usize,
    /// Stops without an image.
    pub missed: usize,
    /// Mean distance of the images from the line; `None` when every stop was missed.
    pub mean_distance: Option<f64>,
}

/// Figures of the walks from all starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WalkFigures {
    /// Number of starts.
    pub starts: usize,
    /// Median over strips of Spearman's correlation between stop and rank of the nearest image's class.
    pub median_spearman: f64,
    /// Share of strips that meet every class of the order.
    pub middle_visited: f64,
    /// Share of retrieved images that carry a label of the attribute; 0 when none was retrieved.
    pub on_attribute: f64,
    /// Stops without an image, over all strips.
    pub missed_stops: usize,
    /// Share of the strips in which the image stands that stands in most of them: near 1, all lines meet in a few images.
    pub most_frequent: f64,
    /// Mean distance of the images from their lines; `None` when every stop was missed.
    pub mean_distance: Option<f64>,
    /// One entry per start.
    pub per_start: Vec<StripFigures>,
}

impl WalkStudy<'_> {
    /// Figures of the walks themselves: the nearest image to the line at every stop.
    ///
    /// **Errors.** No starts, lists of lengths that do not fit, an order of fewer than two classes or with a repeated
    /// one, and those of [`walk`].
    pub fn walk(&self) -> Result<WalkFigures> {
        self.check()?;
        self.each_start(|start| {
            let line = self.line(start)?;
            let exclude = self.exclude(start);
            let options = WalkOptions { exclude: exclude.as_slice(), ..WalkOptions::default() };
            let strip = walk(self.space, &line, self.stops, &options)?;
            Ok(strip.stops.iter().map(|stop| stop.hits.first().copied()).collect())
        })
    }

    pub(crate) fn check(&self) -> Result<()> {
        checks::some("the list of starts", self.starts.nrows())?;
        checks::rows("starts", self.space.width(), self.starts)?;
        checks::length("pool labels", self.space.len(), self.labels.len())?;
        if !self.start_rows.is_empty() {
            checks::length("pool rows of the starts", self.starts.nrows(), self.start_rows.len())?;
        }
        checks::option("the number of classes in the order", self.order.len() as f64, 2.0, f64::INFINITY)?;
        let mut seen = BTreeSet::new();
        match self.order.iter().find(|&&class| !seen.insert(class)) {
            Some(&class) => Err(Error::OrderRepeats { class }),
            None => Ok(()),
        }
    }

    pub(crate) fn start(&self, start: usize) -> ArrayView1<'_, f32> {
        self.starts.row(start)
    }

    pub(crate) fn line(&self, start: usize) -> Result<Line> {
        self.space.metric().line(self.weights, self.start(start))
    }

    /// The start's own row, as a list of none or one.
    pub(crate) fn exclude(&self, start: usize) -> Vec<usize> {
        self.start_rows.get(start).copied().flatten().into_iter().collect()
    }

    /// Figures of the images that `pick` finds for every start; in parallel, in the order of the starts.
    pub(crate) fn each_start(&self, pick: impl Fn(usize) -> Result<Vec<Option<Hit>>> + Sync) -> Result<WalkFigures> {
        let strips: Vec<Result<StripFigures>> =
            (0..self.starts.nrows()).into_par_iter().map(|start| Ok(self.judge(pick(start)?))).collect();
        // The first error in the order of the starts, whichever thread met one first.
        strips.into_iter().collect::<Result<Vec<_>>>().map(gather)
    }

    fn judge(&self, hits: Vec<Option<Hit>>) -> StripFigures {
        let rank = |row: usize| self.labels[row].and_then(|label| self.order.iter().position(|&class| class == label));
        let mut visited = BTreeSet::new();
        let (mut stops, mut ranks) = (Vec::new(), Vec::new());
        for (stop, hit) in hits.iter().enumerate() {
            if let Some(rank) = hit.and_then(|hit| rank(hit.row)) {
                visited.insert(rank);
                stops.push(stop as f64);
                ranks.push(rank as f64);
            }
        }
        let found: Vec<Hit> = hits.iter().flatten().copied().collect();
        StripFigures {
            spearman: spearman(&stops, &ranks).unwrap_or(0.0),
            meets_every_class: visited.len() == self.order.len(),
            on_attribute: found.iter().filter(|hit| self.labels[hit.row].is_some()).count(),
            missed: hits.len() - found.len(),
            mean_distance: mean(found.iter().map(|hit| hit.distance)),
            hits,
        }
    }
}

fn gather(per_start: Vec<StripFigures>) -> WalkFigures {
    let starts = per_start.len();
    let every = per_start.iter().filter(|strip| strip.meets_every_class).count();
    let found = per_start.iter().flat_map(|strip| &strip.hits).flatten().count();
    let on = per_start.iter().map(|strip| strip.on_attribute).sum::<usize>();
    let mut strips_of: BTreeMap<usize, usize> = BTreeMap::new();
    for strip in &per_start {
        // No image stands twice in a strip.
        strip.hits.iter().flatten().for_each(|hit| *strips_of.entry(hit.row).or_default() += 1);
    }
    WalkFigures {
        starts,
        most_frequent: strips_of.values().copied().max().unwrap_or(0) as f64 / starts as f64,
        // There are starts: a study without any was refused.
        median_spearman: median(&ascending(per_start.iter().map(|strip| strip.spearman))).unwrap_or(0.0),
        middle_visited: every as f64 / starts as f64,
        on_attribute: if found == 0 { 0.0 } else { on as f64 / found as f64 },
        missed_stops: per_start.iter().map(|strip| strip.missed).sum(),
        mean_distance: mean(per_start.iter().flat_map(|strip| &strip.hits).flatten().map(|hit| hit.distance)),
        per_start,
    }
}

/// The highest Spearman's correlation between stop and class rank that a strip can have: its classes in order, spread evenly over the
/// stops. Where classes are few, ties keep it below 1.
pub fn spearman_ceiling(stops: usize, classes: usize) -> Option<f64> {
    let (places, ranks): (Vec<f64>, Vec<f64>) =
        (0..stops).map(|stop| (stop as f64, (stop * classes / stops) as f64)).unzip();
    spearman(&places, &ranks)
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_usize);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

/// The metric to walk in, judged by walks from validation starts: the entry of `candidates`.
///
/// First by `middle_visited`, then by `median_spearman`, then by `on_attribute`, each rounded to a thousandth before it
/// is compared; where all are equal the simpler metric is kept (euclidean, whitened, within-class, residual), then the earlier entry.
///
/// **Errors.** No candidates.
pub fn choose_metric(candidates: &[(MetricKind, &WalkFigures)]) -> Result<usize> {
    let rounded = |value: f64| (value * 1e3).round() as i64;
    let merit =
        |figures: &WalkFigures| [figures.middle_visited, figures.median_spearman, figures.on_attribute].map(rounded);
    candidates
        .iter()
        .enumerate()
        .min_by_key(|(index, (kind, figures))| (std::cmp::Reverse(merit(figures)), *kind, *index))
        .map(|(index, _)| index)
        .ok_or(Error::Empty { what: "the list of metrics to choose from" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ndarray::array;

    use super::*;
    use crate::Metric;

    #[test]
    fn strips_are_judged_by_the_order() {
        // Along the first axis: class 5, unlabelled, class 7, a gap, class 6 (not in the order).
        let z = array![[0.0_f32, 0.0], [1.0, 0.0], [2.0, 0.0], [4.0, 3.0]];
        let space = Space::new(Metric::euclidean(2).unwrap(), z.view()).unwrap();
        let stops = Stops::new(vec![0.0, 1.0, 2.0, 3.0, 4.0]).unwrap();
        let starts = array![[0.5_f32, 0.0], [2.0, 0.0]];
        let study = WalkStudy {
            space: &space,
            labels: &[Some(5), None, Some(7), Some(6)],
            order: &[5, 7],
            weights: &[1.0, 0.0],
            stops: &stops,
            starts: starts.view(),
            start_rows: &[None, Some(2)],
        };
        let figures = study.walk().unwrap();
        let first = &figures.per_start[0];
        let rows: Vec<_> = first.hits.iter().map(|hit| hit.map(|hit| hit.row)).collect();
        assert_eq!(rows, [Some(0), Some(1), Some(2), None, Some(3)]);
        assert_eq!((first.spearman, first.meets_every_class, first.on_attribute, first.missed), (1.0, true, 3, 1));
        assert_eq!(first.mean_distance, Some(0.75));
        let second = &figures.per_start[1];
        assert_eq!((second.spearman, second.meets_every_class, second.missed), (0.0, false, 2), "one class only");
        assert_eq!((figures.starts, figures.middle_visited, figures.median_spearman), (2, 0.5, 0.5));
        assert_eq!((figures.missed_stops, figures.on_attribute), (3, 5.0 / 7.0));
        assert_eq!(figures.most_frequent, 1.0, "the first image stands in both strips");
    }

    #[test]
    fn few_classes_keep_spearmans_correlation_below_one() {
        let rounded = |classes| (spearman_ceiling(7, classes).unwrap() * 1e3).round() / 1e3;
        assert_eq!([2, 3, 7].map(rounded), [0.866, 0.945, 1.0]);
        assert_eq!(spearman_ceiling(7, 1), None);
    }

    #[test]
    fn the_metric_is_chosen_by_rounded_figures() {
        let figures = |middle_visited, median_spearman, on_attribute| WalkFigures {
            starts: 1,
            median_spearman,
            middle_visited,
            on_attribute,
            missed_stops: 0,
            most_frequent: 0.0,
            mean_distance: None,
            per_start: Vec::new(),
        };
        let (plain, better) = (figures(0.5, 0.9, 1.0), figures(0.9, 0.8, 0.9));
        let within = (MetricKind::WithinClass, &better);
        assert_eq!(choose_metric(&[(MetricKind::Euclidean, &plain), within]).unwrap(), 1);
        let nearly = figures(0.9001, 0.8, 0.9);
        assert_eq!(choose_metric(&[(MetricKind::WithinClass, &nearly), (MetricKind::Euclidean, &better)]).unwrap(), 1);
        let steadier = figures(0.9, 0.81, 0.1);
        assert_eq!(choose_metric(&[within, (MetricKind::WithinClass, &steadier)]).unwrap(), 1);
        assert_eq!(choose_metric(&[within, within]).unwrap(), 0);
        assert!(choose_metric(&[]).is_err());
    }

    #[test]
    fn bad_studies_are_refused() {
        let z = array![[0.0_f32, 0.0], [1.0, 0.0]];
        let space = Space::new(Metric::euclidean(2).unwrap(), z.view()).unwrap();
        let stops = Stops::new(vec![0.0, 1.0]).unwrap();
        let good = WalkStudy {
            space: &space,
            labels: &[Some(0), Some(1)],
            order: &[0, 1],
            weights: &[1.0, 0.0],
            stops: &stops,
            starts: z.view(),
            start_rows: &[],
        };
        assert!(good.walk().is_ok());
        let none = ndarray::Array2::<f32>::zeros((0, 2));
        assert!(matches!(WalkStudy { starts: none.view(), ..good }.walk(), Err(Error::Empty { .. })));
        assert!(matches!(WalkStudy { labels: &[None], ..good }.walk(), Err(Error::Shape { .. })));
        assert!(matches!(WalkStudy { start_rows: &[None], ..good }.walk(), Err(Error::Shape { .. })));
        assert!(matches!(WalkStudy { order: &[1], ..good }.walk(), Err(Error::Option { .. })));
        assert!(matches!(WalkStudy { order: &[1, 1], ..good }.walk(), Err(Error::OrderRepeats { class: 1 })));
        assert!(matches!(WalkStudy { weights: &[0.0, 0.0], ..good }.walk(), Err(Error::ZeroDirection)));
        let outside = WalkStudy { start_rows: &[Some(9), None], ..good };
        assert!(matches!(outside.walk(), Err(Error::Outside { got: 9, .. })));
        assert!(matches!(outside.random_in_slab(1), Err(Error::Outside { got: 9, .. })));
    }
}
