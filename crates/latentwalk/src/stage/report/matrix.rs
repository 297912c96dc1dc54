//! How far each attribute's line orders the values of every attribute, on test images.

use anyhow::Result;
use latentwalk_arithmetic::ascending;
use latentwalk_probe::Split;
use latentwalk_probe::verdict::Card;
use latentwalk_report::LineMatrix;
use latentwalk_run::{AttributeLabels, WalkData};

/// Most attributes that are set beside each other.
const MOST: usize = 24;

/// Lines beside attributes; `None` with a single one.
///
/// # Errors
/// Coordinates of another width than a direction.
pub(super) fn of(data: &WalkData, cards: &[Card]) -> Result<Option<LineMatrix>> {
    let all = &data.attributes;
    if all.len() < 2 {
        return Ok(None);
    }
    let shown = &all[..all.len().min(MOST)];
    let mut auc = Vec::new();
    for direction in data.directions.iter().take(shown.len()) {
        let positions = direction.positions(data.points.z.view())?;
        auc.push(shown.iter().map(|labels| mean_auc(data, labels, &positions)).collect());
    }
    let left_out = match all.len() - shown.len() {
        0 => String::new(),
        more => format!("Shown are the first {MOST} attributes; {more} more are left out."),
    };
    Ok(Some(LineMatrix {
        attributes: shown.iter().map(|labels| labels.name.clone()).collect(),
        split: "test".to_owned(),
        auc,
        cramers_v: shown.iter().map(|a| shown.iter().map(|b| cramers_v(cards, &a.name, &b.name)).collect()).collect(),
        left_out,
    }))
}

/// Mean over pairs of values of the AUC of test images, each turned so that it is at least ½.
fn mean_auc(data: &WalkData, labels: &AttributeLabels, positions: &[f64]) -> Option<f64> {
    let test: Vec<usize> = (0..positions.len()).filter(|&row| data.points.splits[row] == Split::Test).collect();
    let of_class = |class: u32| {
        let own = test.iter().filter(|&&row| labels.labels[row] == Some(class));
        ascending(own.map(|&row| positions[row]))
    };
    let classes: Vec<Vec<f64>> = (0..labels.classes.len() as u32).map(of_class).collect();
    let pairs = (0..classes.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let aucs: Vec<f64> = pairs
        .filter_map(|(a, b)| latentwalk_probe::auc(&classes[a], &classes[b]))
        .map(|auc| auc.max(1.0 - auc))
        .collect();
    (!aucs.is_empty()).then(|| aucs.iter().sum::<f64>() / aucs.len() as f64)
}

/// Cramér's V of two attributes' labels, as the verdicts have it; an attribute with itself goes together wholly.
fn cramers_v(cards: &[Card], a: &str, b: &str) -> Option<f64> {
    let beside = |one: &str, other: &str| {
        let card = cards.iter().find(|card| card.attribute == one)?;
        card.separate.others.iter().find(|found| found.name == other)?.cramers_v
    };
    if a == b { Some(1.0) } else { beside(a, b).or_else(|| beside(b, a)) }
}
