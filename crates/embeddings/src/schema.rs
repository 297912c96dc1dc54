//! The table's columns and what they are called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema as ArrowSchema};

use crate::{Error, Result};

/// The column of ids.
pub const ID: &str = "id";
/// The column of splits.
pub const SPLIT: &str = "split";
/// The column of vectors.
pub const VECTOR: &str = "vector";
/// The metadata key that holds the version of the table's layout.
pub const SCHEMA_KEY: &str = "latentwalk.schema";
/// The version of the table's layout that this crate writes.
pub const SCHEMA_VERSION: u32 = 1;

/// Where Arrow keeps its own schema in a Parquet footer.
pub(crate) const ARROW_KEY: &str = "ARROW:schema";
/// What the Parquet specification calls the values of a list.
pub(crate) const ELEMENT: &str = "element";

/// One attribute's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeColumn {
    /// The attribute's name, which is the column's.
    pub name: String,
    /// Whether a row may carry several labels at once.
    pub multi: bool,
}

impl AttributeColumn {
    /// An attribute of which a row has one class at most.
    pub fn one(name: impl Into<String>) -> Self {
        Self { name: name.into(), multi: false }
    }

    /// An attribute of which a row may have several labels.
    pub fn many(name: impl Into<String>) -> Self {
        Self { name: name.into(), multi: true }
    }
}

/// What a table holds: the vectors' width, the attributes in column order, and notes in the file's footer.
///
/// **Units and conventions.** The writer adds [`SCHEMA_KEY`] to the metadata by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Values in a vector, `d`.
    pub width: usize,
    /// One column each, in this order.
    pub attributes: Vec<AttributeColumn>,
    /// Notes on the whole table, such as the tap that the vectors were read at.
    pub metadata: BTreeMap<String, String>,
}

impl Schema {
    /// A schema without metadata.
    pub fn new(width: usize, attributes: Vec<AttributeColumn>) -> Self {
        Self { width, attributes, metadata: BTreeMap::new() }
    }

    /// The place of an attribute among the label columns.
    pub fn attribute(&self, name: &str) -> Option<usize> {
        self.attributes.iter().position(|attribute| attribute.name == name)
    }

    /// Refuses what no table can have.
    pub(crate) fn check(&self) -> Result<()> {
        if self.width == 0 || i32::try_from(self.width).is_err() {
            return Err(wrong_width(self.width));
        }
        let mut seen = BTreeSet::new();
        let wrong = |name: &String, why| Error::Name { what: "an attribute", name: name.clone(), why };
        for AttributeColumn { name, .. } in &self.attributes {
            if name.is_empty() || [ID, SPLIT, VECTOR].contains(&name.as_str()) {
                return Err(wrong(name, "it is empty or that of a column that every table has"));
            }
            if !seen.insert(name) {
                return Err(wrong(name, "another one has this name"));
            }
        }
        self.check_metadata()
    }

    fn check_metadata(&self) -> Result<()> {
        for (key, value) in &self.metadata {
            let is_our_version = key == SCHEMA_KEY && *value == SCHEMA_VERSION.to_string();
            if key == ARROW_KEY || (key == SCHEMA_KEY && !is_our_version) {
                return Err(Error::Name { what: "a metadata key", name: key.clone(), why: "it belongs to the format" });
            }
        }
        Ok(())
    }

    /// The schema in Arrow's terms. Metadata stay out of it: Arrow keeps them in a hash map, whose order is not ours.
    pub(crate) fn to_arrow(&self) -> Result<ArrowSchema> {
        let width = i32::try_from(self.width).map_err(|_| wrong_width(self.width))?;
        let mut fields = vec![
            Field::new(ID, DataType::Utf8, false),
            Field::new(SPLIT, DataType::Utf8, false),
            Field::new(VECTOR, DataType::FixedSizeList(vector_element(), width), false),
        ];
        fields.extend(self.attributes.iter().map(|AttributeColumn { name, multi }| {
            let kind = if *multi { DataType::List(label_element()) } else { DataType::Utf8 };
            Field::new(name, kind, true)
        }));
        Ok(ArrowSchema::new(fields))
    }
}

/// A width that no table has.
fn wrong_width(got: usize) -> Error {
    Error::Setting { what: "the vectors' width", got, must: "at least 1, and fit 31 bits" }
}

/// One value of a vector.
pub(crate) fn vector_element() -> FieldRef {
    Arc::new(Field::new(ELEMENT, DataType::Float32, false))
}

/// One name in a list of labels.
pub(crate) fn label_element() -> FieldRef {
    Arc::new(Field::new(ELEMENT, DataType::Utf8, false))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn impossible_schemas_are_refused() {
        let named = |names: &[&str]| Schema::new(3, names.iter().map(|name| AttributeColumn::one(*name)).collect());
        assert!(matches!(Schema::new(0, vec![]).check(), Err(Error::Setting { got: 0, .. })));
        assert!(matches!(Schema::new(1 << 40, vec![]).check(), Err(Error::Setting { got: 0x100_0000_0000, .. })));
        assert!(matches!(named(&["vector"]).check(), Err(Error::Name { name, .. }) if name == "vector"));
        assert!(matches!(named(&[""]).check(), Err(Error::Name { name, .. }) if name.is_empty()));
        assert!(matches!(named(&["a", "b", "a"]).check(), Err(Error::Name { name, .. }) if name == "a"));
        let mut schema = named(&["a"]);
        schema.metadata.insert(SCHEMA_KEY.into(), "1".into());
        schema.check().unwrap();
        schema.metadata.insert(SCHEMA_KEY.into(), "2".into());
        assert!(matches!(schema.check(), Err(Error::Name { what: "a metadata key", .. })));
    }

    #[test]
    fn attributes_are_found_by_name() {
        let schema = Schema::new(3, vec![AttributeColumn::one("a"), AttributeColumn::many("b")]);
        assert_eq!(schema.attribute("b"), Some(1));
        assert_eq!(schema.attribute("c"), None);
    }
}
