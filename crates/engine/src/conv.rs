//! Convolutions as matrix products of gathered windows.

use std::ops::Range;

use rayon::prelude::*;

use crate::gemm::{Left, Panels, Shared, Tile, depth_blocks, fill_panel_from_rows, multiply};
use crate::kernel::NR;
use crate::window::{Window, copy};
use crate::{ConvShape, InstructionSet, check_len, instruction_set, scratch};

/// Weights of one output channel that are transposed at a time, through a block in the first-level cache: rows of the
/// weights themselves often lie a power of two apart and would evict each other.
pub(crate) const TRANSPOSED: usize = 128;
/// Rows of the left matrix that one task multiplies at a time: with a depth block they fit a second-level cache.
const ROW_TILE: usize = 96;
/// Below this many tasks the columns are split too, so that few pixels still occupy all threads.
const FEW_TASKS: usize = 16;
/// Columns that a task keeps at least, so that gathering its rows pays.
const LEAST_COLUMNS: usize = 64;

/// Convolves `x` with `w`.
///
/// **Shapes**: as [`ConvShape`]: `x` NHWC, `w` OIHW, `out` NHWC. There is no bias: BatchNorm follows.
///
/// # Panics
/// Where a slice does not fit the shape.
///
/// ```
/// use latentwalk_engine::{ConvShape, conv2d};
/// let shape = ConvShape {
///     batch: 1, height: 1, width: 3, in_channels: 1, out_channels: 1, kernel: 3, stride: 1, padding: 1,
/// };
/// let sum_of_neighbours = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0];
/// let mut out = [0.0; 3];
/// conv2d(&shape, &[1.0, 2.0, 3.0], &sum_of_neighbours, &mut out);
/// assert_eq!(out, [3.0, 6.0, 5.0]);
/// ```
pub fn conv2d(shape: &ConvShape, x: &[f32], w: &[f32], out: &mut [f32]) {
    check_len("x", x, shape.in_len());
    check_len("w", w, shape.weight_len());
    check_len("out", out, shape.out_len());
    let window = forward_window(shape);
    let (depth, columns) = (shape.depth(), shape.out_channels);
    scratch::with(Panels::len(depth, columns), |buffer| {
        let panels = Panels::pack(buffer, depth, columns, |range, panel| pack_forward(shape, w, range, panel));
        correlate(instruction_set(), &window, x, panels, None, out);
    });
}

/// The gradient of a loss by the input of [`conv2d`], from its gradient by the output.
///
/// **Shapes**: `grad` like the output, `dx` like the input.
///
/// Each input pixel gathers the output gradients that it took part in; with a stride, the pixels fall into
/// `stride * stride` lattices with their own share of the kernel's taps, so no product with zero is computed.
///
/// # Panics
/// Where a slice does not fit the shape.
pub fn conv2d_grad_input(shape: &ConvShape, grad: &[f32], w: &[f32], dx: &mut [f32]) {
    check_len("grad", grad, shape.out_len());
    check_len("w", w, shape.weight_len());
    check_len("dx", dx, shape.in_len());
    if shape.kernel < shape.stride {
        // Some input pixels take part in no window.
        dx.par_chunks_mut(1 << 15).for_each(|dx| dx.fill(0.0));
    }
    for y in 0..shape.stride.min(shape.height) {
        for x in 0..shape.stride.min(shape.width) {
            grad_input_lattice(shape, Lattice { step: shape.stride, y, x }, grad, w, dx);
        }
    }
}

/// The input pixels `(y + step * i, x + step * j)`.
#[derive(Debug, Clone, Copy)]
struct Lattice {
    step: usize,
    y: usize,
    x: usize,
}

/// The kernel positions that touch a lattice along one axis: `first`, `first + stride`, ...
#[derive(Debug, Clone, Copy)]
struct Taps {
    first: usize,
    count: usize,
    /// Output position of the last tap at lattice point 0.
    offset: isize,
}

impl Taps {
    fn new(shape: &ConvShape, start: usize) -> Self {
        let first = (start + shape.padding) % shape.stride;
        let count = shape.kernel.saturating_sub(first).div_ceil(shape.stride);
        let offset = ((start + shape.padding - first) / shape.stride) as isize + 1 - count as isize;
        Self { first, count, offset }
    }

    /// Kernel position of window tap `i`: taps run backwards, so that output positions run forwards.
    fn position(&self, shape: &ConvShape, i: usize) -> usize {
        self.first + shape.stride * (self.count - 1 - i)
    }
}

fn grad_input_lattice(shape: &ConvShape, lattice: Lattice, grad: &[f32], w: &[f32], dx: &mut [f32]) {
    let (taps_y, taps_x) = (Taps::new(shape, lattice.y), Taps::new(shape, lattice.x));
    if taps_y.count == 0 || taps_x.count == 0 {
        return;
    }
    let window = Window {
        batch: shape.batch,
        source_height: shape.out_height(),
        source_width: shape.out_width(),
        channels: shape.out_channels,
        grid_height: (shape.height - lattice.y).div_ceil(lattice.step),
        grid_width: (shape.width - lattice.x).div_ceil(lattice.step),
        step: 1,
        top: taps_y.offset,
        left: taps_x.offset,
        taps_y: taps_y.count,
        taps_x: taps_x.count,
    };
    let (depth, columns) = (window.depth(), shape.in_channels);
    scratch::with(Panels::len(depth, columns), |buffer| {
        let panels = Panels::pack(buffer, depth, columns, |range, panel| {
            pack_backward(shape, taps_y, taps_x, w, range, panel);
        });
        let lattice = (lattice.step > 1).then_some((lattice, shape));
        correlate(instruction_set(), &window, grad, panels, lattice, dx);
    });
}

/// Multiplies every window of `source` with `panels`. The results are the rows of `out`, or its pixels on a lattice.
fn correlate(
    isa: InstructionSet,
    window: &Window,
    source: &[f32],
    panels: Panels<'_>,
    lattice: Option<(Lattice, &ConvShape)>,
    out: &mut [f32],
) {
    let (rows, columns) = (window.rows(), panels.columns());
    let row_tiles = rows.div_ceil(ROW_TILE);
    let width = column_tile(row_tiles, columns);
    let column_tiles = columns.div_ceil(width);
    let out = Shared::new(out);
    (0..row_tiles * column_tiles).into_par_iter().for_each(|task| {
        let row = task / column_tiles * ROW_TILE;
        let column = task % column_tiles * width;
        let tile_rows = row..(row + ROW_TILE).min(rows);
        let tile_columns = column..(column + width).min(columns);
        let Some((lattice, shape)) = lattice else {
            // SAFETY: tasks differ in rows or in columns, so their tiles do not overlap.
            let mut tile = unsafe { out.tile(row * columns + column, columns, tile_rows.len(), tile_columns.len()) };
            return correlate_tile(isa, window, source, panels, tile_rows, column, &mut tile);
        };
        scratch::with(tile_rows.len() * tile_columns.len(), |buffer| {
            let mut tile = Tile::new(buffer, tile_rows.len(), tile_columns.len());
            correlate_tile(isa, window, source, panels, tile_rows.clone(), column, &mut tile);
            for (i, row) in tile_rows.enumerate() {
                let (image, y, x) = window.locate(row);
                let (y, x) = (y * lattice.step + lattice.y, x * lattice.step + lattice.x);
                let pixel = (image * shape.height + y) * shape.width + x;
                // SAFETY: each task writes its own lattice pixels and columns.
                let pixel = unsafe { out.slice(pixel * columns + column, tile_columns.len()) };
                copy(tile.row_mut(i), pixel);
            }
        });
    });
}

/// Columns a task takes, a multiple of [`NR`]; decided by the shape alone.
fn column_tile(row_tiles: usize, columns: usize) -> usize {
    let mut width = columns.next_multiple_of(NR);
    while row_tiles * columns.div_ceil(width) < FEW_TASKS && width > LEAST_COLUMNS {
        width = (width / 2).next_multiple_of(NR);
    }
    width
}

fn correlate_tile(
    isa: InstructionSet,
    window: &Window,
    source: &[f32],
    panels: Panels<'_>,
    rows: Range<usize>,
    column: usize,
    tile: &mut Tile<'_>,
) {
    let depth = window.depth();
    if depth == 0 {
        (0..rows.len()).for_each(|i| tile.row_mut(i).fill(0.0));
    }
    for block in depth_blocks(depth) {
        let accumulate = block.start > 0;
        if window.is_source() {
            let left = Left { data: &source[rows.start * depth + block.start..], row: depth, column: 1 };
            multiply(isa, left, panels, block, column, tile, accumulate);
        } else {
            let stride = padded_stride(block.len());
            scratch::with(rows.len() * stride, |buffer| {
                window.gather(isa, source, rows.clone(), block.clone(), stride, buffer);
                multiply(isa, Left { data: buffer, row: stride, column: 1 }, panels, block, column, tile, accumulate);
            });
        }
    }
}

/// A row stride of an odd number of cache lines, so that neighbouring rows do not compete for the same cache sets.
pub(crate) fn padded_stride(len: usize) -> usize {
    (len.div_ceil(16) | 1) * 16
}

/// The windows that output pixels look through.
pub(crate) fn forward_window(shape: &ConvShape) -> Window {
    Window {
        batch: shape.batch,
        source_height: shape.height,
        source_width: shape.width,
        channels: shape.in_channels,
        grid_height: shape.out_height(),
        grid_width: shape.out_width(),
        step: shape.stride,
        top: -(shape.padding as isize),
        left: -(shape.padding as isize),
        taps_y: shape.kernel,
        taps_x: shape.kernel,
    }
}

/// One panel of the forward product: row `(ky, kx, in)`, column `out`.
fn pack_forward(shape: &ConvShape, w: &[f32], columns: Range<usize>, panel: &mut [f32]) {
    let (depth, area) = (shape.depth(), shape.kernel * shape.kernel);
    let w = &w[columns.start * depth..columns.end * depth];
    let step = (TRANSPOSED / area).max(1);
    scratch::with(step * area * NR, |block| {
        for from in (0..shape.in_channels).step_by(step) {
            let channels = from..(from + step).min(shape.in_channels);
            let len = channels.len() * area;
            for (block, w) in block.chunks_exact_mut(len).zip(w.chunks_exact(depth)) {
                block.copy_from_slice(&w[from * area..][..len]);
            }
            for (i, channel) in channels.enumerate() {
                for tap in 0..area {
                    let row = &mut panel[(tap * shape.in_channels + channel) * NR..][..columns.len()];
                    for (j, out) in row.iter_mut().enumerate() {
                        *out = block[j * len + i * area + tap];
                    }
                }
            }
        }
    });
}

/// One panel of the input gradient: row `(ty, tx, out)`, column `in`.
fn pack_backward(shape: &ConvShape, ty: Taps, tx: Taps, w: &[f32], columns: Range<usize>, panel: &mut [f32]) {
    let (depth, k) = (shape.depth(), shape.kernel);
    if k == 1 {
        return fill_panel_from_rows(&w[columns.start..], depth, columns.len(), panel);
    }
    for out in 0..shape.out_channels {
        let w = &w[out * depth + columns.start * k * k..][..columns.len() * k * k];
        for i in 0..ty.count {
            for j in 0..tx.count {
                let tap = ty.position(shape, i) * k + tx.position(shape, j);
                let row = &mut panel[((i * tx.count + j) * shape.out_channels + out) * NR..][..columns.len()];
                for (out, w) in row.iter_mut().zip(w.chunks_exact(k * k)) {
                    *out = w[tap];
                }
            }
        }
    }
}
