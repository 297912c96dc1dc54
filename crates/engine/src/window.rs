//! Sliding windows: the one description that forward convolution, both gradients and strided sub-lattices share.

use std::ops::Range;

use crate::InstructionSet;
use crate::instruction_set::multiversion;

/// Windows of `taps_y` x `taps_x` pixels over channels-last images, one for each point of a grid.
///
/// Tap `(ty, tx)` of grid point `(gy, gx)` is source pixel `(gy * step + top + ty, gx * step + left + tx)`, zero outside
/// the image. The window's numbers, in the order `(ty, tx, channel)`, are one row of a matrix of
/// [`Window::rows`] x [`Window::depth`]; the taps of one `ty` lie contiguous in the source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) batch: usize,
    pub(crate) source_height: usize,
    pub(crate) source_width: usize,
    pub(crate) channels: usize,
    pub(crate) grid_height: usize,
    pub(crate) grid_width: usize,
    pub(crate) step: usize,
    pub(crate) top: isize,
    pub(crate) left: isize,
    pub(crate) taps_y: usize,
    pub(crate) taps_x: usize,
}

impl Window {
    pub(crate) fn rows(&self) -> usize {
        self.batch * self.grid_height * self.grid_width
    }

    pub(crate) fn depth(&self) -> usize {
        self.taps_y * self.taps_x * self.channels
    }

    /// Whether row `r` of the matrix is pixel `r` of the source, so that nothing need be gathered.
    pub(crate) fn is_source(&self) -> bool {
        (self.taps_y, self.taps_x, self.step, self.top, self.left) == (1, 1, 1, 0, 0)
            && (self.grid_height, self.grid_width) == (self.source_height, self.source_width)
    }

    /// The grid point of a matrix row: image, y, x.
    pub(crate) fn locate(&self, row: usize) -> (usize, usize, usize) {
        let x = row % self.grid_width;
        let y = row / self.grid_width % self.grid_height;
        (row / self.grid_width / self.grid_height, y, x)
    }

    /// Copies the block `rows` x `depth` of the matrix to `out`, row `i` at `i * stride`.
    pub(crate) fn gather(
        &self,
        isa: InstructionSet,
        source: &[f32],
        rows: Range<usize>,
        depth: Range<usize>,
        stride: usize,
        out: &mut [f32],
    ) {
        gather(isa, self, source, rows, depth, stride, out);
    }

    /// As [`Window::gather`], of values of 16 bits.
    pub(crate) fn gather16(
        &self,
        source: &[u16],
        rows: Range<usize>,
        depth: Range<usize>,
        stride: usize,
        out: &mut [u16],
    ) {
        self.gather_lines(source, rows, depth, stride, out);
    }

    #[inline(always)]
    fn gather_lines<T: Copy + Default>(
        &self,
        source: &[T],
        rows: Range<usize>,
        depth: Range<usize>,
        stride: usize,
        out: &mut [T],
    ) {
        let mut done = 0;
        while done < rows.len() {
            let (image, y, x) = self.locate(rows.start + done);
            let run = (rows.len() - done).min(self.grid_width - x);
            self.gather_line(source, image, y, x..x + run, &depth, stride, &mut out[done * stride..]);
            done += run;
        }
    }

    /// The part of [`Window::gather`] that lies in one line of the grid.
    #[expect(clippy::too_many_arguments, reason = "the loop body of `gather`")]
    #[inline(always)]
    fn gather_line<T: Copy + Default>(
        &self,
        source: &[T],
        image: usize,
        y: usize,
        xs: Range<usize>,
        depth: &Range<usize>,
        stride: usize,
        out: &mut [T],
    ) {
        let run = self.taps_x * self.channels;
        let line = self.source_width * self.channels;
        for tap in depth.start / run..depth.end.div_ceil(run) {
            // This line's taps, as a range of the window's depth.
            let (from, to) = (depth.start.max(tap * run), depth.end.min((tap + 1) * run));
            let (offset, len) = (from - depth.start, to - from);
            let source_y = (y * self.step + tap) as isize + self.top;
            if source_y < 0 || source_y >= self.source_height as isize {
                for i in 0..xs.len() {
                    out[i * stride + offset..][..len].fill(T::default());
                }
                continue;
            }
            let pixels = &source[(image * self.source_height + source_y as usize) * line..][..line];
            for (i, x) in xs.clone().enumerate() {
                let first =
                    ((x * self.step) as isize + self.left) * self.channels as isize + (from - tap * run) as isize;
                copy_clipped(pixels, first, &mut out[i * stride + offset..][..len]);
            }
        }
    }
}

multiversion! {
    fn gather(
        window: &Window,
        source: &[f32],
        rows: Range<usize>,
        depth: Range<usize>,
        stride: usize,
        out: &mut [f32],
    ) {
        window.gather_lines(source, rows, depth, stride, out);
    }
}

/// Copies between slices of one length. Runs are often shorter than a call of `memcpy` takes, so they are copied as two
/// blocks of a fixed size that overlap.
#[inline(always)]
pub(crate) fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    match to.len() {
        0 => {}
        1 => copy_ends::<T, 1>(from, to),
        2..4 => copy_ends::<T, 2>(from, to),
        4..8 => copy_ends::<T, 4>(from, to),
        8..16 => copy_ends::<T, 8>(from, to),
        16..32 => copy_ends::<T, 16>(from, to),
        32..64 => copy_ends::<T, 32>(from, to),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first and the last `L` numbers.
#[inline(always)]
fn copy_ends<T: Copy, const L: usize>(from: &[T], to: &mut [T]) {
    if let (Some(from), Some(to)) = (from.first_chunk::<L>(), to.first_chunk_mut::<L>()) {
        *to = *from;
    }
    if let (Some(from), Some(to)) = (from.last_chunk::<L>(), to.last_chunk_mut::<L>()) {
        *to = *from;
    }
}

/// Copies `line[first..first + out.len()]`, zero where that leaves the line.
#[inline(always)]
fn copy_clipped<T: Copy + Default>(line: &[T], first: isize, out: &mut [T]) {
    let end = first + out.len() as isize;
    if first >= 0 && end <= line.len() as isize {
        copy(&line[first as usize..end as usize], out);
        return;
    }
    let skipped = (-first).clamp(0, out.len() as isize) as usize;
    let kept = (line.len() as isize - first).clamp(skipped as isize, out.len() as isize) as usize;
    out[..skipped].fill(T::default());
    out[kept..].fill(T::default());
    if kept > skipped {
        let from = (first + skipped as isize) as usize;
        copy(&line[from..from + kept - skipped], &mut out[skipped..kept]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruction_set;

    #[test]
    fn runs_are_clipped_to_the_line() {
        let line = [1.0, 2.0, 3.0];
        let copy = |first| {
            let mut out = [9.0; 4];
            copy_clipped(&line, first, &mut out);
            out
        };
        assert_eq!(copy(-5), [0.0; 4]);
        assert_eq!(copy(-2), [0.0, 0.0, 1.0, 2.0]);
        assert_eq!(copy(1), [2.0, 3.0, 0.0, 0.0]);
        assert_eq!(copy(3), [0.0; 4]);
        assert_eq!(copy(7), [0.0; 4]);
    }

    #[test]
    fn any_block_of_the_matrix_can_be_gathered() {
        let window = Window {
            batch: 2,
            source_height: 3,
            source_width: 4,
            channels: 2,
            grid_height: 2,
            grid_width: 2,
            step: 2,
            top: -1,
            left: -1,
            taps_y: 3,
            taps_x: 3,
        };
        let source: Vec<f32> = (1..=48).map(|v| v as f32).collect();
        let mut whole = vec![9.0; window.rows() * window.depth()];
        window.gather(instruction_set(), &source, 0..window.rows(), 0..window.depth(), window.depth(), &mut whole);
        // Grid point (0, 0): taps (0, *) and (*, 0) lie outside.
        assert_eq!(whole[..8], [0.0; 8]);
        assert_eq!(whole[8..12], [1.0, 2.0, 3.0, 4.0]);
        let mut block = vec![9.0; 3 * 7];
        window.gather(instruction_set(), &source, 3..6, 4..11, 7, &mut block);
        for row in 0..3 {
            assert_eq!(block[row * 7..][..7], whole[(row + 3) * 18 + 4..][..7]);
        }
    }
}
