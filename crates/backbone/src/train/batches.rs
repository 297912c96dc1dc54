//! Which rows make a batch, and their pixels one batch ahead.

use std::sync::mpsc::sync_channel;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::data::{Augment, ImageSource, load_rows};
use crate::error::{Error, Result};

/// Keeps the shuffles' random streams apart from those of the parameters' starts, which count from 0.
const SHUFFLE_STREAM: u64 = 1 << 32;

/// The shuffled batches of an epoch: a function of rows, seed and epoch only.
///
/// A single row left over joins the batch before it, because BatchNorm cannot learn from one image.
pub(super) fn epoch_batches(rows: &[usize], seed: u64, epoch: usize, batch: usize) -> Vec<Vec<usize>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(SHUFFLE_STREAM + epoch as u64);
    let mut rows = rows.to_vec();
    rows.shuffle(&mut rng);
    let mut batches = plain_batches(&rows, batch);
    if batches.len() > 1 && batches.last().is_some_and(|last| last.len() == 1) {
        let last = batches.pop().unwrap_or_default();
        if let Some(before) = batches.last_mut() {
            before.extend(last);
        }
    }
    batches
}

/// Batches in the given order.
pub(super) fn plain_batches(rows: &[usize], batch: usize) -> Vec<Vec<usize>> {
    rows.chunks(batch).map(<[usize]>::to_vec).collect()
}

/// Calls `work` with number, rows and pixels of each batch, while a second thread loads the next one.
pub(super) fn for_each_batch(
    images: &dyn ImageSource,
    batches: &[Vec<usize>],
    augment: Option<Augment>,
    epoch: usize,
    mut work: impl FnMut(usize, &[usize], Vec<f32>) -> Result<()>,
) -> Result<()> {
    let ended = || Error::Compute(format!("the thread that loads images ended early in epoch {epoch}").into());
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        scope.spawn(move || {
            for rows in batches {
                let loaded = load_rows(images, rows, augment);
                let failed = loaded.is_err();
                // Sending fails once the worker has given up and dropped the receiver.
                if sender.send(loaded).is_err() || failed {
                    return;
                }
            }
        });
        for (index, rows) in batches.iter().enumerate() {
            let pixels = receiver.recv().map_err(|_| ended())??;
            work(index, rows, pixels)?;
        }
        Ok(())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_holds_every_row_once() {
        let rows: Vec<usize> = (10..43).collect();
        let batches = epoch_batches(&rows, 7, 0, 8);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 8, 9]);
        let mut all = batches.concat();
        assert_ne!(all, rows);
        all.sort_unstable();
        assert_eq!(all, rows);
        assert_eq!(batches, epoch_batches(&rows, 7, 0, 8));
        assert_ne!(batches, epoch_batches(&rows, 7, 1, 8));
        assert_ne!(batches, epoch_batches(&rows, 8, 0, 8));
    }
}
