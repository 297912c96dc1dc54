//! [`Lanes`] of AArch64.

use std::arch::{aarch64::*, asm};

use super::lanes::Lanes;

/// Eight lanes of NEON, in two registers: of the 32, a register block of 6 rows by 16 columns takes 24 for its sums, 4 for
/// the panel's row and 1 or 2 for the factors, which is the most that fits. With one register a vector, blocks of 8 rows
/// by 8 columns would load half as much again for each product. It has run under an emulator (QEMU) only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neon(float32x4_t, float32x4_t);

impl Neon {
    /// The lanes of `a` where the bits of `mask` are set, those of `b` elsewhere.
    ///
    /// # Safety
    /// The processor must have NEON.
    #[inline(always)]
    unsafe fn select(mask: [uint32x4_t; 2], a: Self, b: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        unsafe { Self(vbslq_f32(mask[0], a.0, b.0), vbslq_f32(mask[1], a.1, b.1)) }
    }
}

impl Lanes for Neon {
    const N: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller vouches for the instructions.
        let all = unsafe { vdupq_n_f32(value) };
        Self(all, all)
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the instructions and for eight floats; the load needs no alignment.
        unsafe { Self(vld1q_f32(from), vld1q_f32(from.add(4))) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self {
        debug_assert!(lanes <= 8);
        let mut all = [0.0; 8];
        // SAFETY: NEON has no masked load: the lanes asked for, at most eight, pass through an array of eight. The caller
        // vouches for them and for the instructions.
        unsafe {
            std::ptr::copy_nonoverlapping(from, all.as_mut_ptr(), lanes);
            Self::load(all.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as for `load`.
        unsafe {
            vst1q_f32(to, self.0);
            vst1q_f32(to.add(4), self.1);
        }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, lanes: usize) {
        debug_assert!(lanes <= 8);
        let mut all = [0.0; 8];
        // SAFETY: as for `load_first`.
        unsafe {
            self.store(all.as_mut_ptr());
            std::ptr::copy_nonoverlapping(all.as_ptr(), to, lanes);
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        unsafe { Self(vaddq_f32(self.0, other.0), vaddq_f32(self.1, other.1)) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        unsafe { Self(vsubq_f32(self.0, other.0), vsubq_f32(self.1, other.1)) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        unsafe { Self(vmulq_f32(self.0, other.0), vmulq_f32(self.1, other.1)) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        unsafe { Self(vfmaq_f32(term.0, self.0, factor.0), vfmaq_f32(term.1, self.1, factor.1)) }
    }

    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // SAFETY: NaN is not below zero, so it stays; nor is -0, which the maximum instruction would turn into 0, unlike
        // the other kernels. The caller vouches for the instructions.
        unsafe { Self::select([vcltzq_f32(self.0), vcltzq_f32(self.1)], Self::splat(0.0), self) }
    }

    #[inline(always)]
    unsafe fn larger(self, other: Self) -> Self {
        // SAFETY: the first is taken where it is larger or NaN, as in the other kernels; the maximum instruction would
        // treat 0 and -0 differently. The caller vouches for the instructions.
        unsafe {
            let first = |a, b| vorrq_u32(vcgtq_f32(a, b), vmvnq_u32(vceqq_f32(a, a)));
            Self::select([first(self.0, other.0), first(self.1, other.1)], self, other)
        }
    }

    #[inline(always)]
    unsafe fn fetch_near(at: *const f32) {
        // SAFETY: a hint, which neither reads memory nor faults. Rust has no stable function for it.
        unsafe { asm!("prfm pldl1keep, [{}]", in(reg) at.addr(), options(nomem, nostack, preserves_flags)) }
    }

    #[inline(always)]
    unsafe fn fetch_far(at: *const f32) {
        // SAFETY: a hint, which neither reads memory nor faults. Rust has no stable function for it.
        unsafe { asm!("prfm pldl2keep, [{}]", in(reg) at.addr(), options(nomem, nostack, preserves_flags)) }
    }
}
