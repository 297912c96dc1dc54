//! What the page shows, as files of their own: charts as SVG and CSV, strips as CSV and as lists of images.

mod csv;
mod strips;
mod style;

use crate::attribute::AttributeSection;
use crate::charts::WIDE;
use crate::charts::ridge::Ridge;
use crate::classes::{self, ClassRow};
use crate::error::Result;
use crate::evidence::LineMatrix;
use crate::model::{Report, Spectrum, Training};
use crate::statistics::{self, DOTS_BELOW};
use crate::svg::Svg;
use crate::view::attribute::{null_chart, probability_chart};
use crate::view::evidence::{panels, yardstick_chart};
use crate::view::training::{Told, accuracies, accuracy_of, attributes, losses};
use crate::{check, palette};
use csv::{Csv, number};
pub use strips::{StripFile, strips};

/// A figure of the report as a file: a drawing with its colours written out, or the numbers behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureFile {
    /// The attribute that it shows; `None` for a figure of the whole run.
    pub attribute: Option<String>,
    /// What it shows, in letters, digits and `-`: `positions`, `probabilities`, …; unique with attribute and ending.
    pub chart: String,
    /// The file's ending: `svg` or `csv`.
    pub ending: &'static str,
    /// The file's text.
    pub text: String,
}

/// Every chart of the page as SVG and CSV, and the numbers of its matrices and strips as CSV.
///
/// Drawings are on light ground and use neither variables nor media queries, so that any program draws them. Numbers are
/// written in full; what does not exist is an empty cell. Same data, same bytes.
///
/// # Errors
/// As [`render`](crate::render).
pub fn figures(report: &Report) -> Result<Vec<FigureFile>> {
    check::check(report)?;
    let mut files = Files::default();
    for section in &report.attributes {
        files.attribute = Some(section.name.clone());
        files.of_section(section);
    }
    files.attribute = None;
    if !report.attributes.is_empty() {
        files.csv("verdicts", verdicts(report));
    }
    if let Some(lines) = &report.lines {
        files.csv("lines", matrix(lines));
    }
    if let Some(training) = report.training.as_ref().filter(|training| !training.epochs.is_empty()) {
        files.svg("training-loss", losses(training), 0, palette::COLOURS);
        files.svg("training-accuracy", accuracies(training), 0, palette::COLOURS);
        files.csv("training", epochs(training));
    }
    if let Some(spectrum) = &report.spectrum {
        let told = Told::of(spectrum);
        files.svg("variance", told.draw(), 0, 1);
        files.csv("variance", variances(spectrum, &told.cumulative));
    }
    Ok(files.list)
}

#[derive(Default)]
struct Files {
    attribute: Option<String>,
    list: Vec<FigureFile>,
}

impl Files {
    fn add(&mut self, chart: &str, ending: &'static str, text: String) {
        self.list.push(FigureFile { attribute: self.attribute.clone(), chart: chart.to_owned(), ending, text });
    }

    fn svg(&mut self, chart: &str, drawing: Svg, ordered: usize, colours: usize) {
        self.add(chart, "svg", drawing.finish_file(&style::resolved(ordered, colours)));
    }

    fn csv(&mut self, chart: &str, csv: Csv) {
        self.add(chart, "csv", csv.text());
    }

    fn of_section(&mut self, section: &AttributeSection) {
        let rows = classes::rows(section);
        let colours = (section.order.len(), rows.len());
        let ridge = Ridge::of(section, &rows);
        if !rows.is_empty() {
            self.svg("positions", ridge.draw(WIDE), colours.0, colours.1);
            self.csv("positions", positions(section, &rows));
            self.csv("densities", densities(&rows));
        }
        if let Some(data) = &section.probabilities {
            let drawing = probability_chart(section, data, &rows, ridge.domain, WIDE);
            self.svg("probabilities", drawing, colours.0, colours.1);
            let head: Vec<&str> = std::iter::once("position").chain(data.curves.iter().map(|c| c.0.as_str())).collect();
            let mut csv = Csv::new(&head);
            for (i, position) in data.positions.iter().enumerate() {
                csv.row(std::iter::once(*position).chain(data.curves.iter().map(|c| c.1[i])).map(number));
            }
            self.csv("probabilities", csv);
        }
        if !section.pairwise_auc.is_empty() {
            self.csv("auc", pairs(section));
        }
        if let Some(null) = &section.null {
            self.svg("null", null_chart(null), 0, 0);
            let mut csv = Csv::new(&["of", &null.statistic]);
            null.values.iter().for_each(|value| csv.row(["draw".to_owned(), number(*value)]));
            csv.row(["ours".to_owned(), null.ours.map_or_else(String::new, number)]);
            self.csv("null", csv);
        }
        let panels = panels(section);
        if !panels.is_empty() {
            self.svg("yardsticks", yardstick_chart(section, &panels, WIDE), 0, 0);
            let mut csv = Csv::new(&["figure", "of", "value"]);
            for panel in &panels {
                let value = |value: Option<f64>| value.map_or_else(String::new, number);
                panel.bars.iter().for_each(|bar| csv.row([panel.figure.clone(), bar.name.clone(), value(bar.value)]));
            }
            self.csv("yardsticks", csv);
        }
        strips::of_section(section).into_iter().for_each(|strip| self.csv(&strip.file.strip, strip.csv()));
    }
}

fn positions(section: &AttributeSection, rows: &[ClassRow]) -> Csv {
    let held_out = format!("n_{}", section.split);
    let mut csv = Csv::new(&["class", "n_train", &held_out, "p05", "p25", "median", "p75", "p95"]);
    for row in rows {
        let q = statistics::quantiles(&row.held_out).map_or([f64::NAN; 5], |q| [q.p05, q.p25, q.median, q.p75, q.p95]);
        let counts = [row.train, row.held_out.len()].map(|n| n.to_string());
        csv.row(std::iter::once(row.name.clone()).chain(counts).chain(q.map(number)));
    }
    csv
}

/// The curves of the ridges; classes that are drawn as dots have their positions instead.
fn densities(rows: &[ClassRow]) -> Csv {
    let samples: Vec<Vec<f64>> = rows.iter().map(|row| row.held_out.clone()).collect();
    let bandwidth = statistics::common_bandwidth(&samples);
    let mut csv = Csv::new(&["class", "position", "density"]);
    for row in rows {
        let curve = match bandwidth {
            Some(bandwidth) if row.held_out.len() >= DOTS_BELOW => statistics::density(&row.held_out, bandwidth),
            _ => row.held_out.iter().map(|at| (*at, f64::NAN)).collect(),
        };
        curve.into_iter().for_each(|(at, density)| csv.row([row.name.clone(), number(at), number(density)]));
    }
    csv
}

fn pairs(section: &AttributeSection) -> Csv {
    let mut csv = Csv::new(&["lower", "upper", "auc"]);
    for pair in &section.pairwise_auc {
        csv.row([pair.lower.clone(), pair.upper.clone(), pair.auc.map_or_else(String::new, number)]);
    }
    csv
}

fn verdicts(report: &Report) -> Csv {
    let mut csv = Csv::new(&["attribute", "question", "answer", "sentence"]);
    for section in &report.attributes {
        csv.row([
            section.name.clone(),
            "in short".to_owned(),
            section.verdict.badge.clone(),
            section.verdict.sentence.clone(),
        ]);
        for claim in &section.claims {
            csv.row([
                section.name.clone(),
                claim.question.clone(),
                claim.answer.name().to_owned(),
                claim.sentence.clone(),
            ]);
        }
    }
    csv
}

fn matrix(lines: &LineMatrix) -> Csv {
    let mut csv = Csv::new(&["line", "attribute", "auc", "cramers_v"]);
    let value = |value: Option<f64>| value.map_or_else(String::new, number);
    for (i, line) in lines.attributes.iter().enumerate() {
        for (j, attribute) in lines.attributes.iter().enumerate() {
            csv.row([line.clone(), attribute.clone(), value(lines.auc[i][j]), value(lines.cramers_v[i][j])]);
        }
    }
    csv
}

fn epochs(training: &Training) -> Csv {
    let names = attributes(training);
    let head: Vec<&str> = ["epoch", "train_loss", "validation_loss"].into_iter().chain(names.iter().copied()).collect();
    let mut csv = Csv::new(&head);
    for epoch in &training.epochs {
        let losses = [epoch.train_loss, epoch.validation_loss].map(number);
        let accuracies = names.iter().map(|name| number(accuracy_of(epoch, name)));
        csv.row(std::iter::once(epoch.epoch.to_string()).chain(losses).chain(accuracies));
    }
    csv
}

fn variances(spectrum: &Spectrum, cumulative: &[f64]) -> Csv {
    let mut csv = Csv::new(&["axis", "variance", "share_up_to_it"]);
    for (i, (variance, share)) in spectrum.variances.iter().zip(cumulative).enumerate() {
        csv.row([(i + 1).to_string(), number(*variance), number(*share)]);
    }
    csv
}
