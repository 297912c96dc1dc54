//! The distances that a walk can use, and the one that it uses unless told otherwise.

use std::fs;

use anyhow::{Context, Result, bail};
use latentwalk_cli::Stage;
use latentwalk_lines::{Metric, MetricKind, WalkFigures, choose_metric};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::backbone::write;
use super::course::{Course, Figures, Scene};
use crate::config::Config;
use crate::stages::Job;

/// One attribute's metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AttributeMetrics {
    pub(crate) name: String,
    /// The metric that walks and the index use.
    pub(crate) default: MetricKind,
    /// Whether validation starts chose it; else the description did.
    pub(crate) chosen_by_validation: bool,
    pub(crate) metrics: Vec<Metric>,
    /// Figures of walks from validation starts, metric by metric.
    pub(crate) validation: Vec<(MetricKind, Figures)>,
}

impl AttributeMetrics {
    pub(crate) fn default_metric(&self) -> Result<&Metric> {
        let found = self.metrics.iter().find(|m| m.kind() == self.default);
        found.with_context(|| format!("metrics.json lacks the default metric of `{}`", self.name))
    }
}

/// Fits every attribute's metrics on the train split and compares them on validation starts.
///
/// # Errors
/// `metrics.default` names no metric, or one that the attribute cannot be walked in.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let wanted = wanted(job.config)?;
    let scene = Scene::read(job)?;
    let courses = scene.courses(job.config)?;
    let mut all = Vec::new();
    for (done, course) in courses.iter().enumerate() {
        all.push(of_course(job, &scene, course, wanted)?);
        job.progress.set(done + 1, courses.len());
    }
    write(job, "metrics.json", &all)?;
    let defaults = all.iter().map(|a| (a.name.clone(), json!(a.default.name())));
    Ok(json!({ "default": Value::Object(defaults.collect::<Map<_, _>>()) }))
}

/// The metrics of every attribute, as an earlier stage left them.
pub(crate) fn load(job: &Job<'_>) -> Result<Vec<AttributeMetrics>> {
    let path = job.input(Stage::Metrics, "metrics.json")?;
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
}

fn wanted(config: &Config) -> Result<Option<MetricKind>> {
    let kinds = &config.metrics.kinds;
    match config.metrics.default.as_str() {
        "auto" => Ok(None),
        name => match kinds.iter().find(|k| k.name() == name) {
            Some(kind) => Ok(Some(*kind)),
            None => {
                let known: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                bail!("`metrics.default` is `{name}`; give auto or one of `metrics.kinds`: {}", known.join(", "))
            }
        },
    }
}

fn of_course(
    job: &Job<'_>,
    scene: &Scene,
    course: &Course<'_>,
    wanted: Option<MetricKind>,
) -> Result<AttributeMetrics> {
    let options = &job.config.metrics;
    let (metrics, missing) = course.metrics(job.config)?;
    for reason in missing {
        job.progress.say(&reason);
    }
    let starts = course.starts(job.config, "validation", "metrics", options.starts, options.seed)?;
    let mut figures: Vec<(MetricKind, WalkFigures)> = Vec::new();
    for metric in &metrics {
        let space = scene.space(metric.clone())?;
        figures.push((metric.kind(), course.study(&space, &starts, |s| s.walk())?));
    }
    let candidates: Vec<(MetricKind, &WalkFigures)> = figures.iter().map(|(kind, f)| (*kind, f)).collect();
    let default = match wanted {
        Some(kind) => kind,
        None => candidates[choose_metric(&candidates)?].0,
    };
    let result = AttributeMetrics {
        name: course.question.name.clone(),
        default,
        chosen_by_validation: wanted.is_none(),
        validation: figures.iter().map(|(kind, f)| (*kind, Figures::from(f))).collect(),
        metrics,
    };
    result.default_metric().with_context(|| format!("`metrics.default` is `{default}`; name another one"))?;
    Ok(result)
}
