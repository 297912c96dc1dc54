//! A walk as a row of images.

use std::collections::BTreeSet;

use minijinja::context;
use minijinja::value::Value;

use crate::attribute::{AttributeSection, Card, StopCard, Strip, TowardStrip};
use crate::classes::{self, ClassRow};
use crate::number;
use crate::statistics;

/// Decimals of positions and of distances on the cards of a section.
#[derive(Clone, Copy)]
pub(crate) struct Decimals {
    position: usize,
    distance: usize,
}

/// How the cards of a strip are printed.
struct Look<'a> {
    rows: &'a [ClassRow],
    /// `None` where positions and distances are not told.
    decimals: Option<Decimals>,
    /// Whether what is found has a position worth telling where it is opened.
    exact: bool,
    told: BTreeSet<&'a str>,
}

/// The other attributes of which some card has a label; the rest would be a row of dashes.
fn told<'a>(cards: impl Iterator<Item = &'a Card>) -> BTreeSet<&'a str> {
    let labels = cards.flat_map(|card| &card.others);
    labels.filter(|(_, value)| value.is_some()).map(|(name, _)| name.as_str()).collect()
}

/// The decimals that a section's cards need, the same for all of them.
pub(crate) fn decimals(section: &AttributeSection) -> Decimals {
    let worst = || section.failures.iter().flat_map(|failures| &failures.worst);
    let stops = || section.strips.iter().chain(worst()).flat_map(|s| &s.stops);
    let cards = || stops().filter_map(|s| s.card.as_ref());
    let spread = statistics::range(stops().map(|s| s.position)).map_or(0.0, |(low, high)| high - low);
    let far = statistics::range(cards().filter_map(|c| c.distance)).map_or(0.0, |(_, high)| high);
    Decimals { position: number::decimals_for(spread), distance: number::decimals_for(far) }
}

/// One strip: a column per stop in ascending position, the start in its own column at its own coordinate.
pub(super) fn view(strip: &Strip, rows: &[ClassRow], decimals: Decimals) -> Value {
    let mut columns: Vec<(f64, Option<&Card>)> = strip.stops.iter().map(|s| (s.position, s.card.as_ref())).collect();
    columns.sort_by(|a, b| a.0.total_cmp(&b.0));
    let before = columns.partition_point(|column| column.0 <= strip.start.position);
    let misses = columns.iter().filter(|column| column.1.is_none()).count();
    let cards = std::iter::once(&strip.start).chain(strip.stops.iter().filter_map(|s| s.card.as_ref()));
    let look = Look { rows, decimals: Some(decimals), exact: false, told: told(cards) };
    let head = |at: f64| number::fixed(at, decimals.position);
    let mut cells: Vec<Value> =
        columns.iter().map(|(at, found)| cell("hit", head(*at), *found, &strip.start, &look)).collect();
    let start = card(&strip.start, None, &look);
    cells.insert(before, context! { kind => "start", head => head(strip.start.position), card => start });
    context! {
        caption => &strip.caption,
        id => &strip.start.id,
        split => &strip.start.split,
        start => label(&strip.start.label, rows),
        at => number::fixed(strip.start.position, decimals.position),
        misses => misses,
        stops => strip.stops.len(),
        n => cells.len(),
        cells => cells,
    }
}

/// One line toward each value: the start, then what was found for each value that it does not have.
pub(super) fn toward(strip: &TowardStrip, rows: &[ClassRow]) -> Value {
    let cards = std::iter::once(&strip.start).chain(strip.found.iter().filter_map(|(_, card)| card.as_ref()));
    let look = Look { rows, decimals: None, exact: false, told: told(cards) };
    let start = card(&strip.start, None, &look);
    let mut cells = vec![context! { kind => "start", head => "start", card => start }];
    for (value, found) in &strip.found {
        let hit = found.as_ref().is_some_and(|card| card.label.as_ref() == Some(value));
        let (kind, mark) = if hit { ("hit", "✓") } else { ("hit wrong", "✕") };
        cells.push(cell(kind, format!("→ {value} {mark}"), found.as_ref(), &strip.start, &look));
    }
    context! { n => cells.len(), cells => cells }
}

/// A walk toward one value: the start, then the stops in the order of the walk, the last one judged.
pub(super) fn sought(start: &Card, value: &str, stops: &[StopCard], rows: &[ClassRow]) -> Value {
    let cards = std::iter::once(start).chain(stops.iter().filter_map(|stop| stop.card.as_ref()));
    let look = Look { rows, decimals: None, exact: true, told: told(cards) };
    let mut cells = vec![context! { kind => "start", head => "start", card => card(start, None, &look) }];
    for (i, stop) in stops.iter().enumerate() {
        let hit = stop.card.as_ref().is_some_and(|card| card.label.as_deref() == Some(value));
        let (kind, head) = match (i + 1 == stops.len(), hit) {
            (false, _) => ("hit", format!("{} of {}", i + 1, stops.len())),
            (true, true) => ("hit", format!("→ {value} ✓")),
            (true, false) => ("hit wrong", format!("→ {value} ✕")),
        };
        cells.push(cell(kind, head, stop.card.as_ref(), start, &look));
    }
    context! { n => cells.len(), cells => cells }
}

/// One image that belongs to no walk.
pub(super) fn alone(head: String, found: &Card, rows: &[ClassRow]) -> Value {
    let look = Look { rows, decimals: None, exact: false, told: told(std::iter::once(found)) };
    context! { kind => "hit", head => head, card => card(found, None, &look) }
}

fn cell(kind: &str, head: String, found: Option<&Card>, start: &Card, look: &Look<'_>) -> Value {
    match found {
        Some(found) => context! { kind => kind, head => head, card => card(found, Some(start), look) },
        None => context! { kind => "miss", head => head },
    }
}

fn card(card: &Card, start: Option<&Card>, look: &Look<'_>) -> Value {
    let told = card.others.iter().filter(|(name, _)| look.told.contains(name.as_str()));
    let others: Vec<Value> = told.map(|(name, value)| other(name, value, start)).collect();
    context! {
        image => &card.image,
        id => &card.id,
        split => &card.split,
        exact => if look.exact && start.is_some() { number::significant(card.position) } else { String::new() },
        position => look.decimals.map_or(String::new(), |d| number::fixed(card.position, d.position)),
        distance => look.decimals.zip(card.distance).map_or(Value::from(()), |(d, at)| number::fixed(at, d.distance).into()),
        label => label(&card.label, look.rows),
        others => others,
    }
}

fn label(label: &Option<String>, rows: &[ClassRow]) -> Value {
    match label {
        None => context! { name => "no label", known => false },
        Some(name) => {
            let slot = classes::slot(rows, name).map_or(Value::from(()), Value::from);
            context! { name => name, slot => slot, known => true }
        }
    }
}

/// A label of another attribute, compared with the start's.
fn other(name: &str, value: &Option<String>, start: Option<&Card>) -> Value {
    let of_start = start.and_then(|s| s.others.iter().find(|o| o.0 == name)).and_then(|o| o.1.as_ref());
    let (state, mark) = match (start, value, of_start) {
        (None, _, _) => ("own", ""),
        (_, Some(value), Some(own)) if value == own => ("kept", "="),
        (_, Some(_), Some(_)) => ("changed", "≠"),
        (_, None, None) => ("absent", ""),
        _ => ("one-sided", "·"),
    };
    context! { attribute => name, value => value.as_deref().unwrap_or(number::DASH), state => state, mark => mark }
}
