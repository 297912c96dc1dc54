//! Convolution as a product of windows, which tiles read where they lie: in the activations themselves, in a copy of pixels, or
//! in a [`Frame`].

use rayon::prelude::*;

use super::block::{DEPTH_STEP, Finish, Product, ROW_STEP, Split, Stored};
use super::frame::{Frame, copy_pixel};
use super::kernels::ConvKernels;
use super::{Halves, floats, halves_mut, narrow, pixel_len, split, widen};
use crate::plan::direct::Tiles;
use crate::plan::fold::Folded;
use crate::plan::layer::{Origin, Sizes, Target, for_each_task};
use crate::scratch;

/// Rows of one product: two tiles of sums, one above the other.
const BLOCK: usize = 2 * ROW_STEP;
/// Weights of this many values stay in a second-level cache; of more, each task is to serve as many frames as it can.
const WEIGHTS: usize = 1 << 18;
/// Values of the frames of one task at most.
const FRAMES: usize = 1 << 18;
/// Columns that a task keeps at least, since each copies its frames.
const LEAST_COLUMNS: usize = 64;
/// Pixels that are copied before one is that is asked for: pages apart, no processor looks ahead by itself.
const AHEAD: usize = 4;

/// What activations consist of.
pub(in crate::plan) trait Element: Stored + Send + Sync + std::fmt::Debug {
    /// Bfloat16 values that make up one.
    const PLANES: usize;
    /// Pixels and columns of one task where windows are single pixels.
    const ROWS: usize;
    const COLUMNS: usize;
    /// Tasks for each thread, where a layer can be cut into as many.
    const TASKS: usize;
    /// The longest depth of one pass, all planes together: a panel of 512, 32 columns wide, takes 32 KiB of a first-level cache.
    const DEPTH: usize;

    /// Elements from pixel to pixel.
    fn pixel_len(channels: usize) -> usize;

    /// Writes `from`, and zeros behind it up to `len`, in planes that are `plane` values apart.
    fn copy(kernels: &ConvKernels<Self>, from: &[Self], to: &mut [u16], plane: usize, len: usize) {
        Self::copy_before(kernels, from, to, plane, len, from.as_ptr());
    }

    /// As [`Element::copy`], asking for as many elements at `ahead`.
    fn copy_before(
        kernels: &ConvKernels<Self>,
        from: &[Self],
        to: &mut [u16],
        plane: usize,
        len: usize,
        ahead: *const Self,
    );

    /// A weight's parts, as many as there are planes.
    fn parts(weight: f32) -> [u16; 3];
}

impl Element for u16 {
    const PLANES: usize = 1;
    const ROWS: usize = 128;
    const COLUMNS: usize = 256;
    const TASKS: usize = 4;
    const DEPTH: usize = 512;

    fn pixel_len(channels: usize) -> usize {
        pixel_len(channels)
    }

    #[inline(always)]
    fn copy_before(_: &ConvKernels<u16>, from: &[u16], to: &mut [u16], _: usize, len: usize, _: *const u16) {
        copy_pixel(from, &mut to[..len]);
    }

    fn parts(weight: f32) -> [u16; 3] {
        [narrow(weight), 0, 0]
    }
}

impl Element for f32 {
    const PLANES: usize = 3;
    const ROWS: usize = 192;
    const COLUMNS: usize = 512;
    const TASKS: usize = 2;
    const DEPTH: usize = 512;

    fn pixel_len(channels: usize) -> usize {
        channels
    }

    #[inline(always)]
    fn copy_before(
        kernels: &ConvKernels<f32>,
        from: &[f32],
        to: &mut [u16],
        plane: usize,
        len: usize,
        ahead: *const f32,
    ) {
        assert!(from.len() <= len && len <= plane && 2 * plane + len <= to.len(), "engine: numbers to be split");
        // SAFETY: the table has checked the instructions; the planes hold `len` values each, as was just checked.
        unsafe { (kernels.split)(&Split { from: from.as_ptr(), len: from.len(), to: to.as_mut_ptr(), plane, ahead }) };
        if from.len() < len {
            (0..3).for_each(|part| to[part * plane..][from.len()..len].fill(0));
        }
    }

    fn parts(weight: f32) -> [u16; 3] {
        split(weight)
    }
}

/// One layer's work on a few images.
#[derive(Debug)]
pub(in crate::plan) struct Work16<'a, T> {
    pub(in crate::plan) batch: usize,
    pub(in crate::plan) x: &'a [T],
    /// Added to the result, of its shape.
    pub(in crate::plan) add: Option<&'a [T]>,
    pub(in crate::plan) relu: bool,
    pub(in crate::plan) out: &'a mut [T],
}

/// How windows are laid out.
#[derive(Debug)]
enum Windows {
    /// Each is a pixel of the activations.
    InPlace,
    /// Each is a pixel, of which every task copies its own.
    Copied,
    Framed(Frame),
}

/// A compiled convolution of activations of `T`.
#[derive(Debug)]
pub(in crate::plan) struct Conv16<T> {
    sizes: Sizes,
    windows: Windows,
    passes: Vec<Pass>,
    /// Depth of a window, all taps together.
    depth: usize,
    /// Panel by panel, for each [`DEPTH_STEP`] and each plane, half as many rows of pairs.
    panels: Halves,
    bias: Vec<f32>,
    elements: std::marker::PhantomData<T>,
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

/// Splits a depth into passes of about the same length, at most `longest`, each a multiple of [`DEPTH_STEP`].
fn passes(taps: &[usize], run: usize, longest: usize) -> Vec<Pass> {
    let (parts, most) = (run.div_ceil(longest), (longest / run).max(1));
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

impl<T: Element> Conv16<T> {
    /// `None` where a weight is too large for bfloat16, above 3.39e38.
    pub(in crate::plan) fn compile(kernels: &ConvKernels<T>, sizes: Sizes, folded: &Folded<'_>) -> Option<Self> {
        let (kernel, channels) = (sizes.kernel, sizes.in_channels);
        let pixels = (kernel, sizes.padding) == (1, 0);
        let windows = match T::PLANES {
            1 if pixels && sizes.stride == 1 && channels.is_multiple_of(DEPTH_STEP) => Windows::InPlace,
            3 if pixels => Windows::Copied,
            _ => Windows::Framed(Frame::new(&sizes)),
        };
        let (taps, run) = match &windows {
            Windows::Framed(frame) => (&frame.taps[..], frame.run),
            Windows::InPlace | Windows::Copied => (&[0][..], channels.next_multiple_of(DEPTH_STEP)),
        };
        let (planes, width) = (T::PLANES, kernels.columns);
        let (passes, depth) = (passes(taps, run, T::DEPTH / planes / DEPTH_STEP * DEPTH_STEP), taps.len() * run);
        let padded = sizes.out_channels.next_multiple_of(width);
        let mut panels = Halves::zeroed(padded * depth * planes);
        let area = kernel * kernel;
        // Where each of a column's weights goes.
        let place = |i: usize| {
            let (channel, y, x) = (i / area, i % area / kernel, i % kernel);
            let row = match &windows {
                Windows::Framed(frame) => frame.place(y, x, channel),
                Windows::InPlace | Windows::Copied => channel,
            };
            let (step, row) = (row / DEPTH_STEP, row % DEPTH_STEP);
            (step * planes * DEPTH_STEP / 2 + row / 2) * width * 2 + row % 2
        };
        let places: Vec<usize> = (0..channels * area).map(place).collect();
        let pack = |(number, panel): (usize, &mut [u16])| {
            let mut finite = true;
            for column in number * width..((number + 1) * width).min(sizes.out_channels) {
                let weights = &folded.weight[column * places.len()..][..places.len()];
                for (&weight, place) in weights.iter().zip(&places) {
                    let parts = T::parts((f64::from(weight) * folded.scale[column]) as f32);
                    finite &= widen(parts[0]).is_finite();
                    for (plane, part) in parts.into_iter().take(planes).enumerate() {
                        panel[place + column % width * 2 + plane * DEPTH_STEP * width] = part;
                    }
                }
            }
            finite
        };
        let len = (width * depth * planes).max(1);
        let finite = panels.values_mut().par_chunks_mut(len).enumerate().map(pack).reduce(|| true, |a, b| a && b);
        let mut bias = folded.bias.clone();
        bias.resize(padded, 0.0);
        let elements = std::marker::PhantomData;
        finite.then_some(Self { sizes, windows, passes, depth, panels, bias, elements })
    }

    /// Floats that the packed weights take.
    pub(in crate::plan) fn weights_len(&self) -> usize {
        self.panels.floats() + self.bias.len()
    }

    /// A pass's rows of the panel that column `column`, a multiple of the width, begins.
    fn panel(&self, width: usize, column: usize, pass: &Pass) -> &[u16] {
        let start = (column * self.depth + pass.from * width) * T::PLANES;
        &self.panels.values()[start..][..pass.taps.len() * pass.depth * width * T::PLANES]
    }

    pub(in crate::plan) fn run(&self, kernels: &ConvKernels<T>, work: Work16<'_, T>) {
        let sizes = &self.sizes;
        let (rows, columns) = (work.batch * sizes.out_height * sizes.out_width, sizes.out_channels);
        let pixels = work.batch * sizes.height * sizes.width;
        assert_eq!(work.x.len(), pixels * T::pixel_len(sizes.in_channels), "engine: input of a layer");
        assert_eq!(work.out.len(), rows * T::pixel_len(columns), "engine: output of a layer");
        assert!(work.add.is_none_or(|add| add.len() == work.out.len()), "engine: what a layer adds");
        let x = work.x;
        let job = Job {
            layer: self,
            kernels,
            add: Origin(work.add.map_or(std::ptr::null(), <[T]>::as_ptr)),
            relu: work.relu,
            out: Target::new(work.out),
        };
        let tasks = T::TASKS * rayon::current_num_threads();
        let Windows::Framed(frame) = &self.windows else {
            let tiles = Tiles::cut((BLOCK, kernels.columns), (rows, columns), (T::ROWS, T::COLUMNS), tasks);
            return for_each_task(tiles.count(), |task| {
                let (row, height, column, width) = tiles.tile(task);
                match self.windows {
                    Windows::Copied => job.copies(x, row, height, (column, width)),
                    _ => job.pixels(x, row, height, (column, width)),
                }
            });
        };
        let frames = work.batch * frame.per_image();
        let most = if self.panels.values().len() > WEIGHTS { (FRAMES / T::PLANES / frame.len).max(1) } else { 1 };
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

/// One layer's work.
struct Job<'a, T> {
    layer: &'a Conv16<T>,
    kernels: &'a ConvKernels<T>,
    add: Origin<T>,
    relu: bool,
    out: Target<'a, T>,
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
    fn pixels(&self, x: &[T], row: usize, height: usize, columns: (usize, usize)) {
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
                T::copy(self.kernels, rest, copy, 0, rest.len());
                parts[1] = Rows::pixels(copy.as_ptr(), 0, row + whole, height - whole);
            }
            let parts = &parts[usize::from(whole == 0)..1 + usize::from(whole < height)];
            // SAFETY: windows are the values of a pixel each, and of whole tiles as many as rows; the copy has those of a tile.
            unsafe { self.products(parts, pixel, columns, |pass| &pass.taps) };
        });
    }

    /// Computes some pixels of a convolution whose windows are pixels, of which it copies what each pass reads.
    fn copies(&self, x: &[T], row: usize, height: usize, columns: (usize, usize)) {
        let (layer, sizes) = (self.layer, &self.layer.sizes);
        let pixel = T::pixel_len(sizes.in_channels);
        let longest = layer.passes.iter().map(|pass| pass.depth).max().unwrap_or(0);
        let pitch = pixel_len(longest);
        // Planes are not a page apart: they would compete for the same cache sets.
        let plane = height.next_multiple_of(ROW_STEP) * pitch + DEPTH_STEP;
        scratch::with(floats(T::PLANES * plane), |memory| {
            let copy = halves_mut(memory);
            let part = Rows::pixels(copy.as_mut_ptr(), plane, row, height);
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
                    T::copy_before(self.kernels, from, &mut copy[i * pitch..], plane, pass.depth, ahead);
                }
                &[0][..]
            };
            // SAFETY: the copy has a row for each of all tiles, in each plane, of all that a pass reads.
            unsafe { self.products(&[part], pitch, columns, fill) };
        });
    }

    /// Computes the output lines of some frames, counted through the batch.
    fn frames(&self, frame: &Frame, x: &[T], frames: std::ops::Range<usize>, columns: (usize, usize)) {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn passes_cover_the_depth_in_order() {
        for (count, longest) in [1, 3, 7, 9, 49].into_iter().flat_map(|count| [(count, 1024), (count, 320)]) {
            for run in [32, 64, 96, 192, 512, 544, 1024, 2080] {
                let taps: Vec<usize> = (0..count).map(|tap| tap * 10_000).collect();
                let mut covered = Vec::new();
                for pass in passes(&taps, run, longest) {
                    assert_eq!(pass.from, covered.len());
                    assert!(pass.taps.len() * pass.depth <= longest && pass.depth.is_multiple_of(DEPTH_STEP));
                    covered.extend(pass.taps.iter().flat_map(|&tap| tap..tap + pass.depth));
                }
                let all: Vec<usize> = taps.iter().flat_map(|&tap| tap..tap + run).collect();
                assert_eq!(covered, all);
            }
        }
    }

    /// Kernels of `f32` in three parts that this machine can run.
    fn split_kernels() -> Vec<&'static ConvKernels<f32>> {
        #[cfg(target_arch = "x86_64")]
        let x86 = {
            use super::super::{amx_kernels, avx2_kernels, avx512_kernels};
            use crate::PlanKernels;
            [
                (PlanKernels::Avx2Fma, &avx2_kernels::SPLIT),
                (PlanKernels::Avx512Bf16, &avx512_kernels::SPLIT),
                (PlanKernels::Amx, &amx_kernels::SPLIT),
            ]
            .into_iter()
            .filter(|(kernels, _)| kernels.is_available())
            .map(|(_, table)| table)
        };
        #[cfg(not(target_arch = "x86_64"))]
        let x86 = [];
        [&super::super::portable_kernels::SPLIT].into_iter().chain(x86).collect()
    }

    #[derive(Debug, Clone, Copy)]
    struct Case {
        batch: usize,
        side: (usize, usize),
        channels: (usize, usize),
        kernel: (usize, usize, usize),
        add: bool,
        relu: bool,
    }

    /// Numbers of very different sizes, the same at each run.
    fn numbers(seed: u64, len: usize) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * 2f32.powi((state >> 33 & 7) as i32)
        };
        (0..len).map(|_| next()).collect()
    }

    /// Every kernel is as exact as `f32` arithmetic: a part left out, or taken for another, would err by 2^-17 where few products are
    /// summed.
    fn check_split(case: Case) {
        let ((height, width), (inputs, outputs), (kernel, stride, padding)) = (case.side, case.channels, case.kernel);
        let side = |side: usize| (side + 2 * padding - kernel) / stride + 1;
        let (out_height, out_width) = (side(height), side(width));
        let sizes = Sizes {
            height,
            width,
            in_channels: inputs,
            out_height,
            out_width,
            out_channels: outputs,
            kernel,
            stride,
            padding,
        };
        let area = kernel * kernel;
        let weight = numbers(1, outputs * inputs * area);
        let scale: Vec<f64> = numbers(2, outputs).into_iter().map(f64::from).collect();
        let bias = numbers(3, outputs);
        let x = numbers(4, case.batch * height * width * inputs);
        let rows = case.batch * out_height * out_width;
        let add = case.add.then(|| numbers(5, rows * outputs));
        // Each sum, and the sum of what it adds without signs.
        let mut expected = Vec::new();
        for row in 0..rows {
            let (image, y, x_at) = (row / out_width / out_height, row / out_width % out_height, row % out_width);
            for o in 0..outputs {
                let mut sums = (f64::from(bias[o]), f64::from(bias[o].abs()));
                let mut plus = |value: f64| sums = (sums.0 + value, sums.1 + value.abs());
                for i in 0..inputs * area {
                    let (channel, ky, kx) = (i / area, i % area / kernel, i % kernel);
                    let (y, x_at) =
                        ((y * stride + ky).wrapping_sub(padding), (x_at * stride + kx).wrapping_sub(padding));
                    if y < height && x_at < width {
                        let weight = (f64::from(weight[o * inputs * area + i]) * scale[o]) as f32;
                        let x = x[((image * height + y) * width + x_at) * inputs + channel];
                        plus(f64::from(x) * f64::from(weight));
                    }
                }
                add.iter().for_each(|add| plus(f64::from(add[row * outputs + o])));
                expected.push(sums);
            }
        }
        // Roundings of `f32` sums, which the portable kernels add up one by one.
        let most = 2.5e-7 * (1.0 + ((inputs * area) as f64).sqrt());
        let folded = Folded { weight: weight.into(), scale, bias };
        for kernels in split_kernels() {
            let layer = Conv16::<f32>::compile(kernels, sizes, &folded).unwrap();
            let mut out = vec![f32::NAN; rows * outputs];
            let add = add.as_deref();
            layer.run(kernels, Work16 { batch: case.batch, x: &x, add, relu: case.relu, out: &mut out });
            for (got, (sum, size)) in out.iter().zip(&expected) {
                let sum = if case.relu { sum.max(0.0) } else { *sum };
                let error = (f64::from(*got) - sum).abs();
                assert!(error <= most * size, "{case:?}, {}: {got} instead of {sum}", kernels.name);
            }
        }
    }

    #[test]
    fn three_parts_are_as_exact_as_f32() {
        for kernel in [(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (7, 2, 3), (2, 3, 1)] {
            for channels in [(1, 3), (3, 16), (17, 32), (32, 33), (40, 70)] {
                for (batch, side) in [(1, (7, 9)), (3, (8, 5))] {
                    for (add, relu) in [(false, true), (true, false)] {
                        check_split(Case { batch, side, channels, kernel, add, relu });
                    }
                }
            }
        }
    }

    #[test]
    fn three_parts_of_deep_windows_are_as_exact_as_f32() {
        for channels in [(700, 40), (1024, 64), (96, 600)] {
            for kernel in [(1, 1, 0), (1, 2, 0), (3, 2, 1)] {
                check_split(Case { batch: 2, side: (9, 14), channels, kernel, add: true, relu: true });
            }
        }
    }

    #[test]
    fn a_number_that_is_not_one_stays_so_in_three_parts() {
        let sizes = Sizes {
            height: 1,
            width: 20,
            in_channels: 40,
            out_height: 1,
            out_width: 20,
            out_channels: 35,
            kernel: 1,
            stride: 1,
            padding: 0,
        };
        let folded = Folded { weight: numbers(1, 35 * 40).into(), scale: vec![1.0; 35], bias: vec![0.0; 35] };
        for strange in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = numbers(2, 20 * 40);
            x[7 * 40 + 39] = strange;
            for kernels in split_kernels() {
                let layer = Conv16::<f32>::compile(kernels, sizes, &folded).unwrap();
                let mut out = vec![0.0; 20 * 35];
                layer.run(kernels, Work16 { batch: 1, x: &x, add: None, relu: false, out: &mut out });
                for (i, out) in out.iter().enumerate() {
                    assert_eq!(out.is_finite(), i / 35 != 7, "{}: {out} at {i}", kernels.name);
                }
            }
        }
    }

    /// The root mean square of a layer's error, of the deviation of its result.
    #[test]
    fn three_parts_in_tiles_err_about_as_plain_sums() {
        let sizes = Sizes {
            height: 6,
            width: 7,
            in_channels: 256,
            out_height: 6,
            out_width: 7,
            out_channels: 32,
            kernel: 3,
            stride: 1,
            padding: 1,
        };
        let normal = |seed: u64, len: usize| -> Vec<f32> {
            // Sums of twelve uniform numbers.
            let uniform = numbers(seed, 12 * len).into_iter().map(|v| v / 2f32.powi(v.abs().log2().floor() as i32 + 1));
            let uniform: Vec<f32> = uniform.collect();
            uniform.chunks(12).map(|part| part.iter().sum()).collect()
        };
        let (weight, x) = (normal(1, 32 * 256 * 9), normal(2, 42 * 256));
        let exact: Vec<f64> = (0..42 * 32)
            .map(|i| {
                let (pixel, o) = (i / 32, i % 32);
                let tap = |tap: usize| {
                    let (y, x_at) = ((pixel / 7 + tap / 3).wrapping_sub(1), (pixel % 7 + tap % 3).wrapping_sub(1));
                    if y >= 6 || x_at >= 7 {
                        return 0.0;
                    }
                    let product =
                        |c: usize| f64::from(x[(y * 7 + x_at) * 256 + c]) * f64::from(weight[(o * 256 + c) * 9 + tap]);
                    (0..256).map(product).sum::<f64>()
                };
                (0..9).map(tap).sum()
            })
            .collect();
        let deviation = (exact.iter().map(|v| v * v).sum::<f64>() / exact.len() as f64).sqrt();
        let error = |out: &[f32]| {
            let sum: f64 = out.iter().zip(&exact).map(|(out, exact)| (f64::from(*out) - exact).powi(2)).sum();
            (sum / exact.len() as f64).sqrt() / deviation
        };
        let folded = || Folded { weight: weight.as_slice().into(), scale: vec![1.0; 32], bias: vec![0.0; 32] };
        let mut out = vec![0.0; 42 * 32];
        let plain = {
            let kernels = crate::PlanKernels::Portable.tables().single;
            let layer = crate::plan::direct::Direct::compile(kernels, sizes, &folded());
            let zeros = [0.0; 256];
            let work =
                crate::plan::layer::Work { batch: 1, x: &x, add: None, relu: false, out: &mut out, zeros: &zeros };
            layer.run(kernels, work);
            error(&out)
        };
        for kernels in split_kernels() {
            let layer = Conv16::<f32>::compile(kernels, sizes, &folded()).unwrap();
            layer.run(kernels, Work16 { batch: 1, x: &x, add: None, relu: false, out: &mut out });
            let error = error(&out);
            let tiles = kernels.name.contains("AMX");
            assert!(error < if tiles { 4e-7 } else { 4e-6 }, "{}: {error:e}, plain sums {plain:e}", kernels.name);
        }
    }
}
