//! All images of a pack in one picture, without gaps: what programs that draw many small pictures read.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use image::DynamicImage;
use png::{BitDepth, ColorType, Encoder, EncodingError, StreamWriter};
use rayon::prelude::*;

use super::pack::Pixels;
use super::thumbnail::packed;
use crate::dataset::ImageShape;
use crate::error::{Error, Result};

/// Colours of a pixel.
const RGB: usize = 3;
/// What stands where the last line has no image.
const EMPTY: u8 = 255;

/// Where the images of a pack stand in one picture: line by line, each as wide as all others.
///
/// **Units and conventions.** Pixels. The grid has as many columns as lines, or one more. The aspect of the images is kept, and
/// nothing is scaled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sprite {
    /// Number of images.
    pub images: usize,
    /// Images in a line.
    pub columns: usize,
    /// Lines.
    pub lines: usize,
    /// Width of an image.
    pub width: usize,
    /// Height of an image.
    pub height: usize,
}

impl Sprite {
    /// The grid of `images` images of this shape in a picture with no side above `most_px`; `None` where there is no image, or where
    /// they would have to be so small that their longer side is below `least_px`.
    pub fn fit(shape: ImageShape, images: usize, most_px: usize, least_px: usize) -> Option<Self> {
        let longer = shape.width.max(shape.height);
        if images == 0 || longer == 0 {
            return None;
        }
        let columns = images.isqrt() + usize::from(images.isqrt().pow(2) < images);
        let side = longer.min(most_px / columns);
        let scaled = |own: usize| (own * side / longer).max(1);
        let fitted = Self {
            images,
            columns,
            lines: images.div_ceil(columns),
            width: scaled(shape.width),
            height: scaled(shape.height),
        };
        (side >= least_px).then_some(fitted)
    }

    /// Writes the picture as an RGB PNG. One line of images is held at a time.
    ///
    /// **Errors.** [`Error::Row`] where the pack has fewer images; [`Error::Io`], [`Error::Encode`].
    pub fn write(&self, pixels: &Pixels, path: &Path) -> Result<()> {
        let out = BufWriter::new(File::create(path).map_err(Error::io(path))?);
        let mut encoder = Encoder::new(out, (self.columns * self.width) as u32, (self.lines * self.height) as u32);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        let unwritten = |error: EncodingError| match error {
            EncodingError::IoError(source) => Error::Io { path: path.to_owned(), source },
            other => Error::Encode { row: 0, reason: other.to_string() },
        };
        let mut png = encoder.write_header().and_then(|writer| writer.into_stream_writer()).map_err(unwritten)?;
        self.write_lines(pixels, &mut png, path)?;
        png.finish().map_err(unwritten)
    }

    fn write_lines(&self, pixels: &Pixels, png: &mut StreamWriter<'_, impl Write>, path: &Path) -> Result<()> {
        let rows: Vec<usize> = (0..self.images).collect();
        for rows in rows.chunks(self.columns) {
            let images = rows.par_iter().map(|&row| self.image(pixels, row)).collect::<Result<Vec<_>>>()?;
            png.write_all(&self.line(&images)).map_err(Error::io(path))?;
        }
        Ok(())
    }

    /// The pixels of one image in its place.
    fn image(&self, pixels: &Pixels, row: usize) -> Result<Vec<u8>> {
        let image = packed(pixels, row)?.into_rgb8();
        let (width, height) = (self.width as u32, self.height as u32);
        if image.dimensions() == (width, height) {
            return Ok(image.into_raw());
        }
        Ok(DynamicImage::ImageRgb8(image).thumbnail_exact(width, height).into_rgb8().into_raw())
    }

    /// Images side by side.
    fn line(&self, images: &[Vec<u8>]) -> Vec<u8> {
        let stride = self.columns * self.width * RGB;
        let mut line = vec![EMPTY; stride * self.height];
        for (column, image) in images.iter().enumerate() {
            let left = column * self.width * RGB;
            for (to, from) in line.chunks_exact_mut(stride).zip(image.chunks_exact(self.width * RGB)) {
                to[left..left + from.len()].copy_from_slice(from);
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::attribute::Split;
    use crate::dataset::{Dataset, Item, PIXELS_FILE};

    fn shape(height: usize, width: usize) -> ImageShape {
        ImageShape { height, width, channels: 1 }
    }

    #[test]
    fn grids_are_nearly_square_and_fit() {
        let fit = |images, side| Sprite::fit(shape(side, side), images, 8192, 8);
        assert_eq!(fit(1, 28).unwrap(), Sprite { images: 1, columns: 1, lines: 1, width: 28, height: 28 });
        assert_eq!(fit(12, 28).unwrap(), Sprite { images: 12, columns: 4, lines: 3, width: 28, height: 28 });
        // 292 columns of 28 pixels fill 8,176 pixels.
        assert_eq!(fit(292 * 292, 28).unwrap().width, 28);
        assert_eq!(fit(292 * 292 + 1, 28).unwrap().width, 27);
        assert_eq!(
            fit(1 << 20, 224).unwrap(),
            Sprite { images: 1 << 20, columns: 1024, lines: 1024, width: 8, height: 8 }
        );
        assert_eq!((fit((1 << 20) + 1, 224), fit(0, 28), fit(10, 6)), (None, None, None));
        let oblong = Sprite::fit(shape(100, 50), 4, 120, 8).unwrap();
        assert_eq!((oblong.width, oblong.height), (30, 60));
    }

    #[test]
    fn every_image_stands_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let item = |at: usize| Item { id: at.to_string(), split: Split::Test, labels: vec![], path: None, group: None };
        let dataset = Dataset {
            name: "five".into(),
            attributes: Vec::new(),
            items: (0..5).map(item).collect(),
            shape: shape(4, 2),
            skipped: Vec::new(),
            dropped: Vec::new(),
        };
        let bytes: Vec<u8> = (0..5 * 8).collect();
        std::fs::write(folder.path().join(PIXELS_FILE), &bytes).unwrap();
        let pixels = Pixels::open(folder.path(), &dataset).unwrap();
        let path = folder.path().join("sprite.png");
        let whole = Sprite::fit(dataset.shape, 5, 100, 1).unwrap();
        whole.write(&pixels, &path).unwrap();
        let drawn = image::open(&path).unwrap().into_luma8();
        assert_eq!(drawn.dimensions(), (3 * 2, 2 * 4));
        for (at, own) in bytes.chunks(8).enumerate() {
            let (left, top) = (at % 3 * 2, at / 3 * 4);
            for (pixel, &value) in own.iter().enumerate() {
                let (x, y) = (left + pixel % 2, top + pixel / 2);
                assert_eq!(drawn.get_pixel(x as u32, y as u32).0, [value], "image {at}, pixel {pixel}");
            }
        }
        assert_eq!(drawn.get_pixel(5, 7).0, [EMPTY]);
        let small = Sprite::fit(dataset.shape, 5, 6, 1).unwrap();
        small.write(&pixels, &path).unwrap();
        assert_eq!(image::open(&path).unwrap().into_rgb8().dimensions(), (3, 4));
        let more = Sprite { images: 6, ..whole };
        assert!(matches!(more.write(&pixels, &path), Err(Error::Row { row: 5, n: 5 })));
    }
}
