//! From rows of the pack to normalised floats.

use rayon::prelude::*;

use super::augment::{Augmentation, Draw, Fill};
use super::pack::Pixels;
use crate::dataset::ImageShape;
use crate::error::{Error, Result};

/// Loads batches of images, normalised and optionally augmented.
#[derive(Debug)]
pub struct Batcher {
    /// The pack.
    pub pixels: Pixels,
    /// Mean of each channel, pixels in 0 to 1.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel.
    pub std: Vec<f32>,
    /// How training images are varied.
    pub augment: Augmentation,
}

impl Batcher {
    /// Puts the parts together and checks that they fit.
    ///
    /// **Errors.** [`Error::Length`] unless there is one mean and one deviation a channel; [`Error::Setting`] for a
    /// deviation that is not above 0 or an augmentation out of range.
    pub fn new(pixels: Pixels, mean: Vec<f32>, std: Vec<f32>, augment: Augmentation) -> Result<Self> {
        let expected = pixels.shape().channels;
        for (what, list) in [("the list of means", &mean), ("the list of standard deviations", &std)] {
            if list.len() != expected {
                return Err(Error::Length { what, expected, got: list.len() });
            }
        }
        if let Some(bad) = std.iter().find(|value| !(value.is_finite() && **value > 0.0)) {
            let must = "it must be above 0 and finite";
            return Err(Error::Setting { key: "std".into(), got: bad.to_string(), must });
        }
        augment.check("augment")?;
        Ok(Self { pixels, mean, std, augment })
    }

    /// Fills `out` with the images of `rows`; `augment` is (seed, epoch), `None` for images as they are.
    ///
    /// **Shapes.** `out` is `rows.len() * height * width * channels` values, channels last.
    ///
    /// **Units and conventions.** `(pixel / 255 - mean) / std`. The variation of an image is a function of seed, epoch and
    /// row alone: neither the batch that it comes in nor the number of threads matters.
    ///
    /// **Errors.** Those of [`Pixels::read`].
    pub fn load(&self, rows: &[usize], augment: Option<(u64, u64)>, out: &mut [f32]) -> Result<()> {
        let shape = self.pixels.shape();
        let size = shape.len();
        if out.len() != rows.len() * size {
            return Err(Error::Length { what: "the buffer for a batch", expected: rows.len() * size, got: out.len() });
        }
        let mut bytes = vec![0; out.len()];
        self.pixels.read(rows, &mut bytes)?;
        let images = out.par_chunks_exact_mut(size).zip(bytes.par_chunks_exact(size)).zip(rows);
        images.for_each(|((out, image), &row)| match augment {
            None => self.plain(image, out),
            Some((seed, epoch)) => {
                let draw = self.augment.draw(shape, seed, epoch, row);
                self.varied(image, shape, &draw, out);
            }
        });
        Ok(())
    }

    fn normalised(&self, value: f32, channel: usize) -> f32 {
        (value / 255.0 - self.mean[channel]) / self.std[channel]
    }

    fn plain(&self, image: &[u8], out: &mut [f32]) {
        let channels = self.mean.len();
        for (out, pixel) in out.chunks_exact_mut(channels).zip(image.chunks_exact(channels)) {
            for (channel, (out, &value)) in out.iter_mut().zip(pixel).enumerate() {
                *out = self.normalised(f32::from(value), channel);
            }
        }
    }

    fn varied(&self, image: &[u8], shape: ImageShape, draw: &Draw, out: &mut [f32]) {
        let sum: u64 = image.iter().map(|&value| u64::from(value)).sum();
        let middle = (sum as f64 / image.len() as f64) as f32 * draw.brightness;
        let jitter = |value: f32| ((value * draw.brightness - middle) * draw.contrast + middle).clamp(0.0, 255.0);
        for (at, out) in out.chunks_exact_mut(shape.channels).enumerate() {
            let (y, x) = (at / shape.width, at % shape.width);
            if draw.erase.is_some_and(|erased| erased.contains(y, x)) {
                // The mean of the data, which normalises to zero.
                out.fill(0.0);
                continue;
            }
            let from = source(shape, draw, self.augment.fill, y, x);
            for (channel, out) in out.iter_mut().enumerate() {
                let value = from.map_or(0.0, |pixel| f32::from(image[pixel * shape.channels + channel]));
                *out = self.normalised(jitter(value), channel);
            }
        }
    }
}

/// The pixel that comes to stand at (y, x); `None` for black.
fn source(shape: ImageShape, draw: &Draw, fill: Fill, y: usize, x: usize) -> Option<usize> {
    let x = if draw.flip { shape.width - 1 - x } else { x };
    let (y, x) = (y as isize + draw.shift[0], x as isize + draw.shift[1]);
    let (bottom, right) = (shape.height as isize - 1, shape.width as isize - 1);
    let inside = (0..=bottom).contains(&y) && (0..=right).contains(&x);
    if fill == Fill::Zero && !inside {
        return None;
    }
    Some(y.clamp(0, bottom) as usize * shape.width + x.clamp(0, right) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 2, width: 3, channels: 1 };

    fn moved(flip: bool, shift: [isize; 2], fill: Fill) -> Vec<Option<usize>> {
        let draw = Draw { flip, shift, erase: None, brightness: 1.0, contrast: 1.0 };
        (0..6).map(|at| source(SHAPE, &draw, fill, at / 3, at % 3)).collect()
    }

    #[test]
    fn flips_and_shifts_move_pixels() {
        let all = |list: [usize; 6]| list.map(Some).to_vec();
        assert_eq!(moved(false, [0, 0], Fill::Edge), all([0, 1, 2, 3, 4, 5]));
        assert_eq!(moved(true, [0, 0], Fill::Edge), all([2, 1, 0, 5, 4, 3]));
        assert_eq!(moved(false, [0, 1], Fill::Edge), all([1, 2, 2, 4, 5, 5]));
        assert_eq!(moved(false, [-1, 0], Fill::Edge), all([0, 1, 2, 0, 1, 2]));
        assert_eq!(moved(false, [1, -1], Fill::Zero), [None, Some(3), Some(4), None, None, None]);
    }
}
