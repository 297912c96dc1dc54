//! Products of bfloat16 values in vector registers, what finishes their sums, and pooling.

use super::lanes::HalfLanes;
use crate::plan::block::block_height;

/// Products of a depth are laid out in steps of so many: those of a row of an AMX tile.
pub(super) const DEPTH_STEP: usize = 32;
/// Rows are computed in multiples of those of an AMX tile.
pub(super) const ROW_STEP: usize = 16;

/// `sums[rows, width] (+)= windows[rows, taps * depth] * panel[taps * depth, width]`, where `width` is the kernels' columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product<'a> {
    /// A multiple of [`ROW_STEP`].
    pub(super) rows: usize,
    /// A window's values are `depth` from each tap on; there is a tap.
    pub(super) taps: &'a [usize],
    /// A multiple of [`DEPTH_STEP`], not 0.
    pub(super) depth: usize,
    /// Tap `t` of row `i` begins at `windows + i * window_row + taps[t]`.
    pub(super) windows: *const u16,
    pub(super) window_row: usize,
    /// `taps * depth / 2` rows of `width` pairs: values `2 p` and `2 p + 1` of a column lie side by side.
    pub(super) panel: *const u16,
    /// Row after row, without gaps.
    pub(super) sums: *mut f32,
    /// Whether the product is added to what `sums` holds.
    pub(super) accumulate: bool,
}

/// Runs a product, at most `MR` rows at a time.
///
/// # Safety
/// The processor must have the instructions of `L`, and `MR` be 4, 6 or 12. Every address that [`Product`] describes must be
/// readable, those of `sums` writable, and nothing else may read or write `sums` meanwhile.
#[inline(always)]
pub(super) unsafe fn run<L: HalfLanes, const MR: usize>(product: &Product<'_>) {
    let mut start = 0;
    while start < product.rows {
        let height = block_height(MR, product.rows - start);
        // SAFETY: the caller's promise is passed on; each arm's `R` is the height, and the rows end at `product.rows`.
        unsafe {
            match height {
                1 => rows::<L, 1>(product, start),
                2 => rows::<L, 2>(product, start),
                3 => rows::<L, 3>(product, start),
                4 => rows::<L, 4>(product, start),
                5 => rows::<L, 5>(product, start),
                6 => rows::<L, 6>(product, start),
                7 if MR > 6 => rows::<L, 7>(product, start),
                8 if MR > 6 => rows::<L, 8>(product, start),
                9 if MR > 6 => rows::<L, 9>(product, start),
                10 if MR > 6 => rows::<L, 10>(product, start),
                11 if MR > 6 => rows::<L, 11>(product, start),
                _ if MR > 6 => rows::<L, 12>(product, start),
                _ => {}
            }
        }
        start += height;
    }
}

/// # Safety
/// As [`run`], with rows `start..start + R` of the product.
#[inline(always)]
unsafe fn rows<L: HalfLanes, const R: usize>(product: &Product<'_>, start: usize) {
    // SAFETY: a window has `depth` values from each tap on, the panel `taps * depth / 2` rows of `2 N` pairs and `sums`
    // rows of `2 N` floats, by the caller's promise.
    unsafe {
        let sums = product.sums.add(start * 2 * L::N);
        let windows = product.windows.add(start * product.window_row);
        let mut block = [[L::splat(0.0); 2]; R];
        if product.accumulate {
            for (i, row) in block.iter_mut().enumerate() {
                *row = [L::load(sums.add(i * 2 * L::N)), L::load(sums.add((i * 2 + 1) * L::N))];
            }
        }
        let mut panel = product.panel;
        for &tap in product.taps {
            for p in (tap..tap + product.depth).step_by(2) {
                let (b0, b1) = (L::pairs(panel), L::pairs(panel.add(2 * L::N)));
                for (i, row) in block.iter_mut().enumerate() {
                    let a = L::splat_pair(windows.add(i * product.window_row + p));
                    row[0] = row[0].dot(a, b0);
                    row[1] = row[1].dot(a, b1);
                }
                panel = panel.add(4 * L::N);
            }
        }
        for (i, row) in block.into_iter().enumerate() {
            row[0].store(sums.add(i * 2 * L::N));
            row[1].store(sums.add((i * 2 + 1) * L::N));
        }
    }
}

/// Finished sums: `out = round(relu(sums + bias (+ add)))`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finish {
    pub(super) rows: usize,
    /// At most the kernels' columns; `sums` and `bias` are as wide as those.
    pub(super) columns: usize,
    pub(super) sums: *const f32,
    pub(super) bias: *const f32,
    /// Laid out as `out`; null where nothing is added.
    pub(super) add: *const u16,
    pub(super) relu: bool,
    /// Row `i` begins at `out + i * out_row`.
    pub(super) out: *mut u16,
    pub(super) out_row: usize,
}

/// Asks for the cache lines of `out` and `add`.
///
/// # Safety
/// The processor must have the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn ask<L: HalfLanes>(end: &Finish) {
    for place in (0..end.rows).map(|row| row * end.out_row) {
        // SAFETY: any address may be asked for.
        unsafe {
            L::fetch_to_write(end.out.wrapping_add(place).cast());
            if !end.add.is_null() {
                L::fetch_near(end.add.wrapping_add(place).cast());
            }
        }
    }
}

/// # Safety
/// The processor must have the instructions of `L`. Every address that [`Finish`] describes must be readable, those of
/// `out` writable, and nothing else may read or write `out` meanwhile.
#[inline(always)]
pub(super) unsafe fn finish<L: HalfLanes>(end: &Finish) {
    // What is done is decided once for all rows.
    // SAFETY: the caller's promise is passed on.
    unsafe {
        match (end.columns == 2 * L::N, !end.add.is_null(), end.relu) {
            (true, false, false) => finish_rows::<L, false, false>(end),
            (true, false, true) => finish_rows::<L, false, true>(end),
            (true, true, false) => finish_rows::<L, true, false>(end),
            (true, true, true) => finish_rows::<L, true, true>(end),
            _ => finish_parts::<L>(end),
        }
    }
}

/// Finishes rows of full width.
///
/// # Safety
/// As [`finish`], with two vectors of columns; `ADD` and `RELU` say what `end` says.
#[inline(always)]
unsafe fn finish_rows<L: HalfLanes, const ADD: bool, const RELU: bool>(end: &Finish) {
    // SAFETY: rows of all that is touched have two vectors, by the caller's promise.
    unsafe {
        let bias = [L::load(end.bias), L::load(end.bias.add(L::N))];
        for row in 0..end.rows {
            for (half, bias) in bias.into_iter().enumerate() {
                let place = row * end.out_row + half * L::N;
                let mut sum = L::load(end.sums.add((2 * row + half) * L::N)).add(bias);
                if ADD {
                    sum = sum.add(L::widen(end.add.add(place)));
                }
                if RELU {
                    sum = sum.relu();
                }
                sum.narrow(end.out.add(place));
            }
        }
    }
}

/// Finishes rows that end before the panel does.
///
/// # Safety
/// As [`finish`].
#[inline(always)]
unsafe fn finish_parts<L: HalfLanes>(end: &Finish) {
    for row in 0..end.rows {
        for half in 0..2 {
            let lanes = end.columns.saturating_sub(half * L::N).min(L::N);
            if lanes == 0 {
                continue;
            }
            let place = row * end.out_row + half * L::N;
            // SAFETY: rows of `sums` and `bias` have two vectors; of `add` and `out` only `lanes` values are touched.
            unsafe {
                let mut sum = L::load(end.sums.add((2 * row + half) * L::N)).add(L::load(end.bias.add(half * L::N)));
                if !end.add.is_null() {
                    sum = sum.add(L::widen_first(end.add.add(place), lanes));
                }
                if end.relu {
                    sum = sum.relu();
                }
                sum.narrow_first(end.out.add(place), lanes);
            }
        }
    }
}

/// Pixels of one pooling window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window16<'a> {
    pub(super) pixels: &'a [*const u16],
    pub(super) channels: usize,
    pub(super) out: *mut u16,
}

/// The largest value of each channel over the window's pixels.
///
/// # Safety
/// The processor must have the instructions of `L`; the window has a pixel, and every address must be valid for
/// `channels` values.
#[inline(always)]
pub(super) unsafe fn largest<L: HalfLanes>(window: &Window16<'_>) {
    let mut at = 0;
    while at + L::N <= window.channels {
        // SAFETY: the caller's promise; a whole vector of channels from `at` on.
        unsafe {
            let mut best = L::widen(window.pixels[0].add(at));
            for &pixel in &window.pixels[1..] {
                best = best.larger(L::widen(pixel.add(at)));
            }
            best.narrow(window.out.add(at));
        }
        at += L::N;
    }
    let rest = window.channels - at;
    if rest > 0 {
        // SAFETY: the caller's promise; only `rest` channels are touched.
        unsafe {
            let mut best = L::widen_first(window.pixels[0].add(at), rest);
            for &pixel in &window.pixels[1..] {
                best = best.larger(L::widen_first(pixel.add(at), rest));
            }
            best.narrow_first(window.out.add(at), rest);
        }
    }
}
