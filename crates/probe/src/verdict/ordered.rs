//! Do the values stand in the declared order?

use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::discriminant::auc;
use super::sample::{Purpose, Sample, generator, interval};
use super::{Answer, CardOptions, CardTask, MIN_TEST_GROUPS, within};
use crate::task::Prepared;
use crate::{ProbeOptions, Result, Split, Task, ordinal};

/// Share of the resamples in which an order must be the shortest.
const SURE: f64 = 0.95;
/// Most classes of which every order is tried.
const ALL_ORDERS: usize = 7;
/// Orders that are tried of more classes, besides those with two classes exchanged.
const SOME_ORDERS: usize = 1000;
/// Other orders that are reported.
const RIVALS: usize = 2;

/// Whether the shortest way through the values' means is the declared order.
///
/// **Units and conventions.** Lengths in the within-class metric of the train rows. Orders are lists of classes, low to high; an
/// order and its mirror image are one. Intervals hold 95 % of resamples of test groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ordered {
    /// The verdict.
    pub answer: Answer,
    /// Why it is unclear, where that is not a matter of figures.
    pub reason: Option<String>,
    /// Orders that were compared.
    pub orders: usize,
    /// Place of the declared order by its length through the means of train rows, 1 is the shortest.
    pub train_rank: Option<usize>,
    /// The same of test rows.
    pub test_rank: Option<usize>,
    /// Share of the resamples of test groups in which the declared order is the shortest.
    pub share: Option<f64>,
    /// Length of the shortest other order over that of the declared one, less 1, on test rows.
    pub margin: Option<f64>,
    /// Distance of the outer classes' means over the length of the declared order: 1 is a straight line.
    pub straightness: Option<f64>,
    /// Least AUC of neighbours along proportional odds' axis, on test rows.
    pub weakest_auc: Option<f64>,
    /// Its interval.
    pub weakest_interval: Option<[f64; 2]>,
    /// The shortest other orders.
    pub rivals: Vec<Rival>,
    /// Another order that is the shortest in 0.95 of the resamples.
    pub instead: Option<Vec<u32>>,
}

/// Another order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    /// Its classes.
    pub order: Vec<u32>,
    /// Its length over that of the declared one, on test rows.
    pub length: f64,
    /// Least AUC of neighbours along the axis that proportional odds finds for it, on test rows; `None` where none is found.
    pub weakest_auc: Option<f64>,
}

pub(super) fn ordered(card: &CardTask<'_>, probe: &ProbeOptions, options: &CardOptions) -> Ordered {
    let task = &card.task;
    let no = |reason: &str| Ordered { reason: Some(reason.to_owned()), ..Ordered::default() };
    match task.order.len() {
        0 => return no("no order is declared"),
        2 => return no("two values have no order to get wrong"),
        _ => {}
    }
    let in_order = |_: usize, class: u32| task.order.contains(&class);
    let train = Sample::new(task, card.groups, Split::Train, in_order).capped(options.rows, card.groups, options.seed);
    let test = Sample::new(task, card.groups, Split::Test, in_order);
    let classes = task.classes.len();
    let groups = test.groups_by_class(classes);
    let fewest = task.order.iter().map(|&class| groups[class as usize]).min().unwrap_or(0);
    if fewest == 0 {
        return no(&super::too_few(0));
    }
    let Some(metric) = within(task.z, &train, classes).and_then(crate::linalg::Symmetric::factor) else {
        return no("the train images of a value do not vary");
    };
    let map = |sample: &Sample| super::discriminant::mapped(task.z, &sample.rows, None, &metric);
    let (at_train, at_test) = (map(&train), map(&test));
    let on_train = Ways::new(&at_train.class_means(&train.classes, None, classes));
    let on_test = Ways::new(&at_test.class_means(&test.classes, None, classes));
    let orders = orders(task.order, options.seed);
    let shortest: Vec<usize> = (0..options.bootstraps)
        .into_par_iter()
        .map(|number| {
            let weights = test.resampled(&mut generator(options.seed, Purpose::Test, number));
            Ways::new(&at_test.class_means(&test.classes, Some(&weights), classes)).shortest(&orders)
        })
        .collect();
    let declared = shortest.iter().filter(|&&at| at == 0).count() as f64 / shortest.len().max(1) as f64;
    let length = on_test.length(task.order);
    let mut others: Vec<(f64, usize)> =
        (1..orders.len()).map(|at| (on_test.length(&orders[at]) / length, at)).collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // Where no axis can be fitted, its AUC is unknown and the verdict unclear.
    let along = |order: &[u32], bootstraps| along(card, probe, options, order, &test, bootstraps).unwrap_or_default();
    let (weakest_auc, weakest_interval) = along(task.order, options.bootstraps);
    let rival = |&(length, at): &(f64, usize)| {
        let (weakest_auc, _) = along(&orders[at], 0);
        Rival { order: orders[at].clone(), length, weakest_auc }
    };
    let (first, last) = (task.order[0] as usize, task.order[task.order.len() - 1] as usize);
    let mut found = Ordered {
        orders: orders.len(),
        train_rank: Some(on_train.rank(&orders)),
        test_rank: Some(on_test.rank(&orders)),
        share: Some(declared),
        margin: others.first().map(|(length, _)| length - 1.0),
        straightness: Some(on_test.distance(first, last) / length),
        weakest_auc,
        weakest_interval,
        rivals: others.iter().take(RIVALS).map(rival).collect(),
        instead: instead(&shortest).map(|at| orders[at].clone()),
        ..Ordered::default()
    };
    if fewest < MIN_TEST_GROUPS {
        found.reason = Some(super::too_few(fewest));
    }
    let above = found.weakest_interval.is_some_and(|[low, _]| low > 0.5);
    let first = (found.train_rank, found.test_rank) == (Some(1), Some(1));
    found.answer = match &found.reason {
        None if first && declared >= SURE && above => Answer::Yes,
        None if found.instead.is_some() => Answer::No,
        _ => Answer::Unclear,
    };
    found
}

/// Distances between the means of classes.
struct Ways {
    distances: Vec<Vec<f64>>,
}

impl Ways {
    fn new(means: &[Vec<f64>]) -> Self {
        let squared = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let line = |a: &Vec<f64>| means.iter().map(|b| squared(a, b).sqrt()).collect();
        Self { distances: means.iter().map(line).collect() }
    }

    fn distance(&self, a: usize, b: usize) -> f64 {
        self.distances[a][b]
    }

    fn length(&self, order: &[u32]) -> f64 {
        order.windows(2).map(|pair| self.distance(pair[0] as usize, pair[1] as usize)).sum()
    }

    /// Place of the shortest order; of equal ones the first.
    fn shortest(&self, orders: &[Vec<u32>]) -> usize {
        let lengths = orders.iter().map(|order| self.length(order)).enumerate();
        lengths.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0))).map_or(0, |(at, _)| at)
    }

    /// Rank of the first of the orders.
    fn rank(&self, orders: &[Vec<u32>]) -> usize {
        let first = self.length(&orders[0]);
        1 + orders.iter().filter(|order| self.length(order) < first).count()
    }
}

/// The declared order, then the others: all of them, or those with two classes exchanged and a thousand drawn at random.
fn orders(declared: &[u32], seed: u64) -> Vec<Vec<u32>> {
    let mut all = vec![declared.to_vec()];
    if declared.len() <= ALL_ORDERS {
        permutations(&mut declared.to_vec(), 0, &mut all);
    } else {
        for second in 1..declared.len() {
            for first in 0..second {
                let mut order = declared.to_vec();
                order.swap(first, second);
                all.push(order);
            }
        }
        for number in 0..SOME_ORDERS {
            let mut order = declared.to_vec();
            order.shuffle(&mut generator(seed, Purpose::Orders, number));
            all.push(order);
        }
    }
    // An order and its mirror image are one: the one that has the declared first class before the last.
    let (low, high) = (declared[0], declared[declared.len() - 1]);
    let place = |order: &[u32], class: u32| order.iter().position(|&c| c == class);
    let turn = |mut order: Vec<u32>| {
        if place(&order, low) > place(&order, high) {
            order.reverse();
        }
        order
    };
    let mut seen = std::collections::BTreeSet::new();
    all.into_iter().map(turn).filter(|order| seen.insert(order.clone())).collect()
}

fn permutations(order: &mut Vec<u32>, from: usize, all: &mut Vec<Vec<u32>>) {
    if from == order.len() {
        all.push(order.clone());
    }
    for at in from..order.len() {
        order.swap(from, at);
        permutations(order, from + 1, all);
        order.swap(from, at);
    }
}

/// The order other than the declared one that is surely the shortest.
fn instead(shortest: &[usize]) -> Option<usize> {
    let mut counts = std::collections::BTreeMap::new();
    shortest.iter().filter(|&&at| at > 0).for_each(|&at| *counts.entry(at).or_insert(0_usize) += 1);
    let (at, count) = counts.into_iter().max_by_key(|&(at, count)| (count, std::cmp::Reverse(at)))?;
    (count as f64 >= SURE * shortest.len() as f64).then_some(at)
}

/// Least AUC of neighbours along proportional odds' axis for an order, with its interval.
fn along(
    card: &CardTask<'_>,
    probe: &ProbeOptions,
    options: &CardOptions,
    order: &[u32],
    test: &Sample,
    bootstraps: usize,
) -> Result<(Option<f64>, Option<[f64; 2]>)> {
    let task = Task { order, ..card.task };
    let weights = ordinal::proportional_odds(&Prepared::new(&task, probe)?, probe)?;
    let mut standing: Vec<(f64, usize)> =
        (0..test.len()).map(|at| (crate::direction::project(&weights, task.z.row(test.rows[at])), at)).collect();
    standing.sort_by(|a, b| a.0.total_cmp(&b.0));
    let weakest = |weights: Option<&[f64]>| {
        let pair = |pair: &[u32]| {
            let of = standing.iter().filter(|(_, at)| pair.contains(&test.classes[*at]));
            auc(of.map(|&(s, at)| (s, test.classes[at] == pair[1], weights.map_or(1.0, |weights| weights[at]))))
        };
        let pairs: Option<Vec<f64>> = order.windows(2).map(pair).collect();
        pairs?.into_iter().min_by(f64::total_cmp)
    };
    let resample = |number| test.resampled(&mut generator(options.seed, Purpose::Test, number));
    let values: Vec<f64> =
        (0..bootstraps).into_par_iter().filter_map(|number| weakest(Some(&resample(number)))).collect();
    Ok((weakest(None), interval(values)))
}

impl Ordered {
    pub(super) fn sentence(&self, classes: &[String]) -> String {
        let names =
            |order: &[u32]| order.iter().map(|&class| classes[class as usize].as_str()).collect::<Vec<_>>().join(" < ");
        let (Some(rank), Some(share), Some(margin)) = (self.test_rank, self.share, self.margin) else {
            let reason = self.reason.as_deref().unwrap_or("no figures");
            return format!("No order was tested: {reason}.");
        };
        let weakest = self
            .weakest_auc
            .map_or_else(String::new, |auc| format!("; its weakest neighbours have an AUC of {auc:.3}"));
        let percent = 100.0 * margin.abs();
        let place = match rank {
            1 => format!("the shortest of {} ways through the means of test images, by {percent:.1} %,", self.orders),
            _ => format!(
                "number {rank} of {} ways through the means of test images (the shortest is {percent:.1} % shorter)",
                self.orders
            ),
        };
        let figures = format!(
            "the declared order is {place} and the shortest in {share:.2} of the resamples (by chance one in {}){weakest}",
            self.orders
        );
        match (self.answer, &self.reason, &self.instead) {
            (Answer::Yes, _, _) => format!("In the declared order: {figures}."),
            (Answer::No, _, Some(order)) => format!("In another order, {}: {figures}.", names(order)),
            (_, Some(reason), _) => format!("Unclear whether in order: {reason}; {figures}."),
            _ => format!("Unclear whether in order: {figures}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_tried_once_up_to_its_mirror_image() {
        let three = orders(&[2, 0, 1], 1);
        assert_eq!(three[0], [2, 0, 1]);
        assert_eq!(three.len(), 3);
        assert_eq!(orders(&[0, 1, 2, 3, 4], 1).len(), 60);
        let many = orders(&[0, 1, 2, 3, 4, 5, 6, 7], 1);
        assert!(many.len() > 1000 && many.len() <= 1 + 28 + 1000 && many[0] == [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn points_on_a_line_are_shortest_in_their_order() {
        let ways = Ways::new(&[vec![0.0, 0.0], vec![2.0, 0.1], vec![1.0, 0.0]]);
        let orders = orders(&[0, 2, 1], 1);
        assert_eq!((ways.shortest(&orders), ways.rank(&orders)), (0, 1));
        assert_eq!(instead(&[0, 3, 3, 3]), None);
        assert_eq!(instead(&[3; 40]), Some(3));
    }
}
