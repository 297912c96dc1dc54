//! Lines from held-out images along each direction, the real images nearest to them, and what they are worth.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use latentwalk_cli::Stage;
use latentwalk_lines::{HnswIndex, MetricKind, Search, Space, WalkOptions, walk};
use latentwalk_probe::{MethodChoice, ProbeOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::backbone::write;
use super::course::{Course, Figures, Scene};
use super::metrics::{self, AttributeMetrics};
use crate::config;
use crate::stages::Job;

/// One attribute's walks, as `walks.json` holds them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AttributeWalks {
    pub(crate) name: String,
    pub(crate) metric: MetricKind,
    /// Class indices from low to high: the declared order, or the found one.
    pub(crate) order: Vec<u32>,
    /// Whether the description declared the order.
    pub(crate) declared: bool,
    pub(crate) stops: Vec<f64>,
    /// Figures on the held-out starts, metric by metric.
    pub(crate) by_metric: Vec<(MetricKind, Figures)>,
    /// What is reached otherwise, in the default metric.
    pub(crate) yardsticks: Vec<(String, Figures)>,
    pub(crate) strips: Vec<StripRecord>,
}

/// One strip; rows are the dataset's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StripRecord {
    pub(crate) start: usize,
    pub(crate) position: f64,
    pub(crate) stops: Vec<StopRecord>,
}

/// One stop; no images where the slab is empty.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StopRecord {
    pub(crate) position: f64,
    pub(crate) slab: (f64, f64),
    pub(crate) images: Vec<ImageRecord>,
}

/// One retrieved image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ImageRecord {
    pub(crate) row: usize,
    pub(crate) position: f64,
    pub(crate) distance: f64,
}

/// Walks from held-out starts along every direction.
///
/// # Errors
/// No start in the split, an index that does not fit, files that cannot be written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let scene = Scene::read(job)?;
    let courses = scene.courses(job.config)?;
    let metrics = metrics::load(job)?;
    let mut all = Vec::new();
    for (done, (course, metrics)) in courses.iter().zip(&metrics).enumerate() {
        all.push(of_course(job, &scene, course, metrics)?);
        job.progress.set(done + 1, courses.len());
    }
    write(job, "walks.json", &all)?;
    let entries = all.iter().map(|w| (w.name.clone(), summary(w)));
    Ok(json!({ "walks": Value::Object(entries.collect::<Map<_, _>>()) }))
}

fn of_course(job: &Job<'_>, scene: &Scene, course: &Course<'_>, metrics: &AttributeMetrics) -> Result<AttributeWalks> {
    let options = &job.config.walks;
    let starts = course.starts(job.config, &options.start_split, "walks.start_split", options.starts, options.seed)?;
    let mut by_metric = Vec::new();
    for metric in &metrics.metrics {
        let space = scene.space(metric.clone())?;
        by_metric.push((metric.kind(), Figures::from(&course.study(&space, &starts, |s| s.walk())?)));
    }
    let metric = metrics.default_metric()?;
    let space = scene.space(metric.clone())?;
    let walks = AttributeWalks {
        name: course.question.name.clone(),
        metric: metric.kind(),
        order: course.order.clone(),
        declared: !course.question.order.is_empty(),
        stops: course.stops.positions().to_vec(),
        yardsticks: yardsticks(job, scene, course, &space, &starts)?,
        strips: strips(job, scene, course, &space, &starts)?,
        by_metric,
    };
    say(job, &walks);
    Ok(walks)
}

/// The same starts without the line, without the direction, without both; and along the class-mean difference.
fn yardsticks(
    job: &Job<'_>,
    scene: &Scene,
    course: &Course<'_>,
    space: &Space,
    starts: &[usize],
) -> Result<Vec<(String, Figures)>> {
    let seed = job.config.walks.seed;
    let mut rows = vec![
        ("random image of the same slab", course.study(space, starts, |s| s.random_in_slab(seed))?),
        ("random direction", course.study(space, starts, |s| s.random_direction(seed))?),
        ("nearest neighbours of the start", course.study(space, starts, |s| s.nearest_to_start())?),
    ];
    if !course.question.order.is_empty() {
        let options = ProbeOptions { method: MethodChoice::Lda, ..job.config.probe.options.clone() };
        let rival = latentwalk_probe::fit(&course.question.task(&scene.points), &options, &|_, _| {})?;
        rows.push((
            "class-mean difference (LDA)",
            course.along(job.config, &rival)?.study(space, starts, |s| s.walk())?,
        ));
    }
    Ok(rows.iter().map(|(name, f)| ((*name).to_owned(), Figures::from(f))).collect())
}

/// The strips of the report: starts of every class in turn, so that both ends and the middle are seen.
fn strips(
    job: &Job<'_>,
    scene: &Scene,
    course: &Course<'_>,
    space: &Space,
    starts: &[usize],
) -> Result<Vec<StripRecord>> {
    let index = match job.config.walks.search {
        config::Search::Exact => None,
        config::Search::Hnsw => {
            let folder = job.folder(Stage::Index)?.join(latentwalk_probe::file_name(&course.question.name));
            Some(HnswIndex::load(&folder, space)?)
        }
    };
    let search = match &index {
        None => Search::Exact,
        Some(index) => Search::Hnsw { index, ef: job.config.index.ef },
    };
    let chosen = in_turn(course, starts, job.config.walks.strips);
    chosen.into_iter().map(|start| strip(job, scene, course, space, search, start)).collect()
}

fn in_turn(course: &Course<'_>, starts: &[usize], count: usize) -> Vec<usize> {
    let of_class = |class: u32| starts.iter().copied().filter(move |&row| course.question.labels[row] == Some(class));
    let mut lists: Vec<_> = course.order.iter().map(|&class| of_class(class)).collect();
    let mut chosen = Vec::new();
    while chosen.len() < count {
        let before = chosen.len();
        chosen.extend(lists.iter_mut().filter_map(Iterator::next).take(count - before));
        if chosen.len() == before {
            break;
        }
    }
    chosen
}

fn strip(
    job: &Job<'_>,
    scene: &Scene,
    course: &Course<'_>,
    space: &Space,
    search: Search<'_>,
    start: usize,
) -> Result<StripRecord> {
    let line = space.metric().line(&course.direction.weights, scene.points.z.row(start))?;
    let exclude: Vec<usize> = scene.in_pool(start).into_iter().collect();
    let options = WalkOptions { per_stop: job.config.walks.per_stop, search, exclude: &exclude };
    let found = walk(space, &line, &course.stops, &options)?;
    let image = |hit: &latentwalk_lines::Hit| ImageRecord {
        row: scene.pool[hit.row],
        position: hit.position,
        distance: hit.distance,
    };
    let stop = |s: &latentwalk_lines::StopResult| StopRecord {
        position: s.position,
        slab: s.slab,
        images: s.hits.iter().map(image).collect(),
    };
    Ok(StripRecord { start, position: found.start_position, stops: found.stops.iter().map(stop).collect() })
}

/// Figures that presuppose an order are `null` where none was declared.
fn summary(w: &AttributeWalks) -> Value {
    let ordered = |value: f64| if w.declared { json!(value) } else { Value::Null };
    let figures = |f: &Figures| {
        json!({
            "median_spearman": ordered(f.median_spearman),
            "middle_visited": ordered(f.middle_visited),
            "on_attribute": f.on_attribute,
        })
    };
    let by_metric: Map<_, _> = w.by_metric.iter().map(|(kind, f)| (kind.name().to_owned(), figures(f))).collect();
    let mut entry = by_metric.get(w.metric.name()).cloned().unwrap_or_default();
    entry["starts"] = json!(w.by_metric.first().map_or(0, |(_, f)| f.starts));
    entry["metric"] = json!(w.metric.name());
    entry["by_metric"] = Value::Object(by_metric);
    entry
}

fn say(job: &Job<'_>, walks: &AttributeWalks) {
    if !walks.declared {
        return;
    }
    let line = |name: &str, f: &Figures| {
        format!(
            "{}: {name:<34} Spearman {:.3}, every class visited {:.2}, on attribute {:.3}",
            walks.name, f.median_spearman, f.middle_visited, f.on_attribute
        )
    };
    for (kind, figures) in &walks.by_metric {
        let mark = if *kind == walks.metric { " (default)" } else { "" };
        job.progress.say(&line(&format!("{kind}{mark}"), figures));
    }
    for (name, figures) in &walks.yardsticks {
        job.progress.say(&line(name, figures));
    }
}

/// Every image that some strip shows, each once.
pub(crate) fn shown(all: &[AttributeWalks]) -> BTreeSet<usize> {
    let strips = all.iter().flat_map(|w| &w.strips);
    strips
        .flat_map(|s| std::iter::once(s.start).chain(s.stops.iter().flat_map(|t| t.images.iter().map(|i| i.row))))
        .collect()
}

/// The walks of every attribute, as the stage before left them.
pub(crate) fn load(job: &Job<'_>) -> Result<Vec<AttributeWalks>> {
    let path = job.input(Stage::Walks, "walks.json")?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
}
