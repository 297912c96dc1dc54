//! Lines from held-out images along each direction, the real images nearest to them, and what they are worth.

use anyhow::Result;
use latentwalk_cli::Stage;
use latentwalk_lines::{Search, Space};
use latentwalk_probe::{MethodChoice, ProbeOptions};
use latentwalk_run::{
    AttributeMetrics, AttributeWalk, AttributeWalks, Figures, StripRecord, WALKS_FILE, WalkData, read_index,
};
use serde_json::{Map, Value, json};

use super::inputs;
use crate::config::SearchKind;
use crate::job::Job;

/// Walks from held-out starts along every direction.
///
/// # Errors
/// No start in the split, an index that does not fit, files that cannot be written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let data = inputs::walk_data(job)?;
    let walks = data.all_attributes()?;
    let metrics = inputs::metrics(job)?;
    let mut all = Vec::new();
    for (done, (walk, metrics)) in walks.iter().zip(&metrics).enumerate() {
        all.push(of_attribute(job, &data, walk, metrics)?);
        job.progress.set(done + 1, walks.len());
    }
    job.write_json(WALKS_FILE, &all)?;
    let entries = all.iter().map(|w| (w.name.clone(), summary(w)));
    Ok(json!({ "walks": Value::Object(entries.collect::<Map<_, _>>()) }))
}

fn of_attribute(
    job: &Job<'_>,
    data: &WalkData,
    walk: &AttributeWalk<'_>,
    metrics: &AttributeMetrics,
) -> Result<AttributeWalks> {
    let options = &job.config.walks;
    let starts = walk.starts(&options.start_split, options.starts, options.seed)?;
    let mut by_metric = Vec::new();
    for metric in &metrics.metrics {
        let space = data.space(metric.clone())?;
        by_metric.push((metric.kind(), Figures::from(&walk.study(&space, &starts, |s| s.walk())?)));
    }
    let metric = metrics.default_metric()?;
    let space = data.space(metric.clone())?;
    let walks = AttributeWalks {
        name: walk.labels.name.clone(),
        metric: metric.kind(),
        order: walk.order.clone(),
        declared: !walk.labels.order.is_empty(),
        stops: walk.stops.positions().to_vec(),
        yardsticks: yardsticks(job, data, walk, &space, &starts)?,
        strips: strips(job, walk, &space, &starts)?,
        by_metric,
    };
    say(job, &walks);
    Ok(walks)
}

/// The same starts without the line, without the direction, without both; and along the class-mean difference.
fn yardsticks(
    job: &Job<'_>,
    data: &WalkData,
    walk: &AttributeWalk<'_>,
    space: &Space,
    starts: &[usize],
) -> Result<Vec<(String, Figures)>> {
    let seed = job.config.walks.seed;
    let mut rows = vec![
        ("random image of the same slab", walk.study(space, starts, |s| s.random_in_slab(seed))?),
        ("random direction", walk.study(space, starts, |s| s.random_direction(seed))?),
        ("nearest neighbours of the start", walk.study(space, starts, |s| s.nearest_to_start())?),
    ];
    if !walk.labels.order.is_empty() {
        let options = ProbeOptions { method: MethodChoice::Lda, ..job.config.probe.options.clone() };
        let rival = latentwalk_probe::fit(&walk.labels.task(&data.points), &options, &|_, _| {})?;
        rows.push(("class-mean difference (LDA)", walk.along(&rival)?.study(space, starts, |s| s.walk())?));
    }
    Ok(rows.iter().map(|(name, f)| ((*name).to_owned(), Figures::from(f))).collect())
}

/// The strips of the report: starts of every class in turn, so that both ends and the middle are seen.
fn strips(job: &Job<'_>, walk: &AttributeWalk<'_>, space: &Space, starts: &[usize]) -> Result<Vec<StripRecord>> {
    let index = match job.config.walks.search {
        SearchKind::Exact => None,
        SearchKind::Hnsw => Some(read_index(job.folder(Stage::Index)?, &walk.labels.name, space)?),
    };
    let search = match &index {
        None => Search::Exact,
        Some(index) => Search::Hnsw { index, ef: job.config.index.ef },
    };
    let chosen = in_turn(walk, starts, job.config.walks.strips);
    let strip = |start| Ok(walk.strip(space, search, start, job.config.walks.per_stop)?);
    chosen.into_iter().map(strip).collect()
}

fn in_turn(walk: &AttributeWalk<'_>, starts: &[usize], count: usize) -> Vec<usize> {
    let of_class = |class: u32| starts.iter().copied().filter(move |&row| walk.labels.labels[row] == Some(class));
    let mut lists: Vec<_> = walk.order.iter().map(|&class| of_class(class)).collect();
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

/// Figures that presuppose an order are `null` where none was declared.
fn summary(w: &AttributeWalks) -> Value {
    let ordered = |value: f64| if w.declared { json!(value) } else { Value::Null };
    // A strip cannot meet more classes than it has stops.
    let room = w.order.len() <= w.stops.len();
    let figures = |f: &Figures| {
        json!({
            "median_spearman": ordered(f.median_spearman),
            "middle_visited": if room { ordered(f.middle_visited) } else { Value::Null },
            "on_attribute": f.on_attribute,
            "most_frequent": f.most_frequent,
        })
    };
    let by_metric: Map<_, _> = w.by_metric.iter().map(|(kind, f)| (kind.name().to_owned(), figures(f))).collect();
    let mut entry = by_metric.get(w.metric.name()).cloned().unwrap_or_default();
    entry["starts"] = json!(w.by_metric.first().map_or(0, |(_, f)| f.starts));
    entry["spearman_ceiling"] = match w.declared {
        true => json!(latentwalk_lines::spearman_ceiling(w.stops.len(), w.order.len())),
        false => Value::Null,
    };
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
