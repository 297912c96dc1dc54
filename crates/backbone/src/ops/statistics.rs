//! What BatchNorm saw in a batch, and when it comes off the card.

use candle_core::{Result, Tensor};
use latentwalk_engine::BatchStats;

/// Mean and biased variance per channel.
pub(crate) enum Statistics {
    /// In the processor's memory.
    Host(BatchStats),
    /// Still on the card, `[c]` each. Reading them there and then would keep the card waiting at each layer.
    Device { mean: Tensor, var: Tensor },
}

impl Statistics {
    /// Reads all of them; what is on a card comes in one transfer.
    pub(crate) fn read(all: Vec<Statistics>) -> Result<Vec<BatchStats>> {
        let on_card = |stats: &Statistics| match stats {
            Statistics::Host(_) => vec![],
            Statistics::Device { mean, var } => vec![mean.clone(), var.clone()],
        };
        let tensors: Vec<Tensor> = all.iter().flat_map(on_card).collect();
        let values: Vec<f32> = if tensors.is_empty() { vec![] } else { Tensor::cat(&tensors, 0)?.to_vec1()? };
        let mut rest = values.as_slice();
        let mut take = |len: usize| {
            let (values, after) = rest.split_at(len);
            rest = after;
            values.to_vec()
        };
        let stats = all.into_iter().map(|stats| match stats {
            Statistics::Host(stats) => stats,
            Statistics::Device { mean, var } => {
                BatchStats { mean: take(mean.elem_count()), var: take(var.elem_count()) }
            }
        });
        Ok(stats.collect())
    }
}
