//! Weights with BatchNorm folded in, computed in `f64`.

use rayon::prelude::*;

use super::graph::{Conv, PlanError, Weights};

/// A convolution without BatchNorm: `[out, in, kernel, kernel]` weights, each to be multiplied by its output's scale.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    pub(super) weight: &'a [f32],
    pub(super) scale: Vec<f64>,
    pub(super) bias: Vec<f32>,
}

/// Folds a node's BatchNorm, refusing whatever is not finite.
pub(super) fn fold<'a>(conv: &Conv<'a>, in_channels: usize) -> Result<Folded<'a>, PlanError> {
    let depth = in_channels * conv.kernel * conv.kernel;
    check(&conv.weight, conv.out_channels * depth)?;
    let (mut scale, mut bias) = (vec![1.0; conv.out_channels], vec![0.0; conv.out_channels]);
    if let Some(given) = &conv.bias {
        check(given, conv.out_channels)?;
        bias.iter_mut().zip(given.values).for_each(|(b, v)| *b = f64::from(*v));
    }
    if let Some(norm) = &conv.norm {
        for part in [&norm.gamma, &norm.beta, &norm.mean, &norm.variance] {
            check(part, conv.out_channels)?;
        }
        let at = |part: &Weights<'_>, i: usize| f64::from(part.values[i]);
        for i in 0..conv.out_channels {
            let factor = at(&norm.gamma, i) / (at(&norm.variance, i) + norm.eps).sqrt();
            if !factor.is_finite() {
                return Err(PlanError::NonFinite { name: norm.variance.name.clone() });
            }
            scale[i] = factor;
            bias[i] = (bias[i] - at(&norm.mean, i)) * factor + at(&norm.beta, i);
        }
    }
    let bias: Vec<f32> = bias.into_iter().map(|b| b as f32).collect();
    let rows = conv.weight.values.par_chunks(depth.max(1)).zip(&scale);
    let folds = rows.map(|(row, &scale)| row.iter().all(|&w| ((f64::from(w) * scale) as f32).is_finite()));
    if !folds.reduce(|| true, |a, b| a && b) || !bias.iter().all(|b| b.is_finite()) {
        return Err(PlanError::NonFinite { name: conv.weight.name.clone() });
    }
    Ok(Folded { weight: conv.weight.values, scale, bias })
}

fn check(weights: &Weights<'_>, expected: usize) -> Result<(), PlanError> {
    let name = || weights.name.clone();
    if weights.values.len() != expected {
        return Err(PlanError::WeightCount { name: name(), expected, got: weights.values.len() });
    }
    let finite = weights.values.par_chunks(1 << 14).all(|part| part.iter().fold(true, |all, v| all & v.is_finite()));
    if finite { Ok(()) } else { Err(PlanError::NonFinite { name: name() }) }
}
