//! [`Lanes`] of x86-64.

use std::arch::asm;
use std::arch::x86_64::*;

use super::lanes::Lanes;

/// Eight lanes of AVX2 with FMA.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(pub(super) __m256);

/// Sixteen lanes of AVX-512F.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(pub(super) __m512);

/// A mask of the first `lanes` of 8.
///
/// # Safety
/// The processor must have AVX2; `lanes` is at most 8.
#[inline(always)]
unsafe fn first_lanes(lanes: usize) -> __m256i {
    const EDGE: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    debug_assert!(lanes <= 8);
    // SAFETY: eight integers from `8 - lanes <= 8` on lie in the table.
    unsafe { _mm256_loadu_si256(EDGE.as_ptr().add(8 - lanes).cast()) }
}

/// A mask of the first `lanes` of 16.
#[inline(always)]
fn first_bits(lanes: usize) -> __mmask16 {
    ((1u32 << lanes) - 1) as __mmask16
}

impl Lanes for Avx2 {
    const N: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the instructions and the memory.
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self {
        // SAFETY: masked lanes are not read; the caller vouches for the instructions.
        Self(unsafe { _mm256_maskload_ps(from, first_lanes(lanes)) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the instructions and the memory.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, lanes: usize) {
        // SAFETY: masked lanes are not written; the caller vouches for the instructions.
        unsafe { _mm256_maskstore_ps(to, first_lanes(lanes), self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, term.0) })
    }

    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // SAFETY: the instruction gives its second operand where one is NaN; the caller vouches for the instructions.
        Self(unsafe { _mm256_max_ps(_mm256_setzero_ps(), self.0) })
    }

    #[inline(always)]
    unsafe fn larger(self, other: Self) -> Self {
        // SAFETY: the instruction gives its second operand where one is NaN, so only NaN in the first needs care;
        // the caller vouches for the instructions.
        Self(unsafe {
            let unordered = _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0);
            _mm256_blendv_ps(_mm256_max_ps(self.0, other.0), self.0, unordered)
        })
    }

    #[inline(always)]
    unsafe fn fetch_near(at: *const f32) {
        // SAFETY: a hint, which reads no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[inline(always)]
    unsafe fn fetch_to_write(at: *const f32) {
        // SAFETY: a hint, which reads no memory. The intrinsic would become `prefetcht0` without a feature of its own;
        // processors of this target that do not know the instruction do nothing.
        unsafe { asm!("prefetchw [{}]", in(reg) at, options(nostack, preserves_flags, readonly)) }
    }

    #[inline(always)]
    unsafe fn fetch_far(at: *const f32) {
        // SAFETY: a hint, which reads no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
}

impl Lanes for Avx512 {
    const N: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the instructions and the memory.
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self {
        // SAFETY: masked lanes are not read; the caller vouches for the instructions.
        Self(unsafe { _mm512_maskz_loadu_ps(first_bits(lanes), from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the instructions and the memory.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, lanes: usize) {
        // SAFETY: masked lanes are not written; the caller vouches for the instructions.
        unsafe { _mm512_mask_storeu_ps(to, first_bits(lanes), self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, term.0) })
    }

    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // SAFETY: the instruction gives its second operand where one is NaN; the caller vouches for the instructions.
        Self(unsafe { _mm512_max_ps(_mm512_setzero_ps(), self.0) })
    }

    #[inline(always)]
    unsafe fn larger(self, other: Self) -> Self {
        // SAFETY: the instruction gives its second operand where one is NaN, so only NaN in the first needs care;
        // the caller vouches for the instructions.
        Self(unsafe {
            let unordered = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0);
            _mm512_mask_mov_ps(_mm512_max_ps(self.0, other.0), unordered, self.0)
        })
    }

    #[inline(always)]
    unsafe fn fetch_near(at: *const f32) {
        // SAFETY: a hint, which reads no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[inline(always)]
    unsafe fn fetch_to_write(at: *const f32) {
        // SAFETY: a hint, which reads no memory. The intrinsic would become `prefetcht0` without a feature of its own;
        // processors of this target that do not know the instruction do nothing.
        unsafe { asm!("prefetchw [{}]", in(reg) at, options(nostack, preserves_flags, readonly)) }
    }

    #[inline(always)]
    unsafe fn fetch_far(at: *const f32) {
        // SAFETY: a hint, which reads no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
}
