//! The register-blocked inner product: up to [`MR`] rows by [`NR`] columns, held in registers over the whole depth.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

use crate::InstructionSet;

/// Rows of a register block.
pub(crate) const MR: usize = 6;
/// Columns of a register block, and the width of a packed panel.
pub(crate) const NR: usize = 16;

/// A stretch of the depth over which the left matrix goes on at equal steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where it begins, counted from the beginning of a row.
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// One register block: `c[rows, columns] (+)= a[rows, depth] * b[depth, NR]`; the runs make up the depth, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    /// 1 to [`MR`].
    pub(crate) rows: usize,
    /// 1 to [`NR`]; the panel `b` is always [`NR`] wide.
    pub(crate) columns: usize,
    /// Row `i` of `a` at step `k` of a run is `a[i] + run.start + k * a_step`; pointers from `rows` on are not used.
    pub(crate) a: [*const f32; MR],
    pub(crate) a_step: usize,
    pub(crate) runs: &'a [Run],
    /// `b[p, j]` is `b + p * NR + j`, `p` counting through all runs.
    pub(crate) b: *const f32,
    /// `c[i, j]` is `c[i] + j`; pointers from `rows` on are not used.
    pub(crate) c: [*mut f32; MR],
    /// Whether the product is added to what `c` holds or replaces it.
    pub(crate) accumulate: bool,
}

/// Runs one register block.
///
/// # Safety
/// Every element of `a`, `b` and `c` that [`Block`] names must be readable, those of `c` writable, with nothing else
/// reading or writing `c` meanwhile, and `c` apart from `a` and `b`. `isa` must come from
/// [`crate::instruction_set()`].
#[inline]
pub(crate) unsafe fn run(isa: InstructionSet, block: &Block<'_>) {
    debug_assert!((1..=MR).contains(&block.rows) && (1..=NR).contains(&block.columns));
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller vouches for the memory; `instruction_set()` found the features.
        InstructionSet::Avx2Fma => unsafe { avx2::run(block) },
        // SAFETY: the caller vouches for the memory.
        _ => unsafe { portable::run(block) },
    }
}
