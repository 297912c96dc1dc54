//! One training step.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use crate::data::Targets;
use crate::error::Result;
use crate::loss::HeadLoss;
use crate::network::{Network, Observed};
use crate::optimizer::Optimizer;

/// Loss, gradients of all weights and BatchNorm's statistics for one batch.
///
/// The losses give their gradients by hand; candle gets `sum(logits * gradient)`, whose backward pass carries
/// exactly these into the network. Nothing is back-propagated where the loss is not finite.
#[allow(clippy::type_complexity)]
pub(crate) fn gradients(
    network: &Network,
    losses: &[HeadLoss],
    targets: &[Targets],
    rows: &[usize],
    pixels: Vec<f32>,
    (h, w, _): (usize, usize, usize),
) -> Result<(f64, Option<GradStore>, Vec<Observed>)> {
    let mut observed = Vec::new();
    let activations = network.forward(pixels, (rows.len(), h, w), Some(&mut observed))?;
    let (mut loss, mut carrier) = (0.0, None);
    for ((head, targets), logits) in losses.iter().zip(targets).zip(&activations.logits) {
        let values: Vec<f32> = logits.flatten_all()?.to_vec1()?;
        let mut gradient = vec![0.0; values.len()];
        loss += head.compute(&values, targets, rows, &mut gradient).mean();
        let gradient = Tensor::from_vec(gradient, logits.shape(), logits.device())?;
        let carried = (logits * gradient)?.sum_all()?;
        carrier = Some(match carrier {
            None => carried,
            Some(carrier) => (carrier + carried)?,
        });
    }
    let gradients = match carrier {
        Some(carrier) if loss.is_finite() => Some(carrier.backward()?),
        _ => None,
    };
    Ok((loss, gradients, observed))
}

/// Takes one step and gives the batch's loss; weights stay as they are where it is not finite.
#[allow(clippy::too_many_arguments)]
pub(crate) fn train_step(
    network: &mut Network,
    optimizer: &mut Optimizer,
    losses: &[HeadLoss],
    targets: &[Targets],
    rows: &[usize],
    pixels: Vec<f32>,
    shape: (usize, usize, usize),
    rate: f64,
) -> Result<f64> {
    let (loss, gradients, observed) = gradients(network, losses, targets, rows, pixels, shape)?;
    if let Some(gradients) = gradients {
        optimizer.update(network.weights(), &gradients, rate)?;
        network.absorb(&observed);
    }
    Ok(loss)
}
