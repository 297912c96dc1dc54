//! Pools over channels-last activations.

use rayon::prelude::*;

use crate::instruction_set::multiversion;
use crate::{PoolShape, check_len, instruction_set, scratch};

/// The largest value of each window.
///
/// **Shapes**: as [`PoolShape`]. **Conventions**: padding never wins; NaN does, as in torch.
///
/// # Panics
/// Where a slice does not fit the shape, or the padding is not less than the kernel.
pub fn max_pool(shape: &PoolShape, x: &[f32], out: &mut [f32]) {
    check(shape, x, out);
    let isa = instruction_set();
    let (image, line) = (shape.height * shape.width * shape.channels, shape.out_width() * shape.channels);
    out.par_chunks_mut(line.max(1)).enumerate().for_each(|(i, out)| {
        let (n, y) = (i / shape.out_height(), i % shape.out_height());
        max_line(isa, shape, y, &x[n * image..][..image], out);
    });
}

/// The gradient of a loss by the input of [`max_pool`], from the gradient by its output.
///
/// **Conventions**: of equal maxima the first in scan order (rows, then columns) takes the gradient, as in torch.
///
/// # Panics
/// As [`max_pool`].
pub fn max_pool_grad(shape: &PoolShape, x: &[f32], grad: &[f32], dx: &mut [f32]) {
    check(shape, x, grad);
    check_len("dx", dx, shape.in_len());
    let isa = instruction_set();
    let image = shape.height * shape.width * shape.channels;
    let pooled = shape.out_height() * shape.out_width() * shape.channels;
    dx.par_chunks_mut(image.max(1)).enumerate().for_each(|(n, dx)| {
        dx.fill(0.0);
        scratch::with(2 * shape.channels, |buffer| {
            let (best, index) = buffer.split_at_mut(shape.channels);
            for y in 0..shape.out_height() {
                let grad = &grad[n * pooled..][y * shape.out_width() * shape.channels..];
                max_line_grad(isa, shape, y, &x[n * image..][..image], grad, dx, best, index);
            }
        });
    });
}

fn check(shape: &PoolShape, x: &[f32], out: &[f32]) {
    assert!(shape.padding < shape.kernel, "engine: a padding of {} leaves windows empty", shape.padding);
    check_len("x", x, shape.in_len());
    check_len("pooled", out, shape.out_len());
}

/// Positions of window `o` along an axis of `size` pixels.
#[inline(always)]
fn taps(shape: &PoolShape, o: usize, size: usize) -> std::ops::Range<usize> {
    let start = o * shape.stride;
    start.saturating_sub(shape.padding)..(start + shape.kernel).saturating_sub(shape.padding).min(size)
}

#[inline(always)]
fn wins(value: f32, best: f32) -> bool {
    value > best || value.is_nan()
}

multiversion! {
    fn max_line(shape: &PoolShape, y: usize, image: &[f32], out: &mut [f32]) {
        for (x, out) in out.chunks_exact_mut(shape.channels).enumerate() {
            out.fill(f32::NEG_INFINITY);
            for sy in taps(shape, y, shape.height) {
                for sx in taps(shape, x, shape.width) {
                    let pixel = &image[(sy * shape.width + sx) * shape.channels..][..shape.channels];
                    for (best, &v) in out.iter_mut().zip(pixel) {
                        *best = if wins(v, *best) { v } else { *best };
                    }
                }
            }
        }
    }
}

multiversion! {
    #[expect(clippy::too_many_arguments, reason = "the loop body of the public function")]
    fn max_line_grad(
        shape: &PoolShape,
        y: usize,
        image: &[f32],
        grad: &[f32],
        dx: &mut [f32],
        best: &mut [f32],
        index: &mut [f32],
    ) {
        // Window positions count up from 0; as floats they share a vector's width with the values.
        for (x, grad) in grad.chunks_exact(shape.channels).take(shape.out_width()).enumerate() {
            best.fill(f32::NEG_INFINITY);
            index.fill(0.0);
            let mut position = 0.0;
            for sy in taps(shape, y, shape.height) {
                for sx in taps(shape, x, shape.width) {
                    let pixel = &image[(sy * shape.width + sx) * shape.channels..][..shape.channels];
                    for ((best, index), &v) in best.iter_mut().zip(index.iter_mut()).zip(pixel) {
                        let won = wins(v, *best);
                        *best = if won { v } else { *best };
                        *index = if won { position } else { *index };
                    }
                    position += 1.0;
                }
            }
            position = 0.0;
            for sy in taps(shape, y, shape.height) {
                for sx in taps(shape, x, shape.width) {
                    let dx = &mut dx[(sy * shape.width + sx) * shape.channels..][..shape.channels];
                    for ((dx, index), grad) in dx.iter_mut().zip(index.iter()).zip(grad) {
                        *dx += if *index == position { *grad } else { 0.0 };
                    }
                    position += 1.0;
                }
            }
        }
    }
}

/// The mean of each channel over the pixels of each image.
///
/// **Shapes**: `x` `[b, pixels, channels]`, `out` `[b, channels]`.
///
/// # Panics
/// Where a slice does not fit the sizes, or `pixels` is 0.
pub fn global_avg_pool(b: usize, pixels: usize, channels: usize, x: &[f32], out: &mut [f32]) {
    assert!(pixels > 0, "engine: mean of no pixels");
    check_len("x", x, b * pixels * channels);
    check_len("out", out, b * channels);
    let isa = instruction_set();
    out.par_chunks_mut(channels.max(1)).enumerate().for_each(|(n, out)| {
        mean_rows(isa, &x[n * pixels * channels..][..pixels * channels], pixels, out);
    });
}

multiversion! {
    fn mean_rows(x: &[f32], pixels: usize, out: &mut [f32]) {
        out.fill(0.0);
        for row in x.chunks_exact(out.len()) {
            out.iter_mut().zip(row).for_each(|(out, x)| *out += x);
        }
        out.iter_mut().for_each(|out| *out /= pixels as f32);
    }
}

/// The gradient of a loss by the input of [`global_avg_pool`], from the gradient by its output.
///
/// **Shapes**: `grad` `[b, channels]`, `dx` `[b, pixels, channels]`.
///
/// # Panics
/// As [`global_avg_pool`].
pub fn global_avg_pool_grad(b: usize, pixels: usize, channels: usize, grad: &[f32], dx: &mut [f32]) {
    assert!(pixels > 0, "engine: mean of no pixels");
    check_len("grad", grad, b * channels);
    check_len("dx", dx, b * pixels * channels);
    let isa = instruction_set();
    dx.par_chunks_mut((pixels * channels).max(1)).enumerate().for_each(|(n, dx)| {
        spread(isa, &grad[n * channels..][..channels], pixels, dx);
    });
}

multiversion! {
    fn spread(grad: &[f32], pixels: usize, dx: &mut [f32]) {
        for row in dx.chunks_exact_mut(grad.len()) {
            row.iter_mut().zip(grad).for_each(|(dx, g)| *dx = g / pixels as f32);
        }
    }
}
