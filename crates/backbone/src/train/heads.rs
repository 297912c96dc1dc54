//! Heads on a network that does not learn: its FC vectors are computed once.

use std::collections::BTreeMap;

use candle_core::Tensor;
use latentwalk_engine as engine;

use super::batches::{for_each_batch, plain_batches};
use crate::arch::DensePlan;
use crate::data::{Targets, TrainData};
use crate::error::Result;
use crate::loss::HeadLoss;
use crate::network::Network;
use crate::optimizer::Gradients;

/// FC vectors of some images.
pub(super) struct Features {
    width: usize,
    /// Where each row's vector stands.
    places: BTreeMap<usize, usize>,
    values: Vec<f32>,
}

impl Features {
    /// The vectors of all training and validation rows, as in evaluation.
    pub(super) fn of(network: &Network, data: &TrainData<'_>, batch: usize) -> Result<Self> {
        let rows: Vec<usize> = data.train.iter().chain(data.validation).copied().collect();
        let width = network.fc_plan().output;
        let mut values = Vec::with_capacity(rows.len() * width);
        let (h, w, _) = data.images.shape();
        for_each_batch(data.images, &plain_batches(&rows, batch), None, 0, |_, rows, pixels| {
            let fc = network.forward(pixels, (rows.len(), h, w), None)?.fc;
            values.extend(fc.flatten_all()?.to_vec1::<f32>()?);
            Ok(())
        })?;
        let places = rows.into_iter().enumerate().map(|(place, row)| (row, place)).collect();
        Ok(Self { width, places, values })
    }

    fn gather(&self, rows: &[usize]) -> Vec<f32> {
        let vector = |row: &usize| {
            let place = self.places[row];
            &self.values[place * self.width..(place + 1) * self.width]
        };
        rows.iter().flat_map(vector).copied().collect()
    }
}

/// Logits of every head for some rows.
pub(super) fn logits(network: &Network, features: &Features, rows: &[usize]) -> Result<Vec<Vec<f32>>> {
    let x = features.gather(rows);
    network.head_plans().iter().map(|head| one(network, head, rows.len(), &x)).collect()
}

fn one(network: &Network, head: &DensePlan, b: usize, x: &[f32]) -> Result<Vec<f32>> {
    let values = |part: &str| network.weights()[&format!("{}.{part}", head.name)].flatten_all()?.to_vec1::<f32>();
    let (weight, bias) = (values("weight")?, values("bias")?);
    let mut out = vec![0.0; b * head.output];
    engine::linear(b, head.input, head.output, x, &weight, Some(&bias), &mut out);
    Ok(out)
}

/// Loss of a batch and the gradients of the heads' weights.
pub(super) fn gradients(
    network: &Network,
    losses: &[HeadLoss],
    features: &Features,
    targets: &[Targets],
    rows: &[usize],
) -> Result<(f64, Gradients)> {
    let x = features.gather(rows);
    let (mut loss, mut gradients) = (0.0, Gradients::new());
    for ((head, rule), targets) in network.head_plans().iter().zip(losses).zip(targets) {
        let logits = one(network, head, rows.len(), &x)?;
        let mut by_logits = vec![0.0; logits.len()];
        loss += rule.compute(&logits, targets, rows, &mut by_logits).mean();
        let (mut weight, mut bias) = (vec![0.0; head.input * head.output], vec![0.0; head.output]);
        engine::linear_grad_weight(rows.len(), head.input, head.output, &x, &by_logits, &mut weight, &mut bias);
        let device = network.weights()[&format!("{}.bias", head.name)].device();
        let weight = Tensor::from_vec(weight, (head.output, head.input), device)?;
        gradients.insert(format!("{}.weight", head.name), weight);
        gradients.insert(format!("{}.bias", head.name), Tensor::from_vec(bias, head.output, device)?);
    }
    Ok((loss, gradients))
}
