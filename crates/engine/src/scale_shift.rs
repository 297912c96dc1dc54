//! A scale and a shift for each channel: BatchNorm with frozen statistics, folded.

use rayon::prelude::*;

use crate::elementwise::relu as clamp;
use crate::instruction_set::multiversion;
use crate::reduce::{chunk_len, chunked, repeat};
use crate::{check_len, instruction_set};

/// `out = x * scale + shift` for each channel, then, if asked, `max(_, 0)`.
///
/// BatchNorm with statistics `mean` and `var` is `scale = gamma / sqrt(var + eps)`, `shift = beta - mean * scale`.
///
/// **Shapes**: `x`, `out` `[rows, channels]`, `scale`, `shift` `[channels]`.
///
/// # Panics
/// Where a slice does not fit the sizes.
pub fn scale_shift(rows: usize, channels: usize, x: &[f32], scale: &[f32], shift: &[f32], relu: bool, out: &mut [f32]) {
    check_len("x", x, rows * channels);
    check_len("scale", scale, channels);
    check_len("shift", shift, channels);
    check_len("out", out, rows * channels);
    let isa = instruction_set();
    let (scale, shift) = (repeat(scale), repeat(shift));
    let chunk = chunk_len(channels);
    out.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(out, x)| {
        apply(isa, x, &scale, &shift, relu, out);
    });
}

/// The gradients of a loss by `x`, `scale` and `shift` of [`scale_shift`], from the gradient by its output.
///
/// **Shapes**: `x`, `grad`, `dx` `[rows, channels]`, the rest `[channels]`.
///
/// # Panics
/// Where a slice does not fit the sizes.
#[expect(clippy::too_many_arguments, reason = "a kernel: sizes, inputs, outputs")]
pub fn scale_shift_grad(
    rows: usize,
    channels: usize,
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    relu: bool,
    grad: &[f32],
    dx: &mut [f32],
    dscale: &mut [f32],
    dshift: &mut [f32],
) {
    check_len("x", x, rows * channels);
    check_len("scale", scale, channels);
    check_len("shift", shift, channels);
    check_len("grad", grad, rows * channels);
    check_len("dx", dx, rows * channels);
    check_len("dscale", dscale, channels);
    check_len("dshift", dshift, channels);
    let isa = instruction_set();
    let (scale, shift) = (repeat(scale), repeat(shift));
    let [sums, products] = chunked(rows, channels, |range, [sum, product]| {
        grad_sums(isa, &x[range.clone()], &grad[range], &scale, &shift, relu, sum, product);
    });
    dshift.iter_mut().zip(sums).for_each(|(d, s)| *d = s as f32);
    dscale.iter_mut().zip(products).for_each(|(d, p)| *d = p as f32);
    let chunk = chunk_len(channels);
    dx.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).zip(grad.par_chunks(chunk)).for_each(|((dx, x), grad)| {
        input_grad(isa, x, grad, &scale, &shift, relu, dx);
    });
}

/// What passes ReLU; the same arithmetic as the forward pass.
#[inline(always)]
fn passed(x: f32, scale: f32, shift: f32, relu: bool, grad: f32) -> f32 {
    if relu && x * scale + shift <= 0.0 { 0.0 } else { grad }
}

multiversion! {
    fn apply(x: &[f32], scale: &[f32], shift: &[f32], relu: bool, out: &mut [f32]) {
        for (x, out) in x.chunks(scale.len()).zip(out.chunks_mut(scale.len())) {
            let values = x.iter().zip(scale).zip(shift).map(|((x, s), b)| x * s + b);
            if relu {
                out.iter_mut().zip(values).for_each(|(out, v)| *out = clamp(v));
            } else {
                out.iter_mut().zip(values).for_each(|(out, v)| *out = v);
            }
        }
    }
}

multiversion! {
    #[expect(clippy::too_many_arguments, reason = "plain slices, so that the compiler knows them to be apart")]
    fn grad_sums(
        x: &[f32],
        grad: &[f32],
        scale: &[f32],
        shift: &[f32],
        relu: bool,
        sum: &mut [f32],
        product: &mut [f32],
    ) {
        for (x, grad) in x.chunks(scale.len()).zip(grad.chunks(scale.len())) {
            let n = x.len();
            let (grad, scale, shift) = (&grad[..n], &scale[..n], &shift[..n]);
            let (sum, product) = (&mut sum[..n], &mut product[..n]);
            for i in 0..n {
                let g = passed(x[i], scale[i], shift[i], relu, grad[i]);
                sum[i] += g;
                product[i] += g * x[i];
            }
        }
    }
}

multiversion! {
    fn input_grad(x: &[f32], grad: &[f32], scale: &[f32], shift: &[f32], relu: bool, dx: &mut [f32]) {
        let period = scale.len();
        for ((x, grad), dx) in x.chunks(period).zip(grad.chunks(period)).zip(dx.chunks_mut(period)) {
            let n = dx.len();
            let (x, grad, scale, shift) = (&x[..n], &grad[..n], &scale[..n], &shift[..n]);
            for i in 0..n {
                dx[i] = passed(x[i], scale[i], shift[i], relu, grad[i]) * scale[i];
            }
        }
    }
}
