//! Weights with BatchNorm folded in, computed in `f64`.

use std::borrow::Cow;

use rayon::prelude::*;

use super::graph::{Conv, Error, Weights};

/// A convolution without BatchNorm: `[out, in, kernel, kernel]` weights, each to be multiplied by its output's scale.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    pub(super) weight: Cow<'a, [f32]>,
    pub(super) scale: Vec<f64>,
    pub(super) bias: Vec<f32>,
}

/// Folds a node's BatchNorm, refusing whatever is not finite.
pub(super) fn fold<'a>(conv: Conv<'a>, in_channels: usize) -> Result<Folded<'a>, Error> {
    let (channels, depth) = (conv.out_channels, in_channels * conv.kernel * conv.kernel);
    let (mut scale, mut bias) = (vec![1.0; channels], vec![0.0; channels]);
    if let Some(given) = conv.bias {
        let (_, given) = sound(given, channels)?;
        bias.iter_mut().zip(given.iter()).for_each(|(b, v)| *b = f64::from(*v));
    }
    if let Some(norm) = conv.norm {
        let (_, gamma) = sound(norm.gamma, channels)?;
        let (_, beta) = sound(norm.beta, channels)?;
        let (_, mean) = sound(norm.mean, channels)?;
        let (name, variance) = sound(norm.variance, channels)?;
        for i in 0..channels {
            let factor = f64::from(gamma[i]) / (f64::from(variance[i]) + norm.eps).sqrt();
            if !factor.is_finite() {
                return Err(Error::NonFinite { name });
            }
            scale[i] = factor;
            bias[i] = (bias[i] - f64::from(mean[i])) * factor + f64::from(beta[i]);
        }
    }
    let bias: Vec<f32> = bias.into_iter().map(|b| b as f32).collect();
    let (name, weight) = sound(conv.weight, channels * depth)?;
    let rows = weight.par_chunks(depth.max(1)).zip(&scale);
    let folds = rows.map(|(row, &scale)| row.iter().all(|&w| ((f64::from(w) * scale) as f32).is_finite()));
    if !folds.reduce(|| true, |a, b| a && b) || !bias.iter().all(|b| b.is_finite()) {
        return Err(Error::NonFinite { name });
    }
    Ok(Folded { weight, scale, bias })
}

/// A tensor's name and values, of the right number and all finite.
fn sound(weights: Weights<'_>, expected: usize) -> Result<(String, Cow<'_, [f32]>), Error> {
    let (name, values) = (weights.name, weights.values.produce());
    if values.len() != expected {
        return Err(Error::WeightCount { name, expected, got: values.len() });
    }
    match values.par_chunks(1 << 14).all(|part| part.iter().fold(true, |all, v| all & v.is_finite())) {
        true => Ok((name, values)),
        false => Err(Error::NonFinite { name }),
    }
}
