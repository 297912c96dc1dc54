//! A folder of `.npy` files, with tables beside them that say what their rows are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::fault::VectorFault;
use super::npy;
use super::npz::TextArray;
use super::rows::Rows;
use crate::{Error, Result};

/// Folders in which clip-retrieval and its like put the vectors of images, beside those of texts.
const VECTORS: [&str; 3] = ["img_emb", "image_embeddings", "embeddings"];
/// The folder of the tables.
const TABLES: &str = "metadata";

/// The shards' rows, and the text columns of the tables beside them.
///
/// **Errors.** No `.npy` file; shards of different width; a table with another number of rows than its shard.
pub(super) fn open(dir: &Path) -> Result<(Vec<Rows>, Vec<TextArray>)> {
    let [vectors, tables] = files(dir)?;
    if vectors.is_empty() {
        return Err(VectorFault::Shards { what: "it holds no .npy file".to_owned() }.of(dir));
    }
    let mut shards: Vec<Rows> = Vec::with_capacity(vectors.len());
    for path in &vectors {
        let shard = npy::open(path, File::open(path).map_err(Error::io(path))?)?;
        if let Some(first) = shards.first().filter(|first| first.shape[1] != shard.shape[1]) {
            let what = format!(
                "{} has vectors of {} numbers, the first shard of {}",
                path.display(),
                shard.shape[1],
                first.shape[1]
            );
            return Err(VectorFault::Shards { what }.of(dir));
        }
        shards.push(shard);
    }
    if tables.is_empty() {
        return Ok((shards, Vec::new()));
    }
    if tables.len() != vectors.len() {
        let what = format!("it holds {} .npy files and {} tables beside them", vectors.len(), tables.len());
        return Err(VectorFault::Shards { what }.of(dir));
    }
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rows = 0;
    for (table, shard) in tables.iter().zip(&shards) {
        for (name, mut values) in texts(table)? {
            if values.len() != shard.shape[0] {
                let what = format!("{} has {} rows for {} vectors", table.display(), values.len(), shard.shape[0]);
                return Err(VectorFault::Shards { what }.of(dir));
            }
            columns.entry(name).or_default().append(&mut values);
        }
        rows += shard.shape[0];
    }
    // A column that some tables lack says nothing of all rows.
    columns.retain(|_, values| values.len() == rows);
    Ok((shards, columns.into_iter().map(|(name, values)| TextArray { name, values: Ok(values) }).collect()))
}

/// The `.npy` files and the Parquet tables of a folder, each in the order of their numbers.
///
/// **Errors.** A folder that cannot be listed.
pub(crate) fn files(dir: &Path) -> Result<[Vec<PathBuf>; 2]> {
    let below = VECTORS.iter().map(|name| dir.join(name)).find(|path| path.is_dir());
    let vectors = of_kind(below.as_deref().unwrap_or(dir), "npy")?;
    let tables = dir.join(TABLES);
    Ok([vectors, of_kind(if tables.is_dir() { &tables } else { dir }, "parquet")?])
}

fn of_kind(dir: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io(dir))? {
        let path = entry.map_err(Error::io(dir))?.path();
        if path.extension().is_some_and(|known| known.eq_ignore_ascii_case(ending)) {
            found.push(path);
        }
    }
    found.sort_by_cached_key(|path| numbered(path));
    Ok(found)
}

/// A name so that `x_10` comes after `x_9`.
fn numbered(path: &Path) -> (String, u64) {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let digits = stem.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (name, number) = stem.split_at(stem.len() - digits);
    (name.to_owned(), number.parse().unwrap_or_default())
}

/// The columns of a Parquet table that hold text or whole numbers.
fn texts(path: &Path) -> Result<Vec<(String, Vec<String>)>> {
    let file = File::open(path).map_err(Error::io(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))?;
    let fields = builder.schema().fields().clone();
    let wanted: Vec<usize> = (0..fields.len())
        .filter(|&at| fields[at].data_type().is_string() || fields[at].data_type().is_integer())
        .collect();
    let mut columns: Vec<(String, Vec<String>)> =
        wanted.iter().map(|&at| (fields[at].name().clone(), Vec::new())).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    for batch in builder.with_projection(mask).build().map_err(Error::parquet(path))? {
        let batch = batch.map_err(Error::parquet(path))?;
        for (column, (_, values)) in batch.columns().iter().zip(&mut columns) {
            let texts = cast(column, &DataType::Utf8).map_err(Error::parquet(path))?;
            let texts = texts.as_string::<i32>();
            values.extend(
                (0..texts.len())
                    .map(|row| if texts.is_null(row) { String::new() } else { texts.value(row).to_owned() }),
            );
        }
    }
    Ok(columns)
}
