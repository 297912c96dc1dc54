//! Vectors that another program made: a Parquet table or a NumPy array.

use std::fs;
use std::path::Path;

use ndarray::Array2;

use crate::{Error, Reader, Result};

/// How a NumPy file begins.
const NUMPY: &[u8] = b"\x93NUMPY";

/// Vectors with the names of their rows, where the file has names.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// One id a row; `None` for a file that holds numbers alone.
    pub ids: Option<Vec<String>>,
    /// n × d.
    pub vectors: Array2<f32>,
}

/// Reads a Parquet table with the columns `id` and `vector` (a list of floats), or a NumPy array (`.npy`) of two dimensions,
/// `float32` or `float64`, in C order. What the file is, is decided by its content.
///
/// **Units and conventions.** All of it is held in memory, 4 n d bytes.
///
/// **Errors.** A file that is neither, is cut short, or holds NaN or infinite values: it names the file and the row.
pub fn read_vectors(path: impl AsRef<Path>) -> Result<Vectors> {
    let path = path.as_ref();
    let io = |source| Error::Io { path: path.to_owned(), source };
    let mut start = [0; 6];
    let read = std::io::Read::read(&mut fs::File::open(path).map_err(io)?, &mut start).map_err(io)?;
    if &start[..read] == NUMPY {
        let vectors = numpy(path, &fs::read(path).map_err(io)?)?;
        return Ok(Vectors { ids: None, vectors });
    }
    let reader = Reader::open(path)?;
    Ok(Vectors { ids: Some(reader.ids()?), vectors: reader.vectors(None)? })
}

fn numpy(path: &Path, bytes: &[u8]) -> Result<Array2<f32>> {
    let wrong = |reason: &'static str| Error::Numpy { path: path.to_owned(), reason };
    let short = || wrong("it is cut short");
    let length = match bytes.get(6).ok_or_else(short)? {
        1 => bytes.get(8..10).map(|b| (10, usize::from(u16::from_le_bytes([b[0], b[1]])))),
        _ => bytes.get(8..12).map(|b| (12, u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)),
    };
    let (start, length) = length.ok_or_else(short)?;
    let header = bytes.get(start..start + length).and_then(|h| std::str::from_utf8(h).ok()).ok_or_else(short)?;
    if !header.contains("'fortran_order': False") {
        return Err(wrong("it is in Fortran order: save numpy.ascontiguousarray(x)"));
    }
    let (n, d) = shape(header).ok_or_else(|| wrong("it does not have two dimensions, rows and axes"))?;
    let data = &bytes[start + length..];
    let size = if header.contains("'<f4'") {
        4
    } else if header.contains("'<f8'") {
        8
    } else {
        return Err(wrong("it is neither float32 nor float64: save x.astype('float32')"));
    };
    if n.checked_mul(d).and_then(|count| count.checked_mul(size)) != Some(data.len()) {
        return Err(short());
    }
    let single = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let double = |b: &[u8]| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32;
    let values: Vec<f32> = match size {
        4 => data.chunks_exact(4).map(single).collect(),
        _ => data.chunks_exact(8).map(double).collect(),
    };
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let (row, axis) = (at / d, at % d);
        return Err(Error::NotFinite { path: path.to_owned(), row, id: format!("row {row}"), axis, value: values[at] });
    }
    Array2::from_shape_vec((n, d), values).map_err(|_| short())
}

/// Rows and columns from `'shape': (n, d)`.
fn shape(header: &str) -> Option<(usize, usize)> {
    let inner = header.split_once("'shape': (")?.1.split_once(')')?.0;
    let sizes: Vec<usize> =
        inner.split(',').filter(|s| !s.trim().is_empty()).map(|s| s.trim().parse().ok()).collect::<Option<_>>()?;
    match sizes[..] {
        [n, d] if d > 0 => Some((n, d)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ndarray::array;

    use super::*;

    /// As NumPy writes it: `numpy.save` of version 1.0.
    fn npy(descr: &str, shape: &str, order: &str, data: &[u8]) -> Vec<u8> {
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        header.extend(std::iter::repeat_n(' ', 64 - (10 + header.len() + 1) % 64));
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vectors> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.npy");
        fs::write(&path, bytes).unwrap();
        read_vectors(path)
    }

    #[test]
    fn numpy_arrays_of_both_widths_are_read() {
        let values = [1.0_f32, -2.5, 3.0, 0.0, 7.0, 8.0];
        let expected = array![[1.0_f32, -2.5, 3.0], [0.0, 7.0, 8.0]];
        let single: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let double: Vec<u8> = values.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect();
        let found = read(&npy("<f4", "(2, 3)", "False", &single)).unwrap();
        assert_eq!(found, Vectors { ids: None, vectors: expected.clone() });
        assert_eq!(read(&npy("<f8", "(2, 3)", "False", &double)).unwrap().vectors, expected);
        let message = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert!(message(&npy("<f4", "(2, 3)", "False", &single[..20])).contains("cut short"));
        assert!(message(&npy("<f4", "(2, 3)", "True", &single)).contains("Fortran"));
        assert!(message(&npy("<f4", "(6,)", "False", &single)).contains("two dimensions"));
        assert!(message(&npy("<i4", "(2, 3)", "False", &single)).contains("float32"));
        assert!(message(b"\x93NUMPY\x01").contains("cut short"));
        let nan: Vec<u8> = [1.0, 2.0, 3.0, f32::NAN].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert!(message(&npy("<f4", "(2, 2)", "False", &nan)).contains("row 1"));
        assert!(message(b"id,vector\n").contains("v.npy"));
    }
}
