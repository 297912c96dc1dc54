//! The vectors below what learns, where the rest of a pretrained network is frozen: computed once, whatever is tried on them.

use anyhow::{Context, Result};
use latentwalk_backbone::ImageSource;
use latentwalk_cli::Stage;
use latentwalk_embeddings::WriterOptions;
use latentwalk_images::{Augmentation, Batcher, Pixels};
use serde_json::{Value, json};

use super::backbone::{Source, pretrained};
use super::{extraction, inputs};
use crate::job::Job;

/// Runs the frozen network over all images, in the dataset's order, without augmentation.
///
/// # Errors
/// Weights that do not fit, a device that does not exist, files that cannot be read or written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let tap = job.config.features().context("nothing is frozen, so no features are kept")?;
    let dataset = inputs::dataset(job)?;
    let pixels = Pixels::open(job.folder(Stage::Images)?, &dataset)?;
    let network = pretrained(job, &dataset)?;
    let (mean, std) = (network.spec().mean.clone(), network.spec().std.clone());
    let source = Source::new(&dataset, Batcher::new(pixels, mean, std, Augmentation::none())?);
    let batch = job.config.embeddings.batch;
    let (h, w, _) = source.shape();
    let network = network.into_evaluator(h, w)?;
    let found =
        extraction::Extraction { job, dataset: &dataset, source: &source, network: &network, taps: &[tap], batch }
            .write(WriterOptions::default())?;
    Ok(json!({ "files": extraction::figures(&found) }))
}
