//! One training step.

use std::collections::HashMap;

use candle_core::{Tensor, TensorId};

use super::loss::HeadLoss;
use super::optimizer::Gradients;
use crate::data::Targets;
use crate::error::Result;
use crate::network::{Network, Observed, Recording};
use crate::ops::Tape;
use crate::options::TrainOptions;
use crate::trainable::Trainable;

/// What a batch gives: its loss, its gradients and BatchNorm's statistics.
pub(super) struct Outcome {
    pub(super) loss: f64,
    /// Gradients by the weights' names; none where the loss is not finite.
    pub(super) gradients: Option<Gradients>,
    pub(super) observed: Vec<Observed>,
}

/// One batch of a training set.
pub(super) struct Batch<'a> {
    pub(super) targets: &'a [Targets],
    pub(super) rows: &'a [usize],
    pub(super) pixels: Vec<f32>,
    pub(super) shape: (usize, usize, usize),
    pub(super) options: &'a TrainOptions,
}

/// Loss and gradients of a batch. The losses give theirs by the logits by hand, the network carries them on.
pub(super) fn gradients(network: &Network, losses: &[HeadLoss], batch: Batch<'_>) -> Result<Outcome> {
    let Batch { targets, rows, pixels, shape: (h, w, _), options } = batch;
    let mut recording = Recording::of(options);
    let shape = (rows.len(), h, w);
    let activations = match options.trainable {
        Trainable::LastStage => network.forward_last_stage(pixels, shape, &mut recording)?,
        _ => network.forward(pixels, shape, Some(&mut recording))?,
    };
    let (mut loss, mut by_logits) = (0.0, Vec::new());
    for ((head, targets), logits) in losses.iter().zip(targets).zip(activations.logits) {
        let values: Vec<f32> = logits.flatten_all()?.to_vec1()?;
        let mut gradient = vec![0.0; values.len()];
        loss += head.compute(&values, targets, rows, &mut gradient).mean();
        let gradient = Tensor::from_vec(gradient, logits.shape(), logits.device())?;
        by_logits.push((logits, gradient));
    }
    // Here the card has finished the forward pass, for the logits were read; the backward pass then runs without a stop.
    let observed = Observed::read(recording.observed)?;
    let gradients = match loss.is_finite() {
        true => Some(backward(network, recording.tape, by_logits)?),
        false => None,
    };
    Ok(Outcome { loss, gradients, observed })
}

/// Carries gradients from the logits to the weights.
fn backward(network: &Network, tape: Tape, by_logits: Vec<(Tensor, Tensor)>) -> Result<Gradients> {
    let on_processor = by_logits.first().is_none_or(|(logits, _)| logits.device().is_cpu());
    let mut found = if on_processor { tape.backward(by_logits)? } else { by_candle(network, by_logits)? };
    let weights = network.weights().iter();
    Ok(weights.filter_map(|(name, var)| Some((name.clone(), found.remove(&var.id())?))).collect())
}

/// candle's own backward pass from `sum(logits * gradient)`, whose gradient by the logits is `gradient`.
fn by_candle(network: &Network, by_logits: Vec<(Tensor, Tensor)>) -> Result<HashMap<TensorId, Tensor>> {
    let parts = by_logits.iter().map(|(logits, gradient)| (logits * gradient)?.sum_all());
    let parts = parts.collect::<candle_core::Result<Vec<_>>>()?;
    let found = Tensor::stack(&parts, 0)?.sum_all()?.backward()?;
    let weights = network.weights().values();
    Ok(weights.filter_map(|var| Some((var.id(), found.get(var)?.clone()))).collect())
}

/// Adds `share` times the gradients of a batch to those of a step.
pub(super) fn accumulate(sum: &mut Gradients, batch: Gradients, share: f64) -> Result<()> {
    for (name, gradient) in batch {
        // A step of one batch takes its gradients as they are.
        let gradient = if share == 1.0 { gradient } else { (gradient * share)? };
        let gradient = match sum.remove(&name) {
            Some(before) => (before + gradient)?,
            None => gradient,
        };
        sum.insert(name, gradient);
    }
    Ok(())
}

/// Takes one step of one batch and gives its loss; weights stay as they are where it is not finite.
#[cfg(test)]
pub(super) fn train_step(
    network: &mut Network,
    optimizer: &mut super::optimizer::Optimizer,
    losses: &[HeadLoss],
    batch: Batch<'_>,
    rate: f64,
) -> Result<f64> {
    let Outcome { loss, gradients, observed } = gradients(network, losses, batch)?;
    if let Some(gradients) = gradients {
        optimizer.update(network.weights(), &gradients, rate)?;
        network.absorb(&observed);
    }
    Ok(loss)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{BackboneDevice, Head, NetworkSpec};

    #[test]
    fn candles_pass_carries_the_given_gradient() {
        let spec = NetworkSpec::new("small", 1, vec![Head::exclusive("a", 2), Head::exclusive("b", 3)]);
        let network = Network::new(spec, 0, &BackboneDevice::cpu()).unwrap();
        let (a, b) = (&network.weights()["heads.a.bias"], &network.weights()["heads.b.bias"]);
        let given = |values: &[f32]| Tensor::new(values, a.device()).unwrap();
        let doubled = (a.as_tensor() * 2.0).unwrap();
        let pairs = vec![(doubled, given(&[1.0, -3.0])), (b.as_tensor().clone(), given(&[0.5, 0.0, 4.0]))];
        let found = by_candle(&network, pairs).unwrap();
        assert_eq!(found[&a.id()].to_vec1::<f32>().unwrap(), [2.0, -6.0]);
        assert_eq!(found[&b.id()].to_vec1::<f32>().unwrap(), [0.5, 0.0, 4.0]);
        assert_eq!(found.len(), 2);
    }
}
