//! [`HalfLanes`] of x86-64.

use std::arch::x86_64::*;

use super::lanes::HalfLanes;
use crate::plan::lanes::Lanes;
use crate::plan::lanes_x86::{Avx2, Avx512};

impl HalfLanes for Avx2 {
    type Pairs = __m256i;

    #[inline(always)]
    unsafe fn pairs(from: *const u16) -> Self::Pairs {
        // SAFETY: the caller vouches for the instructions and the memory.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn splat_pair(from: *const u16) -> Self::Pairs {
        // SAFETY: the caller vouches for the instructions and the memory.
        unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    /// By fused instructions: the first value of a pair lies in the lower half of a lane.
    #[inline(always)]
    unsafe fn dot(self, a: Self::Pairs, b: Self::Pairs) -> Self {
        // SAFETY: the caller vouches for the instructions.
        unsafe {
            let first = |pairs| Avx2(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs)));
            let upper = _mm256_set1_epi32(!0xffff);
            let second = |pairs| Avx2(_mm256_castsi256_ps(_mm256_and_si256(pairs, upper)));
            second(a).mul_add(second(b), first(a).mul_add(first(b), self))
        }
    }

    #[inline(always)]
    unsafe fn widen(from: *const u16) -> Self {
        // SAFETY: the caller vouches for the instructions and the memory.
        unsafe {
            let values = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(values)))
        }
    }

    #[inline(always)]
    unsafe fn narrow(self, to: *mut u16) {
        // SAFETY: the caller vouches for the instructions and the memory; packing takes 128 bits of each operand in
        // turn, so the parts in between are left out by the permutation.
        unsafe {
            let bits = _mm256_castps_si256(self.0);
            let even = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let sum = _mm256_add_epi32(bits, _mm256_add_epi32(even, _mm256_set1_epi32(0x7fff)));
            let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x40_0000));
            let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0));
            let rounded = _mm256_srli_epi32::<16>(_mm256_blendv_epi8(sum, quiet, nan));
            let packed = _mm256_permute4x64_epi64::<0b_10_00>(_mm256_packus_epi32(rounded, rounded));
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(packed));
        }
    }
}

/// Needs AVX512-BF16 beside AVX-512F. Its instruction for products takes denormal numbers, below 1.2e-38, for zero.
impl HalfLanes for Avx512 {
    type Pairs = __m512bh;

    #[inline(always)]
    unsafe fn pairs(from: *const u16) -> Self::Pairs {
        // SAFETY: the caller vouches for the instructions and the memory; both types are 512 bits.
        unsafe { std::mem::transmute::<__m512i, __m512bh>(_mm512_loadu_si512(from.cast())) }
    }

    #[inline(always)]
    unsafe fn splat_pair(from: *const u16) -> Self::Pairs {
        // SAFETY: as for `pairs`.
        unsafe {
            let pair = from.cast::<i32>().read_unaligned();
            std::mem::transmute::<__m512i, __m512bh>(_mm512_set1_epi32(pair))
        }
    }

    #[inline(always)]
    unsafe fn dot(self, a: Self::Pairs, b: Self::Pairs) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm512_dpbf16_ps(self.0, a, b) })
    }

    #[inline(always)]
    unsafe fn widen(from: *const u16) -> Self {
        // SAFETY: the caller vouches for the instructions and the memory.
        unsafe {
            let values = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(values)))
        }
    }

    #[inline(always)]
    unsafe fn narrow(self, to: *mut u16) {
        // SAFETY: the caller vouches for the instructions and the memory.
        unsafe {
            let rounded = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(self.0));
            _mm256_storeu_si256(to.cast(), rounded);
        }
    }
}
