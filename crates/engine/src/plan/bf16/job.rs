//! One layer's work: windows laid out for tiles, products, and the ends of their sums.

use super::block::{DEPTH_STEP, Finish, Product, ROW_STEP};
use super::conv::{BLOCK, Conv16, Pass};
use super::element::{Element, Source};
use super::frame::Frame;
use super::kernels::ConvKernels;
use super::{floats, halves_mut, pixel_len};
use crate::plan::layer::{Origin, Target};
use crate::scratch;

/// Pixels that are copied before one is that is asked for: pages apart, no processor looks ahead by itself.
const AHEAD: usize = 4;

/// One layer's work.
pub(super) struct Job<'a, T> {
    pub(super) layer: &'a Conv16<T>,
    pub(super) kernels: &'a ConvKernels<T>,
    pub(super) add: Origin<T>,
    pub(super) relu: bool,
    pub(super) out: Target<'a, T>,
}

/// Rows that one product after the other computes.
#[derive(Debug, Clone, Copy)]
struct Rows {
    windows: *const u16,
    /// Values from plane to plane of the windows.
    plane: usize,
    /// Up to the last that is wanted.
    rows: usize,
    /// The pixel that row 0 is, and the pixels of a line of rows: of each `pitch` rows the first `width`.
    pixel: usize,
    pitch: usize,
    width: usize,
}

impl Rows {
    /// Rows that are neighbouring pixels.
    fn pixels(windows: *const u16, plane: usize, pixel: usize, rows: usize) -> Self {
        Self { windows, plane, rows, pixel, pitch: rows, width: rows }
    }

    /// Rows of whole tiles.
    fn tiles(&self) -> usize {
        self.rows.next_multiple_of(ROW_STEP)
    }
}

impl<T: Element> Job<'_, T> {
    /// Computes some pixels of a convolution whose windows are the pixels of `x`, of one plane.
    pub(super) fn pixels(&self, x: &[T], row: usize, height: usize, columns: (usize, usize)) {
        let pixel = T::pixel_len(self.layer.sizes.in_channels);
        let whole = height / ROW_STEP * ROW_STEP;
        let windows = x[row * pixel..][..height * pixel].as_ptr().cast();
        // A tile reads all of its rows: the last ones, where there are fewer, from a copy.
        let rest = if whole < height { floats(ROW_STEP * pixel) } else { 0 };
        scratch::with(rest, |memory| {
            let mut parts = [Rows::pixels(windows, 0, row, whole); 2];
            if whole < height {
                let copy = halves_mut(memory);
                let rest = &x[(row + whole) * pixel..(row + height) * pixel];
                T::copy(self.kernels, Source::new(rest, rest.len()), copy, 0);
                parts[1] = Rows::pixels(copy.as_ptr(), 0, row + whole, height - whole);
            }
            let parts = &parts[usize::from(whole == 0)..1 + usize::from(whole < height)];
            // SAFETY: windows are the values of a pixel each, and of whole tiles as many as rows; the copy has those of a tile.
            unsafe { self.products(parts, pixel, columns, |pass| &pass.taps) };
        });
    }

    /// Computes some pixels of a convolution whose windows are pixels, of which it copies what each pass reads.
    pub(super) fn copies(&self, x: &[T], row: usize, height: usize, columns: (usize, usize)) {
        let (layer, sizes) = (self.layer, &self.layer.sizes);
        let pixel = T::pixel_len(sizes.in_channels);
        let longest = layer.passes.iter().map(|pass| pass.depth).max().unwrap_or(0);
        let pitch = pixel_len(longest);
        // Planes are not a page apart: they would compete for the same cache sets.
        let plane = height.next_multiple_of(ROW_STEP) * pitch + DEPTH_STEP;
        scratch::with(floats(T::PLANES * plane), |memory| {
            let copy = halves_mut(memory);
            let (memory, len) = (copy.as_mut_ptr(), copy.len());
            let part = Rows::pixels(memory, plane, row, height);
            let fill = |pass: &Pass| {
                let (start, end) = (pass.taps[0], sizes.in_channels.min(pass.taps[0] + pass.depth));
                let place = |row: usize| {
                    let (line, column) = (row / sizes.out_width, row % sizes.out_width);
                    let (image, y) = (line / sizes.out_height, line % sizes.out_height);
                    ((image * sizes.height + y * sizes.stride) * sizes.width + column * sizes.stride) * pixel
                };
                for (i, row) in (row..row + height).enumerate() {
                    let from = &x[place(row)..][start..end];
                    let ahead = x.as_ptr().wrapping_add(place(row + AHEAD) + start);
                    // SAFETY: from row `i` on, in the memory that only this task has; no product reads it meanwhile.
                    let to = unsafe { std::slice::from_raw_parts_mut(memory.add(i * pitch), len - i * pitch) };
                    T::copy(self.kernels, Source { from, len: pass.depth, ahead }, to, plane);
                }
                &[0][..]
            };
            // SAFETY: the copy has a row for each of all tiles, in each plane, of all that a pass reads.
            unsafe { self.products(&[part], pitch, columns, fill) };
        });
    }

    /// Computes the output lines of some frames, counted through the batch.
    pub(super) fn frames(&self, frame: &Frame, x: &[T], frames: std::ops::Range<usize>, columns: (usize, usize)) {
        let sizes = &self.layer.sizes;
        let image_len = sizes.height * sizes.width * T::pixel_len(sizes.in_channels);
        let len = floats(frame.len) * T::PLANES;
        scratch::with(len * frames.len(), |memory| {
            let mut parts = Vec::with_capacity(frames.len());
            for (memory, number) in memory.chunks_exact_mut(len).zip(frames) {
                let (image, number) = (number / frame.per_image(), number % frame.per_image());
                let (first, lines) = frame.lines_of(number);
                let values = halves_mut(memory);
                frame.fill(self.kernels, &x[image * image_len..][..image_len], first, values);
                parts.extend(frame.matrices(lines).map(|matrix| Rows {
                    windows: values[matrix.start..].as_ptr(),
                    plane: frame.len,
                    rows: matrix.rows,
                    pixel: (image * sizes.out_height + first + matrix.line) * sizes.out_width,
                    pitch: matrix.pitch,
                    width: sizes.out_width,
                }));
            }
            // SAFETY: a frame is as long as the taps of all rows of its matrices reach, rounded up to whole tiles, in each plane.
            unsafe { self.products(&parts, frame.row, columns, |pass| &pass.taps) };
        });
    }

    /// Multiplies rows by some columns of the weights and finishes the sums. `prepare` is called before each pass and tells where
    /// its taps begin.
    ///
    /// # Safety
    /// Every window of `parts`, `row` values apart and as many as fill whole tiles, must be valid for all taps in each plane once
    /// `prepare` was called, and nothing else write the columns of the pixels that the parts name.
    unsafe fn products<'p>(
        &'p self,
        parts: &[Rows],
        row: usize,
        (first, width): (usize, usize),
        mut prepare: impl FnMut(&'p Pass) -> &'p [usize],
    ) {
        let (layer, kernels) = (self.layer, self.kernels);
        let (panel_width, end) = (kernels.columns, first + width);
        // Between passes the sums of all rows and columns are kept, else those of a product and of the one before.
        let keeps = layer.passes.len() > 1;
        let all_rows = parts.iter().map(Rows::tiles).sum::<usize>();
        let all = all_rows * width.next_multiple_of(panel_width);
        scratch::with(if keeps { all } else { 2 * BLOCK * panel_width }, |sums| {
            let sums = Target::new(sums);
            // Sums are finished when the next product is under way: the processor does both at once, and need not wait
            // for tiles that are still being stored.
            let mut waiting: Option<Finished<'_>> = None;
            let mut done = 0;
            // SAFETY: the table has checked the instructions.
            unsafe { (kernels.begin)() };
            for (number, pass) in layer.passes.iter().enumerate() {
                let last = number + 1 == layer.passes.len();
                let taps = prepare(pass);
                if keeps {
                    done = 0;
                }
                for column in (first..end).step_by(panel_width) {
                    let panel = layer.panel(panel_width, column, pass);
                    // The panel after this one, of which each block asks for its share.
                    let next = match layer.passes.get(number + 1) {
                        _ if column + panel_width < end => layer.panel(panel_width, column + panel_width, pass),
                        Some(pass) => layer.panel(panel_width, first, pass),
                        None => &[],
                    };
                    let mut asked = 0;
                    for part in parts {
                        for start in (0..part.tiles()).step_by(BLOCK) {
                            let rows = BLOCK.min(part.tiles() - start);
                            let share = next.len() * rows / all_rows;
                            let sums = sums.at(done * panel_width);
                            let finished = Finished { part, start, rows, column, sums };
                            if last {
                                // SAFETY: the table has checked the instructions.
                                self.pieces(&finished, |finish| unsafe { (kernels.ask)(finish) });
                            }
                            let product = Product {
                                rows,
                                taps,
                                depth: pass.depth,
                                windows: part.windows.wrapping_add(start * row),
                                window_row: row,
                                window_plane: part.plane,
                                panel: panel.as_ptr(),
                                next: next.as_ptr().wrapping_add(asked),
                                next_len: share * size_of::<u16>(),
                                sums,
                                accumulate: number > 0,
                            };
                            // SAFETY: the table has checked the instructions, and `begin` was called. Windows are valid
                            // by the caller's promise; the panel's slice is as long as the pass; the sums are this
                            // task's own: where all are kept those of these rows and columns, else every other `BLOCK` of them,
                            // while the block before waits in the rest.
                            unsafe { (kernels.product)(&product) };
                            let before = if last { waiting.replace(finished) } else { None };
                            if let Some(before) = before {
                                // SAFETY: its product was run; the rest as the caller promises.
                                unsafe { self.finish(&before) };
                            }
                            done = if keeps { done + rows } else { BLOCK - done };
                            asked += share;
                        }
                    }
                }
            }
            // SAFETY: as for `begin`.
            unsafe { (kernels.end)() };
            if let Some(before) = waiting {
                // SAFETY: as above.
                unsafe { self.finish(&before) };
            }
        });
    }

    /// Calls `each` with what finishing a block means: one description for each run of rows that are neighbouring pixels.
    fn pieces(&self, of: &Finished<'_>, each: impl Fn(&Finish<T>)) {
        let (columns, width, part) = (self.layer.sizes.out_channels, self.kernels.columns, of.part);
        let pixel = T::pixel_len(columns);
        let end = (of.start + of.rows).min(part.rows);
        let (mut row, mut line, mut x) = (of.start, of.start / part.pitch, of.start % part.pitch);
        while row < end {
            let rows = part.width.saturating_sub(x).min(end - row);
            if rows > 0 {
                let place = (part.pixel + line * part.width + x) * pixel + of.column;
                each(&Finish {
                    rows,
                    columns: width.min(columns - of.column),
                    sums: of.sums.wrapping_add((row - of.start) * width),
                    bias: self.layer.bias[of.column..][..width].as_ptr(),
                    add: self.add.at(place),
                    relu: self.relu,
                    out: self.out.at(place),
                    out_row: pixel,
                });
            }
            (row, line, x) = (row + part.pitch - x, line + 1, 0);
        }
    }

    /// Finishes the sums of a block's rows: those that are pixels.
    ///
    /// # Safety
    /// The block's product must have been run, and nothing else may write the columns of these pixels.
    unsafe fn finish(&self, of: &Finished<'_>) {
        // SAFETY: the table has checked the instructions; `sums` and `bias` are as wide as the panel; the rows are pixels of
        // the output, whose columns from the block's on lie in `out` and `add`, as `run` has checked, and are this task's
        // own by the caller's promise.
        self.pieces(of, |finish| unsafe { (self.kernels.finish)(finish) });
    }
}

/// A block of sums of a part's rows, from `start` on, and of a panel's columns.
#[derive(Debug, Clone, Copy)]
struct Finished<'a> {
    part: &'a Rows,
    start: usize,
    rows: usize,
    column: usize,
    sums: *mut f32,
}
