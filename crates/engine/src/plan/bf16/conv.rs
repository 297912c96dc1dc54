//! Convolution of bfloat16 activations as a product of windows, gathered where they do not lie in rows by themselves.

use super::block::{DEPTH_STEP, Finish, Product, ROW_STEP};
use super::kernels::Kernels16;
use super::{Halves, floats, halves_mut, narrow, widen};
use crate::plan::direct::Tiles;
use crate::plan::fold::Folded;
use crate::plan::layer::{Origin, Sizes, Target, for_each_task};
use crate::scratch;
use crate::window::Window;

/// The longest depth of one pass: a panel of it, 32 columns wide, takes 32 KiB.
const DEPTH: usize = 512;
/// Pixels of one task.
const ROWS: usize = 128;
/// Columns of one task at most: their sums stay in a second-level cache between passes.
const COLUMNS: usize = 256;
/// Values between gathered windows, so that they do not compete for cache sets.
const GAP: usize = 32;

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
    /// Windows of one image.
    window: Window,
    /// Whether windows can be read where they lie.
    in_place: bool,
    /// Depth of a window, padded with zeros to whole steps.
    depth: usize,
    /// Panel by panel `depth / 2` rows of pairs.
    panels: Halves,
    bias: Vec<f32>,
}

impl Conv16 {
    /// `None` where a weight is too large for bfloat16, above 3.39e38.
    pub(in crate::plan) fn compile(kernels: &Kernels16, sizes: Sizes, folded: &Folded<'_>) -> Option<Self> {
        let window = window(&sizes);
        let depth = window.depth().next_multiple_of(DEPTH_STEP);
        let width = kernels.columns;
        let padded = sizes.out_channels.next_multiple_of(width);
        let mut panels = Halves::zeroed(padded * depth);
        let (taps, channels) = (sizes.kernel * sizes.kernel, sizes.in_channels);
        let mut finite = true;
        for column in 0..sizes.out_channels {
            let panel = &mut panels.values_mut()[column / width * width * depth..][..width * depth];
            let weights = &folded.weight[column * channels * taps..][..channels * taps];
            for (i, &weight) in weights.iter().enumerate() {
                let row = i % taps * channels + i / taps;
                let value = narrow((f64::from(weight) * folded.scale[column]) as f32);
                finite &= widen(value).is_finite();
                panel[(row / 2 * width + column % width) * 2 + row % 2] = value;
            }
        }
        let mut bias = folded.bias.clone();
        bias.resize(padded, 0.0);
        let in_place = window.is_source() && channels == depth;
        finite.then_some(Self { sizes, window, in_place, depth, panels, bias })
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
        let (x, add, relu) = (work.x, Origin(work.add.map_or(std::ptr::null(), <[u16]>::as_ptr)), work.relu);
        let window = Window { batch: work.batch, ..self.window };
        let out = Target::new(work.out);
        let tiles = Tiles::cut((ROW_STEP, kernels.columns), (rows, columns), (ROWS, COLUMNS));
        for_each_task(tiles.count(), |task| {
            let (row, height, column, width) = tiles.tile(task);
            let tile = Tile { window, x, row, height, column, width };
            self.tile(kernels, &tile, |row, column| {
                (out.at(row * columns + column), add.at(row * columns + column), relu)
            });
        });
    }

    /// Computes a tile; `place` tells where the result of a row and column goes, what is added and whether ReLU follows.
    fn tile(&self, kernels: &Kernels16, tile: &Tile<'_>, place: impl Fn(usize, usize) -> (*mut u16, *const u16, bool)) {
        let rows = tile.height.next_multiple_of(ROW_STEP);
        // Rows that are not there could not be read in place.
        let in_place = self.in_place && rows == tile.height;
        let most = DEPTH.min(self.depth) + GAP;
        let block_len = if in_place { 0 } else { floats(rows * most) };
        let width = kernels.columns;
        let panels = tile.width.div_ceil(width);
        scratch::with(block_len + panels * rows * width, |memory| {
            let (block, sums) = memory.split_at_mut(block_len);
            for from in (0..self.depth).step_by(DEPTH) {
                let depth = DEPTH.min(self.depth - from);
                let (windows, window_row) = if in_place {
                    (tile.x[tile.row * self.depth + from..].as_ptr(), self.depth)
                } else {
                    tile.gather(from, depth, most, halves_mut(block));
                    (halves_mut(block).as_ptr(), most)
                };
                for (panel, sums) in sums.chunks_exact_mut(rows * width).enumerate() {
                    let column = tile.column + panel * width;
                    let product = Product {
                        rows,
                        depth,
                        windows,
                        window_row,
                        panel: self.panels.values()[column * self.depth + from * width..][..depth * width].as_ptr(),
                        sums: sums.as_mut_ptr(),
                        accumulate: from > 0,
                    };
                    // SAFETY: the table has checked the instructions. In place, `rows` windows of `self.depth` values
                    // from the tile's first on are pixels of `x`, whose length `run` has checked; gathered, the block
                    // has `rows` of `most` values, of which `gather` wrote `depth`. The panel's slice is as long as the
                    // pass, `sums` has `rows * width` floats and is this task's own.
                    unsafe { (kernels.product)(&product) };
                    if from + depth == self.depth {
                        let (out, add, relu) = place(tile.row, column);
                        let end = Finish {
                            rows: tile.height,
                            columns: width.min(self.sizes.out_channels - column),
                            sums: sums.as_ptr(),
                            bias: self.bias[column..][..width].as_ptr(),
                            add,
                            relu,
                            out,
                            out_row: self.sizes.out_channels,
                        };
                        // SAFETY: the table has checked the instructions; `sums` and `bias` are as wide as the panel; the
                        // tile's rows and the columns named lie in `out` and `add`, whose lengths `run` has checked, and
                        // tiles of different tasks do not overlap.
                        unsafe { (kernels.finish)(&end) };
                    }
                }
            }
        });
    }
}

/// A task's part of the product.
#[derive(Debug, Clone, Copy)]
struct Tile<'a> {
    window: Window,
    x: &'a [u16],
    row: usize,
    height: usize,
    column: usize,
    width: usize,
}

impl Tile<'_> {
    /// Copies a part of the depth of each window, `stride` values apart, zeros behind the windows' end. Rows that only
    /// fill up a step keep what the memory held: nobody reads their sums.
    fn gather(&self, from: usize, depth: usize, stride: usize, block: &mut [u16]) {
        let end = self.window.depth().clamp(from, from + depth);
        self.window.gather16(self.x, self.row..self.row + self.height, from..end, stride, block);
        if end < from + depth {
            for row in block.chunks_mut(stride).take(self.height) {
                row[end - from..depth].fill(0);
            }
        }
    }
}

fn window(sizes: &Sizes) -> Window {
    let (kernel, padding) = (sizes.kernel, -(sizes.padding as isize));
    Window {
        batch: 1,
        source_height: sizes.height,
        source_width: sizes.width,
        channels: sizes.in_channels,
        grid_height: sizes.out_height,
        grid_width: sizes.out_width,
        step: sizes.stride,
        top: padding,
        left: padding,
        taps_y: kernel,
        taps_x: kernel,
    }
}
