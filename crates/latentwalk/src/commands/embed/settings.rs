//! What a run of `embed` makes its vectors from.

use latentwalk_backbone::Precision;
use serde::{Deserialize, Serialize};

/// What the vectors are made from; a run goes on only where all of it is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) weights: String,
    pub(super) arch: String,
    pub(super) preprocess: String,
    pub(super) tap: String,
    /// Whether EXIF rotation is applied.
    pub(super) exif: bool,
    /// Whether transparent pixels are laid on white.
    pub(super) white: bool,
    pub(super) scaled: bool,
    pub(super) precision: Precision,
    pub(super) device: String,
    pub(super) files: String,
    /// The version of what pixels a file gives.
    pub(super) decoder: String,
    /// Images a batch.
    pub(super) shard: usize,
}
