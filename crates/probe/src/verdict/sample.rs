//! Labelled rows of a split with their groups, and what resampling needs of them.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::ArrayView2;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::MIN_TRAIN_GROUPS;
use crate::scatter::vector;
use crate::{Split, Task};

/// What random numbers are drawn for: each purpose has streams of its own.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// Which training rows are used where there are too many.
    Cap,
    /// Labels exchanged among groups.
    Permutation,
    /// Groups of test rows, drawn with replacement.
    Test,
    /// Groups of training rows, drawn with replacement.
    Train,
    /// Orders of many classes.
    Orders,
}

/// The generator of one draw: a function of seed, purpose and number, so that draws may run in any order.
pub(super) fn generator(seed: u64, purpose: Purpose, number: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((purpose as u64) << 32) | number as u64);
    rng
}

/// Labelled rows of one split.
pub(super) struct Sample {
    /// Rows of the task's vectors.
    pub(super) rows: Vec<usize>,
    /// Their classes.
    pub(super) classes: Vec<u32>,
    /// Their groups, numbered from 0.
    pub(super) groups: Vec<usize>,
    count: usize,
}

impl Sample {
    /// The rows of a split whose label is wanted.
    pub(super) fn new(task: &Task<'_>, groups: &[usize], split: Split, wanted: impl Fn(usize, u32) -> bool) -> Self {
        let labelled = (0..task.labels.len()).filter(|&row| task.splits[row] == split);
        let kept = labelled.filter_map(|row| task.labels[row].filter(|&class| wanted(row, class)).map(|c| (row, c)));
        let (rows, classes): (Vec<usize>, Vec<u32>) = kept.unzip();
        Self::of(rows, classes, groups)
    }

    pub(super) fn of(rows: Vec<usize>, classes: Vec<u32>, groups: &[usize]) -> Self {
        let mut names: Vec<usize> = rows.iter().map(|&row| groups[row]).collect();
        let given = names.clone();
        names.sort_unstable();
        names.dedup();
        let number = |name: usize| names.binary_search(&name).unwrap_or_default();
        let groups = given.into_iter().map(number).collect();
        Self { rows, classes, groups, count: names.len() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Groups with a row for which something holds.
    pub(super) fn groups_where(&self, holds: impl Fn(usize) -> bool) -> usize {
        let mut found = vec![false; self.count];
        (0..self.len()).filter(|&at| holds(at)).for_each(|at| found[self.groups[at]] = true);
        found.into_iter().filter(|&found| found).count()
    }

    /// Groups of each class.
    pub(super) fn groups_by_class(&self, classes: usize) -> Vec<usize> {
        (0..classes as u32).map(|class| self.groups_where(|at| self.classes[at] == class)).collect()
    }

    /// At most `most` rows, whole groups of them, drawn at random; first some groups of each class, so that rare ones stay.
    pub(super) fn capped(self, most: usize, groups: &[usize], seed: u64) -> Self {
        if self.len() <= most {
            return self;
        }
        let mut members = vec![Vec::new(); self.count];
        (0..self.len()).for_each(|at| members[self.groups[at]].push(at));
        let mut order: Vec<usize> = (0..self.count).collect();
        order.shuffle(&mut generator(seed, Purpose::Cap, 0));
        let mut drawn = BTreeMap::new();
        let mut is_among_the_first = |group: &usize| {
            let classes: BTreeSet<u32> = members[*group].iter().map(|&at| self.classes[at]).collect();
            let mut draw = |class: u32| {
                let times = drawn.entry(class).or_insert(0);
                *times += 1;
                *times <= MIN_TRAIN_GROUPS
            };
            // Each of its classes is counted, whatever the others say.
            classes.into_iter().filter(|&class| draw(class)).count() > 0
        };
        let (first, rest): (Vec<usize>, Vec<usize>) = order.into_iter().partition(&mut is_among_the_first);
        let (mut keep, mut total) = (vec![false; self.count], 0);
        for group in first.into_iter().chain(rest) {
            if total + members[group].len() <= most {
                keep[group] = true;
                total += members[group].len();
            }
        }
        let kept = (0..self.len()).filter(|&at| keep[self.groups[at]]);
        let (rows, classes) = kept.map(|at| (self.rows[at], self.classes[at])).unzip();
        Self::of(rows, classes, groups)
    }

    /// The rows' values, with labels that they have or are given, and how often each counts; those that do not count are left out.
    pub(super) fn vectors<'s>(
        &'s self,
        z: ArrayView2<'s, f32>,
        labels: &'s [u32],
        times: Option<&'s [f64]>,
    ) -> impl Iterator<Item = (impl Iterator<Item = f64> + 's, u32, f64)> + 's {
        let weight = move |at: usize| times.map_or(1.0, |times| times[at]);
        let counted = self.rows.iter().enumerate().filter(move |&(at, _)| weight(at) > 0.0);
        counted.map(move |(at, &row)| (vector(z, row), labels[at], weight(at)))
    }

    /// How often each row counts when as many groups are drawn with replacement.
    pub(super) fn resampled(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut times = vec![0.0; self.count];
        (0..self.count).for_each(|_| times[rng.random_range(0..self.count)] += 1.0);
        self.groups.iter().map(|&group| times[group]).collect()
    }

    /// Labels exchanged among whole groups: a group takes those of another, from its first row on and again from the start where
    /// it has more rows. Rows without a group exchange their labels freely.
    pub(super) fn permuted(&self, rng: &mut ChaCha8Rng) -> Vec<u32> {
        let mut members = vec![Vec::new(); self.count];
        (0..self.len()).for_each(|at| members[self.groups[at]].push(at));
        let mut giver: Vec<usize> = (0..self.count).collect();
        giver.shuffle(rng);
        let mut labels = self.classes.clone();
        for (own, giver) in members.iter().zip(giver) {
            let given = members[giver].iter().cycle();
            own.iter().zip(given).for_each(|(&at, &from)| labels[at] = self.classes[from]);
        }
        labels
    }
}

/// The middle 95 % of some values.
pub(super) fn interval(values: impl IntoIterator<Item = f64>) -> Option<[f64; 2]> {
    let sorted = latentwalk_arithmetic::ascending(values);
    let at = |q| latentwalk_arithmetic::quantile(&sorted, q);
    Some([at(0.025)?, at(0.975)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Sample, Vec<usize>) {
        // Ten groups of one, two or three rows; a group has one label.
        let groups: Vec<usize> = (0..10).flat_map(|g| std::iter::repeat_n(g, 1 + g % 3)).collect();
        let classes = groups.iter().map(|g| (g % 2) as u32).collect();
        (Sample::of((0..groups.len()).collect(), classes, &groups), groups)
    }

    #[test]
    fn a_group_keeps_one_label_when_labels_are_exchanged() {
        let (sample, groups) = sample();
        let mut moved = 0;
        for number in 0..20 {
            let labels = sample.permuted(&mut generator(1, Purpose::Permutation, number));
            for pair in 1..labels.len() {
                assert!(groups[pair] != groups[pair - 1] || labels[pair] == labels[pair - 1]);
            }
            moved += usize::from(labels != sample.classes);
        }
        assert!(moved > 15);
    }

    #[test]
    fn a_resample_takes_groups_whole() {
        let (sample, groups) = sample();
        let weights = sample.resampled(&mut generator(1, Purpose::Test, 0));
        assert!((1..weights.len()).all(|at| groups[at] != groups[at - 1] || weights[at] == weights[at - 1]));
        let drawn: f64 = (0..10).map(|g| weights[groups.iter().position(|&group| group == g).unwrap_or(0)]).sum();
        assert_eq!(drawn, 10.0);
    }

    #[test]
    fn a_cap_leaves_rare_classes_their_groups() {
        // A thousand rows, each a group of its own, twelve of them of class 1.
        let groups: Vec<usize> = (0..1000).collect();
        let classes = groups.iter().map(|g| u32::from(g % 83 == 0)).collect();
        let rare = Sample::of(groups.clone(), classes, &groups).capped(100, &groups, 1);
        assert!(rare.groups_by_class(2)[1] >= MIN_TRAIN_GROUPS && rare.len() <= 100, "{}", rare.len());
    }

    #[test]
    fn a_cap_takes_groups_whole() {
        let (sample, groups) = sample();
        let capped = sample.capped(9, &groups, 1);
        assert!(capped.len() <= 9 && capped.len() >= 7);
        for (at, &row) in capped.rows.iter().enumerate() {
            let whole = groups.iter().filter(|&&g| g == groups[row]).count();
            assert_eq!(capped.groups.iter().filter(|&&g| g == capped.groups[at]).count(), whole);
        }
    }
}
