//! Optimizer steps, by torch's definitions.

use rayon::prelude::*;

use crate::instruction_set::multiversion;
use crate::{check_len, instruction_set};

/// Parameters that one task takes.
const CHUNK: usize = 1 << 14;

/// AdamW: Adam with decoupled weight decay.
///
/// **Source**: Loshchilov and Hutter 2019, algorithm 2, as `torch.optim.AdamW` computes it (the decay is multiplied by
/// the learning rate; `eps` is added after the bias correction).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Learning rate of this step.
    pub learning_rate: f32,
    /// Decay of the mean of gradients.
    pub beta1: f32,
    /// Decay of the mean of squared gradients.
    pub beta2: f32,
    /// Added to the denominator.
    pub eps: f32,
    /// Weight decay.
    pub weight_decay: f32,
}

impl Default for AdamW {
    /// torch's defaults.
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-2 }
    }
}

/// One step of [`AdamW`] on parameters `p` with gradients `g`; `step` counts from 1, and the means `m` and `v` start as
/// zeros.
///
/// # Panics
/// Where the lengths differ or `step` is 0.
pub fn adamw_step(adamw: &AdamW, step: u64, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    assert!(step > 0, "engine: steps count from 1");
    check_len("g", g, p.len());
    check_len("m", m, p.len());
    check_len("v", v, p.len());
    let (isa, coefficients) = (instruction_set(), Coefficients::new(adamw, step));
    let states = m.par_chunks_mut(CHUNK).zip(v.par_chunks_mut(CHUNK));
    p.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK)).zip(states).for_each(|((p, g), (m, v))| {
        adamw_chunk(isa, coefficients, p, g, m, v);
    });
}

/// The numbers of one step that all parameters share.
#[derive(Debug, Clone, Copy)]
struct Coefficients {
    keep: f32,
    weight1: f32,
    beta2: f32,
    weight2: f32,
    step_size: f32,
    /// Square root of the second bias correction.
    correction: f32,
    eps: f32,
}

impl Coefficients {
    fn new(a: &AdamW, step: u64) -> Self {
        // In f64, as torch does: beta^step loses digits in f32.
        let [lr, beta1, beta2] = [a.learning_rate, a.beta1, a.beta2].map(f64::from);
        let power = step.min(i32::MAX as u64) as i32;
        Self {
            keep: (1.0 - lr * f64::from(a.weight_decay)) as f32,
            weight1: (1.0 - beta1) as f32,
            beta2: a.beta2,
            weight2: (1.0 - beta2) as f32,
            step_size: (lr / (1.0 - beta1.powi(power))) as f32,
            correction: (1.0 - beta2.powi(power)).sqrt() as f32,
            eps: a.eps,
        }
    }
}

multiversion! {
    fn adamw_chunk(c: Coefficients, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            *m += c.weight1 * (g - *m);
            *v = *v * c.beta2 + c.weight2 * g * g;
            *p = *p * c.keep - c.step_size * (*m / (v.sqrt() / c.correction + c.eps));
        }
    }
}

/// One step of stochastic gradient descent with momentum on parameters `p` with gradients `g`; `velocity` starts as
/// zeros.
///
/// **Source**: `torch.optim.SGD` without dampening: `g += weight_decay * p`, `velocity = momentum * velocity + g`, and
/// `p -= lr * velocity`, or `lr * (g + momentum * velocity)` with Nesterov's form.
///
/// # Panics
/// Where the lengths differ.
pub fn sgd_step(
    lr: f32,
    momentum: f32,
    weight_decay: f32,
    nesterov: bool,
    p: &mut [f32],
    g: &[f32],
    velocity: &mut [f32],
) {
    check_len("g", g, p.len());
    check_len("velocity", velocity, p.len());
    let isa = instruction_set();
    p.par_chunks_mut(CHUNK)
        .zip(g.par_chunks(CHUNK))
        .zip(velocity.par_chunks_mut(CHUNK))
        .for_each(|((p, g), velocity)| sgd_chunk(isa, [lr, momentum, weight_decay], nesterov, p, g, velocity));
}

multiversion! {
    fn sgd_chunk(
        coefficients: [f32; 3],
        nesterov: bool,
        p: &mut [f32],
        g: &[f32],
        velocity: &mut [f32],
    ) {
        let [lr, momentum, weight_decay] = coefficients;
        for ((p, g), velocity) in p.iter_mut().zip(g).zip(velocity) {
            let g = g + weight_decay * *p;
            *velocity = momentum * *velocity + g;
            *p -= lr * if nesterov { g + momentum * *velocity } else { *velocity };
        }
    }
}
