//! Single images for a network: listed, decoded, resized and cropped as the network's weights want it.

use std::ops::Range;
use std::path::Path;

use image::DynamicImage;
use image::metadata::Orientation;
use latentwalk_jpeg::{Options, Region, Scale};

use super::decode::{self, Decoder, FileDecoding, Target};
use super::jpeg;
use super::resample::{Resampler, Resize};
use crate::description::Alpha;

/// How JPEG files that are much larger than asked for are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decoding {
    /// Whole, to the bytes that libjpeg gives.
    #[default]
    Exact,
    /// At a half, a quarter or an eighth of their sides where the short one does not fall below the resize's: faster, and
    /// the same as Pillow's `Image.draft` before the resize, but not what a network was trained on.
    Scaled,
}

/// How an image becomes a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preparation {
    /// Length of the short side after the resize, in pixels; the long side follows, rounded down.
    pub resize: u32,
    /// Side of the central square that is kept, in pixels; at most `resize`.
    pub crop: u32,
    /// Filter of the resize.
    pub filter: Resize,
    /// How image files become pixels.
    pub file: FileDecoding,
    /// How large JPEG files are decoded.
    pub decoding: Decoding,
}

/// An image as a network takes it.
///
/// **Shapes.** `crop * crop * 3` bytes, row by row, RGB. **Source.** torchvision's `Resize` and `CenterCrop` on PIL images:
/// the long side is `resize * long / short` rounded down, the crop's corner `(side - crop) / 2` rounded half to even.
///
/// **Errors.** The reason, for a file that cannot be read or decoded.
pub fn prepare(path: &Path, preparation: &Preparation) -> std::result::Result<Vec<u8>, String> {
    let file = &preparation.file;
    let bytes = decode::read(path, &file.limits)?;
    if let Decoder::Jpeg(decoder) = decode::guarded(|| decode::decoder(&bytes, &file.limits))? {
        let orientation = jpeg::orientation(&decoder, file.exif);
        return of_jpeg(&decoder, orientation, preparation);
    }
    let image = decode::decode(&bytes, file)?;
    let is_laid = image.color().has_alpha() && file.alpha == Alpha::White;
    let image = if is_laid { decode::on_white(&image) } else { image };
    of_whole(image, preparation)
}

fn of_whole(image: DynamicImage, preparation: &Preparation) -> std::result::Result<Vec<u8>, String> {
    let rgb = image.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let resampler = resampler((rgb.width(), rgb.height()), preparation)?;
    let Range { start, end } = resampler.columns.clone();
    if resampler.columns.len() == width && resampler.rows.len() == height {
        return Ok(resampler.run(rgb.as_raw()));
    }
    let lines = rgb.as_raw().chunks_exact(width * 3).skip(resampler.rows.start).take(resampler.rows.len());
    let part: Vec<u8> = lines.flat_map(|line| &line[start * 3..end * 3]).copied().collect();
    Ok(resampler.run(&part))
}

/// Of a JPEG file that stands upright only the part is decoded that the centre is made of.
fn of_jpeg(
    decoder: &latentwalk_jpeg::Decoder<'_>,
    orientation: Orientation,
    preparation: &Preparation,
) -> std::result::Result<Vec<u8>, String> {
    let scale = scale(decoder.size(Scale::Full), preparation);
    let options = Options { scale, ..preparation.file.jpeg() };
    if orientation != Orientation::NoTransforms {
        let mut image = jpeg::decode(decoder, &options)?;
        image.apply_orientation(orientation);
        return of_whole(image, preparation);
    }
    let resampler = resampler(decoder.size(scale), preparation)?;
    let sides = |range: &Range<usize>| (range.start as u32, range.len() as u32);
    let ((x, width), (y, height)) = (sides(&resampler.columns), sides(&resampler.rows));
    let image = jpeg::decode(decoder, &Options { region: Some(Region { x, y, width, height }), ..options })?;
    Ok(resampler.run(image.into_rgb8().as_raw()))
}

/// The smallest scale that leaves the short side as long as it is wanted, as Pillow chooses it.
fn scale((width, height): (u32, u32), preparation: &Preparation) -> Scale {
    let wanted = |scale: &Scale| width.min(height) / preparation.resize.max(1) >= scale.divisor();
    match preparation.decoding {
        Decoding::Exact => Scale::Full,
        Decoding::Scaled => {
            [Scale::Eighth, Scale::Quarter, Scale::Half].into_iter().find(wanted).unwrap_or(Scale::Full)
        }
    }
}

/// The resize of an image of these sides, and of it the centre.
fn resampler(from: (u32, u32), preparation: &Preparation) -> std::result::Result<Resampler, String> {
    let crop = preparation.crop;
    let (width, height) = resized(from.0, from.1, preparation.resize);
    if width < crop || height < crop {
        return Err(format!("{crop} pixels cannot be cropped from {width} x {height}"));
    }
    let kept = |side: u32| corner(side, crop) as usize..(corner(side, crop) + crop) as usize;
    let whole = |(width, height): (u32, u32)| (width as usize, height as usize);
    Ok(Resampler::new(whole(from), whole((width, height)), preparation.filter, (kept(width), kept(height))))
}

/// An image as an import packs it: `size * size * channels` bytes.
///
/// **Errors.** The reason, for a file that cannot be read or decoded.
pub fn pack_file(
    path: &Path,
    size: usize,
    channels: usize,
    decoding: &FileDecoding,
) -> std::result::Result<Vec<u8>, String> {
    Ok(decode::fit(&decode::open(path, decoding)?, Target { size, channels }, decoding.alpha))
}

/// As [`pack_file`], of the bytes of a file. Their number is not limited; that of the pixels is.
///
/// **Errors.** The reason, for bytes that are no picture.
pub fn pack_bytes(
    bytes: &[u8],
    size: usize,
    channels: usize,
    decoding: &FileDecoding,
) -> std::result::Result<Vec<u8>, String> {
    Ok(decode::fit(&decode::decode(bytes, decoding)?, Target { size, channels }, decoding.alpha))
}

/// The pixels of an image file, as every other function of this crate sees them.
///
/// **Shapes.** Width, height, and `height * width * 3` bytes, row by row, RGB.
///
/// **Errors.** The reason, for a file that cannot be read or decoded.
pub fn read_rgb(path: &Path, decoding: &FileDecoding) -> std::result::Result<(u32, u32, Vec<u8>), String> {
    let image = decode::open(path, decoding)?;
    let is_laid = image.color().has_alpha() && decoding.alpha == Alpha::White;
    let rgb = if is_laid { decode::on_white(&image) } else { image }.into_rgb8();
    Ok((rgb.width(), rgb.height(), rgb.into_raw()))
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
    use latentwalk_arithmetic::Fnv;

    use super::*;
    use crate::description::Exif;
    use crate::source::list_images;

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
        let preparation = Preparation {
            resize: 16,
            crop: 12,
            filter: Resize::Bilinear,
            file: FileDecoding::default(),
            decoding: Decoding::Exact,
        };
        assert_eq!(prepare(&path, &preparation).unwrap(), [200, 10, 20].repeat(144));
        let refused = prepare(&path, &Preparation { crop: 20, ..preparation }).unwrap_err();
        assert!(refused.contains("20 pixels"), "{refused}");
        assert_eq!(pack_file(&path, 8, 3, &FileDecoding::default()).unwrap(), [200, 10, 20].repeat(64));
        let found = list_images(folder.path()).unwrap();
        assert_eq!((found.images, found.skipped.len()), (vec!["a.png".to_owned()], 0));
        assert!(prepare(&folder.path().join("b.png"), &preparation).unwrap_err().contains("does not exist"));
    }

    /// **Source.** Pillow's decoding, `Image.draft`, resize and crop; see `fixtures/golden/jpeg/make.py`.
    #[test]
    fn inputs_from_jpeg_files_are_pillows() {
        let folder = latentwalk_testing::fixture("golden/jpeg");
        let expected = std::fs::read_to_string(folder.join("prepared.txt")).unwrap();
        for line in expected.lines() {
            let [name, resize, crop, exact, scaled] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            for (decoding, hash) in [(Decoding::Exact, exact), (Decoding::Scaled, scaled)] {
                let (resize, crop) = (resize.parse().unwrap(), crop.parse().unwrap());
                let file = FileDecoding { exif: Exif::Ignore, ..FileDecoding::default() };
                let preparation = Preparation { resize, crop, filter: Resize::Bilinear, file, decoding };
                let bytes = prepare(&folder.join(name).with_extension("jpg"), &preparation).unwrap();
                let got = Fnv::new().bytes(&bytes).value();
                assert_eq!(got, u64::from_str_radix(hash, 16).unwrap(), "{name} {resize} {decoding:?}");
            }
        }
        assert!(expected.lines().count() > 200);
    }
}
