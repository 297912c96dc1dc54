//! A manifest as JSON Lines: an object a row.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::encoding;
use super::manifest::{PATH_COLUMNS, Preview, Wanted, no_path_column, read_split};
use super::rows::Cells;
use super::table::{Cell, LABEL_SEPARATOR, Record, RecordPlace, Separator, Table};
use super::unicode::{alike, nfc};
use crate::error::{Error, Place, Result};

/// Whether a manifest's name says that it is JSON Lines.
pub(crate) fn is_lines(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".jsonl") || name.ends_with(".ndjson")
}

/// The fields of a row in their order.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Fields, A::Error> {
                let mut fields: Vec<(String, Value)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    if fields.iter().any(|known| known.0 == key) {
                        return Err(A::Error::custom(format!("key `{key}` stands there twice")));
                    }
                    fields.push((key, value));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// The label columns found so far.
struct Columns<'a> {
    wanted: Wanted<'a>,
    names: Vec<String>,
    available: Vec<String>,
    index: BTreeMap<String, Option<usize>>,
}

impl Columns<'_> {
    /// Where a key stands in the table, if it was asked for.
    fn at(&mut self, key: &str) -> Option<usize> {
        if let Some(known) = self.index.get(key) {
            return *known;
        }
        let asked = self.wanted.labels.is_none_or(|list| list.iter().any(|asked| alike(asked, key)));
        let at = asked.then_some(self.names.len());
        self.names.extend(asked.then(|| nfc(key).into_owned()));
        self.available.push(nfc(key).into_owned());
        self.index.insert(key.to_owned(), at);
        at
    }
}

/// Reads the rows; of the label columns only those `wanted`, or all. Columns stand in the order in which rows name them.
pub(crate) fn scan(reader: impl Read, name: &str, wanted: Wanted<'_>) -> Result<Table> {
    let mut columns = Columns { wanted, names: Vec::new(), available: Vec::new(), index: BTreeMap::new() };
    let mut cells = Cells::default();
    let (mut records, mut embedded) = (Vec::new(), Vec::new());
    lines(reader, name, usize::MAX, &mut |fields, place| {
        let (record, holds) = record(fields, &mut columns, &mut cells, place)?;
        embedded.extend(holds.map(|column| (column, records.len())));
        records.push(record);
        Ok(())
    })?;
    if records.is_empty() {
        return Err(Error::Manifest { place: Place { file: name.into(), row: None }, reason: "it is empty".into() });
    }
    if !embedded.is_empty() && embedded.len() < records.len() {
        let at = records.iter().position(|record: &Record| record.path.is_some()).unwrap_or_default();
        let place = Place { file: name.into(), row: Some(at as u64 + 1) };
        let reason = "it names a file where other rows hold the image itself: split the table".to_owned();
        return Err(Error::Manifest { place, reason });
    }
    let empty = cells.get("");
    records.iter_mut().for_each(|record| record.cells.resize(columns.names.len(), empty.clone()));
    Ok(Table {
        files: vec![name.into()],
        columns: columns.names,
        available: columns.available,
        separator: Separator::Mark(LABEL_SEPARATOR),
        records,
        embedded: embedded.into_iter().next().map(|(column, _)| column),
        ..Table::default()
    })
}

/// Calls `visit` with the first `most` rows and where they stand.
fn lines(
    reader: impl Read,
    name: &str,
    most: usize,
    visit: &mut dyn FnMut(Fields, &Place) -> Result<()>,
) -> Result<()> {
    let mut reader = BufReader::new(encoding::utf8(reader).map_err(Error::io(name))?);
    let (mut line, mut rows) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        if rows == most || reader.read_until(b'\n', &mut line).map_err(Error::io(name))? == 0 {
            break;
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let place = Place { file: name.into(), row: Some(number) };
        visit(fields(text).map_err(|reason| Error::Manifest { place: place.clone(), reason })?, &place)?;
        rows += 1;
    }
    Ok(())
}

/// The fields of one row. Python's `NaN` is no JSON, but everywhere.
fn fields(text: &[u8]) -> std::result::Result<Fields, String> {
    serde_json::from_slice(text).or_else(|error| {
        let lenient = serde_json::from_reader(encoding::WithoutNan::new(text));
        lenient.map_err(|_| error.to_string())
    })
}

/// The first `rows` rows; columns in the order in which rows name them.
pub(crate) fn preview(reader: impl Read, name: &str, rows: usize) -> Result<Preview> {
    let mut preview = Preview::default();
    lines(reader, name, rows, &mut |fields, _| {
        let mut row = Vec::new();
        for (key, value) in fields.0 {
            if holds_image(&value) {
                preview.embedded.get_or_insert_with(|| nfc(&key).into_owned());
            }
            let Some(text) = single(&value) else { continue };
            let at = preview.columns.iter().position(|known| *known == nfc(&key)).unwrap_or_else(|| {
                preview.columns.push(nfc(&key).into_owned());
                preview.columns.len() - 1
            });
            row.resize(row.len().max(at + 1), String::new());
            row[at] = text;
        }
        preview.rows.push(row);
        Ok(())
    })?;
    preview.rows.iter_mut().for_each(|row| row.resize(preview.columns.len(), String::new()));
    Ok(preview)
}

/// A row, and the column that holds its image, if the image itself lies in it.
fn record(
    fields: Fields,
    columns: &mut Columns<'_>,
    cells: &mut Cells,
    place: &Place,
) -> Result<(Record, Option<String>)> {
    let wrong = |reason: String| Error::Manifest { place: place.clone(), reason };
    let position = |name: &str| fields.0.iter().position(|field| field.0.eq_ignore_ascii_case(name));
    let path_at = match columns.wanted.path {
        Some(named) => fields.0.iter().position(|field| alike(&field.0, named)),
        None => PATH_COLUMNS.iter().find_map(|alias| position(alias)),
    };
    let path_at = path_at.ok_or_else(|| {
        let found = fields.0.iter().map(|field| field.0.as_str()).collect::<Vec<_>>().join(", ");
        wrong(no_path_column("key", columns.wanted.path, &found))
    })?;
    let special = [Some(path_at), position("id"), position("split"), position("group")];
    let mut texts = [const { None }; 4];
    let held = holds_image(&fields.0[path_at].1).then(|| fields.0[path_at].0.clone());
    let mut row: Vec<Cell> = vec![cells.get(""); columns.names.len()];
    for (at, (key, value)) in fields.0.iter().enumerate() {
        let special = special.iter().enumerate().filter(|(_, special)| **special == Some(at)).map(|(which, _)| which);
        let special: Vec<usize> = special.collect();
        if !special.is_empty() {
            // The path may be the id too. An image that lies in the row is called as the file that it comes from.
            let text = single(value.get("path").filter(|_| held.is_some() && at == path_at).unwrap_or(value))
                .ok_or_else(|| wrong(format!("its `{key}` is no text")))?;
            special.into_iter().for_each(|which| texts[which] = Some(text.clone()));
            continue;
        }
        let Some(column) = columns.at(key) else { continue };
        let text = match labels(value) {
            Some(text) => text,
            // Where all columns are looked at, those that cannot hold labels are passed over.
            None if columns.wanted.labels.is_none() => String::new(),
            None => {
                return Err(wrong(format!(
                    "its `{key}` is neither a text, a number, a boolean, null nor a list of them"
                )));
            }
        };
        if column >= row.len() {
            row.resize(column + 1, cells.get(""));
        }
        row[column] = cells.get(&text);
    }
    let [path, id, split, group] = texts.map(|text| text.filter(|text| !text.is_empty()));
    let number = || format!("row-{:06}", place.row.unwrap_or_default());
    let path = match (path, &held) {
        (Some(path), _) => path,
        (None, Some(_)) => number(),
        (None, None) => return Err(wrong("its path is empty".into())),
    };
    let record = Record {
        id: id.unwrap_or_else(|| path.clone()),
        path: held.is_none().then(|| path.replace('\\', "/")),
        place: RecordPlace::Row { file: 0, row: place.row.unwrap_or_default() },
        cells: row,
        split: split.map(|text| read_split(&text, place)).transpose()?,
        group,
    };
    Ok((record, held))
}

/// Whether a value says that the image itself lies in the row.
fn holds_image(value: &Value) -> bool {
    value.get("bytes").is_some_and(|bytes| bytes.is_u64())
}

/// A value that is no list, as text.
fn single(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(value) => Some(value.trim().to_owned()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The labels that a value holds, as a cell.
fn labels(value: &Value) -> Option<String> {
    match value {
        Value::Array(list) => {
            Some(list.iter().map(single).collect::<Option<Vec<_>>>()?.join(LABEL_SEPARATOR.encode_utf8(&mut [0; 4])))
        }
        other => single(other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::attribute::Split;

    const TEXT: &str = "\u{feff}{\"file_name\": \"a\\\\b.png\", \"sleeve\": \"long\", \"tags\": [\"red\", \"dotted\"], \"Split\": \"val\"}\n\
                        \n\
                        {\"id\": 7, \"file_name\": \"c.png\", \"buttons\": 3, \"sleeve\": null, \"group\": \"g\"}\n\
                        {\"file_name\": \"d.png\", \"worn\": true, \"vector\": [[0.5]]}\n";

    fn read(text: &str, labels: Option<&[&str]>) -> Result<Table> {
        scan(text.as_bytes(), "m.jsonl", Wanted { labels, path: None })
    }

    #[test]
    fn rows_may_leave_keys_out() {
        let table = read(TEXT, None).unwrap();
        assert_eq!(table.columns, ["sleeve", "tags", "buttons", "worn", "vector"]);
        let cells = |at: usize| table.records[at].cells.iter().map(|cell| &**cell).collect::<Vec<_>>();
        assert_eq!(cells(0), ["long", "red|dotted", "", "", ""]);
        assert_eq!(cells(1), ["", "", "3", "", ""]);
        assert_eq!(cells(2), ["", "", "", "true", ""]);
        let [a, c, d] = &table.records[..] else { panic!("three rows") };
        assert_eq!((a.path.as_deref(), a.split, &a.id[..]), (Some("a/b.png"), Some(Split::Validation), "a\\b.png"));
        assert_eq!((&c.id[..], c.group.as_deref(), &d.id[..]), ("7", Some("g"), "d.png"));
        assert_eq!(table.place(c), Place { file: "m.jsonl".into(), row: Some(3) });
        let table = read(TEXT, Some(&["tags"])).unwrap();
        assert_eq!((table.columns.len(), table.available.len()), (1, 5));
        assert!(is_lines("a/M.JSONL") && is_lines("m.ndjson") && !is_lines("m.json"));
    }

    #[test]
    fn mistakes_are_named() {
        let wanted: &[&str] = &["sleeve"];
        for (text, expected) in [
            ("", "m.jsonl cannot be read: it is empty"),
            ("{\"sleeve\": \"long\"}", "m.jsonl, row 1 cannot be read: it needs a key with the path"),
            ("{\"path\": \"a\"}\n[1]", "m.jsonl, row 2 cannot be read: invalid type"),
            ("{\"path\": \"a\"}\n{\"path\": ", "m.jsonl, row 2 cannot be read: EOF"),
            ("{\"path\": \"a\", \"x\": 1, \"x\": 2}", "key `x` stands there twice"),
            ("{\"path\": \"\"}", "its path is empty"),
            ("{\"path\": [\"a\"]}", "its `path` is no text"),
            ("{\"path\": \"a\", \"sleeve\": {\"long\": 1}}", "its `sleeve` is neither a text"),
            (
                "{\"path\": \"a\", \"split\": \"dev\"}",
                "row 1 has `dev`, which is no split\nhint: use train, validation",
            ),
        ] {
            let got = read(text, Some(wanted)).unwrap_err().to_string();
            assert!(got.contains(expected), "{got}");
        }
    }
}
