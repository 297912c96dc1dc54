//! Convolution as a product of windows read in place: every run of contiguous inputs has an address of its own.

use std::cell::RefCell;

use super::block::{End, Product};
use super::fold::Folded;
use super::kernels::Kernels;
use super::layer::{Origin, Panels, Sizes, Target, Work, for_each_task, pad_bias, row_blocks};
use crate::scratch;

/// The longest depth of one pass: a panel of it (16 KiB with 16 columns) stays in a first-level cache, with the rows
/// in work and those that come next.
pub(super) const DEPTH: usize = 256;
/// Pixels of one task: with a pass of depth they fit a second-level cache.
const ROWS: usize = 96;
/// Tasks that a layer has at least where it can, so that threads end at about the same time.
const TASKS: usize = 16;
/// Columns that a task keeps at least.
const COLUMNS: usize = 64;
/// Up to this many input channels, images are copied into a frame of zeros, where a kernel's line is one run.
const FRAMED: usize = 8;
/// From this many floats between neighbouring windows on, a page, windows are gathered.
const GATHERED: usize = 1024;
/// Floats between gathered windows, so that they do not compete for cache sets.
const GAP: usize = 16;

/// A part of the depth that one pass of register blocks sums over: whole taps, or a part of one tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pass {
    tap: usize,
    taps: usize,
    from: usize,
    depth: usize,
}

/// A compiled convolution.
#[derive(Debug)]
pub(super) struct Direct {
    sizes: Sizes,
    /// Whether a tap is a whole line of the kernel in a framed copy of the image.
    framed: bool,
    /// Whether windows are copied first: rows far apart by a power of two would compete for the same cache sets.
    gathers: bool,
    taps: usize,
    run: usize,
    passes: Vec<Pass>,
    panels: Panels,
    bias: Vec<f32>,
}

thread_local! {
    static RUNS: RefCell<Vec<*const f32>> = const { RefCell::new(Vec::new()) };
}

impl Direct {
    pub(super) fn compile(kernels: &Kernels, sizes: Sizes, folded: &Folded<'_>) -> Self {
        let (k, channels) = (sizes.kernel, sizes.in_channels);
        let weights = &*folded.weight;
        let framed = k > 1 && channels <= FRAMED;
        let (taps, run) = if framed { (k, k * channels) } else { (k * k, channels) };
        let panels = Panels::pack(kernels, taps * run, sizes.out_channels, |column, out| {
            let (weights, scale) = (&weights[column * out.len()..][..out.len()], folded.scale[column]);
            for (tap, out) in out.chunks_exact_mut(channels).enumerate() {
                for (out, weights) in out.iter_mut().zip(weights.chunks_exact(k * k)) {
                    *out = (f64::from(weights[tap]) * scale) as f32;
                }
            }
        });
        let gathers = !framed && run * sizes.stride >= GATHERED;
        Self {
            sizes,
            framed,
            gathers,
            taps,
            run,
            passes: passes(taps, run),
            panels,
            bias: pad_bias(kernels, &folded.bias),
        }
    }

    /// Floats that the packed weights take.
    pub(super) fn weights_len(&self) -> usize {
        self.panels.values.len() + self.bias.len()
    }

    pub(super) fn run(&self, kernels: &Kernels, work: Work<'_>) {
        work.check(&self.sizes);
        if !self.framed {
            let source = Source { x: work.x, height: self.sizes.height, width: self.sizes.width };
            return self.multiply(kernels, source, work);
        }
        let (height, width) = (self.sizes.height + 2 * self.sizes.padding, self.sizes.width + 2 * self.sizes.padding);
        scratch::with(work.batch * height * width * self.sizes.in_channels, |frame| {
            self.frame(work.x, frame);
            self.multiply(kernels, Source { x: frame, height, width }, work);
        });
    }

    /// Copies images into frames of zeros.
    fn frame(&self, x: &[f32], frame: &mut [f32]) {
        let Sizes { height, width, in_channels, padding, .. } = self.sizes;
        let (line, framed_line, framed_height) =
            (width * in_channels, (width + 2 * padding) * in_channels, height + 2 * padding);
        const LINES: usize = 32;
        let chunk = LINES * framed_line;
        let tasks = frame.len().div_ceil(chunk.max(1));
        let target = Target::new(frame);
        let total = target_lines(x.len(), line, height, framed_height);
        for_each_task(tasks, |task| {
            for i in task * LINES..((task + 1) * LINES).min(total) {
                // SAFETY: lines of different tasks differ, and all lie in the frame, which is borrowed mutably.
                let out = unsafe { std::slice::from_raw_parts_mut(target.at(i * framed_line), framed_line) };
                let (image, y) = (i / framed_height, i % framed_height);
                if y < padding || y >= padding + height {
                    out.fill(0.0);
                    continue;
                }
                let (left, rest) = out.split_at_mut(padding * in_channels);
                let (middle, right) = rest.split_at_mut(line);
                left.fill(0.0);
                middle.copy_from_slice(&x[(image * height + y - padding) * line..][..line]);
                right.fill(0.0);
            }
        });
    }

    fn multiply(&self, kernels: &Kernels, source: Source<'_>, work: Work<'_>) {
        let rows = work.batch * self.sizes.out_height * self.sizes.out_width;
        let columns = self.sizes.out_channels;
        let tiles = Tiles::new(kernels, rows, columns);
        let (add, relu) = (Origin(work.add_start()), work.relu);
        let (zeros, out) = (work.zeros, Target::new(work.out));
        for_each_task(tiles.count(), |task| {
            let (row, height, column, width) = tiles.tile(task);
            let mut tile = Tile { row, height, column, width, runs: Vec::new() };
            RUNS.with_borrow_mut(|runs| std::mem::swap(runs, &mut tile.runs));
            self.list_runs(kernels, &source, zeros, row, height, &mut tile.runs);
            let output = Output { out, add, relu };
            if self.gathers {
                let most = self.passes.iter().map(|pass| pass.taps * pass.depth).max().unwrap_or(0) + GAP;
                scratch::with(height * most, |block| {
                    for number in 0..self.passes.len() {
                        self.gather(kernels, &tile, number, most, block);
                        self.pass(kernels, &tile, number, Some((block.as_ptr(), most)), output);
                    }
                });
            } else {
                (0..self.passes.len()).for_each(|number| self.pass(kernels, &tile, number, None, output));
            }
            RUNS.with_borrow_mut(|runs| std::mem::swap(runs, &mut tile.runs));
        });
    }

    /// Copies a pass's part of every window of a tile, row by row, `stride` floats apart.
    fn gather(&self, kernels: &Kernels, tile: &Tile, number: usize, stride: usize, block: &mut [f32]) {
        let pass = &self.passes[number];
        for (index, (start, rows)) in row_blocks(kernels, tile.height).enumerate() {
            for (i, row) in block[start * stride..].chunks_exact_mut(stride).take(rows).enumerate() {
                for tap in 0..pass.taps {
                    let run = tile.runs[(index * self.taps + pass.tap + tap) * kernels.rows + i];
                    // SAFETY: `list_runs` wrote an address valid for the run's length, of which this is a part.
                    let run = unsafe { std::slice::from_raw_parts(run.add(pass.from), pass.depth) };
                    row[tap * pass.depth..][..pass.depth].copy_from_slice(run);
                }
            }
        }
    }

    /// One pass over a tile: windows are read where they lie, or from the block that `gather` filled.
    fn pass(
        &self,
        kernels: &Kernels,
        tile: &Tile,
        number: usize,
        gathered: Option<(*const f32, usize)>,
        output: Output<'_>,
    ) {
        let (pass, columns) = (&self.passes[number], self.sizes.out_channels);
        let (first, len) = (pass.tap * self.run + pass.from, pass.taps * pass.depth);
        let last = number + 1 == self.passes.len();
        let list: Vec<*const f32>;
        let (runs, block_runs, taps, depth, from) = match gathered {
            Some((start, stride)) => {
                let blocks = row_blocks(kernels, tile.height);
                let address = |row: usize| start.wrapping_add(row * stride);
                list = blocks
                    .flat_map(|(row, rows)| (0..kernels.rows).map(move |i| address(row + i.min(rows - 1))))
                    .collect();
                (list.as_ptr(), kernels.rows, 1, len, 0)
            }
            None => (
                tile.runs[pass.tap * kernels.rows..].as_ptr(),
                self.taps * kernels.rows,
                pass.taps,
                pass.depth,
                pass.from,
            ),
        };
        let end = tile.column + tile.width;
        for column in (tile.column..end).step_by(kernels.columns) {
            let following = column + kernels.columns;
            let next_panel = match (following < end, last) {
                (true, _) => self.panels.hint(following, first),
                (false, false) => self.panels.hint(tile.column, first + len),
                (false, true) => self.panels.hint(tile.column, 0),
            };
            let at = tile.row * columns + column;
            let bias = self.bias[column..].as_ptr();
            let product = Product {
                rows: tile.height,
                columns: kernels.columns.min(columns - column),
                taps,
                depth,
                runs,
                block_runs,
                from,
                panel: self.panels.rows(column, first, len).as_ptr(),
                next_panel,
                out: output.out.at(at),
                out_row: columns,
                accumulate: number > 0,
                end: last.then(|| End { bias, add: output.add.at(at), relu: output.relu }),
            };
            // SAFETY: the table has checked the instructions. `list_runs` wrote an address for each row and tap of each
            // block, valid for the run's length, and the gathered block has `stride` floats for each row; the panel
            // slice holds the pass's rows; `bias` is as long as all panels; `out` and `add` have `rows * columns`
            // values, as checked, and tiles of different tasks do not overlap.
            unsafe { (kernels.product)(&product) };
        }
    }

    /// The address of every run of a tile's windows, as [`Product::runs`] wants them, register block by register block.
    fn list_runs(
        &self,
        kernels: &Kernels,
        source: &Source<'_>,
        zeros: &[f32],
        row: usize,
        height: usize,
        runs: &mut Vec<*const f32>,
    ) {
        let sizes = &self.sizes;
        let pixel = sizes.in_channels;
        runs.clear();
        runs.resize(height.div_ceil(kernels.rows) * self.taps * kernels.rows, zeros.as_ptr());
        let (mut x, line) = (row % sizes.out_width, row / sizes.out_width);
        let (mut y, mut image) = (line % sizes.out_height, line / sizes.out_height);
        for (index, (_, height)) in row_blocks(kernels, height).enumerate() {
            for i in 0..height {
                let (top, left) = (y * sizes.stride, x * sizes.stride);
                for tap in 0..self.taps {
                    // In a frame a tap is a line of the kernel, and never leaves the image.
                    let (dy, dx, padding) = match self.framed {
                        true => (tap, 0, 0),
                        false => (tap / sizes.kernel, tap % sizes.kernel, sizes.padding),
                    };
                    let (y, x) = ((top + dy).wrapping_sub(padding), (left + dx).wrapping_sub(padding));
                    if y < source.height && x < source.width {
                        let start = ((image * source.height + y) * source.width + x) * pixel;
                        runs[(index * self.taps + tap) * kernels.rows + i] = source.x[start..start + self.run].as_ptr();
                    }
                }
                x += 1;
                if x == sizes.out_width {
                    (x, y) = (0, y + 1);
                }
                if y == sizes.out_height {
                    (y, image) = (0, image + 1);
                }
            }
        }
    }
}

fn target_lines(len: usize, line: usize, height: usize, framed_height: usize) -> usize {
    len / (line * height).max(1) * framed_height
}

/// A task's part of the product, and the addresses of its runs.
#[derive(Debug)]
struct Tile {
    row: usize,
    height: usize,
    column: usize,
    width: usize,
    runs: Vec<*const f32>,
}

/// Where a product goes.
#[derive(Debug, Clone, Copy)]
struct Output<'a> {
    out: Target<'a>,
    add: Origin,
    relu: bool,
}

/// Images and their size.
#[derive(Debug, Clone, Copy)]
struct Source<'a> {
    x: &'a [f32],
    height: usize,
    width: usize,
}

/// Splits a depth of `taps` runs into equal passes of at most [`DEPTH`], where a run allows it.
fn passes(taps: usize, run: usize) -> Vec<Pass> {
    if run > DEPTH {
        let size = run.div_ceil(run.div_ceil(DEPTH));
        let parts =
            move |tap| (0..run).step_by(size).map(move |from| Pass { tap, taps: 1, from, depth: size.min(run - from) });
        return (0..taps).flat_map(parts).collect();
    }
    let most = DEPTH / run.max(1);
    let size = taps.div_ceil(taps.div_ceil(most));
    (0..taps).step_by(size).map(|tap| Pass { tap, taps: size.min(taps - tap), from: 0, depth: run }).collect()
}

/// How a product's rows and columns are cut into tasks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles {
    rows: usize,
    columns: usize,
    height: usize,
    width: usize,
}

impl Tiles {
    pub(super) fn new(kernels: &Kernels, rows: usize, columns: usize) -> Self {
        Self::cut((kernels.rows, kernels.columns), (rows, columns), (ROWS, columns), TASKS)
    }

    /// Tiles of about `most` rows and columns, in multiples of the register block's; narrower ones where there would be
    /// fewer than `tasks`.
    pub(super) fn cut(
        (block_rows, block_columns): (usize, usize),
        (rows, columns): (usize, usize),
        (most_rows, most_columns): (usize, usize),
        tasks: usize,
    ) -> Self {
        let height = rows.div_ceil(rows.div_ceil(most_rows).max(1)).max(1).next_multiple_of(block_rows);
        let down = rows.div_ceil(height);
        let mut width = columns.min(most_columns).next_multiple_of(block_columns);
        while down * columns.div_ceil(width) < tasks && width > COLUMNS {
            width = (width / 2).next_multiple_of(block_columns);
        }
        Self { rows, columns, height, width }
    }

    pub(super) fn count(&self) -> usize {
        self.rows.div_ceil(self.height) * self.columns.div_ceil(self.width)
    }

    /// Row, height, column and width of a task's tile.
    pub(super) fn tile(&self, task: usize) -> (usize, usize, usize, usize) {
        let across = self.columns.div_ceil(self.width);
        let (row, column) = (task / across * self.height, task % across * self.width);
        (row, self.height.min(self.rows - row), column, self.width.min(self.columns - column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_cover_the_depth_in_order() {
        for taps in [1, 3, 7, 9, 49] {
            for run in [1, 3, 21, 64, 320, 321, 512, 2048] {
                let mut next = 0;
                for pass in passes(taps, run) {
                    assert_eq!(pass.tap * run + pass.from, next);
                    assert!(pass.taps * pass.depth <= DEPTH);
                    next += pass.taps * pass.depth;
                }
                assert_eq!(next, taps * run);
            }
        }
    }
}
