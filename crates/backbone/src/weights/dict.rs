//! A state dict as it was found in a file.

use rayon::prelude::*;

use super::fault::CheckpointFault;
use crate::state::{Array, Arrays};

/// The tensors of a file, under the file's own names.
#[derive(Debug)]
pub(super) struct StateDict {
    /// The key under which the state dict lay.
    pub(super) wrapper: Option<String>,
    pub(super) arrays: Arrays,
}

/// Reads tensors on all threads; the error of the first that cannot be read.
pub(super) fn together<T: Sync>(
    tensors: &[T],
    read: impl Fn(&T) -> Result<(String, Array), CheckpointFault> + Sync + Send,
) -> Result<Arrays, CheckpointFault> {
    let read: Vec<_> = tensors.par_iter().with_max_len(1).map(read).collect();
    read.into_iter().collect()
}
