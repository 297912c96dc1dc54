//! How tensors in a file differ from a network's.

/// How a set of tensors differs from what the network needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorMismatch {
    /// A tensor is missing.
    #[error("tensor `{name}` is missing; the weights belong to another network")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A tensor belongs to no parameter.
    #[error("tensor `{name}` is not part of the network; the weights belong to another one")]
    Unexpected {
        /// Its name.
        name: String,
    },
    /// A tensor has the wrong shape.
    #[error("tensor `{name}` has shape {got:?} but the network needs {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Shape of the network's parameter.
        expected: Vec<usize>,
        /// Shape in the file.
        got: Vec<usize>,
    },
    /// A tensor is not 32-bit float.
    #[error("tensor `{name}` is not of type F32; convert the weights to 32-bit floats")]
    Type {
        /// Its name.
        name: String,
    },
    /// A tensor holds NaN or infinite values.
    #[error("tensor `{name}` holds NaN or infinite values")]
    NonFinite {
        /// Its name.
        name: String,
    },
}
