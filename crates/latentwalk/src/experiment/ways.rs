//! Ways to reach another value of an attribute, from the article's own to what an oracle would do.

use std::collections::BTreeMap;

use anyhow::Result;
use latentwalk_arithmetic::dot;
use latentwalk_lines::{LineToValue, Metric, PreservationFigures, Way};
use latentwalk_probe::pattern_weights;
use latentwalk_run::{Estimator, WalkData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::cases::{Cases, SHRINKAGE};
use crate::job::Job;
use crate::stage::toward::fit;

/// How far a slab reaches from the wanted value's median back towards the other one, as a share of the gap: half way.
const HALF_WAY: f64 = 0.5;
/// The same, for walks that stay close to the median.
const CLOSE: f64 = 0.3;
/// What a way is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The article's, as it stands.
    Article,
    /// A change of one part of it.
    Change,
    /// What it has to be measured against.
    Yardstick,
}

/// One way and what it reaches.
pub(super) struct Found {
    pub(super) name: &'static str,
    /// What it does, in words.
    pub(super) what: &'static str,
    pub(super) role: Role,
    pub(super) figures: PreservationFigures,
}

/// The article's own way.
pub(super) const ARTICLE: &str = "article's walk";
/// The way that reaches most.
pub(super) const BEST: &str = "against the rest, residual, close";
/// The yardstick that knows the labels.
pub(super) const ORACLE: &str = "label oracle";
/// The yardstick that knows nothing.
pub(super) const RANDOM: &str = "random direction";

/// The article's way alone: one direction, euclidean distance, the class-median stop.
pub(super) fn article(job: &Job<'_>, data: &WalkData, attribute: &str) -> Result<PreservationFigures> {
    let cases = Cases::new(job, data, attribute)?;
    let lines = cases.single(&cases.direction.weights)?;
    cases.along(&cases.euclidean()?, &lines)
}

/// [`BEST`] alone.
pub(super) fn best(job: &Job<'_>, data: &WalkData, attribute: &str) -> Result<PreservationFigures> {
    let cases = Cases::new(job, data, attribute)?;
    cases.along(&cases.residual()?, &cases.against_rest(CLOSE)?)
}

/// Every way.
pub(super) fn all(cases: &Cases<'_>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut add = |role, name, what, figures| found.push(Found { name, what, role, figures });
    let (plain, residual) = (cases.euclidean()?, cases.residual()?);
    let train_z = cases.data.points.select(&cases.train);
    let whitened = Metric::whitened(train_z.view())?;
    let labels = &cases.labels.labels;
    let classes = cases.labels.classes.len();
    let within = Metric::within_class(cases.data.points.z.view(), labels, &cases.train, classes, SHRINKAGE)?;

    let single = cases.single(&cases.direction.weights)?;
    let what = "the probe's direction, plain distance, the slab of the class-median stop";
    add(Role::Article, ARTICLE, what, cases.along(&plain, &single)?);
    let what = "the same in whitened space, where the line moves along the pattern vector";
    add(Role::Change, "whitened", what, cases.along(&whitened, &single)?);
    add(Role::Change, "within-class", "the same in the within-class metric", cases.along(&within, &single)?);
    add(Role::Change, "residual", "the same in the residual metric", cases.along(&residual, &single)?);
    let pattern = pattern_weights(&cases.direction.weights, train_z.view());
    let what = "the direction's pattern vector (Haufe) instead of its weights, plain distance";
    add(Role::Change, "pattern vector", what, cases.along(&plain, &cases.single(&pattern)?)?);
    let conditional = cases.single(&cases.conditional(&cases.direction.weights))?;
    let what = "the direction without its part in the span of the other attributes' class means, plain distance";
    add(Role::Change, "others projected out", what, cases.along(&plain, &conditional)?);

    let what = "for each pair of values the difference of their means, plain distance";
    add(Role::Yardstick, "class-mean difference", what, cases.along(&plain, &cases.differences(&plain)?)?);
    let differences = cases.differences(&residual)?;
    let what = "the same in the residual metric";
    add(Role::Change, "class-mean difference, residual", what, cases.along(&residual, &differences)?);
    let rest = cases.against_rest(HALF_WAY)?;
    let what = "for each value the direction of logistic regression against all others, plain distance";
    add(Role::Change, "against the rest", what, cases.along(&plain, &rest)?);
    let what = "the same in the residual metric";
    add(Role::Change, "against the rest, residual", what, cases.along(&residual, &rest)?);
    let what = "the same, the slab reaching 0.3 instead of 0.5 of the way back from the class median";
    add(Role::Change, BEST, what, cases.along(&residual, &cases.against_rest(CLOSE)?)?);

    let run = |way: Way<'_>| cases.study(|study| Ok(study.run(&way)?));
    let what = "the image nearest to the start";
    add(Role::Yardstick, "nearest neighbour", what, run(Way::Nearest { metric: &plain })?);
    let what = "a fresh random direction for every start, class medians along it as stops";
    add(Role::Yardstick, RANDOM, what, cases.along(&plain, &cases.random()?)?);
    let what = "the image nearest to the start among those labelled with the wanted value";
    add(Role::Yardstick, ORACLE, what, run(Way::Labelled { metric: &plain })?);
    let oracle = run(Way::Labelled { metric: &residual })?;
    add(Role::Yardstick, "label oracle, residual", "the same in the residual metric", oracle);
    Ok(found)
}

/// The line from a start, by its place, to a class.
type LinesTo<'a> = Box<dyn Fn(usize, u32) -> Option<LineToValue> + Sync + 'a>;

impl Cases<'_> {
    fn along(&self, metric: &Metric, lines_to: &LinesTo<'_>) -> Result<PreservationFigures> {
        self.study(|study| Ok(study.run(&Way::Line { metric, line_to: lines_to.as_ref() })?))
    }

    /// One direction for all: every class's median is a stop, its slab reaches half way to its neighbours.
    fn single<'s>(&'s self, weights: &[f64]) -> Result<LinesTo<'s>> {
        let slabs = fit::half_way(&self.medians(weights))?;
        let weights = weights.to_vec();
        Ok(Box::new(move |_, class| Some(LineToValue { weights: weights.clone(), slab: *slabs.get(class as usize)? })))
    }

    /// From class to class along the difference of their means, in the metric.
    fn differences<'s>(&'s self, metric: &Metric) -> Result<LinesTo<'s>> {
        let means: Vec<Vec<f64>> = (0..self.classes()).map(|class| self.mean(class)).collect();
        let mut lines = BTreeMap::new();
        for from in 0..self.classes() {
            for to in (0..self.classes()).filter(|&to| to != from) {
                let way: Vec<f64> =
                    means[to as usize].iter().zip(&means[from as usize]).map(|(to, from)| to - from).collect();
                let weights = metric.weights_along(&way)?;
                let medians = self.medians(&weights);
                let (start, end) = (medians[from as usize], medians[to as usize]);
                lines.insert((from, to), LineToValue::towards(weights, start, end, HALF_WAY)?);
            }
        }
        let labels = &self.start_labels[self.target];
        Ok(Box::new(move |start, to| lines.get(&(labels[start]?, to)).cloned()))
    }

    /// To each class along the direction that tells it from all the others: logistic regression, as for two classes.
    fn against_rest<'s>(&'s self, reach: f64) -> Result<LinesTo<'s>> {
        let (points, mut lines) = (&self.data.points, Vec::new());
        for class in 0..self.classes() {
            let weights = fit::against_rest(points, self.labels, class, Estimator::Logistic)?;
            let (own, rest) = fit::medians(points, self.labels, &self.train, &weights, class);
            lines.push(LineToValue::towards(weights, rest, own, reach)?);
        }
        Ok(Box::new(move |_, to| lines.get(to as usize).cloned()))
    }

    /// A fresh direction for every start, with the classes' medians along it as stops.
    fn random<'s>(&'s self) -> Result<LinesTo<'s>> {
        let mut lines = Vec::new();
        for start in 0..self.starts.len() {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(start as u64);
            let weights: Vec<f64> = (0..self.data.points.z.ncols()).map(|_| gaussian(&mut rng)).collect();
            lines.push((fit::half_way(&self.medians(&weights))?, weights));
        }
        Ok(Box::new(move |start, class| {
            let (slabs, weights) = lines.get(start)?;
            Some(LineToValue { weights: weights.clone(), slab: *slabs.get(class as usize)? })
        }))
    }

    /// Weights without their part in the span of the other attributes' class-mean differences.
    ///
    /// **Source.** Conditional manipulation as in Shen et al., "Interpreting the latent space of GANs for semantic face
    /// editing" (InterFaceGAN).
    fn conditional(&self, weights: &[f64]) -> Vec<f64> {
        let mut basis: Vec<Vec<f64>> = Vec::new();
        for (_, other) in self.attributes.iter().enumerate().filter(|(at, _)| *at != self.target) {
            let means: Vec<Vec<f64>> = (0..other.classes.len() as u32)
                .map(|class| self.members(&other.labels, class))
                .filter(|rows| !rows.is_empty())
                .map(|rows| self.mean_of(&rows))
                .collect();
            for mean in means.iter().skip(1) {
                let way = mean.iter().zip(&means[0]).map(|(a, b)| a - b).collect();
                basis.extend(unit(without(way, &basis)));
            }
        }
        without(weights.to_vec(), &basis)
    }
}

/// A vector without its part in the span of orthonormal ones.
fn without(mut vector: Vec<f64>, basis: &[Vec<f64>]) -> Vec<f64> {
    for axis in basis {
        let part = dot(&vector, axis);
        vector.iter_mut().zip(axis).for_each(|(v, a)| *v -= part * a);
    }
    vector
}

/// The vector at length 1; `None` where it is rounding of a zero.
fn unit(vector: Vec<f64>) -> Option<Vec<f64>> {
    let length = dot(&vector, &vector).sqrt();
    (length > 1e-9).then(|| vector.iter().map(|v| v / length).collect())
}

/// A standard normal number, by Box and Muller.
fn gaussian(rng: &mut impl Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_projection_leaves_nothing_along_the_basis() {
        let basis = [unit(vec![3.0, 4.0, 0.0]).unwrap()];
        let rest = without(vec![1.0, 2.0, 5.0], &basis);
        assert!(dot(&rest, &basis[0]).abs() < 1e-12 && (rest[2] - 5.0).abs() < 1e-12);
        assert_eq!(unit(vec![0.0; 3]), None);
    }
}
