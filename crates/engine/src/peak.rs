//! The bound that benchmarks measure against: the register block on data that never leaves the first-level cache.

use crate::instruction_set;
use crate::kernel::{self, Block, MR, NR, Run, most_rows};

/// Depth of the block: its operands take 12 KiB.
const DEPTH: usize = 128;

/// Floating-point operations of one round of [`peak_rounds`].
pub const PEAK_FLOPS_PER_ROUND: u64 = (2 * MR * NR * DEPTH) as u64;

/// Runs the register block `rounds` times over the same cached operands and returns a number that depends on the
/// results, so that the work cannot be dropped. For benchmarks.
#[must_use]
pub fn peak_rounds(rounds: u64) -> f32 {
    let (a, b) = (vec![0.5f32; MR * DEPTH], vec![0.25f32; NR * DEPTH]);
    let mut c = vec![0f32; MR * NR];
    let (isa, rows) = (instruction_set(), c.as_mut_ptr());
    let most = most_rows(isa);
    for (round, first) in (0..rounds).flat_map(|round| (0..MR).step_by(most).map(move |first| (round, first))) {
        let row = |i: usize| first + i.min(most - 1);
        let block = Block {
            rows: most,
            columns: NR,
            a: std::array::from_fn(|i| a[row(i) * DEPTH..].as_ptr()),
            a_step: 1,
            runs: &[Run { start: 0, len: DEPTH }],
            second: None,
            b: b.as_ptr(),
            c: std::array::from_fn(|i| rows.wrapping_add(row(i) * NR)),
            c_second: NR,
            accumulate: round % 1024 != 0,
        };
        // SAFETY: the three vectors hold exactly the block's operands.
        unsafe { kernel::run(isa, &block) };
    }
    c.iter().sum()
}
