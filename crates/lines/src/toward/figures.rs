//! What a way reaches over all cases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Answer, TowardCases, bootstrap, ratio, weighted};
use crate::checks;
use crate::error::Result;

/// Share of the resamples within the interval of a hit rate.
const SHARE: f64 = 0.95;

/// How much of the rest stays, averaged over the informative attributes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Share of the hits in which an attribute is as in the start.
    pub kept: f64,
    /// The same share for a random pool image of the wanted value, over all cases.
    pub by_chance: f64,
    /// The same share for the pool's best match of the wanted value, over all cases.
    pub ceiling: f64,
    /// `kept / ceiling`, attribute by attribute.
    pub of_ceiling: f64,
    /// `(kept − chance) / (ceiling − chance)`, attribute by attribute: 0 is chance, 1 the best that the pool allows.
    pub corrected: f64,
}

/// What a way reaches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TowardFigures {
    /// Number of cases.
    pub cases: usize,
    /// Cases in which the slab was empty.
    pub missed: usize,
    /// Cases in which the image found has no label of the attribute.
    pub unlabelled: usize,
    /// Share of the cases in which the image found has the wanted value; values weigh equally.
    pub hit: f64,
    /// The 95 % interval of `hit`, over groups of starts.
    pub hit_interval: (f64, f64),
    /// What stays; `None` without an informative attribute, and without a hit.
    pub kept: Option<Kept>,
    /// Mean of hit times what is kept, over all cases; `None` without an informative attribute.
    pub joint: Option<f64>,
    /// For each class of the attribute, the share of the cases that want it and find it.
    pub hit_by_value: Vec<Option<f64>>,
    /// Of the cases that want one value, the share that one image answers: the greatest over all images. Near 1, all lines toward
    /// the value meet in that image.
    #[serde(default)]
    pub most_frequent: f64,
}

impl TowardCases<'_> {
    /// The figures of some answers; `seed` draws the interval.
    pub fn figures(&self, answers: &[Answer], seed: u64) -> TowardFigures {
        let hit = |answer: &Answer| f64::from(u8::from(answer.hit));
        let of_value = |class: u32| ratio(answers.iter().filter(|a| a.to == class).map(|a| (1.0, hit(a))));
        let joint = (!self.informative.is_empty()).then(|| ratio(answers.iter().map(|a| (a.weight, a.joint()))));
        let mut answered: BTreeMap<(u32, usize), usize> = BTreeMap::new();
        for answer in answers {
            *answered.entry((answer.to, answer.row.unwrap_or(usize::MAX))).or_default() += 1;
        }
        let wanting = |to: u32| answers.iter().filter(|answer| answer.to == to).count() as f64;
        let found = answered.iter().filter(|((_, row), _)| *row != usize::MAX);
        let shares = found.map(|(&(to, _), &count)| count as f64 / wanting(to));
        TowardFigures {
            most_frequent: shares.fold(0.0, f64::max),
            cases: answers.len(),
            missed: answers.iter().filter(|answer| answer.row.is_none()).count(),
            unlabelled: answers.iter().filter(|answer| answer.unlabelled).count(),
            hit: ratio(answers.iter().map(|answer| (answer.weight, hit(answer)))).unwrap_or(0.0),
            hit_interval: self.interval(|case| hit(&answers[case]), SHARE, seed).unwrap_or((0.0, 1.0)),
            kept: self.kept(answers),
            joint: joint.flatten(),
            hit_by_value: (0..self.study.classes as u32).map(of_value).collect(),
        }
    }

    /// Weighted mean of one score a case.
    ///
    /// **Errors.** Another number of scores than cases.
    pub fn mean(&self, scores: &[f64]) -> Result<f64> {
        checks::length("scores of a way", self.cases.len(), scores.len())?;
        let pairs = self.cases.iter().zip(scores).map(|(case, &score)| (case.weight, score));
        Ok(ratio(pairs).unwrap_or(0.0))
    }

    fn kept(&self, answers: &[Answer]) -> Option<Kept> {
        let mut parts = Vec::new();
        for &q in &self.informative {
            let keeps = |a: &Answer| Some(f64::from(u8::from(self.study.labels().kept(q, a.start, a.row?)?)));
            let hits = answers.iter().filter(|answer| answer.hit);
            let kept = ratio(hits.filter_map(|answer| Some((answer.weight, keeps(answer)?))));
            let chance = weighted(&self.cases, |case| case.chance[q]);
            let ceiling = weighted(&self.cases, |case| case.ceiling[q]);
            parts.extend(kept.zip(chance).zip(ceiling));
        }
        let mean = |of: &dyn Fn(f64, f64, f64) -> f64| {
            ratio(parts.iter().map(|&((kept, chance), ceiling)| (1.0, of(kept, chance, ceiling))))
        };
        Some(Kept {
            kept: mean(&|kept, _, _| kept)?,
            by_chance: mean(&|_, chance, _| chance)?,
            ceiling: mean(&|_, _, ceiling| ceiling)?,
            of_ceiling: mean(&|kept, _, ceiling| kept / ceiling)?,
            corrected: mean(&|kept, chance, ceiling| (kept - chance) / (ceiling - chance))?,
        })
    }

    /// The interval of a weighted mean over the cases that holds `share` of the resamples of groups of starts.
    pub(super) fn interval(&self, value: impl Fn(usize) -> f64, share: f64, seed: u64) -> Option<(f64, f64)> {
        let weight = |case: usize| self.cases[case].weight;
        let of_group = |cases: &Vec<usize>| {
            let weighted = cases.iter().map(|&case| weight(case) * value(case));
            (weighted.sum(), cases.iter().map(|&case| weight(case)).sum())
        };
        bootstrap::interval(&self.by_group().iter().map(of_group).collect::<Vec<_>>(), share, seed)
    }
}

impl Answer {
    /// Hit times what is kept; a hit of which nothing is known to be kept or lost counts as nothing kept.
    pub fn joint(&self) -> f64 {
        if self.hit { self.kept.unwrap_or(0.0) } else { 0.0 }
    }
}
