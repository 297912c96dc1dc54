//! Fully connected layers: convolutions of 1 x 1 pixel.

use rayon::prelude::*;

use crate::reduce::column_totals;
use crate::{ConvShape, check_len, conv2d, conv2d_grad_input, conv2d_grad_weight, instruction_set};

/// The layer as a convolution over `b` images of one pixel: `[o, i]` and `[o, i, 1, 1]` are the same bytes.
fn as_conv(b: usize, i: usize, o: usize) -> ConvShape {
    ConvShape { batch: b, height: 1, width: 1, in_channels: i, out_channels: o, kernel: 1, stride: 1, padding: 0 }
}

/// `out = x * w^T + bias`.
///
/// **Shapes**: `x` `[b, i]`, `w` `[o, i]` (as torch stores it), `bias` `[o]`, `out` `[b, o]`.
///
/// # Panics
/// Where a slice does not fit the sizes.
pub fn linear(b: usize, i: usize, o: usize, x: &[f32], w: &[f32], bias: Option<&[f32]>, out: &mut [f32]) {
    conv2d(&as_conv(b, i, o), x, w, out);
    if let Some(bias) = bias {
        check_len("bias", bias, o);
        out.par_chunks_mut(o.max(1)).with_min_len(64).for_each(|row| {
            row.iter_mut().zip(bias).for_each(|(out, bias)| *out += bias);
        });
    }
}

/// The gradient of a loss by `x` of [`linear`]: `dx = grad * w`.
///
/// **Shapes**: `grad` `[b, o]`, `w` `[o, i]`, `dx` `[b, i]`.
///
/// # Panics
/// Where a slice does not fit the sizes.
pub fn linear_grad_input(b: usize, i: usize, o: usize, grad: &[f32], w: &[f32], dx: &mut [f32]) {
    conv2d_grad_input(&as_conv(b, i, o), grad, w, dx);
}

/// The gradient of a loss by the weights and the bias of [`linear`]: `dw = grad^T * x`, `db` the column sums of `grad`.
///
/// **Shapes**: `x` `[b, i]`, `grad` `[b, o]`, `dw` `[o, i]`, `db` `[o]`.
///
/// # Panics
/// Where a slice does not fit the sizes.
pub fn linear_grad_weight(b: usize, i: usize, o: usize, x: &[f32], grad: &[f32], dw: &mut [f32], db: &mut [f32]) {
    check_len("db", db, o);
    conv2d_grad_weight(&as_conv(b, i, o), x, grad, dw);
    let totals = column_totals(instruction_set(), b, o, grad);
    db.iter_mut().zip(totals).for_each(|(db, total)| *db = total as f32);
}
