//! The weight gradient of a convolution: a product that sums over pixels.

use std::ops::Range;

use rayon::prelude::*;

use crate::conv::{TRANSPOSED, forward_window};
use crate::gemm::{Left, Panels, Shared, multiply};
use crate::kernel::NR;
use crate::window::Window;
use crate::{ConvShape, InstructionSet, check_len, instruction_set, scratch};

/// Rows of the left matrix (window positions times channels) that one task of the weight gradient takes.
const WEIGHT_ROWS: usize = 384;
/// Output channels that one task of the weight gradient takes.
const WEIGHT_COLUMNS: usize = 256;
/// Pixels that one product of the weight gradient sums over.
const PIXEL_TILE: usize = 128;
/// Floats of the pixels that a task looks at at a time, at least one product's: they stay in a second-level cache.
const VIEW_FLOATS: usize = 1 << 14;
/// Pixels at least that one partial sum of the weight gradient covers, in `f32`; partial sums are added in `f64`.
const PIXEL_CHUNK: usize = 2048;
/// Partial sums at most, which bounds the memory.
const MOST_CHUNKS: usize = 64;

/// The gradient of a loss by the weights of [`conv2d`](crate::conv2d()), from its gradient by the output.
///
/// **Shapes**: `x` like the input, `grad` like the output, `dw` like the weights (OIHW).
///
/// # Panics
/// Where a slice does not fit the shape.
pub fn conv2d_grad_weight(shape: &ConvShape, x: &[f32], grad: &[f32], dw: &mut [f32]) {
    check_len("x", x, shape.in_len());
    check_len("grad", grad, shape.out_len());
    check_len("dw", dw, shape.weight_len());
    let plan = WeightPlan::new(forward_window(shape), shape.out_channels);
    let partial = plan.partial_len();
    scratch::with(plan.chunks * partial, |sums| {
        plan.partial_sums(instruction_set(), x, grad, sums);
        // 16 output channels at a time: their rows of `dw` stay in cache while the partial sums stream past.
        dw.par_chunks_mut((NR * shape.depth()).max(1)).enumerate().for_each(|(i, dw)| {
            add_partials(shape, sums, partial, i * NR, dw);
        });
    });
}

/// How the weight gradient is cut into tasks, by the shape alone.
///
/// Partial sums lie in panels like a packed matrix: `[chunk][columns / NR][depth][NR]`.
#[derive(Debug, Clone, Copy)]
struct WeightPlan {
    window: Window,
    columns: usize,
    chunk_pixels: usize,
    chunks: usize,
}

impl WeightPlan {
    fn new(window: Window, columns: usize) -> Self {
        let pixels = window.rows();
        let chunk_pixels = pixels.div_ceil(MOST_CHUNKS).max(PIXEL_CHUNK);
        Self { window, columns, chunk_pixels, chunks: pixels.div_ceil(chunk_pixels) }
    }

    /// Floats of one chunk's sums.
    fn partial_len(&self) -> usize {
        Panels::len(self.window.depth(), self.columns)
    }

    /// Writes the sums of every chunk of pixels.
    fn partial_sums(&self, isa: InstructionSet, source: &[f32], grad: &[f32], sums: &mut [f32]) {
        let row_blocks = self.window.depth().div_ceil(WEIGHT_ROWS);
        let column_blocks = self.columns.div_ceil(WEIGHT_COLUMNS);
        let sums = Shared::new(sums);
        (0..self.chunks * row_blocks * column_blocks).into_par_iter().for_each(|task| {
            let chunk = task / column_blocks / row_blocks;
            let row = task / column_blocks % row_blocks * WEIGHT_ROWS;
            let column = task % column_blocks * WEIGHT_COLUMNS;
            let rows = row..(row + WEIGHT_ROWS).min(self.window.depth());
            let columns = column..(column + WEIGHT_COLUMNS).min(self.columns);
            self.partial_sum(isa, source, grad, chunk, rows, columns, sums);
        });
    }

    #[expect(clippy::too_many_arguments, reason = "the loop body of `partial_sums`")]
    fn partial_sum(
        &self,
        isa: InstructionSet,
        source: &[f32],
        grad: &[f32],
        chunk: usize,
        rows: Range<usize>,
        columns: Range<usize>,
        sums: Shared<'_>,
    ) {
        let first = chunk * self.chunk_pixels;
        let end = (first + self.chunk_pixels).min(self.window.rows());
        let (mut places, mut runs) = (Vec::with_capacity(rows.len()), Vec::new());
        let pixel = pixel_stride(self.window.channels);
        let group = self.group(first, end, pixel);
        let longest =
            (first..end).step_by(group).map(|from| self.window.view_len(&(from..(from + group).min(end)), pixel));
        let longest = longest.max().unwrap_or(0);
        scratch::with(longest + Panels::len(PIXEL_TILE, columns.len()), |buffer| {
            let (buffer, right) = buffer.split_at_mut(longest);
            for from in (first..end).step_by(group) {
                let to = (from + group).min(end);
                let view = self.window.view(isa, source, from..to, pixel, buffer);
                places.clear();
                view.places(rows.clone(), &mut places);
                for start in (from..to).step_by(PIXEL_TILE) {
                    let pixels = start..(start + PIXEL_TILE).min(to);
                    let count = pixels.len();
                    let panels = self.panels(right, grad, start, count, &columns);
                    runs.clear();
                    view.runs(pixels, &mut runs);
                    let left = Left { data: view.data, rows: &places, runs: &runs, step: view.step() };
                    let panel = self.window.depth() * NR;
                    let offset = chunk * self.partial_len() + columns.start / NR * panel + rows.start * NR;
                    // SAFETY: tasks differ in chunk, rows or columns, so their tiles do not overlap.
                    let mut tile = unsafe { sums.panels(offset, panel, rows.len(), columns.len()) };
                    multiply(isa, left, panels, 0..count, 0, &mut tile, start > first);
                }
            }
        });
    }

    /// Pixels to look at at a time: whole products.
    fn group(&self, first: usize, end: usize, pixel: usize) -> usize {
        let one = self.window.view_len(&(first..(first + PIXEL_TILE).min(end)), pixel);
        PIXEL_TILE * (VIEW_FLOATS / one.max(1)).clamp(1, end - first)
    }

    /// The gradients of `count` pixels: as they lie, where they are a panel already.
    fn panels<'a>(
        &self,
        buffer: &'a mut [f32],
        grad: &'a [f32],
        start: usize,
        count: usize,
        columns: &Range<usize>,
    ) -> Panels<'a> {
        let grad = &grad[start * self.columns..];
        if self.columns == NR {
            return Panels::of_rows(grad, count);
        }
        let buffer = &mut buffer[..Panels::len(count, columns.len())];
        Panels::pack_rows(buffer, grad, self.columns, count, columns.clone())
    }
}

/// Floats from a pixel to the next where a product runs over pixels: an odd number of cache lines where there are many
/// channels, so that neighbours do not compete for the same cache sets.
fn pixel_stride(channels: usize) -> usize {
    const LINE: usize = 16;
    if channels <= 2 * LINE { channels } else { (channels.div_ceil(LINE) | 1) * LINE }
}

/// Adds the chunks' sums of output channels `first..` in order and writes them as OIHW.
fn add_partials(shape: &ConvShape, sums: &[f32], partial: usize, first: usize, dw: &mut [f32]) {
    let (depth, columns, area) = (shape.depth(), shape.out_channels, shape.kernel * shape.kernel);
    let width = NR.min(columns - first);
    let step = (TRANSPOSED / area).max(1);
    scratch::with(step * area * NR, |block| {
        for from in (0..shape.in_channels).step_by(step) {
            let channels = from..(from + step).min(shape.in_channels);
            let len = channels.len() * area;
            for (i, channel) in channels.enumerate() {
                for tap in 0..area {
                    let at = first * depth + (tap * shape.in_channels + channel) * NR;
                    let mut total = [0f64; NR];
                    for chunk in sums.chunks_exact(partial) {
                        total.iter_mut().zip(&chunk[at..at + width]).for_each(|(t, s)| *t += f64::from(*s));
                    }
                    for (j, total) in total.iter().enumerate() {
                        block[j * len + i * area + tap] = *total as f32;
                    }
                }
            }
            for (dw, block) in dw.chunks_exact_mut(depth).zip(block.chunks_exact(len)) {
                dw[from * area..][..len].copy_from_slice(block);
            }
        }
    });
}
