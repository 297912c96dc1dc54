//! Tables written and read back, by this crate and by other tools.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeListArray, Float32Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field};
use latentwalk_embeddings::{
    AttributeColumn, Error, LabelColumn, Reader, SCHEMA_KEY, Schema, Table, Writer, WriterOptions,
};
use ndarray::{Array2, concatenate, s};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::KeyValue;
use parquet::file::reader::{FileReader, SerializedFileReader};
use tempfile::TempDir;

const ROWS: usize = 37;
const WIDTH: usize = 5;

/// The rule that `check_interop.py` knows too.
fn table(rows: usize, width: usize) -> Table {
    let pick = |names: &[&str], i: usize| names[i % names.len()].to_owned();
    let styles =
        |i: usize| [None, Some(vec![]), Some(vec!["a".into()]), Some(vec!["a".into(), "é".into()])][i % 4].clone();
    Table {
        ids: (0..rows).map(|i| format!("item-{i:04}")).collect(),
        splits: (0..rows).map(|i| pick(&["train", "validation", "test"], i)).collect(),
        vectors: Array2::from_shape_fn((rows, width), |(i, j)| (i * width + j) as f32 * 0.25 - 3.0),
        labels: vec![
            LabelColumn::One((0..rows).map(|i| (i % 5 != 4).then(|| pick(&["bag", "boot", "dress"], i))).collect()),
            LabelColumn::Many((0..rows).map(styles).collect()),
        ],
    }
}

fn schema(width: usize) -> Schema {
    let mut schema = Schema::new(width, vec![AttributeColumn::one("category"), AttributeColumn::many("styles")]);
    schema.metadata = [("tap", "fc"), ("source", "interop")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    schema
}

fn part(table: &Table, rows: std::ops::Range<usize>) -> Table {
    let label = |column: &LabelColumn| match column {
        LabelColumn::One(labels) => LabelColumn::One(labels[rows.clone()].to_vec()),
        LabelColumn::Many(labels) => LabelColumn::Many(labels[rows.clone()].to_vec()),
    };
    Table {
        ids: table.ids[rows.clone()].to_vec(),
        splits: table.splits[rows.clone()].to_vec(),
        vectors: table.vectors.slice(s![rows.clone(), ..]).to_owned(),
        labels: table.labels.iter().map(label).collect(),
    }
}

/// Writes a table in batches of `batch` rows.
fn write(folder: &TempDir, name: &str, table: &Table, batch: usize, row_group_rows: usize) -> PathBuf {
    let path = folder.path().join(name);
    let mut writer = Writer::create(&path, &schema(table.vectors.ncols()), WriterOptions { row_group_rows }).unwrap();
    for first in (0..table.rows()).step_by(batch) {
        writer.write(&part(table, first..(first + batch).min(table.rows()))).unwrap();
    }
    let summary = writer.finish().unwrap();
    assert_eq!(summary.rows, table.rows());
    assert_eq!(summary.bytes, std::fs::metadata(&path).unwrap().len());
    path
}

#[test]
fn what_was_written_is_read_back_in_any_batches() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(ROWS, WIDTH);
    let path = write(&folder, "a.parquet", &table, 10, 16);
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.rows(), ROWS);
    assert_eq!(reader.schema().width, WIDTH);
    assert_eq!(reader.schema().attributes, schema(WIDTH).attributes);
    assert_eq!(reader.schema().metadata["tap"], "fc");
    assert_eq!(reader.schema().metadata[SCHEMA_KEY], "1");
    for batch_rows in [1, 7, 16, 1000] {
        let batches: Vec<Table> = reader.batches(batch_rows).unwrap().map(Result::unwrap).collect();
        let mut first = 0;
        for batch in &batches {
            assert!(batch.rows() <= batch_rows);
            assert_eq!(*batch, part(&table, first..first + batch.rows()));
            first += batch.rows();
        }
        assert_eq!(first, ROWS);
        let views: Vec<_> = batches.iter().map(|batch| batch.vectors.view()).collect();
        assert_eq!(concatenate(ndarray::Axis(0), &views).unwrap(), table.vectors);
    }
}

#[test]
fn labels_and_vectors_are_read_apart() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(ROWS, WIDTH);
    let reader = Reader::open(write(&folder, "a.parquet", &table, 50, 8)).unwrap();
    let labels = reader.labels().unwrap();
    assert_eq!((&labels.ids, &labels.splits, &labels.labels), (&table.ids, &table.splits, &table.labels));
    assert_eq!(reader.vectors(None).unwrap(), table.vectors);
    let rows = [0, 3, 7, 8, 30, 36];
    assert_eq!(reader.vectors(Some(&rows)).unwrap(), table.vectors.select(ndarray::Axis(0), &rows));
    assert_eq!(reader.vectors(Some(&[])).unwrap().dim(), (0, WIDTH));
    assert!(matches!(reader.vectors(Some(&[3, 3])), Err(Error::RowRequest { row: 3, after: Some(3), .. })));
    assert!(matches!(reader.vectors(Some(&[37])), Err(Error::RowRequest { row: 37, after: None, rows: 37, .. })));
    assert!(matches!(reader.batches(0), Err(Error::Setting { what: "batch_rows", got: 0, .. })));
}

#[test]
fn a_table_without_rows_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "empty.parquet", &table(0, WIDTH), 1, 16);
    let reader = Reader::open(path).unwrap();
    assert_eq!((reader.rows(), reader.schema().width), (0, WIDTH));
    assert_eq!(reader.batches(4).unwrap().count(), 0);
    assert_eq!(reader.vectors(None).unwrap().dim(), (0, WIDTH));
    assert_eq!(reader.labels().unwrap().labels.len(), 2);
}

#[test]
fn the_same_rows_give_the_same_bytes_however_they_are_batched() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(3000, 40);
    let bytes = |name: &str, batch| std::fs::read(write(&folder, name, &table, batch, 1500)).unwrap();
    let reference = bytes("a.parquet", 3000);
    assert_eq!(bytes("b.parquet", 3000), reference);
    for batch in [1, 999, 1024, 1500] {
        assert!(bytes("c.parquet", batch) == reference, "batches of {batch} rows");
    }
}

#[test]
fn vectors_are_plain_uncompressed_and_in_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "a.parquet", &table(3000, 4), 700, 1300);
    let footer = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let groups = footer.metadata().row_groups();
    assert_eq!(groups.iter().map(|group| group.num_rows()).collect::<Vec<_>>(), [1300, 1300, 400]);
    for group in groups {
        let vector = group.column(2);
        assert_eq!(vector.column_path().string(), "vector.list.element");
        assert_eq!(vector.compression(), Compression::UNCOMPRESSED);
        assert!(vector.encodings().any(|encoding| encoding == Encoding::PLAIN));
        assert!(!vector.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY));
        assert!(vector.statistics().is_none());
        assert!(vector.dictionary_page_offset().is_none());
    }
}

#[test]
fn a_batch_that_does_not_fit_is_refused_and_leaves_the_file_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let good = table(6, WIDTH);
    let mut writer = Writer::create(&path, &schema(WIDTH), WriterOptions::default()).unwrap();
    writer.write(&good).unwrap();
    let mut refuse = |change: &dyn Fn(&mut Table)| {
        let mut bad = good.clone();
        change(&mut bad);
        writer.write(&bad).unwrap_err()
    };
    let error = refuse(&|bad| bad.vectors[[2, 3]] = f32::NAN);
    assert!(blames_row(&error, 8, "item-0002", "NaN on axis 3"), "{error}");
    let message = error.to_string();
    assert!(message.contains("a.parquet") && message.contains("row 8") && message.contains("item-0002"), "{message}");
    assert!(matches!(refuse(&|bad| bad.vectors = Array2::zeros((6, 4))), Error::Batch { expected: 5, got: 4, .. }));
    assert!(matches!(refuse(&|bad| bad.ids.truncate(5)), Error::Batch { expected: 6, got: 5, .. }));
    assert!(matches!(refuse(&|bad| bad.splits.truncate(5)), Error::Batch { what, .. } if what.contains("`split`")));
    assert!(matches!(refuse(&|bad| bad.labels.truncate(1)), Error::Batch { expected: 2, got: 1, .. }));
    assert!(matches!(refuse(&|bad| bad.labels.swap(0, 1)), Error::LabelKind { multi: false, .. }));
    assert!(matches!(refuse(&|bad| bad.labels[1] = LabelColumn::Many(vec![])), Error::Batch { got: 0, .. }));
    assert_eq!(writer.finish().unwrap().rows, 6);
    assert_eq!(Reader::open(&path).unwrap().vectors(None).unwrap(), good.vectors);
    let no_groups = Writer::create(&path, &schema(WIDTH), WriterOptions { row_group_rows: 0 });
    assert!(matches!(no_groups, Err(Error::Setting { what: "row_group_rows", got: 0, .. })));
    let nowhere = Writer::create(folder.path().join("no/folder"), &schema(WIDTH), WriterOptions::default());
    assert!(matches!(nowhere, Err(Error::Io { .. })));
}

/// Whether an error names a row by its number and its id, and says what is wrong with it.
fn blames_row(error: &Error, number: usize, name: &str, what: &str) -> bool {
    matches!(error, Error::Row { row, id: Some(id), wrong, .. } if *row == number && id == name && wrong.contains(what))
}

/// Whether an error names a column and says what is wrong with it.
fn blames_column(error: &Error, name: &str, what: &str) -> bool {
    matches!(error, Error::Column { column, wrong, .. } if column == name && wrong.contains(what))
}

/// A table that some other tool might write: three rows, the vectors as given.
fn foreign(folder: &TempDir, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let path = folder.path().join(name);
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn text(values: [Option<&str>; 3]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn ids() -> ArrayRef {
    text([Some("x"), Some("y"), Some("z")])
}

fn with_vectors(folder: &TempDir, vectors: ArrayRef) -> PathBuf {
    foreign(folder, "foreign.parquet", vec![("id", ids()), ("split", ids()), ("vector", vectors)])
}

fn lists(values: Vec<Option<f32>>, lengths: [usize; 3], nulls: Option<NullBuffer>) -> ArrayRef {
    let element = Arc::new(Field::new("item", DataType::Float32, true));
    let values = Arc::new(Float32Array::from(values));
    Arc::new(ListArray::new(element, OffsetBuffer::from_lengths(lengths), values, nulls))
}

fn six() -> Vec<Option<f32>> {
    (0..6).map(|value| Some(value as f32)).collect()
}

#[test]
fn lists_of_one_length_are_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::open(with_vectors(&folder, lists(six(), [2, 2, 2], None))).unwrap();
    assert_eq!(reader.schema().width, 2);
    let expected = Array2::from_shape_fn((3, 2), |(i, j)| (i * 2 + j) as f32);
    assert_eq!(reader.vectors(None).unwrap(), expected);
    let batches: Vec<Table> = reader.batches(2).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches[1].vectors, expected.slice(s![2.., ..]));

    let element = Arc::new(Field::new("item", DataType::Float64, false));
    let doubles = Arc::new(Float64Array::from_iter_values((0..6).map(f64::from)));
    let fixed = Arc::new(FixedSizeListArray::new(element, 2, doubles, None));
    assert_eq!(Reader::open(with_vectors(&folder, fixed)).unwrap().vectors(None).unwrap(), expected);
}

#[test]
fn bad_vectors_are_named_by_row_and_id() {
    let folder = tempfile::tempdir().unwrap();
    let read = |vectors| {
        let reader = Reader::open(with_vectors(&folder, vectors))?;
        let from_batches = reader.batches(1).unwrap().find_map(Result::err);
        let error = reader.vectors(None).unwrap_err();
        assert_eq!(from_batches.unwrap().to_string(), error.to_string());
        Err::<(), Error>(error)
    };
    let error = read(lists(six(), [2, 3, 1], None)).unwrap_err();
    assert!(blames_row(&error, 1, "y", "3 values, the table's width is 2"), "{error}");
    let mut values = six();
    values[5] = Some(f32::NEG_INFINITY);
    let error = read(lists(values.clone(), [2, 2, 2], None)).unwrap_err();
    assert!(blames_row(&error, 2, "z", "-inf on axis 1"), "{error}");
    assert!(error.to_string().contains("foreign.parquet"));
    values[5] = None;
    let error = read(lists(values, [2, 2, 2], None)).unwrap_err();
    assert!(blames_row(&error, 2, "z", "no vector"), "{error}");
    let nulls = NullBuffer::from(vec![true, false, true]);
    let error = read(lists(six(), [2, 2, 2], Some(nulls))).unwrap_err();
    assert!(blames_row(&error, 1, "y", "no vector"), "{error}");
}

#[test]
fn tables_without_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let open = |columns| Reader::open(foreign(&folder, "foreign.parquet", columns)).unwrap_err();
    let vectors = || lists(six(), [2, 2, 2], None);
    let error = open(vec![("id", ids()), ("vector", vectors())]);
    assert!(blames_column(&error, "split", "is missing"), "{error}");
    let error = open(vec![("id", ids()), ("split", ids())]);
    assert!(blames_column(&error, "vector", "is missing"), "{error}");
    let numbers = || Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
    let error = open(vec![("id", numbers()), ("split", ids()), ("vector", vectors())]);
    assert!(blames_column(&error, "id", "is Int64, expected text"), "{error}");
    let error = open(vec![("id", ids()), ("split", ids()), ("vector", numbers())]);
    assert!(blames_column(&error, "vector", "is Int64, expected a list"), "{error}");
    let error = open(vec![("id", ids()), ("split", ids()), ("vector", vectors()), ("price", numbers())]);
    assert!(blames_column(&error, "price", "is Int64, expected text"), "{error}");
    let error = open(vec![("id", ids()), ("split", ids()), ("vector", lists(vec![], [0, 0, 0], None))]);
    assert!(blames_column(&error, "vector", "holds vectors of no values"), "{error}");
    let split = text([Some("train"), None, Some("test")]);
    let path = foreign(&folder, "null.parquet", vec![("id", ids()), ("split", split), ("vector", vectors())]);
    let error = Reader::open(path).unwrap().labels().unwrap_err();
    assert!(
        matches!(&error, Error::Row { row: 1, wrong, .. } if wrong.contains("a null in column `split`")),
        "{error}"
    );
    let empty = vectors().slice(0, 0);
    let nothing = || Arc::new(StringArray::from(Vec::<&str>::new())) as ArrayRef;
    let error = open(vec![("id", nothing()), ("split", nothing()), ("vector", empty)]);
    assert!(blames_column(&error, "vector", "the width is unknown"), "{error}");
}

#[test]
fn damaged_files_and_later_versions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Reader::open(folder.path().join("none.parquet")), Err(Error::Io { .. })));
    let path = write(&folder, "a.parquet", &table(ROWS, WIDTH), 50, 16);
    let bytes = std::fs::read(&path).unwrap();
    for length in [0, 3, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let error = Reader::open(&path).unwrap_err();
        assert!(error.to_string().contains("a.parquet"), "{error}");
    }
    let unfinished = folder.path().join("unfinished.parquet");
    let mut writer = Writer::create(&unfinished, &schema(WIDTH), WriterOptions::default()).unwrap();
    writer.write(&table(ROWS, WIDTH)).unwrap();
    drop(writer);
    assert!(matches!(Reader::open(&unfinished), Err(Error::Parquet { .. })));

    let later = folder.path().join("later.parquet");
    let batch = RecordBatch::try_from_iter(vec![("id", ids())]).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&later).unwrap(), batch.schema(), None).unwrap();
    writer.append_key_value_metadata(KeyValue::new(SCHEMA_KEY.to_owned(), "2".to_owned()));
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let error = Reader::open(&later).unwrap_err();
    assert!(matches!(&error, Error::Version { got, known: 1, .. } if got == "2"), "{error}");
}

fn fixtures() -> PathBuf {
    latentwalk_testing::fixture("golden/embeddings")
}

#[test]
fn tables_of_pyarrow_and_polars_are_read() {
    for name in ["pyarrow_lists.parquet", "polars_array.parquet"] {
        let reader = Reader::open(fixtures().join(name)).unwrap();
        assert_eq!((reader.rows(), reader.schema().width), (7, 3), "{name}");
        let batches: Vec<Table> = reader.batches(100).unwrap().map(Result::unwrap).collect();
        let styles = |i: usize| [None, Some(vec![]), Some(vec!["a".to_owned(), "b".to_owned()])][i % 3].clone();
        let category = |i: usize| [None, Some("bag".to_owned()), Some("boot".to_owned())][i % 3].clone();
        let expected = Table {
            ids: (0..7).map(|i| format!("item-{i}")).collect(),
            splits: (0..7).map(|i| ["train", "test"][i % 2].to_owned()).collect(),
            vectors: Array2::from_shape_fn((7, 3), |(i, j)| i as f32 + j as f32 * 0.5),
            labels: vec![
                LabelColumn::One((0..7).map(category).collect()),
                LabelColumn::Many((0..7).map(styles).collect()),
            ],
        };
        assert_eq!(batches, [expected], "{name}");
    }
}

#[test]
fn other_tools_read_the_file_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "interop.parquet", &table(ROWS, WIDTH), 10, 16);
    let python = std::env::var("PEER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_pyarrow = Command::new(&python).args(["-c", "import pyarrow.parquet"]).output();
    if !has_pyarrow.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: `{python}` has no pyarrow (set PEER_PYTHON to one that has)");
        return;
    }
    let output = Command::new(&python).arg(fixtures().join("check_interop.py")).arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    eprint!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("pyarrow: not installed"));
}
