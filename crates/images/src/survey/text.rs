//! A survey as text for people.

use std::fmt;

use super::{AttributeSurvey, ColumnSurvey, Frequency, Survey};
use crate::dataset::skipped_summary;

/// Lines and values that a list prints; the rest is counted.
const PRINTED: usize = 20;

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unreadable = self.skipped.len() - self.missing;
        writeln!(f, "{}: {} images, {} missing, {unreadable} unreadable", self.source, self.images, self.missing)?;
        let [train, validation, test] = self.declared;
        writeln!(
            f,
            "splits: {train} train, {validation} validation, {test} test as declared, {} to be drawn",
            self.undeclared
        )?;
        if self.groups > 0 {
            writeln!(f, "groups: {}", self.groups)?;
        }
        if self.same_content > 0 {
            writeln!(f, "files with the content of an earlier one: {}", self.same_content)?;
        }
        for ColumnSurvey { name, labelled, several, values } in &self.columns {
            write!(f, "column {name}: {labelled} labelled, {several} of them with several labels, ")?;
            writeln!(f, "{} values: {}", values.len(), Frequencies(values))?;
        }
        for AttributeSurvey { name, column, labelled, classes, .. } in &self.attributes {
            writeln!(f, "attribute {name} of column {column}: {labelled} labelled: {}", Frequencies(classes))?;
        }
        write_list(f, "left out", self.remarks.iter())?;
        write_list(f, "suspicious", self.suspicions.iter())?;
        if let Some(summary) = skipped_summary(&self.skipped) {
            writeln!(f, "{summary}")?;
        }
        let skipped = self.skipped.iter().map(|skipped| format!("{}: {}", skipped.path, skipped.reason));
        write_list(f, "skipped", skipped)
    }
}

/// A list on one line.
struct Frequencies<'a>(&'a [Frequency]);

impl fmt::Display for Frequencies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Frequency { name, images }) in self.0.iter().take(PRINTED).enumerate() {
            write!(f, "{}{name} {images}", if at > 0 { ", " } else { "" })?;
        }
        match self.0.len().saturating_sub(PRINTED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

fn write_list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    list: impl ExactSizeIterator<Item = T>,
) -> fmt::Result {
    let count = list.len();
    if count > 0 {
        writeln!(f, "{title}: {count}")?;
    }
    for entry in list.take(PRINTED) {
        writeln!(f, "- {entry}")?;
    }
    match count.saturating_sub(PRINTED) {
        0 => Ok(()),
        more => writeln!(f, "- and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_short() {
        let long: Vec<Frequency> = (0..25).map(|at| Frequency { name: format!("v{at}"), images: 1 }).collect();
        assert!(Frequencies(&long).to_string().ends_with("v19 1 and 5 more"));
        assert_eq!(Frequencies(&long[..2]).to_string(), "v0 1, v1 1");
    }
}
