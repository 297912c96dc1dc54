//! Gathers what every stage found into one page.

pub(crate) mod attribute;
mod compare;
mod failures;
mod files;
mod gallery;
mod matrix;
mod toward;

use std::fs;

use anyhow::{Context, Result};
use latentwalk_backbone::{EpochRecord, HeadReport, NetworkSpec};
use latentwalk_cli::Stage;
use latentwalk_decomposition::Pca;
use latentwalk_images::{Dataset, Split};
use latentwalk_report as page;
use latentwalk_run::WalkData;
use serde::Deserialize;
use serde_json::{Value, json};

use super::inputs;
use super::null::NullFile;
use crate::config::Config;
use crate::job::Job;
use attribute::Sources;
use gallery::Gallery;

/// Writes `report.html` and the folder `figures`.
///
/// # Errors
/// An artifact that cannot be read, or a file that cannot be written.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let data = inputs::walk_data(job)?;
    let walks = latentwalk_run::read_walks(job.folder(Stage::Walks)?)?;
    let null: NullFile = job.read_json(Stage::Null, "null.json")?;
    let metrics = inputs::metrics(job)?;
    let toward = latentwalk_run::read_toward(job.folder(Stage::Toward)?)?;
    let cards = latentwalk_run::read_verdicts(job.folder(Stage::Verdicts)?)?;
    let dataset = &data.points.dataset;
    let gallery = Gallery::open(job, dataset)?;
    let sources =
        Sources { job, data: &data, null: &null, metrics: &metrics, toward: &toward, cards: &cards, gallery: &gallery };
    let mut report = page::Report {
        title: job.config.report.title.clone().unwrap_or_else(|| format!("{}: lines of a classifier", dataset.name)),
        summary: summary(job.config),
        facts: facts(job, dataset)?,
        training: job.inputs.contains_key(&Stage::Backbone).then(|| training(job, &data)).transpose()?,
        spectrum: Some(spectrum(job)?),
        attributes: attribute::all(&sources, &walks)?,
        lines: matrix::of(&data, &cards)?,
        images: Vec::new(),
        recipe: recipe(job)?,
    };
    let (images, rows) = gallery.shown();
    report.images = images;
    let html = page::render(&report)?;
    let path = job.out.join("report.html");
    fs::write(&path, &html).with_context(|| format!("cannot write {}", path.display()))?;
    let figures = files::write(job, dataset, &report, &rows)?;
    Ok(json!({ "bytes": html.len(), "images": report.images.len(), "figures": figures }))
}

fn summary(config: &Config) -> String {
    if config.vectors().is_some() {
        return format!(
            "Vectors of {} were given; each attribute's direction in their space was found on train images, measured on \
             held-out ones, and walked along through real images.",
            config.name
        );
    }
    format!(
        "A network was trained on {}; each attribute's direction in the space of its last layer was found on train \
         images, measured on held-out ones, and walked along through real images.",
        config.name
    )
}

fn facts(job: &Job<'_>, dataset: &Dataset) -> Result<page::RunFacts> {
    let splits = [Split::Train, Split::Validation, Split::Test];
    let index = &job.artifact(Stage::Index)?.manifest().metrics;
    let recall = index["recall_at_10"].as_f64().map(|r| format!("{r:.4} over {} queries", index["queries"]));
    let skipped = dataset.skipped.len();
    let mut more = vec![
        ("HNSW recall@10".to_owned(), recall.unwrap_or_else(|| "no index built".to_owned())),
        ("device".to_owned(), job.device.to_owned()),
    ];
    if skipped > 0 {
        more.push(("unreadable images".to_owned(), skipped.to_string()));
    }
    Ok(page::RunFacts {
        dataset: dataset.name.clone(),
        splits: splits.iter().map(|&s| (s.as_str().to_owned(), dataset.rows(s).len())).collect(),
        seconds: Some(job.run.stages.iter().map(|s| s.seconds).sum()),
        peak_memory_bytes: crate::summary::peak_memory_bytes(),
        more,
    })
}

#[derive(Deserialize)]
struct History {
    best_epoch: usize,
    epochs: Vec<EpochRecord>,
}

#[derive(Deserialize)]
struct Evaluation {
    heads: Vec<HeadReport>,
}

fn training(job: &Job<'_>, data: &WalkData) -> Result<page::Training> {
    let history: History = job.read_json(Stage::Backbone, "history.json")?;
    let evaluation: Evaluation = job.read_json(Stage::Backbone, "evaluation.json")?;
    let spec: NetworkSpec = job.read_json(Stage::Backbone, "network.json")?;
    let parameters = job.artifact(Stage::Backbone)?.manifest().metrics["parameters"].as_u64().unwrap_or_default();
    let dataset = &data.points.dataset;
    Ok(page::Training {
        network: format!("{}, {} parameters, FC length {}", spec.arch, thousands(parameters), spec.fc_len()?),
        epochs: history.epochs.iter().map(|e| epoch(e, &spec)).collect(),
        best_epoch: Some(history.best_epoch + 1),
        accuracy: evaluation.heads.iter().map(|h| accuracy(dataset, h)).collect(),
        split: Split::Test.as_str().to_owned(),
        confusions: evaluation.heads.iter().filter_map(|h| confusion(dataset, h)).collect(),
    })
}

fn epoch(record: &EpochRecord, spec: &NetworkSpec) -> page::EpochPoint {
    let heads = spec.heads.iter().zip(&record.validation_accuracy);
    page::EpochPoint {
        epoch: record.epoch + 1,
        train_loss: record.train_loss,
        validation_loss: record.validation_loss.unwrap_or(f64::NAN),
        validation_accuracy: heads.map(|(h, a)| (h.name.clone(), a.unwrap_or(f64::NAN))).collect(),
    }
}

fn accuracy(dataset: &Dataset, head: &HeadReport) -> page::AccuracyRow {
    let index = dataset.attribute(&head.name);
    let counts = index.map(|i| dataset.class_counts(i, Split::Test)).unwrap_or_default();
    let train = index.map(|i| dataset.class_counts(i, Split::Train)).unwrap_or_default();
    // What always naming the class that is most frequent in training would reach.
    let majority = train.iter().enumerate().max_by_key(|&(i, &n)| (n, std::cmp::Reverse(i))).map(|(i, _)| counts[i]);
    page::AccuracyRow {
        attribute: head.name.clone(),
        n: head.n,
        classes: counts.len(),
        accuracy: head.accuracy,
        macro_f1: head.macro_f1,
        majority: majority.filter(|_| head.confusion.is_some() && head.n > 0).map(|n| n as f64 / head.n as f64),
    }
}

fn confusion(dataset: &Dataset, head: &HeadReport) -> Option<page::Confusion> {
    let classes = dataset.attributes[dataset.attribute(&head.name)?].classes.clone();
    Some(page::Confusion { attribute: head.name.clone(), classes, counts: head.confusion.clone()? })
}

fn spectrum(job: &Job<'_>) -> Result<page::Spectrum> {
    let pca = Pca::load(job.folder(Stage::Decomposition)?)?;
    Ok(page::Spectrum { variances: pca.variances().to_vec(), kept: pca.k(), rank: Some(pca.embedding_rank()) })
}

fn recipe(job: &Job<'_>) -> Result<page::Recipe> {
    let parameters = job.config.parameters()?;
    let seeds = parameters.iter().filter(|(key, _)| key.ends_with(".seed"));
    let stage = |s: &crate::job::StageFact| page::StageFact {
        name: s.name.to_owned(),
        key: s.key.clone(),
        seconds: Some(s.seconds),
        reused: s.reason.is_none(),
    };
    Ok(page::Recipe {
        command: job.run.command.clone(),
        description: job.config.text.clone(),
        versions: vec![
            ("tool".to_owned(), job.run.tool.clone()),
            ("system".to_owned(), format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        ],
        seeds: seeds.filter_map(|(key, value)| Some((key.clone(), value.as_u64()?))).collect(),
        stages: job.run.stages.iter().map(stage).collect(),
    })
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            (thousands(7), thousands(1234), thousands(1_000_000)),
            ("7".into(), "1,234".into(), "1,000,000".into())
        );
    }
}
