//! Every image's vector, written as a stream.

use anyhow::{Context, Result, ensure};
use latentwalk_backbone::{ImageSource, Network};
use latentwalk_cli::Stage;
use latentwalk_embeddings::{AttributeColumn, Schema, Table, Writer, WriterOptions};
use latentwalk_images::{AttributeKind, Augmentation, Batcher, Dataset, Pixels};
use serde_json::{Value, json};

use super::backbone::Source;
use super::shared;
use crate::config::Tap;
use crate::stages::Job;

/// Runs the trained network over all images, in the dataset's order.
///
/// # Errors
/// A network that cannot be loaded, a device that does not exist, files that cannot be read or written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let options = &job.config.embeddings;
    ensure!(!options.taps.is_empty(), "`embeddings.taps` is empty; name at least `fc`");
    let dataset = shared::dataset(job)?;
    let pixels = Pixels::open(job.folder(Stage::Images)?, &dataset)?;
    let device = latentwalk_backbone::parse_device(job.device)?;
    let network = Network::load(job.folder(Stage::Backbone)?, &device)?;
    let (mean, std) = (network.spec().mean.clone(), network.spec().std.clone());
    let source = Source::new(&dataset, Batcher::new(pixels, mean, std, Augmentation::none())?);
    let mut writers = Vec::new();
    for &tap in &options.taps {
        let schema = schema(&dataset, network.width(tap.of_network()), tap);
        let rows = WriterOptions { row_group_rows: options.row_group_rows };
        writers.push((tap, Writer::create(job.out.join(tap.file()), &schema, rows)?));
    }
    let (h, w, c) = source.shape();
    let all: Vec<usize> = (0..dataset.items.len()).collect();
    let mut buffer = Vec::new();
    for (batch, rows) in all.chunks(options.batch).enumerate() {
        buffer.resize(rows.len() * h * w * c, 0.0);
        source.load(rows, None, &mut buffer).map_err(anyhow::Error::from_boxed)?;
        let outputs = if options.taps.iter().all(|tap| matches!(tap, Tap::Fc | Tap::Pool)) {
            network.forward_all(&buffer, rows.len(), h, w)?
        } else {
            network.forward_with_stages(&buffer, rows.len(), h, w)?
        };
        for (tap, writer) in &mut writers {
            let vectors = outputs.tap(tap.of_network()).context("the network did not give a tap that was asked for")?;
            writer.write(&table(&dataset, rows, vectors.clone()))?;
        }
        job.progress.set(batch * options.batch + rows.len(), all.len());
    }
    let mut files = serde_json::Map::new();
    for (tap, writer) in writers {
        let summary = writer.finish()?;
        files.insert(tap.file().to_owned(), json!({ "rows": summary.rows, "bytes": summary.bytes }));
    }
    Ok(json!({ "files": files }))
}

/// The table of some rows' vectors.
pub(crate) fn table(dataset: &Dataset, rows: &[usize], vectors: ndarray::Array2<f32>) -> Table {
    Table {
        ids: rows.iter().map(|&r| dataset.items[r].id.clone()).collect(),
        splits: rows.iter().map(|&r| dataset.items[r].split.as_str().to_owned()).collect(),
        vectors,
        labels: shared::label_columns(dataset, rows),
    }
}

fn schema(dataset: &Dataset, width: usize, tap: Tap) -> Schema {
    let column = |a: &latentwalk_images::Attribute| AttributeColumn {
        name: a.name.clone(),
        multi: a.kind == AttributeKind::Multi,
    };
    let mut schema = Schema::new(width, dataset.attributes.iter().map(column).collect());
    schema.metadata.insert("latentwalk.tap".to_owned(), tap.name().to_owned());
    schema.metadata.insert("latentwalk.dataset".to_owned(), dataset.name.clone());
    schema
}
