//! From a task to a direction: choice of method, normalisation, orientation, verdict.

use latentwalk_arithmetic::dot;
use ndarray::Axis;

use crate::direction::project;
use crate::error::check_shape;
use crate::evidence::{Positions, ordered};
use crate::stats::{class_order, median};
use crate::task::Prepared;
use crate::{
    BottleneckModel, Direction, Evidence, Method, MethodChoice, Model, Orientation, ProbeOptions, RestartReport,
    Result, Split, Task, Verdict, bottleneck, logistic, ordinal, rivals,
};

/// A direction before it is normalised and turned.
struct Raw {
    method: Method,
    weights: Vec<f64>,
    reading: Reading,
    restarts: Vec<RestartReport>,
}

/// How probabilities come from the raw score.
enum Reading {
    Bottleneck(BottleneckModel),
    Logistic(f64),
    Gaussian,
}

/// Fits the direction along which an attribute changes.
///
/// Weights come from training rows, early stopping and the choice among restarts from validation rows, evidence from test rows.
/// Restarts run in parallel; the result does not depend on the number of threads. `progress` is called with restarts done and in all.
///
/// # Errors
/// Options or input outside what [`Task`] and [`ProbeOptions`] state; classes without rows; every restart collapsed; no convergence.
///
/// # Example
/// ```
/// use latentwalk_probe::{ProbeOptions, Split, Task, fit};
///
/// let z = ndarray::Array2::from_shape_fn((60, 2), |(row, axis)| [(row % 2) as f32, 0.1 * (row % 7) as f32][axis]);
/// let labels: Vec<Option<u32>> = (0..60).map(|row| Some(row % 2)).collect();
/// let splits: Vec<Split> = (0..60).map(|row| if row < 40 { Split::Train } else { Split::Test }).collect();
/// let classes = ["short".to_owned(), "long".to_owned()];
/// let task =
///     Task { name: "sleeve", classes: &classes, order: &[0, 1], z: z.view(), labels: &labels, splits: &splits };
/// let direction = fit(&task, &ProbeOptions::default(), &|_, _| {})?;
/// assert!(direction.weights[0] > 0.99);
/// assert_eq!(direction.evidence.min_adjacent_auc, Some(1.0));
/// # Ok::<(), latentwalk_probe::Error>(())
/// ```
pub fn fit(task: &Task<'_>, options: &ProbeOptions, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Direction> {
    let prepared = Prepared::new(task, options)?;
    let method = match options.method {
        MethodChoice::Auto if task.classes.len() == 2 => MethodChoice::Logistic,
        MethodChoice::Auto => MethodChoice::Bottleneck,
        chosen => chosen,
    };
    let closed = |method, weights| Raw { method, weights, reading: Reading::Gaussian, restarts: Vec::new() };
    let raw = match method {
        MethodChoice::Auto | MethodChoice::Bottleneck => {
            let bottleneck::Fit { weights, model, restarts } = bottleneck::fit(&prepared, options, progress)?;
            Raw { method: Method::Bottleneck, weights, reading: Reading::Bottleneck(model), restarts }
        }
        MethodChoice::Logistic => {
            let logistic::Fit { weights, intercept } = logistic::fit(&prepared, options)?;
            Raw { method: Method::Logistic, weights, reading: Reading::Logistic(intercept), restarts: Vec::new() }
        }
        MethodChoice::MeanDifference => closed(Method::MeanDifference, rivals::mean_difference(&prepared)),
        MethodChoice::Lda => closed(Method::Lda, rivals::lda(&prepared)?),
        MethodChoice::ProportionalOdds => {
            closed(Method::ProportionalOdds, ordinal::proportional_odds(&prepared, options)?)
        }
        MethodChoice::RidgeOnRanks => closed(Method::RidgeOnRanks, ordinal::ridge_on_ranks(&prepared, options)?),
    };
    finish(&prepared, options, raw)
}

/// The pattern of a direction: how vectors move, on average over all training rows (labelled or not), while its score grows.
///
/// Weights are a filter, the pattern a direction of change; in whitened space they coincide. See [`crate::pattern_weights`].
///
/// # Errors
/// As [`fit`]; [`crate::Error::Shape`] if the task's vectors have another width than the direction; [`crate::Error::TooFew`] without training rows.
pub fn pattern(direction: &Direction, task: &Task<'_>, options: &ProbeOptions) -> Result<Direction> {
    let prepared = Prepared::new(task, options)?;
    check_shape(task.name, "axes of the vectors", direction.weights.len(), task.z.ncols())?;
    let rows: Vec<usize> = (0..task.splits.len()).filter(|&row| task.splits[row] == Split::Train).collect();
    let weights = rivals::pattern_weights(&direction.weights, task.z.select(Axis(0), &rows).view());
    let raw = Raw { method: Method::Pattern, weights, reading: Reading::Gaussian, restarts: Vec::new() };
    finish(&prepared, options, raw)
}

fn finish(prepared: &Prepared<'_>, options: &ProbeOptions, raw: Raw) -> Result<Direction> {
    let task = &prepared.task;
    let length = dot(&raw.weights, &raw.weights).sqrt();
    if !(length.is_finite() && length > 0.0) {
        return Err(task.no_direction(raw.method));
    }
    let mut weights: Vec<f64> = raw.weights.iter().map(|w| w / length).collect();
    let mut scale = length;
    if points_backwards(prepared, &positions(prepared, &weights)) {
        weights.iter_mut().for_each(|w| *w = -*w);
        scale = -scale;
    }
    let positions = positions(prepared, &weights);
    let model = match raw.reading {
        Reading::Bottleneck(model) => Model::Bottleneck(BottleneckModel { scale, ..model }),
        Reading::Logistic(intercept) => Model::Logistic { slope: scale, intercept },
        Reading::Gaussian => gaussian(prepared, &positions).ok_or_else(|| task.no_direction(raw.method))?,
    };
    let medians: Vec<Option<f64>> = positions.train.iter().map(|group| median(group)).collect();
    Ok(Direction {
        attribute: task.owned_name(),
        classes: task.classes.to_vec(),
        order: task.order.to_vec(),
        method: raw.method,
        weights,
        orientation: if task.order.is_empty() { Orientation::ClassMeans } else { Orientation::Declared },
        found_order: class_order(&medians),
        verdict: verdict(&positions, task.order),
        restarts: raw.restarts,
        evidence: Evidence::new(&positions, &model, task.order, options.bootstrap, options.seed),
        model,
    })
}

fn positions(prepared: &Prepared<'_>, weights: &[f64]) -> Positions {
    let task = &prepared.task;
    Positions::new(&prepared.groups, prepared.classes(), |row| project(weights, task.z.row(row)))
}

fn points_backwards(prepared: &Prepared<'_>, positions: &Positions) -> bool {
    let train = &positions.train;
    match prepared.task.order {
        [first, .., last] => median(&train[*last as usize]) < median(&train[*first as usize]),
        _ => {
            let mean = |group: &[f64]| group.iter().sum::<f64>() / group.len() as f64;
            mean(&train[train.len() - 1]) < mean(&train[0])
        }
    }
}

fn verdict(positions: &Positions, order: &[u32]) -> Verdict {
    if order.is_empty() {
        return Verdict::Unordered;
    }
    let splits = [&positions.train, &positions.validation, &positions.test];
    let folded = splits.into_iter().any(|groups| ordered(groups, order) == Some(false));
    if folded { Verdict::Folded } else { Verdict::InOrder }
}

/// Means and pooled variance of training positions; `None` if all positions of each class are equal.
fn gaussian(prepared: &Prepared<'_>, positions: &Positions) -> Option<Model> {
    let means: Vec<f64> = positions.train.iter().map(|group| group.iter().sum::<f64>() / group.len() as f64).collect();
    let squares = |(group, mean): (&Vec<f64>, &f64)| group.iter().map(|s| (s - mean).powi(2)).sum::<f64>();
    let within: f64 = positions.train.iter().zip(&means).map(squares).sum();
    let variance = within / (prepared.groups.train.rows.len() - means.len()) as f64;
    let log_priors = prepared.priors().into_iter().map(f64::ln).collect();
    (variance > 0.0).then_some(Model::Gaussian { means, variance, log_priors })
}
