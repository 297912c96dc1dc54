//! CelebA: list files, or the CSV files that Kaggle made of them.
//!
//! Attributes are 1 or -1; identities keep all images of one person in one split.

use std::path::Path;

use super::csv_text;
use super::lists::{self, Part, Row};
use super::rows::Rows;
use super::table::{RecordPlace, Table};
use crate::attribute::Split;
use crate::error::{Error, Result};

/// The list files, as they come and as CSV.
const ATTRIBUTES: [&str; 2] = ["list_attr_celeba.txt", "list_attr_celeba.csv"];
const PARTITION: [&str; 2] = ["list_eval_partition.txt", "list_eval_partition.csv"];
const IDENTITIES: [&str; 3] = ["identity_CelebA.txt", "identity_CelebA.csv", "identity_celeba.csv"];
/// Where the archive keeps them, below the folder that the description names.
const SUBFOLDERS: [&str; 3] = ["", "Anno", "Eval"];
const YES: &str = "yes";
const NO: &str = "no";

/// Reads the lists below `place`, a description's folder and a folder below it.
pub(super) fn scan(place: (&Path, &str), wanted: Option<&[&str]>) -> Result<Table> {
    let find = |names: &[&str]| lists::find(place, &SUBFOLDERS, names);
    let attributes = find(&ATTRIBUTES).ok_or_else(|| lists::missing(place, ATTRIBUTES[0]))?;
    let (partition, identities) = (find(&PARTITION), find(&IDENTITIES));
    let mut files = vec![attributes.clone()];
    files.extend(partition.iter().chain(&identities).cloned());
    let mut rows = read_attributes(place.0, files, wanted)?;
    if let Some(file) = partition {
        read_pairs(place.0, &file, &mut rows, &mut |rows, at, row, value| {
            let split = value.parse().ok().and_then(|number: usize| Split::ALL.get(number).copied());
            let unknown = || row.wrong(format!("its split is `{value}`: 0 is train, 1 validation, 2 test"));
            rows.set_split(at, split.ok_or_else(unknown)?);
            Ok(())
        })?;
    }
    if let Some(file) = identities {
        read_pairs(place.0, &file, &mut rows, &mut |rows, at, row, value| {
            if value.is_empty() {
                return Err(row.wrong("it has no identity"));
            }
            rows.set_group(at, value);
            Ok(())
        })?;
    }
    Ok(rows.finish())
}

fn is_csv(file: &str) -> bool {
    file.ends_with(".csv")
}

/// Collects what the list of attributes says.
struct Attributes<'a> {
    files: Vec<String>,
    wanted: Option<&'a [&'a str]>,
    names: usize,
    rows: Option<Rows>,
}

impl Attributes<'_> {
    fn head<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let names: Vec<String> = names.map(str::to_owned).collect();
        self.names = names.len();
        self.rows = Some(Rows::new(self.files.clone(), names, self.wanted));
    }

    fn row<'a>(&mut self, row: Row<'_>, mut cells: impl Iterator<Item = &'a str>) -> Result<()> {
        let Some(rows) = &mut self.rows else { return Err(row.wrong("the names of the attributes are missing")) };
        let path = cells.next().unwrap_or_default();
        let at = rows.insert(path, path.to_owned(), RecordPlace::Row { file: 0, row: row.line })?;
        let mut count = 0;
        for cell in cells {
            let value = match cell {
                "1" => YES,
                "-1" | "0" => NO,
                _ => return Err(row.wrong(format!("it has the value `{cell}`: 1 and -1 belong there"))),
            };
            if count < self.names {
                rows.set(at, count, value);
            }
            count += 1;
        }
        if count != self.names {
            return Err(row.wrong(format!("it has {count} values where {} attributes are named", self.names)));
        }
        Ok(())
    }
}

/// The first of the files: an image per row, an attribute per column.
fn read_attributes(dir: &Path, files: Vec<String>, wanted: Option<&[&str]>) -> Result<Rows> {
    let file = files[0].clone();
    let reader = lists::open(dir, &file)?;
    let mut attributes = Attributes { files, wanted, names: 0, rows: None };
    if is_csv(&file) {
        csv_text::rows(&csv_text::read(reader, &file)?, &file, b',', usize::MAX, &mut |line, cells| {
            if attributes.rows.is_none() {
                attributes.head(cells.iter().skip(1));
                return Ok(());
            }
            attributes.row(Row { file: &file, line, text: "" }, cells.iter())
        })?;
    } else {
        lists::counted_parts(reader, &file, &mut |part| match part {
            Part::Head(row) => {
                attributes.head(row.text.split_ascii_whitespace());
                Ok(())
            }
            Part::Row(row) => attributes.row(row, row.text.split_ascii_whitespace()),
        })?;
    }
    attributes.rows.ok_or(Error::no_images(file))
}

/// A file with an image and a value per row; a CSV has a header.
fn read_pairs(
    dir: &Path,
    file: &str,
    rows: &mut Rows,
    take: &mut dyn FnMut(&mut Rows, usize, Row<'_>, &str) -> Result<()>,
) -> Result<()> {
    let mut strangers = 0;
    let mut pair = |row: Row<'_>, path: &str, value: &str| match rows.find(path) {
        Some(at) => take(rows, at, row, value),
        None => {
            strangers += 1;
            Ok(())
        }
    };
    let reader = lists::open(dir, file)?;
    if is_csv(file) {
        let mut headed = false;
        csv_text::rows(&csv_text::read(reader, file)?, file, b',', usize::MAX, &mut |line, cells| {
            if !std::mem::replace(&mut headed, true) {
                return Ok(());
            }
            let cell = |at: usize| cells.get(at).unwrap_or_default();
            pair(Row { file, line, text: "" }, cell(0), cell(1))
        })?;
    } else {
        lists::rows(reader, file, &mut |row| {
            let (path, value) = row.first();
            pair(row, path, value)
        })?;
    }
    rows.remark_strangers(file, strangers);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const TEXT: [(&str, &str); 3] = [
        (
            "list_attr_celeba.txt",
            "3\n5_o_Clock_Shadow Smiling \n000001.jpg -1  1\n000002.jpg  1 -1\n000003.jpg -1 -1\n",
        ),
        ("list_eval_partition.txt", "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n"),
        ("identity_CelebA.txt", "000001.jpg 2880\n000002.jpg 2937\n000003.jpg 8692\n000009.jpg 1\n"),
    ];
    const CSV: [(&str, &str); 2] = [
        (
            "list_attr_celeba.csv",
            "image_id,5_o_Clock_Shadow,Smiling\n000001.jpg,-1,1\n000002.jpg,1,-1\n000003.jpg,-1,-1\n",
        ),
        ("list_eval_partition.csv", "image_id,partition\n000001.jpg,0\n000002.jpg,1\n000003.jpg,2\n"),
    ];

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let dir = TempDir::new().unwrap();
        files.iter().for_each(|(name, text)| fs::write(dir.path().join(name), text).unwrap());
        dir
    }

    #[test]
    fn lists_and_their_csv_twins_say_the_same() {
        for files in [&TEXT[..], &CSV[..]] {
            let dir = folder(files);
            let table = scan((dir.path(), ""), None).unwrap();
            assert_eq!(table.columns, ["5_o_Clock_Shadow", "Smiling"]);
            let cells = |at: usize| table.records[at].cells.iter().map(|cell| &**cell).collect::<Vec<_>>();
            assert_eq!([cells(0), cells(1), cells(2)], [["no", "yes"], ["yes", "no"], ["no", "no"]]);
            let splits: Vec<Option<Split>> = table.records.iter().map(|record| record.split).collect();
            assert_eq!(splits, Split::ALL.map(Some));
            let group = (files.len() == 3).then_some("2937");
            assert_eq!(table.records[1].group.as_deref(), group);
            assert_eq!(table.remarks.len(), usize::from(files.len() == 3));
            let table = scan((dir.path(), ""), Some(&["Smiling"])).unwrap();
            assert_eq!((table.columns.len(), &*table.records[0].cells[0]), (1, "yes"));
        }
        // Splits and identities may be missing.
        let table = scan((folder(&TEXT[..1]).path(), "."), None).unwrap();
        assert!(table.records.iter().all(|record| record.split.is_none() && record.group.is_none()));
    }

    #[test]
    fn mistakes_are_named() {
        for (files, name, from, to, expected) in [
            (&TEXT[..], 0, "000002.jpg  1 -1", "000002.jpg  1 2", "row 4 cannot be read: it has the value `2`"),
            (&TEXT[..], 0, "000002.jpg  1 -1", "000002.jpg  1", "row 4 cannot be read: it has 1 values where 2"),
            (&TEXT[..], 0, "000002.jpg", "000001.jpg", "row 4 has `000001.jpg`, the id of"),
            (&TEXT[..], 0, "3\n", "2\n", "promises 2 rows, 3 follow"),
            (&TEXT[..], 1, "000002.jpg 1", "000002.jpg 3", "row 2 cannot be read: its split is `3`"),
            (&TEXT[..], 2, "000002.jpg 2937", "000002.jpg", "row 2 cannot be read: it has no identity"),
            (
                &CSV[..],
                0,
                "000002.jpg,1,-1",
                "000002.jpg,1",
                "row 3 cannot be read: it has 2 cells where the header has 3",
            ),
            (&CSV[..], 0, "000002.jpg,1,-1", "000002.jpg,1,x", "row 3 cannot be read: it has the value `x`"),
        ] {
            let dir = folder(files);
            assert!(files[name].1.contains(from), "{from}");
            fs::write(dir.path().join(files[name].0), files[name].1.replacen(from, to, 1)).unwrap();
            let got = scan((dir.path(), ""), None).unwrap_err().to_string();
            assert!(got.contains(expected) && got.contains(files[name].0), "{got}");
        }
        let got = scan((folder(&[]).path(), "lists"), None).unwrap_err().to_string();
        assert!(got.contains("lists/list_attr_celeba.txt does not exist\nhint: check `images.annotations`"), "{got}");
    }
}
