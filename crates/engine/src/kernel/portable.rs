//! The register block in plain Rust, for the compiler's vectoriser.

use super::{Block, NR};

/// Runs one register block.
///
/// # Safety
/// As [`super::run`].
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
unsafe fn rows<const ROWS: usize>(block: &Block<'_>) {
    let mut sums = [[0f32; NR]; ROWS];
    let mut b = block.b;
    for run in block.runs {
        for k in 0..run.len {
            // SAFETY: this row of the panel holds NR readable floats.
            let panel = unsafe { *b.cast::<[f32; NR]>() };
            for (sum, a) in sums.iter_mut().zip(block.a) {
                // SAFETY: the row's pointer is one of the first `rows`, and `k < run.len`.
                let a = unsafe { *a.add(run.start + k * block.a_step) };
                for (s, b) in sum.iter_mut().zip(panel) {
                    *s = multiply_add(a, b, *s);
                }
            }
            b = b.wrapping_add(NR);
        }
    }
    // A copy that the compiler cannot see through, because the loop below needs addresses: with those of `sums` itself, the
    // loop above would store all sums at each step (seen in the code for AArch64, whose registers hold them all).
    let totals = std::hint::black_box(sums);
    for (sum, c) in totals.iter().zip(block.c) {
        // SAFETY: row `i < rows` of `c` holds `columns` floats that only this call touches.
        let c = unsafe { std::slice::from_raw_parts_mut(c, block.columns) };
        for (c, s) in c.iter_mut().zip(sum) {
            *c = if block.accumulate { *c + s } else { *s };
        }
    }
}

/// Fused where the target always has the instruction; elsewhere `mul_add` would call a slow library function.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) { a.mul_add(b, c) } else { a * b + c }
}
