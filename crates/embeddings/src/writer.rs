//! Batches to a Parquet file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::encode::Pending;
use crate::schema::{ELEMENT, ID, SCHEMA_KEY, SCHEMA_VERSION, Schema, VECTOR};
use crate::table::{Table, first_not_finite};
use crate::{Error, Result};

/// Rows in a row group when [`WriterOptions`] say nothing else: 64 MiB of vectors at a width of 1024.
pub const DEFAULT_ROW_GROUP_ROWS: usize = 16_384;

/// Rows handed to the Parquet encoder at once. Fixed, so that pages, and with them the file's bytes, do not depend on the
/// sizes of the caller's batches.
const CHUNK_ROWS: usize = 512;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterOptions {
    /// Rows in a row group: what the writer holds in memory, and what a reader may skip or read alone.
    pub row_group_rows: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { row_group_rows: DEFAULT_ROW_GROUP_ROWS }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Rows in the file.
    pub rows: usize,
    /// The file's size.
    pub bytes: u64,
}

/// Writes a table batch by batch.
///
/// **Units and conventions.** The same rows give the same bytes, however they were cut into batches. Vectors are written
/// plain and uncompressed: floats of a network hardly compress. A file whose writer was dropped before [`Writer::finish`]
/// has no footer, and no reader takes it for a table.
pub struct Writer {
    path: PathBuf,
    schema: Schema,
    arrow_schema: SchemaRef,
    pending: Pending,
    inner: ArrowWriter<File>,
    rows: usize,
}

impl Writer {
    /// Creates the file, or empties the one that is there.
    ///
    /// **Errors.** A schema that no table can have ([`Error::Setting`], [`Error::Name`]), row groups of no rows, a path that
    /// cannot be written.
    pub fn create(path: impl AsRef<Path>, schema: &Schema, options: WriterOptions) -> Result<Self> {
        let path = path.as_ref().to_owned();
        schema.check()?;
        if options.row_group_rows == 0 {
            return Err(Error::Setting { what: "row_group_rows", got: 0, must: "at least 1" });
        }
        let arrow_schema = Arc::new(schema.to_arrow()?);
        let file = File::create(&path).map_err(Error::io(&path))?;
        let inner = ArrowWriter::try_new(file, Arc::clone(&arrow_schema), Some(properties(schema, options)))
            .map_err(Error::parquet(&path))?;
        Ok(Self { path, pending: Pending::new(schema), schema: schema.clone(), arrow_schema, inner, rows: 0 })
    }

    /// Appends the rows of a batch.
    ///
    /// **Errors.** A batch that does not fit the schema, or a value that is not finite: then none of its rows is written.
    /// A full disk.
    pub fn write(&mut self, table: &Table) -> Result<()> {
        table.check(&self.schema)?;
        self.check_finite(table)?;
        for row in 0..table.rows() {
            self.pending.push(table, row);
            if self.pending.rows() == CHUNK_ROWS {
                self.flush()?;
            }
        }
        self.rows += table.rows();
        Ok(())
    }

    /// Writes what waits and the footer.
    ///
    /// **Errors.** A full disk.
    pub fn finish(mut self) -> Result<Summary> {
        if self.pending.rows() > 0 {
            self.flush()?;
        }
        let path = self.path;
        self.inner.close().map_err(Error::parquet(&path))?;
        let bytes = std::fs::metadata(&path).map_err(Error::io(&path))?.len();
        Ok(Summary { rows: self.rows, bytes })
    }

    fn flush(&mut self) -> Result<()> {
        let batch = self.pending.take(&self.arrow_schema).map_err(Error::parquet(&self.path))?;
        self.inner.write(&batch).map_err(Error::parquet(&self.path))
    }

    fn check_finite(&self, table: &Table) -> Result<()> {
        for (row, vector) in table.vectors.outer_iter().enumerate() {
            let vector = vector.to_slice().map_or_else(|| vector.to_vec().into(), std::borrow::Cow::Borrowed);
            if let Some((axis, value)) = first_not_finite(&vector) {
                let row = (self.rows + row, table.ids[row].clone());
                return Err(Error::not_finite(&self.path, row, (axis, value)));
            }
        }
        Ok(())
    }
}

fn properties(schema: &Schema, options: WriterOptions) -> WriterProperties {
    // A path is its parts: from one string with dots `ColumnPath` makes a single part, which matches no column.
    let vector = ColumnPath::new(vec![VECTOR.into(), "list".into(), ELEMENT.into()]);
    let id = ColumnPath::new(vec![ID.into()]);
    WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_max_row_group_row_count(Some(options.row_group_rows))
        .set_key_value_metadata(Some(key_values(schema)))
        .set_column_dictionary_enabled(id, false)
        .set_column_dictionary_enabled(vector.clone(), false)
        .set_column_encoding(vector.clone(), Encoding::PLAIN)
        // The least and greatest single float of a page help nobody to find a vector.
        .set_column_statistics_enabled(vector, EnabledStatistics::None)
        .build()
}

fn key_values(schema: &Schema) -> Vec<KeyValue> {
    let mut metadata = schema.metadata.clone();
    metadata.insert(SCHEMA_KEY.to_owned(), SCHEMA_VERSION.to_string());
    metadata.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect()
}
