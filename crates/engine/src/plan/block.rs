//! The register block: up to `MR` pixels by two vectors of output channels, held in registers over a pass of the depth.

use super::lanes::Lanes;

/// One register block: `out[rows, columns] (+)= windows[rows, taps * depth] * panel`, finished where it is the last pass.
///
/// A window is `taps` runs of `depth` contiguous floats, each at an address of its own, so that nothing is gathered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// 1 to the kernel's rows.
    pub(super) rows: usize,
    /// 1 to the kernel's columns; the panel is always of full width.
    pub(super) columns: usize,
    pub(super) taps: usize,
    pub(super) depth: usize,
    /// The run of row `i` and tap `t` begins at `*runs.add(t * kernel_rows + i)` plus `from`.
    pub(super) runs: *const *const f32,
    pub(super) from: usize,
    /// `taps * depth` rows of the kernel's columns.
    pub(super) panel: *const f32,
    /// Row `i` begins at `out + i * out_row`.
    pub(super) out: *mut f32,
    pub(super) out_row: usize,
    /// Whether the product is added to what `out` holds.
    pub(super) accumulate: bool,
    pub(super) end: Option<End>,
}

/// What happens to a finished sum: `sum + bias (+ add)`, then ReLU where asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// As wide as the panel.
    pub(super) bias: *const f32,
    /// Laid out as `out`; null where nothing is added.
    pub(super) add: *const f32,
    pub(super) relu: bool,
}

/// Runs one block of at most `MR` rows.
///
/// # Safety
/// The processor must have the instructions of `L`, `MR` be at most 8 and `block.rows` from 1 to `MR`. Every address
/// that [`Block`] and [`End`] describe must be readable, those of `out` writable, and nothing else may read or write
/// `out` meanwhile.
#[inline(always)]
pub(super) unsafe fn run<L: Lanes, const MR: usize>(block: &Block) {
    debug_assert!((1..=MR).contains(&block.rows) && (1..=2 * L::N).contains(&block.columns));
    // SAFETY: the caller's promise is passed on; each arm's `R` is `block.rows`.
    unsafe {
        match block.rows {
            1 => rows::<L, MR, 1>(block),
            2 => rows::<L, MR, 2>(block),
            3 => rows::<L, MR, 3>(block),
            4 => rows::<L, MR, 4>(block),
            5 => rows::<L, MR, 5>(block),
            6 => rows::<L, MR, 6>(block),
            7 if MR > 6 => rows::<L, MR, 7>(block),
            _ if MR > 6 => rows::<L, MR, 8>(block),
            _ => {}
        }
    }
}

/// # Safety
/// As [`run`], and `R == block.rows`.
#[inline(always)]
unsafe fn rows<L: Lanes, const MR: usize, const R: usize>(block: &Block) {
    // SAFETY: runs hold `depth` floats from `from` on, the panel `taps * depth` rows of two vectors, and `out`, `bias`
    // and `add` what `finish` touches, all by the caller's promise.
    unsafe {
        let mut sums = [[L::splat(0.0); 2]; R];
        let mut panel = block.panel;
        for tap in 0..block.taps {
            let mut runs = [std::ptr::null(); R];
            for (i, run) in runs.iter_mut().enumerate() {
                *run = (*block.runs.add(tap * MR + i)).add(block.from);
            }
            for p in 0..block.depth {
                let (b0, b1) = (L::load(panel), L::load(panel.add(L::N)));
                for (sum, run) in sums.iter_mut().zip(runs) {
                    let a = L::splat(*run.add(p));
                    sum[0] = a.mul_add(b0, sum[0]);
                    sum[1] = a.mul_add(b1, sum[1]);
                }
                panel = panel.add(2 * L::N);
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            for (half, sum) in sum.into_iter().enumerate() {
                let lanes = block.columns.saturating_sub(half * L::N).min(L::N);
                if lanes == L::N {
                    finish(block, i * block.out_row + half * L::N, half * L::N, sum, |p| L::load(p), |v, p| v.store(p));
                } else if lanes > 0 {
                    let (load, store) = (|p| L::load_first(p, lanes), |v: L, p| v.store_first(p, lanes));
                    finish(block, i * block.out_row + half * L::N, half * L::N, sum, load, store);
                }
            }
        }
    }
}

/// # Safety
/// `load` and `store` must be good for `out + at` and `add + at`, and `bias + column` for a whole vector.
#[inline(always)]
unsafe fn finish<L: Lanes>(
    block: &Block,
    at: usize,
    column: usize,
    mut sum: L,
    load: impl Fn(*const f32) -> L,
    store: impl Fn(L, *mut f32),
) {
    // SAFETY: by the caller's promise.
    unsafe {
        let out = block.out.add(at);
        if block.accumulate {
            sum = sum.add(load(out));
        }
        if let Some(end) = &block.end {
            sum = sum.add(L::load(end.bias.add(column)));
            if !end.add.is_null() {
                sum = sum.add(load(end.add.add(at)));
            }
            if end.relu {
                sum = sum.relu();
            }
        }
        store(sum, out);
    }
}
