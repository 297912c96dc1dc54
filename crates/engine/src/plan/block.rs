//! The register block: up to `MR` pixels by two vectors of output channels, held in registers over a pass of the depth.

use super::lanes::Lanes;

/// Floats of a run between two rounds of asking for what comes next: a cache line where vectors have 8 lanes. Of longer
/// vectors each round has more to do, and needs to be asked for less.
const fn step(lanes: usize) -> usize {
    if lanes > 8 { 32 } else { 16 }
}

/// Columns of the widest register block.
const MOST_COLUMNS: usize = 32;

/// A tile of one panel's width: `out[rows, columns] (+)= windows[rows, taps * depth] * panel`, finished where it is the
/// last pass.
///
/// A window is `taps` runs of `depth` contiguous floats, each at an address of its own, so that nothing is gathered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    pub(super) rows: usize,
    /// 1 to the kernel's columns; the panel is always of full width.
    pub(super) columns: usize,
    pub(super) taps: usize,
    pub(super) depth: usize,
    /// The run of tap `t` of row `i` of register block `k` begins at `*runs.add(k * block_runs + t * kernel_rows + i)`
    /// plus `from`. Blocks are as high as [`block_height`] says.
    pub(super) runs: *const *const f32,
    pub(super) block_runs: usize,
    pub(super) from: usize,
    /// `taps * depth` rows of the kernel's columns.
    pub(super) panel: *const f32,
    /// What will be the panel after this one; it is only asked for, not read.
    pub(super) next_panel: *const f32,
    /// Row `i` begins at `out + i * out_row`.
    pub(super) out: *mut f32,
    pub(super) out_row: usize,
    /// Whether the product is added to what `out` holds.
    pub(super) accumulate: bool,
    pub(super) end: Option<End>,
}

/// Rows of the next register block where `left` are left: never a thin last one, which would leave the arithmetic idle.
#[inline(always)]
pub(super) fn block_height(most: usize, left: usize) -> usize {
    if left > most && left < 2 * most { left.div_ceil(2) } else { left.min(most) }
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

/// Runs a product, register block by register block of at most `MR` rows.
///
/// # Safety
/// The processor must have the instructions of `L`, `MR` be 6 or 8 and `columns` at most two vectors. Every address that
/// [`Product`] and [`End`] describe must be readable, those of `out` writable, and nothing else may read or write `out`
/// meanwhile. The list of runs must have `taps * MR` addresses for each block, those beyond its rows of any value.
#[inline(always)]
pub(super) unsafe fn run<L: Lanes, const MR: usize>(product: &Product) {
    debug_assert!((1..=2 * L::N).contains(&product.columns));
    let blocks = product.rows.div_ceil(MR);
    // Each round asks for so many lines of the next panel that all are asked for when the last block is done.
    let lines = (2 * L::N * step(L::N) / 16).div_ceil(blocks.max(1));
    let (mut start, mut index, mut ahead) = (0, 0, product.next_panel);
    while start < product.rows {
        let height = block_height(MR, product.rows - start);
        let next = if start + height < product.rows { index + 1 } else { 0 };
        let at = At { index, next, start, lines };
        // SAFETY: the caller's promise is passed on; each arm's `R` is the block's height.
        ahead = unsafe {
            match height {
                1 => rows::<L, MR, 1>(product, at, ahead),
                2 => rows::<L, MR, 2>(product, at, ahead),
                3 => rows::<L, MR, 3>(product, at, ahead),
                4 => rows::<L, MR, 4>(product, at, ahead),
                5 => rows::<L, MR, 5>(product, at, ahead),
                6 => rows::<L, MR, 6>(product, at, ahead),
                7 if MR > 6 => rows::<L, MR, 7>(product, at, ahead),
                _ if MR > 6 => rows::<L, MR, 8>(product, at, ahead),
                _ => ahead,
            }
        };
        (start, index) = (start + height, index + 1);
    }
}

/// A register block of a product: its number and that of the next, its first row, and the lines of the next panel that
/// each round asks for.
#[derive(Debug, Clone, Copy)]
struct At {
    index: usize,
    next: usize,
    start: usize,
    lines: usize,
}

/// Runs one block and tells how far it asked for the next panel.
///
/// # Safety
/// As [`run`], and `R` rows from `at.start` on.
#[inline(always)]
unsafe fn rows<L: Lanes, const MR: usize, const R: usize>(
    product: &Product,
    at: At,
    mut ahead: *const f32,
) -> *const f32 {
    // SAFETY: runs hold `depth` floats from `from` on, the panel `taps * depth` rows of two vectors, and `out`, `bias`
    // and `add` what `finish` touches, all by the caller's promise. What is asked for need not be valid.
    unsafe {
        let mut sums = [[L::splat(0.0); 2]; R];
        let mut panel = product.panel;
        // What the end of this block touches lies rows apart, where no processor looks ahead by itself.
        let add = product.end.map_or(std::ptr::null(), |end| end.add);
        for i in 0..R {
            let place = (at.start + i) * product.out_row;
            L::fetch_to_write(product.out.wrapping_add(place));
            if !add.is_null() {
                L::fetch_near(add.wrapping_add(place));
            }
        }
        for tap in 0..product.taps {
            let list = product.runs.add(at.index * product.block_runs + tap * MR);
            let next = product.runs.add(at.next * product.block_runs + tap * MR);
            let mut runs = [std::ptr::null(); R];
            for (i, run) in runs.iter_mut().enumerate() {
                *run = (*list.add(i)).add(product.from);
            }
            let mut p = 0;
            while p < product.depth {
                for i in 0..R {
                    L::fetch_near((*next.add(i)).wrapping_add(product.from + p));
                }
                for _ in 0..at.lines {
                    L::fetch_far(ahead);
                    ahead = ahead.wrapping_add(16);
                }
                let end = (p + step(L::N)).min(product.depth);
                while p < end {
                    let (b0, b1) = (L::load(panel), L::load(panel.add(L::N)));
                    for (sum, run) in sums.iter_mut().zip(runs) {
                        let a = L::splat(*run.add(p));
                        sum[0] = a.mul_add(b0, sum[0]);
                        sum[1] = a.mul_add(b1, sum[1]);
                    }
                    panel = panel.add(2 * L::N);
                    p += 1;
                }
            }
        }
        if product.columns == 2 * L::N {
            finish_whole(product, at.start, sums);
        } else {
            for (i, sum) in sums.into_iter().enumerate() {
                let mut values = [0.0; MOST_COLUMNS];
                sum[0].store(values.as_mut_ptr());
                sum[1].store(values.as_mut_ptr().add(L::N));
                finish_part::<L>(product, at.start + i, values.as_ptr());
            }
        }
    }
    ahead
}

/// Finishes rows of full width. What is done is decided once for all of them: a branch for each vector would keep the
/// processor from starting the next block's products meanwhile.
///
/// # Safety
/// `R` rows from `start` on of all that the product describes must be valid.
#[inline(always)]
unsafe fn finish_whole<L: Lanes, const R: usize>(product: &Product, start: usize, sums: [[L; 2]; R]) {
    // SAFETY: by the caller's promise.
    unsafe {
        let (out, row) = (product.out.add(start * product.out_row), product.out_row);
        let sums = if product.accumulate { add(out, row, sums) } else { sums };
        let Some(end) = &product.end else { return write(out, row, sums) };
        let sums = add(end.bias, 0, sums);
        if end.add.is_null() {
            return if end.relu { write(out, row, relu(sums)) } else { write(out, row, sums) };
        }
        let sums = add(end.add.add(start * row), row, sums);
        if end.relu { write(out, row, relu(sums)) } else { write(out, row, sums) }
    }
}

/// Adds rows of two vectors, `row` floats apart, to sums.
///
/// # Safety
/// `R` rows from `from` on must be valid.
#[inline(always)]
unsafe fn add<L: Lanes, const R: usize>(from: *const f32, row: usize, mut sums: [[L; 2]; R]) -> [[L; 2]; R] {
    for (i, sum) in sums.iter_mut().enumerate() {
        for (half, sum) in sum.iter_mut().enumerate() {
            // SAFETY: by the caller's promise.
            *sum = unsafe { sum.add(L::load(from.add(i * row + half * L::N))) };
        }
    }
    sums
}

/// ReLU of sums.
///
/// # Safety
/// The processor must have the instructions of `L`.
#[inline(always)]
unsafe fn relu<L: Lanes, const R: usize>(mut sums: [[L; 2]; R]) -> [[L; 2]; R] {
    for sum in &mut sums {
        // SAFETY: by the caller's promise.
        *sum = unsafe { [sum[0].relu(), sum[1].relu()] };
    }
    sums
}

/// Writes rows of two vectors, `row` floats apart.
///
/// # Safety
/// `R` rows from `out` on must be valid.
#[inline(always)]
unsafe fn write<L: Lanes, const R: usize>(out: *mut f32, row: usize, sums: [[L; 2]; R]) {
    for (i, sum) in sums.into_iter().enumerate() {
        for (half, sum) in sum.into_iter().enumerate() {
            // SAFETY: by the caller's promise.
            unsafe { sum.store(out.add(i * row + half * L::N)) };
        }
    }
}

/// Finishes a row that ends before the panel does, from as many sums as the panel is wide.
///
/// # Safety
/// The row of all that the product describes must be valid.
#[inline(always)]
unsafe fn finish_part<L: Lanes>(product: &Product, row: usize, sums: *const f32) {
    for half in 0..2 {
        let lanes = product.columns.saturating_sub(half * L::N).min(L::N);
        if lanes == 0 {
            return;
        }
        let at = row * product.out_row + half * L::N;
        // SAFETY: by the caller's promise; only columns below the last are touched, but for the bias, which is as wide as
        // the panel.
        unsafe {
            let out = product.out.add(at);
            let mut value = L::load(sums.add(half * L::N));
            if product.accumulate {
                value = value.add(L::load_first(out, lanes));
            }
            if let Some(end) = &product.end {
                value = value.add(L::load(end.bias.add(half * L::N)));
                if !end.add.is_null() {
                    value = value.add(L::load_first(end.add.add(at), lanes));
                }
                if end.relu {
                    value = value.relu();
                }
            }
            value.store_first(out, lanes);
        }
    }
}
