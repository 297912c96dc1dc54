//! The decoder as callers see it.

use crate::entropy::{Sink, sequential};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernels::Kernels;
use crate::plan::{Plan, scaled};
use crate::progressive::{Coefficients, progressive};
use crate::render::{Conversion, Renderer};
use crate::segments::{Quant, Scan, Segments};

/// Most bytes for pixels and coefficients unless [`Options::max_bytes`] says otherwise.
pub const DEFAULT_MAX_BYTES: u64 = 512 << 20;

/// Channels of the decoded pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One channel.
    Grey,
    /// Three.
    Rgb,
    /// Four, as the file has them. Files by Adobe's programs, nearly all there are, store the complement: 255 is no ink.
    Cmyk,
}

impl Colour {
    /// Bytes a pixel.
    pub fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// How much smaller the picture is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// As it is.
    #[default]
    Full,
    /// Half its sides, rounded up.
    Half,
    /// A quarter.
    Quarter,
    /// An eighth.
    Eighth,
}

impl Scale {
    /// What the sides are divided by.
    pub fn divisor(self) -> u32 {
        match self {
            Self::Full => 1,
            Self::Half => 2,
            Self::Quarter => 4,
            Self::Eighth => 8,
        }
    }
}

/// A rectangle of the picture after scaling, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// What is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How much smaller.
    pub scale: Scale,
    /// The part that is wanted; `None` for all. Its pixels are those of the whole picture; the rest costs less.
    pub region: Option<Region>,
    /// Most bytes for pixels and coefficients.
    pub max_bytes: u64,
    /// What becomes of a picture whose data are damaged or end too early.
    pub damage: Damage,
}

/// What becomes of a picture whose data are damaged or end too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Damage {
    /// It is an error.
    #[default]
    Refuse,
    /// What could be read is shown. After an invalid code, whatever follows is decoded; after the end of the data, the rest is grey.
    ///
    /// **Source.** libjpeg's way. Two things differ. Values that no encoder writes may overflow otherwise, so that a few pixels of a
    /// damaged block differ. Of progressive files that lack scans libjpeg smooths the blocks, and this decoder does not.
    Keep,
}

impl Default for Options {
    fn default() -> Self {
        Self { scale: Scale::Full, region: None, max_bytes: DEFAULT_MAX_BYTES, damage: Damage::Refuse }
    }
}

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Channels.
    pub colour: Colour,
    /// `width * height * channels` bytes, row by row, channels together.
    pub pixels: Vec<u8>,
}

/// A file whose headers were read.
#[derive(Debug, Clone)]
pub struct Decoder<'a> {
    segments: Segments<'a>,
    frame: Frame,
    scan: Scan,
}

impl<'a> Decoder<'a> {
    /// Reads the headers up to the picture's data.
    ///
    /// **Errors.** [`Error::NotJpeg`], [`Error::Truncated`], [`Error::Unsupported`], [`Error::Damaged`].
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        let mut segments = Segments::new(bytes)?;
        let scan = segments.next_scan()?;
        let nothing = Error::Damaged { what: "it ends before its picture begins", at: bytes.len() };
        match (segments.frame.clone(), scan) {
            (Some(frame), Some(scan)) => Ok(Self { segments, frame, scan }),
            _ => Err(nothing),
        }
    }

    /// Columns and rows of the whole picture at a scale.
    pub fn size(&self, scale: Scale) -> (u32, u32) {
        let (width, height) = scaled(&self.frame, scale);
        (width as u32, height as u32)
    }

    /// Channels that [`Decoder::decode`] gives.
    pub fn colour(&self) -> Colour {
        match self.frame.components.len() {
            1 => Colour::Grey,
            3 => Colour::Rgb,
            _ => Colour::Cmyk,
        }
    }

    /// The TIFF block of the file's EXIF segment.
    pub fn exif(&self) -> Option<&'a [u8]> {
        self.segments.exif
    }

    /// Decodes the picture.
    ///
    /// **Units and conventions.** The bytes are those of libjpeg-turbo with accurate integer transforms and triangle
    /// upsampling, its defaults; smaller scales are those of its scaled transforms, which Pillow's `Image.draft` uses.
    /// Nothing is done about EXIF orientation or colour profiles.
    ///
    /// **Errors.** [`Error::TooLarge`] before anything is allocated, [`Error::Region`], [`Error::Truncated`],
    /// [`Error::Damaged`]; unlike in libjpeg, damaged pictures are shown only where [`Damage::Keep`] asks for it.
    pub fn decode(&self, options: &Options) -> Result<Image> {
        self.decode_with(options, Kernels::best())
    }

    pub(crate) fn decode_with(&self, options: &Options, kernels: Kernels) -> Result<Image> {
        let is_buffered = self.frame.is_progressive || self.scan.parts.len() < self.frame.components.len();
        let colour = self.colour();
        let plan = Plan::new(&self.frame, colour, is_buffered, options)?;
        let mut segments = self.segments.clone();
        segments.keeps_damage = options.damage == Damage::Keep;
        if !segments.keeps_damage {
            self.check_length()?;
        }
        let (width, height) = (plan.region.width, plan.region.height);
        let conversion = self.conversion();
        let render = |latched: &[Option<Quant>; 4]| -> Result<Renderer> {
            let missing = Error::Damaged { what: "a component has no scan", at: self.scan.at };
            let quant = latched.iter().take(self.frame.components.len()).copied().collect::<Option<Vec<Quant>>>();
            Ok(Renderer::new(plan, &self.frame, &quant.ok_or(missing)?, conversion, kernels))
        };
        let pixels = if is_buffered {
            let coefficients = self.coefficients(&mut segments)?;
            let mut renderer = render(&segments.latched)?;
            self.draw(&coefficients, &mut renderer);
            renderer.pixels
        } else {
            let mut renderer = render(&segments.latched)?;
            let end = sequential(&segments, &self.frame, &self.scan, &mut renderer)?;
            self.finish(&mut segments, end)?;
            renderer.pixels
        };
        Ok(Image { width, height, colour, pixels })
    }

    /// Refuses a file that cannot hold its picture, before memory is taken for it: a block takes a bit, or two where it is
    /// coded at once.
    fn check_length(&self) -> Result<()> {
        let bits = self.frame.blocks() * if self.frame.is_progressive { 1 } else { 2 };
        let left = (self.segments.bytes.len() - self.scan.at) as u64;
        if bits / 8 > left { Err(Error::Truncated) } else { Ok(()) }
    }

    /// What lies behind a picture of one scan has to end as a file does.
    fn finish(&self, segments: &mut Segments<'_>, end: usize) -> Result<()> {
        segments.seek(end);
        match segments.next_scan() {
            Err(error @ Error::Truncated) if !segments.keeps_damage => Err(error),
            _ => Ok(()),
        }
    }

    /// Works off all scans.
    fn coefficients(&self, segments: &mut Segments<'_>) -> Result<Coefficients> {
        let mut coefficients = Coefficients::new(&self.frame);
        let mut seen = [false; 4];
        let mut next = Some(self.scan.clone());
        while let Some(scan) = next {
            scan.parts.iter().filter(|_| scan.band.0 == 0).for_each(|part| seen[part.component] = true);
            let end = if self.frame.is_progressive {
                progressive(segments, &self.frame, &scan, &mut coefficients)
            } else {
                sequential(segments, &self.frame, &scan, &mut coefficients)
            };
            let following = end.and_then(|end| {
                segments.seek(end);
                segments.next_scan()
            });
            next = if segments.keeps_damage { following.unwrap_or(None) } else { following? };
        }
        if seen.iter().take(self.frame.components.len()).all(|&seen| seen) {
            Ok(coefficients)
        } else {
            Err(Error::Damaged { what: "a component has no scan", at: segments.bytes.len() })
        }
    }

    /// Renders the coefficients that the region needs.
    fn draw(&self, coefficients: &Coefficients, renderer: &mut Renderer) {
        for y in 0..self.frame.mcus.1 {
            for x in (0..self.frame.mcus.0).filter(|&x| renderer.wants((x, y))).collect::<Vec<_>>() {
                for (at, (component, (across, blocks))) in
                    self.frame.components.iter().zip(&coefficients.planes).enumerate()
                {
                    for place in 0..component.h * component.v {
                        let place = (x * component.h + place % component.h, y * component.v + place / component.h);
                        let block = &blocks[place.1 * across + place.0];
                        let is_flat = block[1..].iter().all(|&value| value == 0);
                        renderer.block(at, place, block, if is_flat { 0 } else { 63 });
                    }
                }
            }
            renderer.row_done(y);
        }
    }

    /// **Source.** libjpeg's rules: JFIF means YCbCr; else Adobe's segment decides; else the components' names.
    fn conversion(&self) -> Conversion {
        let ids: Vec<u8> = self.frame.components.iter().map(|component| component.id).collect();
        match (ids.len(), self.segments.adobe) {
            (3, _) if self.segments.has_jfif => Conversion::Rgb,
            (3, Some(0)) => Conversion::None,
            (3, None) if ids == *b"RGB" => Conversion::None,
            (3, _) => Conversion::Rgb,
            (4, Some(0) | None) => Conversion::None,
            (4, Some(_)) => Conversion::Cmyk,
            _ => Conversion::None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn pictures_are_the_same_without_vectors() {
        let folder = latentwalk_testing::fixture("golden/jpeg");
        for name in ["420-40x35-q90", "422-40x35-q30", "444-progressive", "cmyk", "factors-410", "grey"] {
            let file = std::fs::read(folder.join(name).with_extension("jpg")).unwrap();
            for scale in [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth] {
                let (decoder, options) = (Decoder::new(&file).unwrap(), Options { scale, ..Options::default() });
                let plain = decoder.decode_with(&options, Kernels::Portable).unwrap();
                assert!(plain == decoder.decode(&options).unwrap(), "{name} {scale:?}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let folder = latentwalk_testing::fixture("golden/jpeg");
        let file = std::fs::read(folder.join("420-33x17-q75.jpg")).unwrap();
        let decoder = Decoder::new(&file).unwrap();
        let region = Region { x: 30, y: 0, width: 4, height: 1 };
        let refused = decoder.decode(&Options { region: Some(region), ..Options::default() });
        assert_eq!(refused, Err(Error::Region { region, width: 33, height: 17 }));
        let refused = decoder.decode(&Options { max_bytes: 33 * 17 * 3 - 1, ..Options::default() });
        assert!(matches!(refused, Err(Error::TooLarge { bytes: 1683, limit: 1682, .. })));
    }
}
