//! What training remembers of its epochs.

use serde::{Deserialize, Serialize};

use crate::state::Arrays;

/// Figures of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Mean loss over the epoch's images, each batch by the weights of its time.
    pub train_loss: f64,
    /// Loss over the validation rows; `None` where no head has a labelled one.
    pub validation_loss: Option<f64>,
    /// Accuracy of each head over its labelled validation rows; for multi-label heads the share of right decisions.
    pub validation_accuracy: Vec<Option<f64>>,
    /// Learning rate of the epoch's last step.
    pub learning_rate: f64,
}

/// The best epoch so far.
#[derive(Debug, Clone)]
pub(super) struct Best {
    pub(super) epoch: usize,
    pub(super) loss: f64,
    pub(super) state: Arrays,
}

/// A part of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Within {
    /// Batches that were learned from.
    pub(super) batches: usize,
    /// Sum over their images of the loss.
    pub(super) total: f64,
}
