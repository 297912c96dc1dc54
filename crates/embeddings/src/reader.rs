//! A Parquet file to batches.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, SchemaRef};
use ndarray::Array2;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use crate::decode::{Decoder, missing};
use crate::schema::{ARROW_KEY, AttributeColumn, ID, SCHEMA_KEY, SCHEMA_VERSION, SPLIT, Schema, VECTOR};
use crate::table::{Labels, Table};
use crate::{Error, Result};

/// A good number of rows to read at once: the decoded vectors stay in the processor's cache; at a width of
/// 1000, batches of 2048 rows and more were measured to take 1.6 to 1.9 times as long.
pub const DEFAULT_BATCH_ROWS: usize = 512;

/// Rows of labels decoded at once.
const LABEL_ROWS: usize = 4096;

/// Reads a table, its own or one that another tool wrote.
///
/// **Units and conventions.** From other tools it also takes text as large, view or dictionary text, and vectors as lists
/// of free length that all have the same, of `f32` or of `f64` (rounded to `f32`). Every column besides `id`, `split` and
/// `vector` is an attribute.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    footer: ArrowReaderMetadata,
    schema: Schema,
    rows: usize,
}

impl Reader {
    /// Opens a table and reads its footer.
    ///
    /// **Errors.** No whole Parquet file, a later version, a column missing or of a type that cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::with(path.as_ref(), attributes)
    }

    /// Opens a table of which nothing but ids and vectors will be read; what other columns there are does not matter.
    pub(crate) fn open_vectors(path: impl AsRef<Path>) -> Result<Self> {
        Self::with(path.as_ref(), |path, schema| {
            let kind = field(path, schema, ID)?.data_type();
            if is_text(kind) || kind.is_integer() {
                return Ok(Vec::new());
            }
            Err(column_type(path, ID, "text or whole numbers", kind))
        })
    }

    fn with(path: &Path, attributes: impl Fn(&Path, &SchemaRef) -> Result<Vec<AttributeColumn>>) -> Result<Self> {
        let path = path.to_owned();
        let file = File::open(&path).map_err(Error::io(&path))?;
        let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(Error::parquet(&path))?;
        let metadata = key_values(&footer);
        check_version(&path, &metadata)?;
        let attributes = attributes(&path, footer.schema())?;
        // A negative count is as wrong as a missing row, and is found the same way.
        let rows = usize::try_from(footer.metadata().file_metadata().num_rows()).unwrap_or_default();
        let mut reader = Self { path, footer, schema: Schema { width: 0, attributes, metadata }, rows };
        reader.schema.width = reader.width()?;
        Ok(reader)
    }

    /// The table's columns and metadata.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many rows the table has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The table in batches of at most `batch_rows` rows, in file order; [`DEFAULT_BATCH_ROWS`] is a good number.
    ///
    /// **Errors.** A size of zero, a file that has gone; each batch by itself: NaN, nulls, a wrong width, damage. After an
    /// error the iterator ends.
    pub fn batches(&self, batch_rows: usize) -> Result<Batches> {
        let stream = self.stream(batch_rows, None)?;
        Ok(Batches { stream, decoder: self.decoder() })
    }

    /// Ids, splits and labels of all rows; the vectors are not touched.
    ///
    /// **Errors.** As [`Reader::batches`].
    pub fn labels(&self) -> Result<Labels> {
        let attributes = self.schema.attributes.iter().map(|attribute| attribute.name.as_str());
        let columns: Vec<&str> = [ID, SPLIT].into_iter().chain(attributes).collect();
        let decoder = self.decoder();
        let mut all = Labels::empty(&self.schema);
        for batch in self.stream(LABEL_ROWS, Some(&columns))? {
            let (first, batch) = batch?;
            all.append(decoder.labels(&batch, first)?);
        }
        Ok(all)
    }

    /// The ids of all rows, in file order.
    ///
    /// **Errors.** As [`Reader::batches`].
    pub fn ids(&self) -> Result<Vec<String>> {
        let decoder = self.decoder();
        let mut all = Vec::new();
        for batch in self.stream(LABEL_ROWS, Some(&[ID]))? {
            let (first, batch) = batch?;
            all.extend(decoder.texts(&batch, ID, first)?);
        }
        Ok(all)
    }

    /// The vectors of all rows, or of the given ones, in one matrix.
    ///
    /// **Shapes.** `n x d`, `n` the number of rows asked for. `rows` must increase.
    ///
    /// **Units and conventions.** Takes `4 n d` bytes of memory and a batch besides; for more than fits, use
    /// [`Reader::batches`]. The whole file is read even for a few rows.
    ///
    /// **Errors.** [`Error::RowRequest`] for rows out of order or out of range; else as [`Reader::batches`].
    pub fn vectors(&self, rows: Option<&[usize]>) -> Result<Array2<f32>> {
        self.check_request(rows)?;
        let (n, d) = (rows.map_or(self.rows, <[usize]>::len), self.schema.width);
        let mut all = self.reserve(n)?;
        let decoder = self.decoder();
        for batch in self.stream(DEFAULT_BATCH_ROWS, Some(&[ID, VECTOR]))? {
            let (first, batch) = batch?;
            let ids = decoder.texts(&batch, ID, first)?;
            let vectors = decoder.vectors(&batch, first, &ids)?;
            match rows {
                None => all.extend_from_slice(&vectors),
                Some(rows) => {
                    let here = rows[all.len() / d..].iter().take_while(|row| **row < first + ids.len());
                    here.for_each(|row| all.extend_from_slice(&vectors[(row - first) * d..][..d]));
                }
            }
        }
        decoder.matrix(n, all)
    }

    /// Room for `n` vectors; the number comes from the file, so a failure must not end the process.
    fn reserve(&self, n: usize) -> Result<Vec<f32>> {
        let mut values = Vec::new();
        let reserved = n.checked_mul(self.schema.width).map(|wanted| values.try_reserve_exact(wanted));
        match reserved {
            Some(Ok(())) => Ok(values),
            _ => Err(Error::Memory { path: self.path.clone(), rows: n, width: self.schema.width }),
        }
    }

    /// Ids and values of the vectors, batch by batch.
    pub(crate) fn vector_batches(&self) -> Result<impl Iterator<Item = Result<(Vec<String>, Vec<f32>)>>> {
        let decoder = self.decoder();
        let stream = self.stream(DEFAULT_BATCH_ROWS, Some(&[ID, VECTOR]))?;
        Ok(stream.map(move |batch| {
            let (first, batch) = batch?;
            let ids = decoder.texts(&batch, ID, first)?;
            let values = decoder.vectors(&batch, first, &ids)?;
            Ok((ids, values))
        }))
    }

    fn check_request(&self, rows: Option<&[usize]>) -> Result<()> {
        let mut after = None;
        for &row in rows.unwrap_or_default() {
            if row >= self.rows || after.is_some_and(|after| row <= after) {
                return Err(Error::RowRequest { path: self.path.clone(), row, after, rows: self.rows });
            }
            after = Some(row);
        }
        Ok(())
    }

    fn decoder(&self) -> Decoder {
        Decoder { path: self.path.clone(), schema: self.schema.clone() }
    }

    /// Opens the file anew: two iterators must not share one position in it.
    fn stream(&self, batch_rows: usize, columns: Option<&[&str]>) -> Result<Stream> {
        if batch_rows == 0 {
            return Err(Error::Setting { what: "batch_rows", got: 0, must: "at least 1" });
        }
        let file = File::open(&self.path).map_err(Error::io(&self.path))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.footer.clone());
        let fields = self.footer.schema().fields();
        let roots = fields.iter().enumerate().filter(|(_, field)| wanted(field, columns)).map(|(root, _)| root);
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let inner =
            builder.with_batch_size(batch_rows).with_projection(mask).build().map_err(Error::parquet(&self.path))?;
        Ok(Stream { path: self.path.clone(), inner, read: 0, expected: self.rows, ended: false })
    }

    /// The vectors' width: from the type, or else from the first row.
    fn width(&self) -> Result<usize> {
        let field = field(&self.path, self.footer.schema(), VECTOR)?;
        let width = match field.data_type() {
            DataType::FixedSizeList(element, width) if is_float(element) => usize::try_from(*width).unwrap_or_default(),
            DataType::List(element) | DataType::LargeList(element) if is_float(element) => self.first_width()?,
            other => return Err(column_type(&self.path, VECTOR, "a list of floats", other)),
        };
        if width == 0 {
            let (wrong, hint) = ("holds vectors of no values".to_owned(), "write at least one value per vector");
            return Err(Error::Column { path: self.path.clone(), column: VECTOR.to_owned(), wrong, hint });
        }
        Ok(width)
    }

    fn first_width(&self) -> Result<usize> {
        let unknown = || Error::Column {
            path: self.path.clone(),
            column: VECTOR.to_owned(),
            wrong: "has no rows and no fixed width, so the width is unknown".to_owned(),
            hint: "write a fixed-size list",
        };
        let (_, batch) = self.stream(1, Some(&[VECTOR]))?.next().ok_or_else(unknown)??;
        let column = batch.column(0);
        if column.is_null(0) {
            return Err(Error::null_vector(&self.path, 0, "the first row".to_owned()));
        }
        Ok(match column.data_type() {
            DataType::LargeList(_) => column.as_list::<i64>().value(0).len(),
            _ => column.as_list::<i32>().value(0).len(),
        })
    }
}

/// The batches of a table, in file order.
pub struct Batches {
    stream: Stream,
    decoder: Decoder,
}

impl Iterator for Batches {
    type Item = Result<Table>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.stream.next()?;
        let table = batch.and_then(|(first, batch)| self.decoder.table(&batch, first));
        self.stream.ended |= table.is_err();
        Some(table)
    }
}

/// Arrow batches with the number of their first row; checks at the end that all rows came.
struct Stream {
    path: PathBuf,
    inner: ParquetRecordBatchReader,
    read: usize,
    expected: usize,
    ended: bool,
}

impl Iterator for Stream {
    type Item = Result<(usize, RecordBatch)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.inner.next() {
            Some(Ok(batch)) => {
                let first = self.read;
                self.read += batch.num_rows();
                Some(Ok((first, batch)))
            }
            Some(Err(source)) => {
                self.ended = true;
                Some(Err(Error::parquet(&self.path)(source)))
            }
            None => {
                self.ended = true;
                let Self { path, read, expected, .. } = self;
                (*read != *expected)
                    .then(|| Err(Error::RowCount { path: path.clone(), expected: *expected, got: *read }))
            }
        }
    }
}

fn wanted(field: &Field, columns: Option<&[&str]>) -> bool {
    columns.is_none_or(|columns| columns.contains(&field.name().as_str()))
}

fn key_values(footer: &ArrowReaderMetadata) -> BTreeMap<String, String> {
    let pairs = footer.metadata().file_metadata().key_value_metadata();
    let pairs = pairs.into_iter().flatten().filter(|pair| pair.key != ARROW_KEY);
    pairs.map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect()
}

fn check_version(path: &Path, metadata: &BTreeMap<String, String>) -> Result<()> {
    match metadata.get(SCHEMA_KEY) {
        Some(got) if *got != SCHEMA_VERSION.to_string() => {
            Err(Error::Version { path: path.to_owned(), got: got.clone(), known: SCHEMA_VERSION })
        }
        _ => Ok(()),
    }
}

fn attributes(path: &Path, schema: &SchemaRef) -> Result<Vec<AttributeColumn>> {
    for column in [ID, SPLIT] {
        let kind = field(path, schema, column)?.data_type();
        if !is_text(kind) {
            return Err(column_type(path, column, "text", kind));
        }
    }
    let others = schema.fields().iter().filter(|field| ![ID, SPLIT, VECTOR].contains(&field.name().as_str()));
    others.map(|field| attribute(path, field)).collect()
}

fn attribute(path: &Path, field: &Field) -> Result<AttributeColumn> {
    let multi = match field.data_type() {
        DataType::List(element) | DataType::LargeList(element) if is_text(element.data_type()) => true,
        // A column that was never labelled has no type in some tools.
        DataType::Null => false,
        kind if is_text(kind) => false,
        kind => return Err(column_type(path, field.name(), "text or a list of text", kind)),
    };
    Ok(AttributeColumn { name: field.name().clone(), multi })
}

fn field<'a>(path: &Path, schema: &'a SchemaRef, column: &str) -> Result<&'a Field> {
    schema.field_with_name(column).map_err(|_| missing(path, column))
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn is_float(element: &Field) -> bool {
    matches!(element.data_type(), DataType::Float16 | DataType::Float32 | DataType::Float64)
}

fn column_type(path: &Path, column: &str, expected: &'static str, got: &DataType) -> Error {
    let wrong = format!("is {got}, expected {expected}");
    Error::Column { path: path.to_owned(), column: column.to_owned(), wrong, hint: "cast it or drop it" }
}
