//! One direction per attribute, with its evidence on held-out images.

use anyhow::{Context, Result};
use latentwalk_cli::Stage;
use latentwalk_decomposition::Pca;
use latentwalk_probe::{Direction, Verdict};
use latentwalk_run::AttributeLabels;
use serde_json::{Map, Value, json};

use super::inputs;
use crate::job::Job;

/// Fits every attribute's direction on train rows, selects on validation rows, measures on test rows.
///
/// # Errors
/// An attribute that cannot be probed: one class only, a class without training images, every restart collapsed.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let points = inputs::points(job)?;
    let attributes = inputs::attributes(job, &points.dataset)?;
    let pca = Pca::load(job.folder(Stage::Decomposition)?)?;
    let options = &job.config.probe.options;
    let mut directions = Vec::new();
    for labels in &attributes {
        job.progress.note(&labels.name);
        let progress = |done, total| job.progress.set(done, total);
        let direction = latentwalk_probe::fit(&labels.task(&points), options, &progress)
            .with_context(|| format!("attribute `{}`", labels.name))?;
        say(job, labels, &direction);
        directions.push(direction);
    }
    let embedding: Vec<Vec<f64>> =
        directions.iter().map(|d| pca.direction_to_embedding(&d.weights)).collect::<Result<_, _>>()?;
    latentwalk_probe::save(job.out, &directions, &embedding)?;
    let entries = attributes.iter().zip(&directions).map(|(a, d)| (a.name.clone(), entry(a, d)));
    Ok(json!({ "directions": Value::Object(entries.collect::<Map<_, _>>()) }))
}

fn entry(labels: &AttributeLabels, direction: &Direction) -> Value {
    let e = &direction.evidence;
    json!({
        "method": direction.method.to_string(),
        "classes": labels.classes,
        "pairwise_auc": e.pairwise_auc,
        "min_adjacent_auc": e.min_adjacent_auc,
        "test_accuracy": e.test_accuracy,
    })
}

fn say(job: &Job<'_>, labels: &AttributeLabels, direction: &Direction) {
    let e = &direction.evidence;
    let auc = e.min_adjacent_auc.map_or_else(String::new, |a| format!(", min. adjacent AUC {a:.3}"));
    let in_order = direction.restarts_in_order();
    let restarts = match direction.restarts.len() {
        0 => String::new(),
        n if labels.order.is_empty() => format!(", best of {n} restarts"),
        n => format!(", {in_order} of {n} restarts in the declared order"),
    };
    let folded = if direction.verdict == Verdict::Folded { "; FOLDED: the order was not found" } else { "" };
    job.progress.say(&format!(
        "{}: {}, test accuracy {:.3}{auc}{restarts}{folded}",
        labels.name,
        direction.method,
        e.test_accuracy.unwrap_or(f64::NAN)
    ));
}
