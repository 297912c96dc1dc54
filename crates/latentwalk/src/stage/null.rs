//! The same figures for random classes in random order: what a direction's AUC is worth.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use latentwalk_cli::Stage;
use latentwalk_probe::{NullOptions, NullReport};
use latentwalk_run::{AttributeLabels, Points};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::inputs;
use crate::job::Job;

/// What `null.json` holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NullFile {
    /// The attribute whose classes were drawn; `None` when the description asks for no null.
    pub(crate) base: Option<String>,
    /// One report for each number of classes.
    pub(crate) by_width: BTreeMap<usize, NullReport>,
    /// Where each ordered attribute's figure stands.
    pub(crate) standing: BTreeMap<String, Standing>,
}

/// A direction's figure among those of the random draws.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// Number of classes in its order, which is the width of the draws that it is compared with.
    pub(crate) width: usize,
    /// The direction's min. adjacent AUC.
    pub(crate) ours: f64,
    /// Share of the draws whose figure is at least as high.
    pub(crate) share_at_least: f64,
}

/// Draws, fits and compares.
///
/// # Errors
/// `null.base` names no exclusive attribute, or one with too few classes.
pub fn run(job: &Job<'_>) -> Result<Value> {
    let options = &job.config.null;
    let mut file = NullFile { base: options.base.clone(), by_width: BTreeMap::new(), standing: BTreeMap::new() };
    if let Some(base) = &options.base {
        fill(job, base, &mut file)?;
    }
    job.write_json("null.json", &file)?;
    let entry =
        |(name, s): (&String, &Standing)| (name.clone(), json!({ "ours": s.ours, "share_at_least": s.share_at_least }));
    Ok(json!({ "standing": Value::Object(file.standing.iter().map(entry).collect::<Map<_, _>>()) }))
}

fn fill(job: &Job<'_>, base: &str, file: &mut NullFile) -> Result<()> {
    let points = inputs::points(job)?;
    let index = points.dataset.attributes.iter().position(|a| a.name == base);
    let index =
        index.with_context(|| format!("`null.base` names `{base}`, which is not declared under [attributes]"))?;
    let labels = AttributeLabels::exclusive(&points.dataset, index).with_context(|| {
        format!("`null.base` is `{base}`, a multi attribute\nhint: name one whose images carry one class each")
    })?;
    let classes = labels.classes.len();
    let ours = ours(job, &points)?;
    let widths: BTreeSet<usize> = ours.values().map(|&(width, _)| width).collect();
    for width in widths {
        ensure!(
            width <= classes,
            "`null.base` is `{base}`, which has {classes} classes; an ordered attribute has {width}"
        );
        job.progress.note(&format!("{width} random classes of {base}"));
        let null = NullOptions { draws: job.config.null.draws, width, seed: job.config.null.seed };
        let progress = |done, total| job.progress.set(done, total);
        let probe = &job.config.probe.options;
        let report = latentwalk_probe::null_distribution(&labels.task(&points), &null, probe, &progress)?;
        file.by_width.insert(width, report);
    }
    for (name, (width, auc)) in ours {
        let share = file.by_width[&width].standing(auc).share;
        job.progress.say(&format!(
            "{name}: {auc:.3}; {:.1} % of {width} random classes in random order reach it",
            share * 100.0
        ));
        file.standing.insert(name, Standing { width, ours: auc, share_at_least: share });
    }
    Ok(())
}

/// Each ordered attribute's number of classes and figure.
fn ours(job: &Job<'_>, points: &Points) -> Result<BTreeMap<String, (usize, f64)>> {
    let attributes = inputs::attributes(job, &points.dataset)?;
    let directions = latentwalk_probe::load(job.folder(Stage::Probe)?)?.directions;
    let pairs = attributes.iter().zip(&directions);
    let with_figure = pairs.filter_map(|(a, d)| Some((a.name.clone(), (a.order.len(), d.evidence.min_adjacent_auc?))));
    Ok(with_figure.collect())
}
