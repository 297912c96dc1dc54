//! What a training pass leaves behind.

use latentwalk_engine::BatchStats;

use crate::error::Result;
use crate::ops::{Statistics, Tape};
use crate::options::{Norms, TrainOptions};
use crate::precision::Precision;

/// How a training pass goes, and what it leaves for its backward pass.
#[derive(Default)]
pub(crate) struct Recording {
    pub(crate) norms: Norms,
    pub(crate) precision: Precision,
    pub(crate) observed: Vec<Observed<Statistics>>,
    pub(crate) tape: Tape,
}

impl Recording {
    /// As the options ask for.
    pub(crate) fn of(options: &TrainOptions) -> Self {
        Recording { norms: options.batch_norm, precision: options.precision, ..Recording::default() }
    }
}

/// What one BatchNorm saw in a training batch.
pub(crate) struct Observed<S = BatchStats> {
    pub(crate) norm: String,
    pub(crate) stats: S,
    pub(crate) rows: usize,
}

impl Observed {
    /// Reads what all layers saw, from a card in one transfer.
    pub(crate) fn read(all: Vec<Observed<Statistics>>) -> Result<Vec<Observed>> {
        let (places, stats): (Vec<_>, Vec<_>) =
            all.into_iter().map(|seen| ((seen.norm, seen.rows), seen.stats)).unzip();
        let read = Statistics::read(stats)?.into_iter().zip(places);
        Ok(read.map(|(stats, (norm, rows))| Observed { norm, stats, rows }).collect())
    }
}
