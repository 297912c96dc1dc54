//! A Parquet table without vectors, as JSON Lines.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::Value;

use crate::{Error, Result};

/// Rows turned into text at once.
const ROWS: usize = 1024;

/// The rows of a Parquet file as JSON Lines, an object a row, turned as they are read.
///
/// **Units and conventions.** Text, dictionaries of text, whole numbers and booleans become what they are; a float that is a
/// whole number is written without point, as tools write counts with gaps, and NaN as `null`; lists of these become lists.
/// Columns of any other type are left out.
pub struct JsonLines {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    text: Vec<u8>,
    /// How much of the text has been given.
    given: usize,
}

impl JsonLines {
    /// Opens a file.
    ///
    /// **Errors.** No whole Parquet file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let file = File::open(&path).map_err(Error::io(&path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(&path))?;
        let batches = builder.with_batch_size(ROWS).build().map_err(Error::parquet(&path))?;
        Ok(Self { path, batches, text: Vec::new(), given: 0 })
    }

    fn fill(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema = batch.schema();
        let mut columns: Vec<(&str, Vec<Value>)> = Vec::new();
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            if let Some(values) = values(column).map_err(Error::parquet(&self.path))? {
                columns.push((field.name(), values));
            }
        }
        self.text.clear();
        self.given = 0;
        for row in 0..batch.num_rows() {
            // By hand, so that keys stand in the order of the columns.
            for (at, (name, values)) in columns.iter().enumerate() {
                self.text.extend_from_slice(if at == 0 { b"{" } else { b", " });
                self.text.extend_from_slice(format!("{}: {}", Value::from(*name), values[row]).as_bytes());
            }
            self.text.extend_from_slice(if columns.is_empty() { b"{}\n" } else { b"}\n" });
        }
        Ok(())
    }
}

impl Read for JsonLines {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            let Some(batch) = self.batches.next() else { return Ok(0) };
            self.fill(&batch.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        let count = out.len().min(self.text.len() - self.given);
        out[..count].copy_from_slice(&self.text[self.given..][..count]);
        self.given += count;
        Ok(count)
    }
}

type ArrowResult<T> = std::result::Result<T, arrow::error::ArrowError>;

/// A column's values; `None` for types that no label has.
fn values(column: &ArrayRef) -> ArrowResult<Option<Vec<Value>>> {
    let kind = column.data_type();
    Ok(Some(match kind {
        DataType::Null => vec![Value::Null; column.len()],
        DataType::Dictionary(_, inside) => return values(&cast(column, inside)?),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            cast(column, &DataType::Utf8)?.as_string::<i32>().iter().map(Value::from).collect()
        }
        DataType::Boolean => column.as_boolean().iter().map(Value::from).collect(),
        // As text, so that no number is too large.
        kind if kind.is_integer() => {
            cast(column, &DataType::Utf8)?.as_string::<i32>().iter().map(Value::from).collect()
        }
        kind if kind.is_floating() => {
            let floats = cast(column, &DataType::Float64)?;
            floats.as_primitive::<Float64Type>().iter().map(float).collect()
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => return lists(column),
        _ => return Ok(None),
    }))
}

fn float(value: Option<f64>) -> Value {
    match value {
        Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => Value::from(value as i64),
        Some(value) => serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number),
        None => Value::Null,
    }
}

fn lists(column: &ArrayRef) -> ArrowResult<Option<Vec<Value>>> {
    let inside = match column.data_type() {
        DataType::List(inside) | DataType::LargeList(inside) | DataType::FixedSizeList(inside, _) => inside,
        _ => return Ok(None),
    };
    let lists = cast(column, &DataType::List(inside.clone()))?;
    let lists = lists.as_list::<i32>();
    let mut all = Vec::with_capacity(lists.len());
    for row in 0..lists.len() {
        if lists.is_null(row) {
            all.push(Value::Null);
            continue;
        }
        let Some(list) = values(&lists.value(row))? else { return Ok(None) };
        all.push(Value::Array(list));
    }
    Ok(Some(all))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, DictionaryArray, Float64Array, Int32Array, LargeStringArray, ListBuilder, NullArray,
        StringBuilder, TimestampSecondArray,
    };
    use arrow::datatypes::Int32Type;
    use parquet::arrow::ArrowWriter;

    use super::*;

    #[test]
    fn every_type_of_label_becomes_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.parquet");
        let mut tags = ListBuilder::new(StringBuilder::new());
        tags.append_value([Some("a"), Some("b")]);
        tags.append_null();
        let sleeves: DictionaryArray<Int32Type> = vec![None, Some("long")].into_iter().collect();
        let columns: [(&str, ArrayRef); 8] = [
            ("path", Arc::new(LargeStringArray::from(vec!["x.png", "ü.png"]))),
            ("sleeve", Arc::new(sleeves)),
            ("count", Arc::new(Int32Array::from(vec![Some(3), None]))),
            ("half", Arc::new(Float64Array::from(vec![2.0, f64::NAN]))),
            ("worn", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("tags", Arc::new(tags.finish())),
            ("none", Arc::new(NullArray::new(2))),
            ("time", Arc::new(TimestampSecondArray::from(vec![1, 2]))),
        ];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let mut text = String::new();
        JsonLines::open(&path).unwrap().read_to_string(&mut text).unwrap();
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            rows,
            [
                serde_json::json!({"path": "x.png", "sleeve": null, "count": "3", "half": 2, "worn": true,
                                   "tags": ["a", "b"], "none": null}),
                serde_json::json!({"path": "ü.png", "sleeve": "long", "count": null, "half": null, "worn": null,
                                   "tags": null, "none": null}),
            ]
        );
        std::fs::write(&path, b"path,x").unwrap();
        assert!(JsonLines::open(&path).is_err());
    }
}
