//! Masked losses with their gradients, on plain slices.
//!
//! The logits of a batch are few, so that loss and gradient are computed here in `f64`, in blocks of rows whose sums are
//! added in their order: exact to check, the same for any number of threads and on any device.

use rayon::prelude::*;

use crate::data::Targets;
use crate::spec::Head;

/// Rows that one task computes.
const ROWS: usize = 64;

/// The loss of one head.
#[derive(Debug, Clone)]
pub(super) struct HeadLoss {
    pub(super) classes: usize,
    pub(super) multi: bool,
    /// One weight a class: of rows of that class for an exclusive head, of rows that carry the label for a multi-label one.
    pub(super) class_weights: Option<Vec<f64>>,
    pub(super) smoothing: f64,
}

/// A sum of losses and the weight to divide it by for the mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct LossSum {
    pub(super) loss: f64,
    pub(super) weight: f64,
}

impl LossSum {
    /// Mean loss; 0 where no row is labelled.
    pub(super) fn mean(self) -> f64 {
        if self.weight > 0.0 { self.loss / self.weight } else { 0.0 }
    }
}

impl std::ops::AddAssign for LossSum {
    fn add_assign(&mut self, other: Self) {
        self.loss += other.loss;
        self.weight += other.weight;
    }
}

impl HeadLoss {
    /// The loss of `head`; class weights are counted over `rows`.
    pub(super) fn new(head: &Head, smoothing: f64, weigh: Option<(&Targets, &[usize])>) -> Self {
        let class_weights = weigh.map(|(targets, rows)| match head.multi {
            true => positive_weights(head.classes, targets, rows),
            false => balanced_weights(head.classes, targets, rows),
        });
        HeadLoss { classes: head.classes, multi: head.multi, class_weights, smoothing }
    }

    /// Loss sum over the labelled rows of a batch and the gradient of their mean by the logits.
    ///
    /// **Shapes** `logits` and `gradient` `[rows.len(), classes]`; unlabelled rows get a gradient of 0.
    ///
    /// **Source** exclusive heads as `torch.nn.CrossEntropyLoss` with `weight` and `label_smoothing`, multi-label
    /// heads as `torch.nn.BCEWithLogitsLoss` with `pos_weight` (mean over rows and classes).
    pub(super) fn compute(&self, logits: &[f32], targets: &Targets, rows: &[usize], gradient: &mut [f32]) -> LossSum {
        let block = ROWS * self.classes;
        let parts = rows.par_chunks(ROWS).zip(logits.par_chunks(block)).zip(gradient.par_chunks_mut(block));
        let parts: Vec<LossSum> = parts.map(|((rows, x), g)| self.rows(x, targets, rows, g)).collect();
        let mut sum = LossSum::default();
        parts.into_iter().for_each(|part| sum += part);
        if sum.weight > 0.0 {
            let divide = |g: &mut [f32]| g.iter_mut().for_each(|g| *g = (f64::from(*g) / sum.weight) as f32);
            gradient.par_chunks_mut(block).for_each(divide);
        }
        sum
    }

    /// The sum over some rows, and its gradient.
    fn rows(&self, logits: &[f32], targets: &Targets, rows: &[usize], gradient: &mut [f32]) -> LossSum {
        let mut sum = LossSum::default();
        let c = self.classes;
        for ((&row, x), g) in rows.iter().zip(logits.chunks_exact(c)).zip(gradient.chunks_exact_mut(c)) {
            match targets.labels(row) {
                None => g.fill(0.0),
                Some(labels) if self.multi => sum += self.binary(x, labels, g),
                Some(labels) => sum += self.exclusive(x, labels, g),
            }
        }
        sum
    }

    fn weight(&self, class: usize) -> f64 {
        self.class_weights.as_ref().map_or(1.0, |weights| weights[class])
    }

    /// Cross-entropy of one row: `sum over k of a_k * (logsumexp(x) - x_k)`.
    fn exclusive(&self, logits: &[f32], labels: &[u32], gradient: &mut [f32]) -> LossSum {
        let Some(&label) = labels.first() else { return LossSum::default() };
        let label = label as usize;
        let largest = logits.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(f64::from(x)));
        let total: f64 = logits.iter().map(|&x| (f64::from(x) - largest).exp()).sum();
        let log_total = largest + total.ln();
        let spread = self.smoothing / self.classes as f64;
        let share = |k: usize| {
            let own = if k == label { 1.0 - self.smoothing } else { 0.0 };
            (own + spread) * self.weight(k)
        };
        let shares: f64 = (0..self.classes).map(share).sum();
        let mut loss = 0.0;
        for (k, (&x, g)) in logits.iter().zip(gradient).enumerate() {
            let log_probability = f64::from(x) - log_total;
            loss -= share(k) * log_probability;
            *g = (shares * log_probability.exp() - share(k)) as f32;
        }
        LossSum { loss, weight: self.weight(label) }
    }

    /// Binary cross-entropy of one row, `max(x, 0) - x * t + ln(1 + exp(-|x|))` a class, times the weight of a label that is
    /// there: no overflow at any logit.
    fn binary(&self, logits: &[f32], labels: &[u32], gradient: &mut [f32]) -> LossSum {
        let mut loss = 0.0;
        for (k, (&x, g)) in logits.iter().zip(gradient).enumerate() {
            let x = f64::from(x);
            let (target, weight) = if labels.contains(&(k as u32)) { (1.0, self.weight(k)) } else { (0.0, 1.0) };
            loss += weight * (x.max(0.0) - x * target + (-x.abs()).exp().ln_1p());
            *g = (weight * (1.0 / (1.0 + (-x).exp()) - target)) as f32;
        }
        LossSum { loss, weight: logits.len() as f64 }
    }
}

/// `n / (occurring classes * count)`; 1 for a class that does not occur.
fn balanced_weights(classes: usize, targets: &Targets, rows: &[usize]) -> Vec<f64> {
    let mut counts = vec![0usize; classes];
    for label in rows.iter().filter_map(|&row| targets.labels(row)).flatten() {
        counts[*label as usize] += 1;
    }
    let (n, occurring) = (counts.iter().sum::<usize>(), counts.iter().filter(|&&count| count > 0).count());
    let weight = |&count: &usize| if count == 0 { 1.0 } else { n as f64 / (occurring * count) as f64 };
    counts.iter().map(weight).collect()
}

/// Rows without a label by rows with it, among the labelled ones; 1 for a label that does not occur.
fn positive_weights(classes: usize, targets: &Targets, rows: &[usize]) -> Vec<f64> {
    let (mut counts, mut labelled) = (vec![0usize; classes], 0usize);
    for labels in rows.iter().filter_map(|&row| targets.labels(row)) {
        labelled += 1;
        labels.iter().for_each(|&label| counts[label as usize] += 1);
    }
    let weight = |&count: &usize| match count {
        0 => 1.0,
        // A label that every row carries keeps a weight: it would not be learned at all.
        count => (labelled - count.min(labelled)).max(1) as f64 / count as f64,
    };
    counts.iter().map(weight).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check_gradient(loss: &HeadLoss, logits: &[f32], targets: &Targets, rows: &[usize]) {
        let mut gradient = vec![f32::NAN; logits.len()];
        loss.compute(logits, targets, rows, &mut gradient);
        let mut scratch = vec![0.0; logits.len()];
        let step = 1e-2f32;
        for i in 0..logits.len() {
            let mut at = |delta: f32| {
                let mut moved = logits.to_vec();
                moved[i] += delta;
                loss.compute(&moved, targets, rows, &mut scratch).mean()
            };
            let numeric = (at(step) - at(-step)) / f64::from(2.0 * step);
            // Central differences of step 1e-2 are good to about step squared.
            assert!((numeric - f64::from(gradient[i])).abs() < 1e-4, "{i}: {numeric} {}", gradient[i]);
        }
    }

    const LOGITS: [f32; 12] = [0.3, -1.2, 2.0, 0.1, 0.0, -0.4, 1.5, 0.7, -2.0, 3.0, 0.2, -0.1];

    #[test]
    fn gradients_match_finite_differences() {
        let one = Targets::One(vec![Some(2), None, Some(0), Some(1)]);
        for class_weights in [None, Some(vec![0.5, 2.0, 1.5])] {
            for smoothing in [0.0, 0.2] {
                let class_weights = class_weights.clone();
                let loss = HeadLoss { classes: 3, multi: false, class_weights, smoothing };
                check_gradient(&loss, &LOGITS, &one, &[0, 1, 2, 3]);
            }
        }
        let many = Targets::Many(vec![Some(vec![0, 2]), Some(vec![]), None, Some(vec![1])]);
        for class_weights in [None, Some(vec![3.0, 0.5, 1.5])] {
            let loss = HeadLoss { classes: 3, multi: true, class_weights, smoothing: 0.0 };
            check_gradient(&loss, &LOGITS, &many, &[3, 2, 1, 0]);
        }
    }

    #[test]
    fn labels_that_are_there_weigh_more() {
        let many = Targets::Many(vec![Some(vec![0])]);
        let of = |class_weights| {
            let loss = HeadLoss { classes: 2, multi: true, class_weights, smoothing: 0.0 };
            loss.compute(&[-1.0, 0.5], &many, &[0], &mut [0.0; 2]).mean()
        };
        // By hand: ln(1 + e) for the label that is there, ln(1 + e^0.5) for the one that is not.
        let (there, absent) = (1.0f64.exp().ln_1p(), 0.5f64.exp().ln_1p());
        assert!((of(None) - (there + absent) / 2.0).abs() < 1e-12);
        assert!((of(Some(vec![4.0, 9.0])) - (4.0 * there + absent) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn unlabelled_rows_add_nothing() {
        let loss = HeadLoss { classes: 3, multi: false, class_weights: None, smoothing: 0.0 };
        let mut gradient = vec![f32::NAN; 6];
        let none = Targets::One(vec![None, None]);
        let sum = loss.compute(&LOGITS[..6], &none, &[0, 1], &mut gradient);
        assert_eq!((sum.mean(), gradient), (0.0, vec![0.0; 6]));
        let mut gradient = vec![f32::NAN; 6];
        let half = Targets::One(vec![None, Some(1)]);
        let sum = loss.compute(&LOGITS[..6], &half, &[0, 1], &mut gradient);
        let mut alone = vec![0.0; 3];
        assert_eq!(sum, loss.compute(&LOGITS[3..6], &half, &[1], &mut alone));
        assert_eq!((&gradient[..3], &gradient[3..]), (&[0.0; 3][..], &alone[..]));
    }

    #[test]
    fn extreme_logits_stay_finite() {
        let logits = [1e4, -1e4, 3e38f32];
        let mut gradient = vec![0.0; 3];
        let many = Targets::Many(vec![Some(vec![1])]);
        let loss = HeadLoss { classes: 3, multi: true, class_weights: None, smoothing: 0.0 };
        assert!(loss.compute(&logits, &many, &[0], &mut gradient).mean().is_finite());
        assert_eq!(gradient, [1.0 / 3.0, -1.0 / 3.0, 1.0 / 3.0].map(|g| g as f32));
        let loss = HeadLoss { multi: false, ..loss };
        let one = Targets::One(vec![Some(0)]);
        assert!(loss.compute(&logits, &one, &[0], &mut gradient).mean().is_finite());
        assert!(gradient.iter().all(|g| g.is_finite()));
    }

    #[test]
    fn class_weights_balance() {
        let targets = Targets::One(vec![Some(0), Some(0), Some(0), Some(2), None]);
        assert_eq!(balanced_weights(3, &targets, &[0, 1, 2, 3, 4]), [4.0 / 6.0, 1.0, 2.0]);
        let many = Targets::Many(vec![Some(vec![0]), Some(vec![0, 2]), Some(vec![0]), Some(vec![0]), None]);
        assert_eq!(positive_weights(3, &many, &[0, 1, 2, 3, 4]), [0.25, 1.0, 3.0]);
    }
}
