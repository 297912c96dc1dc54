//! The strips of the page, cell by cell.

use super::csv::{Csv, number};
use crate::attribute::{AttributeSection, Card, StopCard, Strip};
use crate::check;
use crate::error::Result;
use crate::model::Report;

/// A strip of the page as a list of images, for a picture of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StripFile {
    /// The attribute.
    pub attribute: String,
    /// Which strip, in letters, digits and `-`: `walk-1`, `toward-2`, `comparison-1-article`, `worst-1`, `hubs`.
    pub strip: String,
    /// The cells from left to right: indices into [`Report::images`]; `None` for a slab without an image.
    pub cells: Vec<Option<usize>>,
    /// Which cell is the start; `None` where the images belong to several walks.
    pub start: Option<usize>,
}

/// Every strip of the page, with its images in the order of the page.
///
/// # Errors
/// As [`render`](crate::render).
pub fn strips(report: &Report) -> Result<Vec<StripFile>> {
    check::check(report)?;
    Ok(report.attributes.iter().flat_map(of_section).map(|strip| strip.file).collect())
}

/// A strip with what is told of its cells.
pub(super) struct Told<'a> {
    pub(super) file: StripFile,
    cells: Vec<Cell<'a>>,
}

/// A cell of a strip.
struct Cell<'a> {
    /// What stands above it.
    head: String,
    card: Option<&'a Card>,
    /// Whether its position means something: that of another line does not.
    placed: bool,
}

impl<'a> Cell<'a> {
    fn placed(head: String, card: Option<&'a Card>) -> Self {
        Self { head, card, placed: true }
    }

    fn unplaced(head: &str, card: Option<&'a Card>) -> Self {
        Self { head: head.to_owned(), card, placed: false }
    }
}

/// The strips of a section, in the order of the page.
pub(super) fn of_section(section: &AttributeSection) -> Vec<Told<'_>> {
    let mut all = Vec::new();
    for (i, comparison) in section.comparisons.iter().enumerate() {
        for (side, walk) in [("article", &comparison.article), ("toward", &comparison.toward)] {
            let name = format!("comparison-{}-{side}", i + 1);
            all.push(told(section, name, from(&comparison.start, &walk.stops), Some(0)));
        }
    }
    for (i, strip) in section.toward.iter().flat_map(|toward| &toward.strips).enumerate() {
        let found = strip.found.iter().map(|(value, card)| Cell::unplaced(value, card.as_ref()));
        let cells = std::iter::once(Cell::unplaced("start", Some(&strip.start))).chain(found).collect();
        all.push(told(section, format!("toward-{}", i + 1), cells, Some(0)));
    }
    for (i, strip) in section.strips.iter().enumerate() {
        all.push(along(section, format!("walk-{}", i + 1), strip));
    }
    if let Some(failures) = &section.failures {
        for (i, strip) in failures.worst.iter().enumerate() {
            all.push(along(section, format!("worst-{}", i + 1), strip));
        }
        if !failures.hubs.is_empty() {
            let cells =
                failures.hubs.iter().map(|hub| Cell::placed(format!("in {} walks", hub.walks), Some(&hub.card)));
            let cells = cells.collect();
            all.push(told(section, "hubs".to_owned(), cells, None));
        }
    }
    all
}

fn from<'a>(start: &'a Card, stops: &'a [StopCard]) -> Vec<Cell<'a>> {
    let stop = |(i, stop): (usize, &'a StopCard)| Cell::placed((i + 1).to_string(), stop.card.as_ref());
    std::iter::once(Cell::unplaced("start", Some(start))).chain(stops.iter().enumerate().map(stop)).collect()
}

/// A walk along the axis: stops in ascending position, the start at its own.
fn along<'a>(section: &AttributeSection, name: String, strip: &'a Strip) -> Told<'a> {
    let mut stops: Vec<&StopCard> = strip.stops.iter().collect();
    stops.sort_by(|a, b| a.position.total_cmp(&b.position));
    let before = stops.partition_point(|stop| stop.position <= strip.start.position);
    let mut cells: Vec<Cell<'_>> =
        stops.iter().map(|stop| Cell::placed(number(stop.position), stop.card.as_ref())).collect();
    cells.insert(before, Cell::placed("start".to_owned(), Some(&strip.start)));
    told(section, name, cells, Some(before))
}

fn told<'a>(section: &AttributeSection, strip: String, cells: Vec<Cell<'a>>, start: Option<usize>) -> Told<'a> {
    let images = cells.iter().map(|cell| cell.card.and_then(|card| card.image)).collect();
    Told { file: StripFile { attribute: section.name.clone(), strip, cells: images, start }, cells }
}

impl Told<'_> {
    /// The cells with ids, splits and labels.
    pub(super) fn csv(&self) -> Csv {
        let cards = || self.cells.iter().filter_map(|cell| cell.card);
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in cards().flat_map(|card| &card.others) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let own = ["cell", "id", "split", "position", "distance", "label"];
        let mut csv = Csv::new(&own.into_iter().chain(names.iter().copied()).collect::<Vec<_>>());
        for Cell { head, card, placed } in &self.cells {
            let Some(card) = card else {
                csv.row(std::iter::once(head.clone()).chain(vec![String::new(); own.len() - 1 + names.len()]));
                continue;
            };
            let other = |name: &&str| card.others.iter().find(|other| other.0 == **name).and_then(|o| o.1.clone());
            let text = |label: Option<String>| label.unwrap_or_default();
            let position = if *placed { number(card.position) } else { String::new() };
            csv.row(
                [head.clone(), card.id.clone(), card.split.clone(), position]
                    .into_iter()
                    .chain([
                        card.distance.filter(|_| *placed).map_or_else(String::new, number),
                        text(card.label.clone()),
                    ])
                    .chain(names.iter().map(|name| text(other(name)))),
            );
        }
        csv
    }
}
