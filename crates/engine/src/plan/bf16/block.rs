//! Products of bfloat16 values in vector registers, what finishes their sums, and pooling.

use super::lanes::HalfLanes;
use crate::plan::block::block_height;

/// Products of a depth are laid out in steps of so many: those of a row of an AMX tile.
pub(super) const DEPTH_STEP: usize = 32;
/// Rows are computed in multiples of those of an AMX tile.
pub(super) const ROW_STEP: usize = 16;

/// Of two numbers in three parts, which parts are multiplied, of windows and of weights: small products are summed first, and
/// each shares a factor with the one before.
pub(super) const PRODUCTS: [(usize, usize); 6] = [(0, 2), (0, 1), (1, 1), (1, 0), (2, 0), (0, 0)];

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
    /// Values from plane to plane of the windows.
    pub(super) window_plane: usize,
    /// For each [`DEPTH_STEP`] of `taps * depth`, and for each plane, half as many rows of `width` pairs: values `2 p` and
    /// `2 p + 1` of a column lie side by side.
    pub(super) panel: *const u16,
    /// What will be a panel after this one, and bytes of it to be asked for during this product; it is not read.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "only products in AMX tiles ask ahead"))]
    pub(super) next: *const u16,
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "as `next`"))]
    pub(super) next_len: usize,
    /// Row after row, without gaps.
    pub(super) sums: *mut f32,
    /// Whether the product is added to what `sums` holds.
    pub(super) accumulate: bool,
}

/// Runs a product of numbers in `P` parts, 1 or 3, at most `MR` rows at a time.
///
/// # Safety
/// The processor must have the instructions of `L`, and `MR` be 4, 6 or 12. Every address that [`Product`] describes must be
/// readable, those of `sums` writable, and nothing else may read or write `sums` meanwhile.
#[inline(always)]
pub(super) unsafe fn run<L: HalfLanes, const MR: usize, const P: usize>(product: &Product<'_>) {
    let mut start = 0;
    while start < product.rows {
        let height = block_height(MR, product.rows - start);
        // SAFETY: the caller's promise is passed on; each arm's `R` is the height, and the rows end at `product.rows`.
        unsafe {
            match height {
                1 => rows::<L, 1, P>(product, start),
                2 => rows::<L, 2, P>(product, start),
                3 => rows::<L, 3, P>(product, start),
                4 => rows::<L, 4, P>(product, start),
                5 => rows::<L, 5, P>(product, start),
                6 => rows::<L, 6, P>(product, start),
                7 if MR > 6 => rows::<L, 7, P>(product, start),
                8 if MR > 6 => rows::<L, 8, P>(product, start),
                9 if MR > 6 => rows::<L, 9, P>(product, start),
                10 if MR > 6 => rows::<L, 10, P>(product, start),
                11 if MR > 6 => rows::<L, 11, P>(product, start),
                _ if MR > 6 => rows::<L, 12, P>(product, start),
                _ => {}
            }
        }
        start += height;
    }
}

/// # Safety
/// As [`run`], with rows `start..start + R` of the product.
#[inline(always)]
unsafe fn rows<L: HalfLanes, const R: usize, const P: usize>(product: &Product<'_>, start: usize) {
    // SAFETY: a window has `depth` values from each tap on in each plane, the panel `taps * depth / 2` rows of `2 N` pairs for
    // each plane and `sums` rows of `2 N` floats, by the caller's promise.
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
            for step in (tap..tap + product.depth).step_by(DEPTH_STEP) {
                for &(a, b) in if P == 1 { &[(0, 0)][..] } else { &PRODUCTS[..] } {
                    let windows = windows.add(a * product.window_plane + step);
                    let panel = panel.add(b * DEPTH_STEP * 2 * L::N);
                    for p in (0..DEPTH_STEP).step_by(2) {
                        let pairs = panel.add(p * 2 * L::N);
                        let (b0, b1) = (L::pairs(pairs), L::pairs(pairs.add(2 * L::N)));
                        for (i, row) in block.iter_mut().enumerate() {
                            let a = L::splat_pair(windows.add(i * product.window_row + p));
                            row[0] = row[0].dot(a, b0);
                            row[1] = row[1].dot(a, b1);
                        }
                    }
                }
                panel = panel.add(P * DEPTH_STEP * 2 * L::N);
            }
        }
        for (i, row) in block.into_iter().enumerate() {
            row[0].store(sums.add(i * 2 * L::N));
            row[1].store(sums.add((i * 2 + 1) * L::N));
        }
    }
}

/// Finished sums: `out = relu(sums + bias (+ add))`, rounded to an element of the activations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finish<T> {
    pub(super) rows: usize,
    /// At most the kernels' columns; `sums` and `bias` are as wide as those.
    pub(super) columns: usize,
    pub(super) sums: *const f32,
    pub(super) bias: *const f32,
    /// Laid out as `out`; null where nothing is added.
    pub(super) add: *const T,
    pub(super) relu: bool,
    /// Row `i` begins at `out + i * out_row`.
    pub(super) out: *mut T,
    pub(super) out_row: usize,
}

/// What activations consist of: bfloat16 values, or `f32` numbers.
///
/// # Safety
/// As for [`HalfLanes`]: memory has to be valid for a vector's elements, or the first `lanes` of them.
pub(in crate::plan) trait Stored: Copy {
    unsafe fn load<L: HalfLanes>(from: *const Self) -> L;
    unsafe fn store<L: HalfLanes>(value: L, to: *mut Self);
    unsafe fn load_first<L: HalfLanes>(from: *const Self, lanes: usize) -> L;
    unsafe fn store_first<L: HalfLanes>(value: L, to: *mut Self, lanes: usize);
}

impl Stored for u16 {
    #[inline(always)]
    unsafe fn load<L: HalfLanes>(from: *const u16) -> L {
        // SAFETY: the caller's promise.
        unsafe { L::widen(from) }
    }

    #[inline(always)]
    unsafe fn store<L: HalfLanes>(value: L, to: *mut u16) {
        // SAFETY: the caller's promise.
        unsafe { value.narrow(to) }
    }

    #[inline(always)]
    unsafe fn load_first<L: HalfLanes>(from: *const u16, lanes: usize) -> L {
        // SAFETY: the caller's promise.
        unsafe { L::widen_first(from, lanes) }
    }

    #[inline(always)]
    unsafe fn store_first<L: HalfLanes>(value: L, to: *mut u16, lanes: usize) {
        // SAFETY: the caller's promise.
        unsafe { value.narrow_first(to, lanes) }
    }
}

impl Stored for f32 {
    #[inline(always)]
    unsafe fn load<L: HalfLanes>(from: *const f32) -> L {
        // SAFETY: the caller's promise.
        unsafe { L::load(from) }
    }

    #[inline(always)]
    unsafe fn store<L: HalfLanes>(value: L, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { value.store(to) }
    }

    #[inline(always)]
    unsafe fn load_first<L: HalfLanes>(from: *const f32, lanes: usize) -> L {
        // SAFETY: the caller's promise.
        unsafe { L::load_first(from, lanes) }
    }

    #[inline(always)]
    unsafe fn store_first<L: HalfLanes>(value: L, to: *mut f32, lanes: usize) {
        // SAFETY: the caller's promise.
        unsafe { value.store_first(to, lanes) }
    }
}

/// Asks for the cache lines of `out` and `add`.
///
/// # Safety
/// The processor must have the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn ask<L: HalfLanes, T: Stored>(end: &Finish<T>) {
    for place in (0..end.rows).map(|row| row * end.out_row) {
        // Rows of two vectors of `f32` are two lines of 64 bytes.
        for part in (0..2 * L::N * size_of::<T>()).step_by(64) {
            // SAFETY: any address may be asked for.
            unsafe {
                L::fetch_to_write(end.out.wrapping_add(place).cast::<f32>().wrapping_byte_add(part));
                if !end.add.is_null() {
                    L::fetch_near(end.add.wrapping_add(place).cast::<f32>().wrapping_byte_add(part));
                }
            }
        }
    }
}

/// # Safety
/// The processor must have the instructions of `L`. Every address that [`Finish`] describes must be readable, those of
/// `out` writable, and nothing else may read or write `out` meanwhile.
#[inline(always)]
pub(super) unsafe fn finish<L: HalfLanes, T: Stored>(end: &Finish<T>) {
    // What is done is decided once for all rows.
    // SAFETY: the caller's promise is passed on.
    unsafe {
        match (end.columns == 2 * L::N, !end.add.is_null(), end.relu) {
            (true, false, false) => finish_rows::<L, T, false, false>(end),
            (true, false, true) => finish_rows::<L, T, false, true>(end),
            (true, true, false) => finish_rows::<L, T, true, false>(end),
            (true, true, true) => finish_rows::<L, T, true, true>(end),
            _ => finish_parts::<L, T>(end),
        }
    }
}

/// Finishes rows of full width.
///
/// # Safety
/// As [`finish`], with two vectors of columns; `ADD` and `RELU` say what `end` says.
#[inline(always)]
unsafe fn finish_rows<L: HalfLanes, T: Stored, const ADD: bool, const RELU: bool>(end: &Finish<T>) {
    // SAFETY: rows of all that is touched have two vectors, by the caller's promise.
    unsafe {
        let bias = [L::load(end.bias), L::load(end.bias.add(L::N))];
        for row in 0..end.rows {
            for (half, bias) in bias.into_iter().enumerate() {
                let place = row * end.out_row + half * L::N;
                let mut sum = L::load(end.sums.add((2 * row + half) * L::N)).add(bias);
                if ADD {
                    sum = sum.add(T::load(end.add.add(place)));
                }
                if RELU {
                    sum = sum.relu();
                }
                T::store(sum, end.out.add(place));
            }
        }
    }
}

/// Finishes rows that end before the panel does.
///
/// # Safety
/// As [`finish`].
#[inline(always)]
unsafe fn finish_parts<L: HalfLanes, T: Stored>(end: &Finish<T>) {
    for row in 0..end.rows {
        for half in 0..2 {
            let lanes = end.columns.saturating_sub(half * L::N).min(L::N);
            if lanes == 0 {
                continue;
            }
            let place = row * end.out_row + half * L::N;
            // SAFETY: rows of `sums` and `bias` have two vectors; of `add` and `out` only `lanes` elements are touched.
            unsafe {
                let mut sum = L::load(end.sums.add((2 * row + half) * L::N)).add(L::load(end.bias.add(half * L::N)));
                if !end.add.is_null() {
                    sum = sum.add(T::load_first(end.add.add(place), lanes));
                }
                if end.relu {
                    sum = sum.relu();
                }
                T::store_first(sum, end.out.add(place), lanes);
            }
        }
    }
}

/// Numbers to be split into three parts each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub(super) from: *const f32,
    pub(super) len: usize,
    pub(super) to: *mut u16,
    /// Values from plane to plane of `to`.
    pub(super) plane: usize,
    /// As many numbers that will be split soon; they are only asked for, not read.
    pub(super) ahead: *const f32,
}

/// # Safety
/// The processor must have the instructions of `L`; `from` must be valid for `len` numbers, `to` for as many values in
/// three planes.
#[inline(always)]
pub(super) unsafe fn split<L: HalfLanes>(split: &Split) {
    let mut at = 0;
    for line in (0..split.len).step_by(16) {
        // SAFETY: any address may be asked for.
        unsafe { L::fetch_near(split.ahead.wrapping_add(line)) };
    }
    // SAFETY: the caller's promise; only numbers below `len` are touched.
    unsafe {
        while at + L::N <= split.len {
            L::load(split.from.add(at)).split(split.to.add(at), split.plane);
            at += L::N;
        }
        if at < split.len {
            let lanes = split.len - at;
            L::load_first(split.from.add(at), lanes).split_first(split.to.add(at), split.plane, lanes);
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
