//! Windows laid out so that tiles read them where they lie: the rows of a tile are equally far apart.

use super::block::{DEPTH_STEP, ROW_STEP};
use super::element::{Element, Source};
use super::kernels::ConvKernels;
use super::pixel_len;
use crate::plan::layer::Sizes;

/// Below this many input channels a line of the kernel is one run; from it on, each of its pixels.
const CHANNELS: usize = DEPTH_STEP;
/// Frames are as long as a multiple of this many values, but never of a page: planes would compete for the same cache sets.
const LENGTH: usize = 32;
const PAGE: usize = 2048;
/// Pixels of one frame, as far as whole lines allow.
const PIXELS: usize = 192;

/// How a frame, a copy of some lines of an image with zeros around them, is laid out.
///
/// With many channels the pixels are dealt out to as many sub-lattices as the stride has steps, so that neighbouring
/// windows differ by one pixel and those of the next line go on at the same distance: all windows of a frame are one
/// matrix, with a few rows at each line's end that nobody wants. With few channels lines stay whole, a line of the kernel is one run
/// (rounded up; weights are zero beyond it), and with a stride each line of windows is a matrix of its own.
#[derive(Debug)]
pub(super) struct Frame {
    sizes: Sizes,
    /// Sub-lattices along an axis.
    lattices: usize,
    /// Input pixels between those of a lattice.
    step: usize,
    /// Output lines that a frame serves, where the image has as many.
    pub(super) lines: usize,
    /// Pixels of a lattice's line.
    pitch: usize,
    /// Lines of a lattice.
    height: usize,
    /// Values from pixel to pixel, and as many of them as are read.
    pixel: usize,
    depth: usize,
    /// Where each tap begins, from a window's first value on.
    pub(super) taps: Vec<usize>,
    /// Values of a tap, a multiple of [`DEPTH_STEP`].
    pub(super) run: usize,
    /// Values between windows.
    pub(super) row: usize,
    /// Values of a frame with all that is read behind its end, in each plane.
    pub(super) len: usize,
}

/// Windows of a frame that are one matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix {
    /// Where the first window begins in the frame.
    pub(super) start: usize,
    /// Rows up to the last window; those between lines are of no use.
    pub(super) rows: usize,
    /// First line of windows, from the frame's first on.
    pub(super) line: usize,
    /// Rows from line to line.
    pub(super) pitch: usize,
}

impl Frame {
    pub(super) fn new(sizes: &Sizes) -> Self {
        let Sizes { kernel, stride, in_channels, out_height, out_width, width, padding, .. } = *sizes;
        let whole = in_channels < CHANNELS;
        let (lattices, step) = if whole { (1, 1) } else { (kernel.min(stride), stride) };
        let pitch = if whole { width + 2 * padding } else { out_width + (kernel - 1) / stride };
        let most = (PIXELS / pitch).clamp(1, out_height);
        let lines = out_height.div_ceil(out_height.div_ceil(most));
        let height = if whole { (lines - 1) * stride + kernel } else { lines + (kernel - 1) / stride };
        let depth = if whole { in_channels } else { in_channels.next_multiple_of(DEPTH_STEP) };
        let pixel = pixel_len(depth);
        let run = if whole { (kernel * in_channels).next_multiple_of(DEPTH_STEP) } else { depth };
        let row = if whole { stride * pixel } else { pixel };
        let area = height * pitch * pixel;
        let taps = if whole {
            (0..kernel).map(|tap| tap * pitch * pixel).collect()
        } else {
            let tap = |y: usize, x: usize| {
                (y % stride * lattices + x % stride) * area + (y / stride * pitch + x / stride) * pixel
            };
            (0..kernel * kernel).map(|i| tap(i / kernel, i % kernel)).collect()
        };
        let mut frame =
            Self { sizes: *sizes, lattices, step, lines, pitch, height, pixel, depth, taps, run, row, len: 0 };
        let last_tap = frame.taps.iter().max().copied().unwrap_or(0);
        let read = |matrix: Matrix| matrix.start + last_tap + (matrix.rows.next_multiple_of(ROW_STEP) - 1) * row + run;
        let end = frame.matrices(lines).map(read).max().unwrap_or(0);
        frame.len = end.max(lattices * lattices * area).next_multiple_of(LENGTH);
        frame.len += if frame.len.is_multiple_of(PAGE) { LENGTH } else { 0 };
        frame
    }

    /// Frames of an image.
    pub(super) fn per_image(&self) -> usize {
        self.sizes.out_height.div_ceil(self.lines)
    }

    /// First output line of a frame of an image, and their number.
    pub(super) fn lines_of(&self, number: usize) -> (usize, usize) {
        let first = number * self.lines;
        (first, self.lines.min(self.sizes.out_height - first))
    }

    /// The place of input `channel` of kernel position `(y, x)` in the depth of all taps.
    pub(super) fn place(&self, y: usize, x: usize, channel: usize) -> usize {
        match self.is_whole() {
            true => y * self.run + x * self.sizes.in_channels + channel,
            false => (y * self.sizes.kernel + x) * self.run + channel,
        }
    }

    /// The matrices that the windows of a frame's first `lines` lines make.
    pub(super) fn matrices(&self, lines: usize) -> impl Iterator<Item = Matrix> + use<> {
        let (width, pitch, line) = (self.sizes.out_width, self.pitch, self.sizes.stride * self.pitch * self.pixel);
        let single = self.is_whole() && self.sizes.stride > 1;
        (0..if single { lines } else { 1 }).map(move |i| match single {
            true => Matrix { start: i * line, rows: width, line: i, pitch: width },
            false => Matrix { start: 0, rows: (lines - 1) * pitch + width, line: 0, pitch },
        })
    }

    fn is_whole(&self) -> bool {
        self.sizes.in_channels < CHANNELS
    }

    /// Copies what the windows of output lines from `first` on see of an image into a frame's planes. What lies between pixels, and
    /// behind the last one of a frame with many channels, keeps what the memory held.
    pub(super) fn fill<T: Element>(&self, kernels: &ConvKernels<T>, image: &[T], first: usize, frame: &mut [u16]) {
        let Sizes { height, width, in_channels, padding, stride, .. } = self.sizes;
        let (line_len, in_pixel) = (self.pitch * self.pixel, T::pixel_len(in_channels));
        let lines = self.lattices * self.lattices * self.height;
        let clear = |frame: &mut [u16], from: usize, to: usize| {
            frame.chunks_exact_mut(self.len).for_each(|plane| plane[from..to].fill(0));
        };
        for number in 0..lines {
            let start = number * line_len;
            let (lattice, line) = (number / self.height, number % self.height);
            let (top, left) = (lattice / self.lattices, lattice % self.lattices);
            let y = (first * stride + line * self.step + top).wrapping_sub(padding);
            if y >= height {
                clear(frame, start, start + line_len);
                continue;
            }
            let source = &image[y * width * in_pixel..][..width * in_pixel];
            // Pixels before the image, and those in it.
            let before = padding.saturating_sub(left).div_ceil(self.step).min(self.pitch);
            let inside = (width + padding).saturating_sub(left).div_ceil(self.step).clamp(before, self.pitch);
            clear(frame, start, start + before * self.pixel);
            clear(frame, start + inside * self.pixel, start + line_len);
            if inside == before {
                continue;
            }
            let start = start + before * self.pixel;
            let from = before * self.step + left - padding;
            if self.step == 1 && self.pixel == in_pixel {
                let len = (inside - before) * in_pixel;
                T::copy(kernels, Source::new(&source[from * in_pixel..][..len], len), &mut frame[start..], self.len);
                continue;
            }
            let pixels = source[from * in_pixel..].chunks(in_pixel).step_by(self.step);
            for (i, pixel) in pixels.take(inside - before).enumerate() {
                let to = &mut frame[start + i * self.pixel..];
                T::copy(kernels, Source::new(&pixel[..in_channels], self.depth), to, self.len);
            }
        }
        if self.is_whole() {
            // Values times weights of zero have to be numbers.
            clear(frame, lines * line_len, self.len);
        }
    }
}

/// Copies a pixel, with zeros behind it, in blocks of a fixed size where it can: they take less than a call of `memcpy`.
#[inline(always)]
pub(super) fn copy_pixel(from: &[u16], to: &mut [u16]) {
    let (blocks, rest) = from.as_chunks::<DEPTH_STEP>();
    let (whole, end) = to.split_at_mut(blocks.len() * DEPTH_STEP);
    for (to, from) in whole.as_chunks_mut::<DEPTH_STEP>().0.iter_mut().zip(blocks) {
        *to = *from;
    }
    if !end.is_empty() {
        end[..rest.len()].copy_from_slice(rest);
        end[rest.len()..].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::kernels::portable;
    use super::*;

    /// Every window of every frame, read by the frame's own rules, is the image's window.
    #[test]
    fn windows_of_frames_are_those_of_the_image() {
        for channels in [1, 3, 17, 32, 40, 128] {
            for (kernel, stride, padding) in
                [(1, 1, 0), (1, 2, 0), (2, 1, 1), (3, 1, 1), (3, 2, 1), (7, 2, 3), (2, 3, 1), (5, 3, 2)]
            {
                for (height, width) in [(7, 9), (16, 14), (60, 70)] {
                    check(channels, kernel, stride, padding, height, width);
                }
            }
        }
    }

    fn check(channels: usize, kernel: usize, stride: usize, padding: usize, height: usize, width: usize) {
        let side = |side: usize| (side + 2 * padding - kernel) / stride + 1;
        let (out_height, out_width) = (side(height), side(width));
        let sizes = Sizes {
            height,
            width,
            in_channels: channels,
            out_height,
            out_width,
            out_channels: 1,
            kernel,
            stride,
            padding,
        };
        let length = pixel_len(channels);
        let image: Vec<u16> = (0..height * width * length).map(|i| (i % 65_521) as u16 + 1).collect();
        let pixel =
            |y: usize, x: usize, c: usize| match y.wrapping_sub(padding) < height && x.wrapping_sub(padding) < width {
                true => image[((y - padding) * width + x - padding) * length + c],
                false => 0,
            };
        let layout = Frame::new(&sizes);
        let mut seen = 0;
        for number in 0..layout.per_image() {
            let (first, lines) = layout.lines_of(number);
            let mut frame = vec![9; layout.len];
            layout.fill(&portable::KERNELS.conv, &image, first, &mut frame);
            for matrix in layout.matrices(lines) {
                for row in (0..matrix.rows).filter(|row| row % matrix.pitch < out_width) {
                    let (y, x) = (first + matrix.line + row / matrix.pitch, row % matrix.pitch);
                    for (ky, kx, c) in (0..kernel * kernel * channels)
                        .map(|i| (i / channels / kernel, i / channels % kernel, i % channels))
                    {
                        let place = layout.place(ky, kx, c);
                        let at = matrix.start + row * layout.row + layout.taps[place / layout.run] + place % layout.run;
                        assert_eq!(
                            frame[at],
                            pixel(y * stride + ky, x * stride + kx, c),
                            "{sizes:?} {y} {x} {ky} {kx} {c}"
                        );
                    }
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, out_height * out_width);
    }
}
