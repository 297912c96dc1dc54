//! Rendered garments as a source: no files, the images are drawn while they are packed.

use image::DynamicImage;
use latentwalk_garments::{COLUMNS, Entry, Format, Frequencies, MAX_SIZE, MIN_SIZE, Options, group};
use serde::{Deserialize, Serialize};

use crate::dataset::Split;
use crate::description::ImagesSection;
use crate::source::{Record, RecordPlace, Table};

/// Default of [`Wardrobe::count`]: fewer than for a folder of files, since they are drawn anew for every import.
pub const DEFAULT_GARMENTS: usize = 6_000;

/// Columns of the manifest that are labels; those before them say which image it is, those after which twin.
const LABELS: std::ops::Range<usize> = 4..12;

/// Table `[images.garments]`: which garments are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wardrobe {
    /// Garments, their twins not counted. Default [`DEFAULT_GARMENTS`].
    pub count: usize,
    /// Seed of the wardrobe; the top-level `seed` does not reach it. Default [`latentwalk_garments::DEFAULT_SEED`].
    pub seed: u64,
    /// Whether every factor is drawn evenly and independently, instead of as in a catalogue.
    pub balanced: bool,
    /// Frequencies of another catalogue: conditional tables of which each row sums to 1. Tables that are not given stay
    /// as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequencies: Option<Frequencies>,
    /// For this many garments, the first ones, all twins are drawn too. These groups stand in the test split. Twins carry no
    /// labels, so that they change no figure; their ids, `ORIGINAL-FACTOR-VALUE`, say what they are. Default
    /// [`latentwalk_garments::DEFAULT_TWIN_SETS`].
    pub twin_sets: usize,
}

impl Default for Wardrobe {
    fn default() -> Self {
        let Options { seed, balanced, twin_sets, .. } = Options::default();
        Self { count: DEFAULT_GARMENTS, seed, balanced, frequencies: None, twin_sets }
    }
}

impl Wardrobe {
    /// What a section asks for; images are drawn at the size of the pack, or at the nearest size that can be drawn.
    pub(crate) fn options(section: &ImagesSection) -> Options {
        let Wardrobe { count, seed, balanced, twin_sets, .. } = section.garments.clone().unwrap_or_default();
        let size = (section.size as u32).clamp(MIN_SIZE, MAX_SIZE);
        Options { count, size, seed, balanced, twin_sets, format: Format::Jpeg }
    }
}

/// The table that garments are drawn from.
pub(crate) fn frequencies(section: &ImagesSection) -> Frequencies {
    let own = section.garments.as_ref().and_then(|wardrobe| wardrobe.frequencies.clone());
    own.unwrap_or_else(|| Wardrobe::options(section).frequencies())
}

/// The garments with their labels; twins without.
pub(crate) fn scan(section: &ImagesSection) -> Table {
    let options = Wardrobe::options(section);
    let frequencies = frequencies(section);
    let of_garment = |index: usize| {
        let entries = group(index, &options, &frequencies).into_iter().enumerate();
        entries.map(move |(member, entry)| record(&entry, RecordPlace::Drawn { index, member }))
    };
    let columns: Vec<String> = COLUMNS[LABELS].iter().map(|&name| name.to_owned()).collect();
    let records = (0..options.count).flat_map(of_garment).collect();
    Table { available: columns.clone(), columns, records, ..Table::default() }
}

fn record(entry: &Entry, place: RecordPlace) -> Record {
    let cells = entry.cells(Format::Jpeg);
    let label = |cell: &String| if entry.twin.is_none() { cell.as_str().into() } else { "".into() };
    Record {
        id: entry.id.clone(),
        path: None,
        place,
        cells: cells[LABELS].iter().map(label).collect(),
        split: entry.held_out.then_some(Split::Test),
        group: entry.held_out.then(|| entry.group.clone()),
    }
}

/// One image: drawn, stored as JPEG and read again, so that it is the one that a data set on disk would hold.
pub(crate) fn draw(section: &ImagesSection, index: usize, member: usize) -> std::result::Result<DynamicImage, String> {
    let options = Wardrobe::options(section);
    let entries = group(index, &options, &frequencies(section));
    let entry = entries.get(member).ok_or("there is no such twin")?;
    let bytes = entry.encode(options.size, options.format)?;
    image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).map_err(|error| error.to_string())
}
