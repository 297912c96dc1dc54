//! Layers on a network that does not learn: the vectors on which they stand are computed once.

use candle_core::Tensor;
use latentwalk_engine as engine;

use super::batches::{for_each_batch, plain_batches};
use super::loss::HeadLoss;
use super::optimizer::Gradients;
use super::step::Outcome;
use crate::arch::DensePlan;
use crate::data::{Targets, TrainData, view};
use crate::error::Result;
use crate::network::{Features, Layer, Network};
use crate::tap::Tap;

/// The vectors of all training and validation rows, as in evaluation.
pub(super) fn features(network: &Network, tap: Tap, data: &TrainData<'_>, batch: usize) -> Result<Features<'static>> {
    let rows: Vec<usize> = data.train.iter().chain(data.validation).copied().collect();
    let mut values = Vec::with_capacity(rows.len() * network.width(tap));
    for_each_batch(data.images, &plain_batches(&rows, batch), None, 0, |_, rows, pixels| {
        values.extend(network.embed(view(&pixels, rows.len(), data.images.shape())?, tap)?);
        Ok(())
    })?;
    Ok(Features::of_rows(network, tap, rows, values))
}

impl Layer<'_> {
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
    let trains_fc = features.tap() != Tap::Fc;
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
