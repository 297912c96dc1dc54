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
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::decode::missing;
use crate::made::MadeColumn;
use crate::schema::{ID, SPLIT, VECTOR, label_element};
use crate::{Error, Result};

/// Rows taken at once.
const ROWS: usize = 4096;
/// The same where columns are made: pictures of that many rows are held.
const MADE_ROWS: usize = 256;
/// A row group is closed when it has grown to as many bytes.
const GROUP_BYTES: usize = 32 << 20;
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
    fn len(&self) -> usize {
        match self {
            Self::Text(rows) => rows.len(),
            Self::Texts(rows) => rows.len(),
            Self::Number(rows) => rows.len(),
        }
    }

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

/// A table of columns to be written, an id a row, beside those that came with the vectors, where there are some.
///
/// **Units and conventions.** Without `carried` rows stand in the order of `ids`. With it they stand in its order, its columns
/// first, under their names and types. A column of ours whose name is taken is called `latentwalk.NAME`.
///
/// **Shapes.** Every column has as many entries as there are ids.
#[derive(Clone, Copy)]
pub struct ColumnTable<'a> {
    /// The id of every row.
    pub ids: &'a [String],
    /// The columns that are held.
    pub columns: &'a [(String, Column)],
    /// The columns that are made while the table is written, a few rows at a time. They stand last.
    pub made: &'a [(String, MadeColumn<'a>)],
    /// A table whose rows have the same ids.
    pub carried: Option<&'a Path>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenTable {
    /// Its rows.
    pub rows: usize,
    /// What our columns are called in it: those that were held, then those that were made.
    pub names: Vec<String>,
}

/// Writes a [`ColumnTable`] of held columns; gives the number of its rows.
///
/// **Errors.** As [`ColumnTable::write`].
pub fn write_columns(
    path: impl AsRef<Path>,
    ids: &[String],
    columns: &[(String, Column)],
    carried: Option<&Path>,
) -> Result<usize> {
    Ok(ColumnTable { ids, columns, made: &[], carried }.write(path)?.rows)
}

impl ColumnTable<'_> {
    /// Writes the table. Beside what is held, a row group of 32 MiB at most is in memory.
    ///
    /// **Errors.** A column of another length, an id of `carried` that is not among `ids`, a column that cannot be made, files that
    /// cannot be read or written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<WrittenTable> {
        let path = path.as_ref();
        self.check()?;
        match self.carried {
            None => self.write_alone(path),
            Some(carried) => self.write_beside(path, carried),
        }
    }

    fn check(&self) -> Result<()> {
        let expected = self.ids.len();
        let wrong = self.columns.iter().find(|(_, column)| column.len() != expected);
        wrong.map_or(Ok(()), |(name, column)| {
            Err(Error::Batch { what: format!("rows in column `{name}`"), expected, got: column.len() })
        })
    }

    fn write_alone(&self, path: &Path) -> Result<WrittenTable> {
        let names = self.names(BTreeSet::from([ID.to_owned()]));
        let id: FieldRef = Arc::new(Field::new(ID, DataType::Utf8, false));
        let fields: Vec<FieldRef> = [id].into_iter().chain(self.fields(&names)).collect();
        let mut out = Out::create(path, Arc::new(Schema::new(fields)), self.properties(&names))?;
        let order: Vec<usize> = (0..self.ids.len()).collect();
        for rows in order.chunks(self.rows_at_once()) {
            let ids: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|&row| &self.ids[row])));
            out.write([ids].into_iter().chain(self.take(rows, &order)?).collect())?;
        }
        Ok(WrittenTable { rows: out.finish()?, names })
    }

    fn write_beside(&self, path: &Path, carried: &Path) -> Result<WrittenTable> {
        let order = self.order(carried)?;
        let places = if self.made.is_empty() { Vec::new() } else { self.places(&order, carried)? };
        let (schema, reader) = open(carried, self.rows_at_once(), |_| true)?;
        let names = self.names(schema.fields().iter().map(|field| field.name().clone()).collect());
        let fields: Vec<FieldRef> = schema.fields().iter().cloned().chain(self.fields(&names)).collect();
        let mut out = Out::create(path, Arc::new(Schema::new(fields)), self.properties(&names))?;
        let mut first = 0;
        for batch in reader {
            let batch = batch.map_err(Error::parquet(carried))?;
            let rows = &order[first..first + batch.num_rows()];
            first += batch.num_rows();
            out.write(batch.columns().iter().cloned().chain(self.take(rows, &places)?).collect())?;
        }
        Ok(WrittenTable { rows: out.finish()?, names })
    }

    /// Of every row of the carried table, which of ours it is.
    fn order(&self, carried: &Path) -> Result<Vec<usize>> {
        let index: BTreeMap<&str, usize> = self.ids.iter().enumerate().map(|(row, id)| (id.as_str(), row)).collect();
        let mut order = Vec::with_capacity(self.ids.len());
        for batch in open(carried, ROWS, |name| name == ID)?.1 {
            let names = texts(carried, &batch.map_err(Error::parquet(carried))?)?;
            for id in names.as_string::<i32>() {
                let place = id.and_then(|id| index.get(id).copied());
                order.push(place.ok_or_else(|| Error::Row {
                    path: carried.to_owned(),
                    row: order.len(),
                    id: id.map(str::to_owned),
                    wrong: "has an id that is none of the run's".to_owned(),
                    hint: "remove the row, or run again with these vectors",
                })?);
            }
        }
        Ok(order)
    }

    /// Of every row of ours, where it stands in the carried table.
    fn places(&self, order: &[usize], carried: &Path) -> Result<Vec<usize>> {
        let mut places = vec![None; self.ids.len()];
        order.iter().enumerate().for_each(|(place, &row)| places[row] = Some(place));
        let missing = |row: usize| Error::Column {
            path: carried.to_owned(),
            column: ID.to_owned(),
            wrong: format!("lacks `{}`", self.ids[row]),
            hint: "run again with these vectors",
        };
        places.into_iter().enumerate().map(|(row, place)| place.ok_or_else(|| missing(row))).collect()
    }

    /// Names of our columns, so that no name stands twice.
    fn names(&self, mut taken: BTreeSet<String>) -> Vec<String> {
        let wanted = self.columns.iter().map(|(name, _)| name).chain(self.made.iter().map(|(name, _)| name));
        let mut free = |name: &String| {
            let mut name = name.clone();
            while !taken.insert(name.clone()) {
                name.insert_str(0, OURS);
            }
            name
        };
        wanted.map(&mut free).collect()
    }

    fn fields(&self, names: &[String]) -> Vec<FieldRef> {
        let (held, made) = names.split_at(self.columns.len());
        let held = held.iter().zip(self.columns).map(|(name, (_, column))| Arc::new(column.field(name)));
        held.chain(made.iter().zip(self.made).map(|(name, (_, column))| Arc::new(column.field(name)))).collect()
    }

    /// Our columns' entries of some rows. `places` says where each row stands in the file.
    fn take(&self, rows: &[usize], places: &[usize]) -> Result<Vec<ArrayRef>> {
        let held = self.columns.iter().map(|(_, column)| Ok(column.take(rows)));
        held.chain(self.made.iter().map(|(name, column)| column.take(name, rows, places))).collect()
    }

    fn properties(&self, names: &[String]) -> WriterProperties {
        let made = names[self.columns.len()..].iter().zip(self.made);
        let plain = made.flat_map(|(name, (_, column))| column.plain(name));
        let builder = plain.fold(WriterProperties::builder(), |builder, path| {
            let builder = builder.set_column_dictionary_enabled(path.clone(), false);
            builder.set_column_statistics_enabled(path, EnabledStatistics::None)
        });
        builder.build()
    }

    fn rows_at_once(&self) -> usize {
        if self.made.is_empty() { ROWS } else { MADE_ROWS }
    }
}

/// Copies all columns but the vectors of the rows that `keep` says; gives the names of those beside `id` and `split`, and
/// writes nothing where there are none.
pub(crate) fn copy(from: &Path, to: &Path, keep: &[bool]) -> Result<Vec<String>> {
    let (schema, reader) = open(from, ROWS, |name| name != VECTOR)?;
    let names = schema.fields().iter().map(|field| field.name().clone());
    let further: Vec<String> = names.filter(|name| ![ID, SPLIT].contains(&name.as_str())).collect();
    if further.is_empty() {
        return Ok(further);
    }
    let mut out = Out::create(to, schema, WriterProperties::default())?;
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

/// Opens a Parquet file, with those of its columns that are wanted, a number of rows at a time. What other tools note in a schema is
/// left behind.
fn open(path: &Path, rows: usize, wanted: impl Fn(&str) -> bool) -> Result<(Arc<Schema>, ParquetRecordBatchReader)> {
    let file = File::open(path).map_err(Error::io(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))?;
    let fields = builder.schema().fields();
    let roots: Vec<usize> = (0..fields.len()).filter(|&at| wanted(fields[at].name())).collect();
    let schema = Schema::new(roots.iter().map(|&at| Arc::clone(&fields[at])).collect::<Vec<FieldRef>>());
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let reader = builder.with_projection(mask).with_batch_size(rows).build().map_err(Error::parquet(path))?;
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
    fn create(path: &'a Path, schema: Arc<Schema>, properties: WriterProperties) -> Result<Self> {
        let file = File::create(path).map_err(Error::io(path))?;
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties));
        let writer = writer.map_err(Error::parquet(path))?;
        Ok(Self { path, schema, writer, rows: 0 })
    }

    fn write(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(Error::parquet(self.path))?;
        self.rows += batch.num_rows();
        self.writer.write(&batch).map_err(Error::parquet(self.path))?;
        match self.writer.in_progress_size() < GROUP_BYTES {
            true => Ok(()),
            false => self.writer.flush().map_err(Error::parquet(self.path)),
        }
    }

    fn finish(self) -> Result<usize> {
        self.writer.close().map_err(Error::parquet(self.path))?;
        Ok(self.rows)
    }
}

#[cfg(test)]
mod tests;
