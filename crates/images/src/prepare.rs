//! Single images for a network: listed, decoded, resized and cropped as the network's weights want it.

use std::path::Path;

use crate::dataset::Skipped;
use crate::decode::{self, Target};
use crate::description::Exif;
use crate::error::Result;
use crate::folder;
use crate::resample::{Resize, resize};

/// How an image becomes a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preparation {
    /// Length of the short side after the resize, in pixels; the long side follows, rounded down.
    pub resize: u32,
    /// Side of the central square that is kept, in pixels; at most `resize`.
    pub crop: u32,
    /// Filter of the resize.
    pub filter: Resize,
    /// Whether an image is turned upright as its EXIF data say.
    pub exif: Exif,
}

/// The image files below a folder, as paths with `/` below it, sorted; and those that no reader of this crate takes.
///
/// **Errors.** A folder that does not exist or cannot be listed, [`crate::Error::Missing`] or [`crate::Error::Io`].
pub fn list_images(root: &Path) -> Result<(Vec<String>, Vec<Skipped>)> {
    let table = folder::scan(root)?;
    Ok((table.records.into_iter().map(|record| record.id).collect(), table.skipped))
}

/// An image as a network takes it.
///
/// **Shapes.** `crop * crop * 3` bytes, row by row, RGB. **Source.** torchvision's `Resize` and `CenterCrop` on PIL images:
/// the long side is `resize * long / short` rounded down, the crop's corner `(side - crop) / 2` rounded half to even.
///
/// **Errors.** The reason, for a file that cannot be read or decoded.
pub fn prepare(path: &Path, preparation: &Preparation) -> std::result::Result<Vec<u8>, String> {
    let image = decode::open(path, preparation.exif)?;
    let image = if image.color().has_alpha() { decode::on_white(&image) } else { image };
    let rgb = image.into_rgb8();
    let (from, to) = ((rgb.width(), rgb.height()), resized(rgb.width(), rgb.height(), preparation.resize));
    let (width, height) = to;
    let crop = preparation.crop;
    if width < crop || height < crop {
        return Err(format!("{crop} pixels cannot be cropped from {width} x {height}"));
    }
    let whole = |(width, height): (u32, u32)| (width as usize, height as usize);
    let scaled = resize(rgb.as_raw(), whole(from), whole(to), preparation.filter);
    let (x, y) = (corner(width, crop) as usize, corner(height, crop) as usize);
    let (row, kept) = (width as usize * 3, crop as usize * 3);
    let rows = scaled.chunks_exact(row).skip(y).take(crop as usize);
    Ok(rows.flat_map(|line| &line[x * 3..x * 3 + kept]).copied().collect())
}

/// An image as an import packs it: `size * size * channels` bytes.
///
/// **Errors.** The reason, for a file that cannot be read or decoded.
pub fn pack_file(path: &Path, size: usize, channels: usize, exif: Exif) -> std::result::Result<Vec<u8>, String> {
    Ok(decode::fit(&decode::open(path, exif)?, Target { size, channels }))
}

fn resized(width: u32, height: u32, short: u32) -> (u32, u32) {
    let long = |long: u32, other: u32| (u64::from(short) * u64::from(long) / u64::from(other)) as u32;
    if width <= height { (short, long(height, width)) } else { (long(width, height), short) }
}

/// Where a central crop begins: half the rest, rounded half to even as Python's `round` does.
fn corner(side: u32, crop: u32) -> u32 {
    let rest = side - crop;
    let half = rest / 2;
    half + (rest % 2) * (half % 2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use image::{ImageFormat, Rgb, RgbImage};

    use super::*;

    #[test]
    fn sides_and_corners_are_torchvisions() {
        assert_eq!((resized(640, 480, 256), resized(480, 641, 256)), ((341, 256), (256, 341)));
        assert_eq!([341, 340, 343, 224].map(|side| corner(side, 224)), [58, 58, 60, 0]);
    }

    #[test]
    fn the_centre_is_kept_at_the_asked_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let wide =
            RgbImage::from_fn(96, 32, |x, _| if (32..64).contains(&x) { Rgb([200, 10, 20]) } else { Rgb([0; 3]) });
        wide.save_with_format(&path, ImageFormat::Png).unwrap();
        let preparation = Preparation { resize: 16, crop: 12, filter: Resize::Bilinear, exif: Exif::Ignore };
        assert_eq!(prepare(&path, &preparation).unwrap(), [200, 10, 20].repeat(144));
        let refused = prepare(&path, &Preparation { crop: 20, ..preparation }).unwrap_err();
        assert!(refused.contains("20 pixels"), "{refused}");
        assert_eq!(pack_file(&path, 8, 3, Exif::Apply).unwrap(), [200, 10, 20].repeat(64));
        let (files, skipped) = list_images(folder.path()).unwrap();
        assert_eq!((files, skipped.len()), (vec!["a.png".to_owned()], 0));
        assert!(prepare(&folder.path().join("b.png"), &preparation).unwrap_err().contains("does not exist"));
    }
}
