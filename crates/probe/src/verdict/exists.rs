//! Is the attribute readable in this network, and better than without its training?

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::discriminant::{PairOrders, Whitening};
use super::sample::{Purpose, Sample, generator, interval};
use super::{Answer, Baseline, CardOptions, CardTask, MIN_TEST_GROUPS, SIGNIFICANT};
use crate::{Split, Task};

/// The advantage over the better baseline that is none.
const NO_ADVANTAGE: f64 = 0.01;

/// Whether held-out images can be told apart by the attribute, and better than without training.
///
/// **Units and conventions.** AUC is the mean over pairs of classes along the pair's linear discriminant, fitted on train rows,
/// of test rows. Intervals hold 95 % of resamples of test groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exists {
    /// The verdict; it is given once the p-values of all attributes are known.
    pub answer: Answer,
    /// Why it is unclear, where that is not a matter of figures.
    pub reason: Option<String>,
    /// AUC in the network's coordinates; `None` where no two classes have test rows.
    pub auc: Option<f64>,
    /// Its interval.
    pub interval: Option<[f64; 2]>,
    /// Share of refits on permuted labels that reach the AUC, the labels themselves counted as one of them.
    pub p: Option<f64>,
    /// The same after Benjamini and Hochberg, over the attributes of a run.
    pub q: Option<f64>,
    /// What other coordinates of the same images reach.
    pub baselines: Vec<BaselineAuc>,
    /// AUC of the network less that of the better baseline, both fitted and measured on the rows that the baselines have.
    pub advantage: Option<f64>,
    /// Its interval.
    pub advantage_interval: Option<[f64; 2]>,
    /// Whether a head of the network was trained on the attribute.
    pub trained: bool,
}

/// What coordinates that owe nothing to training reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineAuc {
    /// Name of the coordinates.
    pub name: String,
    /// Their AUC.
    pub auc: f64,
}

/// The order of test rows along the discriminants of train rows; `None` where these do not vary.
fn fitted(
    z: ArrayView2<'_, f32>,
    (train, test): (&[usize], &[usize]),
    labels: (&[u32], &[u32]),
    classes: usize,
) -> Option<PairOrders> {
    let whitening = Whitening::fit(z, train)?;
    let means = whitening.map(z, train).class_means(labels.0, None, classes);
    Some(PairOrders::new(&whitening.map(z, test), labels.1, &means))
}

pub(super) fn mean_pair_auc(task: &Task<'_>) -> Option<f64> {
    let alone: Vec<usize> = (0..task.labels.len()).collect();
    let [train, test] = [Split::Train, Split::Test].map(|split| Sample::new(task, &alone, split, |_, _| true));
    let labels = (&train.classes[..], &test.classes[..]);
    fitted(task.z, (&train.rows, &test.rows), labels, task.classes.len())?.mean_auc(None)
}

pub(super) fn exists(card: &CardTask<'_>, options: &CardOptions) -> Exists {
    let (task, classes) = (&card.task, card.task.classes.len());
    let train =
        Sample::new(task, card.groups, Split::Train, |_, _| true).capped(options.rows, card.groups, options.seed);
    let test = Sample::new(task, card.groups, Split::Test, |_, _| true);
    let mut found = Exists { trained: card.trained, ..Exists::default() };
    let Some(whitening) = Whitening::fit(task.z, &train.rows) else {
        found.reason = Some("the train images do not vary".to_owned());
        return found;
    };
    let (at_train, at_test) = (whitening.map(task.z, &train.rows), whitening.map(task.z, &test.rows));
    let reached = |train_labels: &[u32], test_labels: &[u32]| {
        let means = at_train.class_means(train_labels, None, classes);
        PairOrders::new(&at_test, test_labels, &means)
    };
    let orders = reached(&train.classes, &test.classes);
    found.auc = orders.mean_auc(None);
    let resamples = (0..options.bootstraps).into_par_iter();
    let resample = |number| test.resampled(&mut generator(options.seed, Purpose::Test, number));
    let values: Vec<f64> = resamples.filter_map(|number| orders.mean_auc(Some(&resample(number)))).collect();
    found.interval = interval(values);
    found.p = found.auc.map(|auc| {
        let at_least = (0..options.permutations).into_par_iter().filter(|&number| {
            let mut rng = generator(options.seed, Purpose::Permutation, number);
            let (train, test) = (train.permuted(&mut rng), test.permuted(&mut rng));
            reached(&train, &test).mean_auc(None).is_some_and(|value| value >= auc)
        });
        (1 + at_least.count()) as f64 / (1 + options.permutations) as f64
    });
    compare(card, options, (&train, &test), &mut found);
    let fewest = test.groups_by_class(classes).into_iter().min().unwrap_or(0);
    if fewest < MIN_TEST_GROUPS {
        found.reason = Some(super::too_few(fewest));
    } else if card.baselines.is_empty() {
        found.reason = Some("there are neither pixels nor an untrained network to compare with".to_owned());
    }
    found
}

/// The rows of a sample that the baselines have.
#[derive(Default)]
struct Known {
    /// Their places in the sample.
    at: Vec<usize>,
    /// Their rows in the task.
    rows: Vec<usize>,
    /// Their rows in the baselines.
    places: Vec<usize>,
    labels: Vec<u32>,
}

/// The network beside the baselines, on the rows that these have.
fn compare(card: &CardTask<'_>, options: &CardOptions, (train, test): (&Sample, &Sample), found: &mut Exists) {
    let (Some(first), classes) = (card.baselines.first(), card.task.classes.len()) else { return };
    let known = |sample: &Sample| {
        let mut known = Known::default();
        for (at, &row) in sample.rows.iter().enumerate() {
            if let Ok(place) = first.rows.binary_search(&row) {
                known.at.push(at);
                known.rows.push(row);
                known.places.push(place);
                known.labels.push(sample.classes[at]);
            }
        }
        known
    };
    let (train, of_test) = (known(train), known(test));
    let labels = (&train.labels[..], &of_test.labels[..]);
    let own = fitted(card.task.z, (&train.rows, &of_test.rows), labels, classes);
    let other = |b: &Baseline<'_>| fitted(b.z, (&train.places, &of_test.places), labels, classes);
    let others: Vec<(String, PairOrders)> =
        card.baselines.iter().filter_map(|b| Some((b.name.to_owned(), other(b)?))).collect();
    let baseline =
        |(name, orders): &(String, PairOrders)| Some(BaselineAuc { name: name.clone(), auc: orders.mean_auc(None)? });
    found.baselines = others.iter().filter_map(baseline).collect();
    let difference = |weights: Option<&[f64]>| {
        let best = others.iter().filter_map(|(_, orders)| orders.mean_auc(weights)).max_by(f64::total_cmp)?;
        Some(own.as_ref()?.mean_auc(weights)? - best)
    };
    found.advantage = difference(None);
    let values: Vec<f64> = (0..options.bootstraps)
        .into_par_iter()
        .filter_map(|number| {
            let all = test.resampled(&mut generator(options.seed, Purpose::Test, number));
            let weights: Vec<f64> = of_test.at.iter().map(|&at| all[at]).collect();
            difference(Some(&weights))
        })
        .collect();
    found.advantage_interval = interval(values);
}

impl Exists {
    /// The answer, once `q` is known.
    pub(super) fn decide(&mut self) {
        let significant = self.q.is_some_and(|q| q <= SIGNIFICANT);
        self.answer = match (self.reason.is_some(), self.advantage_interval) {
            (false, Some([low, _])) if significant && low > 0.0 => Answer::Yes,
            (false, Some([_, high])) if high < NO_ADVANTAGE => Answer::No,
            _ => Answer::Unclear,
        };
    }

    pub(super) fn sentence(&self) -> String {
        let Some(auc) = self.auc else { return "Readable? No two values have test images.".to_owned() };
        let p = self.p.map_or_else(String::new, |p| format!(" (p = {p:.3} by permuted labels)"));
        let best = self.baselines.iter().max_by(|a, b| a.auc.total_cmp(&b.auc));
        let beside = match (best, self.advantage, self.advantage_interval) {
            (Some(best), Some(advantage), Some([low, high])) => format!(
                "; {} reach {:.3}, and the difference is {advantage:+.3} ({low:+.3} to {high:+.3})",
                best.name, best.auc
            ),
            _ => String::new(),
        };
        let head = if self.trained { "A head was trained on it" } else { "No head was trained on it" };
        let verdict = match (&self.reason, self.answer) {
            (Some(reason), _) => format!("Unclear whether training made it readable: {reason}"),
            (_, Answer::Yes) => "Readable in this network, and better than without its training".to_owned(),
            (_, Answer::No) => "Readable no better than without the network's training".to_owned(),
            (_, Answer::Unclear) => "Unclear whether training made it readable".to_owned(),
        };
        format!("{verdict}: held-out images of two values are told apart with an AUC of {auc:.3}{p}{beside}. {head}.")
    }
}

/// Benjamini and Hochberg's adjusted p-values, in the order given.
///
/// **Source**: Benjamini and Hochberg, "Controlling the false discovery rate", 1995.
pub(super) fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let (mut adjusted, mut least) = (vec![0.0; p.len()], 1.0_f64);
    for (rank, &at) in order.iter().enumerate().rev() {
        least = least.min(p[at] * p.len() as f64 / (rank + 1) as f64);
        adjusted[at] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_p_values_are_those_of_scipy() {
        // scipy.stats.false_discovery_control([0.01, 0.04, 0.03, 0.005, 0.5])
        let want = [0.025, 0.05, 0.05, 0.025, 0.5];
        let got = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005, 0.5]);
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-15), "{got:?}");
    }
}
