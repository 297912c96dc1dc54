//! Tables `[attributes.NAME]`.

use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::attribute::AttributeKind;
use crate::error::{Error, Result};
use crate::source::{Separator, Table};

/// What becomes of a source's value that the map or the classes do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rest {
    /// The import stops and names it.
    #[default]
    Error,
    /// The image stays unlabelled for the attribute.
    Unlabelled,
}

impl Rest {
    fn is_error(&self) -> bool {
        *self == Self::Error
    }
}

/// Table `[attributes.NAME]`: one thing that is told of every image, and the classes that it may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeDescription {
    /// The NAME of the table.
    #[serde(skip)]
    pub name: String,
    /// What its labels are.
    pub kind: AttributeKind,
    /// The source's column; without it `label` (source `idx`), `folder` (source `folder`) or the attribute's name (all others).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// In place of `column`: the columns of a table with one column per class, which hold 1 where the class applies and 0 where
    /// it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// What separates several labels in one cell: a character, or `list` for cells like `["a", "b"]`. Without it `|`, and nothing
    /// in sources whose labels come singly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// The classes. Without them, those that the map leads to, in the order of its keys; without a map too, the distinct
    /// values of the column. Both are sorted, whole numbers by value and before other text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// For kind `ordered`: classes from least to most. It may leave classes out; without it, all classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
    /// What becomes of values that the map or the classes do not have. Default [`Rest::Error`].
    #[serde(default)]
    pub rest: Rest,
    /// For kinds `ordered` and `nominal`: what becomes of an image with several labels at once. Default [`Rest::Error`].
    #[serde(default, skip_serializing_if = "Rest::is_error")]
    pub several: Rest,
    /// From a source's value to a class; without it values are classes.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub map: std::collections::BTreeMap<String, String>,
}

/// The attributes in the order of their declaration; in TOML a table of tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes(pub Vec<AttributeDescription>);

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for attribute in &self.0 {
            map.serialize_entry(&attribute.name, attribute)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table with one table per attribute")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Attributes, A::Error> {
                let mut attributes: Vec<AttributeDescription> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if attributes.iter().any(|known| known.name == name) {
                        return Err(A::Error::custom(format!("attribute `{name}` is declared twice")));
                    }
                    let attribute: AttributeDescription = map.next_value()?;
                    attributes.push(AttributeDescription { name, ..attribute });
                }
                Ok(Attributes(attributes))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl AttributeDescription {
    /// The classes as far as the description alone tells them; empty when they are the column's values.
    pub(crate) fn known_classes(&self) -> Vec<String> {
        if !self.classes.is_empty() {
            return self.classes.clone();
        }
        if self.map.is_empty() && !self.columns.is_empty() {
            return self.columns.clone();
        }
        let mut keys: Vec<&String> = self.map.keys().collect();
        keys.sort_by(|a, b| natural(a, b));
        let mut classes: Vec<String> = Vec::new();
        for class in keys.into_iter().map(|key| &self.map[key]) {
            if !classes.contains(class) {
                classes.push(class.clone());
            }
        }
        classes
    }

    /// Indices of the order in `classes`.
    ///
    /// **Errors.** [`Error::Unknown`] when the classes are the column's values and the order names another.
    pub(crate) fn order_in(&self, classes: &[String]) -> Result<Vec<u32>> {
        if self.kind != AttributeKind::Ordered {
            return Ok(Vec::new());
        }
        if self.order.is_empty() {
            return Ok((0..classes.len() as u32).collect());
        }
        let index = |class: &String| match classes.iter().position(|known| known == class) {
            Some(at) => Ok(at as u32),
            None => Err(self.unknown("order", class, classes.to_vec())),
        };
        self.order.iter().map(index).collect()
    }

    /// What separates its labels in a cell of the table.
    pub(crate) fn separator(&self, table: &Table) -> Separator {
        self.separator.as_deref().and_then(Separator::parse).unwrap_or(table.separator)
    }

    /// The error of a key that names a class which does not exist.
    pub(super) fn unknown(&self, key: &str, class: &str, known: Vec<String>) -> Error {
        let place = format!("attribute `{}`", self.name);
        Error::Unknown { key: self.key(key), kind: "class", name: class.into(), place, known }
    }

    /// The name of one of the table's keys.
    pub(super) fn key(&self, key: &str) -> String {
        format!("attributes.{}.{key}", self.name)
    }
}

/// Sorts whole numbers by value and before other text.
pub(crate) fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let number = |text: &str| text.parse::<i64>().map_err(|_| ());
    match (number(a), number(b)) {
        (Ok(x), Ok(y)) => x.cmp(&y).then_with(|| a.cmp(b)),
        (Ok(_), Err(())) => std::cmp::Ordering::Less,
        (Err(()), Ok(_)) => std::cmp::Ordering::Greater,
        (Err(()), Err(())) => a.cmp(b),
    }
}
