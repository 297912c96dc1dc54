//! Images and labels become a dataset with splits and packed pixels.

use anyhow::Result;
use latentwalk_images::{Split, skipped_summary};
use serde_json::{Value, json};

use crate::job::Job;

/// Imports the description's source into the artifact.
///
/// # Errors
/// What [`latentwalk_images::import`] refuses: it names the file, row, label or key.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let c = job.config;
    let progress = |done, total| job.progress.set(done, total);
    let (dataset, remarks) = latentwalk_images::import(&c.name, &c.images, &c.origin, job.out, &progress)?;
    remarks.iter().for_each(|remark| job.progress.say(remark));
    for skipped in dataset.skipped.iter().take(3) {
        job.progress.say(&format!("skipped {}: {}", skipped.path, skipped.reason));
    }
    if let Some(summary) = skipped_summary(&dataset.skipped) {
        job.progress.say(&format!("{summary}; skipped.jsonl lists them"));
    }
    for dropped in &dataset.dropped {
        job.progress.say(&format!(
            "class `{}` of attribute `{}` has {} train images, fewer than `images.minimum_support` = {}: unlabelled",
            dropped.class, dropped.attribute, dropped.train, c.images.images.minimum_support
        ));
    }
    Ok(json!({
        "images": dataset.items.len(),
        "skipped": dataset.skipped.len(),
        "train": dataset.rows(Split::Train).len(),
        "validation": dataset.rows(Split::Validation).len(),
        "test": dataset.rows(Split::Test).len(),
    }))
}
