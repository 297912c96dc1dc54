//! The garments of a data set, one after the other, and their bytes.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use crate::dataset::{Format, Options};
use crate::factors::{Factor, Garment, twins};
use crate::frequencies::Frequencies;
use crate::nuisances::Worn;
use crate::render::{Image, render};

/// Columns of a manifest, in the order of [`Entry::cells`].
pub const COLUMNS: [&str; 14] = [
    "path",
    "id",
    "group",
    "split",
    "sleeve",
    "pattern",
    "neckline",
    "length",
    "silhouette",
    "colour",
    "worn",
    "views",
    "twin_of",
    "twin_factor",
];

/// One image of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its id; a twin's is [`twin_id`].
    pub id: String,
    /// The garment whose group it belongs to: its own id, or for a twin the original's.
    pub group: String,
    /// Whether it has to stand in the test split: originals with twins and the twins themselves.
    pub held_out: bool,
    /// For a twin, the factor in which it differs from the original.
    pub twin: Option<Factor>,
    /// What is drawn.
    pub garment: Garment,
}

/// The id of the twin of `original` that has `value` of `factor`.
///
/// **Example**
///
/// ```
/// assert_eq!(latentwalk_garments::twin_id("00007", "sleeve", "long"), "00007-sleeve-long");
/// ```
pub fn twin_id(original: &str, factor: &str, value: &str) -> String {
    format!("{original}-{factor}-{value}")
}

/// The garment of number `index` and, among the first [`Options::twin_sets`], all its twins.
pub fn group(index: usize, options: &Options, frequencies: &Frequencies) -> Vec<Entry> {
    let garment = Garment::draw(options.seed, index as u64, frequencies);
    let id = format!("{index:05}");
    let held_out = index < options.twin_sets;
    let copies = if held_out { twins(&garment) } else { Vec::new() };
    let mut entries = vec![Entry { id: id.clone(), garment, group: id.clone(), held_out, twin: None }];
    entries.extend(copies.into_iter().map(|twin| Entry {
        id: twin_id(&id, twin.factor.as_str(), twin.value),
        garment: twin.garment,
        group: id.clone(),
        held_out,
        twin: Some(twin.factor),
    }));
    entries
}

impl Entry {
    /// Its image file, below the data set's folder.
    pub fn path(&self, format: Format) -> String {
        let extension = match format {
            Format::Jpeg => "jpg",
            Format::Png => "png",
        };
        format!("images/{}.{extension}", self.id)
    }

    /// Its row of a manifest: one cell for each of [`COLUMNS`], without commas and quotes.
    pub fn cells(&self, format: Format) -> [String; COLUMNS.len()] {
        let factors = &self.garment.factors;
        let value = |factor: Factor| factors.value(factor).to_owned();
        let worn = if self.garment.nuisances.worn == Worn::Figure { "figure" } else { "flat" };
        let (twin_of, twin_factor) = self.twin.map_or(("", ""), |factor| (self.group.as_str(), factor.as_str()));
        [
            self.path(format),
            self.id.clone(),
            self.group.clone(),
            if self.held_out { "test" } else { "" }.to_owned(),
            value(Factor::Sleeve),
            value(Factor::Pattern),
            value(Factor::Neckline),
            value(Factor::Length),
            value(Factor::Silhouette),
            value(Factor::Colour),
            worn.to_owned(),
            self.garment.nuisances.views.to_string(),
            twin_of.to_owned(),
            twin_factor.to_owned(),
        ]
    }

    /// The bytes of its image file, `size_px` pixels wide and high.
    ///
    /// **Errors.** The reason, for a size that [`render`] refuses or a picture that cannot be encoded.
    pub fn encode(&self, size_px: u32, format: Format) -> Result<Vec<u8>, String> {
        let image = render(&self.garment, size_px).map_err(|error| error.to_string())?;
        encode(&image, &self.garment, format).map_err(|error| error.to_string())
    }
}

fn encode(image: &Image, garment: &Garment, format: Format) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(16_384);
    let (pixels, width, height) = (&image.pixels, image.width, image.height);
    match format {
        Format::Jpeg => JpegEncoder::new_with_quality(&mut bytes, garment.nuisances.jpeg_quality).write_image(
            pixels,
            width,
            height,
            ExtendedColorType::Rgb8,
        )?,
        Format::Png => PngEncoder::new(&mut bytes).write_image(pixels, width, height, ExtendedColorType::Rgb8)?,
    }
    Ok(bytes)
}
