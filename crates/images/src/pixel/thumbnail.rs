//! Small pictures for reports.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ExtendedColorType, GrayImage, ImageEncoder, ImageFormat, RgbImage};

use super::decode::{self, FileDecoding};
use super::pack::Pixels;
use crate::dataset::{Dataset, ImageShape};
use crate::description::Exif;
use crate::error::{Error, Result};

/// PNGs of more bytes than this are worth a JPEG.
const LARGE_BYTES: usize = 6_000;
/// Quality of such a JPEG.
const JPEG_QUALITY: u8 = 85;

/// A picture of one image as PNG bytes: of its original file, if it has one that can be read below `originals`, else of
/// the pack.
///
/// **Units and conventions.** No side is longer than `max_px` pixels; the aspect is kept and nothing is scaled up. Grey
/// images give grey PNGs, all others RGB. Original files are turned upright as their EXIF data says.
///
/// **Errors.** [`Error::Row`], [`Error::Io`], [`Error::Encode`].
pub fn thumbnail(
    pixels: &Pixels,
    dataset: &Dataset,
    row: usize,
    max_px: u32,
    originals: Option<(&Path, &FileDecoding)>,
) -> Result<Vec<u8>> {
    let item = dataset.items.get(row).ok_or(Error::Row { row, n: dataset.items.len() })?;
    let file = originals.zip(item.path.as_deref());
    let original = file.and_then(|((root, decoding), path)| {
        decode::open(&root.join(path), &FileDecoding { exif: Exif::Apply, ..*decoding }).ok()
    });
    let image = match original {
        Some(image) => image,
        None => packed(pixels, row)?,
    };
    let max_px = max_px.max(1);
    let too_large = image.width() > max_px || image.height() > max_px;
    let image = if too_large { image.thumbnail(max_px, max_px) } else { image };
    encode(image, row)
}

/// A PNG as a JPEG of quality 85, where that saves space; `None` for a PNG of up to 6,000 bytes, for one that a JPEG would not be smaller
/// than, and for what is no PNG.
///
/// A page that embeds hundreds of photographs stays small by it. Same PNG, same bytes.
pub fn lighter(png: &[u8]) -> Option<Vec<u8>> {
    if png.len() <= LARGE_BYTES {
        return None;
    }
    let image = image::load_from_memory_with_format(png, ImageFormat::Png).ok()?;
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)).ok()?;
    (bytes.len() < png.len()).then_some(bytes)
}

/// One image of the pack as PNG bytes, as a page shows it: `size_px` a side.
///
/// **Units and conventions.** The aspect is kept. Small images are enlarged by the largest whole factor that fits, without smoothing,
/// which would only blur them; larger ones are made smaller. Grey images give grey PNGs, all others RGB.
///
/// **Errors.** [`Error::Row`], [`Error::Io`], [`Error::Encode`].
pub fn packed_png(pixels: &Pixels, row: usize, size_px: u32) -> Result<Vec<u8>> {
    encode(fitted(packed(pixels, row)?, size_px), row)
}

/// As [`packed_png`], of an image that [`super::pack_bytes`] gave.
///
/// **Errors.** [`Error::Encode`] for another number of bytes than the shape has.
pub fn png_of(bytes: Vec<u8>, shape: ImageShape, size_px: u32) -> Result<Vec<u8>> {
    encode(fitted(of_shape(bytes, shape, 0)?, size_px), 0)
}

fn fitted(image: DynamicImage, size_px: u32) -> DynamicImage {
    let (longer, size_px) = (image.width().max(image.height()).max(1), size_px.max(1));
    match size_px / longer {
        0 => image.thumbnail(size_px, size_px),
        1 => image,
        factor => image.resize_exact(image.width() * factor, image.height() * factor, FilterType::Nearest),
    }
}

/// One image of the pack.
pub(super) fn packed(pixels: &Pixels, row: usize) -> Result<DynamicImage> {
    let shape = pixels.shape();
    let mut bytes = vec![0; shape.len()];
    pixels.read(&[row], &mut bytes)?;
    of_shape(bytes, shape, row)
}

fn of_shape(bytes: Vec<u8>, shape: ImageShape, row: usize) -> Result<DynamicImage> {
    let (width, height) = (shape.width as u32, shape.height as u32);
    let image = if shape.channels == 1 {
        GrayImage::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8)
    } else {
        RgbImage::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8)
    };
    image.ok_or(Error::Encode { row, reason: format!("{} channels are neither grey nor RGB", shape.channels) })
}

fn encode(image: DynamicImage, row: usize) -> Result<Vec<u8>> {
    let image = if image.color().has_alpha() { decode::on_white(&image) } else { image };
    let mut png = Vec::new();
    let encoder = PngEncoder::new(&mut png);
    let (width, height) = (image.width(), image.height());
    let written = if image.color().has_color() {
        encoder.write_image(image.to_rgb8().as_raw(), width, height, ExtendedColorType::Rgb8)
    } else {
        encoder.write_image(image.to_luma8().as_raw(), width, height, ExtendedColorType::L8)
    };
    written.map_err(|error| Error::Encode { row, reason: error.to_string() })?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_photograph_becomes_a_jpeg_and_a_drawing_does_not() {
        let png = |loud: u32| {
            let noise = |x: u32, y: u32| (((x * 31 + y * 1017).wrapping_mul(2_654_435_761) >> 24) * loud / 4) as u8;
            encode(DynamicImage::ImageRgb8(RgbImage::from_fn(128, 128, |x, y| image::Rgb([noise(x, y), 40, 90]))), 0)
                .unwrap()
        };
        let photograph = png(1);
        let jpeg = lighter(&photograph).unwrap();
        assert!(jpeg.len() < photograph.len() && jpeg.starts_with(&[0xff, 0xd8]));
        assert_eq!(lighter(&png(0)), None);
        assert_eq!(lighter(&[7; 9000]), None);
    }
}
