//! A file for what cannot be read by position.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The file's name, in a folder that the caller gives.
const NAME: &str = "vectors.unpacked";

/// A file that is removed when its owner goes.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Scratch {
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let file = File::create(&path).map_err(Error::io(&path))?;
        Ok(Self { path, out: BufWriter::new(file) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write_floats(&mut self, values: &[f32]) -> Result<()> {
        let write = |value: &f32| self.out.write_all(&value.to_le_bytes());
        values.iter().try_for_each(write).map_err(Error::io(&self.path))
    }

    /// Copies what a reader gives, and says how much it was.
    pub(crate) fn copy(&mut self, reader: &mut dyn Read) -> io::Result<u64> {
        io::copy(reader, &mut self.out)
    }

    /// Writes out what is still held back, and opens the file for reading.
    pub(crate) fn finish(&mut self) -> Result<File> {
        self.out.flush().and_then(|()| File::open(&self.path)).map_err(Error::io(&self.path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A file that stays is of no consequence: the folder's owner removes it with the folder.
        let _ = fs::remove_file(&self.path);
    }
}
