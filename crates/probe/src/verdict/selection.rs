//! A direction from images that somebody chose, and whether it says more than the choice itself.
//!
//! A lasso drawn on two axes tells its images from all others perfectly on these axes: any half-plane of noise has an AUC near 1. So
//! the question is asked again after both axes are taken out: do the images inside still differ from those outside? Only that may say yes.

use ndarray::ArrayView2;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::discriminant::{Points, Whitening, auc};
use super::sample::{Purpose, Sample, generator, interval};
use super::{Answer, CardOptions, MIN_TEST_GROUPS, SIGNIFICANT};
use crate::{Error, Result};

/// Fewest images on each side of a selection.
pub const MIN_SELECTED: usize = 20;
/// Least 5th percentile of the refits' cosines for a yes.
const STABLE: f64 = 0.7;
/// An AUC that is surely below says no.
const NOTHING: f64 = 0.6;

/// Images that somebody chose.
#[derive(Clone, Copy)]
pub struct Selection<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// n × k.
    pub z: ArrayView2<'a, f32>,
    /// For every row whether it is chosen, or among those that it is told from; `None` for all others.
    pub chosen: &'a [Option<bool>],
    /// Group of each row: duplicates and views of one thing.
    pub groups: &'a [usize],
    /// Weights of the axes that the choice was drawn on; none for images that were chosen one by one.
    pub axes: &'a [Vec<f64>],
}

/// What may be said of a selection's direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelectionCard {
    /// Chosen images.
    pub positive: usize,
    /// Images that they are told from.
    pub negative: usize,
    /// Share of the direction that lies in the plane of the axes it was drawn on, from 0 to 1; `None` without such axes.
    pub plane: Option<f64>,
    /// AUC of held-out images as they were drawn: says nothing where they were drawn on positions.
    pub auc: f64,
    /// The same after the axes are taken out.
    pub apart: Apart,
    /// Whether the images differ beyond the axes that they were drawn on.
    pub answer: Answer,
}

/// How well held-out images are told apart when the axes of the choice are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Apart {
    /// AUC on the half of the groups that the direction was not fitted on.
    pub auc: f64,
    /// Its 95 % interval, over groups.
    pub interval: [f64; 2],
    /// Share of refits on exchanged labels that reach it, the labels themselves counted as one of them.
    pub p: f64,
    /// 5th percentile of |cosine| between the direction and refits on other draws of the groups.
    pub stability: f64,
}

impl SelectionCard {
    /// One sentence with the figures.
    pub fn sentence(&self) -> String {
        let Apart { auc, interval: [low, high], p, stability } = self.apart;
        let figures =
            format!("AUC {auc:.2} ({low:.2} to {high:.2}) of held-out images, p {p:.3}, stability {stability:.2}");
        let drawn = if self.plane.is_some() { "beyond the two axes it was drawn on" } else { "from the others" };
        match self.answer {
            Answer::Yes => format!("The selection differs {drawn}: {figures}."),
            Answer::No => format!("Nothing was found in which the selection differs {drawn}: {figures}."),
            Answer::Unclear => format!("Whether the selection differs {drawn} is unclear: {figures}."),
        }
    }
}

/// The direction that tells chosen images from others, a unit vector of k weights, and what may be said of it.
///
/// The direction is Fisher's discriminant of all rows. What is said stands on halves: fitted on one half of the groups, judged on
/// the other. At most `options.rows` rows are used, whole groups of them.
///
/// # Errors
/// Fewer than [`MIN_SELECTED`] rows on a side, or too few groups to hold some out; vectors that do not vary.
pub fn judge_selection(selection: &Selection<'_>, options: &CardOptions) -> Result<(Vec<f64>, SelectionCard)> {
    options.check()?;
    let few = |what: &str, got: usize, needed: usize| Error::TooFew {
        attribute: selection.name.to_owned(),
        what: what.to_owned(),
        got,
        needed,
    };
    let side = |side: bool| selection.chosen.iter().filter(|chosen| **chosen == Some(side)).count();
    let (negative, positive) = (side(false), side(true));
    for (what, got) in [("chosen images", positive), ("images that they are told from", negative)] {
        if got < MIN_SELECTED {
            return Err(few(what, got, MIN_SELECTED));
        }
    }
    let labelled = (0..selection.chosen.len()).filter_map(|row| Some((row, u32::from(selection.chosen[row]?))));
    let (rows, classes) = labelled.unzip();
    let sample = Sample::of(rows, classes, selection.groups).capped(options.rows, selection.groups, options.seed);
    if let Some(got) = sample.groups_by_class(2).into_iter().find(|&groups| groups < MIN_TEST_GROUPS) {
        return Err(few("groups of images on a side", got, MIN_TEST_GROUPS));
    }
    let varied = || few("axes on which the images vary", 0, 1);
    let whitening = Whitening::fit(selection.z, &sample.rows).ok_or_else(varied)?;
    let points = whitening.map(selection.z, &sample.rows);
    // Whitened coordinates are uncorrelated: without its part in the plane, a vector is uncorrelated with both axes.
    let plane = basis(selection.axes.iter().map(|axis| whitening.score(axis)));
    let halves = halves(&sample, options.seed);
    let raw = difference(&points, &sample.classes, None, &[]).ok_or_else(varied)?;
    let length = norm(&raw);
    let study = Study { points: &points, sample: &sample, plane: &plane, held_out: &halves };
    let judged = study.apart(options).ok_or_else(|| few("groups of images on a side", 1, MIN_TEST_GROUPS))?;
    let within = norm(&without(&raw, &plane));
    let answer = match judged {
        Apart { p, interval: [low, _], stability, .. } if p <= SIGNIFICANT && low > 0.5 && stability >= STABLE => {
            Answer::Yes
        }
        Apart { p, interval: [_, high], .. } if p > SIGNIFICANT && high < NOTHING => Answer::No,
        _ => Answer::Unclear,
    };
    let card = SelectionCard {
        positive,
        negative,
        plane: (!plane.is_empty()).then(|| (1.0 - (within / length).powi(2)).max(0.0).sqrt()),
        auc: study.held_out_auc(&sample.classes, &[], None).unwrap_or(0.5),
        apart: judged,
        answer,
    };
    let mut weights = whitening.weights(&raw);
    let length = norm(&weights);
    weights.iter_mut().for_each(|w| *w /= length);
    Ok((weights, card))
}

/// For every row whether its group is held out: half of the groups, at random.
fn halves(sample: &Sample, seed: u64) -> Vec<bool> {
    let count = sample.groups.iter().max().map_or(0, |last| last + 1);
    // Groups of chosen images first, so that each side is halved.
    let mut chosen = vec![false; count];
    sample.groups.iter().zip(&sample.classes).for_each(|(&group, &class)| chosen[group] |= class == 1);
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut generator(seed, Purpose::Orders, 1));
    order.sort_by_key(|&group| !chosen[group]);
    let mut held_out = vec![false; count];
    order.iter().skip(1).step_by(2).for_each(|&group| held_out[group] = true);
    sample.groups.iter().map(|&group| held_out[group]).collect()
}

/// Rows beside a plane, half of them held out.
struct Study<'a> {
    points: &'a Points,
    sample: &'a Sample,
    plane: &'a [Vec<f64>],
    held_out: &'a [bool],
}

impl Study<'_> {
    /// AUC of held-out rows along the direction of the others.
    fn held_out_auc(&self, labels: &[u32], plane: &[Vec<f64>], times: Option<&[f64]>) -> Option<f64> {
        let fitted: Vec<f64> = self.held_out.iter().map(|held_out| f64::from(u8::from(!held_out))).collect();
        let direction = difference(self.points, labels, Some(&fitted), plane)?;
        let rows = (0..labels.len()).filter(|&at| self.held_out[at]);
        let mut standing: Vec<(f64, bool, f64)> = rows
            .map(|at| {
                let position = latentwalk_arithmetic::dot(self.points.row(at), &direction);
                (position, labels[at] == 1, times.map_or(1.0, |times| times[at]))
            })
            .collect();
        standing.sort_by(|a, b| a.0.total_cmp(&b.0));
        auc(standing.into_iter())
    }

    fn apart(&self, options: &CardOptions) -> Option<Apart> {
        let own = self.held_out_auc(&self.sample.classes, self.plane, None)?;
        let exchanged = |number: usize| {
            let labels = self.sample.permuted(&mut generator(options.seed, Purpose::Permutation, number));
            self.held_out_auc(&labels, self.plane, None)
        };
        let reached: usize = (0..options.permutations)
            .into_par_iter()
            .map(|number| usize::from(exchanged(number).is_none_or(|auc| auc >= own)))
            .sum();
        let drawn = |purpose, number| self.sample.resampled(&mut generator(options.seed, purpose, number));
        let aucs: Vec<Option<f64>> = (0..options.bootstraps)
            .into_par_iter()
            .map(|number| self.held_out_auc(&self.sample.classes, self.plane, Some(&drawn(Purpose::Test, number))))
            .collect();
        let whole = difference(self.points, &self.sample.classes, None, self.plane)?;
        let cosines: Vec<Option<f64>> = (0..options.bootstraps)
            .into_par_iter()
            .map(|number| {
                let times = drawn(Purpose::Train, number);
                let again = difference(self.points, &self.sample.classes, Some(&times), self.plane)?;
                Some((latentwalk_arithmetic::dot(&again, &whole) / norm(&again) / norm(&whole)).abs())
            })
            .collect();
        let cosines = latentwalk_arithmetic::ascending(cosines.into_iter().flatten());
        Some(Apart {
            auc: own,
            interval: interval(aucs.into_iter().flatten())?,
            p: (1 + reached) as f64 / (1 + options.permutations) as f64,
            stability: latentwalk_arithmetic::quantile(&cosines, 0.05)?,
        })
    }
}

/// The difference of both sides' means without its part in the plane; `None` where a side has no weight, or nothing is left.
fn difference(points: &Points, labels: &[u32], times: Option<&[f64]>, plane: &[Vec<f64>]) -> Option<Vec<f64>> {
    let side = |side: u32| {
        let weight = |at: usize| times.map_or(1.0, |times| times[at]);
        labels.iter().enumerate().any(|(at, &label)| label == side && weight(at) > 0.0)
    };
    if !(side(0) && side(1)) {
        return None;
    }
    let means = points.class_means(labels, times, 2);
    let raw: Vec<f64> = means[1].iter().zip(&means[0]).map(|(b, a)| b - a).collect();
    let left = without(&raw, plane);
    (norm(&left) > 0.0).then_some(left)
}

/// Unit vectors at right angles that span the same plane; vectors that follow from others are left out.
fn basis(vectors: impl Iterator<Item = Vec<f64>>) -> Vec<Vec<f64>> {
    let mut found: Vec<Vec<f64>> = Vec::new();
    for vector in vectors {
        let whole = norm(&vector);
        // Twice, so that what is left is at right angles to rounding.
        let left = without(&without(&vector, &found), &found);
        let length = norm(&left);
        if length > 1e-9 * whole {
            found.push(left.into_iter().map(|v| v / length).collect());
        }
    }
    found
}

/// A vector without its parts along some unit vectors at right angles.
fn without(vector: &[f64], plane: &[Vec<f64>]) -> Vec<f64> {
    let mut left = vector.to_vec();
    for unit in plane {
        let along = latentwalk_arithmetic::dot(&left, unit);
        left.iter_mut().zip(unit).for_each(|(l, u)| *l -= along * u);
    }
    left
}

fn norm(vector: &[f64]) -> f64 {
    latentwalk_arithmetic::dot(vector, vector).sqrt()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const K: usize = 12;

    /// Normal numbers, each axis with its own spread, and a correlation that whitening has to undo.
    fn noise(n: usize, rng: &mut ChaCha8Rng) -> Array2<f32> {
        let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        let plain = Array2::from_shape_fn((n, K), |_| normal());
        Array2::from_shape_fn((n, K), |(row, axis)| {
            ((1.0 + axis as f64) * plain[[row, axis]] + 2.0 * plain[[row, (axis + 1) % K]]) as f32
        })
    }

    fn options(permutations: usize) -> CardOptions {
        CardOptions { permutations, bootstraps: 40, ..CardOptions::default() }
    }

    /// A half-plane, or a disc, of the first two axes.
    fn lasso(z: &Array2<f32>, number: usize) -> Vec<Option<bool>> {
        let angle = number as f32 * 0.7;
        let inside = |x: f32, y: f32| match number % 3 {
            0 => x * angle.cos() + y * angle.sin() > 1.0,
            1 => (x - 1.0).powi(2) + (y + 0.5).powi(2) < 4.0,
            _ => x > 0.0 && y > 0.5,
        };
        z.outer_iter().map(|row| Some(inside(row[0], row[1]))).collect()
    }

    fn axis(at: usize) -> Vec<f64> {
        (0..K).map(|other| f64::from(u8::from(other == at))).collect()
    }

    #[test]
    fn lassos_on_noise_rarely_say_yes() {
        let (mut yes, mut significant, mut perfect) = (0, 0, 0);
        for number in 0..200 {
            let z = noise(400, &mut ChaCha8Rng::seed_from_u64(number as u64));
            let chosen = lasso(&z, number);
            let groups: Vec<usize> = (0..z.nrows()).collect();
            let axes = [axis(0), axis(1)];
            let selection = Selection { name: "lasso", z: z.view(), chosen: &chosen, groups: &groups, axes: &axes };
            let (weights, card) = judge_selection(&selection, &options(60)).unwrap();
            let plane = card.plane.unwrap();
            assert!((norm(&weights) - 1.0).abs() < 1e-12 && plane <= 1.0, "{card:?}");
            assert!(number % 3 != 0 || plane > 0.8, "a half-plane's direction lies in its plane: {card:?}");
            yes += usize::from(card.answer == Answer::Yes);
            significant += usize::from(card.apart.p <= 0.05);
            perfect += usize::from(card.auc > 0.9);
        }
        // 5 % of 200 are 10, with a standard error of 3.1: two of these above it. Without taking the axes out it would be all of them.
        assert!(yes <= 10 && significant <= 16, "{yes} say yes, {significant} are significant");
        assert!(perfect > 60, "{perfect} look perfect as drawn");
    }

    #[test]
    fn what_differs_beyond_the_axes_is_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut z = noise(600, &mut rng);
        let chosen = lasso(&z, 0);
        for (mut row, chosen) in z.outer_iter_mut().zip(&chosen) {
            if *chosen == Some(true) {
                row[5] += 18.0;
            }
        }
        let groups: Vec<usize> = (0..z.nrows()).map(|row| row / 2).collect();
        let axes = [axis(0), axis(1)];
        let selection = Selection { name: "lasso", z: z.view(), chosen: &chosen, groups: &groups, axes: &axes };
        let (weights, card) = judge_selection(&selection, &options(60)).unwrap();
        assert_eq!(card.answer, Answer::Yes, "{card:?}");
        assert!(card.apart.auc > 0.6 && card.apart.p < 0.05 && card.plane.unwrap() < 0.95, "{card:?}");
        assert!(card.sentence().contains("beyond the two axes") && weights.len() == K);
        // By hand: nothing is taken out, and held-out images are judged as they are.
        let by_hand = Selection { axes: &[], ..selection };
        let (_, card) = judge_selection(&by_hand, &options(60)).unwrap();
        assert!(card.plane.is_none() && card.auc == card.apart.auc && card.answer == Answer::Yes, "{card:?}");
        // An axis that is named twice is one axis.
        let twice = [axis(0), axis(0)];
        let (_, once) = judge_selection(&Selection { axes: &twice[..1], ..selection }, &options(60)).unwrap();
        assert_eq!(judge_selection(&Selection { axes: &twice, ..selection }, &options(60)).unwrap().1, once);
    }

    #[test]
    fn selections_that_cannot_be_judged_are_refused() {
        let z = noise(100, &mut ChaCha8Rng::seed_from_u64(1));
        let groups: Vec<usize> = (0..100).collect();
        let first = |n: usize| -> Vec<Option<bool>> { (0..100).map(|row| Some(row < n)).collect() };
        let judge = |chosen: &[Option<bool>], groups: &[usize]| {
            let selection = Selection { name: "mine", z: z.view(), chosen, groups, axes: &[] };
            judge_selection(&selection, &options(20)).map(|(_, card)| card)
        };
        let few = judge(&first(19), &groups).unwrap_err().to_string();
        assert!(few.contains("19 chosen images") && few.contains("20"), "{few}");
        assert!(judge(&first(95), &groups).unwrap_err().to_string().contains("5 images that they are told from"));
        let one = judge(&first(40), &[0; 100]).unwrap_err().to_string();
        assert!(one.contains("groups of images on a side"), "{one}");
        assert!(judge(&first(40), &groups).is_ok());
        let still = Array2::<f32>::ones((100, 3));
        let selection = Selection { name: "mine", z: still.view(), chosen: &first(40), groups: &groups, axes: &[] };
        assert!(judge_selection(&selection, &options(20)).is_err());
    }
}
