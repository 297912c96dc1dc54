//! The classes of a section in the order in which everything shows them.

use std::collections::BTreeMap;

use latentwalk_arithmetic::ascending;

use crate::attribute::AttributeSection;
use crate::palette;
use crate::statistics;

/// One class, ready to be drawn.
pub(crate) struct ClassRow {
    pub(crate) name: String,
    /// Index of its colour.
    pub(crate) slot: usize,
    pub(crate) train: usize,
    /// Ascending.
    pub(crate) held_out: Vec<f64>,
    /// Whether the declared order names it, or there is no order.
    pub(crate) in_order: bool,
}

/// The classes: those of the declared order first and in it, then the others by median.
pub(crate) fn rows(section: &AttributeSection) -> Vec<ClassRow> {
    let rank: BTreeMap<&str, usize> = section.order.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let mut rows: Vec<ClassRow> = section
        .classes
        .iter()
        .map(|class| ClassRow {
            name: class.name.clone(),
            slot: 0,
            train: class.train,
            held_out: ascending(class.held_out.iter().copied()),
            in_order: rank.is_empty() || rank.contains_key(class.name.as_str()),
        })
        .collect();
    rows.sort_by(|a, b| {
        let [ra, rb] = [a, b].map(|r| rank.get(r.name.as_str()).copied().unwrap_or(usize::MAX));
        // An empty class has no median (a positive NaN), which `total_cmp` puts last.
        let [ma, mb] = [a, b].map(|r| statistics::quantile(&r.held_out, 0.5));
        ra.cmp(&rb).then(ma.total_cmp(&mb)).then(a.name.cmp(&b.name))
    });
    rows.iter_mut().enumerate().for_each(|(i, row)| row.slot = palette::slot(i));
    rows
}

/// The colour of a class by name.
pub(crate) fn slot(rows: &[ClassRow], name: &str) -> Option<usize> {
    rows.iter().find(|row| row.name == name).map(|row| row.slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::ClassPositions;

    fn class(name: &str, held_out: &[f64]) -> ClassPositions {
        ClassPositions { name: name.into(), train: 1, held_out: held_out.to_vec() }
    }

    #[test]
    fn declared_order_comes_first_then_medians_then_empty_classes() {
        let section = AttributeSection {
            order: vec!["low".into(), "high".into()],
            classes: vec![
                class("empty", &[]),
                class("b", &[5.0]),
                class("high", &[0.0]),
                class("a", &[2.0]),
                class("low", &[9.0]),
            ],
            ..Default::default()
        };
        let rows = rows(&section);
        let names: Vec<&str> = rows.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["low", "high", "a", "b", "empty"]);
        assert_eq!(rows.iter().map(|r| r.in_order).collect::<Vec<_>>(), [true, true, false, false, false]);
        assert_eq!(slot(&rows, "a"), Some(2));
        assert_eq!(slot(&rows, "unlabelled"), None);
    }
}
