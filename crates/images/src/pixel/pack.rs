//! The pack of pixels, read by position.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::dataset::{Dataset, ImageShape, PIXELS_FILE, check_pixels};
use crate::error::{Error, Result};

/// Rows read at once by [`Pixels::statistics`].
const CHUNK_ROWS: usize = 256;

/// An open pack; memory stays flat however large it is, and threads may share it.
#[derive(Debug)]
pub struct Pixels {
    file: File,
    path: PathBuf,
    n: usize,
    shape: ImageShape,
}

impl Pixels {
    /// Opens the pack of an imported data set and checks its size.
    ///
    /// **Errors.** [`Error::Io`], [`Error::Damaged`].
    pub fn open(dir: &Path, dataset: &Dataset) -> Result<Self> {
        check_pixels(dir, dataset)?;
        let path = dir.join(PIXELS_FILE);
        let file = File::open(&path).map_err(Error::io(&path))?;
        Ok(Self { file, path, n: dataset.items.len(), shape: dataset.shape })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Size of every image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Reads the images of `rows`, one after the other.
    ///
    /// **Shapes.** `out` is `rows.len() * height * width * channels` bytes, channels last.
    ///
    /// **Errors.** [`Error::Row`], [`Error::Length`], [`Error::Io`].
    pub fn read(&self, rows: &[usize], out: &mut [u8]) -> Result<()> {
        let size = self.shape.len();
        if out.len() != rows.len() * size {
            return Err(Error::Length { what: "the buffer for pixels", expected: rows.len() * size, got: out.len() });
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= self.n) {
            return Err(Error::Row { row, n: self.n });
        }
        let mut rest = out;
        // Neighbours are read in one go.
        for run in rows.chunk_by(|a, b| a + 1 == *b) {
            let (part, tail) = rest.split_at_mut(run.len() * size);
            rest = tail;
            read_at(&self.file, part, run[0] as u64 * size as u64).map_err(Error::io(&self.path))?;
        }
        Ok(())
    }

    /// Mean and standard deviation of each channel over the images of `rows`.
    ///
    /// **Units and conventions.** Pixels in 0 to 1; the deviation divides by the number of pixels; a channel that never
    /// varies has deviation 1, so that normalising stays defined. Sums are of whole numbers, hence exact.
    ///
    /// **Errors.** Those of [`Self::read`]; [`Error::Length`] for no rows.
    pub fn statistics(&self, rows: &[usize]) -> Result<(Vec<f32>, Vec<f32>)> {
        if rows.is_empty() {
            return Err(Error::Length { what: "the list of rows to average", expected: 1, got: 0 });
        }
        let none = || vec![[0_u64; 2]; self.shape.channels];
        let add = |mut a: Vec<[u64; 2]>, b: Vec<[u64; 2]>| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a = [a[0] + b[0], a[1] + b[1]]);
            Ok(a)
        };
        let sums = rows.par_chunks(CHUNK_ROWS).map(|chunk| self.sums(chunk)).try_reduce(none, add)?;
        let count = (rows.len() * self.shape.height * self.shape.width) as f64;
        let figures = sums.into_iter().map(|[sum, squares]| {
            let mean = sum as f64 / count;
            let deviation = (squares as f64 / count - mean * mean).max(0.0).sqrt();
            let std = if deviation > 0.0 { deviation / 255.0 } else { 1.0 };
            ((mean / 255.0) as f32, std as f32)
        });
        Ok(figures.unzip())
    }

    /// Sum and sum of squares of each channel.
    fn sums(&self, rows: &[usize]) -> Result<Vec<[u64; 2]>> {
        let mut bytes = vec![0; rows.len() * self.shape.len()];
        self.read(rows, &mut bytes)?;
        let mut sums = vec![[0; 2]; self.shape.channels];
        for pixel in bytes.chunks_exact(self.shape.channels) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                let value = u64::from(value);
                *sum = [sum[0] + value, sum[1] + value * value];
            }
        }
        Ok(sums)
    }
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut out: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !out.is_empty() {
        let got = std::os::windows::fs::FileExt::seek_read(file, out, offset)?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        out = &mut out[got..];
        offset += got as u64;
    }
    Ok(())
}
