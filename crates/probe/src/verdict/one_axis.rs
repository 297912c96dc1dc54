//! Is one axis enough to tell the values apart?

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::sample::{Purpose, Sample, generator, interval};
use super::{Answer, CardOptions, CardTask, MIN_TEST_GROUPS};
use crate::direction::project;
use crate::multinomial;
use crate::task::Prepared;
use crate::{ProbeOptions, Result, Split};

/// Share of what all axes tell that one axis must keep.
const KEPT: f64 = 0.9;
/// Share at and below which it does not.
const LOST: f64 = 0.8;
/// What all axes must tell beyond chance, as a balanced accuracy, for a share of it to mean anything.
const TOLD: f64 = 0.05;

/// How much of what all axes tell of an attribute is told by its axis alone.
///
/// **Units and conventions.** Balanced accuracies on test rows: of the direction's own model along the axis, and of multinomial
/// logistic regression on all axes. Intervals hold 95 % of resamples of test groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OneAxis {
    /// The verdict.
    pub answer: Answer,
    /// Why, where that is not a matter of figures.
    pub reason: Option<String>,
    /// Balanced accuracy by the position along the axis.
    pub along_axis: Option<f64>,
    /// Balanced accuracy by all axes.
    pub all_axes: Option<f64>,
    /// `(along_axis − 1/c) / (all_axes − 1/c)`.
    pub retained: Option<f64>,
    /// Its interval.
    pub interval: Option<[f64; 2]>,
}

pub(super) fn one_axis(card: &CardTask<'_>, probe: &ProbeOptions, options: &CardOptions) -> Result<OneAxis> {
    let (task, classes) = (&card.task, card.task.classes.len());
    if classes == 2 {
        return Ok(OneAxis {
            answer: Answer::Yes,
            reason: Some("two values need no more".to_owned()),
            ..OneAxis::default()
        });
    }
    let prepared = Prepared::new(task, probe)?;
    let train =
        Sample::new(task, card.groups, Split::Train, |_, _| true).capped(options.rows, card.groups, options.seed);
    let test = Sample::new(task, card.groups, Split::Test, |_, _| true);
    let mut found = OneAxis::default();
    let Ok(fit) = multinomial::of_rows(&prepared, &train.rows, &train.classes, probe.l2) else {
        found.reason = Some("no classifier could be fitted on all axes".to_owned());
        return Ok(found);
    };
    let right = |says: &(dyn Fn(usize) -> u32 + Sync)| -> Vec<bool> {
        (0..test.len()).into_par_iter().map(|at| says(test.rows[at]) == test.classes[at]).collect()
    };
    let direction = card.direction;
    let by_axis = right(&|row| direction.model.class_at(project(&direction.weights, task.z.row(row))));
    let by_all = right(&|row| fit.class_of(&prepared.scaled(row).collect::<Vec<_>>()));
    let accuracy = |right: &[bool], weights: Option<&[f64]>| balanced(&test, right, weights, classes);
    let share = |weights: Option<&[f64]>| {
        let chance = 1.0 / classes as f64;
        let (one, all) = (accuracy(&by_axis, weights)? - chance, accuracy(&by_all, weights)? - chance);
        (all > 0.0).then(|| one / all)
    };
    found.along_axis = accuracy(&by_axis, None);
    found.all_axes = accuracy(&by_all, None);
    found.retained = share(None);
    found.interval = interval(
        (0..options.bootstraps)
            .filter_map(|number| share(Some(&test.resampled(&mut generator(options.seed, Purpose::Test, number))))),
    );
    let fewest = test.groups_by_class(classes).into_iter().min().unwrap_or(0);
    if fewest < MIN_TEST_GROUPS {
        found.reason = Some(super::too_few(fewest));
    } else if found.all_axes.is_none_or(|all| all - 1.0 / classes as f64 <= TOLD) {
        found.reason = Some("all axes together hardly tell the values apart".to_owned());
    }
    found.answer = match (&found.reason, found.interval) {
        (None, Some([low, _])) if low >= KEPT => Answer::Yes,
        (None, Some([_, high])) if high <= LOST => Answer::No,
        _ => Answer::Unclear,
    };
    Ok(found)
}

/// Mean over classes of the share of their rows that are right; classes without weight are left out.
fn balanced(test: &Sample, right: &[bool], weights: Option<&[f64]>, classes: usize) -> Option<f64> {
    let (mut hits, mut mass) = (vec![0.0; classes], vec![0.0; classes]);
    for (at, &class) in test.classes.iter().enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[at]);
        mass[class as usize] += weight;
        hits[class as usize] += weight * f64::from(u8::from(right[at]));
    }
    let shares: Vec<f64> = hits.iter().zip(&mass).filter(|(_, mass)| **mass > 0.0).map(|(h, m)| h / m).collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

impl OneAxis {
    pub(super) fn sentence(&self) -> String {
        let figures = match (self.retained, self.interval, self.along_axis, self.all_axes) {
            (Some(kept), Some([low, high]), Some(one), Some(all)) => format!(
                "its axis keeps {kept:.2} ({low:.2} to {high:.2}) of what all axes tell beyond chance (balanced accuracy {one:.3} \
                 of {all:.3})"
            ),
            _ => String::new(),
        };
        match (self.answer, &self.reason) {
            (Answer::Yes, Some(reason)) => format!("One axis is enough: {reason}."),
            (Answer::Yes, None) => format!("One axis is enough: {figures}."),
            (Answer::No, _) => format!("One axis is not enough: {figures}."),
            (Answer::Unclear, Some(reason)) => format!("Unclear whether one axis is enough: {reason}."),
            (Answer::Unclear, None) => format!("Unclear whether one axis is enough: {figures}."),
        }
    }
}
