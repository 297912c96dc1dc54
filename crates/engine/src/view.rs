//! Windows read where they lie, or from a copy of the lines that they look at.

use std::ops::Range;

use crate::InstructionSet;
use crate::instruction_set::multiversion;
use crate::kernel::Run;
use crate::window::{Window, copy_clipped};

impl Window {
    /// Floats that [`Window::view`] needs for these rows.
    pub(crate) fn view_len(&self, rows: &Range<usize>, pixel: usize) -> usize {
        if rows.is_empty() || self.is_view(pixel) {
            return 0;
        }
        let frame = Frame::new(self, rows, pixel);
        let (image, y, _) = self.locate(rows.end - 1);
        frame.line(image, y) + self.taps_y * frame.pitch
    }

    /// The windows of some rows of the matrix, with `pixel` floats from a pixel to the next one, at least the channels.
    /// If need be, the lines that these windows look at are copied to `buffer`, with zeros around them.
    pub(crate) fn view<'a>(
        &self,
        isa: InstructionSet,
        source: &'a [f32],
        rows: Range<usize>,
        pixel: usize,
        buffer: &'a mut [f32],
    ) -> View<'a> {
        if self.is_view(pixel) {
            return View { data: source, window: *self, frame: Frame::source(self) };
        }
        let frame = Frame::new(self, &rows, pixel);
        let (image, y, _) = self.locate(rows.end - 1);
        copy_frame(isa, self, &frame, source, image, y, buffer);
        View { data: buffer, window: *self, frame }
    }

    /// Whether windows can be read where they lie. With a step it pays to copy them first: a copy runs ahead in memory,
    /// a product waits for each pixel.
    fn is_view(&self, pixel: usize) -> bool {
        pixel == self.channels && self.step == 1 && self.stays_inside()
    }
}

/// Windows of some rows of the matrix, in place or copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) data: &'a [f32],
    window: Window,
    frame: Frame,
}

impl View<'_> {
    /// Where the windows of `rows` begin.
    pub(crate) fn starts(&self, rows: Range<usize>, out: &mut Vec<usize>) {
        let step = self.step();
        self.each_line(rows, |run| out.extend((0..run.len).map(|i| run.start + i * step)));
    }

    /// The same as runs of starts that lie [`View::step`] apart.
    pub(crate) fn runs(&self, rows: Range<usize>, out: &mut Vec<Run>) {
        self.each_line(rows, |run| out.push(run));
    }

    /// Floats between neighbours of a line of the grid.
    pub(crate) fn step(&self) -> usize {
        self.frame.step * self.frame.pixel
    }

    fn each_line(&self, rows: Range<usize>, mut each: impl FnMut(Run)) {
        let mut row = rows.start;
        while row < rows.end {
            let (image, y, x) = self.window.locate(row);
            let len = (rows.end - row).min(self.window.grid_width - x);
            each(Run { start: self.frame.line(image, y) + (x - self.frame.x) * self.step(), len });
            row += len;
        }
    }

    /// The numbers `depth` of a window, counted from the window's start. Only where pixels lie as close as they can.
    pub(crate) fn taps(&self, depth: Range<usize>, out: &mut Vec<Run>) {
        debug_assert_eq!(self.frame.pixel, self.window.channels);
        let run = self.window.taps_x * self.window.channels;
        for tap in depth.start / run..depth.end.div_ceil(run) {
            let (from, to) = (depth.start.max(tap * run), depth.end.min((tap + 1) * run));
            out.push(Run { start: tap * self.frame.pitch + from - tap * run, len: to - from });
        }
    }

    /// The same number by number.
    pub(crate) fn places(&self, depth: Range<usize>, out: &mut Vec<usize>) {
        let (taps, channels) = (self.window.taps_x, self.window.channels);
        out.extend(depth.map(|i| {
            let (tap, channel) = (i / channels, i % channels);
            tap / taps * self.frame.pitch + tap % taps * self.frame.pixel + channel
        }));
    }
}

/// How the lines of a [`View`] lie.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// The first grid point: image, y and x. Later images begin with their first line.
    image: usize,
    y: usize,
    x: usize,
    /// Where its window begins.
    start: usize,
    /// Pixels and lines from a window to the next.
    step: usize,
    /// Floats from a pixel to the next.
    pixel: usize,
    /// Floats from a line to the next.
    pitch: usize,
    /// Lines from an image to the next.
    lines: usize,
}

impl Frame {
    /// The source as it is.
    fn source(window: &Window) -> Self {
        let (step, pixel, width, lines) = (window.step, window.channels, window.source_width, window.source_height);
        let start = (window.top as usize * width + window.left as usize) * pixel;
        Frame { image: 0, y: 0, x: 0, start, step, pixel, pitch: width * pixel, lines }
    }

    /// A copy of what `rows` look at: whole lines, or a piece of the only one. Windows of one pixel lie side by side.
    fn new(window: &Window, rows: &Range<usize>, pixel: usize) -> Self {
        let (image, y, x) = window.locate(rows.start);
        let (x, points) = if x + rows.len() <= window.grid_width { (x, rows.len()) } else { (0, window.grid_width) };
        let step = if (window.taps_y, window.taps_x) == (1, 1) { 1 } else { window.step };
        let width = (points - 1) * step + window.taps_x;
        let lines = (window.grid_height - 1) * step + window.taps_y;
        Frame { image, y, x, start: 0, step, pixel, pitch: width * pixel, lines }
    }

    /// Where the first window of a line of the grid begins.
    fn line(&self, image: usize, y: usize) -> usize {
        let lines = (image - self.image) * self.lines + y * self.step - self.y * self.step;
        self.start + lines * self.pitch
    }
}

multiversion! {
    fn copy_frame(
        window: &Window,
        frame: &Frame,
        source: &[f32],
        last_image: usize,
        last_y: usize,
        out: &mut [f32],
    ) {
        // Pixels and lines of the source between neighbours of the frame.
        let stride = window.step / frame.step;
        let line = window.source_width * window.channels;
        let left = (frame.x * window.step) as isize + window.left;
        for image in frame.image..=last_image {
            let from = if image == frame.image { frame.y } else { 0 };
            let to = if image == last_image { last_y } else { window.grid_height - 1 };
            let lines = (to - from) * frame.step + window.taps_y;
            let out = &mut out[frame.line(image, from)..][..lines * frame.pitch];
            for (i, out) in out.chunks_exact_mut(frame.pitch).enumerate() {
                let y = (from * window.step + i * stride) as isize + window.top;
                if y < 0 || y >= window.source_height as isize {
                    out.fill(0.0);
                    continue;
                }
                let pixels = &source[(image * window.source_height + y as usize) * line..][..line];
                if stride == 1 && frame.pixel == window.channels {
                    copy_clipped(pixels, left * window.channels as isize, out);
                    continue;
                }
                for (i, out) in out.chunks_exact_mut(frame.pixel).enumerate() {
                    let x = (left + (i * stride) as isize) * window.channels as isize;
                    copy_clipped(pixels, x, &mut out[..window.channels]);
                }
            }
        }
    }
}
