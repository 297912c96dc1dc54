//! FashionAI: a CSV without a header, rows of path, key and one mark a value.
//!
//! Marks are `y` (yes), `m` (maybe) and `n` (no). A maybe is a label only where it is the row's only mark.

use std::io::Read;

use super::csv_text;
use super::rows::{Rows, column_of};
use super::table::{RecordPlace, Table};
use crate::error::{Error, Place, Result};

/// The published keys with the names of their values, in the order of the marks.
const KEYS: [(&str, &[&str]); 8] = [
    ("coat_length", &["invisible", "high-waist", "regular", "long", "micro", "knee", "midi", "ankle-floor"]),
    ("collar_design", &["invisible", "shirt", "peter-pan", "puritan", "rib"]),
    ("lapel_design", &["invisible", "notched", "collarless", "shawl", "plus-size-shawl"]),
    ("neck_design", &["invisible", "turtle", "ruffle-semi-high", "low-turtle", "draped"]),
    (
        "neckline_design",
        &[
            "invisible",
            "strapless",
            "deep-v",
            "straight",
            "v",
            "square",
            "off-shoulder",
            "round",
            "sweetheart",
            "one-shoulder",
        ],
    ),
    ("pant_length", &["invisible", "short", "mid", "three-quarter", "cropped", "full"]),
    ("skirt_length", &["invisible", "short", "knee", "midi", "ankle", "floor"]),
    (
        "sleeve_length",
        &["invisible", "sleeveless", "cup", "short", "elbow", "three-quarter", "wrist", "long", "extra-long"],
    ),
];
/// What the files append to a key.
const KEY_ENDING: &str = "_labels";

/// One row as it stands in the file.
struct Row {
    path: String,
    column: usize,
    marks: String,
    line: u64,
}

/// Reads the file; the columns are its keys.
pub(super) fn scan(reader: impl Read, file: &str, wanted: Option<&[&str]>) -> Result<Table> {
    let place = |line: u64| Place { file: file.to_owned(), row: Some(line) };
    let wrong = |line: u64, reason: String| Error::Manifest { place: place(line), reason };
    let (mut columns, mut read) = (Vec::new(), Vec::new());
    csv_text::rows(&csv_text::read(reader, file)?, file, b',', usize::MAX, &mut |line, cells| {
        let (3, [path, key, marks]) = (cells.len(), [0, 1, 2].map(|at| cells.get(at).unwrap_or_default())) else {
            return Err(wrong(line, format!("it has {} cells: path, key and marks belong there", cells.len())));
        };
        if path.is_empty() || key.is_empty() {
            return Err(wrong(line, "its path or its key is empty".into()));
        }
        let column = column_of(&mut columns, key.strip_suffix(KEY_ENDING).unwrap_or(key));
        read.push(Row { path: path.into(), column, marks: marks.into(), line });
        Ok(())
    })?;
    let keys = columns.clone();
    let mut rows = Rows::new(vec![file.to_owned()], columns, wanted);
    let mut seen: Vec<Vec<usize>> = Vec::new();
    for Row { path, column, marks, line } in read {
        let label = label(&keys[column], &marks).map_err(|reason| wrong(line, reason))?;
        let at = match rows.find(&path) {
            Some(at) => at,
            None => {
                seen.push(Vec::new());
                rows.insert(&path, path.clone(), RecordPlace::Row { file: 0, row: line })?
            }
        };
        if seen[at].contains(&column) {
            let id = format!("{path}, {}", keys[column]);
            return Err(Error::duplicate_id(&id, &rows.place(at), place(line)));
        }
        seen[at].push(column);
        rows.set(at, column, &label);
    }
    Ok(rows.finish())
}

/// The labels that marks stand for, as a cell.
fn label(key: &str, marks: &str) -> std::result::Result<String, String> {
    if marks.is_empty() || marks == "?" {
        return Ok(String::new());
    }
    if let Some(mark) = marks.chars().find(|mark| !"ymn".contains(*mark)) {
        return Err(format!("its marks `{marks}` hold `{mark}`: y, m and n belong there"));
    }
    let names = KEYS.iter().find(|known| known.0 == key).map(|known| known.1);
    match names {
        Some(names) if names.len() != marks.len() => {
            return Err(format!("its marks `{marks}` are {}, but `{key}` has {} values", marks.len(), names.len()));
        }
        _ => {}
    }
    let name = |at: usize| names.map_or_else(|| at.to_string(), |names| names[at].to_owned());
    let marked = |wanted: char| marks.char_indices().filter(move |(_, mark)| *mark == wanted).map(|(at, _)| at);
    let yes: Vec<String> = marked('y').map(name).collect();
    let maybe: Vec<usize> = marked('m').collect();
    match (&yes[..], &maybe[..]) {
        ([], [only]) => Ok(name(*only)),
        _ => Ok(yes.join("|")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TEXT: &str = "Images/sleeve_length_labels/a.jpg,sleeve_length_labels,nnnnnynnn\r\n\
                        Images/sleeve_length_labels/b.jpg,sleeve_length_labels,nnmnnnnyn\r\n\
                        Images/sleeve_length_labels/c.jpg,sleeve_length_labels,nnnnnmnnn\r\n\
                        Images/collar_design_labels/d.jpg,collar_design_labels,nynnn\r\n\
                        Images/sleeve_length_labels/a.jpg,collar_design_labels,ymnmn\r\n\
                        Images/other/e.jpg,cuff,nny\r\n\
                        Images/test/f.jpg,cuff,?\r\n";

    #[test]
    fn marks_become_names() {
        let table = scan(TEXT.as_bytes(), "label.csv", None).unwrap();
        assert_eq!(table.columns, ["sleeve_length", "collar_design", "cuff"]);
        let cells: Vec<Vec<&str>> =
            table.records.iter().map(|record| record.cells.iter().map(|cell| &**cell).collect()).collect();
        assert_eq!(
            cells,
            [
                ["three-quarter", "invisible", ""],
                ["long", "", ""],
                ["three-quarter", "", ""],
                ["", "shirt", ""],
                ["", "", "2"],
                ["", "", ""],
            ]
        );
        assert_eq!(table.records[0].path.as_deref(), Some("Images/sleeve_length_labels/a.jpg"));
        let table = scan(TEXT.as_bytes(), "label.csv", Some(&["cuff"])).unwrap();
        assert_eq!((table.columns.len(), &*table.records[4].cells[0]), (1, "2"));
    }

    #[test]
    fn maybe_counts_where_it_is_the_only_mark() {
        assert_eq!(label("cuff", "nmn").unwrap(), "1");
        assert_eq!(label("cuff", "mmn").unwrap(), "");
        assert_eq!(label("cuff", "mny").unwrap(), "2");
        assert_eq!(label("cuff", "yny").unwrap(), "0|2");
        assert_eq!(label("cuff", "nnn").unwrap(), "");
        assert_eq!(KEYS.map(|key| key.1.len()), [8, 5, 5, 5, 10, 6, 6, 9]);
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, expected) in [
            (
                "nnnnnmnnn",
                "nnnnnmnn",
                "label.csv, row 3 cannot be read: its marks `nnnnnmnn` are 8, but `sleeve_length` has 9",
            ),
            ("nnnnnmnnn", "nnnnnxnnn", "row 3 cannot be read: its marks `nnnnnxnnn` hold `x`"),
            (
                "_labels/b.jpg",
                "_labels/a.jpg",
                "row 2 has `Images/sleeve_length_labels/a.jpg, sleeve_length`, the id of",
            ),
            ("Images/other/e.jpg,", "", "row 6 cannot be read: it has 2 cells where the header has 3"),
            ("Images/other/e.jpg", "", "row 6 cannot be read: its path or its key is empty"),
        ] {
            assert!(TEXT.contains(from), "{from}");
            let got = scan(TEXT.replacen(from, to, 1).as_bytes(), "label.csv", None).unwrap_err().to_string();
            assert!(got.contains(expected), "{got}");
        }
        let got = scan(&b"a.jpg,cuff\n"[..], "label.csv", None).unwrap_err().to_string();
        assert!(got.contains("row 1 cannot be read: it has 2 cells: path, key and marks"), "{got}");
    }
}
