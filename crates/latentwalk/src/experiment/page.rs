//! The page of an experiment, in Markdown.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::file::{Check, Experiment};

/// Markdown being written.
#[derive(Default)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    /// A heading below the page's own.
    pub(super) fn heading(&mut self, text: &str) {
        let _ = write!(self.text, "## {text}\n\n");
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        let _ = write!(self.text, "{}\n\n", text.trim());
    }

    /// A picture beside the page.
    pub(super) fn picture(&mut self, file: &str, words: &str) {
        let _ = write!(self.text, "![{words}]({file})\n\n");
    }

    /// A table; columns of numbers stand to the right, others to the left.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let line = |cells: &mut dyn Iterator<Item = &str>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        self.text.push_str(&line(&mut head.iter().copied()));
        let rule =
            (0..head.len()).map(|at| if at > 0 && rows.iter().all(|row| is_number(&row[at])) { "---:" } else { "---" });
        let _ = writeln!(self.text, "|{}|", rule.collect::<Vec<_>>().join("|"));
        for row in rows {
            self.text.push_str(&line(&mut row.iter().map(String::as_str)));
        }
        self.text.push('\n');
    }
}

/// Whether a cell holds a number, or the lack of one.
fn is_number(cell: &str) -> bool {
    cell.is_empty() || cell == "–" || cell.parse::<f64>().is_ok()
}

/// Three decimals, or a dash for what does not exist.
pub(super) fn decimal(value: f64) -> String {
    if value.is_finite() { format!("{value:.3}") } else { "–".to_owned() }
}

/// Three decimals for shares, none for counts.
fn figure(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() >= 2.0 { format!("{value:.0}") } else { decimal(value) }
}

/// The page: the question, what was found, the study's body, and every figure beside its expectation.
pub(super) fn whole(experiment: &Experiment, body: &Page, checks: &[Check]) -> String {
    let mut page = Page::default();
    let _ = write!(page.text, "# {}\n\n", experiment.title);
    page.paragraph(&experiment.question);
    page.heading("What was found");
    page.paragraph(&experiment.findings);
    page.text.push_str(&body.text);
    page.heading("Figures and tolerances");
    let seeds = experiment.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let set: String = experiment.set.iter().map(|change| format!(" `--set {change}`")).collect();
    let from = match experiment.description.as_str() {
        "" => String::new(),
        description => format!(" from the description `{description}`{set}"),
    };
    page.paragraph(&format!(
        "Made by `cargo xtask experiment {}`{from}, seeds {seeds}. The command fails when a figure leaves its tolerance.",
        experiment.name
    ));
    let rows: Vec<Vec<String>> = checks.iter().map(row).collect();
    page.table(&["figure", "found", "expected", "tolerance", "target"], &rows);
    format!("{}\n", page.text.trim_end())
}

fn row(check: &Check) -> Vec<String> {
    let found = if check.within() { figure(check.found) } else { format!("**{}** outside", figure(check.found)) };
    let number = |value: Option<f64>| value.map_or_else(String::new, figure);
    let e = check.expectation;
    let target = e.and_then(|e| e.target).map_or_else(String::new, |target| {
        let word = if check.found >= target { "met" } else { "not met" };
        format!("{}, {word}", figure(target))
    });
    vec![check.name.clone(), found, number(e.map(|e| e.expected)), number(e.map(|e| e.tolerance)), target]
}

/// A figure and what is expected of it, for programs; `null` for what does not exist.
pub(crate) fn json(check: &Check) -> Value {
    let e = check.expectation;
    json!({
        "name": check.name,
        "found": check.found,
        "expected": e.map(|e| e.expected),
        "tolerance": e.map(|e| e.tolerance),
        "target": e.and_then(|e| e.target),
        "within": check.within(),
    })
}

/// One line per figure, for the console.
pub(crate) fn verdicts(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let Some(e) = check.expectation else {
            let _ = writeln!(text, "  {:<width$}  {}", check.name, figure(check.found));
            continue;
        };
        let word = if check.within() { "as expected" } else { "OUTSIDE ITS TOLERANCE" };
        let target = e.target.map_or_else(String::new, |target| {
            format!("; target {} {}", figure(target), if check.found >= target { "met" } else { "not met" })
        });
        let (found, expected, tolerance) = (figure(check.found), figure(e.expected), figure(e.tolerance));
        let _ = writeln!(text, "  {:<width$}  {found} ({expected} ± {tolerance}: {word}{target})", check.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::file::Expectation;

    #[test]
    fn a_figure_outside_its_tolerance_is_marked() {
        let expectation = Some(Expectation { expected: 0.9, tolerance: 0.01, target: Some(0.97) });
        let check = |found| Check { name: "auc".into(), found, expectation };
        assert_eq!(row(&check(0.905))[1..], ["0.905", "0.900", "0.010", "0.970, not met"].map(String::from));
        assert_eq!(row(&check(0.98))[1], "**0.980** outside");
        assert!(verdicts(&[check(0.98)]).contains("OUTSIDE"));
        assert_eq!((figure(50.0), figure(1.0), figure(f64::NAN)), ("50".into(), "1.000".into(), "–".into()));
    }

    #[test]
    fn tables_are_markdown() {
        let mut page = Page::default();
        page.table(&["a", "b", "c"], &[vec!["x".into(), "1".into(), "2 of 3".into()]]);
        assert_eq!(page.text, "| a | b | c |\n|---|---:|---|\n| x | 1 | 2 of 3 |\n\n");
    }
}
