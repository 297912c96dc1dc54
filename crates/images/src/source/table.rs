//! A table of images with their raw labels.

use std::sync::Arc;

use crate::attribute::Split;
use crate::dataset::Skipped;
use crate::error::Place;

/// What separates several labels in one cell.
pub(super) const LABEL_SEPARATOR: char = '|';

/// A raw label; equal ones may share their text, of which a million images have few.
pub(crate) type Cell = Arc<str>;

/// One image before labels are mapped.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: String,
    /// The image's own file, below the source's root.
    pub(crate) path: Option<String>,
    pub(crate) place: RecordPlace,
    /// One cell for each of [`Table::columns`]; empty means unlabelled.
    pub(crate) cells: Vec<Cell>,
    pub(crate) split: Option<Split>,
    pub(crate) group: Option<String>,
}

/// A [`Place`] that costs no text of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RecordPlace {
    /// A row of [`Table::files`] at that index.
    Row { file: usize, row: u64 },
    /// The image's own file.
    OwnFile,
    /// A garment's number, and which member of its group it is.
    Drawn { index: usize, member: usize },
}

/// A source, pixels aside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// Files that were read and that rows are counted in, from the description's folder.
    pub(crate) files: Vec<String>,
    /// Names of the label columns that were asked for.
    pub(crate) columns: Vec<String>,
    /// Names of all label columns of the source.
    pub(crate) available: Vec<String>,
    /// What separates several labels in one cell.
    pub(crate) separator: Option<char>,
    /// The images, in an order that is always the same.
    pub(crate) records: Vec<Record>,
    /// Files that cannot be read, found already while listing.
    pub(crate) skipped: Vec<Skipped>,
    /// Sentences about what the source has that no image takes up.
    pub(crate) remarks: Vec<String>,
}

impl Table {
    pub(crate) fn place(&self, record: &Record) -> Place {
        match record.place {
            RecordPlace::Row { file, row } => Place { file: self.files[file].clone(), row: Some(row) },
            RecordPlace::OwnFile => Place { file: record.path.clone().unwrap_or_default(), row: None },
            RecordPlace::Drawn { .. } => Place { file: format!("the garment {}", record.id), row: None },
        }
    }
}

/// The single values of a cell.
pub(crate) fn values(cell: &str, separator: Option<char>) -> impl Iterator<Item = &str> {
    let whole = separator.is_none().then_some(cell);
    let parts = separator.into_iter().flat_map(move |mark| cell.split(mark));
    whole.into_iter().chain(parts).map(str::trim).filter(|value| !value.is_empty())
}
