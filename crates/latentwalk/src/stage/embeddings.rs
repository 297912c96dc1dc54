//! Every image's vector, written as a stream.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use latentwalk_backbone::{ImageSource, Network, Precision, Tap};
use latentwalk_cli::Stage;
use latentwalk_embeddings::{DEFAULT_BATCH_ROWS, Reader, Summary, VectorFile, Writer, WriterOptions};
use latentwalk_images::{Augmentation, Batcher, Dataset, Pixels, SourceFile};
use latentwalk_run::{COLUMNS_FILE, vectors_file};
use serde_json::{Value, json};

use super::backbone::Source;
use super::extraction::{Extraction, figures};
use super::inputs;
use super::vectors::{schema, table};
use crate::config::Config;
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
        return given(job, &dataset, &path);
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

/// The file of given vectors, as a file from outside.
///
/// # Errors
/// None; a missing file is told where it is read.
pub fn files(config: &Config) -> Result<Vec<SourceFile>> {
    let file = config.vectors().map(|path| SourceFile { name: "vectors".to_owned(), path: Some(path), bytes: None });
    Ok(file.into_iter().collect())
}

/// Takes the vectors that another program made, one for every image, a batch at a time.
fn given(job: &Job<'_>, dataset: &Dataset, path: &Path) -> Result<Value> {
    let mut found = VectorFile::open(path, job.out)?;
    let places = places(dataset, &found, path)?;
    let rows = WriterOptions { row_group_rows: job.config.embeddings.row_group_rows };
    let schema = schema(dataset, found.width(), Tap::Fc);
    let mut writer = Writer::create(job.out.join(vectors_file(Tap::Fc)), &schema, rows)?;
    let all: Vec<usize> = (0..dataset.items.len()).collect();
    for part in all.chunks(inputs::READ_ROWS) {
        let chosen: Vec<usize> = part.iter().map(|&row| places[row]).collect();
        writer.write(&table(dataset, part, found.read(&chosen)?))?;
        job.progress.set(part.last().map_or(0, |last| last + 1), all.len());
    }
    let summary = writer.finish()?;
    let mut keep = vec![false; found.rows()];
    places.iter().for_each(|&row| keep[row] = true);
    let carried = found.copy_columns(job.out.join(COLUMNS_FILE), &keep)?;
    let unused = found.rows() - places.len();
    if unused > 0 {
        job.progress.say(&format!("{unused} vectors of {} belong to no image of the data set", path.display()));
    }
    let mut figures = json!({ "files": { (vectors_file(Tap::Fc)): { "rows": summary.rows, "bytes": summary.bytes } } });
    if !carried.is_empty() {
        figures["columns"] = json!(carried);
    }
    Ok(figures)
}

/// The vector's row of every image.
fn places(dataset: &Dataset, found: &VectorFile, path: &Path) -> Result<Vec<usize>> {
    let images = dataset.items.len();
    let Some(ids) = found.ids() else {
        ensure!(
            found.rows() == images,
            "{} has {} rows for {images} images, and no ids\nhint: write one row for every image, in their order",
            path.display(),
            found.rows()
        );
        return Ok((0..images).collect());
    };
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for (row, id) in ids.iter().enumerate() {
        if let Some(first) = rows.insert(id, row) {
            bail!("{}: rows {first} and {row} have the same id `{id}`", path.display());
        }
    }
    let missing: Vec<&str> =
        dataset.items.iter().map(|item| item.id.as_str()).filter(|id| !rows.contains_key(id)).collect();
    ensure!(
        missing.is_empty(),
        "{} has no vector for {} of {images} images, the first is `{}`; its own first id is `{}`",
        path.display(),
        missing.len(),
        missing.first().copied().unwrap_or_default(),
        ids.first().map_or("", String::as_str)
    );
    Ok(dataset.items.iter().map(|item| rows[item.id.as_str()]).collect())
}
