//! The walks that went worst, and the images in which many walks meet.

use std::collections::BTreeMap;

use anyhow::Result;
use latentwalk_lines::{Hit, StripFigures};
use latentwalk_report as page;
use latentwalk_run::{AttributeLabels, AttributeMetrics, AttributeWalks, WalkData, position};

use super::attribute::{Sources, card};

/// Worst walks per attribute.
pub(super) const WORST: usize = 2;
/// Most images that are shown as met by many walks.
pub(super) const HUBS: usize = 6;

/// Walks again from the starts of the stage, in the attribute's own metric, and looks at every one of them.
pub(super) fn failures(
    sources: &Sources<'_>,
    labels: &AttributeLabels,
    walks: &AttributeWalks,
    metrics: &AttributeMetrics,
) -> Result<page::Failures> {
    let (data, options) = (sources.data, &sources.job.config.walks);
    let walk = data.attribute(&labels.name)?;
    let starts = walk.starts(&options.start_split, options.starts, options.seed)?;
    let space = data.space(metrics.default_metric()?.clone())?;
    let figures = walk.study(&space, &starts, |study| study.walk())?.per_start;
    let worst = worst(&figures).into_iter().map(|at| {
        let strip = &figures[at];
        let (row, weights) = (starts[at], &walk.direction.weights);
        let start = card(sources, labels, row, position(data.points.z.row(row), weights), None)?;
        let stop = |(&position, hit): (&f64, &Option<Hit>)| -> Result<_> {
            let image = |hit: &Hit| card(sources, labels, data.pool[hit.row], hit.position, Some(hit.distance));
            Ok(page::StopCard { position, card: hit.as_ref().map(image).transpose()? })
        };
        let stops = walks.stops.iter().zip(&strip.hits).map(stop).collect::<Result<_>>()?;
        Ok(page::Strip { caption: caption(strip), start, stops })
    });
    Ok(page::Failures {
        walks: figures.len(),
        judged_by: format!(
            "Spearman’s correlation between stop and rank of the class in the {} order, then by images with a label, then by \
             distance from the line",
            if walks.declared { "declared" } else { "found" }
        ),
        worst: worst.collect::<Result<_>>()?,
        hubs: hubs(sources, labels, data, &figures)?,
    })
}

/// The worst walks, worst first.
fn worst(figures: &[StripFigures]) -> Vec<usize> {
    let mut all: Vec<usize> = (0..figures.len()).collect();
    let distance = |at: usize| figures[at].mean_distance.unwrap_or(f64::INFINITY);
    all.sort_by(|&a, &b| {
        let spearman = figures[a].spearman.total_cmp(&figures[b].spearman);
        let labelled = figures[a].on_attribute.cmp(&figures[b].on_attribute);
        spearman.then(labelled).then(distance(b).total_cmp(&distance(a))).then(a.cmp(&b))
    });
    all.truncate(WORST);
    all
}

fn caption(strip: &StripFigures) -> String {
    let found = strip.hits.iter().flatten().count();
    format!("Spearman {:.2}, {} of {found} images have a label", strip.spearman, strip.on_attribute)
        .replace('-', "\u{2212}")
}

/// The images that stand in more than one walk, most frequent first.
fn hubs(
    sources: &Sources<'_>,
    labels: &AttributeLabels,
    data: &WalkData,
    figures: &[StripFigures],
) -> Result<Vec<page::Hub>> {
    let mut walks_of: BTreeMap<usize, (usize, Hit)> = BTreeMap::new();
    for hit in figures.iter().flat_map(|strip| strip.hits.iter().flatten()) {
        // No image stands twice in a strip.
        walks_of.entry(hit.row).or_insert((0, *hit)).0 += 1;
    }
    let mut all: Vec<(usize, Hit)> = walks_of.into_values().filter(|(walks, _)| *walks > 1).collect();
    all.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.row.cmp(&b.1.row)));
    let hub = |(walks, hit): (usize, Hit)| -> Result<_> {
        Ok(page::Hub { card: card(sources, labels, data.pool[hit.row], hit.position, None)?, walks })
    };
    all.into_iter().take(HUBS).map(hub).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_walks_come_first() {
        let strip = |spearman, on_attribute, distance| StripFigures {
            hits: Vec::new(),
            spearman,
            meets_every_class: false,
            on_attribute,
            missed: 0,
            mean_distance: Some(distance),
        };
        let figures = [strip(0.9, 7, 1.0), strip(-0.5, 7, 1.0), strip(0.1, 2, 1.0), strip(-0.5, 7, 2.0)];
        assert_eq!(worst(&figures), [3, 1]);
        assert_eq!(caption(&figures[1]), "Spearman \u{2212}0.50, 7 of 0 images have a label");
        assert!(worst(&[]).is_empty());
    }
}
