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
    /// The column that holds the images themselves, where they lie in the table.
    pub(crate) embedded: Option<String>,
    /// What separates several labels in one cell, unless an attribute says otherwise.
    pub(crate) separator: Separator,
    /// The images, in an order that is always the same.
    pub(crate) records: Vec<Record>,
    /// Files that cannot be read, found already while listing.
    pub(crate) skipped: Vec<Skipped>,
    /// Sentences about what the source has that no image takes up.
    pub(crate) remarks: Vec<String>,
    /// Sentences about files that are no images of the data set and were passed over.
    pub(crate) left_out: Vec<String>,
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

/// What separates several labels in one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Separator {
    /// Nothing: a cell is one label.
    #[default]
    None,
    /// A character.
    Mark(char),
    /// Any run of blanks.
    Blank,
    /// The cell is a list as JSON or Python write it: `["a", "b"]`, `['a', 'b']`.
    List,
}

impl Separator {
    /// Of a description's word: one character, or `list`.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let mut characters = word.chars();
        match (characters.next(), characters.next()) {
            (Some(mark), None) if mark.is_whitespace() => Some(Self::Blank),
            (Some(mark), None) => Some(Self::Mark(mark)),
            _ if word == "list" => Some(Self::List),
            _ => None,
        }
    }
}

/// The single values of a cell.
pub(crate) fn values(cell: &str, separator: Separator) -> Values<'_> {
    let cell = cell.trim();
    let rest = match separator {
        Separator::List => cell.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(cell),
        _ => cell,
    };
    Values { rest: Some(rest), separator }
}

/// See [`values`].
#[derive(Debug)]
pub(crate) struct Values<'a> {
    rest: Option<&'a str>,
    separator: Separator,
}

impl<'a> Values<'a> {
    /// The next value, which may be empty.
    fn piece(&mut self) -> Option<&'a str> {
        let rest = self.rest.take()?;
        let cut = match self.separator {
            Separator::None => None,
            Separator::Mark(mark) => rest.split_once(mark),
            Separator::Blank => rest.split_once(char::is_whitespace),
            Separator::List => {
                let rest = rest.trim_start();
                let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
                let Some(quote) = quote else {
                    let (piece, after) = rest.split_once(',').map_or((rest, None), |(a, b)| (a, Some(b)));
                    self.rest = after;
                    return Some(piece.trim());
                };
                let (piece, after) = rest[1..].split_once(quote).unwrap_or((&rest[1..], ""));
                self.rest = after.split_once(',').map(|(_, after)| after);
                return Some(piece.trim());
            }
        };
        let (piece, after) = cut.map_or((rest, None), |(piece, after)| (piece, Some(after)));
        self.rest = after;
        Some(piece.trim())
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let piece = self.piece()?;
            if !piece.is_empty() {
                return Some(piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_taken_apart() {
        let split = |cell: &'static str, word: &str| match Separator::parse(word) {
            Some(separator) => values(cell, separator).collect::<Vec<_>>(),
            None => vec!["no such separator"],
        };
        assert_eq!(values(" a|b ", Separator::None).collect::<Vec<_>>(), ["a|b"]);
        assert_eq!(split("a | b||", "|"), ["a", "b"]);
        assert_eq!(split("light blue; red", ";"), ["light blue", "red"]);
        assert_eq!(split(" clear  water\troad ", " "), ["clear", "water", "road"]);
        assert_eq!(split(r#"["a, b", "c"]"#, "list"), ["a, b", "c"]);
        assert_eq!(split("['a', 'b c', 3]", "list"), ["a", "b c", "3"]);
        assert_eq!((split("[]", "list"), split("a", "list")), (vec![], vec!["a"]));
        assert_eq!(split("a", "; "), ["no such separator"]);
    }
}
