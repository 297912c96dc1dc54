//! Convolutions as matrix products of gathered windows.

use std::ops::Range;

use rayon::prelude::*;

use crate::gemm::{Left, Panels, Shared, depth_blocks, fill_panel_from_rows, multiply};
use crate::kernel::NR;
use crate::window::Window;
use crate::{ConvShape, InstructionSet, check_len, instruction_set, scratch};

/// Weights of one output channel that are transposed at a time, through a block in the first-level cache: rows of the
/// weights themselves often lie a power of two apart and would evict each other.
pub(crate) const TRANSPOSED: usize = 128;
/// Pixels that a task takes at least, if there are enough tasks.
const ROW_TILE: usize = 96;
/// Pixels that a task takes at most, if lines are no longer: what they look at fits a second-level cache.
const MOST_ROWS: usize = 512;
/// Lines of the grid that a task takes if it may: of the lines it copies, those beside its own are then few.
const LINES: usize = 8;
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
        correlate(&[Product { window, panels, lattice: None }], x, out);
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
    let lattices = Lattice::all(shape);
    let lens = lattices.iter().map(|lattice| Panels::len(lattice.window(shape).depth(), shape.in_channels));
    scratch::with(lens.sum(), |mut rest| {
        let products: Vec<_> = lattices
            .iter()
            .map(|lattice| {
                let window = lattice.window(shape);
                let (depth, columns) = (window.depth(), shape.in_channels);
                let (buffer, tail) = std::mem::take(&mut rest).split_at_mut(Panels::len(depth, columns));
                rest = tail;
                let panels = Panels::pack(buffer, depth, columns, |range, panel| {
                    pack_backward(shape, lattice.taps_y, lattice.taps_x, w, range, panel);
                });
                Product { window, panels, lattice: (shape.stride > 1).then_some((*lattice, *shape)) }
            })
            .collect();
        correlate(&products, grad, dx);
    });
}

/// The input pixels `(y + step * i, x + step * j)`.
#[derive(Debug, Clone, Copy)]
struct Lattice {
    step: usize,
    y: usize,
    x: usize,
    taps_y: Taps,
    taps_x: Taps,
}

impl Lattice {
    /// The lattices of the pixels that take part in windows.
    fn all(shape: &ConvShape) -> Vec<Self> {
        let step = shape.stride;
        let starts = (0..step.min(shape.height)).flat_map(|y| (0..step.min(shape.width)).map(move |x| (y, x)));
        let lattices =
            starts.map(|(y, x)| Lattice { step, y, x, taps_y: Taps::new(shape, y), taps_x: Taps::new(shape, x) });
        lattices.filter(|lattice| lattice.taps_y.count > 0 && lattice.taps_x.count > 0).collect()
    }

    /// The windows of the output's gradient that the lattice's pixels look through; of no depth where the pixels took
    /// part in no window.
    fn window(&self, shape: &ConvShape) -> Window {
        Window {
            batch: shape.batch,
            source_height: shape.out_height(),
            source_width: shape.out_width(),
            channels: shape.out_channels,
            grid_height: (shape.height - self.y).div_ceil(self.step),
            grid_width: (shape.width - self.x).div_ceil(self.step),
            step: 1,
            top: self.taps_y.offset,
            left: self.taps_x.offset,
            taps_y: self.taps_y.count,
            taps_x: self.taps_x.count,
        }
    }

    /// The input pixel that a row of the matrix stands for.
    fn pixel(&self, window: &Window, shape: &ConvShape, row: usize) -> usize {
        let (image, y, x) = window.locate(row);
        (image * shape.height + y * self.step + self.y) * shape.width + x * self.step + self.x
    }
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

/// One product of windows and packed weights. The results are the rows of the output, or its pixels on a lattice.
struct Product<'a> {
    window: Window,
    panels: Panels<'a>,
    lattice: Option<(Lattice, ConvShape)>,
}

/// Computes products over the same source, whose outputs make up `out`. Each task takes about the same images and lines
/// of all products, so that source and output pass through the cache once.
fn correlate(products: &[Product<'_>], source: &[f32], out: &mut [f32]) {
    let Some(first) = products.first() else { return };
    let (isa, columns) = (instruction_set(), first.panels.columns());
    let row_tiles = first.window.lines().div_ceil(line_tile(&first.window));
    let width = column_tile(row_tiles, columns);
    let column_tiles = columns.div_ceil(width);
    let out = Shared::new(out);
    (0..row_tiles * column_tiles).into_par_iter().for_each(|task| {
        let (tile, column) = (task / column_tiles, task % column_tiles * width);
        for product in products {
            // Lattices differ by a line or a column at most.
            let lines = product.window.lines();
            let height = lines.div_ceil(row_tiles);
            let lines = (tile * height).min(lines)..((tile + 1) * height).min(lines);
            let rows = lines.start * product.window.grid_width..lines.end * product.window.grid_width;
            product.compute(isa, source, rows, column..(column + width).min(columns), out);
        }
    });
}

impl Product<'_> {
    /// Computes some rows and columns. Calls at the same time must differ in rows or in columns.
    fn compute(&self, isa: InstructionSet, source: &[f32], rows: Range<usize>, columns: Range<usize>, out: Shared<'_>) {
        let (window, stride) = (&self.window, self.panels.columns());
        let pixels: Vec<usize>;
        let mut tile = match &self.lattice {
            // SAFETY: calls differ in rows or in columns, so their tiles do not overlap.
            None => unsafe { out.tile(rows.start * stride + columns.start, stride, rows.len(), columns.len()) },
            Some((lattice, shape)) => {
                let pixel = |row| lattice.pixel(window, shape, row) * stride + columns.start;
                pixels = rows.clone().map(pixel).collect();
                // SAFETY: rows stand for different pixels, also those of different lattices.
                unsafe { out.scattered(&pixels, columns.len()) }
            }
        };
        if window.depth() == 0 {
            return (0..rows.len()).for_each(|i| tile.row_mut(i).fill(0.0));
        }
        scratch::with(window.view_len(&rows, window.channels), |buffer| {
            let view = window.view(isa, source, rows.clone(), window.channels, buffer);
            let (mut starts, mut runs) = (Vec::with_capacity(rows.len()), Vec::new());
            view.starts(rows, &mut starts);
            for block in depth_blocks(window.depth()) {
                runs.clear();
                view.taps(block.clone(), &mut runs);
                let accumulate = block.start > 0;
                let left = Left { data: view.data, rows: &starts, runs: &runs, step: 1 };
                multiply(isa, left, self.panels, block, columns.start, &mut tile, accumulate);
            }
        });
    }
}

/// Lines of the grid that a task takes; decided by the shape alone.
fn line_tile(window: &Window) -> usize {
    let (all, width) = (window.lines(), window.grid_width.max(1));
    let mut lines = LINES.min(MOST_ROWS / width).max(ROW_TILE.div_ceil(width));
    while lines > 1 && lines * width > ROW_TILE && all.div_ceil(lines) < FEW_TASKS {
        lines /= 2;
    }
    lines
}

/// Columns a task takes, a multiple of [`NR`]; decided by the shape alone.
fn column_tile(row_tiles: usize, columns: usize) -> usize {
    let mut width = columns.next_multiple_of(NR);
    while row_tiles * columns.div_ceil(width) < FEW_TASKS && width > LEAST_COLUMNS {
        width = (width / 2).next_multiple_of(NR);
    }
    width
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
