//! Matrix products on packed panels, and the disjoint output tiles that parallel tasks write.

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use crate::InstructionSet;
use crate::kernel::{self, Block, NR, Run, most_rows, most_rows_of_two};

/// The longest depth of one pass: a panel of it (20 KiB) and six rows of the left matrix stay in a first-level cache.
pub(crate) const DEPTH_BLOCK: usize = 320;

/// Splits `0..depth` into equal passes of at most [`DEPTH_BLOCK`].
pub(crate) fn depth_blocks(depth: usize) -> impl Iterator<Item = Range<usize>> {
    let passes = depth.div_ceil(DEPTH_BLOCK).max(1);
    let size = depth.div_ceil(passes).max(1);
    (0..passes).map(move |i| (i * size).min(depth)..((i + 1) * size).min(depth)).filter(|r| !r.is_empty())
}

/// A right matrix of `depth` x `columns` in panels of [`NR`] columns, zero-padded: element `(p, j)` of panel `q` is
/// column `q * NR + j` of row `p`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panels<'a> {
    data: &'a [f32],
    depth: usize,
    columns: usize,
}

impl<'a> Panels<'a> {
    /// Floats that a packed matrix takes.
    pub(crate) fn len(depth: usize, columns: usize) -> usize {
        columns.div_ceil(NR) * NR * depth
    }

    /// Packs with `fill(columns of the panel, panel)`, panels in parallel. `fill` must write every column below
    /// `columns`; the rest of the last panel is zeroed first.
    pub(crate) fn pack(
        buffer: &'a mut [f32],
        depth: usize,
        columns: usize,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
    ) -> Self {
        assert_eq!(buffer.len(), Self::len(depth, columns), "engine: panel buffer");
        if depth > 0 {
            buffer.par_chunks_mut(depth * NR).enumerate().for_each(|(q, panel)| {
                let range = q * NR..((q + 1) * NR).min(columns);
                if range.len() < NR {
                    panel.fill(0.0);
                }
                fill(range, panel);
            });
        }
        Self { data: buffer, depth, columns }
    }

    /// Rows of exactly [`NR`] columns, which are a panel as they are.
    pub(crate) fn of_rows(rows: &'a [f32], depth: usize) -> Self {
        Self { data: &rows[..depth * NR], depth, columns: NR }
    }

    /// Packs rows `stride` apart, on this thread.
    pub(crate) fn pack_rows(
        buffer: &'a mut [f32],
        rows: &[f32],
        stride: usize,
        depth: usize,
        columns: Range<usize>,
    ) -> Self {
        let width = columns.len();
        assert_eq!(buffer.len(), Self::len(depth, width), "engine: panel buffer");
        if depth > 0 {
            for (q, panel) in buffer.chunks_exact_mut(depth * NR).enumerate() {
                fill_panel_from_rows(&rows[columns.start + q * NR..], stride, NR.min(width - q * NR), panel);
            }
        }
        Self { data: buffer, depth, columns: width }
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }
}

/// Copies the first `width` numbers of rows `stride` apart into a panel, zero-padding to [`NR`].
pub(crate) fn fill_panel_from_rows(rows: &[f32], stride: usize, width: usize, panel: &mut [f32]) {
    for (p, out) in panel.as_chunks_mut::<NR>().0.iter_mut().enumerate() {
        let row = &rows[p * stride..][..width];
        match row.first_chunk::<NR>() {
            Some(row) => *out = *row,
            None => {
                out[..width].copy_from_slice(row);
                out[width..].fill(0.0);
            }
        }
    }
}

/// A left matrix: row `i` at step `k` of a run is `data[rows[i] + run.start + k * step]`; the runs make up its columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows: &'a [usize],
    pub(crate) runs: &'a [Run],
    pub(crate) step: usize,
}

/// Rows of equal length of a matrix that only their holder touches.
#[derive(Debug)]
pub(crate) struct Tile<'a> {
    data: *mut f32,
    place: Place<'a>,
    rows: usize,
    columns: usize,
    /// From [`NR`] columns to the next: [`NR`], but in panels.
    panel: usize,
    _borrow: PhantomData<&'a mut [f32]>,
}

/// Where the rows of a tile begin.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    /// At equal distances.
    Every(usize),
    /// Each at a place of its own.
    At(&'a [usize]),
}

impl Tile<'_> {
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows && self.panel == NR, "engine: row beyond its tile");
        // SAFETY: the row lies in the tile, which `self` alone may touch while it is borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.row_start(row), self.columns) }
    }

    /// For rows of the tile; dereferencing is the caller's responsibility.
    fn row_start(&self, row: usize) -> *mut f32 {
        self.data.wrapping_add(match self.place {
            Place::Every(stride) => row * stride,
            Place::At(rows) => rows[row],
        })
    }
}

/// A mutable slice that parallel tasks share, each taking parts that no other takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared<'a> {
    data: *mut f32,
    len: usize,
    _borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: `Shared` only hands out parts through unsafe functions whose callers promise that the parts do not overlap.
unsafe impl Send for Shared<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { data: slice.as_mut_ptr(), len: slice.len(), _borrow: PhantomData }
    }

    /// The rectangle of `rows` x `columns` whose first element is `offset`, rows `stride` apart.
    ///
    /// # Safety
    /// No two tiles or slices that are alive at the same time may overlap.
    pub(crate) unsafe fn tile(&self, offset: usize, stride: usize, rows: usize, columns: usize) -> Tile<'a> {
        let end = if rows == 0 { offset } else { offset + (rows - 1) * stride + columns };
        assert!(end <= self.len, "engine: tile beyond its matrix");
        // SAFETY: `offset <= end <= len`.
        let data = unsafe { self.data.add(offset) };
        Tile { data, place: Place::Every(stride), rows, columns, panel: NR, _borrow: PhantomData }
    }

    /// Rows of panels, `panel` elements apart, whose first element is `offset`.
    ///
    /// # Safety
    /// As [`Shared::tile`].
    pub(crate) unsafe fn panels(&self, offset: usize, panel: usize, rows: usize, columns: usize) -> Tile<'a> {
        let last = offset + columns.div_ceil(NR).saturating_sub(1) * panel;
        assert!(rows * NR <= panel && last + rows * NR <= self.len, "engine: panels beyond their matrix");
        // SAFETY: `offset <= last <= len`.
        let data = unsafe { self.data.add(offset) };
        Tile { data, place: Place::Every(NR), rows, columns, panel, _borrow: PhantomData }
    }

    /// Rows of `columns` elements that begin at `rows`, all different.
    ///
    /// # Safety
    /// As [`Shared::tile`].
    pub(crate) unsafe fn scattered(&self, rows: &'a [usize], columns: usize) -> Tile<'a> {
        assert!(rows.iter().all(|row| row + columns <= self.len), "engine: row beyond its matrix");
        Tile { data: self.data, place: Place::At(rows), rows: rows.len(), columns, panel: NR, _borrow: PhantomData }
    }
}

/// `c (+)= a * b[depth, first_column..first_column + c.columns]`; `depth` names the rows of `b` that the columns of `a`
/// stand for. `first_column` must be a multiple of [`NR`].
pub(crate) fn multiply(
    isa: InstructionSet,
    a: Left<'_>,
    b: Panels<'_>,
    depth: Range<usize>,
    first_column: usize,
    c: &mut Tile<'_>,
    accumulate: bool,
) {
    if c.rows == 0 || c.columns == 0 || depth.is_empty() {
        return;
    }
    let ends = a.runs.iter().filter(|run| run.len > 0).map(|run| run.start + (run.len - 1) * a.step);
    let last = a.rows.iter().max().zip(ends.max()).map(|(row, end)| row + end);
    assert!(last.is_some_and(|last| last < a.data.len()), "engine: left matrix too short");
    assert!(a.rows.len() == c.rows, "engine: matrices of different heights");
    assert!(a.runs.iter().map(|run| run.len).sum::<usize>() == depth.len(), "engine: matrices of different depths");
    assert!(depth.end <= b.depth && first_column + c.columns <= b.columns, "engine: block beyond the panels");
    assert!(first_column.is_multiple_of(NR), "engine: block starts inside a panel");
    let mut column = 0;
    while column < c.columns {
        let panel =
            |column: usize| &b.data[((first_column + column) / NR * b.depth + depth.start) * NR..][..depth.len() * NR];
        let of_two = most_rows_of_two(isa).filter(|_| c.columns - column > NR);
        let second = of_two.map(|_| panel(column + NR).as_ptr());
        let columns = (c.columns - column).min(if second.is_some() { 2 * NR } else { NR });
        let (mut row, most) = (0, of_two.unwrap_or(most_rows(isa)));
        while row < c.rows {
            let rows = block_rows(most, c.rows - row);
            // Rows that the block lacks repeat its last one; the kernel leaves them alone.
            let nth = |i: usize| row + i.min(rows - 1);
            let block = Block {
                rows,
                columns,
                a: std::array::from_fn(|i| a.data.as_ptr().wrapping_add(a.rows[nth(i)])),
                a_step: a.step,
                runs: a.runs,
                b: panel(column).as_ptr(),
                second,
                c: std::array::from_fn(|i| c.row_start(nth(i)).wrapping_add(column / NR * c.panel)),
                c_second: c.panel,
                accumulate,
            };
            // SAFETY: no element of `a` that the block names lies behind `last`, checked above; the panel slices hold
            // as many rows of NR as the runs have steps; the rows and columns of `c` lie in the tile, which is borrowed
            // mutably.
            unsafe { kernel::run(isa, &block) };
            row += rows;
        }
        column += columns;
    }
}

/// Rows of the next register block: full blocks, but never a thin last one, which would leave the arithmetic idle.
pub(crate) fn block_rows(most: usize, left: usize) -> usize {
    if left > most && left < 2 * most { left.div_ceil(2) } else { left.min(most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_all_rows_and_depths() {
        for n in 1..200 {
            let mut left;
            for most in [6, 12] {
                left = n;
                while left > 0 {
                    let rows = block_rows(most, left);
                    assert!((1..=most).contains(&rows) && (n < most || rows >= most / 2));
                    left -= rows;
                }
            }
            let blocks: Vec<_> = depth_blocks(n * 7).collect();
            assert!(blocks.iter().all(|b| b.len() <= DEPTH_BLOCK));
            assert_eq!(blocks.iter().map(ExactSizeIterator::len).sum::<usize>(), n * 7);
        }
    }
}
