//! Lines of images as one picture, for pages that show walks.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};

use super::pack::Pixels;
use super::thumbnail::packed;
use crate::dataset::Dataset;
use crate::error::{Error, Result};

/// Quality of the JPEG.
const QUALITY: u8 = 88;
/// Free ground between images and around them, in pixels.
const GAP_PX: u32 = 4;
/// Free ground that sets off the first column, in pixels.
const FIRST_GAP_PX: u32 = 8;
/// Width of the frame around the images of the first column, in pixels; it lies in the gap and covers no image.
const FRAME_PX: u32 = 2;
/// Images with no side as long as this are enlarged by whole factors without smoothing, which would only blur them.
const SMALL_PX: u32 = 40;
/// Longest side of a sheet, in pixels.
const MAX_SHEET_PX: u64 = 16_384;

const WHITE: Rgb<u8> = Rgb([255, 255, 255]);
const BLUE: Rgb<u8> = Rgb([31, 95, 180]);
const EMPTY: Rgb<u8> = Rgb([242, 243, 244]);
const DASH: Rgb<u8> = Rgb([176, 182, 188]);
/// Pixels of a dash, and from one dash to the next.
const DASHES_PX: (u32, u32) = (5, 9);

/// The format of a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetFormat {
    /// Quality 88.
    Jpeg,
    /// Without loss.
    Png,
}

/// Lines of images of the pack on white, as the bytes of a file: one line an entry of `rows`, each image scaled into a square of
/// `side_px`; `None` gives an empty square. With `mark_first` the first column is set off by a blue frame and a wider gap:
/// it is where a walk starts.
///
/// **Units and conventions.** Lines may differ in length. The aspect is kept. Images below 40 px are enlarged by whole
/// factors without smoothing where `side_px` is a multiple of their longer side; all others are scaled bilinearly. Always
/// RGB. Same images, same bytes.
///
/// **Errors.** [`Error::Row`]; [`Error::Length`] for no image at all; [`Error::Setting`] for a sheet without extent or with
/// a side above 16,384 pixels; [`Error::Io`], [`Error::Encode`].
pub fn contact_sheet(
    pixels: &Pixels,
    dataset: &Dataset,
    rows: &[Vec<Option<usize>>],
    side_px: u32,
    mark_first: bool,
    format: SheetFormat,
) -> Result<Vec<u8>> {
    let sheet = drawn(pixels, dataset, rows, side_px, mark_first)?;
    let mut bytes = Vec::new();
    let (raw, width, height) = (sheet.as_raw(), sheet.width(), sheet.height());
    let written = match format {
        SheetFormat::Jpeg => {
            JpegEncoder::new_with_quality(&mut bytes, QUALITY).write_image(raw, width, height, ExtendedColorType::Rgb8)
        }
        SheetFormat::Png => PngEncoder::new(&mut bytes).write_image(raw, width, height, ExtendedColorType::Rgb8),
    };
    // What cannot be written is named after its first image.
    let row = || rows.iter().flatten().flatten().next().copied().unwrap_or(0);
    written.map_err(|error| Error::Encode { row: row(), reason: error.to_string() })?;
    Ok(bytes)
}

fn drawn(
    pixels: &Pixels,
    dataset: &Dataset,
    rows: &[Vec<Option<usize>>],
    side_px: u32,
    mark_first: bool,
) -> Result<RgbImage> {
    let n = dataset.items.len();
    if let Some(&row) = rows.iter().flatten().flatten().find(|row| **row >= n) {
        return Err(Error::Row { row, n });
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    if columns == 0 {
        return Err(Error::Length { what: "the longest line of a contact sheet", expected: 1, got: 0 });
    }
    let layout = Layout { side_px, first_gap_px: if mark_first { FIRST_GAP_PX } else { GAP_PX } };
    let (width, height) = layout.size(columns, rows.len())?;
    let mut sheet = RgbImage::from_pixel(width, height, WHITE);
    for (line, images) in rows.iter().enumerate() {
        for (column, &row) in images.iter().enumerate() {
            let corner = layout.corner(column, line);
            match row {
                Some(row) => draw_image(&mut sheet, pixels, row, corner, side_px)?,
                None => draw_empty(&mut sheet, corner, side_px),
            }
            if mark_first && column == 0 {
                draw_frame(&mut sheet, corner, side_px);
            }
        }
    }
    Ok(sheet)
}

/// Where squares stand.
struct Layout {
    side_px: u32,
    first_gap_px: u32,
}

impl Layout {
    /// Width and height of a sheet.
    fn size(&self, columns: usize, lines: usize) -> Result<(u32, u32)> {
        let [width, height] = [columns, lines].map(|count| {
            let pitch = u64::from(self.side_px) + u64::from(GAP_PX);
            (count as u64).saturating_mul(pitch).saturating_add(u64::from(GAP_PX))
        });
        let extra = if columns > 1 { self.first_gap_px - GAP_PX } else { 0 };
        let width = width.saturating_add(u64::from(extra));
        if self.side_px == 0 || width.max(height) > MAX_SHEET_PX {
            let must =
                "it must be at least 1, and no side of the sheet longer than 16384 pixels: use fewer or smaller images";
            return Err(Error::Setting { key: "side_px".into(), got: self.side_px.to_string(), must });
        }
        Ok((width as u32, height as u32))
    }

    /// The upper left corner of a square of a sheet that [`Self::size`] allows.
    fn corner(&self, column: usize, line: usize) -> (u32, u32) {
        let pitch = self.side_px + GAP_PX;
        let extra = if column > 0 { self.first_gap_px - GAP_PX } else { 0 };
        (GAP_PX + column as u32 * pitch + extra, GAP_PX + line as u32 * pitch)
    }
}

fn draw_image(sheet: &mut RgbImage, pixels: &Pixels, row: usize, corner: (u32, u32), side_px: u32) -> Result<()> {
    let image = packed(pixels, row)?.into_rgb8();
    let longer = image.width().max(image.height()).max(1);
    let scaled = |side: u32| (u64::from(side) * u64::from(side_px) / u64::from(longer)).max(1) as u32;
    let (width, height) = (scaled(image.width()), scaled(image.height()));
    let filter = match longer < SMALL_PX && side_px.is_multiple_of(longer) {
        true => FilterType::Nearest,
        false => FilterType::Triangle,
    };
    let image = if longer == side_px { image } else { imageops::resize(&image, width, height, filter) };
    let centre = |corner: u32, side: u32| i64::from(corner + (side_px - side) / 2);
    imageops::replace(sheet, &image, centre(corner.0, width), centre(corner.1, height));
    Ok(())
}

fn draw_empty(sheet: &mut RgbImage, (left, top): (u32, u32), side_px: u32) {
    let last = side_px - 1;
    for (x, y) in (0..side_px).flat_map(|y| (0..side_px).map(move |x| (x, y))) {
        let along = if y == 0 || y == last { x } else { y };
        let rim = x == 0 || y == 0 || x == last || y == last;
        let dash = rim && along % DASHES_PX.1 < DASHES_PX.0;
        sheet.put_pixel(left + x, top + y, if dash { DASH } else { EMPTY });
    }
}

/// A frame around a square, outside of it.
fn draw_frame(sheet: &mut RgbImage, (left, top): (u32, u32), side_px: u32) {
    let side = side_px + 2 * FRAME_PX;
    let rim = |at: u32| at < FRAME_PX || at >= side - FRAME_PX;
    for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).filter(|(x, y)| rim(*x) || rim(*y)) {
        sheet.put_pixel(left - FRAME_PX + x, top - FRAME_PX + y, BLUE);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use image::ImageFormat;
    use tempfile::TempDir;

    use super::*;
    use crate::attribute::Split;
    use crate::dataset::{ImageShape, Item, PIXELS_FILE};

    const RED: [u8; 3] = [200, 30, 20];
    const GREEN: [u8; 3] = [20, 140, 60];

    /// A pack of two images whose left half is red or green and whose right half is black.
    fn pack(height: usize, width: usize, channels: usize) -> (Dataset, Pixels, TempDir) {
        let item = |id: &str| Item { id: id.into(), split: Split::Test, labels: Vec::new(), path: None, group: None };
        let shape = ImageShape { height, width, channels };
        let dataset = Dataset {
            name: "two".into(),
            attributes: Vec::new(),
            items: vec![item("red"), item("green")],
            shape,
            skipped: Vec::new(),
            dropped: Vec::new(),
        };
        let bytes: Vec<u8> = [RED, GREEN]
            .into_iter()
            .flat_map(|colour| (0..height * width).map(move |at| if at % width < width / 2 { colour } else { [0; 3] }))
            .flat_map(|pixel| pixel[..channels].to_vec())
            .collect();
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(PIXELS_FILE), bytes).unwrap();
        let pixels = Pixels::open(dir.path(), &dataset).unwrap();
        (dataset, pixels, dir)
    }

    fn sheet(shape: (usize, usize, usize), rows: &[Vec<Option<usize>>], side_px: u32, mark_first: bool) -> RgbImage {
        let (dataset, pixels, _dir) = pack(shape.0, shape.1, shape.2);
        let draw = |format| contact_sheet(&pixels, &dataset, rows, side_px, mark_first, format).unwrap();
        let (jpeg, png) = (draw(SheetFormat::Jpeg), draw(SheetFormat::Png));
        assert_eq!(jpeg, draw(SheetFormat::Jpeg));
        let [jpeg_size, png_size] = [&jpeg, &png].map(|bytes| {
            let image = image::load_from_memory(bytes).unwrap();
            (image.width(), image.height())
        });
        assert_eq!(jpeg_size, png_size);
        image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).unwrap().into_rgb8()
    }

    /// Within what quality 88 loses on flat ground.
    #[track_caller]
    fn assert_colour(sheet: &RgbImage, (x, y): (u32, u32), expected: [u8; 3]) {
        let got = sheet.get_pixel(x, y).0;
        assert!(
            got.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 12),
            "({x}, {y}): {got:?}, expected {expected:?}"
        );
    }

    #[test]
    fn images_stand_in_lines_on_white() {
        let rows = [vec![Some(0), Some(1), None], vec![Some(1)]];
        let sheet = sheet((8, 8, 3), &rows, 64, false);
        assert_eq!(sheet.dimensions(), (3 * 68 + 4, 2 * 68 + 4));
        assert_colour(&sheet, (20, 36), RED);
        assert_colour(&sheet, (52, 36), [0; 3]);
        assert_colour(&sheet, (88, 36), GREEN);
        assert_colour(&sheet, (20, 104), GREEN);
        assert_colour(&sheet, (172, 36), EMPTY.0);
        assert_colour(&sheet, (172, 104), WHITE.0);
    }

    #[test]
    fn the_first_column_is_framed_and_set_off() {
        let rows = [vec![Some(0), Some(1)], vec![None, Some(0)]];
        let sheet = sheet((16, 16, 3), &rows, 64, true);
        assert_eq!(sheet.dimensions(), (2 * 68 + 8, 2 * 68 + 4));
        assert_colour(&sheet, (96, 36), GREEN);
        let blue = |x: u32, y: u32| {
            let [r, g, b] = sheet.get_pixel(x, y).0;
            b > r && b > g && b > 110
        };
        assert!(blue(2, 36) && blue(69, 36) && blue(36, 69) && blue(2, 104));
        assert!(!blue(74, 36) && !blue(139, 36));
        let single = self::sheet((16, 16, 3), &[vec![Some(0)]], 64, true);
        assert_eq!(single.dimensions(), (72, 72));
    }

    #[test]
    fn small_images_keep_their_edges_and_large_ones_are_smoothed() {
        let at_edge = |size, side_px| {
            sheet((size, size, 3), &[vec![Some(0)]], side_px, false).get_pixel(4 + side_px / 2 + 1, 36).0
        };
        // 8 px a pixel: one pixel right of the edge it is black without smoothing, a third red with it.
        assert!(at_edge(8, 64)[0] < 35, "{:?}", at_edge(8, 64));
        assert!(at_edge(8, 68)[0] > 45, "{:?}", at_edge(8, 68));
    }

    #[test]
    fn grey_and_oblong_images_are_drawn_whole() {
        let sheet = sheet((20, 10, 1), &[vec![Some(0)]], 40, false);
        assert_eq!(sheet.dimensions(), (48, 48));
        assert_colour(&sheet, (8, 24), WHITE.0);
        assert_colour(&sheet, (18, 24), [RED[0]; 3]);
        assert_colour(&sheet, (29, 24), [0; 3]);
        assert_colour(&sheet, (40, 24), WHITE.0);
    }

    #[test]
    fn large_images_are_reduced() {
        let sheet = sheet((100, 100, 3), &[vec![Some(1); 5]], 32, false);
        assert_eq!(sheet.dimensions(), (5 * 36 + 4, 40));
        assert_colour(&sheet, (10, 20), GREEN);
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        let (dataset, pixels, _dir) = pack(4, 4, 3);
        let message = |rows: &[Vec<Option<usize>>], side_px| {
            contact_sheet(&pixels, &dataset, rows, side_px, true, SheetFormat::Jpeg).unwrap_err().to_string()
        };
        assert_eq!(message(&[vec![Some(0), Some(2)]], 32), "row 2 is outside the data set of 2 images");
        assert!(message(&[], 32).contains("the longest line of a contact sheet has length 0, expected 1"));
        assert!(message(&[vec![], vec![]], 32).contains("has length 0"));
        assert!(message(&[vec![Some(0)]], 0).starts_with("`side_px` is 0: it must be at least 1"));
        assert!(message(&[vec![Some(0)]], u32::MAX).contains("no side of the sheet longer than 16384 pixels"));
        assert!(message(&[vec![Some(0); 1000]], 64).contains("fewer or smaller images"));
    }
}
