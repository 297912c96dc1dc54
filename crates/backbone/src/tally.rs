//! From right and wrong guesses to a head's figures.

use serde::{Deserialize, Serialize};

use crate::spec::Head;

/// Figures of one head over the rows that are labelled for it; a figure is `None` where it has no meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadReport {
    /// The head.
    pub name: String,
    /// Labelled rows.
    pub n: usize,
    /// Exclusive head: share of rows whose largest logit is their class.
    /// Multi-label head: share of right decisions over all rows and classes, at probability 0.5.
    pub accuracy: Option<f64>,
    /// Mean F1 of the classes that occur among the labels.
    pub macro_f1: Option<f64>,
    /// Multi-label head: F1 over all decisions together.
    pub micro_f1: Option<f64>,
    /// Exclusive head: mean recall of the classes that occur among the labels.
    pub balanced_accuracy: Option<f64>,
    /// Exclusive head: counts by `[true class][predicted class]`.
    pub confusion: Option<Vec<Vec<u64>>>,
}

/// Counts from which all figures follow.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    multi: bool,
    n: usize,
    right: u64,
    decisions: u64,
    hits: Vec<u64>,
    actual: Vec<u64>,
    predicted: Vec<u64>,
    confusion: Vec<Vec<u64>>,
}

impl Tally {
    pub(crate) fn new(head: &Head) -> Self {
        let c = head.classes;
        let confusion = if head.multi { Vec::new() } else { vec![vec![0; c]; c] };
        Tally {
            multi: head.multi,
            n: 0,
            right: 0,
            decisions: 0,
            hits: vec![0; c],
            actual: vec![0; c],
            predicted: vec![0; c],
            confusion,
        }
    }

    pub(crate) fn add(&mut self, logits: &[f32], labels: &[u32]) {
        self.n += 1;
        if self.multi {
            for (k, &logit) in logits.iter().enumerate() {
                self.decide(k, labels.contains(&(k as u32)), logit > 0.0);
            }
            self.decisions += logits.len() as u64;
        } else if let Some(&label) = labels.first() {
            let guess = argmax(logits);
            let label = label as usize;
            self.confusion[label][guess] += 1;
            self.actual[label] += 1;
            self.predicted[guess] += 1;
            self.hits[label] += u64::from(guess == label);
            self.right += u64::from(guess == label);
            self.decisions += 1;
        }
    }

    fn decide(&mut self, class: usize, actual: bool, predicted: bool) {
        self.actual[class] += u64::from(actual);
        self.predicted[class] += u64::from(predicted);
        self.hits[class] += u64::from(actual && predicted);
        self.right += u64::from(actual == predicted);
    }

    pub(crate) fn accuracy(&self) -> Option<f64> {
        (self.decisions > 0).then(|| self.right as f64 / self.decisions as f64)
    }

    pub(crate) fn report(&self, head: &Head) -> HeadReport {
        let sum = |counts: &[u64]| counts.iter().sum();
        HeadReport {
            name: head.name.clone(),
            n: self.n,
            accuracy: self.accuracy(),
            macro_f1: self.mean_over_occurring(|k| f1(self.hits[k], self.actual[k], self.predicted[k])),
            micro_f1: (self.multi && self.n > 0).then(|| f1(sum(&self.hits), sum(&self.actual), sum(&self.predicted))),
            balanced_accuracy: match self.multi {
                true => None,
                false => self.mean_over_occurring(|k| self.hits[k] as f64 / self.actual[k] as f64),
            },
            confusion: (!self.multi).then(|| self.confusion.clone()),
        }
    }

    fn mean_over_occurring(&self, figure: impl Fn(usize) -> f64) -> Option<f64> {
        let values: Vec<f64> = (0..self.actual.len()).filter(|&k| self.actual[k] > 0).map(figure).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// `2 TP / (actual + predicted)`; 0 where both are 0, as scikit-learn's default.
fn f1(hits: u64, actual: u64, predicted: u64) -> f64 {
    match actual + predicted {
        0 => 0.0,
        both => 2.0 * hits as f64 / both as f64,
    }
}

/// The first of the largest.
fn argmax(logits: &[f32]) -> usize {
    let mut best = 0;
    for (k, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = k;
        }
    }
    best
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn exclusive_figures_by_hand() {
        let head = Head::exclusive("kind", 4);
        let mut tally = Tally::new(&head);
        let one_hot = |k: usize| (0..4).map(|i| if i == k { 1.0 } else { 0.0 }).collect::<Vec<f32>>();
        for (label, guess) in [(0, 0), (0, 0), (0, 1), (1, 1), (2, 3)] {
            tally.add(&one_hot(guess), &[label]);
        }
        let report = tally.report(&head);
        assert_eq!((report.n, report.accuracy), (5, Some(0.6)));
        // F1: 0.8, 2/3, 0 for classes 0 to 2; class 3 does not occur among the labels.
        assert!((report.macro_f1.unwrap() - (0.8 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
        assert!((report.balanced_accuracy.unwrap() - (2.0 / 3.0 + 1.0) / 3.0).abs() < 1e-12);
        assert_eq!(report.confusion.unwrap(), [vec![2, 1, 0, 0], vec![0, 1, 0, 0], vec![0, 0, 0, 1], vec![0; 4]]);
        assert_eq!(report.micro_f1, None);
    }

    #[test]
    fn multi_figures_by_hand() {
        let head = Head::multi("style", 3);
        let mut tally = Tally::new(&head);
        tally.add(&[1.0, -1.0, 1.0], &[0]);
        tally.add(&[-1.0, -1.0, -1.0], &[0, 1]);
        let report = tally.report(&head);
        assert_eq!((report.n, report.accuracy), (2, Some(0.5)));
        assert!((report.micro_f1.unwrap() - 2.0 / 5.0).abs() < 1e-12);
        assert!((report.macro_f1.unwrap() - (2.0 / 3.0) / 2.0).abs() < 1e-12);
        assert_eq!((report.balanced_accuracy, report.confusion), (None, None));
    }

    #[test]
    fn nothing_labelled_gives_no_figures() {
        let head = Head::exclusive("kind", 2);
        let report = Tally::new(&head).report(&head);
        assert_eq!((report.n, report.accuracy, report.macro_f1, report.balanced_accuracy), (0, None, None, None));
    }
}
