//! Convolution of bfloat16 activations as a product of windows, which tiles read where they lie: in the activations
//! themselves, or in a [`Frame`].

use super::block::{DEPTH_STEP, Finish, Product, ROW_STEP};
use super::frame::Frame;
use super::kernels::Kernels16;
use super::{Halves, floats, halves_mut, narrow, widen};
use crate::plan::direct::Tiles;
use crate::plan::fold::Folded;
use crate::plan::layer::{Origin, Sizes, Target, for_each_task};
use crate::scratch;

/// The longest depth of one pass: a panel of it, 32 columns wide, takes 64 KiB, and windows stay in a first-level cache.
const DEPTH: usize = 1024;
/// Rows of one product: two tiles of sums, one above the other.
const BLOCK: usize = 2 * ROW_STEP;
/// Pixels and columns of one task where windows are read in the activations.
const ROWS: usize = 128;
const COLUMNS: usize = 256;
/// Weights of this many values stay in a second-level cache; of more, each task is to serve as many frames as it can.
const WEIGHTS: usize = 1 << 18;
/// Values of the frames of one task at most.
const FRAMES: usize = 1 << 18;
/// Columns that a task keeps at least, since each copies its frames.
const LEAST_COLUMNS: usize = 64;
/// Tasks for each thread, where a layer can be cut into as many.
const TASKS: usize = 4;

/// One layer's work on a few images.
#[derive(Debug)]
pub(in crate::plan) struct Work16<'a> {
    pub(in crate::plan) batch: usize,
    pub(in crate::plan) x: &'a [u16],
    /// Added to the result, of its shape.
    pub(in crate::plan) add: Option<&'a [u16]>,
    pub(in crate::plan) relu: bool,
    pub(in crate::plan) out: &'a mut [u16],
}

/// A compiled convolution.
#[derive(Debug)]
pub(in crate::plan) struct Conv16 {
    sizes: Sizes,
    /// How windows are laid out; `None` where each is a pixel of the activations.
    frame: Option<Frame>,
    passes: Vec<Pass>,
    /// Depth of a window, all taps together.
    depth: usize,
    /// Panel by panel `depth / 2` rows of pairs.
    panels: Halves,
    bias: Vec<f32>,
}

/// A part of the depth that one product sums over: whole taps, or a part of one tap.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pass {
    /// Where each tap's part begins, from a window's first value on.
    taps: Vec<usize>,
    depth: usize,
    /// Depth of all passes before.
    from: usize,
}

/// Splits a depth into passes of about the same length, at most [`DEPTH`], each a multiple of [`DEPTH_STEP`].
fn passes(taps: &[usize], run: usize) -> Vec<Pass> {
    let (parts, most) = (run.div_ceil(DEPTH), (DEPTH / run).max(1));
    let size = run.div_ceil(parts).next_multiple_of(DEPTH_STEP);
    let group = taps.len().div_ceil(taps.len().div_ceil(most));
    let mut from = 0;
    let mut passes = Vec::new();
    for taps in taps.chunks(group) {
        for start in (0..run).step_by(size) {
            let depth = size.min(run - start);
            passes.push(Pass { taps: taps.iter().map(|tap| tap + start).collect(), depth, from });
            from += depth * taps.len();
        }
    }
    passes
}

impl Conv16 {
    /// `None` where a weight is too large for bfloat16, above 3.39e38.
    pub(in crate::plan) fn compile(kernels: &Kernels16, sizes: Sizes, folded: &Folded<'_>) -> Option<Self> {
        let (kernel, channels) = (sizes.kernel, sizes.in_channels);
        let in_place = (kernel, sizes.stride, sizes.padding) == (1, 1, 0) && channels.is_multiple_of(DEPTH_STEP);
        let frame = (!in_place).then(|| Frame::new(&sizes));
        let (taps, run) = frame.as_ref().map_or((&[0][..], channels), |frame| (&frame.taps, frame.run));
        let (passes, depth) = (passes(taps, run), taps.len() * run);
        let width = kernels.columns;
        let padded = sizes.out_channels.next_multiple_of(width);
        let mut panels = Halves::zeroed(padded * depth);
        let area = kernel * kernel;
        let mut finite = true;
        for column in 0..sizes.out_channels {
            let panel = &mut panels.values_mut()[column / width * width * depth..][..width * depth];
            let weights = &folded.weight[column * channels * area..][..channels * area];
            for (i, &weight) in weights.iter().enumerate() {
                let (channel, y, x) = (i / area, i % area / kernel, i % kernel);
                let row = frame.as_ref().map_or(channel, |frame| frame.place(y, x, channel));
                let value = narrow((f64::from(weight) * folded.scale[column]) as f32);
                finite &= widen(value).is_finite();
                panel[(row / 2 * width + column % width) * 2 + row % 2] = value;
            }
        }
        let mut bias = folded.bias.clone();
        bias.resize(padded, 0.0);
        finite.then_some(Self { sizes, frame, passes, depth, panels, bias })
    }

    /// Floats that the packed weights take.
    pub(in crate::plan) fn weights_len(&self) -> usize {
        self.panels.floats() + self.bias.len()
    }

    pub(in crate::plan) fn run(&self, kernels: &Kernels16, work: Work16<'_>) {
        let (rows, columns) = (work.batch * self.sizes.out_height * self.sizes.out_width, self.sizes.out_channels);
        assert_eq!(work.x.len(), work.batch * self.sizes.in_len(), "engine: input of a layer");
        assert_eq!(work.out.len(), rows * columns, "engine: output of a layer");
        assert!(work.add.is_none_or(|add| add.len() == work.out.len()), "engine: what a layer adds");
        let x = work.x;
        let job = Job {
            layer: self,
            kernels,
            add: Origin(work.add.map_or(std::ptr::null(), <[u16]>::as_ptr)),
            relu: work.relu,
            out: Target::new(work.out),
        };
        let tasks = TASKS * rayon::current_num_threads();
        match &self.frame {
            None => {
                let tiles = Tiles::cut((BLOCK, kernels.columns), (rows, columns), (ROWS, COLUMNS), tasks);
                for_each_task(tiles.count(), |task| {
                    let (row, height, column, width) = tiles.tile(task);
                    job.pixels(x, row, height, (column, width));
                });
            }
            Some(frame) => {
                let frames = work.batch * frame.per_image();
                let most = if self.panels.values().len() > WEIGHTS { (FRAMES / frame.len).max(1) } else { 1 };
                let group = frames.div_ceil(frames.div_ceil(most));
                let down = frames.div_ceil(group);
                let mut width = columns.next_multiple_of(kernels.columns);
                while down * columns.div_ceil(width) < tasks && width > LEAST_COLUMNS {
                    width = (width / 2).next_multiple_of(kernels.columns);
                }
                let across = columns.div_ceil(width);
                for_each_task(down * across, |task| {
                    let (first, column) = (task / across * group, task % across * width);
                    let end = frames.min(first + group);
                    job.frames(frame, x, first..end, (column, width.min(columns - column)));
                });
            }
        }
    }
}

/// One layer's work.
struct Job<'a> {
    layer: &'a Conv16,
    kernels: &'a Kernels16,
    add: Origin<u16>,
    relu: bool,
    out: Target<'a, u16>,
}

/// Rows that one product after the other computes.
#[derive(Debug, Clone, Copy)]
struct Rows {
    windows: *const u16,
    /// Up to the last that is wanted.
    rows: usize,
    /// The pixel that row 0 is, and the pixels of a line of rows: of each `pitch` rows the first `width`.
    pixel: usize,
    pitch: usize,
    width: usize,
}

impl Job<'_> {
    /// Computes some pixels of a convolution whose windows are the pixels of `x`.
    fn pixels(&self, x: &[u16], row: usize, height: usize, columns: (usize, usize)) {
        let channels = self.layer.depth;
        let whole = height / ROW_STEP * ROW_STEP;
        let part = |windows, pixel, rows| Rows { windows, rows, pixel, pitch: rows, width: rows };
        let windows = x[row * channels..][..height * channels].as_ptr();
        // A tile reads all of its rows: the last ones, where there are fewer, from a copy.
        let rest = if whole < height { floats(ROW_STEP * channels) } else { 0 };
        scratch::with(rest, |memory| {
            let mut parts = [part(windows, row, whole); 2];
            if whole < height {
                let copy = halves_mut(memory);
                copy[..(height - whole) * channels]
                    .copy_from_slice(&x[(row + whole) * channels..(row + height) * channels]);
                parts[1] = part(copy.as_ptr(), row + whole, height - whole);
            }
            let parts = &parts[usize::from(whole == 0)..1 + usize::from(whole < height)];
            // SAFETY: windows are `channels` values each, and of whole tiles as many as rows; the copy has those of a tile.
            unsafe { self.products(parts, channels, columns) };
        });
    }

    /// Computes the output lines of some frames, counted through the batch.
    fn frames(&self, frame: &Frame, x: &[u16], frames: std::ops::Range<usize>, columns: (usize, usize)) {
        let sizes = &self.layer.sizes;
        scratch::with(floats(frame.len) * frames.len(), |memory| {
            let mut parts = Vec::with_capacity(frames.len());
            for (memory, number) in memory.chunks_exact_mut(floats(frame.len)).zip(frames) {
                let (image, number) = (number / frame.per_image(), number % frame.per_image());
                let (first, lines) = frame.lines_of(number);
                let values = halves_mut(memory);
                frame.fill(&x[image * sizes.in_len()..][..sizes.in_len()], first, values);
                parts.extend(frame.matrices(lines).map(|matrix| Rows {
                    windows: values[matrix.start..].as_ptr(),
                    rows: matrix.rows,
                    pixel: (image * sizes.out_height + first + matrix.line) * sizes.out_width,
                    pitch: matrix.pitch,
                    width: sizes.out_width,
                }));
            }
            // SAFETY: a frame is as long as the taps of all rows of its matrices reach, rounded up to whole tiles.
            unsafe { self.products(&parts, frame.row, columns) };
        });
    }

    /// Multiplies rows by some columns of the weights and finishes the sums.
    ///
    /// # Safety
    /// Every window of `parts`, `row` values apart and as many as fill whole tiles, must be valid for all taps, and
    /// nothing else write the columns of the pixels that the parts name.
    unsafe fn products(&self, parts: &[Rows], row: usize, (column, width): (usize, usize)) {
        let (layer, kernels) = (self.layer, self.kernels);
        let panel_width = kernels.columns;
        let tiles = |part: &Rows| part.rows.next_multiple_of(ROW_STEP);
        // Between passes the sums of all rows are kept, else those of a product and of the one before.
        let keeps = layer.passes.len() > 1;
        let kept = if keeps { parts.iter().map(tiles).sum() } else { 2 * BLOCK };
        scratch::with(kept * panel_width, |sums| {
            let sums = Target::new(sums);
            // Sums are finished when the next product is under way: the processor does both at once, and need not wait
            // for tiles that are still being stored.
            let mut waiting: Option<Finished<'_>> = None;
            let mut done = 0;
            // SAFETY: the table has checked the instructions.
            unsafe { (kernels.begin)() };
            for column in (column..column + width).step_by(panel_width) {
                for (number, pass) in layer.passes.iter().enumerate() {
                    let last = number + 1 == layer.passes.len();
                    let panel = column * layer.depth + pass.from * panel_width;
                    let panel = &layer.panels.values()[panel..][..pass.taps.len() * pass.depth * panel_width];
                    if keeps {
                        done = 0;
                    }
                    for part in parts {
                        for start in (0..tiles(part)).step_by(BLOCK) {
                            let rows = BLOCK.min(tiles(part) - start);
                            let sums = sums.at(done * panel_width);
                            let finished = Finished { part, start, rows, column, sums };
                            if let Some(before) = waiting.take_if(|before| before.sums == sums) {
                                // SAFETY: as below. Where all is kept, a single block's sums are those of the next panel.
                                unsafe { self.finish(&before) };
                            }
                            if last {
                                // SAFETY: the table has checked the instructions.
                                self.pieces(&finished, |finish| unsafe { (kernels.ask)(finish) });
                            }
                            let product = Product {
                                rows,
                                taps: &pass.taps,
                                depth: pass.depth,
                                windows: part.windows.wrapping_add(start * row),
                                window_row: row,
                                panel: panel.as_ptr(),
                                sums,
                                accumulate: number > 0,
                            };
                            // SAFETY: the table has checked the instructions, and `begin` was called. Windows are valid
                            // by the caller's promise; the panel's slice is as long as the pass; the sums are this
                            // task's own: where all are kept those of these rows, else every other `BLOCK` of them, while
                            // the block before waits in the rest.
                            unsafe { (kernels.product)(&product) };
                            let before = if last { waiting.replace(finished) } else { waiting.take() };
                            if let Some(before) = before {
                                // SAFETY: its product was run; the rest as the caller promises.
                                unsafe { self.finish(&before) };
                            }
                            done = if keeps { done + rows } else { BLOCK - done };
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
    fn pieces(&self, of: &Finished<'_>, each: impl Fn(&Finish)) {
        let (columns, width, part) = (self.layer.sizes.out_channels, self.kernels.columns, of.part);
        let end = (of.start + of.rows).min(part.rows);
        let (mut row, mut line, mut x) = (of.start, of.start / part.pitch, of.start % part.pitch);
        while row < end {
            let rows = part.width.saturating_sub(x).min(end - row);
            if rows > 0 {
                let place = (part.pixel + line * part.width + x) * columns + of.column;
                each(&Finish {
                    rows,
                    columns: width.min(columns - of.column),
                    sums: of.sums.wrapping_add((row - of.start) * width),
                    bias: self.layer.bias[of.column..][..width].as_ptr(),
                    add: self.add.at(place),
                    relu: self.relu,
                    out: self.out.at(place),
                    out_row: columns,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_cover_the_depth_in_order() {
        for count in [1, 3, 7, 9, 49] {
            for run in [32, 64, 96, 192, 512, 544, 1024, 2080] {
                let taps: Vec<usize> = (0..count).map(|tap| tap * 10_000).collect();
                let mut covered = Vec::new();
                for pass in passes(&taps, run) {
                    assert_eq!(pass.from, covered.len());
                    assert!(pass.taps.len() * pass.depth <= DEPTH && pass.depth.is_multiple_of(DEPTH_STEP));
                    covered.extend(pass.taps.iter().flat_map(|&tap| tap..tap + pass.depth));
                }
                let all: Vec<usize> = taps.iter().flat_map(|&tap| tap..tap + run).collect();
                assert_eq!(covered, all);
            }
        }
    }
}
