//! The register block in plain Rust, for the compiler's vectoriser.

use super::{Block, NR};

/// Runs one register block.
///
/// # Safety
/// As [`super::run`].
pub(super) unsafe fn run(block: &Block) {
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
unsafe fn rows<const ROWS: usize>(block: &Block) {
    let mut sums = [[0f32; NR]; ROWS];
    for p in 0..block.depth {
        // SAFETY: row `p < depth` of the panel holds NR readable floats.
        let b = unsafe { *block.b.add(p * NR).cast::<[f32; NR]>() };
        for (i, sum) in sums.iter_mut().enumerate() {
            // SAFETY: `i < rows` and `p < depth`.
            let a = unsafe { *block.a.add(i * block.a_row + p * block.a_column) };
            for (s, b) in sum.iter_mut().zip(b) {
                *s = multiply_add(a, b, *s);
            }
        }
    }
    // A copy that the compiler cannot see through, because the loop below needs addresses: with those of `sums` itself, the
    // loop above would store all sums at each step (seen in the code for AArch64, whose registers hold them all).
    let totals = std::hint::black_box(sums);
    for (i, sum) in totals.iter().enumerate() {
        // SAFETY: row `i < rows` of `c` holds `columns` floats that only this call touches.
        let c = unsafe { std::slice::from_raw_parts_mut(block.c.add(i * block.c_row), block.columns) };
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
