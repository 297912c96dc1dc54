//! What a vector register has to do for bfloat16.

use super::{narrow, widen};
use crate::plan::lanes::{Lanes, Portable};

/// The most lanes of a register.
const MOST: usize = 16;

/// A vector register of sums, and the pairs of bfloat16 values that are multiplied into it.
///
/// # Safety
/// As for [`Lanes`].
pub(in crate::plan) trait HalfLanes: Lanes {
    /// A pair of values for each lane.
    type Pairs: Copy;

    /// The `2 N` values at `from`.
    unsafe fn pairs(from: *const u16) -> Self::Pairs;
    /// The two values at `from`, in every lane.
    unsafe fn splat_pair(from: *const u16) -> Self::Pairs;
    /// Adds both products of each lane's pairs.
    unsafe fn dot(self, a: Self::Pairs, b: Self::Pairs) -> Self;
    /// The `N` values at `from`, exactly.
    unsafe fn widen(from: *const u16) -> Self;
    /// Writes `N` values, rounded as [`narrow`] does.
    unsafe fn narrow(self, to: *mut u16);

    /// Writes `N` numbers in three parts, as [`super::split`] gives them, `plane` values apart.
    #[inline(always)]
    unsafe fn split(self, to: *mut u16, plane: usize) {
        // SAFETY: the caller vouches for `N` values in each plane.
        unsafe {
            self.narrow(to);
            let rest = self.sub(Self::widen(to));
            rest.narrow(to.add(plane));
            rest.sub(Self::widen(to.add(plane))).narrow(to.add(2 * plane));
        }
    }

    /// As [`HalfLanes::split`] for the first `lanes` numbers; touches no other memory.
    #[inline(always)]
    unsafe fn split_first(self, to: *mut u16, plane: usize, lanes: usize) {
        let mut values = [0; 3 * MOST];
        // SAFETY: the array holds three planes of `N <= MOST` values; the caller vouches for `lanes <= N` in each plane at `to`.
        unsafe {
            self.split(values.as_mut_ptr(), MOST);
            for part in 0..3 {
                std::ptr::copy_nonoverlapping(values.as_ptr().add(part * MOST), to.add(part * plane), lanes);
            }
        }
    }

    /// The first `lanes` values at `from`, zero in the others; touches no other memory.
    #[inline(always)]
    unsafe fn widen_first(from: *const u16, lanes: usize) -> Self {
        let mut values = [0; MOST];
        // SAFETY: the caller vouches for `lanes <= N <= MOST` values at `from`; the array holds `N`.
        unsafe {
            std::ptr::copy_nonoverlapping(from, values.as_mut_ptr(), lanes);
            Self::widen(values.as_ptr())
        }
    }

    /// Writes the first `lanes` values; touches no other memory.
    #[inline(always)]
    unsafe fn narrow_first(self, to: *mut u16, lanes: usize) {
        let mut values = [0; MOST];
        // SAFETY: the array holds `N` values; the caller vouches for `lanes <= N` at `to`.
        unsafe {
            self.narrow(values.as_mut_ptr());
            std::ptr::copy_nonoverlapping(values.as_ptr(), to, lanes);
        }
    }
}

impl HalfLanes for Portable {
    type Pairs = [[u16; 2]; 4];

    #[inline(always)]
    unsafe fn pairs(from: *const u16) -> Self::Pairs {
        // SAFETY: the caller vouches for eight values.
        unsafe { from.cast::<Self::Pairs>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn splat_pair(from: *const u16) -> Self::Pairs {
        // SAFETY: the caller vouches for two values.
        [unsafe { from.cast::<[u16; 2]>().read_unaligned() }; 4]
    }

    #[inline(always)]
    unsafe fn dot(self, a: Self::Pairs, b: Self::Pairs) -> Self {
        let part = |pairs: Self::Pairs, part: usize| Self::from_array(pairs.map(|pair| widen(pair[part])));
        // SAFETY: plain Rust.
        unsafe { part(a, 1).mul_add(part(b, 1), part(a, 0).mul_add(part(b, 0), self)) }
    }

    #[inline(always)]
    unsafe fn widen(from: *const u16) -> Self {
        // SAFETY: the caller vouches for four values.
        Self::from_array(unsafe { from.cast::<[u16; 4]>().read_unaligned() }.map(widen))
    }

    #[inline(always)]
    unsafe fn narrow(self, to: *mut u16) {
        // SAFETY: the caller vouches for four values.
        unsafe { to.cast::<[u16; 4]>().write_unaligned(self.to_array().map(narrow)) }
    }
}
