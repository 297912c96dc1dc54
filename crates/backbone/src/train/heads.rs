//! Layers on a network that does not learn: the vectors on which they stand are computed once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use candle_core::Tensor;
use latentwalk_engine as engine;
use ndarray::ArrayView2;

use super::batches::{for_each_batch, plain_batches};
use super::step::Outcome;
use crate::arch::DensePlan;
use crate::data::{Targets, TrainData};
use crate::error::{BackboneError, Result};
use crate::loss::HeadLoss;
use crate::network::{Network, Tap};
use crate::ops::Values;
use crate::optimizer::Gradients;
use crate::options::Trainable;

/// Vectors of some images at [`Tap::Fc`] or [`Tap::Pool`].
pub(crate) struct Features<'a> {
    tap: Tap,
    width: usize,
    /// Where each row's vector stands; each at its own number where there is a vector of every image.
    places: Option<BTreeMap<usize, usize>>,
    values: Cow<'a, [f32]>,
}

impl<'a> Features<'a> {
    /// The vectors of all training and validation rows, as in evaluation.
    pub(super) fn of(network: &Network, tap: Tap, data: &TrainData<'_>, batch: usize) -> Result<Self> {
        let rows: Vec<usize> = data.train.iter().chain(data.validation).copied().collect();
        let width = network.width(tap);
        let mut values = Vec::with_capacity(rows.len() * width);
        let (h, w, _) = data.images.shape();
        for_each_batch(data.images, &plain_batches(&rows, batch), None, 0, |_, rows, pixels| {
            values.extend(network.embed(&pixels, rows.len(), h, w, tap)?);
            Ok(())
        })?;
        let places = rows.into_iter().enumerate().map(|(place, row)| (row, place)).collect();
        Ok(Self { tap, width, places: Some(places), values: Cow::Owned(values) })
    }

    /// Vectors that are known already, one a row for every image.
    pub(crate) fn given(
        network: &Network,
        trainable: Trainable,
        images: usize,
        vectors: ArrayView2<'a, f32>,
    ) -> Result<Self> {
        let (rows, got) = vectors.dim();
        let tap = trainable.features();
        let width = tap.map_or(0, |tap| network.width(tap));
        let Some(tap) = tap.filter(|_| rows == images && got == width) else {
            return Err(BackboneError::FeatureShape { expected: (images, width), got: (rows, got), trainable });
        };
        let values = match vectors.to_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(vectors.iter().copied().collect()),
        };
        Ok(Self { tap, width, places: None, values })
    }

    fn gather(&self, rows: &[usize]) -> Vec<f32> {
        let mut out = Vec::with_capacity(rows.len() * self.width);
        for row in rows {
            let place = self.places.as_ref().map_or(*row, |places| places[row]);
            out.extend_from_slice(&self.values[place * self.width..][..self.width]);
        }
        out
    }
}

/// A linear layer's values, and its product with some rows.
struct Layer<'n> {
    plan: &'n DensePlan,
    weight: Values<'n>,
    bias: Values<'n>,
}

impl<'n> Layer<'n> {
    fn of(network: &'n Network, plan: &'n DensePlan) -> Result<Self> {
        let values = |part: &str| Values::of(network.weights()[&format!("{}.{part}", plan.name)].as_tensor());
        Ok(Self { plan, weight: values("weight")?, bias: values("bias")? })
    }

    fn forward(&self, rows: usize, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; rows * self.plan.output];
        engine::linear(rows, self.plan.input, self.plan.output, x, &self.weight, Some(&self.bias), &mut out);
        out
    }

    /// The gradients of the layer's weights, by that of its output.
    fn learn(&self, network: &Network, rows: usize, x: &[f32], by_output: &[f32], into: &mut Gradients) -> Result<()> {
        let DensePlan { name, input, output, .. } = self.plan;
        let (mut weight, mut bias) = (vec![0.0; input * output], vec![0.0; *output]);
        engine::linear_grad_weight(rows, *input, *output, x, by_output, &mut weight, &mut bias);
        let device = network.weights()[&format!("{name}.bias")].device();
        into.insert(format!("{name}.weight"), Tensor::from_vec(weight, (*output, *input), device)?);
        into.insert(format!("{name}.bias"), Tensor::from_vec(bias, *output, device)?);
        Ok(())
    }
}

/// FC vectors of some rows.
fn fc(network: &Network, features: &Features<'_>, rows: usize, x: Vec<f32>) -> Result<Vec<f32>> {
    match features.tap {
        Tap::Fc => Ok(x),
        _ => Ok(Layer::of(network, network.fc_plan())?.forward(rows, &x)),
    }
}

/// Logits of every head for some rows.
pub(crate) fn logits(network: &Network, features: &Features<'_>, rows: &[usize]) -> Result<Vec<Vec<f32>>> {
    let fc = fc(network, features, rows.len(), features.gather(rows))?;
    network.head_plans().iter().map(|head| Ok(Layer::of(network, head)?.forward(rows.len(), &fc))).collect()
}

/// Loss of a batch and the gradients of the layers above the features.
pub(super) fn gradients(
    network: &Network,
    losses: &[HeadLoss],
    features: &Features<'_>,
    targets: &[Targets],
    rows: &[usize],
) -> Result<Outcome> {
    let n = rows.len();
    let x = features.gather(rows);
    let trains_fc = features.tap != Tap::Fc;
    let fc_layer = Layer::of(network, network.fc_plan())?;
    let above = trains_fc.then(|| fc_layer.forward(n, &x));
    let fc = above.as_ref().unwrap_or(&x);
    let mut by_fc = vec![0.0; if trains_fc { fc.len() } else { 0 }];
    let (mut loss, mut gradients) = (0.0, Gradients::new());
    for ((head, rule), targets) in network.head_plans().iter().zip(losses).zip(targets) {
        let layer = Layer::of(network, head)?;
        let logits = layer.forward(n, fc);
        let mut by_logits = vec![0.0; logits.len()];
        loss += rule.compute(&logits, targets, rows, &mut by_logits).mean();
        layer.learn(network, n, fc, &by_logits, &mut gradients)?;
        if trains_fc {
            let mut part = vec![0.0; by_fc.len()];
            engine::linear_grad_input(n, head.input, head.output, &by_logits, &layer.weight, &mut part);
            by_fc.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
    }
    if trains_fc {
        fc_layer.learn(network, n, &x, &by_fc, &mut gradients)?;
    }
    Ok(Outcome { loss, gradients: loss.is_finite().then_some(gradients), observed: Vec::new() })
}

/// FC vectors of pooled ones.
pub(crate) fn fc_of_pooled(network: &Network, pooled: ArrayView2<'_, f32>) -> Result<Vec<f32>> {
    let x: Vec<f32> = pooled.iter().copied().collect();
    Ok(Layer::of(network, network.fc_plan())?.forward(pooled.nrows(), &x))
}
