//! The register block with AVX2 and FMA: 12 of the 16 vector registers hold sums.

use std::arch::x86_64::{
    __m256, __m256i, _mm256_add_ps, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256,
    _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_setzero_ps, _mm256_storeu_ps,
};

use super::{Block, NR};

/// Runs one register block.
///
/// # Safety
/// As [`super::run`]; the processor must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run(block: &Block<'_>) {
    // SAFETY: the caller's promise is passed on; each arm's `ROWS` is `block.rows`.
    unsafe {
        match block.rows {
            1 => rows::<1>(block),
            2 => rows::<2>(block),
            3 => rows::<3>(block),
            4 => rows::<4>(block),
            5 => rows::<5>(block),
            _ => rows::<6>(block),
        }
    }
}

/// # Safety
/// As [`super::run`], and `ROWS == block.rows`.
#[target_feature(enable = "avx2,fma")]
unsafe fn rows<const ROWS: usize>(block: &Block<'_>) {
    let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
    let mut b = block.b;
    for run in block.runs {
        let a: [*const f32; ROWS] = std::array::from_fn(|i| block.a[i].wrapping_add(run.start));
        let mut at = 0;
        for _ in 0..run.len {
            // SAFETY: this row of the panel holds NR = 16 readable floats.
            let (b0, b1) = unsafe { (_mm256_loadu_ps(b), _mm256_loadu_ps(b.add(8))) };
            for (sum, a) in sums.iter_mut().zip(a) {
                // SAFETY: `at` is `k * a_step` with `k < run.len`.
                let a = _mm256_broadcast_ss(unsafe { &*a.add(at) });
                sum[0] = _mm256_fmadd_ps(a, b0, sum[0]);
                sum[1] = _mm256_fmadd_ps(a, b1, sum[1]);
            }
            b = b.wrapping_add(NR);
            at += block.a_step;
        }
    }
    for (sum, c) in sums.iter().zip(block.c) {
        // SAFETY: row `i < rows` of `c` holds `columns` floats that only this call touches.
        unsafe { store(c, *sum, block.columns, block.accumulate) };
    }
}

/// # Safety
/// `c` must be valid for reading and writing `columns` floats.
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn store(c: *mut f32, mut sum: [__m256; 2], columns: usize, accumulate: bool) {
    if columns == NR {
        // SAFETY: `c` holds 16 floats.
        unsafe {
            if accumulate {
                sum[0] = _mm256_add_ps(sum[0], _mm256_loadu_ps(c));
                sum[1] = _mm256_add_ps(sum[1], _mm256_loadu_ps(c.add(8)));
            }
            _mm256_storeu_ps(c, sum[0]);
            _mm256_storeu_ps(c.add(8), sum[1]);
        }
        return;
    }
    for (half, mut sum) in sum.into_iter().enumerate() {
        let lanes = columns.saturating_sub(half * 8).min(8);
        if lanes == 0 {
            break;
        }
        let mask = first_lanes(lanes);
        // SAFETY: masked lanes are neither read nor written; the others lie below `columns`.
        unsafe {
            let c = c.add(half * 8);
            if accumulate {
                sum = _mm256_add_ps(sum, _mm256_maskload_ps(c, mask));
            }
            _mm256_maskstore_ps(c, mask, sum);
        }
    }
}

/// A mask of the first `lanes` of 8.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn first_lanes(lanes: usize) -> __m256i {
    const EDGE: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let start = &EDGE[8 - lanes..][..8];
    // SAFETY: the slice holds eight integers.
    unsafe { _mm256_loadu_si256(start.as_ptr().cast()) }
}
