//! Values that data sets write now as text, now as numbers.

use std::fmt;
use std::io::{BufReader, Read};

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};

use super::encoding;
use crate::error::{Error, Place, Result};

/// Reads a whole JSON file into a struct; what the struct does not name is passed over without being kept.
///
/// **Errors.** [`Error::Manifest`] with the line and column.
pub(super) fn read<T: DeserializeOwned>(reader: impl Read, file: &str) -> Result<T> {
    let text = encoding::utf8(reader).map_err(Error::io(file))?;
    serde_json::from_reader(BufReader::new(encoding::WithoutNan::new(text))).map_err(|error| match error.classify() {
        serde_json::error::Category::Io => Error::io(file)(error.into()),
        _ => Error::Manifest { place: Place { file: file.to_owned(), row: None }, reason: error.to_string() },
    })
}

/// A name: text, or a whole number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id(pub(super) String);

/// A number: whole, or text that holds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(pub(super) u64);

/// Several numbers, or one, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Numbers(pub(super) Vec<u64>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Id, E> {
                match text.trim() {
                    "" => Err(E::custom("the id is empty")),
                    id => Ok(Id(id.to_owned())),
                }
            }

            fn visit_u64<E>(self, number: u64) -> std::result::Result<Id, E> {
                Ok(Id(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> std::result::Result<Id, E> {
                Ok(Id(number.to_string()))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let id = Id::deserialize(deserializer)?;
        id.0.parse().map(Number).map_err(|_| D::Error::custom(format!("`{}` is no whole number", id.0)))
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Numbers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of whole numbers, or one")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Numbers, A::Error> {
                let mut numbers = Vec::new();
                while let Some(Number(number)) = list.next_element()? {
                    numbers.push(number);
                }
                Ok(Numbers(numbers))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Numbers, E> {
                let number = text.trim().parse().map_err(|_| E::custom(format!("`{text}` is no whole number")))?;
                Ok(Numbers(vec![number]))
            }

            fn visit_u64<E>(self, number: u64) -> std::result::Result<Numbers, E> {
                Ok(Numbers(vec![number]))
            }

            fn visit_unit<E>(self) -> std::result::Result<Numbers, E> {
                Ok(Numbers::default())
            }
        }

        deserializer.deserialize_any(List)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn both_spellings_are_read() {
        let ids: Vec<Id> = read(&br#"["a7", " 8 ", 9]"#[..], "f").unwrap();
        assert_eq!(ids.into_iter().map(|id| id.0).collect::<Vec<_>>(), ["a7", "8", "9"]);
        let lists: Vec<Numbers> = read(&br#"[["1", 2], "3", 4, null, []]"#[..], "f").unwrap();
        assert_eq!(
            lists.into_iter().map(|list| list.0).collect::<Vec<_>>(),
            [vec![1, 2], vec![3], vec![4], vec![], vec![]]
        );
        for text in ["[\"x\"]", "[[-1]]", "[[1.5]]", "[[1]", "[{}]"] {
            let got = read::<Vec<Numbers>>(text.as_bytes(), "f.json").unwrap_err().to_string();
            assert!(got.starts_with("f.json cannot be read: ") && got.contains("at line 1 column"), "{got}");
        }
    }
}
