//! The forward pass, for training and for evaluation.

use std::ops::Range;

use candle_core::{DType, Tensor, Var};

use super::model::Network;
use super::recording::{Observed, Recording};
use crate::arch::{ConvPlan, DensePlan};
use crate::error::Result;
use crate::ops::{self, Recorder, Statistics};
use crate::options::Norms;
use crate::precision::Precision;

/// Tensors of one pass.
pub(crate) struct Activations {
    pub(crate) pool: Tensor,
    pub(crate) fc: Tensor,
    pub(crate) logits: Vec<Tensor>,
    /// Means over the pixels of the stem and of the first three stages, where they were asked for.
    pub(crate) stages: Vec<Tensor>,
}

fn products(precision: Precision) -> DType {
    match precision {
        Precision::F32 | Precision::Tf32 => DType::F32,
        Precision::Bf16 | Precision::Bf16Emulated => DType::BF16,
    }
}

/// A pass under way; it trains where there is a place for what BatchNorm observes.
pub(super) struct Pass<'a> {
    network: &'a Network,
    to: Recorder<'a>,
    observed: Option<&'a mut Vec<Observed<Statistics>>>,
    norms: Norms,
    precision: Precision,
    /// Whether the stages before the last are kept too.
    with_stages: bool,
    /// Steps of [`Pass::steps`], from the first, that do not learn.
    frozen: usize,
}

impl<'a> Pass<'a> {
    pub(super) fn new(network: &'a Network, recording: Option<&'a mut Recording>) -> Self {
        let (to, observed, norms, precision) = match recording {
            Some(Recording { norms, precision, observed, tape }) => {
                (Recorder::on(tape).with_products(products(*precision)), Some(observed), *norms, *precision)
            }
            None => (Recorder::none(), None, Norms::Frozen, Precision::F32),
        };
        Pass { network, to, observed, norms, precision, with_stages: false, frozen: 0 }
    }

    /// Multiplies in other numbers; for evaluation, a recording says so itself.
    pub(super) fn with_precision(mut self, precision: Precision) -> Self {
        self.to = self.to.with_products(products(precision));
        self.precision = precision;
        self
    }

    pub(super) fn with_stages(mut self, with_stages: bool) -> Self {
        self.with_stages = with_stages;
        self
    }

    pub(super) fn freeze(mut self, steps: usize) -> Self {
        self.frozen = steps;
        self
    }

    pub(super) fn run(mut self, images: Tensor) -> Result<Activations> {
        self.network.device.set_products(self.precision);
        let layout = &self.network.layout;
        let (frozen, all) = (self.frozen, 1 + layout.blocks.len());
        let mut stages = Vec::new();
        let x = match frozen {
            0 => images,
            // As in evaluation: running statistics, and nothing is recorded.
            steps => Pass::new(self.network, None).steps(images, 0..steps, &mut Vec::new())?,
        };
        let x = self.steps(x, frozen..all, &mut stages)?;
        let pool = ops::global_avg_pool(&mut self.to, &x)?;
        let fc = self.dense(&layout.fc, &pool)?;
        let logits = layout.heads.iter().map(|head| self.dense(head, &fc)).collect::<Result<_>>()?;
        Ok(Activations { pool, fc, logits, stages })
    }

    /// Some steps of the way: step 0 is the stem, step `i` the block before number `i`.
    fn steps(&mut self, x: Tensor, range: Range<usize>, stages: &mut Vec<Tensor>) -> Result<Tensor> {
        let layout = &self.network.layout;
        let mut x = x;
        for step in range {
            let Some(block) = step.checked_sub(1).map(|index| &layout.blocks[index]) else {
                x = self.conv_norm(&layout.stem, &x, true)?;
                if layout.pool {
                    x = ops::max_pool(&mut self.to, &x)?;
                }
                continue;
            };
            if self.with_stages && block.opens_stage {
                stages.push(ops::global_avg_pool(&mut self.to, &x)?);
            }
            let mut y = x.clone();
            for (index, conv) in block.convs.iter().enumerate() {
                y = self.conv_norm(conv, &y, index + 1 < block.convs.len())?;
            }
            let skip = match &block.downsample {
                Some(conv) => self.conv_norm(conv, &x, false)?,
                None => x,
            };
            x = ops::add_relu(&mut self.to, &y, &skip)?;
        }
        Ok(x)
    }

    fn conv_norm(&mut self, conv: &ConvPlan, x: &Tensor, relu: bool) -> Result<Tensor> {
        let weight = self.weight(&conv.name, "weight");
        let y = ops::conv2d(&mut self.to, x, &weight, conv.stride)?;
        let (gamma, beta) = (self.weight(&conv.norm, "weight"), self.weight(&conv.norm, "bias"));
        let observed = match &mut self.observed {
            Some(observed) if self.norms == Norms::Live => observed,
            _ => {
                let (scale, shift) = self.folded(&conv.norm, &gamma, &beta)?;
                return Ok(ops::scale_shift(&mut self.to, &y, &scale, &shift, relu)?);
            }
        };
        let rows = y.elem_count() / conv.output;
        let (z, stats) = ops::batch_norm(&mut self.to, &y, &gamma, &beta, relu)?;
        observed.push(Observed { norm: conv.norm.clone(), stats, rows });
        Ok(z)
    }

    fn dense(&mut self, dense: &DensePlan, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (self.weight(&dense.name, "weight"), self.weight(&dense.name, "bias"));
        Ok(ops::linear(&mut self.to, x, &weight, &bias)?)
    }

    /// BatchNorm with running statistics as a scale and a shift.
    fn folded(&self, norm: &str, gamma: &Tensor, beta: &Tensor) -> Result<(Tensor, Tensor)> {
        if gamma.device().is_cpu() {
            return self.folded_on_processor(norm, gamma, beta);
        }
        self.network.plan.norm(norm, || self.folded_on_card(norm, &gamma.detach(), &beta.detach()))
    }

    /// In 32 bits: reading the weights would keep the card waiting at each layer.
    fn folded_on_card(&self, norm: &str, gamma: &Tensor, beta: &Tensor) -> Result<(Tensor, Tensor)> {
        let running = &self.network.running[norm];
        let mean = Tensor::new(running.mean.as_slice(), gamma.device())?;
        let var = Tensor::new(running.var.as_slice(), gamma.device())?;
        let scale = (gamma / (var + f64::from(ops::NORM_EPS))?.sqrt()?)?;
        let shift = (beta - (mean * &scale)?)?;
        Ok((scale, shift))
    }

    fn folded_on_processor(&self, norm: &str, gamma: &Tensor, beta: &Tensor) -> Result<(Tensor, Tensor)> {
        let running = &self.network.running[norm];
        let (gamma, beta) = (gamma.to_vec1::<f32>()?, beta.to_vec1::<f32>()?);
        let (mut scales, mut shifts) = (Vec::with_capacity(gamma.len()), Vec::with_capacity(gamma.len()));
        for ((&gamma, &beta), (&mean, &var)) in gamma.iter().zip(&beta).zip(running.mean.iter().zip(&running.var)) {
            let scale = f64::from(gamma) / (f64::from(var) + f64::from(ops::NORM_EPS)).sqrt();
            scales.push(scale as f32);
            shifts.push((f64::from(beta) - f64::from(mean) * scale) as f32);
        }
        let (len, device) = (gamma.len(), &self.network.device.device);
        Ok((Tensor::from_vec(scales, len, device)?, Tensor::from_vec(shifts, len, device)?))
    }

    /// A parameter: the variable itself in training, its values alone in evaluation.
    fn weight(&self, layer: &str, part: &str) -> Tensor {
        let var: &Var = &self.network.weights[&format!("{layer}.{part}")];
        if self.observed.is_some() { var.as_tensor().clone() } else { var.as_detached_tensor() }
    }
}
