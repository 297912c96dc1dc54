//! Convolution as a product of windows, which tiles read where they lie: in the activations themselves, in a copy of pixels, or
//! in a [`Frame`].

use rayon::prelude::*;

use super::block::{DEPTH_STEP, ROW_STEP};
use super::element::Element;
use super::frame::Frame;
use super::job::Job;
use super::kernels::ConvKernels;
use super::{Halves, widen};
use crate::plan::direct::Tiles;
use crate::plan::fold::Folded;
use crate::plan::layer::{Origin, Sizes, Target, for_each_task};

/// Rows of one product: two tiles of sums, one above the other.
pub(super) const BLOCK: usize = 2 * ROW_STEP;
/// Weights of this many values stay in a second-level cache; of more, each task is to serve as many frames as it can.
const WEIGHTS: usize = 1 << 18;
/// Values of the frames of one task at most.
const FRAMES: usize = 1 << 18;
/// Columns that a task keeps at least, since each copies its frames.
const LEAST_COLUMNS: usize = 64;

/// One layer's work on a few images.
#[derive(Debug)]
pub(in crate::plan) struct Work16<'a, T> {
    pub(in crate::plan) batch: usize,
    pub(in crate::plan) x: &'a [T],
    /// Added to the result, of its shape.
    pub(in crate::plan) add: Option<&'a [T]>,
    pub(in crate::plan) relu: bool,
    pub(in crate::plan) out: &'a mut [T],
}

/// How windows are laid out.
#[derive(Debug)]
pub(super) enum Windows {
    /// Each is a pixel of the activations.
    InPlace,
    /// Each is a pixel, of which every task copies its own.
    Copied,
    Framed(Frame),
}

/// A compiled convolution of activations of `T`.
#[derive(Debug)]
pub(in crate::plan) struct Conv16<T> {
    pub(super) sizes: Sizes,
    pub(super) windows: Windows,
    pub(super) passes: Vec<Pass>,
    /// Depth of a window, all taps together.
    pub(super) depth: usize,
    /// Panel by panel, for each [`DEPTH_STEP`] and each plane, half as many rows of pairs.
    pub(super) panels: Halves,
    pub(super) bias: Vec<f32>,
    elements: std::marker::PhantomData<T>,
}

/// A part of the depth that one product sums over: whole taps, or a part of one tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pass {
    /// Where each tap's part begins, from a window's first value on.
    pub(super) taps: Vec<usize>,
    pub(super) depth: usize,
    /// Depth of all passes before.
    pub(super) from: usize,
}

/// Splits a depth into passes of about the same length, at most `longest`, each a multiple of [`DEPTH_STEP`].
fn passes(taps: &[usize], run: usize, longest: usize) -> Vec<Pass> {
    let (parts, most) = (run.div_ceil(longest), (longest / run).max(1));
    let size = run.div_ceil(parts).next_multiple_of(DEPTH_STEP);
    let group = taps.len().div_ceil(taps.len().div_ceil(most));
    let mut from = 0;
    let mut passes = Vec::new();
    for taps in taps.chunks(group) {
        for start in (0..run).step_by(size) {
            let depth = size.min(run - start);
            passes.push(Pass { taps: taps.iter().map(|tap| tap + start).collect(), depth, from });
            from += depth * taps.len();
        }
    }
    passes
}

impl<T: Element> Conv16<T> {
    /// `None` where a weight is too large for bfloat16, above 3.39e38.
    pub(in crate::plan) fn compile(kernels: &ConvKernels<T>, sizes: Sizes, folded: &Folded<'_>) -> Option<Self> {
        let (kernel, channels) = (sizes.kernel, sizes.in_channels);
        let pixels = (kernel, sizes.padding) == (1, 0);
        let windows = match T::PLANES {
            1 if pixels && sizes.stride == 1 && channels.is_multiple_of(DEPTH_STEP) => Windows::InPlace,
            3 if pixels => Windows::Copied,
            _ => Windows::Framed(Frame::new(&sizes)),
        };
        let (taps, run) = match &windows {
            Windows::Framed(frame) => (&frame.taps[..], frame.run),
            Windows::InPlace | Windows::Copied => (&[0][..], channels.next_multiple_of(DEPTH_STEP)),
        };
        let (planes, width) = (T::PLANES, kernels.columns);
        let (passes, depth) = (passes(taps, run, T::DEPTH / planes / DEPTH_STEP * DEPTH_STEP), taps.len() * run);
        let padded = sizes.out_channels.next_multiple_of(width);
        let mut panels = Halves::zeroed(padded * depth * planes);
        let area = kernel * kernel;
        // Where each of a column's weights goes.
        let place = |i: usize| {
            let (channel, y, x) = (i / area, i % area / kernel, i % kernel);
            let row = match &windows {
                Windows::Framed(frame) => frame.place(y, x, channel),
                Windows::InPlace | Windows::Copied => channel,
            };
            let (step, row) = (row / DEPTH_STEP, row % DEPTH_STEP);
            (step * planes * DEPTH_STEP / 2 + row / 2) * width * 2 + row % 2
        };
        let places: Vec<usize> = (0..channels * area).map(place).collect();
        let pack = |(number, panel): (usize, &mut [u16])| {
            let mut finite = true;
            for column in number * width..((number + 1) * width).min(sizes.out_channels) {
                let weights = &folded.weight[column * places.len()..][..places.len()];
                for (&weight, place) in weights.iter().zip(&places) {
                    let parts = T::parts((f64::from(weight) * folded.scale[column]) as f32);
                    finite &= widen(parts[0]).is_finite();
                    for (plane, part) in parts.into_iter().take(planes).enumerate() {
                        panel[place + column % width * 2 + plane * DEPTH_STEP * width] = part;
                    }
                }
            }
            finite
        };
        let len = (width * depth * planes).max(1);
        let finite = panels.values_mut().par_chunks_mut(len).enumerate().map(pack).reduce(|| true, |a, b| a && b);
        let mut bias = folded.bias.clone();
        bias.resize(padded, 0.0);
        let elements = std::marker::PhantomData;
        finite.then_some(Self { sizes, windows, passes, depth, panels, bias, elements })
    }

    /// Floats that the packed weights take.
    pub(in crate::plan) fn weights_len(&self) -> usize {
        self.panels.floats() + self.bias.len()
    }

    /// A pass's rows of the panel that column `column`, a multiple of the width, begins.
    pub(super) fn panel(&self, width: usize, column: usize, pass: &Pass) -> &[u16] {
        let start = (column * self.depth + pass.from * width) * T::PLANES;
        &self.panels.values()[start..][..pass.taps.len() * pass.depth * width * T::PLANES]
    }

    pub(in crate::plan) fn run(&self, kernels: &ConvKernels<T>, work: Work16<'_, T>) {
        let sizes = &self.sizes;
        let (rows, columns) = (work.batch * sizes.out_height * sizes.out_width, sizes.out_channels);
        let pixels = work.batch * sizes.height * sizes.width;
        assert_eq!(work.x.len(), pixels * T::pixel_len(sizes.in_channels), "engine: input of a layer");
        assert_eq!(work.out.len(), rows * T::pixel_len(columns), "engine: output of a layer");
        assert!(work.add.is_none_or(|add| add.len() == work.out.len()), "engine: what a layer adds");
        let x = work.x;
        let job = Job {
            layer: self,
            kernels,
            add: Origin(work.add.map_or(std::ptr::null(), <[T]>::as_ptr)),
            relu: work.relu,
            out: Target::new(work.out),
        };
        let tasks = T::TASKS * rayon::current_num_threads();
        let Windows::Framed(frame) = &self.windows else {
            let tiles = Tiles::cut((BLOCK, kernels.columns), (rows, columns), (T::ROWS, T::COLUMNS), tasks);
            return for_each_task(tiles.count(), |task| {
                let (row, height, column, width) = tiles.tile(task);
                match self.windows {
                    Windows::Copied => job.copies(x, row, height, (column, width)),
                    _ => job.pixels(x, row, height, (column, width)),
                }
            });
        };
        let frames = work.batch * frame.per_image();
        let most = if self.panels.values().len() > WEIGHTS { (FRAMES / T::PLANES / frame.len).max(1) } else { 1 };
        let group = frames.div_ceil(frames.div_ceil(most));
        let down = frames.div_ceil(group);
        let mut width = columns.next_multiple_of(kernels.columns);
        while down * columns.div_ceil(width) < tasks && width > LEAST_COLUMNS {
            width = (width / 2).next_multiple_of(kernels.columns);
        }
        let across = columns.div_ceil(width);
        for_each_task(down * across, |task| {
            let (first, column) = (task / across * group, task % across * width);
            let end = frames.min(first + group);
            job.frames(frame, x, first..end, (column, width.min(columns - column)));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_cover_the_depth_in_order() {
        for (count, longest) in [1, 3, 7, 9, 49].into_iter().flat_map(|count| [(count, 1024), (count, 320)]) {
            for run in [32, 64, 96, 192, 512, 544, 1024, 2080] {
                let taps: Vec<usize> = (0..count).map(|tap| tap * 10_000).collect();
                let mut covered = Vec::new();
                for pass in passes(&taps, run, longest) {
                    assert_eq!(pass.from, covered.len());
                    assert!(pass.taps.len() * pass.depth <= longest && pass.depth.is_multiple_of(DEPTH_STEP));
                    covered.extend(pass.taps.iter().flat_map(|&tap| tap..tap + pass.depth));
                }
                let all: Vec<usize> = taps.iter().flat_map(|&tap| tap..tap + run).collect();
                assert_eq!(covered, all);
            }
        }
    }
}
