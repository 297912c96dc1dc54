//! Columns that are made while a table is written, so that not all of their entries are held.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Float32Builder, Int64Builder, ListBuilder, PrimitiveBuilder, StringArray, StructArray,
};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, FieldRef, Fields};
use parquet::schema::types::ColumnPath;

use crate::error::Cause;
use crate::schema::ELEMENT;
use crate::{Error, Result};

/// Makes the entries of some rows, in their order.
pub type Make<'a, T> = Box<dyn Fn(&[usize]) -> Result<Vec<T>, Cause> + 'a>;

/// The rows near a row, nearest first, each with its distance.
pub type NearRows = Vec<(usize, f32)>;

/// An encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The bytes of its file.
    pub bytes: Vec<u8>,
    /// What it is called.
    pub path: String,
}

/// A column that is made while a table is written.
pub enum MadeColumn<'a> {
    /// A struct of `ids` and `distances`. Rows are given as those of the table's ids, and written as those of the file.
    Neighbours(Make<'a, NearRows>),
    /// A struct of `bytes` and `path`, as Hugging Face's `datasets` stores images.
    Pictures(Make<'a, Picture>),
}

impl MadeColumn<'_> {
    pub(crate) fn field(&self, name: &str) -> Field {
        let fields = match self {
            Self::Neighbours(_) => neighbour_fields(),
            Self::Pictures(_) => picture_fields(),
        };
        Field::new(name, DataType::Struct(fields), false)
    }

    /// The entries of the given rows. `places` says where each row stands in the file.
    pub(crate) fn take(&self, name: &str, rows: &[usize], places: &[usize]) -> Result<ArrayRef> {
        Ok(match self {
            Self::Neighbours(make) => neighbours(&made(make, name, rows)?, places),
            Self::Pictures(make) => pictures(&made(make, name, rows)?),
        })
    }

    /// The parts whose values are all different and large, so that neither a dictionary nor statistics of them are of use.
    pub(crate) fn plain(&self, name: &str) -> Option<ColumnPath> {
        matches!(self, Self::Pictures(_)).then(|| ColumnPath::new(vec![name.to_owned(), BYTES.to_owned()]))
    }
}

const IDS: &str = "ids";
const DISTANCES: &str = "distances";
const BYTES: &str = "bytes";
const PATH: &str = "path";

fn made<T>(make: &Make<'_, T>, name: &str, rows: &[usize]) -> Result<Vec<T>> {
    let entries = make(rows).map_err(|source| Error::Made { column: name.to_owned(), source })?;
    match entries.len() == rows.len() {
        true => Ok(entries),
        false => {
            let what = format!("rows in column `{name}`");
            Err(Error::Batch { what, expected: rows.len(), got: entries.len() })
        }
    }
}

fn element(kind: DataType) -> FieldRef {
    Arc::new(Field::new(ELEMENT, kind, false))
}

fn neighbour_fields() -> Fields {
    let list = |name: &str, kind: DataType| Field::new(name, DataType::List(element(kind)), false);
    Fields::from(vec![list(IDS, DataType::Int64), list(DISTANCES, DataType::Float32)])
}

fn picture_fields() -> Fields {
    Fields::from(vec![Field::new(BYTES, DataType::Binary, false), Field::new(PATH, DataType::Utf8, false)])
}

fn neighbours(near: &[NearRows], places: &[usize]) -> ArrayRef {
    let ids = lists(near, Int64Builder::new(), DataType::Int64, |&(row, _)| places[row] as i64);
    let distances = lists(near, Float32Builder::new(), DataType::Float32, |&(_, distance)| distance);
    Arc::new(StructArray::new(neighbour_fields(), vec![ids, distances], None))
}

fn lists<T: ArrowPrimitiveType>(
    near: &[NearRows],
    values: PrimitiveBuilder<T>,
    kind: DataType,
    value: impl Fn(&(usize, f32)) -> T::Native,
) -> ArrayRef {
    let mut lists = ListBuilder::new(values).with_field(element(kind));
    for row in near {
        row.iter().for_each(|near| lists.values().append_value(value(near)));
        lists.append(true);
    }
    Arc::new(lists.finish())
}

fn pictures(pictures: &[Picture]) -> ArrayRef {
    let bytes = BinaryArray::from_iter_values(pictures.iter().map(|picture| &picture.bytes));
    let paths = StringArray::from_iter_values(pictures.iter().map(|picture| &picture.path));
    Arc::new(StructArray::new(picture_fields(), vec![Arc::new(bytes), Arc::new(paths)], None))
}
