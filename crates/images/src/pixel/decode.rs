//! From an image file to the bytes of the pack.

use std::cell::Cell;
use std::fs;
use std::io::{self, Cursor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{
    DynamicImage, GrayAlphaImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, RgbImage, RgbaImage,
};
use latentwalk_jpeg::{Damage, Options, Scale};

use super::tiff::Tiff as Pages;
use super::{gif, jpeg, orientation};
use crate::description::{Alpha, Damaged, Exif, Limits};
use crate::source::format::{self, FileKind};

/// Version of what pixels a file gives; a change of it is a change of everything that is made from image files.
pub const DECODER_VERSION: &str = "2";

/// Longest side of an image file that is decoded, in pixels: what JPEG's headers can state.
const MAX_FILE_SIDE: u32 = 65_535;
/// Most memory that the pixels of one file may take, in bytes.
pub(super) const MAX_PIXEL_BYTES: u64 = 512 << 20;
/// How JPEG files are decoded: whole. The coefficients of a progressive one take up to twice the memory of its pixels.
pub(super) const JPEG: Options =
    Options { scale: Scale::Full, region: None, max_bytes: 3 * MAX_PIXEL_BYTES, damage: Damage::Refuse };
const CUT_SHORT: &str = "it is cut short: its end marker is missing";

/// How image files become pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileDecoding {
    /// Whether an image is turned upright as its EXIF data say.
    pub exif: Exif,
    /// What becomes of transparent pixels.
    pub alpha: Alpha,
    /// What becomes of damaged JPEG files.
    pub damaged: Damaged,
    /// What is too large to be read.
    pub limits: Limits,
}

impl FileDecoding {
    /// How its JPEG files are decoded.
    pub(super) fn jpeg(&self) -> Options {
        let damage = if self.damaged == Damaged::Keep { Damage::Keep } else { Damage::Refuse };
        Options { damage, ..JPEG }
    }
}

/// Side in pixels and channels of the pack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) size: usize,
    pub(crate) channels: usize,
}

/// Reads a file; what it is, is decided by its content, not by its name.
pub(crate) fn open(path: &Path, decoding: &FileDecoding) -> std::result::Result<DynamicImage, String> {
    decode(&read(path, &decoding.limits)?, decoding)
}

/// The bytes of a file.
pub(crate) fn read(path: &Path, limits: &Limits) -> std::result::Result<Vec<u8>, String> {
    match fs::metadata(path) {
        Ok(found) if found.len() > limits.file_bytes => {
            Err(limits.passed(&format!("it holds {} bytes", found.len()), "file_bytes", limits.file_bytes))
        }
        _ => fs::read(path).map_err(reason),
    }
}

/// Decodes a file's bytes and turns the image upright, unless its EXIF data is to be ignored. Samples have 8 bits: of 16 the
/// upper ones, as Pillow takes them.
pub(crate) fn decode(bytes: &[u8], decoding: &FileDecoding) -> std::result::Result<DynamicImage, String> {
    guarded(|| decode_unguarded(bytes, decoding))
}

/// Runs decoders of others. A file that makes one of them panic is a file that cannot be read, and no reason to end a run.
pub(super) fn guarded<T>(work: impl FnOnce() -> std::result::Result<T, String>) -> std::result::Result<T, String> {
    let before = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    done.unwrap_or_else(|_| Err("it is damaged: its decoder found what cannot be".into()))
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread decodes a file, so that a panic is caught and told as the reason for which the file cannot be read. For
/// hooks that would print it.
pub fn is_decoding() -> bool {
    GUARDED.get()
}

fn decode_unguarded(bytes: &[u8], decoding: &FileDecoding) -> std::result::Result<DynamicImage, String> {
    let (image, orientation) = match decoder(bytes, &decoding.limits)? {
        Decoder::Jpeg(decoder) => {
            (jpeg::decode(&decoder, &decoding.jpeg())?, jpeg::orientation(&decoder, decoding.exif))
        }
        // Pillow turns these upright whatever it is told.
        Decoder::Tiff(tiff) => (tiff.decode(&decoding.jpeg())?, tiff.orientation),
        Decoder::Other(_, ImageFormat::Gif) => (gif::decode(bytes, &decoding.limits)?, Orientation::NoTransforms),
        Decoder::Other(mut decoder, format) => {
            // A damaged EXIF block does not make an image unreadable.
            let orientation = match (decoding.exif, format) {
                (_, ImageFormat::Tiff) => decoder.orientation().ok(),
                (Exif::Ignore, _) => None,
                (Exif::Apply, ImageFormat::Png) => orientation::of_png(bytes),
                (Exif::Apply, ImageFormat::WebP) => orientation::of_webp(bytes),
                (Exif::Apply, _) => decoder.orientation().ok(),
            };
            let image = DynamicImage::from_decoder(decoder).map_err(|error| refused(&error))?;
            (image, orientation.unwrap_or(Orientation::NoTransforms))
        }
    };
    let mut image = eight_bits(image);
    image.apply_orientation(orientation);
    Ok(image)
}

fn eight_bits(image: DynamicImage) -> DynamicImage {
    let upper = |samples: &[u16]| samples.iter().map(|sample| (sample >> 8) as u8).collect::<Vec<u8>>();
    let (width, height) = (image.width(), image.height());
    let narrow = match &image {
        DynamicImage::ImageLuma16(wide) => {
            GrayImage::from_raw(width, height, upper(wide.as_raw())).map(DynamicImage::ImageLuma8)
        }
        DynamicImage::ImageLumaA16(wide) => {
            GrayAlphaImage::from_raw(width, height, upper(wide.as_raw())).map(DynamicImage::ImageLumaA8)
        }
        DynamicImage::ImageRgb16(wide) => {
            RgbImage::from_raw(width, height, upper(wide.as_raw())).map(DynamicImage::ImageRgb8)
        }
        DynamicImage::ImageRgba16(wide) => {
            RgbaImage::from_raw(width, height, upper(wide.as_raw())).map(DynamicImage::ImageRgba8)
        }
        _ => None,
    };
    narrow.unwrap_or(image)
}

/// A decoder that has read the header of a file that is worth decoding.
pub(super) enum Decoder<'a> {
    Jpeg(Box<latentwalk_jpeg::Decoder<'a>>),
    Tiff(Box<Pages<'a>>),
    Other(Box<dyn ImageDecoder + 'a>, ImageFormat),
}

pub(super) fn decoder<'a>(bytes: &'a [u8], limits: &Limits) -> std::result::Result<Decoder<'a>, String> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    if bytes.is_empty() {
        return Err("it is empty".into());
    }
    let format = match (image::guess_format(bytes), format::of_content(&bytes[..bytes.len().min(32)])) {
        (Ok(format @ (Jpeg | Png | WebP | Bmp | Gif | Tiff)), _) => format,
        _ if format::is_tiff(bytes) => Tiff,
        (_, FileKind::Unread(kind)) => return Err(format::unread(kind)),
        _ => return Err(NO_PICTURE.into()),
    };
    let mut unsupported = None;
    if format == Jpeg {
        match jpeg::open(bytes)? {
            Ok(decoder) => {
                let (width, height) = decoder.size(Scale::Full);
                let channels = decoder.colour().channels().min(3) as u64;
                check_size(width, height, u64::from(width) * u64::from(height) * channels, limits)?;
                return Ok(Decoder::Jpeg(Box::new(decoder)));
            }
            Err(_) if !jpeg::is_whole(bytes) => return Err(CUT_SHORT.into()),
            Err(kind) => unsupported = Some(kind),
        }
    }
    if let Some(tiff) = Some(format).filter(|format| *format == Tiff).and_then(|_| Pages::open(bytes)) {
        check_size(tiff.width, tiff.height, tiff.bytes(), limits)?;
        return Ok(Decoder::Tiff(Box::new(tiff)));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut held = image::Limits::no_limits();
    held.max_alloc = Some(MAX_PIXEL_BYTES);
    reader.limits(held);
    // What our own decoder says of a rare JPEG is clearer than what the other one stumbles over.
    let decoder = reader.into_decoder().map_err(|error| unsupported.unwrap_or_else(|| refused(&error)))?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, decoder.total_bytes(), limits)?;
    Ok(Decoder::Other(Box::new(decoder), format))
}

const NO_PICTURE: &str =
    "it is no picture of a kind that is read (JPEG, PNG, WebP, BMP, TIFF, GIF), whatever its name says";

pub(super) fn check_size(width: u32, height: u32, bytes: u64, limits: &Limits) -> std::result::Result<(), String> {
    if width == 0 || height == 0 {
        return Err("it has no pixels".into());
    }
    let size = format!("it is {width} x {height} pixels");
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(limits.passed(&size, "pixels", limits.pixels));
    }
    if width.max(height) > MAX_FILE_SIDE || bytes > MAX_PIXEL_BYTES {
        return Err(format!("{size}, more than is decoded: {MAX_FILE_SIDE} a side and {MAX_PIXEL_BYTES} bytes"));
    }
    Ok(())
}

/// What a decoder says, for people.
fn refused(error: &ImageError) -> String {
    match error {
        ImageError::Limits(_) => format!("decoding it takes more than {MAX_PIXEL_BYTES} bytes"),
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => "it is cut short".into(),
        ImageError::Unsupported(_) => format!("{error}; save it as PNG"),
        other => other.to_string(),
    }
}

/// Width, height and whether a file has colour, without decoding it.
pub(crate) fn peek(path: &Path) -> Option<(u32, u32, bool)> {
    looks(ImageReader::open(path).and_then(ImageReader::with_guessed_format).ok()?)
}

fn looks(reader: ImageReader<impl io::BufRead + io::Seek>) -> Option<(u32, u32, bool)> {
    guarded(|| {
        let decoder = reader.into_decoder().map_err(|error| refused(&error))?;
        let (width, height) = decoder.dimensions();
        Ok((width, height, decoder.color_type().has_color()))
    })
    .ok()
}

/// As [`peek`], of a file's bytes.
pub(crate) fn peek_bytes(bytes: &[u8]) -> Option<(u32, u32, bool)> {
    looks(ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?)
}

/// The system's reason without the path, which the caller names.
pub(crate) fn reason(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".into(),
        io::ErrorKind::PermissionDenied => "it may not be read".into(),
        _ => error.to_string(),
    }
}

/// Resizes the short side to the target, crops the long side around the centre, converts to grey or RGB.
pub(crate) fn fit(image: &DynamicImage, target: Target, alpha: Alpha) -> Vec<u8> {
    let square = square(image);
    let flat = if square.color().has_alpha() && alpha == Alpha::White { on_white(&square) } else { square };
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
    Some(fit(&DynamicImage::ImageLuma8(image), target, Alpha::White))
}

/// The central square. Cropping first gives the same picture as resizing first, for less work.
fn square(image: &DynamicImage) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let side = width.min(height);
    image.crop_imm((width - side) / 2, (height - side) / 2, side, side)
}

/// Lays a transparent picture on white, the usual ground of product photographs.
pub(super) fn on_white(image: &DynamicImage) -> DynamicImage {
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

    use std::io::Write;

    use image::codecs::jpeg::JpegEncoder;
    use image::codecs::png::PngEncoder;
    use image::codecs::webp::WebPEncoder;
    use image::{ExtendedColorType, ImageEncoder, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};

    use proptest::prelude::*;

    use super::*;
    use crate::description::DEFAULT_LIMITS;

    /// 16 x 16 pixels of (200, 30, 40), progressive, written by Pillow.
    const PROGRESSIVE: &str = "ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d1414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc20011080010001003012200021101031101ffc4001500010100000000000000000000000000000006ffc4001501010100000000000000000000000000000607ffda000c030100021003100000018107ee1fffc40014100100000000000000000000000000000020ffda00080101000105021fffc40014110100000000000000000000000000000000ffda0008010301013f017fffc40014110100000000000000000000000000000000ffda0008010201013f017fffc40014100100000000000000000000000000000020ffda0008010100063f021fffc40014100100000000000000000000000000000020ffda0008010100013f211fffda000c03010002000300000010f3ffc40014110100000000000000000000000000000000ffda0008010301013f107fffc40014110100000000000000000000000000000000ffda0008010201013f107fffc40014100100000000000000000000000000000020ffda0008010100013f101fffd9";
    /// 8 x 8 pixels of CMYK (0, 255, 255, 51) as Adobe inverts it, written by Pillow.
    const CMYK: &str = "ffd8ffee000e41646f626500640000000000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc000140800080008044311004d11005911004b1100ffc4001500010100000000000000000000000000000908ffc40014100100000000000000000000000000000000ffda000e0443004d0059004b00003f0054c550aa596fffd9";
    /// 8 x 8 pixels of (200, 30, 40), lossy, written by Pillow.
    const WEBP: &str = "524946463a00000057454250565038202e0000009001009d012a0800080001402625a00274ba00039800fef14dafe2da4742990ffef19fff719fff719ffc88000000";

    const APPLY: FileDecoding =
        FileDecoding { exif: Exif::Apply, alpha: Alpha::White, damaged: Damaged::Refuse, limits: DEFAULT_LIMITS };
    const IGNORE: FileDecoding = FileDecoding { exif: Exif::Ignore, ..APPLY };

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn near(image: &DynamicImage, expected: [u8; 3]) {
        let middle = image.to_rgb8().get_pixel(image.width() / 2, image.height() / 2).0;
        let off = middle.iter().zip(expected).map(|(&got, wanted)| got.abs_diff(wanted)).max();
        assert!(off <= Some(4), "{middle:?} for {expected:?}");
    }

    /// **Source.** Pillow's `Image.open(file).convert("RGB")`, printed by `fixtures/golden/pictures/make.py`.
    #[test]
    fn tiff_and_gif_have_pillows_pixels() {
        let folder = latentwalk_testing::fixture("golden/pictures");
        let expected = std::fs::read_to_string(folder.join("expected.txt")).unwrap();
        let drop = FileDecoding { alpha: Alpha::Drop, ..IGNORE };
        for line in expected.lines() {
            let [name, width, height, hash] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            let image = open(&folder.join(name), &drop).unwrap().into_rgb8();
            assert_eq!(
                (image.width().to_string(), image.height().to_string()),
                (width.into(), height.into()),
                "{name}"
            );
            let got = latentwalk_arithmetic::Fnv::new().bytes(image.as_raw()).value();
            assert_eq!(got, u64::from_str_radix(hash, 16).unwrap(), "{name}");
        }
        assert_eq!(expected.lines().count(), 41);
    }

    /// A TIFF block that holds nothing but the orientation.
    fn exif(orientation: u8) -> Vec<u8> {
        [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat()
    }

    /// 24 x 16 pixels, black but for the white quarter at the top left, in the three formats.
    fn rotated(orientation: u8) -> [Vec<u8>; 3] {
        let quarter = |x: u32, y: u32| Rgb([if x < 12 && y < 8 { 255 } else { 0 }; 3]);
        let image = RgbImage::from_fn(24, 16, quarter);
        let mut files = [const { Vec::new() }; 3];
        let [jpeg, png, webp] = &mut files;
        let mut encoder = JpegEncoder::new_with_quality(jpeg, 95);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(image.as_raw(), 24, 16, ExtendedColorType::Rgb8).unwrap();
        let mut encoder = PngEncoder::new(png);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(image.as_raw(), 24, 16, ExtendedColorType::Rgb8).unwrap();
        let mut encoder = WebPEncoder::new_lossless(webp);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(image.as_raw(), 24, 16, ExtendedColorType::Rgb8).unwrap();
        files
    }

    /// The corner that is white: top left, top right, bottom left, bottom right.
    fn white_corner(image: &DynamicImage) -> usize {
        let grey = image.to_luma8();
        let (right, bottom) = (image.width() - 2, image.height() - 2);
        let corners = [(1, 1), (right, 1), (1, bottom), (right, bottom)].map(|(x, y)| grey.get_pixel(x, y).0[0] > 128);
        assert_eq!(corners.iter().filter(|white| **white).count(), 1, "{corners:?}");
        corners.iter().position(|white| *white).unwrap()
    }

    #[test]
    fn images_are_turned_upright_unless_told_otherwise() {
        // Where the first row and column of the stored image belong, by the EXIF standard.
        let corners = [0, 1, 3, 2, 0, 1, 3, 2];
        for (orientation, corner) in (1..=8).zip(corners) {
            for file in rotated(orientation) {
                let image = decode(&file, &APPLY).unwrap();
                let size = if orientation > 4 { (16, 24) } else { (24, 16) };
                assert_eq!(((image.width(), image.height()), white_corner(&image)), (size, corner), "{orientation}");
                let image = decode(&file, &IGNORE).unwrap();
                assert_eq!(((image.width(), image.height()), white_corner(&image)), ((24, 16), 0), "{orientation}");
            }
        }
        for orientation in [0, 9, 255] {
            assert_eq!(white_corner(&decode(&rotated(orientation)[0], &APPLY).unwrap()), 0);
        }
    }

    #[test]
    fn all_kinds_of_jpeg_and_webp_are_read() {
        near(&decode(&hex(PROGRESSIVE), &APPLY).unwrap(), [200, 30, 40]);
        near(&decode(&hex(CMYK), &APPLY).unwrap(), [204, 0, 0]);
        near(&decode(&hex(WEBP), &APPLY).unwrap(), [200, 30, 40]);
        let mut grey = Vec::new();
        GrayImage::from_pixel(9, 9, Luma([77])).write_with_encoder(JpegEncoder::new(&mut grey)).unwrap();
        near(&decode(&grey, &APPLY).unwrap(), [77; 3]);
    }

    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let body = [&kind[..], data].concat();
        let mut crc = flate2::Crc::new();
        crc.update(&body);
        [&(data.len() as u32).to_be_bytes()[..], &body, &crc.sum().to_be_bytes()].concat()
    }

    /// A PNG of any kind; `extra` are chunks before the data, `raw` rows with their filter bytes.
    fn png(side: [u32; 2], depth: u8, colour: u8, extra: &[u8], raw: &[u8]) -> Vec<u8> {
        let header = [&side[0].to_be_bytes()[..], &side[1].to_be_bytes(), &[depth, colour, 0, 0, 0]].concat();
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(raw).unwrap();
        let data = chunk(b"IDAT", &packed.finish().unwrap());
        [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), extra, &data, &chunk(b"IEND", b"")].concat()
    }

    #[test]
    fn all_kinds_of_png_are_read() {
        let rgb = Target { size: 1, channels: 3 };
        let of = |file: Vec<u8>| fit(&decode(&file, &APPLY).unwrap(), rgb, Alpha::White);
        // 16 bits a channel, colour and grey.
        assert_eq!(of(png([1, 1], 16, 2, b"", &[0, 200, 200, 30, 30, 40, 40])), [200, 30, 40]);
        assert_eq!(of(png([1, 1], 16, 0, b"", &[0, 99, 99])), [99; 3]);
        // A palette, without and with a transparent entry, which lies on white.
        let palette = chunk(b"PLTE", &[1, 2, 3, 200, 30, 40]);
        assert_eq!(of(png([1, 1], 8, 3, &palette, &[0, 1])), [200, 30, 40]);
        assert_eq!(of(png([1, 1], 1, 3, &palette, &[0, 0x80])), [200, 30, 40]);
        let transparent = [palette, chunk(b"tRNS", &[255, 0])].concat();
        assert_eq!(of(png([1, 1], 8, 3, &transparent, &[0, 1])), [255; 3]);
        // Grey with alpha: half of it shows.
        assert_eq!(of(png([1, 1], 8, 4, b"", &[0, 100, 255])), [100; 3]);
        assert_eq!(of(png([1, 1], 8, 4, b"", &[0, 0, 128])), [127; 3]);
        // One bit a pixel.
        assert_eq!(of(png([1, 1], 1, 0, b"", &[0, 0x80])), [255; 3]);
        let alpha = image::ImageBuffer::from_pixel(2, 2, LumaA([100_u16 << 8, 0]));
        assert_eq!(fit(&DynamicImage::ImageLumaA16(alpha), rgb, Alpha::White), [255; 3]);
    }

    fn problem(bytes: &[u8]) -> String {
        let problem = decode(bytes, &APPLY).unwrap_err();
        assert!(!problem.is_empty());
        problem
    }

    #[test]
    fn files_cut_short_are_refused() {
        let image = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * 37 + y * 91) as u8, (x * y) as u8, (x ^ y) as u8]));
        let [mut jpeg, mut png, mut webp] = [const { Vec::new() }; 3];
        image.write_with_encoder(JpegEncoder::new(&mut jpeg)).unwrap();
        image.write_with_encoder(PngEncoder::new(&mut png)).unwrap();
        image.write_with_encoder(WebPEncoder::new_lossless(&mut webp)).unwrap();
        for whole in [jpeg.clone(), png, webp, hex(PROGRESSIVE), hex(CMYK), hex(WEBP)] {
            decode(&whole, &APPLY).unwrap();
            for part in [whole.len() / 4, whole.len() / 2, whole.len() * 9 / 10] {
                problem(&whole[..part]);
            }
        }
        assert_eq!(problem(&jpeg[..jpeg.len() / 2]), "it is cut short: its end marker is missing");
    }

    proptest! {
        #[test]
        fn mutated_files_never_panic(
            which in 0_usize..6, end in 0.3_f64..1.0, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        ) {
            let [jpeg, png, webp] = rotated(6);
            let mut file = vec![jpeg, png, webp, hex(PROGRESSIVE), hex(CMYK), hex(WEBP)].swap_remove(which);
            for (at, value) in changes {
                let at = at.index(file.len());
                file[at] = value;
            }
            // Half of the files are cut short too.
            let kept = if end < 0.65 { (file.len() as f64 * end) as usize } else { file.len() };
            if let Ok(image) = decode(&file[..kept], &APPLY) {
                prop_assert_eq!(fit(&image, Target { size: 3, channels: 3 }, Alpha::White).len(), 27);
            }
        }
    }

    #[test]
    fn sizes_that_no_memory_holds_are_refused_before_decoding() {
        let huge = problem(&png([50_000, 50_000], 8, 2, b"", &[0; 9]));
        assert!(huge.contains("50000 x 50000 pixels") || huge.contains("decoding it takes more"), "{huge}");
        assert!(problem(&png([20_000, 20_000], 8, 6, b"", &[0; 9])).contains("more than"));
        // The same for a JPEG: the sides stand in the frame header, after its length and the bits a sample.
        let mut jpeg = Vec::new();
        RgbImage::new(8, 8).write_with_encoder(JpegEncoder::new(&mut jpeg)).unwrap();
        let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        for side in [50_000_u16, 30_000] {
            jpeg[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
            jpeg[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
            assert!(
                problem(&jpeg).contains(&format!("it is {side} x {side} pixels, more than `images.limits.pixels`"))
            );
        }
        // A bomb: a size that is just allowed, with next to no data.
        problem(&png([12_000, 12_000], 8, 0, b"", &[0; 9]));
    }

    #[test]
    fn what_is_no_image_is_said_plainly() {
        let dir = tempfile::TempDir::new().unwrap();
        for (content, expected) in [
            (&b""[..], "it is empty"),
            (b"not an image at all", NO_PICTURE),
            (b"\0\0\0\x1cftypheic\0\0\0\0", "it is a HEIC picture, which is not read: convert it to JPEG or PNG"),
        ] {
            let path = dir.path().join("a.jpg");
            fs::write(&path, content).unwrap();
            assert_eq!(open(&path, &APPLY).unwrap_err(), expected);
        }
        assert_eq!(open(&dir.path().join("b.jpg"), &APPLY).unwrap_err(), "it does not exist");
        assert!(open(dir.path(), &APPLY).is_err());
        problem(b"\xff\xd8\xff\xd9");
    }

    #[test]
    fn the_centre_is_kept() {
        let wide = GrayImage::from_fn(6, 2, |x, _| Luma([if (2..4).contains(&x) { 200 } else { 0 }]));
        let image = DynamicImage::ImageLuma8(wide);
        assert_eq!(fit(&image, Target { size: 2, channels: 1 }, Alpha::White), [200; 4]);
        assert_eq!(fit(&image, Target { size: 4, channels: 3 }, Alpha::White), [200; 48]);
    }

    #[test]
    fn transparent_means_white() {
        let image = DynamicImage::ImageRgba8(RgbaImage::from_pixel(2, 2, Rgba([0, 0, 0, 0])));
        assert_eq!(fit(&image, Target { size: 2, channels: 3 }, Alpha::White), [255; 12]);
    }

    #[test]
    fn grey_values_of_the_right_size_pass_through() {
        let target = Target { size: 2, channels: 1 };
        assert_eq!(fit_grey(vec![1, 2, 3, 4], 2, 2, target), Some(vec![1, 2, 3, 4]));
        assert_eq!(fit_grey(vec![9; 6], 2, 3, target), Some(vec![9; 4]));
        assert_eq!(fit_grey(vec![9; 5], 2, 3, target), None);
    }
}
