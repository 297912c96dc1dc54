//! What a position along a direction says about the class.

use latentwalk_arithmetic::dot;
use serde::{Deserialize, Serialize};

use crate::logistic::sigmoid;

/// Class probabilities as a function of the position alone: whatever the method, the class is read off one number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Model {
    /// The network behind the bottleneck unit.
    Bottleneck(BottleneckModel),
    /// `ln p₁/p₀ = slope · position + intercept`; `slope` times the unit weights are the usual coefficients.
    Logistic {
        /// Length of the coefficient vector, negative if the direction was turned to point to class 0.
        slope: f64,
        /// Intercept.
        intercept: f64,
    },
    /// One normal distribution a class along the axis, of common variance; what the closed-form rivals predict with.
    Gaussian {
        /// Mean position of each class.
        means: Vec<f64>,
        /// Pooled within-class variance of positions.
        variance: f64,
        /// Weighted shares of the classes, logarithms.
        log_priors: Vec<f64>,
    },
}

/// The network's layers after normalisation: the unit's value is `scale · position + offset`.
///
/// **Shapes**: `w1`, `b1`, `b2` h; `w2` h×h and `w3` c×h row by row (output × input, as torch); `b3` c.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BottleneckModel {
    /// Length of the first layer's raw weights, negative if the direction was turned.
    pub scale: f64,
    /// Bias of the first layer, in raw coordinates.
    pub offset: f64,
    /// Weights of `Linear(1, h)`.
    pub w1: Vec<f64>,
    /// Its bias.
    pub b1: Vec<f64>,
    /// Weights of `Linear(h, h)`.
    pub w2: Vec<f64>,
    /// Its bias.
    pub b2: Vec<f64>,
    /// Weights of `Linear(h, c)`.
    pub w3: Vec<f64>,
    /// Its bias.
    pub b3: Vec<f64>,
}

impl Model {
    /// Probability of each class at a position. **Shapes**: c entries that sum to 1.
    pub fn probabilities(&self, position: f64) -> Vec<f64> {
        match self {
            Self::Bottleneck(network) => network.at_unit(network.scale * position + network.offset),
            Self::Logistic { slope, intercept } => {
                let logit = slope * position + intercept;
                vec![sigmoid(-logit), sigmoid(logit)]
            }
            Self::Gaussian { means, variance, log_priors } => {
                let terms = means.iter().zip(log_priors);
                softmax(terms.map(|(mean, prior)| prior - (position - mean).powi(2) / (2.0 * variance)).collect())
            }
        }
    }

    /// The likeliest class at a position; the first of equals.
    pub fn class_at(&self, position: f64) -> u32 {
        argmax(&self.probabilities(position))
    }
}

impl BottleneckModel {
    /// Probabilities for a value of the bottleneck unit.
    pub(crate) fn at_unit(&self, unit: f64) -> Vec<f64> {
        let first = rectified(&self.w1, &self.b1, &[unit]);
        let second = rectified(&self.w2, &self.b2, &first);
        softmax(affine(&self.w3, &self.b3, &second))
    }

    /// Largest change of a class probability while the unit goes from `low` to `high`.
    pub(crate) fn response(&self, low: f64, high: f64) -> f64 {
        const STEPS: usize = 32;
        let start = self.at_unit(low);
        (1..=STEPS)
            .flat_map(|step| self.at_unit(low + (high - low) * step as f64 / STEPS as f64).into_iter().zip(&start))
            .fold(0.0, |top: f64, (p, start)| top.max((p - start).abs()))
    }
}

fn affine(w: &[f64], b: &[f64], x: &[f64]) -> Vec<f64> {
    w.chunks_exact(x.len()).zip(b).map(|(line, bias)| dot(line, x) + bias).collect()
}

fn rectified(w: &[f64], b: &[f64], x: &[f64]) -> Vec<f64> {
    affine(w, b, x).into_iter().map(|value| value.max(0.0)).collect()
}

fn softmax(mut logits: Vec<f64>) -> Vec<f64> {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logits.iter_mut().for_each(|logit| *logit = (*logit - top).exp());
    let total: f64 = logits.iter().sum();
    logits.iter_mut().for_each(|p| *p /= total);
    logits
}

pub(crate) fn argmax(values: &[f64]) -> u32 {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = at;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_even_far_out() {
        let models = [
            Model::Logistic { slope: 3.0, intercept: -1.0 },
            Model::Gaussian { means: vec![-1.0, 0.0, 2.0], variance: 0.01, log_priors: vec![-1.0; 3] },
        ];
        for model in models {
            for position in [-1e6, -1.0, 0.0, 0.3, 1e6] {
                assert!((model.probabilities(position).iter().sum::<f64>() - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn gaussian_boundary_lies_half_way() {
        let model = Model::Gaussian { means: vec![0.0, 2.0], variance: 0.5, log_priors: vec![-0.7, -0.7] };
        assert_eq!((model.class_at(0.99), model.class_at(1.01)), (0, 1));
    }
}
