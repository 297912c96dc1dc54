//! The report's lines toward each value.

use anyhow::Result;
use latentwalk_lines::toward::TowardFigures;
use latentwalk_report as page;
use latentwalk_run::{AttributeLabels, AttributeToward, ChosenBy, TowardStrip};

use super::attribute::{Sources, card};
use crate::stage::toward::CLASSIFIER;

/// Share of the cases of a value from which it is told that one image answers them.
const MANY: f64 = 0.2;
/// Most values that a start is shown with, so that a page holds a bounded number of images.
pub(super) const MOST_VALUES: usize = 12;

/// The lines toward each value, the article's walk in the same cases, and what does without a line.
pub(super) fn toward(
    sources: &Sources<'_>,
    labels: &AttributeLabels,
    toward: &AttributeToward,
) -> Result<page::Toward> {
    let row = |name: String, role, default, f: &TowardFigures| page::TowardRow {
        name,
        role,
        default,
        hit: Some(f.hit),
        interval: format!("{:.3} to {:.3}", f.hit_interval.0, f.hit_interval.1),
        kept: f.kept.map(|kept| kept.corrected),
        joint: f.joint,
    };
    let mut rows = vec![row(toward.way.name(), page::WalkRole::Metric, true, &toward.test)];
    if let Some(article) = &toward.article {
        rows.push(row("the article's walk, as we read it".to_owned(), page::WalkRole::Metric, false, article));
    }
    rows.extend(toward.yardsticks.iter().map(|(name, f)| row(name.clone(), page::WalkRole::Baseline, false, f)));
    let judged = match &toward.null_reason {
        Some(reason) => format!("Of the rest nothing is said: {reason}."),
        None => format!(
            "What stays is judged on hits alone, by {}: 0 is a random image with the wanted value, 1 the best that the pool allows.",
            toward.informative.join(", ")
        ),
    };
    let absent = match toward.absent.is_empty() {
        true => String::new(),
        false => format!(" No image of the pool has {}: nothing leads there.", toward.absent.join(", ")),
    };
    let line = |f: &TowardFigures| f.joint.unwrap_or(f.hit);
    let classifier = toward.yardsticks.iter().find(|(name, _)| name == CLASSIFIER).map(|(_, figures)| figures);
    let plain = match classifier.filter(|figures| line(figures) >= line(&toward.test)) {
        Some(_) => {
            " What a classifier takes for the value is found as well without the line: the line adds the way there."
        }
        None => "",
    };
    let hub = match toward.test.most_frequent > MANY {
        true => {
            format!(" One image answers {:.0} % of the cases that want its value.", 100.0 * toward.test.most_frequent)
        }
        false => String::new(),
    };
    let narrow = match toward.test.hit_interval.0 >= 1.0 {
        true => " An interval without width says that no start missed, not that none ever will.",
        false => "",
    };
    let few = match labels.classes.len() > MOST_VALUES + 1 {
        true => format!(" Of each start the first {MOST_VALUES} values are shown."),
        false => String::new(),
    };
    let image = |row: usize| card(sources, labels, row, 0.0, None);
    let strip = |strip: &TowardStrip| -> Result<page::TowardStrip> {
        let found = |&(to, row): &(u32, Option<usize>)| -> Result<_> {
            Ok((labels.classes[to as usize].clone(), row.map(image).transpose()?))
        };
        let found = strip.found.iter().take(MOST_VALUES).map(found).collect::<Result<_>>()?;
        Ok(page::TowardStrip { start: image(strip.start)?, found })
    };
    Ok(page::Toward {
        strips: toward.strips.iter().map(strip).collect::<Result<_>>()?,
        way: format!(
            "From a test image to each value that it does not have: {}, {}.",
            toward.way.name(),
            chosen_by(toward)
        ),
        note: format!(
            "{} cases from {} test images; an image without a label ({} cases) or none at all ({}) is a failure. Values weigh \
             equally; intervals resample groups of starts.{narrow}{hub}{plain} {judged}{absent}{few}",
            toward.test.cases,
            toward.starts.len(),
            toward.test.unlabelled,
            toward.test.missed
        ),
        rows,
    })
}

fn chosen_by(toward: &AttributeToward) -> String {
    let next = toward.runner_up.as_ref().map(|name| format!("; next came {name}")).unwrap_or_default();
    let (starts, groups) = (toward.validation_starts, toward.validation_groups);
    match toward.chosen_by {
        ChosenBy::Joint => format!("chosen by {starts} validation images, by hit times what stays{next}"),
        ChosenBy::Closeness => {
            format!("chosen by {starts} validation images, by hit times closeness to the start{next}")
        }
        ChosenBy::First => {
            format!("the first of the list, for {groups} groups of validation images are too few to choose{next}")
        }
    }
}
