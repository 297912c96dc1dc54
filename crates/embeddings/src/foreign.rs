//! Vectors that another program made: Parquet, NumPy (`.npy`, `.npz`) or safetensors.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use crate::{Error, Reader, Result};

mod fault;
mod npy;
mod npz;
mod numbers;
mod rows;
mod safetensors;
mod scratch;
mod shards;

pub use fault::VectorFault;
pub use npz::TextArray;
use rows::Rows;
use scratch::Scratch;

/// Names under which an array or a tensor is taken for the vectors when there are others beside it; the first found wins.
const NAMES: [&str; 3] = ["embeddings", "vectors", "arr_0"];

/// A file of vectors that another program made, read by position.
///
/// **Units and conventions.** What the file is, is decided by its content, not by its name:
///
/// | file | vectors | ids |
/// |---|---|---|
/// | Parquet | the column `vector`, a list of floats | the column `id`, text or whole numbers |
/// | `.npy` | the array, n × d | none: rows stand in the order of the images |
/// | `.npz` | the only 2-d array, or `embeddings`, `vectors`, `arr_0` | the array `ids` or `id`, where there is one; else see [`VectorFile::texts`] |
/// | safetensors | the only 2-d tensor, or `embeddings`, `vectors` | none |
/// | a folder of `.npy` files (in it or in `img_emb`) | their arrays, one after another in the order of their numbers | none; the text columns of the Parquet tables in `metadata` are [`VectorFile::texts`] |
///
/// Floats have 16, 32 or 64 bits (bfloat16 in safetensors) and become `f32`. Memory holds the ids and what [`VectorFile::read`]
/// is asked for. Parquet and compressed `.npz` cannot be read by position; their vectors are first written to a file beside
/// the result, 4 n d bytes for Parquet, which goes when this value does.
#[derive(Debug)]
pub struct VectorFile {
    path: PathBuf,
    ids: Option<Vec<String>>,
    texts: Vec<TextArray>,
    /// One after another.
    rows: Vec<Rows>,
    /// Whether there may be further columns.
    parquet: bool,
    /// Held so that it is removed last.
    _scratch: Option<Scratch>,
}

impl VectorFile {
    /// Opens a file of vectors; `scratch` is a folder for what has to be unpacked.
    ///
    /// **Errors.** [`Error::Vectors`] for a file of another kind, cut short, of another type or shape, or with several
    /// arrays of which none has a name that tells; for Parquet those of [`Reader::vectors`].
    pub fn open(path: impl AsRef<Path>, scratch: impl AsRef<Path>) -> Result<Self> {
        let (path, scratch) = (path.as_ref().to_owned(), scratch.as_ref());
        if path.is_dir() {
            let (rows, texts) = shards::open(&path)?;
            return Ok(Self { path, ids: None, texts, rows, parquet: false, _scratch: None });
        }
        let mut file = File::open(&path).map_err(Error::io(&path))?;
        let mut start = Vec::new();
        Read::by_ref(&mut file).take(9).read_to_end(&mut start).map_err(Error::io(&path))?;
        if start.starts_with(npy::MAGIC) {
            let rows = vec![npy::open(&path, file)?];
            return Ok(Self { path, ids: None, texts: Vec::new(), rows, parquet: false, _scratch: None });
        }
        if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
            let npz::Contents { ids, texts, rows, scratch } = npz::open(&path, file, scratch)?;
            return Ok(Self { path, ids, texts, rows: vec![rows], parquet: false, _scratch: scratch });
        }
        if start.starts_with(b"PAR1") {
            return Self::parquet(path, scratch);
        }
        if start.get(8) == Some(&b'{') {
            let rows = vec![safetensors::open(&path, file)?];
            return Ok(Self { path, ids: None, texts: Vec::new(), rows, parquet: false, _scratch: None });
        }
        Err(VectorFault::Unknown.of(&path))
    }

    fn parquet(path: PathBuf, folder: &Path) -> Result<Self> {
        let reader = Reader::open_vectors(&path)?;
        let mut scratch = Scratch::create(folder)?;
        let mut ids = Vec::with_capacity(reader.rows());
        for batch in reader.vector_batches()? {
            let (names, values) = batch?;
            ids.extend(names);
            scratch.write_floats(&values)?;
        }
        let rows = vec![Rows::floats(scratch.finish()?, scratch.path(), [ids.len(), reader.schema().width])];
        Ok(Self { path, ids: Some(ids), texts: Vec::new(), rows, parquet: true, _scratch: Some(scratch) })
    }

    /// One id a row, where the file has them.
    pub fn ids(&self) -> Option<&[String]> {
        self.ids.as_deref()
    }

    /// Arrays beside the vectors with one text or whole number each, of which none is called `ids`. Whoever knows the images can
    /// tell whether one of them names them.
    ///
    /// **Shapes.** `n` entries each. Only `.npz` and folders of shards have such.
    pub fn texts(&self) -> &[TextArray] {
        &self.texts
    }

    /// Number of vectors, `n`.
    pub fn rows(&self) -> usize {
        self.rows.iter().map(|rows| rows.shape[0]).sum()
    }

    /// Values in a vector, `d`.
    pub fn width(&self) -> usize {
        self.rows.first().map_or(0, |rows| rows.shape[1])
    }

    /// Writes the columns other than the vectors, of the rows that `keep` says, into a Parquet file, as they are, and gives
    /// the further columns' names; writes nothing where there are none beside `id`.
    ///
    /// **Shapes.** `keep` has one entry per row.
    ///
    /// **Errors.** A file that cannot be read any more, or written.
    pub fn copy_columns(&self, to: impl AsRef<Path>, keep: &[bool]) -> Result<Vec<String>> {
        match self.parquet {
            true => crate::columns::copy(&self.path, to.as_ref(), keep),
            false => Ok(Vec::new()),
        }
    }

    /// The vectors of the given rows, in the order asked for.
    ///
    /// **Shapes.** `rows.len() x d`.
    ///
    /// **Errors.** A row that there is not, a file that became shorter, NaN or an infinity: it names the file and the row.
    pub fn read(&mut self, rows: &[usize]) -> Result<Array2<f32>> {
        let (n, d) = (self.rows(), self.width());
        if let Some(&row) = rows.iter().find(|&&row| row >= n) {
            return Err(Error::RowRequest { path: self.path.clone(), row, after: None, rows: n });
        }
        let values = self.values(rows)?;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let (row, axis, value) = (rows[at / d], at % d, values[at]);
            let id = self.ids.as_ref().map_or_else(|| format!("row {row}"), |ids| ids[row].clone());
            return Err(Error::not_finite(&self.path, (row, id), (axis, value)));
        }
        let got = values.len() / d;
        Array2::from_shape_vec((rows.len(), d), values).map_err(|_| Error::RowCount {
            path: self.path.clone(),
            expected: rows.len(),
            got,
        })
    }
}

impl VectorFile {
    /// The values of rows that there are, one row after another.
    fn values(&mut self, rows: &[usize]) -> Result<Vec<f32>> {
        let ends: Vec<usize> = self
            .rows
            .iter()
            .scan(0, |end, rows| {
                *end += rows.shape[0];
                Some(*end)
            })
            .collect();
        let shard = |row: usize| ends.partition_point(|&end| end <= row);
        let mut values = Vec::with_capacity(rows.len() * self.width());
        for run in rows.chunk_by(|a, b| shard(*a) == shard(*b)) {
            let at = shard(run[0]);
            let start = if at == 0 { 0 } else { ends[at - 1] };
            let within: Vec<usize> = run.iter().map(|row| row - start).collect();
            values.append(&mut self.rows[at].read(&within)?);
        }
        Ok(values)
    }
}

/// The files that are read for the vectors at a path: the file itself, or those of a folder of shards.
///
/// **Errors.** A folder that cannot be listed.
pub fn vector_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    Ok(shards::files(path)?.concat())
}

/// The one of several arrays that holds the vectors: the only one of two dimensions, or one of [`NAMES`].
fn choose<'a>(arrays: impl Iterator<Item = (&'a str, usize)>) -> std::result::Result<&'a str, VectorFault> {
    let arrays: Vec<(&str, usize)> = arrays.collect();
    let flat: Vec<&str> = arrays.iter().filter(|(_, dimensions)| *dimensions == 2).map(|(name, _)| *name).collect();
    let named = NAMES.iter().find_map(|name| flat.iter().find(|known| *known == name));
    match (named, &flat[..]) {
        (Some(name), _) => Ok(name),
        (None, [only]) => Ok(only),
        _ => Err(VectorFault::Choice { names: arrays.iter().map(|(name, _)| (*name).to_owned()).collect() }),
    }
}

#[cfg(test)]
mod tests;
