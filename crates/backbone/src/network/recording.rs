//! What a training pass leaves behind.

use latentwalk_engine::BatchStats;

use crate::ops::Tape;
use crate::options::{Norms, TrainOptions};
use crate::precision::Precision;

/// How a training pass goes, and what it leaves for its backward pass.
#[derive(Default)]
pub(crate) struct Recording {
    pub(crate) norms: Norms,
    pub(crate) precision: Precision,
    pub(crate) observed: Vec<Observed>,
    pub(crate) tape: Tape,
}

impl Recording {
    /// As the options ask for.
    pub(crate) fn of(options: &TrainOptions) -> Self {
        Recording { norms: options.batch_norm, precision: options.precision, ..Recording::default() }
    }
}

/// What one BatchNorm saw in a training batch.
pub(crate) struct Observed {
    pub(crate) norm: String,
    pub(crate) stats: BatchStats,
    pub(crate) rows: usize,
}
