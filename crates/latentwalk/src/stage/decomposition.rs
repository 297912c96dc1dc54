//! PCA on the train split's vectors, and every image's coordinates.

use anyhow::Result;
use latentwalk_cli::Stage;
use latentwalk_decomposition::{Accumulator, Keep, Pca, PcaOptions};
use latentwalk_embeddings::{Reader, Table, Writer, WriterOptions};
use latentwalk_run::{COORDINATES_FILE, vectors_file};
use ndarray::Axis;
use serde_json::{Value, json};

use super::inputs::READ_ROWS;
use crate::config::{DEFAULT_AXES, DecompositionConfig};
use crate::job::Job;

/// Two passes over the embeddings: one accumulates the covariance, one projects.
///
/// # Errors
/// No variance at all, a vector that is not finite, a certificate that does not hold.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let options = &job.config.decomposition;
    let path = job.input(Stage::Embeddings, &vectors_file(options.tap))?;
    let reader = Reader::open(&path)?;
    let total = 2 * reader.rows();
    let mut accumulator = Accumulator::new(reader.schema().width);
    let mut done = 0;
    for table in reader.batches(READ_ROWS)? {
        let table = table?;
        done += table.ids.len();
        accumulator.push(train(&table).view())?;
        job.progress.set(done, total);
    }
    let wanted = pca_options(options);
    let pca = accumulator.finish_at_most(&wanted)?;
    if let Keep::Axes(k) = wanted.keep
        && pca.k() < k
    {
        job.progress.say(&format!(
            "`decomposition.axes` asks for {k} axes; {} are kept, as many as have variance: {} train images, vectors of {} numbers",
            pca.k(),
            pca.n(),
            pca.d()
        ));
    }
    pca.save(job.out)?;
    let mut schema = reader.schema().clone();
    schema.width = pca.k();
    let mut writer = Writer::create(job.out.join(COORDINATES_FILE), &schema, WriterOptions::default())?;
    for table in reader.batches(READ_ROWS)? {
        let mut table = table?;
        done += table.ids.len();
        table.vectors = pca.transform(table.vectors.view())?;
        writer.write(&table)?;
        job.progress.set(done, total);
    }
    writer.finish()?;
    Ok(json!({ "variance": variance(&pca), "rank": pca.embedding_rank(), "width": pca.d(), "rows": pca.n() }))
}

fn train(table: &Table) -> ndarray::Array2<f32> {
    let rows: Vec<usize> = (0..table.ids.len()).filter(|&i| table.splits[i] == "train").collect();
    table.vectors.select(Axis(0), &rows)
}

fn pca_options(options: &DecompositionConfig) -> PcaOptions {
    let keep = match (options.axes, options.variance) {
        (Some(k), _) => Keep::Axes(k),
        (None, Some(share)) => Keep::Variance(share),
        (None, None) => Keep::Axes(DEFAULT_AXES),
    };
    PcaOptions { keep, whiten: options.whiten }
}

fn variance(pca: &Pca) -> Value {
    json!({ "axes": pca.k(), "kept": pca.kept(), "axes_for_98": pca.axes_for(0.98) })
}
