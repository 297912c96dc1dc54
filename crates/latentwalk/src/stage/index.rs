//! HNSW indexes of the retrieval pool, one for each metric that is asked for, with their recall and what exact walks take.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use latentwalk_lines::{HnswIndex, HnswOptions, Metric, Search, Space};
use latentwalk_run::{AttributeWalk, WalkData, write_indexes};
use ndarray::Array2;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::inputs;
use crate::config::SearchKind;
use crate::job::Job;

/// Neighbours whose recall is measured.
const NEIGHBOURS: usize = 10;
/// Exact walks of which the median time is told.
const TIMED_WALKS: usize = 5;

struct Built {
    name: String,
    queries: usize,
    recall: f64,
    self_retrieval: f64,
}

/// A metric, and the attributes that are walked in it.
type Shared<'a> = (&'a Metric, Vec<&'a AttributeWalk<'a>>);

/// Builds and saves the indexes that are asked for and measures them at stops of walks from held-out starts.
///
/// # Errors
/// Options out of range, a folder that cannot be written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let config = &job.config.index;
    if !config.enabled {
        return without(job, "index.enabled is false");
    }
    let data = inputs::walk_data(job)?;
    let walks = data.all_attributes()?;
    let metrics = inputs::metrics(job)?;
    let mut shared: Vec<Shared<'_>> = Vec::new();
    for (walk, metrics) in walks.iter().zip(&metrics) {
        let metric = metrics.default_metric()?;
        match shared.iter_mut().find(|(known, _)| *known == metric) {
            Some((_, members)) => members.push(walk),
            None => shared.push((metric, vec![walk])),
        }
    }
    if job.config.walks.search == SearchKind::Exact {
        if data.pool.len() > config.unasked_rows {
            let reason = format!("no walk asks for one, and the pool has more than {} images", config.unasked_rows);
            say_what_exact_takes(job, &data, &shared)?;
            return without(job, &reason);
        }
        // The first of those with the most members.
        shared.reverse();
        shared = shared.into_iter().max_by_key(|(_, members)| members.len()).into_iter().collect();
    }
    build_all(job, &data, &walks, &shared)
}

/// What a run without indexes says of them.
fn without(job: &Job<'_>, reason: &str) -> Result<Value> {
    write_indexes(job.out, &BTreeMap::new())?;
    Ok(json!({ "recall_at_10": null, "queries": 0, "reason": reason }))
}

/// The time of a walk that looks at every image of the pool: the median of a few.
fn say_what_exact_takes(job: &Job<'_>, data: &WalkData, shared: &[Shared<'_>]) -> Result<()> {
    let Some((metric, members)) = shared.first() else { return Ok(()) };
    let (space, walk) = (data.space((*metric).clone())?, members[0]);
    let starts = walk.starts(&job.config.walks.start_split, TIMED_WALKS, job.config.index.seed)?;
    let mut seconds = Vec::new();
    for start in starts {
        let begun = Instant::now();
        walk.strip(&space, Search::Exact, start, 1)?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    job.progress.say(&format!(
        "no index: an exact walk through {} images takes {:.1} ms; `walks.search = \"hnsw\"` builds indexes",
        data.pool.len(),
        seconds.get(seconds.len() / 2).unwrap_or(&f64::NAN) * 1e3
    ));
    Ok(())
}

fn build_all(job: &Job<'_>, data: &WalkData, walks: &[AttributeWalk<'_>], shared: &[Shared<'_>]) -> Result<Value> {
    let members: usize = shared.iter().map(|(_, members)| members.len()).sum();
    let queries = job.config.index.queries.max(1).div_ceil(members.max(1));
    // One thread per index: inside an index the order of insertion is part of the result.
    let built = shared.par_iter().map(|(metric, members)| build(job, data, metric, members, queries));
    let mut built: Vec<Built> = built.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let place = |b: &Built| walks.iter().position(|walk| walk.labels.name == b.name);
    built.sort_by_key(place);
    let folders = shared.iter().flat_map(|(_, members)| members.iter().map(|walk| (walk, folder_of(members))));
    write_indexes(job.out, &folders.map(|(walk, folder)| (walk.labels.name.clone(), folder)).collect())?;
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

/// The folder of the index that these attributes share: that of the first.
fn folder_of(members: &[&AttributeWalk<'_>]) -> String {
    latentwalk_probe::file_name(&members[0].labels.name)
}

/// Builds and saves the index of a metric, and measures it for each attribute that is walked in it.
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
    let folder = job.out.join(folder_of(members));
    std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    built.save(&folder)?;
    // Measured on what was saved, as later commands will find it.
    let index = HnswIndex::load(&folder, &space)?;
    let self_retrieval = index.self_retrieval(&space, options.ef, queries)?;
    let measured = members.iter().map(|walk| {
        let points = stop_points(job, data, walk, &space, queries)?;
        Ok(Built {
            name: walk.labels.name.clone(),
            queries: points.nrows(),
            recall: index.recall_at(&space, NEIGHBOURS, options.ef, points.view())?,
            self_retrieval,
        })
    });
    measured.collect()
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
