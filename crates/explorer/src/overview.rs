//! What a run has: its images, its attributes, where each stands on its axis, and what may be said of it.

use std::collections::BTreeMap;

use latentwalk_arithmetic::{ascending, quantile};
use latentwalk_images::AttributeKind;
use latentwalk_probe::verdict::Card;
use latentwalk_run::{AttributeLabels, Run, Walker};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::error::Result;

/// Bins of a histogram of positions.
const BINS: usize = 40;
/// Share of the images at either end that is counted into the outer bins.
const TAIL: f64 = 0.002;

/// The answer to `/api/run`.
pub(crate) fn of(run: &Run, walker: &Walker, labels: &[AttributeLabels]) -> Result<Value> {
    let dataset = &walker.data().points.dataset;
    let mut splits: BTreeMap<String, usize> = BTreeMap::new();
    dataset.items.iter().for_each(|item| *splits.entry(item.split.to_string()).or_default() += 1);
    let mut of_pool: Vec<String> = Vec::new();
    for (item, _) in dataset.items.iter().zip(walker.pool()).filter(|(_, pool)| **pool) {
        if !of_pool.contains(&item.split.to_string()) {
            of_pool.push(item.split.to_string());
        }
    }
    // A run of an older version has no verdicts; it can be walked all the same.
    let cards = run.verdicts().unwrap_or_default();
    let attributes: Vec<Value> = labels.par_iter().map(|labels| attribute(walker, labels, &cards)).collect();
    let network = run.record().artifacts.contains_key("backbone");
    Ok(json!({
        "name": run.record().name,
        "images": dataset.items.len(),
        "splits": splits,
        "pool": { "splits": of_pool, "images": walker.pool().iter().filter(|pool| **pool).count() },
        "network": network,
        "no_network": (!network).then_some("This run was made from given vectors. Without a network, own pictures cannot be placed."),
        "picture_px": dataset.shape.width.max(dataset.shape.height),
        "attributes": attributes,
    }))
}

fn attribute(walker: &Walker, labels: &AttributeLabels, cards: &[Card]) -> Value {
    let count = |class: Option<u32>| labels.labels.iter().filter(|label| **label == class).count();
    let kind = match (labels.kind, labels.order.is_empty()) {
        (AttributeKind::Multi, _) => "multi",
        (_, false) => "ordered",
        (_, true) => "nominal",
    };
    let card = cards.iter().find(|card| card.attribute == labels.name);
    let verdicts = card.map(|card| {
        let told = card.findings().into_iter().map(|finding| {
            let said = json!({ "title": finding.title, "answer": finding.answer.name(), "sentence": finding.sentence });
            (finding.key.to_owned(), said)
        });
        told.collect::<Map<_, _>>()
    });
    let classes = 0..labels.classes.len() as u32;
    json!({
        "name": labels.name,
        "kind": kind,
        "classes": labels.classes,
        "counts": classes.map(|class| count(Some(class))).collect::<Vec<_>>(),
        "unlabelled": count(None),
        "axis": axis(walker, labels),
        "toward": toward(walker, labels),
        "verdicts": verdicts,
    })
}

/// The attribute's axis with every class's distribution along it; nothing where it has none, or where no stops can be placed.
fn axis(walker: &Walker, labels: &AttributeLabels) -> Option<Value> {
    let walk = walker.data().attribute(&labels.name).ok()?;
    let metric = walker.metric(&labels.name).ok()?;
    let positions = walk.direction.positions(walker.data().points.z.view()).ok()?;
    let name = |class: &u32| labels.classes[*class as usize].clone();
    let of = |class: Option<u32>| -> Vec<f64> {
        let own = positions.iter().zip(&labels.labels).filter(|(_, label)| **label == class);
        own.map(|(position, _)| *position).collect()
    };
    let sorted = ascending(positions.iter().copied());
    let (from, to) = (quantile(&sorted, TAIL)?, quantile(&sorted, 1.0 - TAIL)?);
    let histogram = |positions: Vec<f64>| {
        let mut bins = vec![0_usize; BINS];
        for position in positions {
            let place = (position - from) / (to - from).max(f64::MIN_POSITIVE) * BINS as f64;
            bins[(place.max(0.0) as usize).min(BINS - 1)] += 1;
        }
        bins
    };
    let classes = (0..labels.classes.len() as u32).collect::<Vec<_>>();
    let medians = classes.iter().filter_map(|class| {
        let sorted = ascending(of(Some(*class)));
        Some((name(class), Value::from(latentwalk_arithmetic::median(&sorted)?)))
    });
    let n = positions.len() as f64;
    let mean = positions.iter().sum::<f64>() / n;
    let stops = walk.stops.positions();
    Some(json!({
        "metric": metric.kind().name(),
        "order": walk.order.iter().map(name).collect::<Vec<_>>(),
        "low": stops[0],
        "high": stops[stops.len() - 1],
        "medians": medians.collect::<Map<_, _>>(),
        "sd": (positions.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / n).sqrt(),
        "histogram": {
            "from": from,
            "to": to,
            "classes": classes.iter().map(|class| (name(class), json!(histogram(of(Some(*class)))))).collect::<Map<_, _>>(),
            "unlabelled": histogram(of(None)),
        },
    }))
}

fn toward(walker: &Walker, labels: &AttributeLabels) -> Option<Value> {
    let toward = walker.toward().iter().find(|toward| toward.name == labels.name)?;
    let values: Vec<&String> = labels.classes.iter().filter(|class| !toward.absent.contains(class)).collect();
    Some(json!({
        "metric": toward.lines.metric.kind().name(),
        "way": toward.way.name(),
        "hit": toward.test.hit,
        "kept": toward.test.kept.as_ref().map(|kept| kept.corrected),
        "values": values,
    }))
}
