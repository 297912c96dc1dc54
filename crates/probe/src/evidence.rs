//! How well a direction separates the classes, on rows that no fit and no choice has seen.

use latentwalk_arithmetic::{quantile, spearman};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::model::Model;
use crate::stats::{QUANTILES, auc, by_class, median, rises};

/// Points of the probability curve.
pub const CURVE_POINTS: usize = 101;

/// Labelled rows of a class in each split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRows {
    /// Training rows.
    pub train: usize,
    /// Validation rows.
    pub validation: usize,
    /// Test rows.
    pub test: usize,
}

/// Positions of a class: the [`QUANTILES`] and the mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Quantiles of 5, 25, 50, 75 and 95 %.
    pub quantiles: [f64; 5],
    /// Mean.
    pub mean: f64,
}

impl Spread {
    /// The median.
    pub fn median(&self) -> f64 {
        self.quantiles[2]
    }

    fn of(sorted: &[f64]) -> Option<Self> {
        let mut quantiles = [0.0; 5];
        for (slot, &q) in quantiles.iter_mut().zip(&QUANTILES) {
            *slot = quantile(sorted, q)?;
        }
        Some(Self { quantiles, mean: sorted.iter().sum::<f64>() / sorted.len() as f64 })
    }
}

/// Class probabilities over the range of the training positions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// [`CURVE_POINTS`] positions, ascending.
    pub positions: Vec<f64>,
    /// For each position the probability of each class.
    pub probabilities: Vec<Vec<f64>>,
}

/// A position at which the predicted class changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boundary {
    /// Position.
    pub position: f64,
    /// Class predicted below it.
    pub below: u32,
    /// Class predicted above it.
    pub above: u32,
}

/// The figures of a direction.
///
/// **Units and conventions**: vectors over classes are indexed as the task's `classes`. AUC, accuracies and Spearman's ρ are of test
/// rows; `None` where a figure has no rows. Positions are raw PCA coordinates along the unit direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Labelled rows of each class.
    pub rows: Vec<ClassRows>,
    /// Share of test rows whose class the position predicts.
    pub test_accuracy: Option<f64>,
    /// Mean over classes of that share.
    pub balanced_accuracy: Option<f64>,
    /// Share of test rows of the class that is most frequent in training: what saying it always reaches.
    pub majority_baseline: Option<f64>,
    /// `pairwise_auc[a][b]` is `P(s_b > s_a) + ½ P(s_b = s_a)`; the diagonal is `None`.
    pub pairwise_auc: Vec<Vec<Option<f64>>>,
    /// Least AUC of neighbours in the declared order; for two classes their AUC; else `None`.
    pub min_adjacent_auc: Option<f64>,
    /// Percentile interval of 95 % of it, test rows resampled within classes.
    pub min_adjacent_auc_interval: Option<[f64; 2]>,
    /// Whether test medians rise along the declared order; `None` without order or without rows of one of its classes.
    pub in_order: Option<bool>,
    /// Spearman's ρ of position and rank in the declared order, over the classes that it names.
    pub spearman: Option<f64>,
    /// Positions of each class's training rows.
    pub train: Vec<Option<Spread>>,
    /// Positions of each class's test rows.
    pub test: Vec<Option<Spread>>,
    /// Probabilities along the axis.
    pub curve: Curve,
    /// Where the predicted class changes.
    pub boundaries: Vec<Boundary>,
}

/// Positions of the labelled rows, ascending in each class.
#[derive(Debug)]
pub(crate) struct Positions {
    pub(crate) train: Vec<Vec<f64>>,
    pub(crate) validation: Vec<Vec<f64>>,
    pub(crate) test: Vec<Vec<f64>>,
}

impl Evidence {
    pub(crate) fn new(positions: &Positions, model: &Model, order: &[u32], bootstrap: usize, seed: u64) -> Self {
        let classes = positions.train.len();
        // Two classes need no declaration: their one AUC is the figure.
        let order = if order.is_empty() && classes == 2 { &[0, 1] } else { order };
        let test = &positions.test;
        let curve = curve(positions, model);
        let (test_accuracy, balanced_accuracy) = accuracies(test, model);
        Self {
            rows: rows(positions),
            test_accuracy,
            balanced_accuracy,
            majority_baseline: majority(positions),
            pairwise_auc: (0..classes).map(|a| (0..classes).map(|b| pair(test, a, b)).collect()).collect(),
            min_adjacent_auc: min_adjacent(test, order),
            min_adjacent_auc_interval: interval(test, order, bootstrap, seed),
            in_order: ordered(test, order),
            spearman: trend(test, order),
            train: positions.train.iter().map(|sorted| Spread::of(sorted)).collect(),
            test: test.iter().map(|sorted| Spread::of(sorted)).collect(),
            boundaries: boundaries(&curve, model),
            curve,
        }
    }
}

/// Whether medians rise along the order; `None` if it is empty or a class of it has no rows.
pub(crate) fn ordered(groups: &[Vec<f64>], order: &[u32]) -> Option<bool> {
    let full = !order.is_empty() && order.iter().all(|&class| !groups[class as usize].is_empty());
    let medians: Vec<Option<f64>> = groups.iter().map(|sorted| median(sorted)).collect();
    full.then(|| rises(&medians, order))
}

fn rows(positions: &Positions) -> Vec<ClassRows> {
    let lines = positions.train.iter().zip(&positions.validation).zip(&positions.test);
    lines
        .map(|((train, validation), test)| ClassRows {
            train: train.len(),
            validation: validation.len(),
            test: test.len(),
        })
        .collect()
}

fn accuracies(test: &[Vec<f64>], model: &Model) -> (Option<f64>, Option<f64>) {
    let right = |class: usize, group: &[f64]| {
        group.iter().filter(|&&position| model.class_at(position) as usize == class).count() as f64
    };
    let present: Vec<(f64, f64)> = (test.iter().enumerate())
        .filter(|(_, group)| !group.is_empty())
        .map(|(class, group)| (right(class, group), group.len() as f64))
        .collect();
    if present.is_empty() {
        return (None, None);
    }
    let right: f64 = present.iter().map(|(right, _)| right).sum();
    let all: f64 = present.iter().map(|(_, all)| all).sum();
    let recalls: f64 = present.iter().map(|(right, all)| right / all).sum();
    (Some(right / all), Some(recalls / present.len() as f64))
}

fn majority(positions: &Positions) -> Option<f64> {
    let sizes = positions.train.iter().map(Vec::len);
    let (most, _) = sizes.enumerate().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)))?;
    let all: usize = positions.test.iter().map(Vec::len).sum();
    (all > 0).then(|| positions.test[most].len() as f64 / all as f64)
}

fn pair(test: &[Vec<f64>], a: usize, b: usize) -> Option<f64> {
    if a == b { None } else { auc(&test[a], &test[b]) }
}

fn min_adjacent(groups: &[Vec<f64>], order: &[u32]) -> Option<f64> {
    let pairs: Option<Vec<f64>> =
        order.windows(2).map(|pair| auc(&groups[pair[0] as usize], &groups[pair[1] as usize])).collect();
    pairs?.into_iter().min_by(f64::total_cmp)
}

fn interval(test: &[Vec<f64>], order: &[u32], resamples: usize, seed: u64) -> Option<[f64; 2]> {
    if resamples == 0 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::MAX);
    let mut values = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let mut drawn = vec![Vec::new(); test.len()];
        order.iter().for_each(|&class| drawn[class as usize] = resample(&test[class as usize], &mut rng));
        values.push(min_adjacent(&drawn, order)?);
    }
    values.sort_by(f64::total_cmp);
    Some([quantile(&values, 0.025)?, quantile(&values, 0.975)?])
}

/// As many values, drawn with replacement, ascending.
fn resample(sorted: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut counts = vec![0_usize; sorted.len()];
    (0..sorted.len()).for_each(|_| counts[rng.random_range(0..sorted.len())] += 1);
    sorted.iter().zip(counts).flat_map(|(&value, count)| std::iter::repeat_n(value, count)).collect()
}

fn trend(test: &[Vec<f64>], order: &[u32]) -> Option<f64> {
    let (mut positions, mut ranks) = (Vec::new(), Vec::new());
    for (rank, &class) in order.iter().enumerate() {
        positions.extend_from_slice(&test[class as usize]);
        ranks.resize(positions.len(), rank as f64);
    }
    spearman(&positions, &ranks)
}

fn curve(positions: &Positions, model: &Model) -> Curve {
    let all = || positions.train.iter().flatten().copied();
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let step = (high - low) / (CURVE_POINTS - 1) as f64;
    let positions: Vec<f64> = (0..CURVE_POINTS).map(|at| low + step * at as f64).collect();
    let probabilities = positions.iter().map(|&position| model.probabilities(position)).collect();
    Curve { positions, probabilities }
}

/// Changes of the predicted class between neighbouring points of the curve, each found by bisection.
fn boundaries(curve: &Curve, model: &Model) -> Vec<Boundary> {
    let mut found = Vec::new();
    for ends in curve.positions.windows(2) {
        let (mut low, mut high) = (ends[0], ends[1]);
        let (below, above) = (model.class_at(low), model.class_at(high));
        if below == above {
            continue;
        }
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if model.class_at(middle) == below { low = middle } else { high = middle }
        }
        found.push(Boundary { position: 0.5 * (low + high), below, above });
    }
    found
}

impl Positions {
    pub(crate) fn new(groups: &crate::task::Groups, classes: usize, position: impl Fn(usize) -> f64) -> Self {
        let sorted = |labelled: &crate::task::Labelled| {
            let positions: Vec<f64> = labelled.rows.iter().map(|&row| position(row)).collect();
            by_class(&positions, &labelled.classes, classes)
        };
        Self { train: sorted(&groups.train), validation: sorted(&groups.validation), test: sorted(&groups.test) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn evidence(test: [Vec<f64>; 3], order: &[u32]) -> Evidence {
        let train = vec![vec![-1.0, 0.0], vec![1.0, 2.0, 3.0], vec![4.0, 5.0]];
        let positions = Positions { train, validation: vec![Vec::new(); 3], test: test.to_vec() };
        let model =
            Model::Gaussian { means: vec![-0.5, 2.0, 4.5], variance: 1.0, log_priors: vec![(1.0_f64 / 3.0).ln(); 3] };
        Evidence::new(&positions, &model, order, 50, 1)
    }

    #[test]
    fn figures_of_a_small_case() {
        let e = evidence([vec![-1.0, 0.0, 2.0], vec![1.0, 2.0], vec![4.0]], &[0, 1, 2]);
        // Of six pairs (0, 1): 5 in order, one inverted of them tied: (2 beats 1), (2 ties 2).
        assert_eq!(e.pairwise_auc[0][1], Some(4.5 / 6.0));
        assert_eq!(e.pairwise_auc[1][0], Some(1.5 / 6.0));
        assert_eq!((e.pairwise_auc[1][2], e.pairwise_auc[1][1]), (Some(1.0), None));
        assert_eq!(e.min_adjacent_auc, Some(0.75));
        assert_eq!(e.in_order, Some(true));
        assert_eq!(e.test_accuracy, Some(5.0 / 6.0));
        assert_eq!(e.balanced_accuracy, Some((2.0 / 3.0 + 2.0) / 3.0));
        assert_eq!(e.majority_baseline, Some(2.0 / 6.0));
        let bounds: Vec<f64> = e.boundaries.iter().map(|b| b.position).collect();
        assert!((bounds[0] - 0.75).abs() < 1e-9 && (bounds[1] - 3.25).abs() < 1e-9, "{bounds:?}");
        let [low, high] = e.min_adjacent_auc_interval.unwrap();
        assert!(low <= 0.75 && 0.75 <= high && low < high);
    }

    #[test]
    fn missing_classes_leave_gaps_not_guesses() {
        let e = evidence([vec![0.0], vec![], vec![4.0]], &[0, 1, 2]);
        assert_eq!((e.min_adjacent_auc, e.in_order, e.min_adjacent_auc_interval), (None, None, None));
        assert_eq!((e.pairwise_auc[0][1], e.pairwise_auc[0][2]), (None, Some(1.0)));
        let e = evidence([vec![], vec![], vec![]], &[]);
        assert_eq!((e.test_accuracy, e.majority_baseline, e.spearman, e.in_order), (None, None, None, None));
    }
}
