//! iMaterialist Challenge (Fashion) 2018: a JSON with images and label numbers, and a CSV that names the labels.
//!
//! The contest's files write `imageId` and `labelId` as text, its documentation `image_id` and `label_id` as numbers; both
//! are read. Images come from links of which many are dead by now, so that missing files are usual.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::csv_text;
use super::json::{self, Id, Numbers};
use super::rows::{NamedLabel, Rows, check_name, column_of};
use super::table::{RecordPlace, Table};
use crate::error::{Error, Place, Result};

/// Endings of image files, the first found wins.
const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];

#[derive(Deserialize)]
struct File {
    images: Vec<Image>,
    #[serde(default)]
    annotations: Vec<Annotation>,
}

/// Links are not needed, and not kept.
#[derive(Deserialize)]
struct Image {
    #[serde(alias = "imageId")]
    image_id: Id,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(alias = "imageId")]
    image_id: Id,
    #[serde(alias = "labelId", default)]
    label_id: Numbers,
}

/// What label numbers mean.
#[derive(Debug, Default)]
pub(super) struct LabelNames {
    /// Names of the tasks, in the order of their first label.
    columns: Vec<String>,
    /// The labels, by number.
    names: Vec<NamedLabel>,
    /// From a label's number to its index in `names`.
    index: BTreeMap<u64, u32>,
}

/// Reads the CSV with the columns `labelId`, `labelName` and `taskName`, ordered as they may be.
pub(super) fn read_labels(reader: impl Read, file: &str) -> Result<LabelNames> {
    let wrong =
        |row: u64, reason: String| Error::Manifest { place: Place { file: file.into(), row: Some(row) }, reason };
    let mut columns: Option<[usize; 3]> = None;
    let mut labels: BTreeMap<u64, (String, String)> = BTreeMap::new();
    csv_text::rows(&csv_text::read(reader, file)?, file, b',', usize::MAX, &mut |line, row| {
        let Some([id, label, task]) = columns else {
            columns = Some(label_columns(row).map_err(|reason| wrong(line, reason))?);
            return Ok(());
        };
        let number: u64 = row[id]
            .parse()
            .map_err(|_| wrong(line, format!("its label number is `{}`: use whole numbers", &row[id])))?;
        if row[label].is_empty() || row[task].is_empty() {
            return Err(wrong(line, format!("label {number} needs a name and a task")));
        }
        check_name(&row[label], || Place { file: file.into(), row: Some(line) })?;
        if labels.insert(number, (row[task].to_owned(), row[label].to_owned())).is_some() {
            return Err(wrong(line, format!("label {number} stands there twice")));
        }
        Ok(())
    })?;
    let mut known = LabelNames::default();
    for (number, (task, label)) in labels {
        let column = column_of(&mut known.columns, &task);
        known.index.insert(number, known.names.len() as u32);
        known.names.push((column, label));
    }
    Ok(known)
}

/// Where the number, the name and the task of a label stand.
fn label_columns(header: &csv::StringRecord) -> std::result::Result<[usize; 3], String> {
    let find = |name: &str| {
        let same = |found: &str| found.replace('_', "").eq_ignore_ascii_case(name);
        let missing = || format!("it needs a column `{name}`, as in labelId,taskId,labelName,taskName");
        header.iter().position(same).ok_or_else(missing)
    };
    Ok([find("labelId")?, find("labelName")?, find("taskName")?])
}

/// Reads the JSON; `files` are its name and that of the CSV, images are looked for below `root`.
pub(super) fn scan(
    reader: impl Read,
    files: [&str; 2],
    known: &LabelNames,
    root: &Path,
    wanted: Option<&[&str]>,
) -> Result<Table> {
    let [file, labels_file] = files;
    let File { images, annotations } = json::read(reader, file)?;
    let mut rows = Rows::new(files.map(String::from).to_vec(), known.columns.clone(), wanted);
    for (image, row) in images.into_iter().zip(1..) {
        let Id(id) = image.image_id;
        rows.insert(&id, image_path(root, &id), RecordPlace::Row { file: 0, row })?;
    }
    let mut labels: Vec<Vec<u32>> = vec![Vec::new(); rows.len()];
    let mut strangers = 0;
    for (annotation, number) in annotations.into_iter().zip(1..) {
        let Some(at) = rows.find(&annotation.image_id.0) else {
            strangers += 1;
            continue;
        };
        for label in annotation.label_id.0 {
            let index = known.index.get(&label).ok_or_else(|| Error::Manifest {
                place: rows.place(at),
                reason: format!("annotation {number} gives it label {label}, which {labels_file} does not name"),
            })?;
            labels[at].push(*index);
        }
    }
    for (at, mut labels) in labels.into_iter().enumerate() {
        rows.set_labels(at, &mut labels, &known.names);
    }
    rows.remark_strangers(file, strangers);
    Ok(rows.finish())
}

/// The file of an image; the usual name where there is none.
fn image_path(root: &Path, id: &str) -> String {
    let named = |ending: &&str| format!("{id}.{ending}");
    let found = ENDINGS.iter().map(&named).find(|name| root.join(name).is_file());
    found.unwrap_or_else(|| named(&ENDINGS[0]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// As the real file: Windows line ends, quoted commas, unsorted tasks, no last line end.
    const LABELS: &str = "labelId,taskId,labelName,taskName\r\n66,3,Female,gender\r\n89,1,\"Hosiery, Stockings, Tights\",\
                          category\r\n105,8,Long Sleeved,sleeve\r\n171,8,Sleeveless,sleeve";
    /// As the contest's files.
    const TEXT: &str = r#"{"info": {"year": 2018}, "images": [{"url": "https://x/1", "imageId": "1"},
        {"url": "https://x/2", "imageId": "2"}, {"url": "https://x/3", "imageId": "3"}],
        "annotations": [{"labelId": ["105", "66", "171"], "imageId": "1"}, {"labelId": ["89"], "imageId": "3"},
        {"labelId": ["66"], "imageId": "3"}, {"labelId": ["66"], "imageId": "4"}]}"#;
    /// As the contest's documentation.
    const NUMBERS: &str = r#"{"annotations": [{"image_id": 1, "label_id": [66, 105, 171]}, {"image_id": 3, "label_id": [89]},
        {"image_id": 3, "label_id": [66]}, {"image_id": 4, "label_id": [66]}],
        "images": [{"image_id": 1, "url": ["https://x/1"]}, {"image_id": 2, "url": []}, {"image_id": 3}]}"#;

    fn read(text: &str, wanted: Option<&[&str]>) -> Result<Table> {
        let known = read_labels(LABELS.as_bytes(), "labels.csv")?;
        scan(text.as_bytes(), ["train.json", "labels.csv"], &known, Path::new("/nowhere"), wanted)
    }

    #[test]
    fn both_spellings_give_the_same_table() {
        for text in [TEXT, NUMBERS] {
            let table = read(text, None).unwrap();
            assert_eq!(table.columns, ["gender", "category", "sleeve"]);
            let rows: Vec<(&str, Vec<&str>)> =
                table.records.iter().map(|r| (&r.id[..], r.cells.iter().map(|cell| &**cell).collect())).collect();
            assert_eq!(
                rows,
                [
                    ("1", vec!["Female", "", "Long Sleeved|Sleeveless"]),
                    ("2", vec!["", "", ""]),
                    ("3", vec!["Female", "Hosiery, Stockings, Tights", ""]),
                ]
            );
            assert_eq!(table.records[0].path.as_deref(), Some("1.jpg"));
            assert_eq!(table.remarks, ["train.json: 1 entries name images that are not listed"]);
            assert_eq!(table.place(&table.records[1]), Place { file: "train.json".into(), row: Some(2) });
        }
        let table = read(TEXT, Some(&["sleeve"])).unwrap();
        assert_eq!((&table.columns[..], table.available.len()), (&["sleeve".to_owned()][..], 3));
        assert_eq!(&*table.records[0].cells[0], "Long Sleeved|Sleeveless");
    }

    #[test]
    fn files_without_annotations_are_unlabelled() {
        let table = read(r#"{"images": [{"url": ["https://x/1"], "imageId": "1"}]}"#, None).unwrap();
        assert!(table.records[0].cells.iter().all(|cell| cell.is_empty()));
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, expected) in [
            (
                "\"imageId\": \"2\"",
                "\"imageId\": \"1\"",
                "train.json, row 2 has `1`, the id of train.json, row 1 too\nhint: give",
            ),
            ("\"89\"", "\"90\"", "train.json, row 3 cannot be read: annotation 2 gives it label 90, which labels.csv"),
            ("\"89\"", "\"x\"", "train.json cannot be read: `x` is no whole number at line 3"),
            ("\"imageId\": \"2\"", "\"image\": \"2\"", "missing field `image_id`"),
            ("\"images\"", "\"pictures\"", "missing field `images`"),
            ("]}", "", "EOF while parsing"),
        ] {
            assert!(TEXT.contains(from));
            let end = TEXT.rfind(from).unwrap();
            let first = TEXT.find(from).unwrap_or(end);
            let at = if to.is_empty() { end } else { first };
            let got = read(&format!("{}{to}{}", &TEXT[..at], &TEXT[at + from.len()..]), None).unwrap_err().to_string();
            assert!(got.contains(expected), "{got}");
        }
        for (text, expected) in [
            ("id,labelName,taskName\n", "labels.csv, row 1 cannot be read: it needs a column `labelId`"),
            ("labelId,labelName,taskName\nx,a,b\n", "row 2 cannot be read: its label number is `x`"),
            ("labelId,labelName,taskName\n1,a,b\n1,c,d\n", "row 3 cannot be read: label 1 stands there twice"),
            ("labelId,labelName,taskName\n1,,b\n", "label 1 needs a name and a task"),
            ("labelId,labelName,taskName\n1,a|b,c\n", "label `a|b` holds `|`"),
            ("labelId,labelName,taskName\n1,a\n", "it has 2 cells where the header has 3"),
        ] {
            let got = read_labels(text.as_bytes(), "labels.csv").unwrap_err().to_string();
            assert!(got.contains(expected), "{got}");
        }
    }
}
