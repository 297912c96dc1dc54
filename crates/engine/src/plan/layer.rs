//! What the layers of a plan share: their sizes, their tasks and the memory that tasks write.

use std::marker::PhantomData;

use rayon::prelude::*;

use super::block::block_height;
use super::kernels::Kernels;
use crate::aligned::Aligned;

/// Sizes of one convolution, a batch apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) in_channels: usize,
    pub(super) out_height: usize,
    pub(super) out_width: usize,
    pub(super) out_channels: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
}

impl Sizes {
    pub(super) fn in_len(&self) -> usize {
        self.height * self.width * self.in_channels
    }

    pub(super) fn out_len(&self) -> usize {
        self.out_height * self.out_width * self.out_channels
    }
}

/// One layer's work on a few images.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) batch: usize,
    pub(super) x: &'a [f32],
    /// Added to the result, of its shape.
    pub(super) add: Option<&'a [f32]>,
    pub(super) relu: bool,
    pub(super) out: &'a mut [f32],
    /// Zeros, at least as many as the input has channels.
    pub(super) zeros: &'a [f32],
}

impl Work<'_> {
    #[track_caller]
    pub(super) fn check(&self, sizes: &Sizes) {
        assert_eq!(self.x.len(), self.batch * sizes.in_len(), "engine: input of a layer");
        assert_eq!(self.out.len(), self.batch * sizes.out_len(), "engine: output of a layer");
        assert!(self.add.is_none_or(|add| add.len() == self.out.len()), "engine: what a layer adds");
        assert!(self.zeros.len() >= sizes.in_channels, "engine: zeros of a layer");
    }

    /// Where the added values begin; null where there are none.
    pub(super) fn add_start(&self) -> *const f32 {
        self.add.map_or(std::ptr::null(), <[f32]>::as_ptr)
    }
}

/// The address of a slice that tasks write in parts that do not overlap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a, T = f32> {
    start: *mut T,
    _borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: a `Target` is an address; what is written through it is up to the unsafe code that does so, which gives each
// task parts that no other task touches.
unsafe impl<T> Send for Target<'_, T> {}
// SAFETY: as for `Send`.
unsafe impl<T> Sync for Target<'_, T> {}

impl<'a, T> Target<'a, T> {
    pub(super) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), _borrow: PhantomData }
    }

    pub(super) fn at(&self, offset: usize) -> *mut T {
        self.start.wrapping_add(offset)
    }
}

/// The address of values that tasks read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<T = f32>(pub(super) *const T);

// SAFETY: an `Origin` is an address that is only read from, while the slice behind it is borrowed.
unsafe impl<T> Send for Origin<T> {}
// SAFETY: as for `Send`.
unsafe impl<T> Sync for Origin<T> {}

impl<T> Origin<T> {
    /// The address `offset` values on; null stays null.
    pub(super) fn at(&self, offset: usize) -> *const T {
        if self.0.is_null() { self.0 } else { self.0.wrapping_add(offset) }
    }
}

/// Runs tasks on rayon's pool, each as a piece of its own, so that threads that finish early take what is left.
pub(super) fn for_each_task(tasks: usize, run: impl Fn(usize) + Sync + Send) {
    match tasks {
        0 => {}
        1 => run(0),
        _ => (0..tasks).into_par_iter().with_max_len(1).for_each(run),
    }
}

/// Register blocks of `rows` rows: start and height.
pub(super) fn row_blocks(kernels: &Kernels, rows: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
    let (most, mut start) = (kernels.rows, 0);
    std::iter::from_fn(move || {
        let height = block_height(most, rows - start);
        start += height;
        (height > 0).then(|| (start - height, height))
    })
}

/// A matrix of `depth` x `columns` in panels as wide as the register block, zero-padded.
#[derive(Debug)]
pub(super) struct Panels {
    pub(super) values: Aligned,
    pub(super) depth: usize,
    pub(super) width: usize,
}

impl Panels {
    /// Zeros.
    pub(super) fn zeroed(kernels: &Kernels, depth: usize, columns: usize) -> Self {
        let width = kernels.columns;
        Self { values: Aligned::zeroed(columns.div_ceil(width) * width * depth), depth, width }
    }

    /// Packs columns, of which `column` writes one with each call; panels in parallel.
    pub(super) fn pack(
        kernels: &Kernels,
        depth: usize,
        columns: usize,
        column: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Self {
        let mut panels = Self::zeroed(kernels, depth, columns);
        let width = panels.width;
        let panel_len = (depth * width).max(1);
        panels.values.par_chunks_mut(panel_len).enumerate().for_each(|(q, panel)| {
            // First one column after the other, then row by row: neither jumps about in memory.
            let mut together = vec![0.0; panel_len];
            let count = width.min(columns - q * width);
            for (j, values) in together.chunks_exact_mut(depth.max(1)).take(count).enumerate() {
                column(q * width + j, values);
            }
            for (p, row) in panel.chunks_exact_mut(width).enumerate() {
                row[..count].iter_mut().enumerate().for_each(|(j, value)| *value = together[j * depth + p]);
            }
        });
        panels
    }

    /// The panels one by one, to be written.
    pub(super) fn panels_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.values.chunks_mut((self.depth * self.width).max(1))
    }

    /// The address of a row of a panel, or of what follows the last one: to be asked for, not to be read.
    pub(super) fn hint(&self, column: usize, row: usize) -> *const f32 {
        self.values.as_ptr().wrapping_add((column / self.width * self.depth + row) * self.width)
    }

    /// Rows from `row` on of the panel that column `column`, a multiple of the width, begins.
    pub(super) fn rows(&self, column: usize, row: usize, rows: usize) -> &[f32] {
        debug_assert!(column.is_multiple_of(self.width));
        &self.values[(column / self.width * self.depth + row) * self.width..][..rows * self.width]
    }
}

/// Biases rounded up to whole panels.
pub(super) fn pad_bias(kernels: &Kernels, bias: &[f32]) -> Vec<f32> {
    let mut padded = bias.to_vec();
    padded.resize(bias.len().next_multiple_of(kernels.columns), 0.0);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::kernels::PlanKernels;

    #[test]
    fn row_blocks_cover_all_rows_without_thin_ends() {
        for kernels in PlanKernels::available() {
            let kernels = kernels.table();
            for rows in 0..100 {
                let mut next = 0;
                for (start, height) in row_blocks(kernels, rows) {
                    assert_eq!(start, next);
                    assert!((1..=kernels.rows).contains(&height));
                    assert!(rows < kernels.rows || height >= kernels.rows / 2, "{rows}: {height}");
                    next += height;
                }
                assert_eq!(next, rows);
            }
        }
    }
}
