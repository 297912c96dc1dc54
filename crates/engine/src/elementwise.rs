//! The join of a residual block.

use rayon::prelude::*;

use crate::instruction_set::multiversion;
use crate::{check_len, instruction_set};

/// Numbers that one task takes.
const CHUNK: usize = 1 << 15;

/// `out = max(a + b, 0)`, elementwise; NaN stays NaN.
///
/// # Panics
/// Where the lengths differ.
pub fn add_relu(a: &[f32], b: &[f32], out: &mut [f32]) {
    check_len("b", b, a.len());
    check_len("out", out, a.len());
    let isa = instruction_set();
    out.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).zip(b.par_chunks(CHUNK)).for_each(|((out, a), b)| {
        add_relu_chunk(isa, a, b, out);
    });
}

/// The gradient of a loss by either input of [`add_relu`], from its output and the gradient by that.
///
/// **Conventions**: at an output of exactly 0 the gradient is 0, as in torch.
///
/// # Panics
/// Where the lengths differ.
pub fn add_relu_grad(out: &[f32], grad: &[f32], d: &mut [f32]) {
    check_len("grad", grad, out.len());
    check_len("d", d, out.len());
    let isa = instruction_set();
    d.par_chunks_mut(CHUNK).zip(out.par_chunks(CHUNK)).zip(grad.par_chunks(CHUNK)).for_each(|((d, out), grad)| {
        add_relu_grad_chunk(isa, out, grad, d);
    });
}

/// `max(v, 0)` that lets NaN through, unlike `f32::max`.
#[inline(always)]
pub(crate) fn relu(v: f32) -> f32 {
    if v < 0.0 { 0.0 } else { v }
}

multiversion! {
    fn add_relu_chunk(a: &[f32], b: &[f32], out: &mut [f32]) {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = relu(a + b);
        }
    }
}

multiversion! {
    fn add_relu_grad_chunk(out: &[f32], grad: &[f32], d: &mut [f32]) {
        for ((d, out), grad) in d.iter_mut().zip(out).zip(grad) {
            *d = if *out <= 0.0 { 0.0 } else { *grad };
        }
    }
}
