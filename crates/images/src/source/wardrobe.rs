//! Rendered garments as a source: no files, the images are drawn while they are packed.

use image::DynamicImage;
use latentwalk_garments::{COLUMNS, Entry, Format, group};

use super::table::{Record, RecordPlace, Table};
use crate::attribute::Split;
use crate::description::ImagesSection;

/// Columns of the manifest that are labels; those before them say which image it is, those after which twin.
const LABELS: std::ops::Range<usize> = 4..12;

/// The garments with their labels; twins without.
pub(super) fn scan(section: &ImagesSection) -> Table {
    let wardrobe = section.wardrobe();
    let (options, frequencies) = (wardrobe.options(section.size), wardrobe.frequencies());
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
    let wardrobe = section.wardrobe();
    let options = wardrobe.options(section.size);
    let entries = group(index, &options, &wardrobe.frequencies());
    let entry = entries.get(member).ok_or("there is no such twin")?;
    let bytes = entry.encode(options.size, options.format)?;
    image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).map_err(|error| error.to_string())
}
