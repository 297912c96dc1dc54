//! BatchNorm with the statistics of the batch, and its gradient.

use rayon::prelude::*;

use crate::elementwise::relu as clamp;
use crate::instruction_set::multiversion;
use crate::reduce::{chunk_len, chunked, column_totals, repeat};
use crate::{InstructionSet, check_len, instruction_set};

/// Mean and variance of each channel over a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchStats {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Biased variance of each channel (divided by the number of rows, not by one less).
    pub var: Vec<f32>,
}

impl BatchStats {
    /// `1 / sqrt(var + eps)` of each channel.
    fn inverse_deviation(&self, eps: f32) -> Vec<f32> {
        self.var.iter().map(|&var| (1.0 / (f64::from(var) + f64::from(eps)).sqrt()) as f32).collect()
    }
}

/// Normalises each channel by its own mean and variance: `gamma * (x - mean) / sqrt(var + eps) + beta`, then, if asked,
/// `max(_, 0)`. Returns the statistics, which the gradient and the running averages need.
///
/// **Shapes**: `x`, `out` `[rows, channels]` (rows are the pixels of all images), `gamma`, `beta` `[channels]`.
///
/// **Source**: Ioffe and Szegedy 2015, algorithm 1.
///
/// # Panics
/// Where a slice does not fit the sizes, or `rows` is 0.
#[expect(clippy::too_many_arguments, reason = "a kernel: sizes, inputs, output")]
pub fn batch_norm_train(
    rows: usize,
    channels: usize,
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
    relu: bool,
    out: &mut [f32],
) -> BatchStats {
    assert!(rows > 0, "engine: statistics of no rows");
    check_len("x", x, rows * channels);
    check_len("gamma", gamma, channels);
    check_len("beta", beta, channels);
    check_len("out", out, rows * channels);
    let isa = instruction_set();
    let stats = statistics(isa, rows, channels, x);
    let scale: Vec<f32> = stats.inverse_deviation(eps).iter().zip(gamma).map(|(i, g)| i * g).collect();
    let (mean, scale, beta) = (repeat(&stats.mean), repeat(&scale), repeat(beta));
    let chunk = chunk_len(channels);
    out.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(out, x)| {
        normalise(isa, x, &mean, &scale, &beta, relu, out);
    });
    stats
}

/// Mean and variance in two passes, the second over the deviations from the first's mean, so that a large mean eats the
/// digits of neither; the sums of chunks are added in order, in `f64`.
fn statistics(isa: InstructionSet, rows: usize, channels: usize, x: &[f32]) -> BatchStats {
    let n = rows as f64;
    let totals = column_totals(isa, rows, channels, x);
    let near: Vec<f32> = totals.iter().map(|t| (t / n) as f32).collect();
    let period = repeat(&near);
    let [sums, squares] = chunked(rows, channels, |range, [sum, square]| {
        deviations(isa, &x[range], &period, sum, square);
    });
    let shift = |c: usize| sums[c] / n;
    BatchStats {
        mean: (0..channels).map(|c| (f64::from(near[c]) + shift(c)) as f32).collect(),
        var: (0..channels).map(|c| (squares[c] / n - shift(c) * shift(c)).max(0.0) as f32).collect(),
    }
}

multiversion! {
    fn deviations(x: &[f32], mean: &[f32], sum: &mut [f32], square: &mut [f32]) {
        for x in x.chunks(mean.len()) {
            let n = x.len();
            let (mean, sum, square) = (&mean[..n], &mut sum[..n], &mut square[..n]);
            for i in 0..n {
                let d = x[i] - mean[i];
                sum[i] += d;
                square[i] += d * d;
            }
        }
    }
}

multiversion! {
    fn normalise(x: &[f32], mean: &[f32], scale: &[f32], beta: &[f32], relu: bool, out: &mut [f32]) {
        for (x, out) in x.chunks(mean.len()).zip(out.chunks_mut(mean.len())) {
            let values = x.iter().zip(mean).zip(scale).zip(beta).map(|(((x, m), s), b)| (x - m) * s + b);
            if relu {
                out.iter_mut().zip(values).for_each(|(out, v)| *out = clamp(v));
            } else {
                out.iter_mut().zip(values).for_each(|(out, v)| *out = v);
            }
        }
    }
}

/// The gradients of a loss by `x`, `gamma` and `beta` of [`batch_norm_train`] (called with the same `x`, `gamma`, `beta`,
/// `eps` and `relu`; `stats` is what it returned), from the gradient by its output.
///
/// **Shapes**: `x`, `grad`, `dx` `[rows, channels]`, the rest `[channels]`.
///
/// # Panics
/// Where a slice does not fit the sizes, or `rows` is 0.
#[expect(clippy::too_many_arguments, reason = "a kernel: sizes, inputs, outputs")]
pub fn batch_norm_train_grad(
    rows: usize,
    channels: usize,
    x: &[f32],
    stats: &BatchStats,
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
    relu: bool,
    grad: &[f32],
    dx: &mut [f32],
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    assert!(rows > 0, "engine: gradient of no rows");
    check_len("x", x, rows * channels);
    check_len("stats.mean", &stats.mean, channels);
    check_len("stats.var", &stats.var, channels);
    check_len("gamma", gamma, channels);
    check_len("beta", beta, channels);
    check_len("grad", grad, rows * channels);
    check_len("dx", dx, rows * channels);
    check_len("dgamma", dgamma, channels);
    check_len("dbeta", dbeta, channels);
    let isa = instruction_set();
    let inverse = stats.inverse_deviation(eps);
    let scale: Vec<f32> = inverse.iter().zip(gamma).map(|(i, g)| i * g).collect();
    let (mean, scale, beta) = (&*repeat(&stats.mean), &*repeat(&scale), &*repeat(beta));
    let [sums, products] = chunked(rows, channels, |range, [sum, product]| {
        grad_sums(isa, &x[range.clone()], &grad[range], mean, scale, beta, relu, sum, product);
    });
    for c in 0..channels {
        dbeta[c] = sums[c] as f32;
        dgamma[c] = (products[c] * f64::from(inverse[c])) as f32;
    }
    // dx = scale * (g - sum(g) / rows - (x - mean) * inverse^2 * sum(g * (x - mean)) / rows)
    let n = rows as f64;
    let offset: Vec<f32> = sums.iter().map(|s| (s / n) as f32).collect();
    let slope: Vec<f32> =
        products.iter().zip(&inverse).map(|(p, &i)| (p / n * f64::from(i) * f64::from(i)) as f32).collect();
    let (offset, slope) = (repeat(&offset), repeat(&slope));
    let chunk = chunk_len(channels);
    dx.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).zip(grad.par_chunks(chunk)).for_each(|((dx, x), grad)| {
        input_grad(isa, x, grad, mean, scale, beta, relu, &offset, &slope, dx);
    });
}

/// What passes ReLU; the same arithmetic as the forward pass, so that the two agree on every sign.
#[inline(always)]
fn passed(deviation: f32, scale: f32, beta: f32, relu: bool, grad: f32) -> f32 {
    if relu && deviation * scale + beta <= 0.0 { 0.0 } else { grad }
}

multiversion! {
    #[expect(clippy::too_many_arguments, reason = "plain slices, so that the compiler knows them to be apart")]
    fn grad_sums(
        x: &[f32],
        grad: &[f32],
        mean: &[f32],
        scale: &[f32],
        beta: &[f32],
        relu: bool,
        sum: &mut [f32],
        product: &mut [f32],
    ) {
        for (x, grad) in x.chunks(mean.len()).zip(grad.chunks(mean.len())) {
            let n = x.len();
            let (grad, mean, scale, beta) = (&grad[..n], &mean[..n], &scale[..n], &beta[..n]);
            let (sum, product) = (&mut sum[..n], &mut product[..n]);
            for i in 0..n {
                let d = x[i] - mean[i];
                let g = passed(d, scale[i], beta[i], relu, grad[i]);
                sum[i] += g;
                product[i] += g * d;
            }
        }
    }
}

multiversion! {
    #[expect(clippy::too_many_arguments, reason = "plain slices, so that the compiler knows them to be apart")]
    fn input_grad(
        x: &[f32],
        grad: &[f32],
        mean: &[f32],
        scale: &[f32],
        beta: &[f32],
        relu: bool,
        offset: &[f32],
        slope: &[f32],
        dx: &mut [f32],
    ) {
        let period = mean.len();
        for ((x, grad), dx) in x.chunks(period).zip(grad.chunks(period)).zip(dx.chunks_mut(period)) {
            let n = dx.len();
            let (x, grad, mean, scale, beta) = (&x[..n], &grad[..n], &mean[..n], &scale[..n], &beta[..n]);
            let (offset, slope) = (&offset[..n], &slope[..n]);
            for i in 0..n {
                let d = x[i] - mean[i];
                let g = passed(d, scale[i], beta[i], relu, grad[i]);
                dx[i] = scale[i] * (g - offset[i] - d * slope[i]);
            }
        }
    }
}
