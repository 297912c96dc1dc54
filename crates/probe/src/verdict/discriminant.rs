//! Linear discriminants of pairs of classes, and how well they order held-out rows.

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::linalg::Factor;
use crate::scatter;

/// Shrinkage of the total covariance, in units of its mean variance: an axis on which nothing varies counts for nothing.
const SHRINKAGE: f64 = 1e-4;

/// A map into the space in which the rows that it is fitted on have the identity as total covariance.
///
/// There, the discriminant of two classes is the difference of their means, and other labels need no other map.
pub(super) struct Whitening {
    mean: Vec<f64>,
    factor: Factor,
}

impl Whitening {
    /// `None` where the rows do not vary.
    pub(super) fn fit(z: ArrayView2<'_, f32>, rows: &[usize]) -> Option<Self> {
        // One class of all rows: their mean, and the covariance about it.
        let all = || rows.iter().map(|&row| (scatter::vector(z, row), 0, 1.0));
        let (mut means, _) = scatter::class_means(z.ncols(), all(), 1);
        let mut total = scatter::about(&means, all());
        total.scale(1.0 / rows.len() as f64);
        total.shrink(SHRINKAGE);
        Some(Self { mean: means.remove(0), factor: total.factor()? })
    }

    /// What `z · weights` is along mapped points, but for a constant: `Lᵀ w`.
    pub(super) fn score(&self, weights: &[f64]) -> Vec<f64> {
        self.factor.transposed_times(weights)
    }

    /// The weights in raw space of a direction of mapped points: `L⁻ᵀ d`.
    pub(super) fn weights(&self, direction: &[f64]) -> Vec<f64> {
        let mut weights = direction.to_vec();
        self.factor.backward(&mut weights);
        weights
    }

    pub(super) fn map(&self, z: ArrayView2<'_, f32>, rows: &[usize]) -> Points {
        mapped(z, rows, Some(&self.mean), &self.factor)
    }
}

/// `L⁻¹ (z − mean)` of some rows.
pub(super) fn mapped(z: ArrayView2<'_, f32>, rows: &[usize], mean: Option<&[f64]>, factor: &Factor) -> Points {
    let k = z.ncols();
    let mut values = vec![0.0; rows.len() * k];
    values.par_chunks_mut(k).zip(rows).for_each(|(out, &row)| {
        out.iter_mut().zip(z.row(row)).for_each(|(o, &v)| *o = f64::from(v));
        if let Some(mean) = mean {
            out.iter_mut().zip(mean).for_each(|(o, m)| *o -= m);
        }
        factor.forward(out);
    });
    Points { values, k }
}

/// Points, row by row.
pub(super) struct Points {
    values: Vec<f64>,
    k: usize,
}

impl Points {
    pub(super) fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.k..(at + 1) * self.k]
    }

    /// The mean of each class, rows weighted; zeros for a class without weight.
    pub(super) fn class_means(&self, labels: &[u32], weights: Option<&[f64]>, classes: usize) -> Vec<Vec<f64>> {
        let weight = |at: usize| weights.map_or(1.0, |weights| weights[at]);
        let rows = labels.iter().enumerate().map(|(at, &class)| (self.row(at).iter().copied(), class, weight(at)));
        scatter::class_means(self.k, rows, classes).0
    }
}

/// Held-out rows of each pair of classes, ascending along the pair's discriminant.
pub(super) struct PairOrders {
    pairs: Vec<Vec<Standing>>,
}

/// A row in the order of a pair.
struct Standing {
    position: f64,
    row: u32,
    /// Whether it is of the pair's second class.
    second: bool,
}

impl PairOrders {
    /// Orders points by the discriminants of class means in the same space.
    pub(super) fn new(points: &Points, labels: &[u32], means: &[Vec<f64>]) -> Self {
        let classes = means.len();
        let mut members = vec![Vec::new(); classes];
        labels.iter().enumerate().for_each(|(at, &class)| members[class as usize].push(at as u32));
        let score = |row: u32, class: usize| latentwalk_arithmetic::dot(points.row(row as usize), &means[class]);
        let pair = |first: usize, second: usize| {
            let standing =
                |&row: &u32, of: bool| Standing { position: score(row, second) - score(row, first), row, second: of };
            let mut all: Vec<Standing> = members[first].iter().map(|row| standing(row, false)).collect();
            all.extend(members[second].iter().map(|row| standing(row, true)));
            all.sort_by(|a, b| a.position.total_cmp(&b.position));
            all
        };
        let pairs = (0..classes).flat_map(|second| (0..second).map(move |first| (first, second)));
        Self { pairs: pairs.map(|(first, second)| pair(first, second)).collect() }
    }

    /// The mean over pairs of classes of the AUC; `None` where no pair has rows of weight in both classes.
    ///
    /// **Source**: Hand and Till, "A simple generalisation of the area under the ROC curve for multiple class classification
    /// problems", 2001, with one discriminant per pair in place of two class probabilities.
    pub(super) fn mean_auc(&self, weights: Option<&[f64]>) -> Option<f64> {
        let weight = |row: u32| weights.map_or(1.0, |weights| weights[row as usize]);
        let steps = |pair: &Vec<Standing>| auc(pair.iter().map(|s| (s.position, s.second, weight(s.row))));
        let (sum, pairs) =
            self.pairs.iter().filter_map(steps).fold((0.0, 0), |(sum, pairs), auc| (sum + auc, pairs + 1));
        (pairs > 0).then(|| sum / f64::from(pairs))
    }
}

/// `P(second > first) + ½ P(equal)` of weighted rows in ascending order; `None` if one side has no weight.
pub(super) fn auc(ascending: impl Iterator<Item = (f64, bool, f64)>) -> Option<f64> {
    let (mut first, mut second, mut won) = (0.0, 0.0, 0.0);
    // Rows at one position, of either class: a tie counts half.
    let (mut at, mut tied_first, mut tied_second) = (f64::NAN, 0.0, 0.0);
    for (position, is_second, weight) in ascending.chain([(f64::NAN, true, 0.0)]) {
        if position != at {
            won += tied_second * (first + 0.5 * tied_first);
            first += tied_first;
            second += tied_second;
            (at, tied_first, tied_second) = (position, 0.0, 0.0);
        }
        *(if is_second { &mut tied_second } else { &mut tied_first }) += weight;
    }
    (first > 0.0 && second > 0.0).then(|| won / (first * second))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ndarray::Array2;

    use super::*;

    #[test]
    fn weights_of_one_give_the_plain_area_and_ties_count_half() {
        let rows = [(0.0, false), (1.0, true), (1.0, false), (2.0, true), (2.0, true), (3.0, false)];
        let plain = auc(rows.iter().map(|&(p, s)| (p, s, 1.0))).unwrap();
        let low = [0.0, 1.0, 3.0];
        let high = [1.0, 2.0, 2.0];
        assert_eq!(Some(plain), crate::stats::auc(&low, &high));
        // A row of weight two is two rows.
        let twice = auc(rows.iter().enumerate().map(|(at, &(p, s))| (p, s, if at == 1 { 2.0 } else { 1.0 })));
        assert_eq!(twice, crate::stats::auc(&low, &[1.0, 1.0, 2.0, 2.0]));
        assert_eq!(auc([(0.0, true, 1.0)].into_iter()), None);
    }

    #[test]
    fn the_discriminant_is_that_of_the_total_covariance() {
        // Two classes along axis 0; axis 1 is noise that is correlated with it; axis 2 never varies.
        let z = Array2::from_shape_fn((80, 3), |(row, axis)| {
            let noise = ((row * 37) % 17) as f32 / 17.0 - 0.5;
            [(row % 2) as f32 + 2.0 * noise, noise, 4.0][axis]
        });
        let rows: Vec<usize> = (0..80).collect();
        let labels: Vec<u32> = (0..80).map(|row| row % 2).collect();
        let whitening = Whitening::fit(z.view(), &rows).unwrap();
        let points = whitening.map(z.view(), &rows);
        // The noise can be subtracted: rows are told apart without an error, which no single axis does.
        let means = points.class_means(&labels, None, 2);
        let orders = PairOrders::new(&points, &labels, &means);
        assert_eq!(orders.mean_auc(None), Some(1.0));
        let mut spread = [0.0; 3];
        (0..80).for_each(|at| spread.iter_mut().zip(points.row(at)).for_each(|(s, v)| *s += v * v / 80.0));
        // Variance 1 less what shrinkage takes; none where nothing varies.
        assert!(spread[0] > 0.99 && spread[1] > 0.9 && spread[2] < 1e-20, "{spread:?}");
    }
}
