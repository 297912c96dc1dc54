//! From a source's raw cells to attributes and labels.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::attribute::{Attribute, AttributeKind, Label};
use crate::description::{AttributeDescription, Description, Rest, natural};
use crate::error::{Error, Place, Result};
use crate::source::unicode::{alike, nfc};
use crate::source::{Record, Table, values};

/// Maps every record's cells; labels come one list a record, in the order of the attributes.
pub(super) fn map(description: &Description, table: &Table, source: &str) -> Result<(Vec<Attribute>, Vec<Vec<Label>>)> {
    let declared = &description.attributes.0;
    let mut attributes = Vec::with_capacity(declared.len());
    let mut labels = vec![Vec::with_capacity(declared.len()); table.records.len()];
    for attribute in declared {
        let column = description.column(attribute);
        let at = table.columns.iter().position(|known| alike(known, column)).ok_or_else(|| Error::Unknown {
            key: format!("attributes.{}", attribute.name),
            kind: "column",
            name: column.into(),
            place: source.into(),
            known: table.available.clone(),
        })?;
        let classes = classes(attribute, table, at);
        let limit = description.images.limits.classes;
        if classes.len() > limit {
            let what = format!("attribute `{}` has {} classes", attribute.name, classes.len());
            return Err(Error::Limit { what, key: "classes", limit: limit as u64 });
        }
        let mapper = Mapper::new(attribute, &classes);
        for (record, labels) in table.records.iter().zip(&mut labels) {
            labels.push(mapper.label(table, record, at)?);
        }
        if labels.iter().all(|labels| labels.last() == Some(&Label::Missing)) {
            return Err(Error::OneClass { attribute: attribute.name.clone(), classes: 0 });
        }
        if classes.len() < 2 {
            return Err(Error::OneClass { attribute: attribute.name.clone(), classes: classes.len() });
        }
        let order = attribute.order_in(&classes)?;
        attributes.push(Attribute { name: attribute.name.clone(), kind: attribute.kind, classes, order });
    }
    Ok((attributes, labels))
}

pub(crate) fn classes(attribute: &AttributeDescription, table: &Table, at: usize) -> Vec<String> {
    let known = attribute.known_classes();
    if !known.is_empty() {
        return known;
    }
    let cells = table.records.iter().map(|record| &*record.cells[at]);
    let separator = attribute.separator(table);
    let distinct: BTreeSet<&str> = cells.flat_map(|cell| values(cell, separator)).collect();
    let mut classes: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
    classes.sort_by(|a, b| natural(a, b));
    classes
}

/// Looks values up.
pub(crate) struct Mapper<'a> {
    attribute: &'a AttributeDescription,
    /// From a source's value to a class index.
    index: BTreeMap<Cow<'a, str>, u32>,
}

impl<'a> Mapper<'a> {
    pub(crate) fn new(attribute: &'a AttributeDescription, classes: &'a [String]) -> Self {
        let numbered = classes.iter().zip(0..).map(|(class, at)| (class.as_str(), at));
        let by_class: BTreeMap<&str, u32> = numbered.collect();
        let mapped =
            attribute.map.iter().filter_map(|(value, class)| Some((nfc(value), *by_class.get(class.as_str())?)));
        // Cells are in NFC, whatever the description is in.
        let index = match attribute.map.is_empty() {
            true => by_class.iter().map(|(class, at)| (nfc(class), *at)).collect(),
            false => mapped.collect(),
        };
        Self { attribute, index }
    }

    /// The class index of a value.
    pub(crate) fn class(&self, value: &str) -> Option<u32> {
        self.index.get(value).copied()
    }

    fn label(&self, table: &Table, record: &Record, at: usize) -> Result<Label> {
        let cell = &record.cells[at];
        let mut found = Vec::new();
        for value in values(cell, self.attribute.separator(table)) {
            match (self.class(value), self.attribute.rest) {
                (Some(class), _) => found.push(class),
                (None, Rest::Unlabelled) => {}
                (None, Rest::Error) => return Err(self.unknown(table.place(record), value)),
            }
        }
        found.sort_unstable();
        found.dedup();
        match (self.attribute.kind, &found[..]) {
            // A cell that holds nothing but the separator: it is known that no class applies.
            (AttributeKind::Multi, []) if &**cell == "|" => Ok(Label::Many(found)),
            (_, []) => Ok(Label::Missing),
            (AttributeKind::Multi, _) => Ok(Label::Many(found)),
            (_, [class]) => Ok(Label::One(*class)),
            _ if self.attribute.several == Rest::Unlabelled => Ok(Label::Missing),
            _ => Err(Error::Cell {
                place: table.place(record),
                value: cell.to_string(),
                wrong: format!("several labels for attribute `{}`, which takes one", self.attribute.name),
                hint: "declare `kind = \"multi\"`, set `several = \"unlabelled\"`, or leave one label",
            }),
        }
    }

    fn unknown(&self, place: Place, value: &str) -> Error {
        let wrong = format!("which attribute `{}` does not know", self.attribute.name);
        let hint = "add it to the attribute's map or classes, or set `rest = \"unlabelled\"` there";
        Error::Cell { place, value: value.into(), wrong, hint }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::source::manifest;

    fn mapped(attribute: &str, cells: &[&str]) -> Result<(Vec<Attribute>, Vec<Label>)> {
        let text = format!("[images]\nsource = \"manifest\"\nfile = \"m.csv\"\n[attributes.x]\n{attribute}");
        let rows: String = cells.iter().enumerate().map(|(row, cell)| format!("{row}.png,{cell}\n")).collect();
        let table = manifest::scan(format!("path,x\n{rows}").as_bytes(), "m.csv", manifest::Wanted::default())?;
        let (attributes, labels) = map(&Description::parse(&text)?, &table, "m.csv")?;
        Ok((attributes, labels.into_iter().flatten().collect()))
    }

    #[test]
    fn classes_are_the_sorted_values_of_the_column() {
        let (attributes, labels) = mapped("kind = \"ordered\"", &["10", "", "9", "10"]).unwrap();
        assert_eq!(attributes[0].classes, ["9", "10"]);
        assert_eq!(attributes[0].order, [0, 1]);
        assert_eq!(labels, [Label::One(1), Label::Missing, Label::One(0), Label::One(1)]);
    }

    #[test]
    fn several_labels_need_kind_multi() {
        let (attributes, labels) =
            mapped("kind = \"multi\"\nrest = \"unlabelled\"\nclasses = [\"b\", \"a\"]", &["a | b|a", "c", "b|c"])
                .unwrap();
        assert_eq!(attributes[0].order, [0_u32; 0]);
        assert_eq!(labels, [Label::Many(vec![0, 1]), Label::Missing, Label::Many(vec![0])]);
        let error = mapped("kind = \"nominal\"", &["a|b", "b"]).unwrap_err().to_string();
        assert!(error.contains("m.csv, row 2 has `a|b`, several labels for attribute `x`"), "{error}");
        assert!(error.contains("\nhint: declare `kind = \"multi\"`"), "{error}");
        let (_, labels) = mapped("kind = \"nominal\"\nseveral = \"unlabelled\"", &["a|b", "b", "a"]).unwrap();
        assert_eq!(labels, [Label::Missing, Label::One(1), Label::One(0)]);
        let (_, labels) =
            mapped("kind = \"nominal\"\nmap = { a = \"A\", b = \"A\", c = \"C\" }", &["a|b", "c"]).unwrap();
        assert_eq!(labels, [Label::One(0), Label::One(1)]);
    }

    #[test]
    fn values_outside_the_map_are_named() {
        let error =
            mapped("kind = \"nominal\"\nmap = { a = \"A\", b = \"B\" }", &["a", "", "z"]).unwrap_err().to_string();
        assert!(error.contains("m.csv, row 4 has `z`, which attribute `x` does not know"), "{error}");
        assert!(error.contains("\nhint: add it to the attribute's map"), "{error}");
    }

    #[test]
    fn empty_and_one_class_columns_are_errors() {
        assert!(matches!(mapped("kind = \"nominal\"", &["", ""]), Err(Error::OneClass { classes: 0, .. })));
        assert!(matches!(mapped("kind = \"nominal\"", &["a", ""]), Err(Error::OneClass { classes: 1, .. })));
        assert!(matches!(
            mapped("kind = \"nominal\"\ncolumn = \"y\"", &["a"]),
            Err(Error::Unknown { kind: "column", .. })
        ));
        assert!(matches!(
            mapped("kind = \"ordered\"\norder = [\"a\", \"c\"]", &["a", "b"]),
            Err(Error::Unknown { kind: "class", .. })
        ));
    }
}
