//! HNSW indexes of the retrieval pool, one for each metric in which attributes are walked, with their recall.

use anyhow::{Context, Result};
use latentwalk_lines::{HnswIndex, HnswOptions, Metric, Space};
use latentwalk_run::{AttributeWalk, WalkData};
use ndarray::Array2;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::inputs;
use crate::job::Job;

/// Neighbours whose recall is measured.
const NEIGHBOURS: usize = 10;

struct Built {
    name: String,
    queries: usize,
    recall: f64,
    self_retrieval: f64,
}

/// Builds and saves every index and measures it at stops of walks from held-out starts.
///
/// # Errors
/// Options out of range, a folder that cannot be written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    if !job.config.index.enabled {
        return Ok(json!({ "recall_at_10": null, "queries": 0 }));
    }
    let data = inputs::walk_data(job)?;
    let walks = data.all_attributes()?;
    let metrics = inputs::metrics(job)?;
    let queries = job.config.index.queries.max(1).div_ceil(walks.len().max(1));
    // One index per metric: attributes that are walked in the same one share it.
    let mut shared: Vec<(&Metric, Vec<&AttributeWalk<'_>>)> = Vec::new();
    for (walk, metrics) in walks.iter().zip(&metrics) {
        let metric = metrics.default_metric()?;
        match shared.iter_mut().find(|(known, _)| *known == metric) {
            Some((_, members)) => members.push(walk),
            None => shared.push((metric, vec![walk])),
        }
    }
    // One thread per index: inside an index the order of insertion is part of the result.
    let built = shared.par_iter().map(|(metric, members)| build(job, &data, metric, members, queries));
    let mut built: Vec<Built> = built.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let place = |b: &Built| walks.iter().position(|walk| walk.labels.name == b.name);
    built.sort_by_key(place);
    for b in &built {
        job.progress.say(&format!(
            "{}: recall@{NEIGHBOURS} {:.4}, {:.4} of the rows find themselves",
            b.name, b.recall, b.self_retrieval
        ));
    }
    let total: usize = built.iter().map(|b| b.queries).sum();
    let recall = built.iter().map(|b| b.recall * b.queries as f64).sum::<f64>() / total.max(1) as f64;
    let entry = |b: &Built| {
        (b.name.clone(), json!({ "recall_at_10": b.recall, "self_retrieval": b.self_retrieval, "queries": b.queries }))
    };
    let each = built.iter().map(entry).collect::<Map<_, _>>();
    Ok(
        json!({ "recall_at_10": recall, "queries": total, "ef": job.config.index.ef, "rows": data.pool.len(), "by_attribute": each }),
    )
}

/// Builds the index of a metric, and saves and measures it for each attribute that is walked in it.
fn build(
    job: &Job<'_>,
    data: &WalkData,
    metric: &Metric,
    members: &[&AttributeWalk<'_>],
    queries: usize,
) -> Result<Vec<Built>> {
    let options = &job.config.index;
    let space = data.space(metric.clone())?;
    let built = HnswIndex::build(&space, HnswOptions { m: options.m, ef_construction: options.ef_construction })?;
    members.iter().map(|walk| measure(job, data, &built, &space, walk, queries)).collect()
}

fn measure(
    job: &Job<'_>,
    data: &WalkData,
    built: &HnswIndex,
    space: &Space,
    walk: &AttributeWalk<'_>,
    queries: usize,
) -> Result<Built> {
    let options = &job.config.index;
    let folder = job.out.join(latentwalk_probe::file_name(&walk.labels.name));
    std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    built.save(&folder)?;
    // Measured on what was saved, as later commands will find it.
    let index = HnswIndex::load(&folder, space)?;
    let points = stop_points(job, data, walk, space, queries)?;
    Ok(Built {
        name: walk.labels.name.clone(),
        queries: points.nrows(),
        recall: index.recall_at(space, NEIGHBOURS, options.ef, points.view())?,
        self_retrieval: index.self_retrieval(space, options.ef, queries)?,
    })
}

/// The points of the walks' stops, in the mapped space, `queries` of them or as many as the starts give.
fn stop_points(
    job: &Job<'_>,
    data: &WalkData,
    walk: &AttributeWalk<'_>,
    space: &Space,
    queries: usize,
) -> Result<Array2<f32>> {
    let starts = queries.div_ceil(walk.stops.len());
    let rows = walk.starts(&job.config.walks.start_split, starts, job.config.index.seed)?;
    let mut flat = Vec::new();
    for row in rows {
        let line = space.metric().line(&walk.direction.weights, data.points.z.row(row))?;
        for &position in walk.stops.positions() {
            flat.extend(line.mapped_point(position));
        }
    }
    let k = data.points.z.ncols();
    flat.truncate(queries * k);
    Ok(Array2::from_shape_vec((flat.len() / k, k), flat)?)
}
