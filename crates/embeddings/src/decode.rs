//! Arrow columns to rows, with every check that a foreign file needs.

use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, ListArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type};
use ndarray::Array2;

use crate::schema::{AttributeColumn, ID, SPLIT, Schema, VECTOR, label_element, vector_element};
use crate::table::{LabelColumn, Labels, Table, first_not_finite};
use crate::{Error, Result};

/// Turns batches of one file into rows.
pub(crate) struct Decoder {
    pub(crate) path: PathBuf,
    pub(crate) schema: Schema,
}

impl Decoder {
    /// All columns of a batch whose first row is row `first` of the file.
    pub(crate) fn table(&self, batch: &RecordBatch, first: usize) -> Result<Table> {
        let Labels { ids, splits, labels } = self.labels(batch, first)?;
        let values = self.vectors(batch, first, &ids)?;
        let vectors = self.matrix(batch.num_rows(), values)?;
        Ok(Table { ids, splits, vectors, labels })
    }

    /// All columns but the vectors.
    pub(crate) fn labels(&self, batch: &RecordBatch, first: usize) -> Result<Labels> {
        let ids = self.texts(batch, ID, first)?;
        let splits = self.texts(batch, SPLIT, first)?;
        let attributes = self.schema.attributes.iter();
        let labels = attributes.map(|attribute| self.label(batch, attribute, first)).collect::<Result<_>>()?;
        Ok(Labels { ids, splits, labels })
    }

    /// A column of text that has no nulls.
    pub(crate) fn texts(&self, batch: &RecordBatch, column: &str, first: usize) -> Result<Vec<String>> {
        let texts = self.cast(self.column(batch, column)?, &DataType::Utf8)?;
        let texts: &StringArray = texts.as_string();
        let text = |(row, text): (usize, Option<&str>)| text.map(str::to_owned).ok_or(row);
        texts
            .iter()
            .enumerate()
            .map(text)
            .collect::<std::result::Result<_, usize>>()
            .map_err(|row| Error::null_text(&self.path, first + row, column))
    }

    fn label(&self, batch: &RecordBatch, attribute: &AttributeColumn, first: usize) -> Result<LabelColumn> {
        let column = self.column(batch, &attribute.name)?;
        if !attribute.multi {
            let names = self.cast(column, &DataType::Utf8)?;
            let names: &StringArray = names.as_string();
            return Ok(LabelColumn::One(names.iter().map(|name| name.map(str::to_owned)).collect()));
        }
        // Cast with a nullable element, so that a null inside is reported with its row.
        let element = label_element().as_ref().clone().with_nullable(true);
        let lists = self.cast(column, &DataType::List(element.into()))?;
        let lists: &ListArray = lists.as_list();
        let names = |row: usize| -> Result<Option<Vec<String>>> {
            if lists.is_null(row) {
                return Ok(None);
            }
            let list = lists.value(row);
            let list: &StringArray = list.as_string();
            let names: Option<Vec<String>> = list.iter().map(|name| name.map(str::to_owned)).collect();
            names.map(Some).ok_or_else(|| Error::null_text(&self.path, first + row, &attribute.name))
        };
        (0..lists.len()).map(names).collect::<Result<_>>().map(LabelColumn::Many)
    }

    /// Values of vectors as a matrix of `n` rows.
    pub(crate) fn matrix(&self, n: usize, values: Vec<f32>) -> Result<Array2<f32>> {
        let (got, width) = (values.len() / self.schema.width, self.schema.width);
        let wrong = |_| Error::RowCount { path: self.path.clone(), expected: n, got };
        Array2::from_shape_vec((n, width), values).map_err(wrong)
    }

    /// The values of a batch's vectors, one vector after another.
    pub(crate) fn vectors(&self, batch: &RecordBatch, first: usize, ids: &[String]) -> Result<Vec<f32>> {
        let column = self.column(batch, VECTOR)?;
        if column.null_count() > 0 {
            let row = (0..column.len()).find(|row| column.is_null(*row)).unwrap_or_default();
            return Err(self.null_vector(first, row, ids));
        }
        let values = match column.data_type() {
            DataType::FixedSizeList(..) => fixed_values(column.as_fixed_size_list()),
            _ => self.list_values(column, first, ids)?,
        };
        if values.null_count() > 0 {
            let place = (0..values.len()).find(|place| values.is_null(*place)).unwrap_or_default();
            return Err(self.null_vector(first, place / self.schema.width, ids));
        }
        let values = self.cast(&values, &DataType::Float32)?;
        let values = values.as_primitive::<Float32Type>().values();
        self.check_finite(values, first, ids)?;
        Ok(values.to_vec())
    }

    /// The values of lists that all must have the table's width.
    fn list_values(&self, column: &ArrayRef, first: usize, ids: &[String]) -> Result<ArrayRef> {
        let element = vector_element().as_ref().clone().with_nullable(true);
        let lists = self.cast(column, &DataType::List(element.into()))?;
        let lists: &ListArray = lists.as_list();
        let expected = self.schema.width;
        for (row, bounds) in lists.value_offsets().windows(2).enumerate() {
            let got = (bounds[1] - bounds[0]) as usize;
            if got != expected {
                return Err(Error::Row {
                    path: self.path.clone(),
                    row: first + row,
                    id: Some(ids[row].clone()),
                    wrong: format!("has a vector of {got} values, the table's width is {expected}"),
                    hint: "remove the row or repair what made it",
                });
            }
        }
        let start = lists.value_offsets()[0] as usize;
        Ok(lists.values().slice(start, lists.len() * expected))
    }

    fn check_finite(&self, values: &[f32], first: usize, ids: &[String]) -> Result<()> {
        for (row, vector) in values.chunks_exact(self.schema.width).enumerate() {
            if let Some((axis, value)) = first_not_finite(vector) {
                return Err(Error::not_finite(&self.path, (first + row, ids[row].clone()), (axis, value)));
            }
        }
        Ok(())
    }

    fn null_vector(&self, first: usize, row: usize, ids: &[String]) -> Error {
        Error::null_vector(&self.path, first + row, ids[row].clone())
    }

    fn column<'a>(&self, batch: &'a RecordBatch, column: &str) -> Result<&'a ArrayRef> {
        batch.column_by_name(column).ok_or_else(|| missing(&self.path, column))
    }

    fn cast(&self, column: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
        if column.data_type() == to {
            return Ok(ArrayRef::clone(column));
        }
        cast(column, to).map_err(Error::parquet(&self.path))
    }
}

/// The values of a fixed-size list, which may be a window into a longer array.
fn fixed_values(lists: &FixedSizeListArray) -> ArrayRef {
    let width = lists.value_length() as usize;
    lists.values().slice(lists.value_offset(0) as usize, lists.len() * width)
}

pub(crate) fn missing(path: &Path, column: &str) -> Error {
    let (wrong, hint) = ("is missing".to_owned(), "add it, or rename the one that is meant");
    Error::Column { path: path.to_owned(), column: column.to_owned(), wrong, hint }
}
