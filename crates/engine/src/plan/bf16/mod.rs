//! Convolutions whose products are those of bfloat16 values, with sums in `f32`.
//!
//! A value has 8 significant bits: it is the upper half of an `f32`, kept as `u16`. In a bfloat16 plan activations lie in
//! memory so; products are exact, sums, bias and residual are `f32`, and a finished result is rounded once, to the nearest with ties
//! to even.
//!
//! In an `f32` plan a number's 24 significant bits are the sum of three such values: the nearest one, the nearest to what is left, and
//! what is left then. Of the nine products of two numbers' parts six are summed; the other three are below 2^-24 of the
//! product. An AMX tile multiplies so many values at once that six of its products take less time than one in vector registers
//! (Henry, Tang and Heinecke, "Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations",
//! 2019).
//!
//! | kernels | products |
//! |---|---|
//! | AMX | tiles of 16 x 16 sums, 32 products deep (`tdpbf16ps`) |
//! | AVX512-BF16 | pairs of products in 16 lanes (`vdpbf16ps`) |
//! | AVX2, portable | the same roundings by `f32` instructions: slower than `f32` itself, to compare with |

#[cfg(target_arch = "x86_64")]
mod amx;
mod block;
mod conv;
mod element;
mod frame;
mod job;
mod kernels;
mod lanes;
#[cfg(target_arch = "x86_64")]
mod lanes_x86;
mod pool;
#[cfg(test)]
mod split_tests;

use rayon::prelude::*;

use crate::aligned::Aligned;
use crate::instruction_set;
use crate::instruction_set::multiversion;

#[cfg(target_arch = "x86_64")]
pub(super) use amx::is_available as amx_is_available;
pub(super) use conv::{Conv16, Work16};
pub(super) use kernels::portable as portable_kernels;
pub(super) use kernels::{ConvKernels, Kernels16};
#[cfg(target_arch = "x86_64")]
pub(super) use kernels::{amx as amx_kernels, avx2 as avx2_kernels, avx512 as avx512_kernels};
pub(super) use pool::{max_pool, mean};

/// Values that one task converts.
const CHUNK: usize = 1 << 15;

/// The value as `f32`, exactly.
#[inline(always)]
pub(super) fn widen(value: u16) -> f32 {
    f32::from_bits(u32::from(value) << 16)
}

/// The nearest bfloat16, ties to even; NaN stays NaN.
#[inline(always)]
pub(super) fn narrow(value: f32) -> u16 {
    let bits = value.to_bits();
    // Half a unit of the last place, a little less where the last bit is even: the carry rounds.
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    (if value.is_nan() { bits >> 16 | 0x40 } else { rounded }) as u16
}

/// `f32` numbers that hold `len` bfloat16 values.
pub(super) fn floats(len: usize) -> usize {
    len.div_ceil(2)
}

/// The memory of floats as twice as many bfloat16 values.
pub(super) fn halves(floats: &[f32]) -> &[u16] {
    // SAFETY: the same bytes, all initialised; `u16` allows every bit pattern and needs less alignment.
    unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), floats.len() * 2) }
}

/// As [`halves`], to be written: every bit pattern is an `f32` too.
pub(super) fn halves_mut(floats: &mut [f32]) -> &mut [u16] {
    // SAFETY: as for `halves`; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), floats.len() * 2) }
}

/// A buffer of bfloat16 values that begins on a cache line.
#[derive(Debug)]
pub(super) struct Halves(Aligned);

impl Halves {
    pub(super) fn zeroed(len: usize) -> Self {
        Self(Aligned::zeroed(floats(len)))
    }

    pub(super) fn values(&self) -> &[u16] {
        halves(&self.0)
    }

    pub(super) fn values_mut(&mut self) -> &mut [u16] {
        halves_mut(&mut self.0)
    }

    /// Floats of memory.
    pub(super) fn floats(&self) -> usize {
        self.0.len()
    }
}

/// Values from pixel to pixel of bfloat16 activations. Rows of a tile that lie a power of two apart would compete for the
/// same cache sets.
pub(super) fn pixel_len(channels: usize) -> usize {
    const SPACED: usize = 128;
    const GAP: usize = 32;
    if channels >= SPACED && channels.is_multiple_of(2 * GAP) { channels + GAP } else { channels }
}

/// A number as the sum of three bfloat16 values: exact, but that what is below 1.2e-38 may count as zero, and numbers beyond
/// 3.39e38 become infinite.
#[inline(always)]
fn split(value: f32) -> [u16; 3] {
    let high = narrow(value);
    let rest = value - widen(high);
    let middle = narrow(rest);
    [high, middle, narrow(rest - widen(middle))]
}

/// Rounds the numbers of pixels of `channels` to bfloat16.
///
/// **Shapes** `from` `[pixels, channels]`, `to` `[pixels, pixel_len(channels)]`.
pub(super) fn narrow_all(channels: usize, from: &[f32], to: &mut [u16]) {
    let pixel = pixel_len(channels);
    assert_eq!(from.len() / channels * pixel, to.len(), "engine: rounded numbers");
    let (isa, pixels) = (instruction_set(), (CHUNK / channels).max(1));
    let from = from.par_chunks(pixels * channels);
    to.par_chunks_mut(pixels * pixel).zip(from).for_each(|(to, from)| narrow_chunk(isa, from, channels, pixel, to));
}

/// Widens the values of pixels of `channels`.
///
/// **Shapes** `from` `[pixels, pixel_len(channels)]`, `to` `[pixels, channels]`.
pub(super) fn widen_all(channels: usize, from: &[u16], to: &mut [f32]) {
    let pixel = pixel_len(channels);
    assert_eq!(to.len() / channels * pixel, from.len(), "engine: widened numbers");
    let (isa, pixels) = (instruction_set(), (CHUNK / channels).max(1));
    let from = from.par_chunks(pixels * pixel);
    to.par_chunks_mut(pixels * channels).zip(from).for_each(|(to, from)| widen_chunk(isa, from, channels, pixel, to));
}

multiversion! {
    fn narrow_chunk(from: &[f32], channels: usize, pixel: usize, to: &mut [u16]) {
        for (to, from) in to.chunks_exact_mut(pixel).zip(from.chunks_exact(channels)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = narrow(*from));
        }
    }
}

multiversion! {
    fn widen_chunk(from: &[u16], channels: usize, pixel: usize, to: &mut [f32]) {
        for (to, from) in to.chunks_exact_mut(channels).zip(from.chunks_exact(pixel)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = widen(*from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_the_nearest_with_ties_to_even() {
        let bits = |value: f32| narrow(value);
        assert_eq!(bits(1.0), 0x3f80);
        // Between 1 and the next value, 1 + 2^-7: the middle goes to the even one, what is above it goes up.
        assert_eq!(bits(1.0 + 0.5 / 128.0), 0x3f80);
        assert_eq!(bits(1.0 + 0.500_1 / 128.0), 0x3f81);
        assert_eq!(bits(1.0 + 1.5 / 128.0), 0x3f82);
        assert_eq!(bits(-1.0 - 1.5 / 128.0), 0xbf82);
        assert_eq!(bits(f32::INFINITY), 0x7f80);
        assert_eq!(bits(f32::MAX), 0x7f80);
        assert!(widen(bits(f32::NAN)).is_nan());
        // A NaN whose upper bits are those of an infinity stays a NaN.
        assert!(widen(bits(f32::from_bits(0x7f80_0001))).is_nan());
        for channels in [7, 100, 128] {
            let values: Vec<f32> = (0..700 * channels).map(|i| (i as f32 - 35_000.0) * 0.37).collect();
            let pixel = pixel_len(channels);
            let mut rounded = vec![0; 700 * pixel];
            narrow_all(channels, &values, &mut rounded);
            let mut back = vec![0.0; values.len()];
            widen_all(channels, &rounded, &mut back);
            for (i, (value, back)) in values.iter().zip(&back).enumerate() {
                assert_eq!(rounded[i / channels * pixel + i % channels], narrow(*value));
                assert!((back - value).abs() <= value.abs() / 256.0);
            }
        }
    }

    #[test]
    fn three_parts_are_the_number() {
        for i in -20_000..20_000 {
            let value = (i as f32 * 0.371).powi(5);
            let [high, middle, low] = split(value).map(widen);
            assert_eq!(low + middle + high, value);
            assert!(middle.abs() <= high.abs() / 256.0 && low.abs() <= middle.abs() / 256.0);
        }
        assert_eq!(split(0.0), [0; 3]);
        assert!(widen(split(f32::NAN)[0]).is_nan());
    }
}
