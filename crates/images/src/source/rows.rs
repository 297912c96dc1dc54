//! A table put together from several lists of one data set.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::table::{Cell, LABEL_SEPARATOR, Record, RecordPlace, Separator, Table};
use super::unicode::nfc;
use crate::attribute::Split;
use crate::error::{Error, Place, Result};

/// Texts of cells, each held once.
#[derive(Debug, Default)]
pub(super) struct Cells(HashSet<Cell>);

impl Cells {
    /// The shared text, in NFC.
    pub(super) fn get(&mut self, text: &str) -> Cell {
        let text = &*nfc(text);
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let cell: Cell = Arc::from(text);
        self.0.insert(cell.clone());
        cell
    }
}

/// A label that images can have: the column that it belongs to and its name.
pub(super) type NamedLabel = (usize, String);

/// Collects images by id, then what further lists say about them.
pub(super) struct Rows {
    table: Table,
    /// Where each of the source's columns stands in the table, if it was asked for.
    kept: Vec<Option<usize>>,
    index: HashMap<String, usize>,
    cells: Cells,
}

impl Rows {
    /// An empty table with those of the source's `columns` that are `wanted`, or all.
    pub(super) fn new(files: Vec<String>, columns: Vec<String>, wanted: Option<&[&str]>) -> Self {
        let mut names = Vec::new();
        let mut kept = Vec::with_capacity(columns.len());
        for column in &columns {
            let asked = wanted.is_none_or(|list| list.contains(&column.as_str()));
            kept.push(asked.then_some(names.len()));
            names.extend(asked.then(|| column.clone()));
        }
        let table = Table {
            files,
            columns: names,
            available: columns,
            separator: Separator::Mark(LABEL_SEPARATOR),
            ..Table::default()
        };
        Self { table, kept, index: HashMap::new(), cells: Cells::default() }
    }

    /// Adds an image without labels and gives its row.
    ///
    /// **Errors.** [`Error::Cell`].
    pub(super) fn insert(&mut self, id: &str, path: String, place: RecordPlace) -> Result<usize> {
        let at = self.table.records.len();
        let record = Record {
            id: id.to_owned(),
            path: Some(path),
            place,
            cells: vec![self.cells.get(""); self.table.columns.len()],
            split: None,
            group: None,
        };
        if let Some(first) = self.index.insert(id.to_owned(), at) {
            let (first, second) = (self.table.place(&self.table.records[first]), self.table.place(&record));
            return Err(Error::duplicate_id(id, &first, second));
        }
        self.table.records.push(record);
        Ok(at)
    }

    /// The row of an image.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// Images so far.
    pub(super) fn len(&self) -> usize {
        self.table.records.len()
    }

    /// Whether the column was asked for.
    pub(super) fn keeps(&self, column: usize) -> bool {
        self.kept[column].is_some()
    }

    /// Where an image stands.
    pub(super) fn place(&self, at: usize) -> Place {
        self.table.place(&self.table.records[at])
    }

    /// Sets a cell, if its column was asked for.
    pub(super) fn set(&mut self, at: usize, column: usize, text: &str) {
        if let Some(kept) = self.kept[column] {
            self.table.records[at].cells[kept] = self.cells.get(text);
        }
    }

    /// What a cell holds; empty for columns that were not asked for.
    pub(super) fn cell(&self, at: usize, column: usize) -> &str {
        self.kept[column].map_or("", |kept| &self.table.records[at].cells[kept])
    }

    /// Sets all cells of an image from its `labels`, indices into `names`; their order and repetitions do not matter.
    pub(super) fn set_labels(&mut self, at: usize, labels: &mut Vec<u32>, names: &[NamedLabel]) {
        labels.sort_unstable();
        labels.dedup();
        for column in 0..self.kept.len() {
            if self.keeps(column) {
                let of_column = labels.iter().map(|&label| &names[label as usize]).filter(|label| label.0 == column);
                let joined = of_column.map(|label| label.1.as_str()).collect::<Vec<_>>().join("|");
                self.set(at, column, &joined);
            }
        }
    }

    /// Declares the split of an image.
    pub(super) fn set_split(&mut self, at: usize, split: Split) {
        self.table.records[at].split = Some(split);
    }

    /// Declares the group of an image.
    pub(super) fn set_group(&mut self, at: usize, group: &str) {
        self.table.records[at].group = Some(group.to_owned());
    }

    /// Notes how many entries of a list name images that the data set does not have.
    pub(super) fn remark_strangers(&mut self, list: &str, count: usize) {
        if count > 0 {
            self.table.remarks.push(format!("{list}: {count} entries name images that are not listed"));
        }
    }

    /// The table.
    pub(super) fn finish(self) -> Table {
        self.table
    }
}

/// A label's name, which must not hold the mark that separates labels.
///
/// **Errors.** [`Error::Manifest`].
pub(super) fn check_name(name: &str, place: impl FnOnce() -> Place) -> Result<()> {
    if name.contains(LABEL_SEPARATOR) {
        let reason = format!("label `{name}` holds `{LABEL_SEPARATOR}`, which separates labels: rename it");
        return Err(Error::Manifest { place: place(), reason });
    }
    Ok(())
}

/// The position of a column, added if it is new.
pub(super) fn column_of(columns: &mut Vec<String>, name: &str) -> usize {
    columns.iter().position(|known| known == name).unwrap_or_else(|| {
        columns.push(name.to_owned());
        columns.len() - 1
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn labels_fill_the_columns_that_were_asked_for() {
        let columns = ["colour", "sleeve"].map(String::from).to_vec();
        let names = [(0, "red".to_owned()), (1, "long".to_owned()), (0, "blue".to_owned())];
        let mut rows = Rows::new(vec!["list".into()], columns, Some(&["colour", "other"]));
        let at = rows.insert("a", "a.jpg".into(), RecordPlace::Row { file: 0, row: 1 }).unwrap();
        rows.set_labels(at, &mut vec![2, 1, 0, 2], &names);
        assert_eq!((rows.cell(at, 0), rows.cell(at, 1)), ("red|blue", ""));
        let error = rows.insert("a", "a.jpg".into(), RecordPlace::Row { file: 0, row: 2 }).unwrap_err();
        assert_eq!(
            error.to_string(),
            "list, row 2 has `a`, the id of list, row 1 too\nhint: give every image an id of its own"
        );
        let table = rows.finish();
        assert_eq!((table.columns, table.available.len()), (vec!["colour".to_owned()], 2));
    }
}
