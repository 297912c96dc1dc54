//! How well each head does on given rows.

use ndarray::ArrayView2;

use crate::data::{ImageSource, Targets, check_images, check_rows, check_targets, load_rows, view};
use crate::error::Result;
use crate::network::{Features, Network, logits_of_features};
use crate::spec::Head;
use crate::tally::{HeadReport, Tally};
use crate::trainable::Trainable;

/// Measures every head on `rows`; `batch` images are in memory at a time.
///
/// **Errors** targets or images that don't fit the network, a failing image source.
pub fn evaluate(
    network: &Network,
    images: &dyn ImageSource,
    targets: &[Targets],
    rows: &[usize],
    batch: usize,
) -> Result<Vec<HeadReport>> {
    let heads = &network.spec().heads;
    check_images(images, network.spec())?;
    check_targets(targets, heads, images.len())?;
    check_rows(rows, images.len())?;
    count(heads, targets, rows, batch, |rows| {
        let pixels = load_rows(images, rows, None)?;
        let logits = network.predict(view(&pixels, rows.len(), images.shape())?)?;
        Ok(logits.into_iter().map(|logits| logits.into_iter().collect()).collect())
    })
}

/// As [`evaluate`], from vectors that are known already: those of [`crate::train_on_features`].
///
/// **Shapes** `vectors` `[images, width]` of the tap that `trainable` names, one row per image.
///
/// **Errors** as [`evaluate`], and vectors that do not fit.
pub fn evaluate_features(
    network: &Network,
    trainable: Trainable,
    vectors: ArrayView2<'_, f32>,
    targets: &[Targets],
    rows: &[usize],
    batch: usize,
) -> Result<Vec<HeadReport>> {
    let (heads, images) = (&network.spec().heads, vectors.nrows());
    let features = Features::given(network, trainable, images, vectors)?;
    check_targets(targets, heads, images)?;
    check_rows(rows, images)?;
    count(heads, targets, rows, batch, |rows| logits_of_features(network, &features, rows))
}

/// Counts over the logits of all heads, a batch at a time.
fn count(
    heads: &[Head],
    targets: &[Targets],
    rows: &[usize],
    batch: usize,
    mut logits_of: impl FnMut(&[usize]) -> Result<Vec<Vec<f32>>>,
) -> Result<Vec<HeadReport>> {
    let mut tallies: Vec<Tally> = heads.iter().map(Tally::new).collect();
    for rows in rows.chunks(batch.max(1)) {
        let logits = logits_of(rows)?;
        for (((tally, head), logits), targets) in tallies.iter_mut().zip(heads).zip(&logits).zip(targets) {
            for (&row, logits) in rows.iter().zip(logits.chunks_exact(head.classes)) {
                if let Some(labels) = targets.labels(row) {
                    tally.add(logits, labels);
                }
            }
        }
    }
    Ok(heads.iter().zip(&tallies).map(|(head, tally)| tally.report(head)).collect())
}
