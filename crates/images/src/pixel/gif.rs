//! GIF files: their first frame on its ground, as Pillow reads it.

use std::io::Cursor;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, Frame, MemoryLimit};
use image::{DynamicImage, Rgba, RgbaImage};

use super::decode::{MAX_PIXEL_BYTES, check_size};
use crate::description::Limits;

/// The first frame, in its colours even where it is transparent. What it does not cover is transparent too; the ground grows where
/// the frame leaves it.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<DynamicImage, String> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(NonZeroU64::new(MAX_PIXEL_BYTES).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let ground = (u32::from(decoder.width()), u32::from(decoder.height()));
    let whole = decoder.global_palette().map(<[u8]>::to_vec).unwrap_or_default();
    let frame = decoder.read_next_frame().map_err(|error| error.to_string())?.ok_or("it holds no picture")?;
    let palette = frame.palette.as_deref().unwrap_or(&whole);
    let (right, bottom) =
        (u32::from(frame.left) + u32::from(frame.width), u32::from(frame.top) + u32::from(frame.height));
    let (width, height) = (ground.0.max(right), ground.1.max(bottom));
    check_size(width, height, u64::from(width) * u64::from(height) * 4, limits)?;
    Ok(DynamicImage::ImageRgba8(laid(frame, palette, width, height)))
}

fn laid(frame: &Frame<'_>, palette: &[u8], width: u32, height: u32) -> RgbaImage {
    let colour = |index: u8, alpha: u8| {
        let [r, g, b] = palette.as_chunks::<3>().0.get(usize::from(index)).copied().unwrap_or_default();
        Rgba([r, g, b, alpha])
    };
    let ground = colour(frame.transparent.unwrap_or(0), 0);
    let mut image = RgbaImage::from_pixel(width, height, ground);
    for (row, indices) in (u32::from(frame.top)..).zip(frame.buffer.chunks(usize::from(frame.width).max(1))) {
        for (column, &index) in (u32::from(frame.left)..).zip(indices) {
            image.put_pixel(column, row, colour(index, if frame.transparent == Some(index) { 0 } else { 255 }));
        }
    }
    image
}
