//! bfloat16: convolutions whose windows and weights have 8 significant bits, with sums in `f32`.
//!
//! A value is the upper half of an `f32`, kept as `u16`. Activations lie in memory so; products are exact, sums, bias and
//! residual are `f32`, and a finished result is rounded once, to the nearest with ties to even.
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
mod frame;
mod kernels;
mod lanes;
#[cfg(target_arch = "x86_64")]
mod lanes_x86;
mod pool;

use rayon::prelude::*;

use crate::aligned::Aligned;
use crate::instruction_set::multiversion;
use crate::{check_len, instruction_set};

#[cfg(target_arch = "x86_64")]
pub(super) use amx::is_available as amx_is_available;
pub(super) use conv::{Conv16, Work16};
pub(super) use kernels::Kernels16;
pub(super) use kernels::portable as portable_kernels;
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

/// Rounds numbers to bfloat16.
pub(super) fn narrow_all(from: &[f32], to: &mut [u16]) {
    assert_eq!(from.len(), to.len(), "engine: rounded numbers");
    let isa = instruction_set();
    to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK)).for_each(|(to, from)| narrow_chunk(isa, from, to));
}

/// Widens values of bfloat16.
pub(super) fn widen_all(from: &[u16], to: &mut [f32]) {
    check_len("to", to, from.len());
    let isa = instruction_set();
    to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK)).for_each(|(to, from)| widen_chunk(isa, from, to));
}

multiversion! {
    fn narrow_chunk(from: &[f32], to: &mut [u16]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = narrow(*from);
        }
    }
}

multiversion! {
    fn widen_chunk(from: &[u16], to: &mut [f32]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = widen(*from);
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
        let values: Vec<f32> = (0..70_000).map(|i| (i as f32 - 35_000.0) * 0.37).collect();
        let mut rounded = vec![0; values.len()];
        narrow_all(&values, &mut rounded);
        let mut back = vec![0.0; values.len()];
        widen_all(&rounded, &mut back);
        for ((value, rounded), back) in values.iter().zip(&rounded).zip(&back) {
            assert_eq!(*rounded, narrow(*value));
            assert!((back - value).abs() <= value.abs() / 256.0);
        }
    }
}
