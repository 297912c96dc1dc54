//! JPEG files: decoded to libjpeg's bytes, or left to the `image` crate where our decoder does not support the kind.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use latentwalk_jpeg::{Colour, Decoder, Error, Image, Options};

use super::orientation;
use crate::description::Exif;

/// Start of a marker.
const MARK: u8 = 0xff;

/// Whether the file reaches its end marker. Segments are passed over by their length, so that the end of a thumbnail
/// inside one does not count.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == MARK)) {
        at += found + 1;
        match bytes.get(at) {
            None => return false,
            // Fill bytes: the next one is looked at again.
            Some(&MARK) => {}
            // A stuffed byte of the picture, and markers without a length: private, restarts, start.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            Some(0xd9) => return true,
            Some(_) => match bytes.get(at + 1..at + 3) {
                Some(length) => at += 1 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2),
                None => return false,
            },
        }
    }
    false
}

/// A decoder that has read the headers, or the reason for which it leaves the file's kind to others.
pub(super) fn open(bytes: &[u8]) -> Result<Result<Decoder<'_>, String>, String> {
    match Decoder::new(bytes) {
        Ok(decoder) => Ok(Ok(decoder)),
        Err(error @ Error::Unsupported { .. }) => Ok(Err(reason(&error))),
        Err(error) => Err(reason(&error)),
    }
}

/// Why an image is skipped. It is written into the pack, so it stays one sentence: a hint follows after a semicolon.
fn reason(error: &Error) -> String {
    error.to_string().replacen("\nhint: ", "; ", 1)
}

/// How the picture has to be turned to stand upright. A damaged EXIF block does not make an image unreadable.
pub(super) fn orientation(decoder: &Decoder<'_>, exif: Exif) -> Orientation {
    let found = match exif {
        Exif::Apply => decoder.exif().and_then(orientation::of_exif),
        Exif::Ignore => None,
    };
    found.unwrap_or(Orientation::NoTransforms)
}

/// The samples as the file has them.
pub(super) fn samples(decoder: &Decoder<'_>, options: &Options) -> Result<Image, String> {
    decoder.decode(options).map_err(|error| reason(&error))
}

/// Decodes to grey or RGB, as the file is; CMYK becomes RGB.
pub(super) fn decode(decoder: &Decoder<'_>, options: &Options) -> Result<DynamicImage, String> {
    let Image { width, height, colour, pixels } = samples(decoder, options)?;
    let image = match colour {
        Colour::Grey => GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        Colour::Rgb => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        Colour::Cmyk => {
            let pixels = pixels.as_chunks::<4>().0.iter().flat_map(|&inks| rgb(inks)).collect();
            RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
        }
    };
    image.ok_or_else(|| "its pixels do not fill its sides".into())
}

/// The colour of inks as Adobe's programs write them into JPEG files: 255 is no ink.
///
/// **Source.** Pillow, which takes inks so whether the file says it or not; a channel is what the ink and black leave,
/// `k - (255 - c) * k / 255` with the quotient rounded.
pub(super) fn rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    [c, m, y].map(|ink| {
        let product = (255 - u32::from(ink)) * u32::from(k) + 128;
        (u32::from(k) - ((product + (product >> 8)) >> 8)) as u8
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use latentwalk_arithmetic::Fnv;

    use super::*;

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end() {
        let segment = [0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
        let start = [0xff, 0xd8];
        let picture = [0xff, 0xda, 0, 2, 7, 0xff, 0, 0xff, 0xd0, 9];
        let end = [0xff, 0xff, 0xd9];
        assert!(is_whole(&[&start[..], &segment, &picture, &end].concat()));
        assert!(is_whole(&[&start[..], &segment, &picture, &end, &[0; 9]].concat()));
        assert!(!is_whole(&[&start[..], &segment, &picture].concat()));
        assert!(!is_whole(&[&start[..], &segment, &picture, &end[..2]].concat()));
        assert!(!is_whole(&[&start[..], &segment[..6]].concat()));
        assert!(!is_whole(&[0xff, 0xd8, 0xff, 0xe1, 0]) && !is_whole(&start) && !is_whole(&[]));
    }

    #[test]
    fn the_reason_for_which_an_image_is_skipped_is_one_sentence() {
        let unsupported = reason(&Error::Unsupported { what: "arithmetic coding" });
        let expected =
            "it uses arithmetic coding, which is not supported; save it as a baseline or progressive JPEG of 8 bits";
        assert_eq!(unsupported, expected);
        assert_eq!(reason(&Error::Truncated), "it is cut short: its end marker is missing");
    }

    /// **Source.** Pillow's `Image.open(file).convert("RGB")`, printed by `fixtures/golden/jpeg/make.py`.
    #[test]
    fn inks_become_pillows_colours() {
        let folder = latentwalk_testing::fixture("golden/jpeg");
        let expected = std::fs::read_to_string(folder.join("rgb.txt")).unwrap();
        for line in expected.lines() {
            let (name, hash) = line.split_once(' ').unwrap();
            let file = std::fs::read(folder.join(name).with_extension("jpg")).unwrap();
            let image = decode(&open(&file).unwrap().unwrap(), &Options::default()).unwrap();
            let got = Fnv::new().bytes(image.as_bytes()).value();
            assert_eq!(got, u64::from_str_radix(hash, 16).unwrap(), "{name}");
        }
        assert_eq!(expected.lines().count(), 4);
    }
}
