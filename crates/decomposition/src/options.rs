//! What is asked of a decomposition.

use serde::{Deserialize, Serialize};

/// How many axes are kept when [`PcaOptions`] say nothing else.
pub const DEFAULT_AXES: usize = 50;

/// How many axes to keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// This many, at most `d` and `n - 1`.
    Axes(usize),
    /// The fewest that hold this share of the variance, above 0 and at most 1.
    Variance(f64),
}

/// How rows are decomposed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PcaOptions {
    /// How many axes to keep.
    pub keep: Keep,
    /// Whether scores are divided by the standard deviation along their axis.
    pub whiten: bool,
}

impl Default for PcaOptions {
    fn default() -> Self {
        Self { keep: Keep::Axes(DEFAULT_AXES), whiten: false }
    }
}
