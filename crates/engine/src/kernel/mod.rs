//! The register-blocked inner product: up to [`MR`] rows by [`NR`] columns, held in registers over the whole depth.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

use crate::InstructionSet;

/// Rows of a register block.
pub(crate) const MR: usize = 6;
/// Columns of a register block, and the width of a packed panel.
pub(crate) const NR: usize = 16;

/// One register block: `c[rows, columns] (+)= a[rows, depth] * b[depth, NR]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// 1 to [`MR`].
    pub(crate) rows: usize,
    /// 1 to [`NR`]; the panel `b` is always [`NR`] wide.
    pub(crate) columns: usize,
    pub(crate) depth: usize,
    /// `a[i, p]` is `a + i * a_row + p * a_column`.
    pub(crate) a: *const f32,
    pub(crate) a_row: usize,
    pub(crate) a_column: usize,
    /// `b[p, j]` is `b + p * NR + j`.
    pub(crate) b: *const f32,
    /// `c[i, j]` is `c + i * c_row + j`.
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
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
pub(crate) unsafe fn run(isa: InstructionSet, block: &Block) {
    debug_assert!((1..=MR).contains(&block.rows) && (1..=NR).contains(&block.columns));
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller vouches for the memory; `instruction_set()` found the features.
        InstructionSet::Avx2Fma => unsafe { avx2::run(block) },
        // SAFETY: the caller vouches for the memory.
        _ => unsafe { portable::run(block) },
    }
}
