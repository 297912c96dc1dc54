//! Columns that came with vectors and go out again, beside columns of our own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Float64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};

use crate::decode::missing;
use crate::schema::{ID, SPLIT, VECTOR, label_element};
use crate::{Error, Result};

/// Rows taken at once.
const ROWS: usize = 4096;
/// What stands before a column's name that came in under the same.
const OURS: &str = "latentwalk.";

/// A column to be written, an entry per row.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// A text, or nothing.
    Text(Vec<Option<String>>),
    /// Several texts, or nothing.
    Texts(Vec<Option<Vec<String>>>),
    /// A number.
    Number(Vec<f64>),
}

impl Column {
    fn field(&self, name: &str) -> Field {
        match self {
            Self::Text(_) => Field::new(name, DataType::Utf8, true),
            Self::Texts(_) => Field::new(name, DataType::List(label_element()), true),
            Self::Number(_) => Field::new(name, DataType::Float64, false),
        }
    }

    /// The entries of the given rows.
    fn take(&self, rows: &[usize]) -> ArrayRef {
        match self {
            Self::Text(all) => Arc::new(rows.iter().map(|&row| all[row].as_deref()).collect::<StringArray>()),
            Self::Number(all) => Arc::new(Float64Array::from_iter_values(rows.iter().map(|&row| all[row]))),
            Self::Texts(all) => {
                let mut lists = ListBuilder::new(StringBuilder::new()).with_field(label_element());
                for &row in rows {
                    for text in all[row].iter().flatten() {
                        lists.values().append_value(text);
                    }
                    lists.append(all[row].is_some());
                }
                Arc::new(lists.finish())
            }
        }
    }
}

/// Writes a table of columns, an id a row, beside those that came with the vectors, where there are some.
///
/// **Units and conventions.** Without `carried` rows stand in the order of `ids`. With it they stand in its order, its columns
/// first, under their names and types; a column of ours whose name is taken is called `latentwalk.NAME`.
///
/// **Shapes.** Every column has as many entries as there are ids.
///
/// **Errors.** A column of another length, an id of `carried` that is not among `ids`, files that cannot be read or written.
pub fn write_columns(
    path: impl AsRef<Path>,
    ids: &[String],
    columns: &[(String, Column)],
    carried: Option<&Path>,
) -> Result<usize> {
    let path = path.as_ref();
    for (name, column) in columns {
        let got = match column {
            Column::Text(rows) => rows.len(),
            Column::Texts(rows) => rows.len(),
            Column::Number(rows) => rows.len(),
        };
        if got != ids.len() {
            return Err(Error::Batch { what: format!("rows in column `{name}`"), expected: ids.len(), got });
        }
    }
    let own = |taken: &BTreeSet<String>| -> Vec<FieldRef> {
        let name = |name: &String| if taken.contains(name) { format!("{OURS}{name}") } else { name.clone() };
        columns.iter().map(|(named, column)| Arc::new(column.field(&name(named)))).collect()
    };
    let take = |rows: &[usize]| columns.iter().map(|(_, column)| column.take(rows)).collect::<Vec<ArrayRef>>();
    let Some(carried) = carried else {
        let id: FieldRef = Arc::new(Field::new(ID, DataType::Utf8, false));
        let fields: Vec<FieldRef> = [id].into_iter().chain(own(&BTreeSet::from([ID.to_owned()]))).collect();
        let mut out = Out::create(path, Arc::new(Schema::new(fields)))?;
        let all: Vec<usize> = (0..ids.len()).collect();
        for rows in all.chunks(ROWS) {
            let ids: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|&row| &ids[row])));
            out.write([ids].into_iter().chain(take(rows)).collect())?;
        }
        return out.finish();
    };
    let index: BTreeMap<&str, usize> = ids.iter().enumerate().map(|(row, id)| (id.as_str(), row)).collect();
    let (schema, reader) = open(carried, |_| true)?;
    let taken = schema.fields().iter().map(|field| field.name().clone()).collect();
    let fields: Vec<FieldRef> = schema.fields().iter().cloned().chain(own(&taken)).collect();
    let mut out = Out::create(path, Arc::new(Schema::new(fields)))?;
    let mut first = 0;
    for batch in reader {
        let batch = batch.map_err(Error::parquet(carried))?;
        let names = texts(carried, &batch)?;
        let place = |(row, id): (usize, Option<&str>)| {
            id.and_then(|id| index.get(id).copied()).ok_or_else(|| Error::Row {
                path: carried.to_owned(),
                row: first + row,
                id: id.map(str::to_owned),
                wrong: "has an id that is none of the run's".to_owned(),
                hint: "remove the row, or run again with these vectors",
            })
        };
        let rows = names.as_string::<i32>().iter().enumerate().map(place).collect::<Result<Vec<usize>>>()?;
        first += batch.num_rows();
        out.write(batch.columns().iter().cloned().chain(take(&rows)).collect())?;
    }
    out.finish()
}

/// Copies all columns but the vectors of the rows that `keep` says; gives the names of those beside `id` and `split`, and
/// writes nothing where there are none.
pub(crate) fn copy(from: &Path, to: &Path, keep: &[bool]) -> Result<Vec<String>> {
    let (schema, reader) = open(from, |name| name != VECTOR)?;
    let names = schema.fields().iter().map(|field| field.name().clone());
    let further: Vec<String> = names.filter(|name| ![ID, SPLIT].contains(&name.as_str())).collect();
    if further.is_empty() {
        return Ok(further);
    }
    let mut out = Out::create(to, schema)?;
    let mut first = 0;
    for batch in reader {
        let batch = batch.map_err(Error::parquet(from))?;
        let here = keep.get(first..first + batch.num_rows()).unwrap_or_default();
        first += batch.num_rows();
        let kept = filter_record_batch(&batch, &BooleanArray::from(here.to_vec())).map_err(Error::parquet(from))?;
        out.write(kept.columns().to_vec())?;
    }
    out.finish()?;
    Ok(further)
}

/// Opens a Parquet file, with those of its columns that are wanted. What other tools note in a schema is left behind.
fn open(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<(Arc<Schema>, ParquetRecordBatchReader)> {
    let file = File::open(path).map_err(Error::io(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))?;
    let fields = builder.schema().fields();
    let roots: Vec<usize> = (0..fields.len()).filter(|&at| wanted(fields[at].name())).collect();
    let schema = Schema::new(roots.iter().map(|&at| Arc::clone(&fields[at])).collect::<Vec<FieldRef>>());
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let reader = builder.with_projection(mask).with_batch_size(ROWS).build().map_err(Error::parquet(path))?;
    Ok((Arc::new(schema), reader))
}

/// The column of ids as text.
fn texts(path: &Path, batch: &RecordBatch) -> Result<ArrayRef> {
    let column = batch.column_by_name(ID).ok_or_else(|| missing(path, ID))?;
    cast(column, &DataType::Utf8).map_err(Error::parquet(path))
}

/// A Parquet file in the making.
struct Out<'a> {
    path: &'a Path,
    schema: Arc<Schema>,
    writer: ArrowWriter<File>,
    rows: usize,
}

impl<'a> Out<'a> {
    fn create(path: &'a Path, schema: Arc<Schema>) -> Result<Self> {
        let file = File::create(path).map_err(Error::io(path))?;
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), None);
        let writer = writer.map_err(Error::parquet(path))?;
        Ok(Self { path, schema, writer, rows: 0 })
    }

    fn write(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(Error::parquet(self.path))?;
        self.rows += batch.num_rows();
        self.writer.write(&batch).map_err(Error::parquet(self.path))
    }

    fn finish(self) -> Result<usize> {
        self.writer.close().map_err(Error::parquet(self.path))?;
        Ok(self.rows)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow::array::{Array, DictionaryArray, Int64Array};
    use arrow::datatypes::Int32Type;

    use super::*;
    use crate::VectorFile;

    fn read(path: &Path) -> RecordBatch {
        let file = File::open(path).unwrap();
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().next().unwrap().unwrap()
    }

    /// Vectors as another program may write them: numbers as ids, no split, columns of other types.
    fn foreign(path: &Path) {
        let vectors: ArrayRef = Arc::new(arrow::array::FixedSizeListArray::from_iter_primitive::<
            arrow::datatypes::Float64Type,
            _,
            _,
        >((0..3).map(|i| Some(vec![Some(f64::from(i)), Some(0.5)])), 2));
        let brands: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("y")].into_iter().collect();
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("price", Arc::new(Int64Array::from(vec![Some(10), Some(20), None])) as ArrayRef, true),
            ("id", Arc::new(Int64Array::from(vec![7, 8, 9])) as ArrayRef, false),
            ("brand", Arc::new(brands) as ArrayRef, true),
            ("vector", vectors, false),
            ("sleeve", Arc::new(StringArray::from(vec!["a", "b", "c"])) as ArrayRef, false),
        ])
        .unwrap();
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    #[test]
    fn columns_go_out_as_they_came_in() {
        let folder = tempfile::tempdir().unwrap();
        let (path, kept, out) = (folder.path().join("v"), folder.path().join("c"), folder.path().join("o"));
        foreign(&path);
        let mut file = VectorFile::open(&path, folder.path()).unwrap();
        assert_eq!(file.ids().unwrap(), ["7", "8", "9"]);
        assert_eq!(file.read(&[2, 0]).unwrap(), ndarray::array![[2.0_f32, 0.5], [0.0, 0.5]]);
        assert_eq!(file.copy_columns(&kept, &[true, false, true]).unwrap(), ["price", "brand", "sleeve"]);
        // In the run images stand in another order.
        let ids = ["9", "7"].map(str::to_owned);
        let columns = [
            ("sleeve".to_owned(), Column::Text(vec![None, Some("long".into())])),
            ("tags".to_owned(), Column::Texts(vec![Some(vec!["p".into(), "q".into()]), None])),
            ("sleeve.position".to_owned(), Column::Number(vec![1.5, -2.0])),
        ];
        assert_eq!(write_columns(&out, &ids, &columns, Some(&kept)).unwrap(), 2);
        let batch = read(&out);
        let schema = batch.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["price", "id", "brand", "sleeve", "latentwalk.sleeve", "tags", "sleeve.position"]);
        assert_eq!(batch.column(0).data_type(), &DataType::Int64);
        assert_eq!(batch.column(1).as_ref(), &Int64Array::from(vec![7, 9]) as &dyn Array);
        assert!(matches!(batch.column(2).data_type(), DataType::Dictionary(..)));
        assert_eq!(batch.column(4).as_ref(), &StringArray::from(vec![Some("long"), None]) as &dyn Array);
        assert_eq!(batch.column(6).as_ref(), &Float64Array::from(vec![-2.0, 1.5]) as &dyn Array);
        let strange = write_columns(&out, &["7".to_owned()], &[], Some(&kept)).unwrap_err().to_string();
        assert!(strange.contains("`9`"), "{strange}");
    }

    #[test]
    fn without_further_columns_rows_stand_as_the_ids_do() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("o");
        let ids = ["b", "a"].map(str::to_owned);
        write_columns(&out, &ids, &[("x".to_owned(), Column::Number(vec![1.0, 2.0]))], None).unwrap();
        assert_eq!(read(&out).column(0).as_ref(), &StringArray::from(vec!["b", "a"]) as &dyn Array);
        let short = write_columns(&out, &ids, &[("x".to_owned(), Column::Number(vec![1.0]))], None).unwrap_err();
        assert!(matches!(short, Error::Batch { expected: 2, got: 1, .. }));
    }
}
