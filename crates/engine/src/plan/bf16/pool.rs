//! Pooling of bfloat16 activations.

use rayon::prelude::*;

use super::block::Window16;
use super::kernels::Kernels16;
use super::{pixel_len, widen};
use crate::instruction_set::multiversion;
use crate::plan::pool::for_each_window;
use crate::{PoolShape, check_len, instruction_set};

/// The largest value of each window; the window's padding is less than its kernel.
pub(in crate::plan) fn max_pool(kernels: &Kernels16, shape: &PoolShape, x: &[u16], out: &mut [u16]) {
    let pixel = pixel_len(shape.channels);
    assert_eq!(x.len(), shape.in_len() / shape.channels * pixel, "engine: input of a pool");
    assert_eq!(out.len(), shape.out_len() / shape.channels * pixel, "engine: output of a pool");
    for_each_window(shape, pixel, x, out, |pixels, channels, out| {
        // SAFETY: the table has checked the instructions; the window has a pixel, pixels are slices of `channels`
        // values, and no other task has this line of `out`.
        unsafe { (kernels.largest)(&Window16 { pixels, channels, out }) };
    });
}

/// The mean of each channel over the pixels of each image, in `f32`.
///
/// **Shapes** `x` `[b, pixels, pixel_len(channels)]`, `out` `[b, channels]`.
pub(in crate::plan) fn mean(pixels: usize, channels: usize, x: &[u16], out: &mut [f32]) {
    let pixel = pixel_len(channels);
    let image = pixels * pixel;
    check_len("out", out, x.len() / image * channels);
    let isa = instruction_set();
    out.par_chunks_mut(channels).zip(x.par_chunks(image)).for_each(|(out, x)| mean_rows(isa, x, pixel, out));
}

multiversion! {
    fn mean_rows(x: &[u16], pixel: usize, out: &mut [f32]) {
        out.fill(0.0);
        for row in x.chunks_exact(pixel) {
            out.iter_mut().zip(row).for_each(|(out, x)| *out += widen(*x));
        }
        out.iter_mut().for_each(|out| *out /= (x.len() / pixel) as f32);
    }
}
