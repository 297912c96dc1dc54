//! A manifest as JSON Lines: an object a row.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::manifest::{PATH_COLUMNS, read_split};
use super::rows::Cells;
use super::table::{Cell, LABEL_SEPARATOR, Record, RecordPlace, Table};
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
    wanted: Option<&'a [&'a str]>,
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
        let asked = self.wanted.is_none_or(|list| list.contains(&key));
        let at = asked.then_some(self.names.len());
        self.names.extend(asked.then(|| key.to_owned()));
        self.available.push(key.to_owned());
        self.index.insert(key.to_owned(), at);
        at
    }
}

/// Reads the rows; of the label columns only those `wanted`, or all. Columns stand in the order in which rows name them.
pub(crate) fn scan(reader: impl Read, name: &str, wanted: Option<&[&str]>) -> Result<Table> {
    let mut columns = Columns { wanted, names: Vec::new(), available: Vec::new(), index: BTreeMap::new() };
    let mut cells = Cells::default();
    let mut records = Vec::new();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(Error::io(name))? == 0 {
            break;
        }
        let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line).trim_ascii();
        if text.is_empty() {
            continue;
        }
        let place = Place { file: name.into(), row: Some(number) };
        let fields: Fields = serde_json::from_slice(text)
            .map_err(|error| Error::Manifest { place: place.clone(), reason: error.to_string() })?;
        records.push(record(fields, &mut columns, &mut cells, &place)?);
    }
    if records.is_empty() {
        return Err(Error::Manifest { place: Place { file: name.into(), row: None }, reason: "it is empty".into() });
    }
    let empty = cells.get("");
    records.iter_mut().for_each(|record| record.cells.resize(columns.names.len(), empty.clone()));
    Ok(Table {
        files: vec![name.into()],
        columns: columns.names,
        available: columns.available,
        separator: Some(LABEL_SEPARATOR),
        records,
        ..Table::default()
    })
}

fn record(fields: Fields, columns: &mut Columns<'_>, cells: &mut Cells, place: &Place) -> Result<Record> {
    let wrong = |reason: String| Error::Manifest { place: place.clone(), reason };
    let position = |name: &str| fields.0.iter().position(|field| field.0.eq_ignore_ascii_case(name));
    let path_at = PATH_COLUMNS
        .iter()
        .find_map(|alias| position(alias))
        .ok_or_else(|| wrong(format!("it needs a key with the path of the image ({})", PATH_COLUMNS.join(", "))))?;
    let special = [Some(path_at), position("id"), position("split"), position("group")];
    let mut texts = [const { None }; 4];
    let mut row: Vec<Cell> = vec![cells.get(""); columns.names.len()];
    for (at, (key, value)) in fields.0.iter().enumerate() {
        if let Some(which) = special.iter().position(|special| *special == Some(at)) {
            texts[which] = Some(single(value).ok_or_else(|| wrong(format!("its `{key}` is no text")))?);
            continue;
        }
        let Some(column) = columns.at(key) else { continue };
        let text = match labels(value) {
            Some(text) => text,
            // Where all columns are looked at, those that cannot hold labels are passed over.
            None if columns.wanted.is_none() => String::new(),
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
    let path = path.ok_or_else(|| wrong("its path is empty".into()))?;
    Ok(Record {
        id: id.unwrap_or_else(|| path.clone()),
        path: Some(path.replace('\\', "/")),
        place: RecordPlace::Row { file: 0, row: place.row.unwrap_or_default() },
        cells: row,
        split: split.map(|text| read_split(&text, place)).transpose()?,
        group,
    })
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

    fn read(text: &str, wanted: Option<&[&str]>) -> Result<Table> {
        scan(text.as_bytes(), "m.jsonl", wanted)
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
