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
mod mapped;

use std::collections::BTreeMap;

use latentwalk_arithmetic::ascending;
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::Result;
use crate::metric::Metric;
use crate::way::LineToValue;

pub use choice::{Chosen, choose};
pub use figures::{Kept, TowardFigures};

use mapped::{Mapped, product};

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
}

impl ValueLines {
    /// The weights along which the line toward a class is drawn.
    fn course(&self, class: u32) -> &[f64] {
        self.courses.get(class as usize).unwrap_or(&self.lines[class as usize].weights)
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
        self.check()?;
        let mut carriers = vec![Vec::new(); self.classes];
        for (row, label) in self.pool_labels[self.target].iter().enumerate() {
            if let Some(label) = label {
                carriers[*label as usize].push(row);
            }
        }
        let absent = (0..self.classes as u32).filter(|&class| carriers[class as usize].is_empty()).collect();
        let mut pairs = Vec::new();
        for (start, label) in self.start_labels[self.target].iter().enumerate() {
            let Some(own) = *label else { continue };
            let wanted = (0..self.classes as u32).filter(|&to| to != own && !carriers[to as usize].is_empty());
            pairs.extend(wanted.map(|to| (start, to)));
        }
        checks::some("the list of starts labelled in the target, with another value in the pool", pairs.len())?;
        let mut of_value = vec![0usize; self.classes];
        pairs.iter().for_each(|&(_, to)| of_value[to as usize] += 1);
        let case = |&(start, to): &(usize, u32)| {
            let (chance, ceiling) = self.allowed(start, &carriers[to as usize]);
            Case { start, to, weight: 1.0 / of_value[to as usize] as f64, chance, ceiling }
        };
        let cases: Vec<Case> = pairs.par_iter().map(case).collect();
        let informative = (0..self.pool_labels.len()).filter(|&q| q != self.target && is_informative(&cases, q));
        Ok(TowardCases { informative: informative.collect(), study: self, cases, absent, carriers })
    }

    fn check(&self) -> Result<()> {
        let attributes = self.pool_labels.len();
        checks::some("the pool", self.pool.nrows())?;
        checks::length("attributes with labels of the starts", attributes, self.start_labels.len())?;
        checks::inside("the target among the attributes", attributes, self.target)?;
        checks::length("groups of the pool", self.pool.nrows(), self.pool_groups.len())?;
        checks::length("groups of the starts", self.starts.nrows(), self.start_groups.len())?;
        for (pool, starts) in self.pool_labels.iter().zip(self.start_labels) {
            checks::length("labels of the pool", self.pool.nrows(), pool.len())?;
            checks::length("labels of the starts", self.starts.nrows(), starts.len())?;
        }
        checks::option("the number of the target's classes", self.classes as f64, 2.0, f64::from(u32::MAX))?;
        let lists = [&self.pool_labels[self.target], &self.start_labels[self.target]];
        lists.iter().flat_map(|list| list.iter().enumerate()).try_for_each(|(row, label)| match *label {
            Some(label) => checks::label(row, self.classes, label),
            None => Ok(()),
        })
    }

    /// For each attribute, how often some pool rows keep the start's value: all of them, and those that keep most.
    fn allowed(&self, start: usize, rows: &[usize]) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
        let own = |&&row: &&usize| self.pool_groups[row] != self.start_groups[start];
        let rows: Vec<usize> = rows.iter().filter(own).copied().collect();
        let shares: Vec<f64> = rows.iter().map(|&row| self.unchanged(start, row)).collect();
        let most = shares.iter().fold(f64::NEG_INFINITY, |most, &share| most.max(share));
        let best: Vec<usize> =
            rows.iter().zip(&shares).filter(|(_, share)| **share == most).map(|(&row, _)| row).collect();
        let of = |rows: &[usize]| -> Vec<Option<f64>> {
            (0..self.pool_labels.len())
                .map(|q| mean(rows.iter().filter_map(|&row| self.keeps(q, start, row))))
                .collect()
        };
        (of(&rows), of(&best))
    }

    /// Share of the attributes other than the target, labelled on both sides, that are equal; 0 without any.
    fn unchanged(&self, start: usize, row: usize) -> f64 {
        let others = (0..self.pool_labels.len()).filter(|&q| q != self.target);
        mean(others.filter_map(|q| self.keeps(q, start, row))).unwrap_or(0.0)
    }

    /// 1 where a pool row has the start's value of an attribute; `None` unless both are labelled, and of the target.
    fn keeps(&self, q: usize, start: usize, row: usize) -> Option<f64> {
        let known = q != self.target;
        let pair = (self.start_labels[q][start]?, self.pool_labels[q][row]?);
        known.then(|| f64::from(u8::from(pair.0 == pair.1)))
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

    /// What a way finds: one answer a case.
    ///
    /// **Errors.** A metric or lines of another width, another number of lines than classes.
    pub fn along(&self, way: &ValueLines) -> Result<Vec<Answer>> {
        let study = &self.study;
        checks::length("lines of the way", study.classes, way.lines.len())?;
        if !way.courses.is_empty() {
            checks::length("courses of the way", study.classes, way.courses.len())?;
        }
        let (pool, starts) = (Mapped::new(&way.metric, study.pool)?, Mapped::new(&way.metric, study.starts)?);
        // The slab, and how far its images stand along the line, are the same for every start.
        let slabs: Vec<Slab> =
            (0..study.classes as u32).map(|class| Slab::new(study, way, class, &pool)).collect::<Result<_>>()?;
        let answer = |case: &Case| {
            let (slab, start, own) = (&slabs[case.to as usize], starts.row(case.start), study.start_groups[case.start]);
            let (square, at) = (product(start, start), product(start, &slab.unit));
            let mut best: Option<(f64, usize)> = None;
            for (place, &row) in slab.rows.iter().enumerate() {
                if study.pool_groups[row] == own {
                    continue;
                }
                let off = slab.points.square_from(place, start, square) - (slab.along[place] - at).powi(2);
                if best.is_none_or(|(nearest, _)| off < nearest) {
                    best = Some((off, row));
                }
            }
            self.judge(case, best.map(|(_, row)| row))
        };
        Ok(self.cases.par_iter().map(answer).collect())
    }

    /// The pool row nearest to the start among those that `wanted` admits for the case's value.
    ///
    /// **Errors.** A metric of another width.
    pub fn nearest(&self, metric: &Metric, wanted: impl Fn(usize, u32) -> bool + Sync) -> Result<Vec<Answer>> {
        let study = &self.study;
        let (pool, starts) = (Mapped::new(metric, study.pool)?, Mapped::new(metric, study.starts)?);
        let of_start = |cases: &&[Case]| -> Vec<Answer> {
            let (at, own) = (starts.row(cases[0].start), study.start_groups[cases[0].start]);
            let square = product(at, at);
            let squares: Vec<f64> = (0..pool.len()).map(|row| pool.square_from(row, at, square)).collect();
            let nearest = |to: u32| {
                let rows = (0..pool.len()).filter(|&row| study.pool_groups[row] != own && wanted(row, to));
                rows.reduce(|best, next| if squares[next] < squares[best] { next } else { best })
            };
            cases.iter().map(|case| self.judge(case, nearest(case.to))).collect()
        };
        Ok(self.by_start().par_iter().flat_map_iter(of_start).collect())
    }

    /// The cases of each start, which follow each other.
    fn by_start(&self) -> Vec<&[Case]> {
        self.cases.chunk_by(|a, b| a.start == b.start).collect()
    }

    /// Of each answer of each way: the share of the pool's images of the wanted value that lie farther from the start; 0 for a
    /// failure.
    ///
    /// What takes the place of [`Answer::kept`] where no attribute is informative. All ways at once, since the distances are the same
    /// for all. **Errors.** A metric of another width, another number of answers than cases.
    pub fn closeness(&self, metric: &Metric, ways: &[Vec<Answer>]) -> Result<Vec<Vec<f64>>> {
        let study = &self.study;
        ways.iter().try_for_each(|answers| checks::length("answers of a way", self.cases.len(), answers.len()))?;
        let (pool, starts) = (Mapped::new(metric, study.pool)?, Mapped::new(metric, study.starts)?);
        let of_start = self.by_start();
        let firsts: Vec<usize> =
            of_start.iter().scan(0, |next, cases| Some(std::mem::replace(next, *next + cases.len()))).collect();
        let parts: Vec<Vec<Vec<f64>>> = of_start
            .par_iter()
            .zip(&firsts)
            .map(|(cases, &first)| {
                let at = starts.row(cases[0].start);
                let length = product(at, at);
                let square = |row: usize| pool.square_from(row, at, length);
                let squares: Vec<Vec<f64>> = cases
                    .iter()
                    .map(|c| ascending(self.carriers[c.to as usize].iter().map(|&row| square(row))))
                    .collect();
                let closeness = |answer: &Answer, squares: &[f64]| match (answer.row, answer.hit, squares.len()) {
                    (Some(_), true, 0 | 1) => 1.0,
                    (Some(found), true, all) => {
                        let limit = square(found);
                        (all - squares.partition_point(|&square| square <= limit)) as f64 / (all - 1) as f64
                    }
                    _ => 0.0,
                };
                let of_way = |answers: &Vec<Answer>| {
                    let answers = answers[first..first + cases.len()].iter().zip(&squares);
                    answers.map(|(answer, squares)| closeness(answer, squares)).collect()
                };
                ways.iter().map(of_way).collect()
            })
            .collect();
        Ok((0..ways.len()).map(|way| parts.iter().flat_map(|part| part[way].iter().copied()).collect()).collect())
    }

    fn judge(&self, case: &Case, row: Option<usize>) -> Answer {
        let study = &self.study;
        let label = row.map(|row| study.pool_labels[study.target][row]);
        let kept = |row: usize| mean(self.informative.iter().filter_map(|&q| study.keeps(q, case.start, row)));
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

/// The pool's rows in the slab of a line toward a value.
struct Slab {
    rows: Vec<usize>,
    points: Mapped,
    /// Direction of the line in the metric's space, of length 1.
    unit: Vec<f64>,
    /// How far each row stands along it.
    along: Vec<f64>,
}

impl Slab {
    fn new(study: &TowardStudy<'_>, way: &ValueLines, class: u32, pool: &Mapped) -> Result<Self> {
        let line = &way.lines[class as usize];
        line.check()?;
        checks::width("the direction", study.pool.ncols(), line.weights.len())?;
        checks::usable("the direction", 0, line.weights.iter().copied())?;
        let position =
            |row: usize| -> f64 { study.pool.row(row).iter().zip(&line.weights).map(|(&v, w)| f64::from(v) * w).sum() };
        let rows: Vec<usize> = (0..pool.len()).filter(|&row| line.holds(position(row))).collect();
        // Through any start: the direction is the same.
        let unit = way.metric.line(way.course(class), study.pool.row(0))?.unit().to_vec();
        let points = pool.select(&rows);
        let along = points.along(&unit);
        Ok(Self { rows, points, unit, along })
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

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    ratio(values.map(|value| (1.0, value)))
}

#[cfg(test)]
mod tests;
