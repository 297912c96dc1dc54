//! From TOML to the option structs, with the key of whatever is wrong.

use serde::Deserializer;
use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, Unexpected, Visitor};
use toml::{Table, Value};

use super::mistake::{Mistake, join};

/// Reads the value of a dotted key.
pub(super) fn read<T: DeserializeOwned>(key: &str, value: Value) -> Result<T, Mistake> {
    T::deserialize(Node { key: key.to_owned(), value })
}

/// A table of a description whose keys are taken out one by one.
pub(super) struct Section {
    name: &'static str,
    table: Table,
    taken: Vec<&'static str>,
}

impl Section {
    /// Takes a section out of a description; one that is not there is empty.
    pub(super) fn of(description: &mut Table, name: &'static str) -> Result<Self, Mistake> {
        let table = match description.remove(name).unwrap_or_else(|| Value::Table(Table::new())) {
            Value::Table(table) => table,
            value => return Err(Node { key: name.to_owned(), value }.is_no("a table")),
        };
        Ok(Self { name, table, taken: Vec::new() })
    }

    /// Takes one key; `None` where it is not given.
    pub(super) fn take<T: DeserializeOwned>(&mut self, key: &'static str) -> Result<Option<T>, Mistake> {
        self.taken.push(key);
        self.table.remove(key).map(|value| read(&join(self.name, key), value)).transpose()
    }

    /// Whether a key is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reads all keys that are left.
    pub(super) fn rest<T: DeserializeOwned>(self) -> Result<T, Mistake> {
        read(self.name, Value::Table(self.table)).map_err(|mistake: Mistake| mistake.also_known(self.name, &self.taken))
    }
}

/// A value under its dotted key.
struct Node {
    key: String,
    value: Value,
}

impl Node {
    /// What is wrong with a value of another type.
    fn is_no(&self, expected: &str) -> Mistake {
        let got = match &self.value {
            Value::String(text) => Unexpected::Str(text),
            Value::Integer(number) => Unexpected::Signed(*number),
            Value::Float(number) => Unexpected::Float(*number),
            Value::Boolean(value) => Unexpected::Bool(*value),
            Value::Datetime(_) => Unexpected::Other("a date"),
            Value::Array(_) => Unexpected::Seq,
            Value::Table(_) => Unexpected::Map,
        };
        Mistake::invalid_type(got, &expected).at(&self.key)
    }
}

impl<'de> IntoDeserializer<'de, Mistake> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let key = self.key;
        let read = match self.value {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Boolean(value) => visitor.visit_bool(value),
            Value::Datetime(_) => Err(Mistake::invalid_type(Unexpected::Other("a date"), &visitor)),
            Value::Array(values) => {
                let nodes = values.into_iter().enumerate();
                let mut list =
                    SeqDeserializer::new(nodes.map(|(at, value)| Node { key: format!("{key}[{at}]"), value }));
                visitor.visit_seq(&mut list).and_then(|read| list.end().map(|()| read))
            }
            Value::Table(table) => {
                let node = |(name, value): (String, Value)| (name.clone(), Node { key: join(&key, &name), value });
                visitor.visit_map(MapDeserializer::new(table.into_iter().map(node)))
            }
        };
        read.map_err(|mistake| mistake.at(&key))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        // TOML has no null: what is there is something.
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match self.value {
            Value::String(word) => {
                let word: StringDeserializer<Mistake> = word.into_deserializer();
                visitor.visit_enum(word).map_err(|mistake| mistake.at(&self.key))
            }
            _ => Err(self.is_no(&format!("one of {}", known.join(", ")))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
