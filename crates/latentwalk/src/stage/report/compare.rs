//! The article's walk and the line toward a value, from the same start.

use anyhow::Result;
use latentwalk_lines::toward::{TowardFigures, TowardWalk, ValueLines};
use latentwalk_lines::{Hit, Space, StopResult};
use latentwalk_probe::Direction;
use latentwalk_report as page;
use latentwalk_run::{AttributeLabels, AttributeToward};

use super::attribute::{Sources, card};
use crate::stage::toward::fit;

/// Comparisons per attribute.
pub(super) const COMPARISONS: usize = 2;
/// Most stops of their walks, so that a page holds a bounded number of images.
pub(super) const MOST_STOPS: usize = 8;

/// Both walks from the first starts of different values; none where the article's walk has no slabs, for two classes with
/// the same median.
pub(super) fn comparisons(
    sources: &Sources<'_>,
    labels: &AttributeLabels,
    direction: &Direction,
    toward: &AttributeToward,
) -> Result<Vec<page::Comparison>> {
    let (Ok(article), Some(reached)) = (fit::article(&sources.data.points, labels, direction), &toward.article) else {
        return Ok(Vec::new());
    };
    let spaces = [&article, &toward.lines].map(|lines| sources.data.space(lines.metric.clone()));
    let [plain, own] = spaces;
    let (plain, own) = (plain?, own?);
    let mut found = Vec::new();
    for (at, (start, from)) in starts(labels, toward).into_iter().enumerate() {
        // What a single line tells apart best, then what it tells apart worst.
        let values = by_distance(labels, direction, toward, from);
        let Some(&to) = (if at % 2 == 0 { values.last() } else { values.first() }) else { continue };
        let walk = |lines: &ValueLines, space: &Space| walked(sources, labels, lines, space, (start, from, to));
        let (Some(plainly), Some(toward_it)) = (walk(&article, &plain)?, walk(&toward.lines, &own)?) else { continue };
        let value = labels.classes[to as usize].clone();
        let does =
            format!("Its own line toward {value}, in the way that validation images chose: {}.", toward.way.name());
        found.push(page::Comparison {
            start: card(sources, labels, start, 0.0, None)?,
            article: side(
                "The article’s walk, as we read it",
                "One direction for all values, plain distance: at each stop the image nearest to the line.",
                reached,
                plainly,
            ),
            toward: side("The line toward the value", &does, &toward.test, toward_it),
            value,
        });
    }
    Ok(found)
}

fn side(name: &str, does: &str, figures: &TowardFigures, stops: Vec<page::StopCard>) -> page::Side {
    let kept = figures.kept.map(|kept| kept.corrected);
    page::Side { name: name.to_owned(), does: does.to_owned(), hit: Some(figures.hit), kept, stops }
}

/// The first starts that the stage shows, each of another value.
fn starts(labels: &AttributeLabels, toward: &AttributeToward) -> Vec<(usize, u32)> {
    let mut chosen: Vec<(usize, u32)> = Vec::new();
    for start in toward.strips.iter().map(|strip| strip.start) {
        let Some(class) = labels.labels[start] else { continue };
        if chosen.len() < COMPARISONS && chosen.iter().all(|(_, known)| *known != class) {
            chosen.push((start, class));
        }
    }
    chosen
}

/// The values that a start does not have and the pool has, by how far their train images lie along the axis from those of its
/// own value: nearest first.
fn by_distance(labels: &AttributeLabels, direction: &Direction, toward: &AttributeToward, from: u32) -> Vec<u32> {
    let median = |class: u32| direction.evidence.train[class as usize].as_ref().map(|spread| spread.median());
    let Some(own) = median(from) else { return Vec::new() };
    let reached = |class: &u32| *class != from && !toward.absent.contains(&labels.classes[*class as usize]);
    let far = |class: u32| Some((class, (median(class)? - own).abs()));
    let mut all: Vec<(u32, f64)> = (0..labels.classes.len() as u32).filter(reached).filter_map(far).collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    all.into_iter().map(|(class, _)| class).collect()
}

/// A walk from a start with its class toward another: its last stop is what the stage's figures count. `None` where no line leads
/// there, for two classes that lie in the same place.
fn walked(
    sources: &Sources<'_>,
    labels: &AttributeLabels,
    lines: &ValueLines,
    space: &Space,
    (start, from, to): (usize, u32, u32),
) -> Result<Option<Vec<page::StopCard>>> {
    let data = sources.data;
    let stops = sources.job.config.walks.stops.clamp(1, MOST_STOPS);
    let walk = TowardWalk {
        space,
        pool: data.pool_z(),
        start: data.points.z.row(start),
        from: Some(from),
        to,
        stops,
        kept: &[],
    };
    let Ok((knob, _)) = lines.knob(&walk) else { return Ok(None) };
    let groups = &data.points.groups;
    let found = knob.walk(None, 1, |place| groups[data.pool[place]] != groups[start])?;
    let image = |hit: &Hit| card(sources, labels, data.pool[hit.row], hit.position, Some(hit.distance));
    let stop = |(_, stop): (f64, StopResult)| -> Result<page::StopCard> {
        Ok(page::StopCard { position: stop.position, card: stop.hits.first().map(image).transpose()? })
    };
    found.into_iter().map(stop).collect::<Result<_>>().map(Some)
}
