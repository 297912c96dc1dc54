//! COCO-style JSON as Fashionpedia has it: garments of an image with a category and attributes each.
//!
//! Labels are gathered an image: the length of a sleeve stands with the sleeve, not with the dress that it belongs to.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;

use super::json::{self, Id, Number, Numbers};
use super::rows::{NamedLabel, Rows, check_name, column_of};
use super::table::{RecordPlace, Table};
use crate::error::{Error, Place, Result};

/// Column of the categories.
const CATEGORY: &str = "category";
/// Column of attributes without a supercategory.
const ATTRIBUTE: &str = "attribute";

/// Boxes, outlines and licences are not needed, and not kept.
#[derive(Deserialize)]
struct File {
    images: Vec<Image>,
    #[serde(default)]
    annotations: Vec<Annotation>,
    #[serde(default)]
    categories: Vec<Named>,
    #[serde(default)]
    attributes: Vec<Named>,
}

#[derive(Deserialize)]
struct Image {
    id: Id,
    file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: Id,
    category_id: Option<Number>,
    #[serde(default)]
    attribute_ids: Numbers,
}

#[derive(Deserialize)]
struct Named {
    id: Number,
    name: String,
    supercategory: Option<String>,
}

/// Labels by number, each kind with numbers of its own.
struct Labels {
    columns: Vec<String>,
    names: Vec<NamedLabel>,
    categories: BTreeMap<u64, u32>,
    attributes: BTreeMap<u64, u32>,
}

impl Labels {
    fn new(file: &File, name: &str) -> Result<Self> {
        let mut columns = vec![CATEGORY.to_owned()];
        let mut names = Vec::new();
        let mut index = |list: &[Named], what: &str, column: &mut dyn FnMut(&Named) -> usize| {
            let mut index = BTreeMap::new();
            for named in list {
                let place = || Place { file: name.to_owned(), row: None };
                check_name(&named.name, place)?;
                if index.insert(named.id.0, names.len() as u32).is_some() {
                    let reason = format!("it has the {what} {} twice", named.id.0);
                    return Err(Error::Manifest { place: place(), reason });
                }
                names.push((column(named), named.name.trim().to_owned()));
            }
            Ok(index)
        };
        let categories = index(&file.categories, "category", &mut |_| 0)?;
        let attributes = index(&file.attributes, "attribute", &mut |named| {
            let supercategory = named.supercategory.as_deref().map(str::trim).filter(|text| !text.is_empty());
            column_of(&mut columns, supercategory.unwrap_or(ATTRIBUTE))
        })?;
        Ok(Self { columns, names, categories, attributes })
    }
}

/// Reads the JSON.
pub(super) fn scan(reader: impl Read, file: &str, wanted: Option<&[&str]>) -> Result<Table> {
    let read: File = json::read(reader, file)?;
    let labels = Labels::new(&read, file)?;
    let mut rows = Rows::new(vec![file.to_owned()], labels.columns.clone(), wanted);
    for (image, row) in read.images.iter().zip(1..) {
        let path = image.file_name.replace('\\', "/");
        rows.insert(&image.id.0, path, RecordPlace::Row { file: 0, row })?;
    }
    let mut found: Vec<Vec<u32>> = vec![Vec::new(); rows.len()];
    let mut strangers = 0;
    for (annotation, number) in read.annotations.iter().zip(1..) {
        let Some(at) = rows.find(&annotation.image_id.0) else {
            strangers += 1;
            continue;
        };
        let unknown = |what: &str, id: u64| Error::Manifest {
            place: rows.place(at),
            reason: format!("annotation {number} gives it {what} {id}, which the file does not name"),
        };
        if let Some(Number(id)) = annotation.category_id {
            found[at].push(*labels.categories.get(&id).ok_or_else(|| unknown("category", id))?);
        }
        for &id in &annotation.attribute_ids.0 {
            found[at].push(*labels.attributes.get(&id).ok_or_else(|| unknown("attribute", id))?);
        }
    }
    for (at, mut found) in found.into_iter().enumerate() {
        rows.set_labels(at, &mut found, &labels.names);
    }
    rows.remark_strangers(file, strangers);
    Ok(rows.finish())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TEXT: &str = r#"{"info": {}, "licenses": [],
        "categories": [{"id": 0, "name": "shirt, blouse", "supercategory": "upperbody", "level": 2},
            {"id": 31, "name": "sleeve", "supercategory": "garment parts", "level": 2}],
        "attributes": [{"id": 160, "name": "short (length)", "supercategory": "length", "level": 1},
            {"id": 204, "name": "set-in sleeve", "supercategory": "nickname", "level": 2},
            {"id": 163, "name": "maxi (length)", "supercategory": "length", "level": 1},
            {"id": 300, "name": "washed"}],
        "images": [{"id": 23, "file_name": "a.jpg", "width": 4, "height": 4}, {"id": "24", "file_name": "b.jpg"}],
        "annotations": [{"id": 1, "image_id": 23, "category_id": 31, "attribute_ids": [160, 204], "bbox": [0, 0, 1, 1],
            "segmentation": [[0.5, 1.5]], "area": 1}, {"id": 2, "image_id": 23, "category_id": 0, "attribute_ids": [163, 300]},
            {"id": 3, "image_id": 24, "category_id": 31}, {"id": 4, "image_id": 99, "category_id": 0}]}"#;

    #[test]
    fn labels_are_gathered_an_image() {
        let table = scan(TEXT.as_bytes(), "train.json", None).unwrap();
        assert_eq!(table.columns, ["category", "length", "nickname", "attribute"]);
        let cells = |at: usize| table.records[at].cells.iter().map(|cell| &**cell).collect::<Vec<_>>();
        assert_eq!(cells(0), ["shirt, blouse|sleeve", "short (length)|maxi (length)", "set-in sleeve", "washed"]);
        assert_eq!(cells(1), ["sleeve", "", "", ""]);
        let [a, b] = &table.records[..] else { panic!("two images") };
        assert_eq!((&a.id[..], a.path.as_deref(), &b.id[..]), ("23", Some("a.jpg"), "24"));
        assert_eq!(table.remarks, ["train.json: 1 entries name images that are not listed"]);
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, expected) in [
            ("\"24\"", "23", "train.json, row 2 has `23`, the id of train.json, row 1 too\nhint: give"),
            ("[160, 204]", "[161]", "train.json, row 1 cannot be read: annotation 1 gives it attribute 161"),
            (
                "\"category_id\": 0, \"attribute_ids\"",
                "\"category_id\": 1, \"attribute_ids\"",
                "annotation 2 gives it category 1",
            ),
            ("{\"id\": 204", "{\"id\": 160", "train.json cannot be read: it has the attribute 160 twice"),
            ("\"file_name\": \"b.jpg\"", "\"file\": \"b.jpg\"", "missing field `file_name`"),
            ("shirt, blouse", "shirt|blouse", "label `shirt|blouse` holds `|`"),
        ] {
            assert!(TEXT.contains(from), "{from}");
            let got = scan(TEXT.replacen(from, to, 1).as_bytes(), "train.json", None).unwrap_err().to_string();
            assert!(got.contains(expected), "{got}");
        }
    }
}
