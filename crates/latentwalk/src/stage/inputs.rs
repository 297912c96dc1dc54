//! What several stages read from the artifacts of earlier ones.

use anyhow::Result;
use latentwalk_cli::Stage;
use latentwalk_images::Dataset;
use latentwalk_run::{AttributeLabels, AttributeMetrics, Folders, Points, WalkData};

use crate::job::Job;

/// Rows read from Parquet at a time.
pub(crate) const READ_ROWS: usize = 4096;

/// The data set of the run.
pub(crate) fn dataset(job: &Job<'_>) -> Result<Dataset> {
    Ok(Dataset::open(job.folder(Stage::Images)?)?)
}

/// The data set with every image's coordinates.
pub(crate) fn points(job: &Job<'_>) -> Result<Points> {
    Ok(Points::read(dataset(job)?, job.folder(Stage::Decomposition)?)?)
}

/// The labels that the run's directions tell apart.
pub(crate) fn attributes(job: &Job<'_>, dataset: &Dataset) -> Result<Vec<AttributeLabels>> {
    Ok(AttributeLabels::of(dataset, &job.config.probe.attributes)?)
}

/// What walks are made from.
pub(crate) fn walk_data(job: &Job<'_>) -> Result<WalkData> {
    let folders = Folders {
        images: job.folder(Stage::Images)?,
        decomposition: job.folder(Stage::Decomposition)?,
        probe: job.folder(Stage::Probe)?,
    };
    Ok(WalkData::read(folders, job.config.walk_plan())?)
}

/// The metrics of every attribute.
pub(crate) fn metrics(job: &Job<'_>) -> Result<Vec<AttributeMetrics>> {
    Ok(latentwalk_run::read_metrics(job.folder(Stage::Metrics)?)?)
}
