//! Lines toward a value: from a start to each other value of an attribute, does it arrive, and does the rest stay?
//!
//! A [`ValueLines`] has one line toward each value and the metric in which all of them are drawn. A case is a start and a value
//! that it does not have. The image nearest to the line, among those whose position lies in the value's slab, is the answer:
//! a **hit** where it has the value. An answer without a label, or none at all, is a failure. What is **kept** counts on hits
//! alone, over the *informative* attributes: those that the pool allows to be kept more often than by chance.
//!
//! Values weigh equally: each case has the weight of its value's share. Intervals resample groups of starts.

mod bootstrap;
mod choice;
mod figures;
mod knob;
mod mapped;
mod search;

use std::collections::BTreeMap;

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::Result;
use crate::labels::{Labels, share};
use crate::metric::Metric;
use crate::way::LineToValue;

pub use choice::{Chosen, choose};
pub use figures::{Kept, TowardFigures};
pub use knob::TowardWalk;

/// By how much an attribute's ceiling has to exceed chance for the attribute to be informative.
pub const INFORMATIVE_GAP: f64 = 0.05;

/// A fitted way: one line toward each value, in one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueLines {
    /// The metric in which the lines are drawn and distances are taken.
    pub metric: Metric,
    /// One line toward each class, by its number: the slab and the weights that place an image in it.
    pub lines: Vec<LineToValue>,
    /// The weights along which each line is drawn, where these are others than those that place images; empty: the same. A line
    /// that moves along a displacement of raw space has [`Metric::weights_along`] of it.
    #[serde(with = "crate::exact::list", default, skip_serializing_if = "Vec::is_empty")]
    pub courses: Vec<Vec<f64>>,
    /// Where each class lies, in raw space ([`crate::class_effects`]): a line then runs from the place of the start's own class, or
    /// from their mean where it has none, to that of the wanted one, whatever `courses` has. Empty: the line is the same from
    /// every start.
    #[serde(with = "crate::exact::list", default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Vec<f64>>,
}

impl ValueLines {
    /// The weights along which the line toward a class is drawn, from a start with a class of its own or without.
    ///
    /// **Errors.** No such class, two classes in the same place, a metric of another width.
    pub fn course(&self, from: Option<u32>, to: u32) -> Result<Vec<f64>> {
        checks::inside("the lines of the way", self.lines.len(), to as usize)?;
        if self.places.is_empty() {
            let own = self.courses.get(to as usize);
            return Ok(own.unwrap_or(&self.lines[to as usize].weights).clone());
        }
        checks::length("places of the way", self.lines.len(), self.places.len())?;
        let mut displacement = self.places[to as usize].clone();
        if let Some(from) = from {
            checks::inside("the places of the way", self.places.len(), from as usize)?;
            displacement.iter_mut().zip(&self.places[from as usize]).for_each(|(to, from)| *to -= from);
        }
        self.metric.weights_along(&displacement)
    }
}

/// Starts, the pool in which they look for images, and the labels by which these are judged.
#[derive(Clone, Copy)]
pub struct TowardStudy<'a> {
    /// Raw PCA coordinates of the pool, m × k.
    pub pool: ArrayView2<'a, f32>,
    /// One list for each attribute, m long.
    pub pool_labels: &'a [Vec<Option<u32>>],
    /// The group of every pool row: images of the start's group are never retrieved.
    pub pool_groups: &'a [usize],
    /// Raw PCA coordinates of the starts, s × k.
    pub starts: ArrayView2<'a, f32>,
    /// One list for each attribute, s long.
    pub start_labels: &'a [Vec<Option<u32>>],
    /// The group of every start; it is also what intervals resample.
    pub start_groups: &'a [usize],
    /// Number of the attribute that is to change.
    pub target: usize,
    /// Its number of classes.
    pub classes: usize,
}

/// One start and one value that it does not have.
#[derive(Debug, Clone, PartialEq)]
struct Case {
    start: usize,
    to: u32,
    /// Its share of its value, so that values weigh equally; all weights add up to the number of values that have cases.
    weight: f64,
    /// For each attribute: the share of the pool's images of the wanted value that have the start's value of it.
    chance: Vec<Option<f64>>,
    /// For each attribute: the same share among the images of the wanted value that keep most of the other attributes.
    ceiling: Vec<Option<f64>>,
}

/// The cases of a study, and what the pool allows in them.
pub struct TowardCases<'a> {
    study: TowardStudy<'a>,
    cases: Vec<Case>,
    /// The attributes that are judged: their numbers, ascending.
    informative: Vec<usize>,
    /// Classes of the target that no pool image carries.
    absent: Vec<u32>,
    /// Pool rows of each class of the target.
    carriers: Vec<Vec<usize>>,
}

/// What a way found for one case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// Row of the start.
    pub start: usize,
    /// The class that was wanted.
    pub to: u32,
    /// The pool row that was found.
    pub row: Option<usize>,
    /// Whether it has the class that was wanted.
    pub hit: bool,
    /// Whether it has no label of the target.
    pub unlabelled: bool,
    /// Share of the informative attributes, of those labelled on both sides, that are as in the start; `None` without any.
    pub kept: Option<f64>,
    /// The case's weight.
    pub weight: f64,
}

impl<'a> TowardStudy<'a> {
    /// Every start with every value that it does not have and that the pool has.
    ///
    /// **Errors.** An empty pool, lists of lengths that do not fit, a target outside the attributes or labels of it outside its
    /// classes, no case at all.
    pub fn cases(self) -> Result<TowardCases<'a>> {
        let labels = self.labels();
        labels.check(self.pool.nrows(), self.starts.nrows())?;
        checks::length("groups of the pool", self.pool.nrows(), self.pool_groups.len())?;
        checks::length("groups of the starts", self.starts.nrows(), self.start_groups.len())?;
        let carriers = labels.carriers();
        let reached = |to: u32| !carriers[to as usize].is_empty();
        let absent = (0..self.classes as u32).filter(|&to| !reached(to)).collect();
        let pairs: Vec<(usize, u32)> = labels.pairs().filter(|&(_, to)| reached(to)).collect();
        checks::some("the list of starts labelled in the target, with another value in the pool", pairs.len())?;
        let mut of_value = vec![0usize; self.classes];
        pairs.iter().for_each(|&(_, to)| of_value[to as usize] += 1);
        let case = |&(start, to): &(usize, u32)| {
            let (chance, ceiling) = self.allowed(start, &carriers[to as usize]);
            Case { start, to, weight: 1.0 / of_value[to as usize] as f64, chance, ceiling }
        };
        let cases: Vec<Case> = pairs.par_iter().map(case).collect();
        let informative = labels.others().filter(|&q| is_informative(&cases, q));
        Ok(TowardCases { informative: informative.collect(), study: self, cases, absent, carriers })
    }

    fn labels(&self) -> Labels<'a> {
        Labels { pool: self.pool_labels, starts: self.start_labels, target: self.target, classes: self.classes }
    }

    /// For each attribute, how often some pool rows keep the start's value: all of them, and those that keep most.
    fn allowed(&self, start: usize, rows: &[usize]) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
        let labels = self.labels();
        let free = |&&row: &&usize| self.pool_groups[row] != self.start_groups[start];
        let rows: Vec<usize> = rows.iter().filter(free).copied().collect();
        let shares: Vec<f64> = rows.iter().map(|&row| labels.unchanged(start, row)).collect();
        let most = shares.iter().fold(f64::NEG_INFINITY, |most, &share| most.max(share));
        let best: Vec<usize> =
            rows.iter().zip(&shares).filter(|(_, share)| **share == most).map(|(&row, _)| row).collect();
        let of = |rows: &[usize]| -> Vec<Option<f64>> {
            (0..labels.pool.len()).map(|q| share(rows.iter().filter_map(|&row| labels.kept(q, start, row)))).collect()
        };
        (of(&rows), of(&best))
    }
}

impl TowardCases<'_> {
    /// Number of cases.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether there is none; never, for what [`TowardStudy::cases`] gave.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// The attributes by which what is kept is judged: their numbers, ascending.
    pub fn informative(&self) -> &[usize] {
        &self.informative
    }

    /// Classes of the target that no pool image carries: nothing leads there.
    pub fn absent(&self) -> &[u32] {
        &self.absent
    }

    /// Groups of starts that have a case.
    pub fn groups(&self) -> usize {
        self.by_group().len()
    }

    /// The fewest starts' groups that want one value.
    pub fn fewest_groups_of_a_value(&self) -> usize {
        let mut groups: BTreeMap<u32, std::collections::BTreeSet<usize>> = BTreeMap::new();
        for case in &self.cases {
            groups.entry(case.to).or_default().insert(self.study.start_groups[case.start]);
        }
        groups.values().map(std::collections::BTreeSet::len).min().unwrap_or(0)
    }

    fn judge(&self, case: &Case, row: Option<usize>) -> Answer {
        let study = &self.study;
        let label = row.map(|row| study.pool_labels[study.target][row]);
        let kept = |row: usize| share(self.informative.iter().filter_map(|&q| study.labels().kept(q, case.start, row)));
        Answer {
            start: case.start,
            to: case.to,
            row,
            hit: label.flatten() == Some(case.to),
            unlabelled: label == Some(None),
            kept: row.and_then(kept),
            weight: case.weight,
        }
    }

    /// The cases of each group of starts, in the order of the groups.
    fn by_group(&self) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, case) in self.cases.iter().enumerate() {
            groups.entry(self.study.start_groups[case.start]).or_default().push(at);
        }
        groups.into_values().collect()
    }
}

fn is_informative(cases: &[Case], q: usize) -> bool {
    match (weighted(cases, |case| case.ceiling[q]), weighted(cases, |case| case.chance[q])) {
        (Some(ceiling), Some(chance)) => ceiling - chance > INFORMATIVE_GAP,
        _ => false,
    }
}

/// Weighted mean over the cases that have a value.
fn weighted(cases: &[Case], value: impl Fn(&Case) -> Option<f64>) -> Option<f64> {
    ratio(cases.iter().filter_map(|case| Some((case.weight, value(case)?))))
}

/// Weighted mean of pairs (weight, value); `None` without weight.
fn ratio(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut top, mut bottom) = (0.0, 0.0);
    for (weight, value) in pairs {
        top += weight * value;
        bottom += weight;
    }
    (bottom > 0.0).then(|| top / bottom)
}

#[cfg(test)]
mod tests;
