//! Which attribute's walks which HNSW index serves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use latentwalk_lines::{HnswIndex, Space};

use crate::error::{Error, Result};
use crate::files::read_json;

/// The file that says in which folder of the index stage each attribute's index lies.
pub const INDEXES_FILE: &str = "indexes.json";

/// Writes which attributes have an index, and the folder of each. Attributes that are walked in the same metric share one.
///
/// # Errors
/// A file that cannot be written.
pub fn write_indexes(folder: &Path, indexes: &BTreeMap<String, String>) -> Result<()> {
    let path = folder.join(INDEXES_FILE);
    let text = serde_json::to_string_pretty(indexes).expect("texts become JSON");
    fs::write(&path, text + "\n").map_err(|error| Error::File { path, source: error.into() })
}

/// The index of an attribute, from the folder of an index stage, over a space in the metric in which the run walks.
///
/// # Errors
/// [`Error::NoIndex`]; a file that cannot be read; a space that is not the index's.
pub fn read_index(folder: &Path, attribute: &str, space: &Space) -> Result<HnswIndex> {
    let path = folder.join(INDEXES_FILE);
    let place = if path.exists() {
        let mut indexes: BTreeMap<String, String> = read_json(&path)?;
        match indexes.remove(attribute) {
            Some(place) => place,
            None => {
                return Err(Error::NoIndex { attribute: attribute.to_owned(), known: indexes.into_keys().collect() });
            }
        }
    } else {
        // Runs made before the file was: every attribute has its own.
        latentwalk_probe::file_name(attribute)
    };
    Ok(HnswIndex::load(&folder.join(place), space)?)
}
