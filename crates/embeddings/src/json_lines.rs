//! A Parquet table without vectors, as JSON Lines.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::Value;

use crate::{Error, Result};

/// Rows turned into text at once.
const ROWS: usize = 1024;

/// The rows of a Parquet file as JSON Lines, an object a row, turned as they are read.
///
/// **Units and conventions.** Text, dictionaries of text, whole numbers and booleans become what they are; a float that is a
/// whole number is written without point, as tools write counts with gaps, and NaN as `null`; lists of these become lists. Bytes,
/// and Hugging Face's structs of `bytes` and `path`, become `{"bytes": LENGTH, "path": TEXT}`; [`EmbeddedBytes`] gives them.
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
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::Struct(_) => {
            return embedded(column);
        }
        _ => return Ok(None),
    }))
}

/// What bytes, or a struct of bytes and a path, look like as text; `None` for other structs.
fn embedded(column: &ArrayRef) -> ArrowResult<Option<Vec<Value>>> {
    let Some((bytes, paths)) = bytes_and_paths(column)? else { return Ok(None) };
    let value = |row: usize| {
        let length = (!bytes.is_null(row)).then(|| bytes.value(row).len());
        let path = paths.as_ref().filter(|paths| !paths.is_null(row)).map(|paths| paths.value(row));
        match (length, path) {
            (None, None) => Value::Null,
            (length, path) => serde_json::json!({ "bytes": length, "path": path }),
        }
    };
    Ok(Some((0..column.len()).map(value).collect()))
}

/// The bytes of a column, and the paths beside them; `None` for a column of another type.
pub(crate) fn bytes_and_paths(column: &ArrayRef) -> ArrowResult<Option<(BinaryArray, Option<StringArray>)>> {
    let as_bytes = |column: &ArrayRef| -> ArrowResult<BinaryArray> {
        Ok(cast(column, &DataType::Binary)?.as_binary::<i32>().clone())
    };
    match column.data_type() {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Ok(Some((as_bytes(column)?, None))),
        DataType::Struct(_) => {
            let parts = column.as_struct();
            let Some(bytes) = parts.column_by_name("bytes") else { return Ok(None) };
            if !matches!(bytes.data_type(), DataType::Binary | DataType::LargeBinary | DataType::BinaryView) {
                return Ok(None);
            }
            let paths = parts.column_by_name("path").filter(|paths| paths.data_type().is_string());
            let paths = paths.map(|paths| cast(paths, &DataType::Utf8)).transpose()?;
            Ok(Some((as_bytes(bytes)?, paths.map(|paths| paths.as_string::<i32>().clone()))))
        }
        _ => Ok(None),
    }
}

/// The bytes that a column of a Parquet file holds, one entry per row, read in batches: images within a table.
pub struct EmbeddedBytes {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    bytes: Option<BinaryArray>,
    /// The next row of the batch.
    at: usize,
}

impl EmbeddedBytes {
    /// Opens a column of bytes, or of structs with a field `bytes`.
    ///
    /// **Errors.** No whole Parquet file; a column that is not there.
    pub fn open(path: impl AsRef<Path>, column: &str) -> Result<Self> {
        /// Rows in memory at once: images are large.
        const ROWS: usize = 64;
        let path = path.as_ref().to_owned();
        let file = File::open(&path).map_err(Error::io(&path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(&path))?;
        let at = builder
            .schema()
            .fields()
            .iter()
            .position(|field| field.name() == column)
            .ok_or_else(|| Error::column(&path, column, "it is not there"))?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), [at]);
        let batches = builder.with_projection(mask).with_batch_size(ROWS).build().map_err(Error::parquet(&path))?;
        Ok(Self { path, batches, bytes: None, at: 0 })
    }

    fn fill(&mut self) -> Result<bool> {
        loop {
            if self.bytes.as_ref().is_some_and(|bytes| self.at < bytes.len()) {
                return Ok(true);
            }
            let Some(batch) = self.batches.next() else { return Ok(false) };
            let batch = batch.map_err(Error::parquet(&self.path))?;
            let found = bytes_and_paths(batch.column(0)).map_err(Error::parquet(&self.path))?;
            self.bytes = found.map(|(bytes, _)| bytes);
            self.at = 0;
            if self.bytes.is_none() {
                return Err(Error::column(&self.path, batch.schema().field(0).name(), "it holds no bytes"));
            }
        }
    }
}

impl Iterator for EmbeddedBytes {
    type Item = Result<Option<Vec<u8>>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.fill() {
            Err(error) => Some(Err(error)),
            Ok(false) => None,
            Ok(true) => {
                let bytes = self.bytes.as_ref()?;
                let value = (!bytes.is_null(self.at)).then(|| bytes.value(self.at).to_vec());
                self.at += 1;
                Some(Ok(value))
            }
        }
    }
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
        StringBuilder, StructArray, TimestampSecondArray,
    };
    use arrow::datatypes::{Field, Int32Type};
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn write<const N: usize>(path: &Path, columns: [(&str, ArrayRef); N]) {
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn rows(path: &Path) -> Vec<Value> {
        let mut text = String::new();
        JsonLines::open(path).unwrap().read_to_string(&mut text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn images_within_a_table_are_told_and_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.parquet");
        let bytes: Vec<Option<&[u8]>> = vec![Some(b"abc"), None, Some(b"")];
        let plain: ArrayRef = Arc::new(BinaryArray::from(bytes));
        let paths: ArrayRef = Arc::new(StringArray::from(vec![Some("a.png"), None, Some("c.png")]));
        let fields = vec![
            (Arc::new(Field::new("bytes", DataType::Binary, true)), plain.clone()),
            (Arc::new(Field::new("path", DataType::Utf8, true)), paths),
        ];
        let nested: ArrayRef = Arc::new(StructArray::from(fields));
        let other: ArrayRef = Arc::new(StructArray::from(vec![(
            Arc::new(Field::new("x", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec!["1", "2", "3"])) as ArrayRef,
        )]));
        let columns = [("image", nested), ("plain", plain), ("other", other)];
        write(&path, columns);
        let rows = rows(&path);
        assert_eq!(
            rows,
            [
                serde_json::json!({"image": {"bytes": 3, "path": "a.png"}, "plain": {"bytes": 3, "path": null}}),
                serde_json::json!({"image": null, "plain": null}),
                serde_json::json!({"image": {"bytes": 0, "path": "c.png"}, "plain": {"bytes": 0, "path": null}}),
            ]
        );
        for column in ["image", "plain"] {
            let found: Vec<Option<Vec<u8>>> = EmbeddedBytes::open(&path, column).unwrap().map(Result::unwrap).collect();
            assert_eq!(found, [Some(b"abc".to_vec()), None, Some(Vec::new())]);
        }
        assert!(EmbeddedBytes::open(&path, "picture").is_err());
        assert!(EmbeddedBytes::open(&path, "other").unwrap().next().unwrap().is_err());
    }

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
        write(&path, columns);
        let rows = rows(&path);
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
