//! The register block with AVX-512: a vector is as wide as a panel, and up to 12 of the 32 vector registers hold sums.
//!
//! Every element is summed in the order of the depth, each product fused, as with AVX2: the bytes are the same.

use std::arch::asm;
use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps,
    _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::{Block, NR};

/// Runs one register block.
///
/// # Safety
/// As [`super::run`]; the processor must have AVX-512F.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn run(block: &Block<'_>) {
    if let Some(second) = block.second {
        // SAFETY: as below; with a second panel there are at most 8 rows.
        return unsafe {
            match block.rows {
                1 => rows_of_two::<1>(block, second),
                2 => rows_of_two::<2>(block, second),
                3 => rows_of_two::<3>(block, second),
                4 => rows_of_two::<4>(block, second),
                5 => rows_of_two::<5>(block, second),
                6 => rows_of_two::<6>(block, second),
                7 => rows_of_two::<7>(block, second),
                _ => rows_of_two::<8>(block, second),
            }
        };
    }
    // SAFETY: the caller's promise is passed on; each arm's `ROWS` is `block.rows`.
    unsafe {
        match block.rows {
            1 => rows::<1>(block),
            2 => rows::<2>(block),
            3 => rows::<3>(block),
            4 => rows::<4>(block),
            5 => rows::<5>(block),
            6 => rows::<6>(block),
            7 => rows::<7>(block),
            8 => rows::<8>(block),
            9 => rows::<9>(block),
            10 => rows::<10>(block),
            11 => rows::<11>(block),
            _ => rows::<12>(block),
        }
    }
}

/// # Safety
/// As [`super::run`], and `ROWS == block.rows`.
#[target_feature(enable = "avx512f")]
unsafe fn rows<const ROWS: usize>(block: &Block<'_>) {
    let mut sums = [_mm512_setzero_ps(); ROWS];
    let mut b = block.b;
    for run in block.runs {
        let (mut at, mut left) = (run.start, run.len);
        while left > 0 {
            // SAFETY: this row of the panel holds NR = 16 readable floats.
            let panel = unsafe { _mm512_loadu_ps(b) };
            for (sum, a) in sums.iter_mut().zip(block.a) {
                // SAFETY: `at` is `run.start + k * a_step` with `k < run.len`.
                *sum = _mm512_fmadd_ps(_mm512_set1_ps(unsafe { *a.wrapping_add(at) }), panel, *sum);
            }
            b = b.wrapping_add(NR);
            // The compiler must not see how the offset goes on: it would keep an address for each row and move them all.
            at += block.a_step;
            // SAFETY: nothing is done.
            unsafe { asm!("/* {0} */", inout(reg) at, options(nomem, nostack, preserves_flags)) };
            left -= 1;
        }
    }
    for (sum, c) in sums.iter().zip(block.c) {
        // SAFETY: row `i < rows` of `c` holds `columns` floats that only this call touches.
        unsafe { store(c, *sum, block.columns, block.accumulate) };
    }
}

/// # Safety
/// As [`super::run`], with the second panel and `ROWS == block.rows`.
#[target_feature(enable = "avx512f")]
unsafe fn rows_of_two<const ROWS: usize>(block: &Block<'_>, mut second: *const f32) {
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    let mut b = block.b;
    for run in block.runs {
        let (mut at, mut left) = (run.start, run.len);
        while left > 0 {
            // SAFETY: this row of both panels holds NR = 16 readable floats.
            let panels = unsafe { [_mm512_loadu_ps(b), _mm512_loadu_ps(second)] };
            for (sums, a) in sums.iter_mut().zip(block.a) {
                // SAFETY: `at` is `run.start + k * a_step` with `k < run.len`.
                let a = _mm512_set1_ps(unsafe { *a.wrapping_add(at) });
                sums[0] = _mm512_fmadd_ps(a, panels[0], sums[0]);
                sums[1] = _mm512_fmadd_ps(a, panels[1], sums[1]);
            }
            (b, second) = (b.wrapping_add(NR), second.wrapping_add(NR));
            at += block.a_step;
            // As in `rows`.
            // SAFETY: nothing is done.
            unsafe { asm!("/* {0} */", inout(reg) at, options(nomem, nostack, preserves_flags)) };
            left -= 1;
        }
    }
    for (sums, c) in sums.iter().zip(block.c) {
        // SAFETY: row `i < rows` of `c` holds `columns` floats, more than NR, that only this call touches.
        unsafe {
            store(c, sums[0], NR, block.accumulate);
            store(c.wrapping_add(block.c_second), sums[1], block.columns - NR, block.accumulate);
        }
    }
}

/// # Safety
/// `c` must be valid for reading and writing `columns` floats.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn store(c: *mut f32, mut sum: __m512, columns: usize, accumulate: bool) {
    if columns == NR {
        // SAFETY: `c` holds 16 floats.
        unsafe {
            if accumulate {
                sum = _mm512_add_ps(sum, _mm512_loadu_ps(c));
            }
            _mm512_storeu_ps(c, sum);
        }
        return;
    }
    let mask = ((1u32 << columns) - 1) as u16;
    // SAFETY: masked lanes are neither read nor written; the others lie below `columns`.
    unsafe {
        if accumulate {
            sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, c));
        }
        _mm512_mask_storeu_ps(c, mask, sum);
    }
}
