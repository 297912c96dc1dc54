//! Max-pooling of a plan.

use super::kernels::{Kernels, Window};
use super::layer::{Target, for_each_task};
use crate::PoolShape;

/// Output lines of one task.
const LINES: usize = 4;
/// Pixels of the largest window that is pooled without a list on the heap.
const PIXELS: usize = 16;

/// The largest value of each window; the window's padding is less than its kernel.
pub(super) fn max_pool(kernels: &Kernels, shape: &PoolShape, x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), shape.in_len(), "engine: input of a pool");
    assert_eq!(out.len(), shape.out_len(), "engine: output of a pool");
    for_each_window(shape, shape.channels, x, out, |pixels, channels, out| {
        // SAFETY: the table has checked the instructions; the window has a pixel, pixels are slices of `channels`
        // floats, and no other task has this line of `out`.
        unsafe { (kernels.largest)(&Window { pixels, channels, out }) };
    });
}

/// Calls `pool` with the pixels of each window, the number of channels and where the window's result goes: `channels`
/// values that no other call is given. Pixels are `pixel` values apart on both sides.
pub(super) fn for_each_window<T: Sync>(
    shape: &PoolShape,
    pixel: usize,
    x: &[T],
    out: &mut [T],
    pool: impl Fn(&[*const T], usize, *mut T) + Sync + Send,
) {
    let (out_height, out_width) = (shape.out_height(), shape.out_width());
    let lines = shape.batch * out_height;
    let target = Target::new(out);
    for_each_task(lines.div_ceil(LINES), |task| {
        let mut pixels = Vec::with_capacity(PIXELS);
        for line in task * LINES..((task + 1) * LINES).min(lines) {
            let (image, y) = (line / out_height, line % out_height);
            for ox in 0..out_width {
                pixels.clear();
                for sy in taps(shape, y, shape.height) {
                    for sx in taps(shape, ox, shape.width) {
                        let start = ((image * shape.height + sy) * shape.width + sx) * pixel;
                        pixels.push(x[start..start + shape.channels].as_ptr());
                    }
                }
                pool(&pixels, shape.channels, target.at((line * out_width + ox) * pixel));
            }
        }
    });
}

/// Positions of window `o` along an axis of `size` pixels.
fn taps(shape: &PoolShape, o: usize, size: usize) -> std::ops::Range<usize> {
    let start = o * shape.stride;
    start.saturating_sub(shape.padding)..(start + shape.kernel).saturating_sub(shape.padding).min(size)
}
