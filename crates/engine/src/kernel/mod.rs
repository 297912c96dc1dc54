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

/// Rows of a register block of two panels; `None` where an instruction set has no such blocks.
///
/// Such a block takes 10 loads for 16 products of vectors, one of one panel 13 for 12.
pub(crate) fn most_rows_of_two(isa: InstructionSet) -> Option<usize> {
    (isa == InstructionSet::Avx512).then_some(8)
}

/// A stretch of the depth over which the left matrix goes on at equal steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where it begins, counted from the beginning of a row.
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// One register block: `c[rows, columns] (+)= a[rows, depth] * b[depth, NR]`; the runs make up the depth, in order. With a
/// second panel there are up to `2 * NR` columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    /// 1 to [`most_rows`], or to [`most_rows_of_two`] with a second panel.
    pub(crate) rows: usize,
    /// 1 to [`NR`], and [`NR`] more with a second panel; panels are always [`NR`] wide.
    pub(crate) columns: usize,
    /// Row `i` of `a` at step `k` of a run is `a[i] + run.start + k * a_step`; pointers from `rows` on are not used.
    pub(crate) a: [*const f32; MR],
    pub(crate) a_step: usize,
    pub(crate) runs: &'a [Run],
    /// `b[p, j]` is `b + p * NR + j`, `p` counting through all runs.
    pub(crate) b: *const f32,
    /// The panel of the columns from [`NR`] on, laid out as `b`.
    pub(crate) second: Option<*const f32>,
    /// `c[i, j]` is `c[i] + j`; pointers from `rows` on are not used.
    pub(crate) c: [*mut f32; MR],
    /// `c[i, NR + j]` is `c[i] + c_second + j`.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "elsewhere no block has two panels"))]
    pub(crate) c_second: usize,
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
    let (most, columns) = match block.second {
        None => (Some(most_rows(isa)), 1..=NR),
        Some(_) => (most_rows_of_two(isa), NR + 1..=2 * NR),
    };
    debug_assert!(most.is_some_and(|most| (1..=most).contains(&block.rows)) && columns.contains(&block.columns));
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
                            second: None,
                            c: std::array::from_fn(|i| start.wrapping_add(i * NR)),
                            c_second: NR,
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

    #[test]
    fn blocks_of_two_panels_are_two_blocks() {
        let isa = instruction_set();
        let Some(most) = most_rows_of_two(isa) else { return };
        let number = |i: usize| ((i * 7919 % 2003) as f32 - 1000.0) / 1000.0;
        let runs = [Run { start: 1, len: 5 }, Run { start: 20, len: 8 }];
        let a: Vec<f32> = (0..MR * 60).map(number).collect();
        let panels = [0, 1].map(|panel| (0..13 * NR).map(|i| number(i * 3 + panel)).collect::<Vec<f32>>());
        for (rows, columns) in (1..=most).flat_map(|rows| (NR + 1..=2 * NR).map(move |columns| (rows, columns))) {
            for accumulate in [false, true] {
                let [mut one, mut two] = [vec![0.5f32; MR * 2 * NR], vec![0.5f32; MR * 2 * NR]];
                let block = |b: &[f32], second: Option<&[f32]>, columns: usize, c: *mut f32| Block {
                    rows,
                    columns,
                    a: std::array::from_fn(|i| a[i * 60..].as_ptr()),
                    a_step: 2,
                    runs: &runs,
                    b: b.as_ptr(),
                    second: second.map(<[f32]>::as_ptr),
                    c: std::array::from_fn(|i| c.wrapping_add(i * 2 * NR)),
                    c_second: NR,
                    accumulate,
                };
                let start = one.as_mut_ptr();
                // SAFETY: the slices hold what the blocks name, and the machine has the instructions.
                unsafe {
                    run(isa, &block(&panels[0], Some(&panels[1]), columns, start));
                    let start = two.as_mut_ptr();
                    run(isa, &block(&panels[0], None, NR, start));
                    run(isa, &block(&panels[1], None, columns - NR, start.wrapping_add(NR)));
                }
                assert_eq!(one, two, "{rows} {columns}");
            }
        }
    }
}
