//! What must hold before a report is drawn.

use std::collections::BTreeSet;

use crate::attribute::AttributeSection;
use crate::error::{Error, Result};
use crate::evidence::LineMatrix;
use crate::images;
use crate::model::{Confusion, Report, Spectrum};

/// Checks everything that would otherwise draw a wrong or broken picture.
pub(crate) fn check(report: &Report) -> Result<()> {
    unique("attributes", report.attributes.iter().map(|a| a.name.as_str()))?;
    unique("images", report.images.iter().map(|i| i.id.as_str()))?;
    for (attribute, card) in images::cards(report) {
        if let Some(index) = card.image.filter(|index| *index >= report.images.len()) {
            let (attribute, id) = (attribute.to_owned(), card.id.clone());
            return Err(Error::UnknownImage { attribute, id, index, count: report.images.len() });
        }
    }
    if let Some(spectrum) = &report.spectrum {
        check_spectrum(spectrum)?;
    }
    if let Some(training) = &report.training {
        training.confusions.iter().try_for_each(check_confusion)?;
    }
    report.lines.iter().try_for_each(check_lines)?;
    report.attributes.iter().try_for_each(check_attribute)
}

fn check_lines(lines: &LineMatrix) -> Result<()> {
    let place = || "lines beside attributes".to_owned();
    let expected = lines.attributes.len();
    for matrix in [&lines.auc, &lines.cramers_v] {
        same(place, "rows", matrix.len(), expected)?;
        matrix.iter().try_for_each(|row| same(place, "columns", row.len(), expected))?;
    }
    Ok(())
}

fn check_spectrum(spectrum: &Spectrum) -> Result<()> {
    finite("PCA spectrum", "variance", spectrum.variances.iter().copied())?;
    let (got, expected) = (spectrum.kept, spectrum.variances.len());
    if got > expected {
        return Err(Error::Length { place: "PCA spectrum".into(), what: "kept axes", got, expected });
    }
    Ok(())
}

fn check_confusion(confusion: &Confusion) -> Result<()> {
    let place = || format!("confusion matrix of `{}`", confusion.attribute);
    let expected = confusion.classes.len();
    same(place, "rows", confusion.counts.len(), expected)?;
    confusion.counts.iter().try_for_each(|row| same(place, "columns", row.len(), expected))
}

/// Checks what a section's figures place and name.
pub(crate) fn check_attribute(section: &AttributeSection) -> Result<()> {
    let attribute = format!("attribute `{}`", section.name);
    unique(&format!("{attribute}, classes"), section.classes.iter().map(|c| c.name.as_str()))?;
    unique(&format!("{attribute}, order"), section.order.iter().map(String::as_str))?;
    for class in &section.classes {
        finite(&format!("{attribute}, class `{}`", class.name), "position", class.held_out.iter().copied())?;
    }
    known(section, "the order", section.order.iter())?;
    known(section, "the pairwise AUC", section.pairwise_auc.iter().flat_map(|p| [&p.lower, &p.upper]))?;
    if let Some(p) = &section.probabilities {
        known(section, "a probability curve", p.curves.iter().map(|c| &c.0))?;
        finite(&format!("{attribute}, probability curves"), "position", p.positions.iter().copied())?;
        for (class, curve) in &p.curves {
            let place = || format!("{attribute}, probability curve of `{class}`");
            same(place, "values", curve.len(), p.positions.len())?;
        }
    }
    for (value, _) in section.toward.iter().flat_map(|toward| &toward.strips).flat_map(|strip| &strip.found) {
        known(section, "a line toward a value", std::iter::once(value))?;
    }
    let sought = section.comparisons.iter().map(|comparison| &comparison.value);
    known(section, "a comparison of walks", sought)?;
    let worst = section.failures.iter().flat_map(|failures| &failures.worst);
    let strips = section.strips.iter().map(|strip| ("strip", strip)).chain(worst.map(|strip| ("worst strip", strip)));
    for (i, (kind, strip)) in strips.enumerate() {
        let place = format!("{attribute}, {kind} {}", i + 1);
        let found = strip.stops.iter().filter_map(|s| s.card.as_ref());
        finite(&place, "card position", std::iter::once(&strip.start).chain(found).map(|c| c.position))?;
        finite(&place, "stop", strip.stops.iter().map(|s| s.position))?;
    }
    Ok(())
}

fn known<'a>(section: &AttributeSection, place: &str, mut names: impl Iterator<Item = &'a String>) -> Result<()> {
    let classes: BTreeSet<&str> = section.classes.iter().map(|c| c.name.as_str()).collect();
    match names.find(|name| !classes.contains(name.as_str())) {
        Some(class) => Err(Error::Name {
            place: format!("attribute `{}`, {place}", section.name),
            name: class.clone(),
            problem: "is none of its classes",
        }),
        None => Ok(()),
    }
}

fn unique<'a>(place: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::Name { place: place.into(), name: name.into(), problem: "is listed twice" });
        }
    }
    Ok(())
}

/// Whether there is something to draw.
pub(crate) fn some(place: impl FnOnce() -> String, what: &'static str, count: usize) -> Result<()> {
    match count {
        0 => Err(Error::Count { place: place(), what, got: 0, must: "at least one is needed".to_owned() }),
        _ => Ok(()),
    }
}

/// Whether the parts of a figure can be told apart.
pub(crate) fn at_most(place: &str, what: &'static str, got: usize, most: usize) -> Result<()> {
    let must = || format!("at most {most} can be told apart");
    if got <= most { Ok(()) } else { Err(Error::Count { place: place.to_owned(), what, got, must: must() }) }
}

/// Only finite numbers can be drawn.
pub(crate) fn finite(place: &str, what: &'static str, values: impl Iterator<Item = f64>) -> Result<()> {
    match values.enumerate().find(|(_, value)| !value.is_finite()) {
        Some((index, value)) => {
            let must = "only finite numbers can be drawn".to_owned();
            Err(Error::Number { place: place.into(), what, index, value, must })
        }
        None => Ok(()),
    }
}

/// Whether two lists that belong together are as long as each other.
fn same(place: impl Fn() -> String, what: &'static str, got: usize, expected: usize) -> Result<()> {
    if got == expected { Ok(()) } else { Err(Error::Length { place: place(), what, got, expected }) }
}
