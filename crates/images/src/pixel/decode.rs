//! From an image file to the bytes of the pack.

use std::fs;
use std::io::{self, Cursor};
use std::path::Path;

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use latentwalk_jpeg::{Options, Scale};

use super::jpeg;
use crate::description::Exif;

/// Longest side of an image file that is decoded, in pixels.
const MAX_FILE_SIDE: u32 = 32_768;
/// Most memory that decoding one file may take, in bytes.
const MAX_FILE_BYTES: u64 = 512 << 20;
/// How JPEG files are decoded: whole. The coefficients of a progressive one take up to twice the memory of its pixels.
pub(super) const JPEG: Options = Options { scale: Scale::Full, region: None, max_bytes: 3 * MAX_FILE_BYTES };
const CUT_SHORT: &str = "it is cut short: its end marker is missing";

/// Side in pixels and channels of the pack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) size: usize,
    pub(crate) channels: usize,
}

/// Reads a file; what it is, is decided by its content, not by its name.
pub(crate) fn open(path: &Path, exif: Exif) -> std::result::Result<DynamicImage, String> {
    decode(&read(path)?, exif)
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> std::result::Result<Vec<u8>, String> {
    match fs::metadata(path) {
        Ok(found) if found.len() > MAX_FILE_BYTES => Err(format!(
            "it holds {} bytes, more than the {MAX_FILE_BYTES} of the largest file that is read",
            found.len()
        )),
        _ => fs::read(path).map_err(reason),
    }
}

/// Decodes a file's bytes and turns the image upright, unless its EXIF data is to be ignored.
pub(super) fn decode(bytes: &[u8], exif: Exif) -> std::result::Result<DynamicImage, String> {
    let (mut image, orientation) = match decoder(bytes)? {
        Decoder::Jpeg(decoder) => (jpeg::decode(&decoder, &JPEG)?, jpeg::orientation(&decoder, exif)),
        Decoder::Other(mut decoder) => {
            // A damaged EXIF block does not make an image unreadable.
            let orientation = match exif {
                Exif::Apply => decoder.orientation().unwrap_or(Orientation::NoTransforms),
                Exif::Ignore => Orientation::NoTransforms,
            };
            (DynamicImage::from_decoder(decoder).map_err(|error| refused(&error))?, orientation)
        }
    };
    image.apply_orientation(orientation);
    Ok(image)
}

/// Checks everything about a file's bytes that can be checked without decoding them.
pub(crate) fn check(bytes: &[u8]) -> std::result::Result<(), String> {
    match decoder(bytes)? {
        Decoder::Jpeg(_) if !jpeg::is_whole(bytes) => Err(CUT_SHORT.into()),
        _ => Ok(()),
    }
}

/// A decoder that has read the header of a file that is worth decoding.
pub(super) enum Decoder<'a> {
    Jpeg(Box<latentwalk_jpeg::Decoder<'a>>),
    Other(Box<dyn ImageDecoder + 'a>),
}

pub(super) fn decoder(bytes: &[u8]) -> std::result::Result<Decoder<'_>, String> {
    if bytes.is_empty() {
        return Err("it is empty".into());
    }
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => format,
        _ => return Err("it is neither a JPEG nor a PNG nor a WebP file, whatever its name says".into()),
    };
    if format == ImageFormat::Jpeg {
        if let Some(decoder) = jpeg::open(bytes)? {
            let (width, height) = decoder.size(Scale::Full);
            let channels = decoder.colour().channels().min(3) as u64;
            check_size(width, height, u64::from(width) * u64::from(height) * channels)?;
            return Ok(Decoder::Jpeg(Box::new(decoder)));
        }
        if !jpeg::is_whole(bytes) {
            return Err(CUT_SHORT.into());
        }
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_FILE_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| refused(&error))?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, decoder.total_bytes())?;
    Ok(Decoder::Other(Box::new(decoder)))
}

fn check_size(width: u32, height: u32, bytes: u64) -> std::result::Result<(), String> {
    if width == 0 || height == 0 {
        return Err("it has no pixels".into());
    }
    if width.max(height) > MAX_FILE_SIDE || bytes > MAX_FILE_BYTES {
        return Err(format!(
            "it is {width} x {height} pixels, more than is decoded: {MAX_FILE_SIDE} a side and {MAX_FILE_BYTES} bytes"
        ));
    }
    Ok(())
}

/// What a decoder says, for people.
fn refused(error: &ImageError) -> String {
    match error {
        ImageError::Limits(_) => format!("decoding it takes more than {MAX_FILE_BYTES} bytes"),
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => "it is cut short".into(),
        other => other.to_string(),
    }
}

/// Width, height and whether a file has colour, without decoding it.
pub(crate) fn peek(path: &Path) -> Option<(u32, u32, bool)> {
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).ok()?;
    let decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    Some((width, height, decoder.color_type().has_color()))
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

    /// 16 x 16 pixels of (200, 30, 40), progressive, written by Pillow.
    const PROGRESSIVE: &str = "ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d1414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc20011080010001003012200021101031101ffc4001500010100000000000000000000000000000006ffc4001501010100000000000000000000000000000607ffda000c030100021003100000018107ee1fffc40014100100000000000000000000000000000020ffda00080101000105021fffc40014110100000000000000000000000000000000ffda0008010301013f017fffc40014110100000000000000000000000000000000ffda0008010201013f017fffc40014100100000000000000000000000000000020ffda0008010100063f021fffc40014100100000000000000000000000000000020ffda0008010100013f211fffda000c03010002000300000010f3ffc40014110100000000000000000000000000000000ffda0008010301013f107fffc40014110100000000000000000000000000000000ffda0008010201013f107fffc40014100100000000000000000000000000000020ffda0008010100013f101fffd9";
    /// 8 x 8 pixels of CMYK (0, 255, 255, 51) as Adobe inverts it, written by Pillow.
    const CMYK: &str = "ffd8ffee000e41646f626500640000000000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc000140800080008044311004d11005911004b1100ffc4001500010100000000000000000000000000000908ffc40014100100000000000000000000000000000000ffda000e0443004d0059004b00003f0054c550aa596fffd9";
    /// 8 x 8 pixels of (200, 30, 40), lossy, written by Pillow.
    const WEBP: &str = "524946463a00000057454250565038202e0000009001009d012a0800080001402625a00274ba00039800fef14dafe2da4742990ffef19fff719fff719ffc88000000";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn near(image: &DynamicImage, expected: [u8; 3]) {
        let middle = image.to_rgb8().get_pixel(image.width() / 2, image.height() / 2).0;
        let off = middle.iter().zip(expected).map(|(&got, wanted)| got.abs_diff(wanted)).max();
        assert!(off <= Some(4), "{middle:?} for {expected:?}");
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
                let image = decode(&file, Exif::Apply).unwrap();
                let size = if orientation > 4 { (16, 24) } else { (24, 16) };
                assert_eq!(((image.width(), image.height()), white_corner(&image)), (size, corner), "{orientation}");
                let image = decode(&file, Exif::Ignore).unwrap();
                assert_eq!(((image.width(), image.height()), white_corner(&image)), ((24, 16), 0), "{orientation}");
            }
        }
        for orientation in [0, 9, 255] {
            assert_eq!(white_corner(&decode(&rotated(orientation)[0], Exif::Apply).unwrap()), 0);
        }
    }

    #[test]
    fn all_kinds_of_jpeg_and_webp_are_read() {
        near(&decode(&hex(PROGRESSIVE), Exif::Apply).unwrap(), [200, 30, 40]);
        near(&decode(&hex(CMYK), Exif::Apply).unwrap(), [204, 0, 0]);
        near(&decode(&hex(WEBP), Exif::Apply).unwrap(), [200, 30, 40]);
        let mut grey = Vec::new();
        GrayImage::from_pixel(9, 9, Luma([77])).write_with_encoder(JpegEncoder::new(&mut grey)).unwrap();
        near(&decode(&grey, Exif::Apply).unwrap(), [77; 3]);
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
        let of = |file: Vec<u8>| fit(&decode(&file, Exif::Apply).unwrap(), rgb);
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
        assert_eq!(fit(&DynamicImage::ImageLumaA16(alpha), rgb), [255; 3]);
    }

    fn problem(bytes: &[u8]) -> String {
        let problem = decode(bytes, Exif::Apply).unwrap_err();
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
            decode(&whole, Exif::Apply).unwrap();
            for part in [whole.len() / 4, whole.len() / 2, whole.len() * 9 / 10] {
                problem(&whole[..part]);
            }
        }
        assert_eq!(problem(&jpeg[..jpeg.len() / 2]), "it is cut short: its end marker is missing");
        assert_eq!(check(&jpeg[..jpeg.len() / 2]).unwrap_err(), problem(&jpeg[..jpeg.len() / 2]));
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
            if let Ok(image) = decode(&file[..kept], Exif::Apply) {
                prop_assert_eq!(fit(&image, Target { size: 3, channels: 3 }).len(), 27);
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
            assert!(problem(&jpeg).contains(&format!("it is {side} x {side} pixels, more than is decoded")));
        }
        // A bomb: a size that is just allowed, with next to no data.
        problem(&png([12_000, 12_000], 8, 0, b"", &[0; 9]));
    }

    #[test]
    fn what_is_no_image_is_said_plainly() {
        let dir = tempfile::TempDir::new().unwrap();
        for (content, expected) in [
            (&b""[..], "it is empty"),
            (b"not an image at all", "it is neither a JPEG nor a PNG nor a WebP file, whatever its name says"),
            (b"GIF89a\x01\0\x01\0\0\0\0;", "it is neither a JPEG nor a PNG nor a WebP file, whatever its name says"),
        ] {
            let path = dir.path().join("a.jpg");
            fs::write(&path, content).unwrap();
            assert_eq!(open(&path, Exif::Apply).unwrap_err(), expected);
        }
        assert_eq!(open(&dir.path().join("b.jpg"), Exif::Apply).unwrap_err(), "it does not exist");
        assert!(open(dir.path(), Exif::Apply).is_err());
        problem(b"\xff\xd8\xff\xd9");
    }

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
