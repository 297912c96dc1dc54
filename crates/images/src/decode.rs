//! From an image file to the bytes of the pack.

use std::io;
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageDecoder, ImageReader, Limits};

/// Longest side of an image file that is decoded, in pixels.
const MAX_FILE_SIDE: u32 = 32_768;
/// Most memory that decoding one file may take, in bytes.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// Side in pixels and channels of the pack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) size: usize,
    pub(crate) channels: usize,
}

/// Reads a file; what it is, is decided by its content, not by its name.
pub(crate) fn open(path: &Path) -> std::result::Result<DynamicImage, String> {
    let mut reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(reason)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_FILE_SIDE);
    limits.max_image_height = Some(MAX_FILE_SIDE);
    limits.max_alloc = Some(MAX_FILE_BYTES);
    reader.limits(limits);
    let image = reader.decode().map_err(|error| error.to_string())?;
    if image.width() == 0 || image.height() == 0 {
        return Err("it has no pixels".into());
    }
    Ok(image)
}

/// Width, height and whether a file has colour, without decoding it.
pub(crate) fn peek(path: &Path) -> Option<(u32, u32, bool)> {
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).ok()?;
    let decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    Some((width, height, decoder.color_type().has_color()))
}

/// The system's reason without the path, which the caller names.
fn reason(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".into(),
        io::ErrorKind::PermissionDenied => "it may not be read".into(),
        _ => error.to_string(),
    }
}

/// Resizes the short side to the target, crops the long side around the centre, converts to grey or RGB.
pub(crate) fn fit(image: &DynamicImage, target: Target) -> Vec<u8> {
    let square = square(image);
    let flat = if square.color().has_alpha() { on_white(&square) } else { square };
    let size = target.size as u32;
    let ready = flat.width() == size;
    if target.channels == 1 {
        let grey = flat.into_luma8();
        if ready { grey.into_raw() } else { imageops::resize(&grey, size, size, FilterType::Triangle).into_raw() }
    } else {
        let rgb = flat.into_rgb8();
        if ready { rgb.into_raw() } else { imageops::resize(&rgb, size, size, FilterType::Triangle).into_raw() }
    }
}

/// As [`fit`], for raw grey values of `rows * columns`; `None` if there are not that many.
pub(crate) fn fit_grey(raw: Vec<u8>, rows: u32, columns: u32, target: Target) -> Option<Vec<u8>> {
    if target.channels == 1 && rows as usize == target.size && columns == rows {
        return Some(raw);
    }
    let image = GrayImage::from_raw(columns, rows, raw)?;
    Some(fit(&DynamicImage::ImageLuma8(image), target))
}

/// The central square. Cropping first gives the same picture as resizing first, for less work.
fn square(image: &DynamicImage) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let side = width.min(height);
    image.crop_imm((width - side) / 2, (height - side) / 2, side, side)
}

/// Lays a transparent picture on white, the usual ground of product photographs.
pub(crate) fn on_white(image: &DynamicImage) -> DynamicImage {
    let mut rgba = image.to_rgba8();
    for pixel in rgba.pixels_mut() {
        let alpha = u32::from(pixel.0[3]);
        for value in &mut pixel.0[..3] {
            *value = ((u32::from(*value) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
        pixel.0[3] = 255;
    }
    DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(rgba).into_rgb8())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use image::{Luma, Rgba, RgbaImage};

    use super::*;

    #[test]
    fn the_centre_is_kept() {
        let wide = GrayImage::from_fn(6, 2, |x, _| Luma([if (2..4).contains(&x) { 200 } else { 0 }]));
        let image = DynamicImage::ImageLuma8(wide);
        assert_eq!(fit(&image, Target { size: 2, channels: 1 }), [200; 4]);
        assert_eq!(fit(&image, Target { size: 4, channels: 3 }), [200; 48]);
    }

    #[test]
    fn transparent_means_white() {
        let image = DynamicImage::ImageRgba8(RgbaImage::from_pixel(2, 2, Rgba([0, 0, 0, 0])));
        assert_eq!(fit(&image, Target { size: 2, channels: 3 }), [255; 12]);
    }

    #[test]
    fn grey_values_of_the_right_size_pass_through() {
        let target = Target { size: 2, channels: 1 };
        assert_eq!(fit_grey(vec![1, 2, 3, 4], 2, 2, target), Some(vec![1, 2, 3, 4]));
        assert_eq!(fit_grey(vec![9; 6], 2, 3, target), Some(vec![9; 4]));
        assert_eq!(fit_grey(vec![9; 5], 2, 3, target), None);
    }
}
