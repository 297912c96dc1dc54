//! The article's probe: restarts, early stopping, collapse, and the choice among restarts.

use std::f32::consts::PI;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::network::{AdamW, Batch, Rows, Shape, Tile};
use crate::options::Choice;
use crate::stats::{auc, by_class, class_order, median, stands_in_order};
use crate::task::{Labelled, Prepared};
use crate::{BottleneckModel, Error, ProbeOptions, Result, Split};

/// Spread of the bottleneck unit below which it counts as constant.
const CONSTANT_UNIT: f64 = 1e-6;
/// Change of any class probability over the training rows below which the network counts as dead.
const DEAD_NETWORK: f64 = 1e-4;
/// Share of the prior's loss that a restart must save on validation rows.
const PRIOR_MARGIN: f64 = 1e-3;

/// How a restart found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collapse {
    /// The bottleneck unit says the same for every row.
    ConstantUnit,
    /// The unit varies but dead ReLUs keep the prediction from following it.
    DeadNetwork,
    /// Validation loss is not below that of the class prior.
    NoBetterThanPrior,
    /// The loss became infinite or NaN.
    Diverged,
}

impl fmt::Display for Collapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConstantUnit => "the bottleneck unit is constant",
            Self::DeadNetwork => "the prediction does not depend on the bottleneck unit",
            Self::NoBetterThanPrior => "validation loss no better than the class prior",
            Self::Diverged => "the loss diverged",
        })
    }
}

/// What one restart came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestartReport {
    /// Number of the restart, from 0.
    pub restart: usize,
    /// Best validation loss (class-weighted cross-entropy, nats); NaN is written as null.
    pub validation_loss: Option<f64>,
    /// Whether medians on validation rows stand in the declared order, either sign; `None` without an order.
    pub in_order: Option<bool>,
    /// Smallest AUC of two neighbours of the declared order on validation rows, either sign; `None` without an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjacent_auc: Option<f64>,
    /// How it collapsed, if it did.
    pub collapsed: Option<Collapse>,
    /// Classes by median on validation rows, turned so that the last of the order (or of the classes) follows the first.
    pub order_found: Vec<u32>,
    /// Epochs run.
    pub epochs: usize,
    /// Whether this restart became the direction.
    pub chosen: bool,
}

/// Weights in raw space before normalisation, with the rest of the network.
pub(crate) struct Fit {
    pub(crate) weights: Vec<f64>,
    pub(crate) model: BottleneckModel,
    pub(crate) restarts: Vec<RestartReport>,
}

struct Data<'d, 'a> {
    prepared: &'d Prepared<'a>,
    options: &'d ProbeOptions,
    shape: Shape,
    train: Rows,
    validation: Rows,
    weights: Vec<f32>,
    prior_loss: f64,
}

struct Restart {
    parameters: Vec<f32>,
    report: RestartReport,
}

/// Fits all restarts and keeps one.
pub(crate) fn fit(
    prepared: &Prepared<'_>,
    options: &ProbeOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Fit> {
    let task = &prepared.task;
    let validation = &prepared.groups.validation;
    if validation.rows.is_empty() {
        return Err(task.no_labelled_row(Split::Validation));
    }
    task.need(validation, Split::Validation, task.order, 1)?;
    let data = Data::new(prepared, options);
    let done = AtomicUsize::new(0);
    let mut restarts: Vec<Restart> = (0..options.restarts)
        .into_par_iter()
        .map(|restart| {
            let result = data.restart(restart);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, options.restarts);
            result
        })
        .collect();
    let chosen = choose(&restarts, options.choose).ok_or_else(|| Error::AllCollapsed {
        attribute: task.owned_name(),
        restarts: options.restarts,
        first: restarts[0].report.collapsed.unwrap_or(Collapse::Diverged),
    })?;
    restarts[chosen].report.chosen = true;
    let (weights, model) = data.raw_model(&restarts[chosen].parameters);
    Ok(Fit { weights, model, restarts: restarts.into_iter().map(|restart| restart.report).collect() })
}

/// Best among the restarts in order, by validation loss or by how well neighbours come apart; if none is in order, best by
/// validation loss among all that did not collapse.
fn choose(restarts: &[Restart], by: Choice) -> Option<usize> {
    let sound = || restarts.iter().map(|restart| &restart.report).filter(|report| report.collapsed.is_none());
    let least = |merit: &dyn Fn(&RestartReport) -> Option<f64>| {
        sound()
            .filter_map(|report| merit(report).map(|merit| (merit, report.restart)))
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
            .map(|(_, restart)| restart)
    };
    let in_order = |report: &RestartReport| report.in_order != Some(false);
    let apart = |report: &RestartReport| report.adjacent_auc.filter(|_| in_order(report)).map(|auc| -auc);
    let by_order = (by == Choice::Order).then(|| least(&apart)).flatten();
    by_order
        .or_else(|| least(&|report| report.validation_loss.filter(|_| in_order(report))))
        .or_else(|| least(&|report| report.validation_loss))
}

impl<'d, 'a> Data<'d, 'a> {
    fn new(prepared: &'d Prepared<'a>, options: &'d ProbeOptions) -> Self {
        let shape = Shape::new(prepared.task.z.ncols(), options.hidden, prepared.classes());
        let train = gather(prepared, &prepared.groups.train, shape);
        let validation = gather(prepared, &prepared.groups.validation, shape);
        let weights = prepared.class_weights.iter().map(|&w| w as f32).collect();
        let prior_loss = prior_loss(prepared);
        Self { prepared, options, shape, train, validation, weights, prior_loss }
    }

    fn restart(&self, restart: usize) -> Restart {
        let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed);
        rng.set_stream(restart as u64);
        let axes = self.prepared.task.z.ncols();
        let start = self.shape.initial(axes, &mut rng);
        let (parameters, loss, epochs) = self.train(start, &mut rng);
        let report = self.report(restart, &parameters, loss, epochs);
        Restart { parameters, report }
    }

    /// Parameters of the best epoch, their validation loss, and the epochs run.
    fn train(&self, mut parameters: Vec<f32>, rng: &mut ChaCha8Rng) -> (Vec<f32>, f64, usize) {
        let options = self.options;
        let mut tile = Tile::new(self.shape);
        let mut adam = AdamW::new(parameters.len(), options.weight_decay);
        let mut gradient = vec![0.0; parameters.len()];
        let mut rows: Vec<u32> = (0..self.train.len() as u32).collect();
        let (mut best, mut best_loss, mut since) = (parameters.clone(), f64::INFINITY, 0);
        let batches = rows.len().div_ceil(options.batch);
        let total = (options.epochs * batches) as f32;
        for epoch in 0..options.epochs {
            rows.shuffle(rng);
            for (at, chunk) in rows.chunks(options.batch).enumerate() {
                let batch = Batch { data: &self.train, rows: chunk, weights: &self.weights };
                self.shape.gradient(&parameters, &batch, &mut tile, &mut gradient);
                let done = (epoch * batches + at) as f32 / total;
                let rate = options.learning_rate * f64::from(0.5 * (1.0 + (PI * done).cos()));
                adam.step(&mut parameters, &gradient, rate);
            }
            let loss = self.shape.loss(&parameters, &self.validation, &self.weights, &mut tile);
            if !loss.is_finite() {
                return (best, best_loss, epoch + 1);
            }
            since += 1;
            if loss < best_loss {
                best_loss = loss;
                best.copy_from_slice(&parameters);
                since = 0;
            }
            if since == options.patience {
                return (best, best_loss, epoch + 1);
            }
        }
        (best, best_loss, options.epochs)
    }

    fn report(&self, restart: usize, parameters: &[f32], loss: f64, epochs: usize) -> RestartReport {
        let order = self.prepared.task.order;
        let scores: Vec<f64> = self.shape.scores(parameters, &self.validation).into_iter().map(f64::from).collect();
        let groups = by_class(&scores, &self.validation.classes, self.prepared.classes());
        let medians: Vec<Option<f64>> = groups.iter().map(|group| median(group)).collect();
        let mut order_found = class_order(&medians);
        let (first, last) = match order {
            [first, .., last] => (*first, *last),
            _ => (0, self.prepared.classes() as u32 - 1),
        };
        if medians[last as usize] < medians[first as usize] {
            order_found.reverse();
        }
        RestartReport {
            restart,
            validation_loss: loss.is_finite().then_some(loss),
            in_order: (!order.is_empty()).then(|| stands_in_order(&medians, order)),
            adjacent_auc: adjacent_auc(&groups, order),
            collapsed: self.collapse(parameters, loss),
            order_found,
            epochs,
            chosen: false,
        }
    }

    fn collapse(&self, parameters: &[f32], loss: f64) -> Option<Collapse> {
        if !loss.is_finite() {
            return Some(Collapse::Diverged);
        }
        let scores = self.shape.scores(parameters, &self.train);
        let low = scores.iter().copied().fold(f32::INFINITY, f32::min);
        let high = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if f64::from(high - low) < CONSTANT_UNIT {
            return Some(Collapse::ConstantUnit);
        }
        let (_, model) = self.raw_model(parameters);
        if model.response(f64::from(low), f64::from(high)) < DEAD_NETWORK {
            return Some(Collapse::DeadNetwork);
        }
        (loss > self.prior_loss * (1.0 - PRIOR_MARGIN)).then_some(Collapse::NoBetterThanPrior)
    }

    /// Raw weights (not yet of unit length) and the network that reads `scale · position + offset`, with scale 1.
    fn raw_model(&self, parameters: &[f32]) -> (Vec<f64>, BottleneckModel) {
        let [w, b, w1, b1, w2, b2, w3, b3] = self.shape.parts(parameters).map(widen);
        let axes = self.prepared.task.z.ncols();
        let (weights, offset) = self.prepared.scaling.to_raw(&w[..axes], b[0]);
        (weights, BottleneckModel { scale: 1.0, offset, w1, b1, w2, b2, w3, b3 })
    }
}

/// Smallest AUC of two neighbours of the order, whichever way the axis points.
fn adjacent_auc(groups: &[Vec<f64>], order: &[u32]) -> Option<f64> {
    let [first, .., last] = order else { return None };
    let group = |class: u32| groups[class as usize].as_slice();
    let forward = auc(group(*first), group(*last))? >= 0.5;
    let pairs = order.windows(2).map(|pair| auc(group(pair[0]), group(pair[1])));
    let turned = pairs.map(|value| value.map(|value| if forward { value } else { 1.0 - value }));
    turned.collect::<Option<Vec<f64>>>()?.into_iter().min_by(f64::total_cmp)
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn gather(prepared: &Prepared<'_>, labelled: &Labelled, shape: Shape) -> Rows {
    let mut x = vec![0.0; labelled.rows.len() * shape.inputs];
    for (line, &row) in x.chunks_exact_mut(shape.inputs).zip(&labelled.rows) {
        line.iter_mut().zip(prepared.scaled(row)).for_each(|(slot, value)| *slot = value as f32);
    }
    Rows { x, width: shape.inputs, classes: labelled.classes.clone() }
}

/// Weighted validation loss of always saying the training classes' weighted shares.
fn prior_loss(prepared: &Prepared<'_>) -> f64 {
    let priors = prepared.priors();
    let counts = prepared.groups.validation.counts(prepared.classes());
    let (mut sum, mut mass) = (0.0, 0.0);
    for ((&n, weight), prior) in counts.iter().zip(&prepared.class_weights).zip(&priors) {
        sum -= n as f64 * weight * prior.ln();
        mass += n as f64 * weight;
    }
    sum / mass
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn restart(restart: usize, loss: f64, in_order: bool, auc: f64, collapsed: bool) -> Restart {
        let report = RestartReport {
            restart,
            validation_loss: Some(loss),
            in_order: Some(in_order),
            adjacent_auc: Some(auc),
            collapsed: collapsed.then_some(Collapse::DeadNetwork),
            order_found: Vec::new(),
            epochs: 1,
            chosen: false,
        };
        Restart { parameters: Vec::new(), report }
    }

    #[test]
    fn a_restart_is_chosen_by_its_loss_or_by_how_well_neighbours_come_apart() {
        let mut restarts = vec![
            restart(0, 0.5, false, 0.99, false),
            restart(1, 0.6, true, 0.90, false),
            restart(2, 0.7, true, 0.98, false),
            restart(3, 0.1, true, 0.999, true),
        ];
        assert_eq!((choose(&restarts, Choice::Loss), choose(&restarts, Choice::Order)), (Some(1), Some(2)));
        // None in order: the least loss, and the verdict will say that it is folded.
        restarts[1].report.in_order = Some(false);
        restarts[2].report.in_order = Some(false);
        assert_eq!((choose(&restarts, Choice::Loss), choose(&restarts, Choice::Order)), (Some(0), Some(0)));
        restarts.iter_mut().for_each(|r| r.report.collapsed = Some(Collapse::Diverged));
        assert_eq!(choose(&restarts, Choice::Order), None);
    }

    #[test]
    fn neighbours_of_the_order_are_compared_whichever_way_the_axis_points() {
        let groups = [vec![5.0, 6.0], vec![3.0, 4.0, 5.5], vec![0.0, 1.0], vec![9.0]];
        assert_eq!(adjacent_auc(&groups, &[2, 1, 0]), Some(5.0 / 6.0));
        assert_eq!(adjacent_auc(&groups, &[0, 1, 2]), Some(5.0 / 6.0));
        assert_eq!(adjacent_auc(&groups, &[0, 2, 1]), Some(0.0));
        assert_eq!(adjacent_auc(&groups, &[]), None);
    }
}
