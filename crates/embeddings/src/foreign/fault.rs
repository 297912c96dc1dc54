//! What can be wrong with vectors from elsewhere.

use std::path::Path;

use crate::Error;

/// Why a file cannot be taken as vectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VectorFault {
    /// It begins like none of the formats.
    #[error("it is neither Parquet nor NumPy (.npy, .npz) nor safetensors")]
    Unknown,
    /// It ends before its content does, or after.
    #[error("it is cut short or damaged: {} needs {expected} bytes and there are {got}", named(array))]
    Length {
        /// The array or tensor.
        array: String,
        /// Bytes that its shape asks for.
        expected: u64,
        /// Bytes that are there.
        got: u64,
    },
    /// A header cannot be read.
    #[error("its header is damaged: {what}")]
    Header {
        /// What is wrong with it.
        what: String,
    },
    /// Columns stand one after another instead of rows.
    #[error("{} is in Fortran order: save numpy.ascontiguousarray(x)", named(array))]
    Fortran {
        /// The array.
        array: String,
    },
    /// An array of Python objects, which only code could read.
    #[error(
        "{} holds Python objects, which are never loaded: save x.astype('float32'), and ids as ids.astype(str)",
        named(array)
    )]
    Objects {
        /// The array.
        array: String,
    },
    /// Numbers of another kind.
    #[error("{} is of type {kind}, not floats: save x.astype('float32')", named(array))]
    Kind {
        /// The array.
        array: String,
        /// Its type, in the file's own terms.
        kind: String,
    },
    /// Not a table.
    #[error("{} has the shape {shape:?}, not two dimensions, rows and axes", named(array))]
    Shape {
        /// The array.
        array: String,
        /// Its sizes.
        shape: Vec<usize>,
    },
    /// No array is the vectors, or several may be.
    #[error("it holds {}; save the vectors as the only array of two dimensions or call them `embeddings`", list(names))]
    Choice {
        /// The names of all arrays.
        names: Vec<String>,
    },
    /// Ids that are neither text nor whole numbers, or no plain list.
    #[error("the ids `{array}` are of type {kind} and shape {shape:?}: save one text a vector, ids.astype(str)")]
    Ids {
        /// The array.
        array: String,
        /// Its type.
        kind: String,
        /// Its sizes.
        shape: Vec<usize>,
    },
    /// Another number of ids than of vectors.
    #[error("it has {ids} ids for {rows} vectors")]
    IdCount {
        /// Ids.
        ids: usize,
        /// Vectors.
        rows: usize,
    },
    /// A member of the archive that only other programs unpack.
    #[error("`{array}` is packed as {method}: save it with numpy.savez or numpy.savez_compressed")]
    Packed {
        /// The array.
        array: String,
        /// The method's name.
        method: String,
    },
}

impl VectorFault {
    pub(crate) fn of(self, path: &Path) -> Error {
        Error::Vectors { path: path.to_owned(), fault: self }
    }
}

/// An array in a file of its own has no name.
fn named(array: &str) -> String {
    if array.is_empty() { "the array".to_owned() } else { format!("`{array}`") }
}

fn list(names: &[String]) -> String {
    match names {
        [] => "no array".to_owned(),
        _ => format!("the arrays {}", names.join(", ")),
    }
}
