//! Columns that go out beside others.

#![allow(clippy::unwrap_used)]

use arrow::array::{Array, DictionaryArray, Int64Array};
use arrow::datatypes::{Float32Type, Int32Type, Int64Type};

use super::*;
use crate::VectorFile;
use crate::made::Picture;

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
#[test]
fn made_columns_come_in_batches_and_name_rows_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, kept, out) = (folder.path().join("v"), folder.path().join("c"), folder.path().join("o"));
    foreign(&path);
    VectorFile::open(&path, folder.path()).unwrap().copy_columns(&kept, &[true; 3]).unwrap();
    let ids = ["9", "7", "8"].map(str::to_owned);
    let next = |rows: &[usize]| Ok(rows.iter().map(|&row| vec![((row + 1) % 3, 0.5), (row, 2.0)]).collect());
    let picture = |&row: &usize| Picture { bytes: vec![row as u8; row], path: ids[row].clone() };
    let pictures = |rows: &[usize]| Ok(rows.iter().map(picture).collect());
    let made = [
        ("brand".to_owned(), MadeColumn::Neighbours(Box::new(next))),
        ("image".to_owned(), MadeColumn::Pictures(Box::new(pictures))),
    ];
    let table = ColumnTable { ids: &ids, columns: &[], made: &made, carried: Some(&kept) };
    let written = table.write(&out).unwrap();
    assert_eq!((written.rows, written.names), (3, vec!["latentwalk.brand".to_owned(), "image".to_owned()]));
    let batch = read(&out);
    // The file's rows are 7, 8, 9: rows 1, 2, 0 of ours.
    let near = batch.column_by_name("latentwalk.brand").unwrap().as_struct();
    let ids_of = |row: usize| near.column(0).as_list::<i32>().value(row).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!([ids_of(0), ids_of(1), ids_of(2)], [[1, 0], [2, 1], [0, 2]]);
    let distances = near.column(1).as_list::<i32>().value(2);
    assert_eq!(distances.as_primitive::<Float32Type>().values(), &[0.5, 2.0]);
    let image = batch.column_by_name("image").unwrap().as_struct();
    assert_eq!(image.column(0).as_binary::<i32>().iter().flatten().collect::<Vec<_>>(), [&[1][..], &[2, 2], &[]]);
    assert_eq!(image.column(1).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["7", "8", "9"]);
    // Another number of entries than rows, and a reason why there are none.
    let short = [("image".to_owned(), MadeColumn::Pictures(Box::new(|_| Ok(Vec::new()))))];
    let error = ColumnTable { made: &short, ..table }.write(&out).unwrap_err().to_string();
    assert!(error.contains("0 rows in column `image`, expected 3"), "{error}");
    let broken = [("image".to_owned(), MadeColumn::Pictures(Box::new(|_| Err("no pixels".into()))))];
    let error = ColumnTable { made: &broken, ..table }.write(&out).unwrap_err();
    assert_eq!(error.to_string(), "cannot make the column `image`");
    let more = ["9", "7", "8", "6"].map(str::to_owned);
    let error = ColumnTable { ids: &more, ..table }.write(&out).unwrap_err().to_string();
    assert!(error.contains("column `id` lacks `6`"), "{error}");
}

#[test]
fn no_name_stands_twice_and_long_tables_have_several_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("o");
    let ids: Vec<String> = (0..600).map(|row| row.to_string()).collect();
    let numbers = |name: &str| (name.to_owned(), Column::Number((0..600).map(f64::from).collect()));
    let noise = |row: usize| (0..100_000).map(|at: usize| (at * (row + 7919) % 251) as u8).collect();
    let make = |rows: &[usize]| {
        Ok(rows.iter().map(|&row| Picture { bytes: noise(row), path: String::new() }).collect::<Vec<_>>())
    };
    let made = [("id".to_owned(), MadeColumn::Pictures(Box::new(make)))];
    let columns = [numbers("id"), numbers("latentwalk.id"), numbers("x")];
    let written = ColumnTable { ids: &ids, columns: &columns, made: &made, carried: None }.write(&out).unwrap();
    let names = ["latentwalk.id", "latentwalk.latentwalk.id", "x", "latentwalk.latentwalk.latentwalk.id"];
    assert_eq!((written.rows, &written.names[..]), (600, &names.map(str::to_owned)[..]));
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&out).unwrap()).unwrap();
    let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    // 25 MB in 256 rows: a group is closed by the second batch.
    assert_eq!(groups, [512, 88]);
}
