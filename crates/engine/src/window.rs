//! Sliding windows: the one description that forward convolution, both gradients and strided sub-lattices share.

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
        self.lines() * self.grid_width
    }

    /// Lines of all grids.
    pub(crate) fn lines(&self) -> usize {
        self.batch * self.grid_height
    }

    pub(crate) fn depth(&self) -> usize {
        self.taps_y * self.taps_x * self.channels
    }

    /// Whether no window leaves its image.
    pub(crate) fn stays_inside(&self) -> bool {
        let inside = |start: isize, grid: usize, taps: usize, size: usize| {
            start >= 0 && grid.saturating_sub(1) * self.step + start as usize + taps <= size
        };
        inside(self.top, self.grid_height, self.taps_y, self.source_height)
            && inside(self.left, self.grid_width, self.taps_x, self.source_width)
    }

    /// The grid point of a matrix row: image, y, x.
    pub(crate) fn locate(&self, row: usize) -> (usize, usize, usize) {
        let x = row % self.grid_width;
        let y = row / self.grid_width % self.grid_height;
        (row / self.grid_width / self.grid_height, y, x)
    }
}

/// Copies between slices of one length. Runs are often shorter than a call of `memcpy` takes, so they are copied as two
/// blocks of a fixed size that overlap.
#[inline(always)]
fn copy<T: Copy>(from: &[T], to: &mut [T]) {
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
pub(crate) fn copy_clipped<T: Copy + Default>(line: &[T], first: isize, out: &mut [T]) {
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
    use crate::kernel::Run;

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

    fn window(padding: isize) -> Window {
        Window {
            batch: 3,
            source_height: 3,
            source_width: 4,
            channels: 2,
            grid_height: 2,
            grid_width: if padding == 0 { 1 } else { 2 },
            step: if padding == 0 { 1 } else { 2 },
            top: -padding,
            left: -padding,
            taps_y: if padding == 0 { 2 } else { 3 },
            taps_x: 3,
        }
    }

    /// By the definition of the matrix.
    fn element(window: &Window, source: &[f32], row: usize, depth: usize) -> f32 {
        let (image, y, x) = window.locate(row);
        let (channel, tap) = (depth % window.channels, depth / window.channels);
        let y = (y * window.step + tap / window.taps_x) as isize + window.top;
        let x = (x * window.step + tap % window.taps_x) as isize + window.left;
        let inside = (0..window.source_height as isize).contains(&y) && (0..window.source_width as isize).contains(&x);
        let pixel = |y: isize, x: isize| (image * window.source_height + y as usize) * window.source_width + x as usize;
        if inside { source[pixel(y, x) * window.channels + channel] } else { 0.0 }
    }

    #[test]
    fn any_rows_of_the_matrix_can_be_viewed() {
        for (padding, pixel) in [(0, 2), (0, 3), (1, 2), (1, 5)] {
            views_agree(&window(padding), pixel);
            // Windows of one pixel, which lie side by side in a copy.
            views_agree(&Window { taps_y: 1, taps_x: 1, step: 2, grid_width: 2, ..window(0) }, pixel);
        }
    }

    fn views_agree(window: &Window, pixel: usize) {
        let source: Vec<f32> = (1..=72).map(|v| v as f32).collect();
        let spread = |runs: &[Run], step: usize| -> Vec<usize> {
            runs.iter().flat_map(|run| (0..run.len).map(move |i| run.start + i * step)).collect()
        };
        for first in 0..window.rows() {
            for end in first + 1..=window.rows() {
                let mut buffer = vec![9.0; window.view_len(&(first..end), pixel)];
                let view = window.view(instruction_set(), &source, first..end, pixel, &mut buffer);
                let (mut starts, mut places, mut runs, mut taps) = (vec![], vec![], vec![], vec![]);
                view.starts(first..end, &mut starts);
                view.runs(first..end, &mut runs);
                assert_eq!(spread(&runs, view.step()), starts);
                view.places(1..window.depth(), &mut places);
                if pixel == window.channels {
                    view.taps(1..window.depth(), &mut taps);
                    assert_eq!(spread(&taps, 1), places);
                }
                for (row, start) in (first..end).zip(&starts) {
                    for (depth, place) in (1..).zip(&places) {
                        assert_eq!(view.data[start + place], element(window, &source, row, depth));
                    }
                }
            }
        }
    }
}
