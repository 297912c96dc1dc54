//! A walk as a row of images.

use std::collections::BTreeSet;

use minijinja::context;
use minijinja::value::Value;

use crate::attribute::{AttributeSection, Card, Strip};
use crate::classes::{self, ClassRow};
use crate::number;
use crate::statistics;

/// Decimals of positions and of distances on the cards of a section.
#[derive(Clone, Copy)]
pub(super) struct Decimals {
    position: usize,
    distance: usize,
}

/// How the cards of a strip are printed.
struct Look<'a> {
    rows: &'a [ClassRow],
    decimals: Decimals,
    told: BTreeSet<&'a str>,
}

/// The other attributes of which some card of the strip has a label; the rest would be a row of dashes.
fn told(strip: &Strip) -> BTreeSet<&str> {
    let found = strip.stops.iter().filter_map(|s| s.card.as_ref());
    let labels = std::iter::once(&strip.start).chain(found).flat_map(|card| &card.others);
    labels.filter(|(_, value)| value.is_some()).map(|(name, _)| name.as_str()).collect()
}

/// The decimals that a section's cards need, the same for all of them.
pub(super) fn decimals(section: &AttributeSection) -> Decimals {
    let stops = || section.strips.iter().flat_map(|s| &s.stops);
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
    let look = Look { rows, decimals, told: told(strip) };
    let mut cells: Vec<Value> = columns.iter().map(|(at, found)| cell(*at, *found, strip, &look)).collect();
    let start = card(&strip.start, None, &look);
    let head = number::fixed(strip.start.position, decimals.position);
    cells.insert(before, context! { kind => "start", head => head, card => start });
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

fn cell(at: f64, found: Option<&Card>, strip: &Strip, look: &Look<'_>) -> Value {
    let head = number::fixed(at, look.decimals.position);
    match found {
        Some(found) => context! { kind => "hit", head => head, card => card(found, Some(&strip.start), look) },
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
        position => number::fixed(card.position, look.decimals.position),
        distance => card.distance.map_or(Value::from(()), |d| Value::from(number::fixed(d, look.decimals.distance))),
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
