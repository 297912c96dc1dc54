//! What activations consist of, and how a task copies them for tiles.

use super::block::{Split, Stored};
use super::frame::copy_pixel;
use super::kernels::ConvKernels;
use super::{narrow, pixel_len, split};

/// Elements to be copied.
#[derive(Debug, Clone, Copy)]
pub(in crate::plan) struct Source<'a, T> {
    pub(super) from: &'a [T],
    /// Zeros follow up to so many.
    pub(super) len: usize,
    /// As many elements that will be copied soon; they are only asked for, not read.
    pub(super) ahead: *const T,
}

impl<'a, T> Source<'a, T> {
    pub(super) fn new(from: &'a [T], len: usize) -> Self {
        Self { from, len, ahead: from.as_ptr() }
    }
}

/// What activations consist of.
pub(in crate::plan) trait Element: Stored + Send + Sync + std::fmt::Debug {
    /// Bfloat16 values that make up one.
    const PLANES: usize;
    /// Pixels and columns of one task where windows are single pixels.
    const ROWS: usize;
    const COLUMNS: usize;
    /// Tasks for each thread, where a layer can be cut into as many.
    const TASKS: usize;
    /// The longest depth of one pass, all planes together: a panel of 512, 32 columns wide, takes 32 KiB of a first-level cache.
    const DEPTH: usize;

    /// Elements from pixel to pixel.
    fn pixel_len(channels: usize) -> usize;

    /// Writes elements, in planes that are `plane` values apart.
    fn copy(kernels: &ConvKernels<Self>, source: Source<'_, Self>, to: &mut [u16], plane: usize);

    /// A weight's parts, as many as there are planes.
    fn parts(weight: f32) -> [u16; 3];
}

impl Element for u16 {
    const PLANES: usize = 1;
    const ROWS: usize = 128;
    const COLUMNS: usize = 256;
    const TASKS: usize = 4;
    const DEPTH: usize = 512;

    fn pixel_len(channels: usize) -> usize {
        pixel_len(channels)
    }

    #[inline(always)]
    fn copy(_: &ConvKernels<u16>, source: Source<'_, u16>, to: &mut [u16], _: usize) {
        copy_pixel(source.from, &mut to[..source.len]);
    }

    fn parts(weight: f32) -> [u16; 3] {
        [narrow(weight), 0, 0]
    }
}

impl Element for f32 {
    const PLANES: usize = 3;
    const ROWS: usize = 192;
    const COLUMNS: usize = 512;
    const TASKS: usize = 2;
    const DEPTH: usize = 512;

    fn pixel_len(channels: usize) -> usize {
        channels
    }

    #[inline(always)]
    fn copy(kernels: &ConvKernels<f32>, Source { from, len, ahead }: Source<'_, f32>, to: &mut [u16], plane: usize) {
        assert!(from.len() <= len && len <= plane && 2 * plane + len <= to.len(), "engine: numbers to be split");
        // SAFETY: the table has checked the instructions; the planes hold `len` values each, as was just checked.
        unsafe { (kernels.split)(&Split { from: from.as_ptr(), len: from.len(), to: to.as_mut_ptr(), plane, ahead }) };
        if from.len() < len {
            (0..3).for_each(|part| to[part * plane..][from.len()..len].fill(0));
        }
    }

    fn parts(weight: f32) -> [u16; 3] {
        split(weight)
    }
}
