//! How tensors in a file differ from a network's.

/// How a set of tensors differs from what the network needs; what to do depends on whose file it is, and stands in the error around it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorMismatch {
    /// A tensor is missing.
    #[error("tensor `{name}` is missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A tensor belongs to no parameter.
    #[error("tensor `{name}` is not part of the network")]
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
    /// A tensor's numbers are not 32-bit floats, or not finite.
    #[error("tensor `{name}` holds {found}, where finite numbers of type F32 are needed")]
    Values {
        /// Its name.
        name: String,
        /// What it holds.
        found: String,
    },
}
