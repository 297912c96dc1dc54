//! The distances that a walk can use, fitted on the train split and compared on validation starts.

use anyhow::{Context, Result, bail};
use latentwalk_cli::causes;
use latentwalk_lines::{MetricKind, WalkFigures, choose_metric};
use latentwalk_run::{AttributeMetrics, AttributeWalk, Figures, METRICS_FILE, WalkData};
use serde_json::{Map, Value, json};

use super::inputs;
use crate::config::Config;
use crate::job::Job;

/// Fits every attribute's metrics on the train split and compares them on validation starts.
///
/// # Errors
/// `metrics.default` names no metric, or one that the attribute cannot be walked in.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let wanted = wanted(job.config)?;
    let data = inputs::walk_data(job)?;
    let walks = data.all_attributes()?;
    let mut all = Vec::new();
    for (done, walk) in walks.iter().enumerate() {
        all.push(of_attribute(job, &data, walk, wanted)?);
        job.progress.set(done + 1, walks.len());
    }
    job.write_json(METRICS_FILE, &all)?;
    let defaults = all.iter().map(|a| (a.name.clone(), json!(a.default.name())));
    Ok(json!({ "default": Value::Object(defaults.collect::<Map<_, _>>()) }))
}

fn wanted(config: &Config) -> Result<Option<MetricKind>> {
    let kinds = &config.metrics.kinds;
    match config.metrics.default.as_str() {
        "auto" => Ok(None),
        name => match kinds.iter().find(|k| k.name() == name) {
            Some(kind) => Ok(Some(*kind)),
            None => {
                let known: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                bail!("`metrics.default` is `{name}`; it must be auto or one of `metrics.kinds`: {}", known.join(", "))
            }
        },
    }
}

fn of_attribute(
    job: &Job<'_>,
    data: &WalkData,
    walk: &AttributeWalk<'_>,
    wanted: Option<MetricKind>,
) -> Result<AttributeMetrics> {
    let options = &job.config.metrics;
    let (metrics, missing) = walk.metrics(&options.kinds, options.shrinkage)?;
    for reason in missing {
        job.progress.say(&causes(&reason));
    }
    let starts = walk.starts("validation", options.starts, options.seed)?;
    let mut figures: Vec<(MetricKind, WalkFigures)> = Vec::new();
    for metric in &metrics {
        let space = data.space(metric.clone())?;
        figures.push((metric.kind(), walk.study(&space, &starts, |s| s.walk())?));
    }
    let candidates: Vec<(MetricKind, &WalkFigures)> = figures.iter().map(|(kind, f)| (*kind, f)).collect();
    let default = match wanted {
        Some(kind) => kind,
        None => candidates[choose_metric(&candidates)?].0,
    };
    let result = AttributeMetrics {
        name: walk.labels.name.clone(),
        default,
        chosen_by_validation: wanted.is_none(),
        validation: figures.iter().map(|(kind, f)| (*kind, Figures::from(f))).collect(),
        metrics,
    };
    result.default_metric().with_context(|| format!("`metrics.default` is `{default}`\nhint: name another one"))?;
    Ok(result)
}
