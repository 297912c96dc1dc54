//! A CSV or TSV file that names images and their labels.

use std::io::Read;

use super::csv_text;
use super::rows::Cells;
use super::table::{LABEL_SEPARATOR, Record, RecordPlace, Separator, Table};
use super::unicode::nfc;
use crate::attribute::Split;
use crate::error::{Error, Place, Result};

/// Names of the path column, the first found wins.
pub(crate) const PATH_COLUMNS: [&str; 13] = [
    "path",
    "file_name",
    "filepath",
    "image",
    "image_path",
    "filename",
    "img_path",
    "image_name",
    "img_name",
    "image_file",
    "image_filename",
    "file",
    "img",
];

/// Which columns are read: the one with the path, if it is not known by its name, and those of the labels.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    /// The column with the path; without it, the first of [`PATH_COLUMNS`].
    pub(crate) path: Option<&'a str>,
    /// Label columns; without them, all.
    pub(crate) labels: Option<&'a [&'a str]>,
}

/// Which columns mean what.
struct Header {
    path: usize,
    id: Option<usize>,
    split: Option<usize>,
    group: Option<usize>,
    /// The label columns: where they stand and what they are called.
    labels: Vec<(usize, String)>,
    /// Names of all label columns.
    available: Vec<String>,
}

/// Reads the rows; of the label columns only those `wanted`.
pub(crate) fn scan(reader: impl Read, name: &str, wanted: Wanted<'_>) -> Result<Table> {
    let text = csv_text::read(reader, name)?;
    let (mut records, mut cells) = (Vec::new(), Cells::default());
    let mut header = None;
    csv_text::rows(&text, name, delimiter(&text), usize::MAX, &mut |line, row| {
        match &header {
            None => header = Some(read_header(row, name, wanted)?),
            Some(header) => {
                records.push(record(row, header, &mut cells, &Place { file: name.into(), row: Some(line) })?);
            }
        }
        Ok(())
    })?;
    let Some(header) = header else {
        return Err(Error::Manifest { place: Place { file: name.into(), row: None }, reason: "it is empty".into() });
    };
    Ok(Table {
        files: vec![name.into()],
        columns: header.labels.into_iter().map(|(_, column)| column).collect(),
        available: header.available,
        separator: Separator::Mark(LABEL_SEPARATOR),
        records,
        ..Table::default()
    })
}

/// The first of tab, comma and semicolon that the header has, by how often it has it.
fn delimiter(text: &[u8]) -> u8 {
    let header = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| header.iter().filter(|&&byte| byte == wanted).count();
    let mut best = b',';
    for candidate in [b'\t', b';'] {
        if count(candidate) > count(best) {
            best = candidate;
        }
    }
    best
}

fn read_header(row: &csv::StringRecord, name: &str, wanted: Wanted<'_>) -> Result<Header> {
    let wrong = |reason: String| Error::Manifest { place: Place { file: name.into(), row: Some(1) }, reason };
    let columns: Vec<String> = row.iter().map(|column| nfc(column).into_owned()).collect();
    for (at, column) in columns.iter().enumerate() {
        if columns[..at].contains(column) {
            return Err(wrong(format!("column `{column}` stands there twice")));
        }
    }
    let find = |wanted: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(wanted));
    let path = match wanted.path {
        Some(named) => columns.iter().position(|column| *column == *nfc(named)),
        None => PATH_COLUMNS.iter().find_map(|alias| find(alias)),
    };
    let Some(path) = path else {
        return Err(wrong(no_path_column("column", wanted.path, &columns.join(", "))));
    };
    let (id, split, group) = (find("id"), find("split"), find("group"));
    let used = [Some(path), id, split, group];
    let all: Vec<usize> = (0..columns.len()).filter(|at| !used.contains(&Some(*at))).collect();
    let available = all.iter().map(|&at| columns[at].clone()).collect();
    let asked = |at: &usize| wanted.labels.is_none_or(|list| list.iter().any(|asked| *nfc(asked) == columns[*at]));
    let labels = all.into_iter().filter(asked).map(|at| (at, columns[at].clone())).collect();
    Ok(Header { path, id, split, group, labels, available })
}

fn record(row: &csv::StringRecord, header: &Header, cells: &mut Cells, place: &Place) -> Result<Record> {
    let cell = |at: usize| row.get(at).unwrap_or_default();
    let optional = |at: Option<usize>| at.map(cell).filter(|text| !text.is_empty());
    let path = cell(header.path);
    if path.is_empty() {
        return Err(Error::Manifest { place: place.clone(), reason: "its path is empty".into() });
    }
    let split = optional(header.split).map(|text| read_split(text, place)).transpose()?;
    Ok(Record {
        id: optional(header.id).unwrap_or(path).to_owned(),
        path: Some(path.replace('\\', "/")),
        place: RecordPlace::Row { file: 0, row: place.row.unwrap_or_default() },
        cells: header.labels.iter().map(|(at, _)| cells.get(cell(*at))).collect(),
        split,
        group: optional(header.group).map(str::to_owned),
    })
}

/// Why a table without the column that names the images cannot be read.
pub(super) fn no_path_column(what: &str, named: Option<&str>, found: &str) -> String {
    let needed = match named {
        Some(named) => format!("it needs the {what} `{named}` that `images.path_column` names"),
        None => format!(
            "it needs a {what} with the path of the image ({}, or the one that `images.path_column` names)",
            PATH_COLUMNS.join(", ")
        ),
    };
    format!("{needed}, found are {found}")
}

/// The first rows of a table as text: its columns, and a cell for each.
#[derive(Debug, Default)]
pub(crate) struct Preview {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// The column that holds the images themselves.
    pub(crate) embedded: Option<String>,
}

/// The first `rows` rows.
pub(crate) fn preview(reader: impl Read, name: &str, rows: usize) -> Result<Preview> {
    let text = csv_text::read(reader, name)?;
    let mut all: Vec<Vec<String>> = Vec::new();
    csv_text::rows(&text, name, delimiter(&text), rows + 1, &mut |_, row| {
        all.push(row.iter().map(str::to_owned).collect());
        Ok(())
    })?;
    let columns = if all.is_empty() { Vec::new() } else { all.remove(0) };
    Ok(Preview { columns: columns.iter().map(|column| nfc(column).into_owned()).collect(), rows: all, embedded: None })
}

/// The split that a manifest names.
pub(super) fn read_split(text: &str, place: &Place) -> Result<Split> {
    Split::parse(&text.to_ascii_lowercase()).ok_or_else(|| Error::unknown_split(text, place.clone()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(text: &str) -> Result<Table> {
        scan(text.as_bytes(), "labels.csv", Wanted::default())
    }

    #[test]
    fn aliases_delimiters_and_special_columns() {
        for (alias, mark) in
            [("path", ","), ("file_name", "\t"), ("filepath", ";"), ("Image", ","), ("image_path", ",")]
        {
            let text = format!(
                "\u{feff}sleeve{mark}{alias}{mark}split{mark}group\nlong{mark}a\\b.png{mark}Val{mark}g\n{mark}c.png{mark}{mark}\n"
            );
            let table = read(&text).unwrap();
            assert_eq!(table.columns, ["sleeve"], "{alias}");
            let [a, c] = &table.records[..] else { panic!("two rows") };
            assert_eq!(
                (a.path.as_deref(), &a.cells[0][..], a.split),
                (Some("a/b.png"), "long", Some(Split::Validation))
            );
            assert_eq!((a.group.as_deref(), c.group.as_deref(), c.split), (Some("g"), None, None));
            assert_eq!((&c.id[..], &c.cells[0][..]), ("c.png", ""));
            assert_eq!(table.place(c), Place { file: "labels.csv".into(), row: Some(3) });
        }
    }

    #[test]
    fn id_column_and_wanted_columns() {
        let text = "id,path,image,x\n7,a.png,b.png,1\n,c.png,d.png,2\n";
        let table = scan(text.as_bytes(), "m", Wanted { labels: Some(&["x"]), path: None }).unwrap();
        assert_eq!(table.columns, ["x"]);
        assert_eq!([&table.records[0].id[..], &table.records[1].id[..]], ["7", "c.png"]);
        assert_eq!(read(text).unwrap().columns, ["image", "x"]);
    }

    #[test]
    fn malformed_manifests_are_named() {
        for (text, expected) in [
            ("", "labels.csv cannot be read: it is empty"),
            ("a,b\n1,2\n", "labels.csv, row 1 cannot be read: it needs a column with the path"),
            ("path,a,a\n", "column `a` stands there twice"),
            ("path,a\nx.png,1\ny.png\n", "labels.csv, row 3 cannot be read: it has 1 cells where the header has 2"),
            ("path,a\nx.png,1\n,2\n", "row 3 cannot be read: its path is empty"),
            ("path,split\nx.png,dev\n", "row 2 has `dev`, which is no split\nhint: use train, validation"),
        ] {
            let got = read(text).unwrap_err().to_string();
            assert!(got.contains(expected), "{got}");
        }
        let got = scan(&b"path,a\nx.png,\xff\n"[..], "m", Wanted::default()).unwrap_err().to_string();
        assert!(got.contains("row 2") && got.contains("not UTF-8"), "{got}");
    }
}
