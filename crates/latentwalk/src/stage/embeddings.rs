//! Every image's vector, written as a stream.

use anyhow::{Result, ensure};
use latentwalk_backbone::{ImageSource, Network, Precision, Tap};
use latentwalk_cli::Stage;
use latentwalk_embeddings::{DEFAULT_BATCH_ROWS, Reader, Summary, Writer, WriterOptions};
use latentwalk_images::{Augmentation, Batcher, Dataset, Pixels};
use latentwalk_run::vectors_file;
use serde_json::{Value, json};

use super::backbone::Source;
use super::extraction::{Extraction, figures};
use super::vectors::{schema, table};
use super::{given, inputs};
use crate::job::Job;

/// Runs the trained network over all images, in the dataset's order.
///
/// # Errors
/// A network that cannot be loaded, a device that does not exist, files that cannot be read or written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let options = &job.config.embeddings;
    ensure!(!options.taps.is_empty(), "`embeddings.taps` is empty\nhint: name at least `fc`");
    let dataset = inputs::dataset(job)?;
    if let Some(path) = job.config.vectors() {
        return given::take(job, &dataset, &path);
    }
    let pixels = Pixels::open(job.folder(Stage::Images)?, &dataset)?;
    let device = latentwalk_backbone::parse_device(job.device)?;
    let network = Network::load(job.folder(Stage::Backbone)?, &device)?.with_precision(options.precision)?;
    let rows = WriterOptions { row_group_rows: options.row_group_rows };
    let mut found = Vec::new();
    let mut rest = Vec::new();
    for &tap in &options.taps {
        match from_features(job, &dataset, &network, tap, rows)? {
            Some(summary) => found.push((tap, summary)),
            None => rest.push(tap),
        }
    }
    if !rest.is_empty() {
        let (mean, std) = (network.spec().mean.clone(), network.spec().std.clone());
        let source = Source::new(&dataset, Batcher::new(pixels, mean, std, Augmentation::none())?);
        let (h, w, _) = source.shape();
        let (source, network, taps) = (&source, &network.into_evaluator(h, w)?, &rest);
        let extraction = Extraction { job, dataset: &dataset, source, network, taps, batch: options.batch };
        found.extend(extraction.write(rows)?);
    }
    Ok(json!({ "files": figures(&found) }))
}

/// Vectors that follow from those which a frozen network gave already; `None` where the network has to run.
fn from_features(
    job: &Job<'_>,
    dataset: &Dataset,
    network: &Network,
    tap: Tap,
    options: WriterOptions,
) -> Result<Option<Summary>> {
    if job.config.embeddings.precision != Precision::F32 {
        return Ok(None);
    }
    let Some(kept) = job.config.features().filter(|&kept| kept == tap || (kept, tap) == (Tap::Pool, Tap::Fc)) else {
        return Ok(None);
    };
    let reader = Reader::open(job.input(Stage::Features, &vectors_file(kept))?)?;
    let schema = schema(dataset, network.width(tap), tap);
    let mut writer = Writer::create(job.out.join(vectors_file(tap)), &schema, options)?;
    let mut done = 0;
    for batch in reader.batches(DEFAULT_BATCH_ROWS)? {
        let vectors = batch?.vectors;
        let vectors = if kept == tap { vectors } else { network.fc_of_pooled(vectors.view())? };
        let rows: Vec<usize> = (done..done + vectors.nrows()).collect();
        done += rows.len();
        writer.write(&table(dataset, &rows, vectors))?;
        job.progress.set(done, dataset.items.len());
    }
    Ok(Some(writer.finish()?))
}
