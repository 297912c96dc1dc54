//! Would other images of the same kind give the same axis?

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::sample::{Purpose, Sample, generator};
use super::{Answer, CardOptions, CardTask, MIN_TRAIN_GROUPS, SHRINKAGE, within};
use crate::linalg::Symmetric;
use crate::ordinal::Refits;
use crate::task::Prepared;
use crate::{ProbeOptions, Result, Split, Task, scatter};

/// Cosine that refits must reach.
const SAME: f64 = 0.9;
/// Cosine below which they are other axes.
const OTHER: f64 = 0.7;
/// Most turns of the power method, and the change of a turn at which it ends.
const TURNS: (usize, f64) = (2000, 1e-10);

/// How much the axis changes when groups of train images are drawn again.
///
/// **Units and conventions.** Cosines without sign, in the within-class metric of the train rows. The axis is that of a convex fit:
/// proportional odds along the declared order (with two classes, logistic regression), or the first linear discriminant without an
/// order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stable {
    /// The verdict.
    pub answer: Answer,
    /// Why it is unclear, where that is not a matter of figures.
    pub reason: Option<String>,
    /// Cosine with the axis of all train images that 95 % of the resamples reach.
    pub cosine: Option<f64>,
    /// The same between fits on permuted labels and a resample of each: what only 5 % of them reach.
    pub by_chance: Option<f64>,
    /// Cosine of this axis and the direction that the run walks along.
    pub with_direction: Option<f64>,
    /// Train rows that were used.
    pub rows: usize,
}

/// Fits that resampling repeats.
enum Refit<'a, 't> {
    Ordinal(Box<Refits<'a, 't>>),
    Discriminant { z: ArrayView2<'t, f32>, sample: &'a Sample, classes: usize },
}

impl Refit<'_, '_> {
    fn weights(&self) -> Option<Vec<f64>> {
        match self {
            Self::Ordinal(refits) => Some(refits.weights()),
            Self::Discriminant { z, sample, classes } => {
                first_discriminant(*z, sample, &sample.classes, None, *classes)
            }
        }
    }

    fn resampled(&self, times: &[f64]) -> Option<Vec<f64>> {
        match self {
            Self::Ordinal(refits) => refits.resampled(times),
            Self::Discriminant { z, sample, classes } => {
                first_discriminant(*z, sample, &sample.classes, Some(times), *classes)
            }
        }
    }

    fn relabelled(&self, labels: &[u32], times: Option<&[f64]>) -> Option<Vec<f64>> {
        match self {
            Self::Ordinal(refits) => refits.relabelled(labels, times),
            Self::Discriminant { z, sample, classes } => first_discriminant(*z, sample, labels, times, *classes),
        }
    }
}

pub(super) fn stable(card: &CardTask<'_>, probe: &ProbeOptions, options: &CardOptions) -> Result<Stable> {
    let classes = card.task.classes.len();
    // Two classes have one way round.
    let task = match card.task.order {
        [] if classes == 2 => Task { order: &[0, 1], ..card.task },
        _ => card.task,
    };
    let by_order = !task.order.is_empty();
    let wanted = |_: usize, class: u32| !by_order || task.order.contains(&class);
    let train = Sample::new(&task, card.groups, Split::Train, wanted).capped(options.rows, card.groups, options.seed);
    let mut found = Stable { rows: train.len(), ..Stable::default() };
    let prepared = Prepared::new(&task, probe)?;
    let refit = match by_order {
        true => {
            Refits::new(&prepared, probe, &train.rows, &train.classes).ok().map(|fits| Refit::Ordinal(Box::new(fits)))
        }
        false => Some(Refit::Discriminant { z: task.z, sample: &train, classes }),
    };
    let fitted = refit.and_then(|refit| Some((refit.weights()?, within(task.z, &train, classes)?, refit)));
    let Some((axis, metric, refit)) = fitted else {
        found.reason = Some("no axis could be fitted".to_owned());
        return Ok(found);
    };
    let cosines: Vec<f64> = (0..options.bootstraps)
        .into_par_iter()
        .filter_map(|number| {
            let times = train.resampled(&mut generator(options.seed, Purpose::Train, number));
            cosine(&metric, &axis, &refit.resampled(&times)?)
        })
        .collect();
    let chance: Vec<f64> = (0..options.permutations)
        .into_par_iter()
        .filter_map(|number| {
            let mut rng = generator(options.seed, Purpose::Permutation, number);
            let labels = train.permuted(&mut rng);
            let times = train.resampled(&mut rng);
            cosine(&metric, &refit.relabelled(&labels, None)?, &refit.relabelled(&labels, Some(&times))?)
        })
        .collect();
    let at = |values: Vec<f64>, q| latentwalk_arithmetic::quantile(&latentwalk_arithmetic::ascending(values), q);
    found.cosine = at(cosines, 0.05);
    found.by_chance = at(chance, 0.95);
    found.with_direction = cosine(&metric, &axis, &card.direction.weights);
    let groups = train.groups_by_class(classes);
    let named = |class: &usize| !by_order || task.order.contains(&(*class as u32));
    let fewest = (0..classes).filter(named).map(|class| groups[class]).min().unwrap_or(0);
    if fewest < MIN_TRAIN_GROUPS {
        found.reason = Some(format!(
            "too few groups of train images have one of the values ({fewest}; {MIN_TRAIN_GROUPS} are needed)"
        ));
    }
    found.answer = match (&found.reason, found.cosine, found.by_chance) {
        (None, Some(cosine), Some(chance)) if cosine >= SAME && cosine > chance => Answer::Yes,
        (None, Some(cosine), _) if cosine < OTHER => Answer::No,
        _ => Answer::Unclear,
    };
    Ok(found)
}

/// `|aᵀSb|` over the lengths; `None` where one has none.
fn cosine(metric: &Symmetric, a: &[f64], b: &[f64]) -> Option<f64> {
    let inner = |a: &[f64], b: &[f64]| latentwalk_arithmetic::dot(a, &metric.times(b));
    let lengths = (inner(a, a) * inner(b, b)).sqrt();
    (lengths > 0.0 && lengths.is_finite()).then(|| (inner(a, b) / lengths).abs().min(1.0))
}

/// The direction along which class means differ most beside what varies within classes, each class counted alike.
///
/// `None` where nothing varies or a class has no weight.
fn first_discriminant(
    z: ArrayView2<'_, f32>,
    sample: &Sample,
    labels: &[u32],
    times: Option<&[f64]>,
    classes: usize,
) -> Option<Vec<f64>> {
    let k = z.ncols();
    let (mut means, mass) = scatter::class_means(k, sample.vectors(z, labels, times), classes);
    if mass.contains(&0.0) {
        return None;
    }
    let rows =
        sample.vectors(z, labels, times).map(|(values, class, weight)| (values, class, weight / mass[class as usize]));
    let mut covariance = scatter::about(&means, rows);
    covariance.shrink(SHRINKAGE);
    let factor = covariance.factor()?;
    let middle: Vec<f64> = (0..k).map(|j| means.iter().map(|mean| mean[j]).sum::<f64>() / classes as f64).collect();
    for mean in &mut means {
        mean.iter_mut().zip(&middle).for_each(|(m, c)| *m -= c);
        factor.forward(mean);
    }
    let mut axis = leading(&means)?;
    factor.backward(&mut axis);
    Some(axis)
}

/// The direction in which some points, centred, are spread widest: the power method over their inner products.
fn leading(points: &[Vec<f64>]) -> Option<Vec<f64>> {
    let inner: Vec<Vec<f64>> =
        points.iter().map(|a| points.iter().map(|b| latentwalk_arithmetic::dot(a, b)).collect()).collect();
    // The point that lies furthest out is surely not at right angles to the answer's side, unless all are.
    let mut shares =
        (0..points.len()).max_by(|&a, &b| inner[a][a].total_cmp(&inner[b][b])).map(|at| inner[at].clone())?;
    for _ in 0..TURNS.0 {
        let length = latentwalk_arithmetic::dot(&shares, &shares).sqrt();
        if !(length > 0.0 && length.is_finite()) {
            return None;
        }
        shares.iter_mut().for_each(|s| *s /= length);
        let next: Vec<f64> = inner.iter().map(|line| latentwalk_arithmetic::dot(line, &shares)).collect();
        let size = latentwalk_arithmetic::dot(&next, &next).sqrt();
        let change = next.iter().zip(&shares).map(|(n, s)| (n / size - s).abs()).fold(0.0, f64::max);
        shares = next;
        if change < TURNS.1 {
            break;
        }
    }
    let mut axis = vec![0.0; points.first()?.len()];
    for (point, share) in points.iter().zip(&shares) {
        axis.iter_mut().zip(point).for_each(|(a, p)| *a += share * p);
    }
    Some(axis)
}

impl Stable {
    pub(super) fn sentence(&self) -> String {
        let figures = match (self.cosine, self.by_chance) {
            (Some(cosine), Some(chance)) => format!(
                "refitted on other draws of its {} train images, 95 % of the axes have a cosine of {cosine:.2} or more with it \
                 (labels by chance: {chance:.2})",
                self.rows
            ),
            _ => "no figures".to_owned(),
        };
        match (self.answer, &self.reason) {
            (Answer::Yes, _) => format!("Stable: {figures}."),
            (Answer::No, _) => format!("Not stable: {figures}."),
            (Answer::Unclear, Some(reason)) => format!("Unclear whether stable: {reason}."),
            (Answer::Unclear, None) => format!("Unclear whether stable: {figures}."),
        }
    }
}
