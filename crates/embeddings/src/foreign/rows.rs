//! A matrix in a file, read by position.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::fault::VectorFault;
use super::numbers::Floats;
use crate::{Error, Result};

/// Rows one after another, from a place in a file on.
#[derive(Debug)]
pub(crate) struct Rows {
    file: File,
    path: PathBuf,
    start: u64,
    floats: Floats,
    swapped: bool,
    /// n and d.
    pub(crate) shape: [usize; 2],
}

impl Rows {
    /// Rows of plain `f32` from the file's beginning on.
    pub(crate) fn floats(file: File, path: &Path, shape: [usize; 2]) -> Self {
        Self { file, path: path.to_owned(), start: 0, floats: Floats::F32, swapped: false, shape }
    }

    /// Rows of an array of `bytes` bytes that begins at `start`.
    ///
    /// **Errors.** A shape that is no table, or that needs another number of bytes.
    pub(crate) fn new(
        (file, path): (File, &Path),
        array: &str,
        (start, bytes): (u64, u64),
        (floats, swapped): (Floats, bool),
        shape: &[usize],
    ) -> Result<Self> {
        let wrong = || {
            let wrong = format!("has the shape {shape:?}, not two dimensions, rows and axes");
            VectorFault::Array { array: array.to_owned(), wrong, save: "one row per vector" }.of(path)
        };
        let &[n, d] = shape else { return Err(wrong()) };
        if d == 0 {
            return Err(wrong());
        }
        let expected = n.checked_mul(d).and_then(|count| count.checked_mul(floats.size())).ok_or_else(wrong)? as u64;
        if expected != bytes {
            return Err(VectorFault::Length { array: array.to_owned(), expected, got: bytes }.of(path));
        }
        Ok(Self { file, path: path.to_owned(), start, floats, swapped, shape: [n, d] })
    }

    /// The values of the given rows, one row after another; neighbours are read in one go.
    pub(crate) fn read(&mut self, rows: &[usize]) -> Result<Vec<f32>> {
        let size = self.shape[1] * self.floats.size();
        let mut values = Vec::with_capacity(rows.len() * self.shape[1]);
        let mut bytes = Vec::new();
        for run in rows.chunk_by(|a, b| a + 1 == *b) {
            bytes.resize(run.len() * size, 0);
            let at = self.start + run[0] as u64 * size as u64;
            let read = self.file.seek(SeekFrom::Start(at)).and_then(|_| self.file.read_exact(&mut bytes));
            read.map_err(Error::io(&self.path))?;
            if self.swapped {
                bytes.chunks_exact_mut(self.floats.size()).for_each(<[u8]>::reverse);
            }
            self.floats.decode(&bytes, &mut values);
        }
        Ok(values)
    }
}
