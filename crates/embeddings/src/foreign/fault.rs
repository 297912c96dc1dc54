//! What can be wrong with vectors from elsewhere.

use std::path::Path;

use crate::Error;

/// Why a file cannot be taken as vectors; the sentence follows the file's name.
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
    /// An array of another type, shape, order or packing.
    #[error("{} {wrong}\nhint: save {save}", named(array))]
    Array {
        /// The array.
        array: String,
        /// What is wrong with it, in the file's own terms.
        wrong: String,
        /// What to save in its place, in NumPy's terms.
        save: &'static str,
    },
    /// The files of a folder do not belong together.
    #[error(
        "{what}\nhint: give a folder of .npy files, each with a Parquet table of as many rows in `metadata` beside it"
    )]
    Shards {
        /// What does not fit.
        what: String,
    },
    /// No array is the vectors, or several may be.
    #[error(
        "it holds {}\nhint: save the vectors as the only array of two dimensions or call them `embeddings`",
        list(names)
    )]
    Choice {
        /// The names of all arrays.
        names: Vec<String>,
    },
    /// Another number of ids than of vectors.
    #[error("it has {ids} ids for {rows} vectors")]
    IdCount {
        /// Ids.
        ids: usize,
        /// Vectors.
        rows: usize,
    },
}

impl VectorFault {
    /// Python objects, which only code could read.
    pub(crate) fn objects(array: &str) -> Self {
        let wrong = "holds Python objects, which are never loaded".to_owned();
        Self::Array { array: array.to_owned(), wrong, save: "x.astype('float32'), and ids as ids.astype(str)" }
    }

    /// Numbers that are no floats.
    pub(crate) fn kind(array: &str, kind: &str) -> Self {
        let wrong = format!("is of type {kind}, not floats");
        Self::Array { array: array.to_owned(), wrong, save: "x.astype('float32')" }
    }

    pub(crate) fn of(self, path: &Path) -> Error {
        Error::Vectors { path: path.to_owned(), source: self }
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
