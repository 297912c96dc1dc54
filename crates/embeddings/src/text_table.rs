//! A manifest as Parquet: columns of text, without vectors.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;

use crate::{Error, Result};

/// Writes a table of text; an empty cell becomes null.
///
/// **Shapes.** `rows` holds one cell for each of the `columns`. The same rows give the same bytes.
///
/// **Errors.** A path that cannot be written, a full disk.
///
/// **Example**
///
/// ```
/// # fn main() -> Result<(), latentwalk_embeddings::Error> {
/// # let folder = tempfile::tempdir().expect("a temporary folder");
/// let path = folder.path().join("manifest.parquet");
/// let row = |id: &str, split: &str| [id.to_owned(), split.to_owned()];
/// latentwalk_embeddings::write_text_table(&path, &["id", "split"], &[row("a", "train"), row("b", "")])?;
/// # Ok(())
/// # }
/// ```
pub fn write_text_table<const N: usize>(
    path: impl AsRef<Path>,
    columns: &[&str; N],
    rows: &[[String; N]],
) -> Result<()> {
    let path = path.as_ref();
    let fields: Vec<Field> = columns.iter().map(|&name| Field::new(name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let column = |at: usize| {
        let cells = rows.iter().map(|row| (!row[at].is_empty()).then_some(row[at].as_str()));
        Arc::new(cells.collect::<StringArray>()) as ArrayRef
    };
    let batch =
        RecordBatch::try_new(Arc::clone(&schema), (0..N).map(column).collect()).map_err(Error::parquet(path))?;
    let file = File::create(path).map_err(Error::io(path))?;
    let mut writer = ArrowWriter::try_new(file, schema, None).map_err(Error::parquet(path))?;
    writer.write(&batch).map_err(Error::parquet(path))?;
    writer.close().map_err(Error::parquet(path))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow::array::{Array, AsArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn text_comes_back_and_empty_cells_are_null() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.parquet");
        let rows = [["x,1".to_owned(), String::new()], ["y".to_owned(), "\"q\"".to_owned()]];
        write_text_table(&path, &["a", "b"], &rows).unwrap();
        let mut reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
        let batch = reader.next().unwrap().unwrap();
        let (a, b) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        assert_eq!((a.value(0), a.value(1), b.is_null(0), b.value(1)), ("x,1", "y", true, "\"q\""));
        assert_eq!(batch.schema().field(1).name(), "b");
        let again = folder.path().join("n.parquet");
        write_text_table(&again, &["a", "b"], &rows).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), std::fs::read(again).unwrap());
    }

    #[test]
    fn a_path_that_cannot_be_written_is_named() {
        let error = write_text_table("absent/m.parquet", &["a"], &[]).unwrap_err().to_string();
        assert!(error.contains("absent/m.parquet"), "{error}");
    }
}
