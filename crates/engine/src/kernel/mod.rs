//! The register-blocked inner product: up to [`MR`] rows by [`NR`] columns, held in registers over the whole depth.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::InstructionSet;

/// Rows of the highest register block.
pub(crate) const MR: usize = 12;
/// Columns of a register block, and the width of a packed panel.
pub(crate) const NR: usize = 16;

/// Rows of a register block of this instruction set: what its registers hold.
pub(crate) fn most_rows(isa: InstructionSet) -> usize {
    match isa {
        InstructionSet::Avx512 => MR,
        InstructionSet::Avx2Fma | InstructionSet::Portable => 6,
    }
}

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
    /// 1 to [`most_rows`].
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
    debug_assert!((1..=most_rows(isa)).contains(&block.rows) && (1..=NR).contains(&block.columns));
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller vouches for the memory; `instruction_set()` found the features.
        InstructionSet::Avx2Fma => unsafe { avx2::run(block) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as for AVX2.
        InstructionSet::Avx512 => unsafe { avx512::run(block) },
        // SAFETY: the caller vouches for the memory.
        _ => unsafe { portable::run(block) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruction_set;

    /// Every size of a block, with every instruction set that this machine has; bytes are equal where products are fused.
    #[test]
    fn blocks_agree_with_the_definition() {
        let runs = [Run { start: 3, len: 5 }, Run { start: 20, len: 8 }];
        let depth = 13;
        let number = |i: usize| ((i * 7919 % 2003) as f32 - 1000.0) / 1000.0;
        for step in [1, 3] {
            let row = 60 * step;
            let a: Vec<f32> = (0..MR * row).map(number).collect();
            let b: Vec<f32> = (0..depth * NR).map(|i| number(i + 5)).collect();
            let places: Vec<usize> =
                runs.iter().flat_map(|run| (0..run.len).map(move |k| run.start + k * step)).collect();
            for (rows, columns) in (1..=MR).flat_map(|rows| (1..=NR).map(move |columns| (rows, columns))) {
                for accumulate in [false, true] {
                    let mut expected = vec![0.5f32; MR * NR];
                    for i in 0..rows {
                        for j in 0..columns {
                            let products = places.iter().enumerate();
                            let sum = products.fold(0.0f32, |sum, (p, at)| a[i * row + at].mul_add(b[p * NR + j], sum));
                            let out = &mut expected[i * NR + j];
                            *out = if accumulate { *out + sum } else { sum };
                        }
                    }
                    let best = instruction_set();
                    for isa in [InstructionSet::Portable, InstructionSet::Avx2Fma, InstructionSet::Avx512] {
                        if isa > best || rows > most_rows(isa) {
                            continue;
                        }
                        let mut c = vec![0.5f32; MR * NR];
                        let start = c.as_mut_ptr();
                        let block = Block {
                            rows,
                            columns,
                            a: std::array::from_fn(|i| a[i * row..].as_ptr()),
                            a_step: step,
                            runs: &runs,
                            b: b.as_ptr(),
                            c: std::array::from_fn(|i| start.wrapping_add(i * NR)),
                            accumulate,
                        };
                        // SAFETY: the slices hold what the block names, and the machine has the instructions.
                        unsafe { run(isa, &block) };
                        if isa == InstructionSet::Portable {
                            assert!(c.iter().zip(&expected).all(|(c, e)| (c - e).abs() < 1e-5), "{rows} {columns}");
                        } else {
                            assert_eq!(c, expected, "{isa:?} {rows} {columns}");
                        }
                    }
                }
            }
        }
    }
}
