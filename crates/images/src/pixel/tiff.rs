//! TIFF files whose samples are unsigned numbers of up to 16 bits: their first page, as Pillow reads it. Fax pages, signed samples
//! and fractions are left to the `image` crate.

use std::io::{Cursor, Read};

use flate2::read::ZlibDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use latentwalk_jpeg::Options;
use tiff::decoder::Decoder as Tags;
use tiff::tags::{ByteOrder, Tag};
use weezl::{BitOrder, LzwStatus, decode::Decoder as Lzw};

use super::decode::MAX_PIXEL_BYTES;
use super::jpeg;

const CUT_SHORT: &str = "it is cut short";
/// Adobe's segment of a JPEG stream, up to the byte that says whether its colours are YCbCr. Streams in TIFF files leave it to the
/// tags.
const ADOBE: [u8; 15] = *b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00";

/// What the first samples of a pixel mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    /// The larger, the brighter.
    Grey,
    /// The larger, the darker.
    Dark,
    Palette,
    Rgb,
    Cmyk,
    /// Within JPEG streams alone.
    YCbCr,
}

impl Colour {
    fn samples(self) -> usize {
        match self {
            Self::Grey | Self::Dark | Self::Palette => 1,
            Self::Rgb | Self::YCbCr => 3,
            Self::Cmyk => 4,
        }
    }
}

/// What the sample behind the colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alpha {
    /// None, or one that is not opacity.
    None,
    Straight,
    /// The colours are multiplied by it.
    Premultiplied,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Jpeg,
}

/// The tags of the first page.
pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) orientation: Orientation,
    /// Bits of a sample.
    bits: usize,
    /// Samples of a pixel.
    samples: usize,
    colour: Colour,
    alpha: Alpha,
    palette: Vec<[u8; 3]>,
    compression: Compression,
    /// Whether samples are stored as differences from the pixel on their left.
    is_predicted: bool,
    /// Whether bytes hold their bits in reverse.
    is_reversed: bool,
    is_big_endian: bool,
    /// Whether each sample has strips or tiles of its own.
    is_planar: bool,
    is_tiled: bool,
    /// Sides of a strip or tile, in pixels.
    chunk: (usize, usize),
    offsets: Vec<u64>,
    lengths: Vec<u64>,
    /// What the streams of JPEG leave out.
    tables: Vec<u8>,
}

/// Samples of 8 bits of a strip or tile.
struct Chunk {
    samples: Vec<u8>,
    /// Samples from one row to the next.
    stride: usize,
}

impl<'a> Tiff<'a> {
    /// Reads the tags; `None` for a kind that is left to others, which also say what is wrong with tags that cannot be read.
    pub(super) fn open(bytes: &'a [u8]) -> Option<Self> {
        let mut tags = Tags::new(Cursor::new(bytes)).ok()?;
        let (width, height) = tags.dimensions().ok()?;
        let is_big_endian = tags.byte_order() == ByteOrder::BigEndian;
        let mut list = |tag| tags.find_tag_unsigned_vec::<u64>(tag).ok().flatten();
        let mut one = |tag, default| list(tag).map_or(Some(default), |values| values.first().copied());
        let samples = one(Tag::SamplesPerPixel, 1)? as usize;
        let bits = one(Tag::BitsPerSample, 1)? as usize;
        let compression = match one(Tag::Compression, 1)? {
            1 => Compression::None,
            5 => Compression::Lzw,
            7 if bits == 8 => Compression::Jpeg,
            8 | 32_946 => Compression::Deflate,
            32_773 => Compression::PackBits,
            _ => return None,
        };
        let colour = match one(Tag::PhotometricInterpretation, u64::MAX)? {
            0 => Colour::Dark,
            1 => Colour::Grey,
            2 => Colour::Rgb,
            3 => Colour::Palette,
            5 => Colour::Cmyk,
            6 if compression == Compression::Jpeg => Colour::YCbCr,
            _ => return None,
        };
        let is_read = match bits {
            1 | 2 | 4 => samples == 1 && colour.samples() == 1,
            8 => true,
            16 => colour != Colour::Palette,
            _ => false,
        };
        if !is_read || samples < colour.samples() || one(Tag::SampleFormat, 1)? != 1 {
            return None;
        }
        let alpha = match (list(Tag::ExtraSamples).and_then(|kinds| kinds.first().copied()), colour) {
            _ if samples == colour.samples() => Alpha::None,
            (Some(1), _) => Alpha::Premultiplied,
            (Some(2 | 999), _) | (None, Colour::Rgb) => Alpha::Straight,
            _ => Alpha::None,
        };
        let mut one = |tag, default| list(tag).map_or(Some(default), |values| values.first().copied());
        let is_packed = matches!(compression, Compression::Lzw | Compression::Deflate);
        let is_predicted = is_packed && one(Tag::Predictor, 1)? == 2;
        let is_reversed = compression != Compression::Jpeg && one(Tag::FillOrder, 1)? == 2;
        let is_planar = samples > 1 && one(Tag::PlanarConfiguration, 1)? == 2;
        let orientation = u8::try_from(one(Tag::Orientation, 1)?).ok().and_then(Orientation::from_exif);
        let tile = [one(Tag::TileWidth, 0)?, one(Tag::TileLength, 0)?];
        let rows = one(Tag::RowsPerStrip, u64::from(height))?.min(u64::from(height));
        let is_tiled = tile[0] > 0;
        let chunk = if is_tiled { (tile[0], tile[1]) } else { (u64::from(width), rows) };
        let [offsets, lengths] = match is_tiled {
            true => [Tag::TileOffsets, Tag::TileByteCounts],
            false => [Tag::StripOffsets, Tag::StripByteCounts],
        }
        .map(&mut list);
        let palette = if colour == Colour::Palette { palette(&list(Tag::ColorMap)?, bits)? } else { Vec::new() };
        let tables = if compression == Compression::Jpeg { list(Tag::JPEGTables) } else { None };
        Some(Self {
            bytes,
            width,
            height,
            orientation: orientation.unwrap_or(Orientation::NoTransforms),
            bits,
            samples,
            colour,
            alpha,
            palette,
            compression,
            is_predicted,
            is_reversed,
            is_big_endian,
            is_planar,
            is_tiled,
            chunk: (chunk.0 as usize, chunk.1 as usize),
            offsets: offsets?,
            lengths: lengths?,
            tables: tables.unwrap_or_default().into_iter().map(|byte| byte as u8).collect(),
        })
    }

    /// Bytes that its samples take.
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * self.kept() as u64
    }

    /// Samples of a pixel that are used.
    fn kept(&self) -> usize {
        self.colour.samples() + usize::from(self.alpha != Alpha::None)
    }

    /// The page as it is stored, not turned.
    pub(super) fn decode(&self, options: &Options) -> Result<DynamicImage, String> {
        let mut samples = self.read(options)?;
        let (width, height, kept) = (self.width, self.height, self.kept());
        if self.alpha == Alpha::Premultiplied {
            samples.chunks_exact_mut(kept).for_each(divide);
        }
        let has_alpha = self.alpha != Alpha::None;
        let image = match self.colour {
            Colour::Grey | Colour::Dark if has_alpha => {
                GrayAlphaImage::from_raw(width, height, samples).map(DynamicImage::ImageLumaA8)
            }
            Colour::Grey | Colour::Dark => GrayImage::from_raw(width, height, samples).map(DynamicImage::ImageLuma8),
            Colour::Palette | Colour::Cmyk => {
                let pixels = samples.chunks_exact(kept).flat_map(|pixel| {
                    let colour = match *pixel {
                        [c, m, y, k, ..] => jpeg::rgb([!c, !m, !y, !k]),
                        _ => self.palette.get(usize::from(pixel[0])).copied().unwrap_or_default(),
                    };
                    colour.into_iter().chain(pixel[self.colour.samples()..].iter().copied())
                });
                coloured(width, height, pixels.collect(), has_alpha)
            }
            Colour::Rgb | Colour::YCbCr => coloured(width, height, samples, has_alpha),
        };
        image.ok_or_else(|| "its samples do not fill its sides".into())
    }

    /// The samples that are used, of 8 bits, pixel after pixel.
    fn read(&self, options: &Options) -> Result<Vec<u8>, String> {
        let (width, height, kept) = (self.width as usize, self.height as usize, self.kept());
        let (chunk_width, chunk_height) = self.chunk;
        if chunk_width == 0 || chunk_height == 0 || self.chunk_bytes(chunk_height) as u64 > MAX_PIXEL_BYTES {
            return Err("its strips or tiles have an impossible size".into());
        }
        let (across, down) = (width.div_ceil(chunk_width), height.div_ceil(chunk_height));
        // Of each plane one sample, or of one plane those that are used.
        let (planes, used) = if self.is_planar { (kept, 1) } else { (1, kept) };
        let stored = self.stored();
        let mut all = vec![0; width * height * kept];
        for (plane, at) in (0..planes).flat_map(|plane| (0..across * down).map(move |at| (plane, at))) {
            let (left, top) = (at % across * chunk_width, at / across * chunk_height);
            let (columns, rows) = (chunk_width.min(width - left), chunk_height.min(height - top));
            let chunk =
                self.chunk(plane * across * down + at, if self.is_tiled { chunk_height } else { rows }, options)?;
            for (row, samples) in chunk.samples.chunks(chunk.stride).take(rows).enumerate() {
                let start = ((top + row) * width + left) * kept + plane;
                let pixels = all[start..].chunks_mut(kept).zip(samples.chunks_exact(stored)).take(columns);
                pixels.for_each(|(to, from)| to[..used].copy_from_slice(&from[..used]));
            }
        }
        Ok(all)
    }

    /// Samples of a pixel that a strip or tile holds.
    fn stored(&self) -> usize {
        if self.is_planar { 1 } else { self.samples }
    }

    fn row_bytes(&self) -> usize {
        self.chunk.0.saturating_mul(self.stored()).saturating_mul(self.bits).div_ceil(8)
    }

    fn chunk_bytes(&self, rows: usize) -> usize {
        self.row_bytes().saturating_mul(rows)
    }

    /// One strip or tile of at least `rows` rows.
    fn chunk(&self, at: usize, rows: usize, options: &Options) -> Result<Chunk, String> {
        let place = self.offsets.get(at).zip(self.lengths.get(at)).and_then(|(&offset, &length)| {
            let start = usize::try_from(offset).ok()?;
            // Some programs state more bytes than there are.
            let end = start.saturating_add(usize::try_from(length).ok()?).min(self.bytes.len());
            self.bytes.get(start..end)
        });
        let stored = place.ok_or(CUT_SHORT)?;
        if self.compression == Compression::Jpeg {
            return self.jpeg_chunk(stored, rows, options);
        }
        let turned: Vec<u8>;
        let stored = match self.is_reversed {
            true => {
                turned = stored.iter().map(|byte| byte.reverse_bits()).collect();
                &turned[..]
            }
            false => stored,
        };
        let mut unpacked = vec![0; self.chunk_bytes(rows)];
        let filled = match self.compression {
            Compression::Lzw => unpack_lzw(stored, &mut unpacked),
            Compression::Deflate => unpack_zlib(stored, &mut unpacked),
            Compression::PackBits => unpack_bits(stored, &mut unpacked),
            Compression::None | Compression::Jpeg => unpack_none(stored, &mut unpacked),
        };
        if filled < unpacked.len() {
            return Err(CUT_SHORT.into());
        }
        let samples = unpacked.chunks(self.row_bytes()).flat_map(|row| self.narrow(row)).collect();
        Ok(Chunk { samples, stride: self.chunk.0 * self.stored() })
    }

    /// The samples of a row, 8 bits each.
    fn narrow(&self, row: &[u8]) -> Vec<u8> {
        let mut samples: Vec<u8> = match self.bits {
            16 => {
                let wide = |pair: &[u8; 2]| match self.is_big_endian {
                    true => u16::from_be_bytes(*pair),
                    false => u16::from_le_bytes(*pair),
                };
                let mut wide: Vec<u16> = row.as_chunks::<2>().0.iter().map(wide).collect();
                if self.is_predicted {
                    let before = self.stored();
                    (before..wide.len()).for_each(|at| wide[at] = wide[at].wrapping_add(wide[at - before]));
                }
                wide.into_iter().map(|sample| (sample >> 8) as u8).collect()
            }
            8 => {
                let mut samples = row.to_vec();
                if self.is_predicted {
                    let before = self.stored();
                    (before..samples.len()).for_each(|at| samples[at] = samples[at].wrapping_add(samples[at - before]));
                }
                samples
            }
            bits => {
                let most = (1_u8 << bits) - 1;
                let factor = if self.colour == Colour::Palette { 1 } else { 255 / most };
                let shifts = (0..8).step_by(bits).rev();
                let parts =
                    row.iter().flat_map(|byte| shifts.clone().map(move |shift| ((byte >> shift) & most) * factor));
                parts.take(self.chunk.0).collect()
            }
        };
        if self.colour == Colour::Dark {
            samples.chunks_exact_mut(self.stored()).for_each(|pixel| pixel[0] = !pixel[0]);
        }
        samples
    }

    fn jpeg_chunk(&self, stored: &[u8], rows: usize, options: &Options) -> Result<Chunk, String> {
        let body = stored.strip_prefix(b"\xff\xd8").ok_or("a strip or tile of it is no JPEG stream")?;
        let tables = self.tables.strip_prefix(b"\xff\xd8").unwrap_or_default();
        let tables = tables.strip_suffix(b"\xff\xd9").unwrap_or(tables);
        let transform = u8::from(self.colour == Colour::YCbCr);
        let stream = [b"\xff\xd8", &ADOBE[..], &[transform], tables, body].concat();
        let decoder = jpeg::open(&stream)??;
        let found = jpeg::samples(&decoder, options)?;
        let (width, height) = (found.width as usize, found.height as usize);
        let fits = found.colour.channels() == self.stored() && width >= self.chunk.0.min(self.width as usize);
        if !fits || height < rows.min(self.height as usize) {
            return Err("the JPEG streams in it do not fit its tags".into());
        }
        let mut samples = found.pixels;
        if self.colour == Colour::Dark {
            samples.chunks_exact_mut(self.stored()).for_each(|pixel| pixel[0] = !pixel[0]);
        }
        Ok(Chunk { samples, stride: width * self.stored() })
    }
}

fn coloured(width: u32, height: u32, pixels: Vec<u8>, has_alpha: bool) -> Option<DynamicImage> {
    match has_alpha {
        true => RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
        false => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
    }
}

/// Takes a pixel's opacity, its last sample, out of its colours.
fn divide(pixel: &mut [u8]) {
    let Some((&mut alpha, colours)) = pixel.split_last_mut() else { return };
    for value in colours {
        *value = match alpha {
            0 => 0,
            alpha => (u32::from(*value) * 255 / u32::from(alpha)).min(255) as u8,
        };
    }
}

/// The colours of a palette: all reds, all greens, all blues, of 16 bits.
fn palette(values: &[u64], bits: usize) -> Option<Vec<[u8; 3]>> {
    let n = 1 << bits;
    let upper = |at: usize| values.get(at).map(|value| (value >> 8) as u8);
    (0..n).map(|at| Some([upper(at)?, upper(n + at)?, upper(2 * n + at)?])).collect()
}

/// Copies; as the others it returns how much of `out` is filled.
fn unpack_none(stored: &[u8], out: &mut [u8]) -> usize {
    let n = stored.len().min(out.len());
    out[..n].copy_from_slice(&stored[..n]);
    n
}

fn unpack_lzw(stored: &[u8], out: &mut [u8]) -> usize {
    let mut decoder = Lzw::with_tiff_size_switch(BitOrder::Msb, 8);
    let (mut read, mut filled) = (0, 0);
    while filled < out.len() {
        let step = decoder.decode_bytes(&stored[read..], &mut out[filled..]);
        read += step.consumed_in;
        filled += step.consumed_out;
        if !matches!(step.status, Ok(LzwStatus::Ok)) {
            break;
        }
    }
    filled
}

fn unpack_zlib(stored: &[u8], out: &mut [u8]) -> usize {
    let mut decoder = ZlibDecoder::new(stored);
    let mut filled = 0;
    while filled < out.len() {
        match decoder.read(&mut out[filled..]) {
            Ok(0) | Err(_) => break,
            Ok(n) => filled += n,
        }
    }
    filled
}

/// Runs and copies, as PackBits has them.
fn unpack_bits(mut stored: &[u8], out: &mut [u8]) -> usize {
    let mut filled = 0;
    while let Some((&head, rest)) = stored.split_first() {
        let room = out.len() - filled;
        let (n, used) = match head {
            0..=127 => {
                let n = (usize::from(head) + 1).min(rest.len());
                let n = n.min(room);
                out[filled..filled + n].copy_from_slice(&rest[..n]);
                (n, usize::from(head) + 1)
            }
            128 => (0, 0),
            129..=255 => {
                let Some(&value) = rest.first() else { break };
                let n = (257 - usize::from(head)).min(room);
                out[filled..filled + n].fill(value);
                (n, 1)
            }
        };
        filled += n;
        if filled == out.len() {
            break;
        }
        stored = rest.get(used..).unwrap_or_default();
    }
    filled
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn runs_and_copies_fill_what_they_can() {
        let mut out = [9; 8];
        assert_eq!(unpack_bits(&[2, 1, 2, 3, 128, 254, 7, 0, 5], &mut out), 7);
        assert_eq!(out, [1, 2, 3, 7, 7, 7, 5, 9]);
        assert_eq!(unpack_bits(&[129, 4], &mut out), 8);
        assert_eq!(
            (unpack_bits(&[5, 1], &mut out), unpack_bits(&[200], &mut out), unpack_bits(&[], &mut out)),
            (1, 0, 0)
        );
    }

    /// Files with changed bytes are read or refused, without a panic that [`super::super::decode::guarded`] would hide.
    #[test]
    fn mutated_files_are_refused() {
        let folder = latentwalk_testing::fixture("golden/pictures");
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let (mut read, mut refused) = (0, 0);
        for name in ["tiles-planes", "predicted-16", "palette-4", "ycbcr-jpeg", "cmyk-packbits", "alpha"] {
            let whole = std::fs::read(folder.join(name).with_extension("tif")).unwrap();
            for _ in 0..400 {
                let mut file = whole.clone();
                for _ in 0..=random(3) {
                    // Tags stand at the end.
                    let at = if random(2) == 0 { random(file.len()) } else { file.len() - 1 - random(200) };
                    file[at] = random(256) as u8;
                }
                file.truncate(if random(8) == 0 { random(file.len()) } else { file.len() });
                let Some(tiff) = Tiff::open(&file).filter(|tiff| tiff.bytes() < 1 << 22) else { continue };
                match tiff.decode(&Options::default()) {
                    Ok(_) => read += 1,
                    Err(reason) => {
                        assert!(!reason.is_empty() && !reason.contains('\n'));
                        refused += 1;
                    }
                }
            }
        }
        assert!(read > 500 && refused > 100, "{read} {refused}");
    }
}
