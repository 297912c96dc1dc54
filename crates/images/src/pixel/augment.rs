//! Seeded augmentation of training images.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::dataset::ImageShape;
use crate::error::{Error, Result};

/// Default of [`Augmentation::flip`].
pub const DEFAULT_FLIP: f32 = 0.5;
/// Default of [`Augmentation::shift_px`], in pixels, for images of [`SMALL_IMAGES_PX`] and more.
pub const DEFAULT_SHIFT_PX: usize = 2;
/// Images with a shorter side than this, in pixels, are shifted by up to [`SMALL_SHIFT_PX`].
pub const SMALL_IMAGES_PX: usize = 64;
/// Default of [`Augmentation::shift_px`] for smaller images: two of their pixels are a fourteenth of a side of 28.
pub const SMALL_SHIFT_PX: usize = 1;
/// Default of [`Augmentation::erase`].
pub const DEFAULT_ERASE: f32 = 0.1;
/// Default of [`Augmentation::erase_area`].
pub const DEFAULT_ERASE_AREA: [f32; 2] = [0.02, 0.2];
/// Default of [`Augmentation::brightness`].
pub const DEFAULT_BRIGHTNESS: f32 = 0.1;
/// Default of [`Augmentation::contrast`].
pub const DEFAULT_CONTRAST: f32 = 0.1;

/// Longest stretch of an erased box, long side to short.
const ERASE_ASPECT: f32 = 3.0;

/// What fills the edge that a shift lays bare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// The nearest pixel of the image.
    #[default]
    Edge,
    /// Black.
    Zero,
}

/// Table `[augment]`: how training images are varied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Probability of a mirror image, left for right. Default [`DEFAULT_FLIP`].
    pub flip: f32,
    /// Longest shift in pixels, in each direction. Default [`DEFAULT_SHIFT_PX`]; [`SMALL_SHIFT_PX`] for images below
    /// [`SMALL_IMAGES_PX`] pixels.
    pub shift_px: usize,
    /// What a shift lays bare. Default [`Fill::Edge`].
    pub fill: Fill,
    /// Probability that a box is overwritten by the mean. Default [`DEFAULT_ERASE`].
    pub erase: f32,
    /// Smallest and largest share of the image that the box takes. Default [`DEFAULT_ERASE_AREA`].
    pub erase_area: [f32; 2],
    /// Pixels are multiplied by 1 plus or minus up to this. Default [`DEFAULT_BRIGHTNESS`].
    pub brightness: f32,
    /// Distances from the image's mean are multiplied by 1 plus or minus up to this. Default [`DEFAULT_CONTRAST`].
    pub contrast: f32,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            flip: DEFAULT_FLIP,
            shift_px: DEFAULT_SHIFT_PX,
            fill: Fill::default(),
            erase: DEFAULT_ERASE,
            erase_area: DEFAULT_ERASE_AREA,
            brightness: DEFAULT_BRIGHTNESS,
            contrast: DEFAULT_CONTRAST,
        }
    }
}

/// What happens to one image in one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Draw {
    pub(super) flip: bool,
    /// Where each output pixel comes from, relative to itself: rows, columns.
    pub(super) shift: [isize; 2],
    pub(super) erase: Option<Patch>,
    pub(super) brightness: f32,
    pub(super) contrast: f32,
}

/// An erased rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patch {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Patch {
    pub(super) fn contains(&self, y: usize, x: usize) -> bool {
        (self.top..self.top + self.height).contains(&y) && (self.left..self.left + self.width).contains(&x)
    }
}

impl Augmentation {
    /// The default for images with this side, in pixels.
    pub fn for_side(side: usize) -> Self {
        let shift_px = if side < SMALL_IMAGES_PX { SMALL_SHIFT_PX } else { DEFAULT_SHIFT_PX };
        Self { shift_px, ..Self::default() }
    }

    /// Changes nothing.
    pub fn none() -> Self {
        Self { flip: 0.0, shift_px: 0, erase: 0.0, brightness: 0.0, contrast: 0.0, ..Self::default() }
    }

    /// Checks the ranges; `key` is the name of the table, for the message.
    ///
    /// **Errors.** [`Error::Setting`].
    pub fn check(&self, key: &str) -> Result<()> {
        let unit = 0.0..=1.0;
        let figures =
            [("flip", self.flip), ("erase", self.erase), ("brightness", self.brightness), ("contrast", self.contrast)];
        for (name, value) in figures {
            if !unit.contains(&value) {
                let (key, got) = (format!("{key}.{name}"), value.to_string());
                return Err(Error::Setting { key, got, must: "it must lie in 0 to 1" });
            }
        }
        let [low, high] = self.erase_area;
        if !(unit.contains(&low) && unit.contains(&high) && low <= high) {
            let (key, got) = (format!("{key}.erase_area"), format!("[{low}, {high}]"));
            return Err(Error::Setting { key, got, must: "it must be two shares in 0 to 1, the smaller first" });
        }
        Ok(())
    }

    /// Draws for one image; a function of its arguments alone. Every number is drawn whether it is used or not, so that
    /// switching one variation off leaves the others as they were.
    pub(super) fn draw(&self, shape: ImageShape, seed: u64, epoch: u64, row: usize) -> Draw {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&epoch.to_le_bytes());
        key[16..24].copy_from_slice(&(row as u64).to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        let mut unit = || rng.random::<f32>();
        let flip = unit() < self.flip;
        let shift = [self.shift(shape.height, unit()), self.shift(shape.width, unit())];
        let (erased, numbers) = (unit() < self.erase, [unit(), unit(), unit(), unit(), unit()]);
        let brightness = 1.0 + self.brightness * (2.0 * unit() - 1.0);
        let contrast = 1.0 + self.contrast * (2.0 * unit() - 1.0);
        Draw { flip, shift, erase: erased.then(|| self.erased(shape, numbers)), brightness, contrast }
    }

    fn shift(&self, side: usize, unit: f32) -> isize {
        let most = self.shift_px.min(side.saturating_sub(1));
        let steps = 2 * most + 1;
        ((unit * steps as f32) as usize).min(steps - 1) as isize - most as isize
    }

    /// A box of an area and an aspect, long sides upright or lying with equal chance.
    fn erased(&self, shape: ImageShape, [area, aspect, upright, top, left]: [f32; 5]) -> Patch {
        let [low, high] = self.erase_area;
        let pixels = (low + (high - low) * area) * (shape.height * shape.width) as f32;
        let stretch = 1.0 + (ERASE_ASPECT - 1.0) * aspect;
        let (long, short) = ((pixels * stretch).sqrt(), (pixels / stretch).sqrt());
        let (height, width) = if upright < 0.5 { (long, short) } else { (short, long) };
        let side = |length: f32, most: usize| (length.round() as usize).clamp(1, most);
        let (height, width) = (side(height, shape.height), side(width, shape.width));
        let start = |unit: f32, room: usize| ((unit * (room + 1) as f32) as usize).min(room);
        Patch { top: start(top, shape.height - height), left: start(left, shape.width - width), height, width }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 28, width: 20, channels: 1 };

    #[test]
    fn draws_are_functions_of_seed_epoch_and_row() {
        let augmentation = Augmentation::default();
        let first = augmentation.draw(SHAPE, 1, 2, 3);
        assert_eq!(first, augmentation.draw(SHAPE, 1, 2, 3));
        for (seed, epoch, row) in [(2, 2, 3), (1, 3, 3), (1, 2, 4)] {
            assert_ne!(first, augmentation.draw(SHAPE, seed, epoch, row));
        }
    }

    #[test]
    fn draws_keep_their_ranges_and_reach_their_ends() {
        let augmentation = Augmentation { erase: 1.0, ..Augmentation::default() };
        let draws: Vec<Draw> = (0..2_000).map(|row| augmentation.draw(SHAPE, 7, 0, row)).collect();
        for draw in &draws {
            let erased = draw.erase.unwrap();
            assert!(erased.top + erased.height <= 28 && erased.left + erased.width <= 20);
            assert!((0.9..=1.1).contains(&draw.brightness) && (0.9..=1.1).contains(&draw.contrast));
        }
        let shifts: std::collections::BTreeSet<isize> = draws.iter().map(|draw| draw.shift[0]).collect();
        assert_eq!(shifts.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
        let flips = draws.iter().filter(|draw| draw.flip).count();
        assert!((900..1_100).contains(&flips), "{flips}");
    }

    #[test]
    fn small_images_are_shifted_less() {
        assert_eq!([28, 63, 64, 224].map(|side| Augmentation::for_side(side).shift_px), [1, 1, 2, 2]);
        assert_eq!(Augmentation::for_side(64), Augmentation::default());
    }

    #[test]
    fn ranges_are_checked() {
        Augmentation::default().check("train.augment").unwrap();
        let error = Augmentation { flip: 1.5, ..Augmentation::default() }.check("train.augment").unwrap_err();
        assert!(error.to_string().contains("`train.augment.flip` is 1.5"));
        let area = Augmentation { erase_area: [0.5, f32::NAN], ..Augmentation::default() };
        assert!(area.check("a").unwrap_err().to_string().contains("`a.erase_area`"));
        assert!(toml::from_str::<Augmentation>("flips = 1").unwrap_err().to_string().contains("flips"));
    }
}
