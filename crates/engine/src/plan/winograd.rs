//! 3x3 convolutions of stride 1 by minimal filtering, see [`super::transform`].

use std::cell::RefCell;

use rayon::prelude::*;

use super::block::Product;
use super::direct::{DEPTH, Tiles};
use super::fold::Folded;
use super::kernels::Kernels;
use super::layer::{Origin, Panels, Sizes, Target, Work, for_each_task, pad_bias, row_blocks};
use super::transform::{From, Into, weight_matrix};
use crate::scratch;

/// Tiles of one task where transforms and products are done together: with 64 channels both sides of the product take
/// 440 KiB, a second-level cache.
const FUSED_TILES: usize = 24;
/// Up to this many channels, in and out together, tasks do transforms and products together.
const FUSED_CHANNELS: usize = 128;
/// Floats between the numbers of transformed tiles beyond their own length, so that they do not compete for cache sets.
const GAP: usize = 16;

/// Output channels whose weights are transformed together: a part of every panel's width.
const LANES: usize = 8;

/// A compiled convolution.
#[derive(Debug)]
pub(super) struct Winograd {
    sizes: Sizes,
    /// Side of an output tile: 2 or 4.
    tile: usize,
    /// Weights of each position of a transformed tile.
    panels: Vec<Panels>,
    bias: Vec<f32>,
}

impl Winograd {
    /// For a kernel of 3, stride 1 and padding 1.
    pub(super) fn compile(kernels: &Kernels, sizes: Sizes, folded: &Folded<'_>, tile: usize) -> Self {
        assert!((sizes.kernel, sizes.stride, sizes.padding) == (3, 1, 1) && (tile == 2 || tile == 4));
        assert!(kernels.columns.is_multiple_of(LANES));
        let matrix = weight_matrix(tile);
        let positions = matrix.len() * matrix.len();
        let (inputs, outputs, width) = (sizes.in_channels, sizes.out_channels, kernels.columns);
        let mut panels: Vec<Panels> = (0..positions).map(|_| Panels::zeroed(kernels, inputs, outputs)).collect();
        // The same columns of all positions, which come from the same weights, are one task.
        let mut tasks: Vec<Vec<&mut [f32]>> = (0..outputs.div_ceil(width)).map(|_| Vec::new()).collect();
        for panels in &mut panels {
            tasks.iter_mut().zip(panels.panels_mut()).for_each(|(task, panel)| task.push(panel));
        }
        tasks.into_par_iter().enumerate().for_each(|(q, mut panels)| {
            for first in (0..width).step_by(LANES).take_while(|first| q * width + first < outputs) {
                let column = q * width + first;
                let count = LANES.min(outputs - column);
                let scale: [f64; LANES] =
                    std::array::from_fn(|j| if j < count { folded.scale[column + j] } else { 0.0 });
                let mut taps = [[0.0; LANES]; 9];
                for channel in 0..inputs {
                    for j in 0..count {
                        let weights = &folded.weight[((column + j) * inputs + channel) * 9..][..9];
                        taps.iter_mut().zip(weights).for_each(|(tap, &weight)| tap[j] = f64::from(weight));
                    }
                    transform_weights(&matrix, &taps, |position, sums| {
                        let out = &mut panels[position][channel * width + first..][..LANES];
                        out.iter_mut().zip(sums).zip(scale).for_each(|((out, sum), scale)| *out = (sum * scale) as f32);
                    });
                }
            }
        });
        Self { sizes, tile, panels, bias: pad_bias(kernels, &folded.bias) }
    }

    /// Floats that the packed weights take.
    pub(super) fn weights_len(&self) -> usize {
        self.panels.iter().map(|panels| panels.values.len()).sum::<usize>() + self.bias.len()
    }

    /// Tiles of an image, down and across.
    fn grid(&self) -> (usize, usize) {
        (self.sizes.out_height.div_ceil(self.tile), self.sizes.out_width.div_ceil(self.tile))
    }

    pub(super) fn run(&self, kernels: &Kernels, work: Work<'_>) {
        work.check(&self.sizes);
        let (down, across) = self.grid();
        let tiles = work.batch * down * across;
        let pass = Pass {
            layer: self,
            kernels,
            x: work.x,
            zeros: work.zeros,
            add: Origin(work.add_start()),
            relu: work.relu,
            out: Target::new(work.out),
        };
        let fused = self.sizes.in_channels + self.sizes.out_channels <= FUSED_CHANNELS;
        if fused && tiles >= 2 * FUSED_TILES {
            let tasks = tiles.div_ceil(FUSED_TILES);
            let size = tiles.div_ceil(tasks).next_multiple_of(kernels.rows).min(FUSED_TILES);
            for_each_task(tiles.div_ceil(size), |task| pass.tiles_at_once(task * size, size.min(tiles - task * size)));
        } else {
            pass.step_by_step(tiles);
        }
    }

    /// Floats between positions, for `tiles` tiles of `channels`.
    fn stride(tiles: usize, channels: usize) -> usize {
        tiles * row(channels) + GAP
    }
}

/// `G g G^T` for some output channels and one input channel, position by position.
#[inline(always)]
fn transform_weights(matrix: &[[f64; 3]], taps: &[[f64; LANES]; 9], mut sums: impl FnMut(usize, [f64; LANES])) {
    let sum = |row: &[f64; 3], parts: [&[f64; LANES]; 3]| -> [f64; LANES] {
        std::array::from_fn(|j| row[0] * parts[0][j] + row[1] * parts[1][j] + row[2] * parts[2][j])
    };
    for (y, row) in matrix.iter().enumerate() {
        let line: [[f64; LANES]; 3] = std::array::from_fn(|x| sum(row, [&taps[x], &taps[3 + x], &taps[6 + x]]));
        for (x, row) in matrix.iter().enumerate() {
            sums(y * matrix.len() + x, sum(row, [&line[0], &line[1], &line[2]]));
        }
    }
}

thread_local! {
    static RUNS: RefCell<Vec<*const f32>> = const { RefCell::new(Vec::new()) };
}

/// Floats between the tiles of a position: not a large power of two, so that they do not compete for cache sets.
fn row(channels: usize) -> usize {
    if channels.is_multiple_of(256) { channels + GAP } else { channels }
}

/// One layer's work on a few images.
struct Pass<'a> {
    layer: &'a Winograd,
    kernels: &'a Kernels,
    x: &'a [f32],
    zeros: &'a [f32],
    add: Origin,
    relu: bool,
    out: Target<'a>,
}

impl Pass<'_> {
    /// Transforms, multiplies and transforms back a few tiles in one task.
    fn tiles_at_once(&self, first: usize, tiles: usize) {
        let (inputs, outputs) = (self.layer.sizes.in_channels, self.layer.sizes.out_channels);
        let positions = self.layer.panels.len();
        let (in_stride, out_stride) = (Winograd::stride(tiles, inputs), Winograd::stride(tiles, outputs));
        scratch::with(positions * (in_stride + out_stride), |buffer| {
            let (transformed, sums) = buffer.split_at_mut(positions * in_stride);
            {
                let target = Target::new(transformed);
                (0..tiles).for_each(|i| self.transform(first + i, target, i, in_stride));
            }
            let (origin, target) = (Origin(transformed.as_ptr()), Target::new(sums));
            for position in 0..positions {
                self.multiply(position, origin, in_stride, target, out_stride, (0, tiles), (0, outputs));
            }
            (0..tiles).for_each(|i| self.transform_back(first + i, Origin(target.at(0)), i, out_stride));
        });
    }

    /// Transforms all tiles, multiplies all positions, transforms all tiles back.
    fn step_by_step(&self, tiles: usize) {
        let (inputs, outputs) = (self.layer.sizes.in_channels, self.layer.sizes.out_channels);
        let positions = self.layer.panels.len();
        let (in_stride, out_stride) = (Winograd::stride(tiles, inputs), Winograd::stride(tiles, outputs));
        scratch::with(positions * (in_stride + out_stride), |buffer| {
            let (transformed, sums) = buffer.split_at_mut(positions * in_stride);
            let (transformed, sums) = (Target::new(transformed), Target::new(sums));
            const GROUP: usize = 4;
            for_each_task(tiles.div_ceil(GROUP), |task| {
                (task * GROUP..((task + 1) * GROUP).min(tiles))
                    .for_each(|i| self.transform(i, transformed, i, in_stride));
            });
            let cut = Tiles::new(self.kernels, tiles, outputs);
            for_each_task(positions * cut.count(), |task| {
                let (row, height, column, width) = cut.tile(task % cut.count());
                let origin = Origin(transformed.at(0));
                let position = task / cut.count();
                self.multiply(position, origin, in_stride, sums, out_stride, (row, height), (column, width));
            });
            for_each_task(tiles.div_ceil(GROUP), |task| {
                let origin = Origin(sums.at(0));
                (task * GROUP..((task + 1) * GROUP).min(tiles))
                    .for_each(|i| self.transform_back(i, origin, i, out_stride));
            });
        });
    }

    /// Transforms tile `tile` of the batch into place `place`.
    fn transform(&self, tile: usize, target: Target<'_>, place: usize, stride: usize) {
        let (sizes, side) = (&self.layer.sizes, self.layer.tile + 2);
        let (image, top, left) = self.locate(tile);
        let mut pixels = [self.zeros.as_ptr(); 36];
        for y in 0..side {
            for x in 0..side {
                let (from_y, from_x) = ((top + y).wrapping_sub(1), (left + x).wrapping_sub(1));
                if from_y < sizes.height && from_x < sizes.width {
                    let start = ((image * sizes.height + from_y) * sizes.width + from_x) * sizes.in_channels;
                    pixels[y * side + x] = self.x[start..start + sizes.in_channels].as_ptr();
                }
            }
        }
        let job = Into {
            pixels: pixels.as_ptr(),
            channels: sizes.in_channels,
            out: target.at(place * row(sizes.in_channels)),
            position: stride,
        };
        // SAFETY: the table has checked the instructions; every pixel is a slice of `in_channels` floats or the zeros,
        // which are as many; the buffer has `stride` floats for each position, and no other call has this place.
        unsafe { (if side == 6 { self.kernels.into6 } else { self.kernels.into4 })(&job) };
    }

    /// Multiplies some tiles of one position by some columns of its weights.
    #[expect(clippy::too_many_arguments, reason = "two matrices with their strides, and a rectangle")]
    fn multiply(
        &self,
        position: usize,
        from: Origin,
        in_stride: usize,
        to: Target<'_>,
        out_stride: usize,
        (row, height): (usize, usize),
        (column, width): (usize, usize),
    ) {
        let (inputs, outputs) = (self.layer.sizes.in_channels, self.layer.sizes.out_channels);
        let kernels = self.kernels;
        let passes = inputs.div_ceil(DEPTH);
        let size = inputs.div_ceil(passes);
        let panels = &self.layer.panels[position];
        let (in_row, out_row) = (self::row(inputs), self::row(outputs));
        RUNS.with_borrow_mut(|runs| {
            runs.clear();
            for (start, rows) in row_blocks(kernels, height) {
                let address = |i: usize| from.at((row + start + i.min(rows - 1)) * in_row);
                runs.extend((0..kernels.rows).map(address));
            }
            for depth in (0..inputs).step_by(size) {
                let len = size.min(inputs - depth);
                for panel_column in (column..column + width).step_by(kernels.columns) {
                    let following = panel_column + kernels.columns;
                    let next_panel = match (following < column + width, depth + len < inputs) {
                        (true, _) => panels.hint(following, depth),
                        (false, true) => panels.hint(column, depth + len),
                        (false, false) => {
                            let next = if position + 1 < self.layer.panels.len() { position + 1 } else { 0 };
                            self.layer.panels[next].hint(column, 0)
                        }
                    };
                    let product = Product {
                        rows: height,
                        columns: kernels.columns.min(outputs - panel_column),
                        taps: 1,
                        depth: len,
                        runs: runs.as_ptr(),
                        block_runs: kernels.rows,
                        from: position * in_stride + depth,
                        panel: panels.rows(panel_column, depth, len).as_ptr(),
                        next_panel,
                        out: to.at(position * out_stride + row * out_row + panel_column),
                        out_row,
                        accumulate: depth > 0,
                        end: None,
                    };
                    // SAFETY: the table has checked the instructions. The list has an address for each row of each
                    // block; both buffers hold their stride for each position, and `row + height` tiles of it; the
                    // panel slice holds the pass's rows; no other task has this position, these tiles and columns.
                    unsafe { (kernels.product)(&product) };
                }
            }
        });
    }

    /// Transforms the sums in place `place` back into the pixels of tile `tile` of the batch.
    fn transform_back(&self, tile: usize, sums: Origin, place: usize, stride: usize) {
        let sizes = &self.layer.sizes;
        let (image, top, left) = self.locate(tile);
        let start = ((image * sizes.out_height + top) * sizes.out_width + left) * sizes.out_channels;
        let job = From {
            sums: sums.at(place * row(sizes.out_channels)),
            position: stride,
            channels: sizes.out_channels,
            bias: self.layer.bias.as_ptr(),
            out: self.out.at(start),
            line: sizes.out_width * sizes.out_channels,
            height: self.layer.tile.min(sizes.out_height - top),
            width: self.layer.tile.min(sizes.out_width - left),
            add: self.add.at(start),
            relu: self.relu,
        };
        // SAFETY: the table has checked the instructions; the sums have `stride` floats for each position; the bias is
        // rounded up to whole vectors; the tile's pixels lie in the output, as far as `height` and `width` say, and
        // in `add`, which is as long, and no other call has this tile.
        unsafe { (if self.layer.tile == 4 { self.kernels.from6 } else { self.kernels.from4 })(&job) };
    }

    /// Image, first line and first column of a tile.
    fn locate(&self, tile: usize) -> (usize, usize, usize) {
        let (down, across) = self.layer.grid();
        let (image, tile) = (tile / (down * across), tile % (down * across));
        (image, tile / across * self.layer.tile, tile % across * self.layer.tile)
    }
}
