//! Training curves, accuracies, confusion matrices and the spectrum.

use minijinja::context;
use minijinja::value::Value;

use super::{safe, table};
use crate::charts::lines::{Curves, Series};
use crate::charts::spectrum as chart;
use crate::model::{Confusion, EpochPoint, Spectrum, Training};
use crate::number;
use crate::svg::Svg;

/// The share of variance that the sentence asks for.
const WANTED: f64 = 0.98;
/// The number of axes that the article kept: its share is stated whatever was kept here.
const ARTICLE: usize = 50;

/// The section on training.
pub(super) fn view(training: &Training) -> Value {
    let rows: Vec<Value> = training
        .accuracy
        .iter()
        .map(|row| {
            context! {
                attribute => &row.attribute,
                n => number::count(row.n as u64),
                classes => &row.classes,
                accuracy => share_cell(row.accuracy),
                macro_f1 => share_cell(row.macro_f1),
                majority => share_cell(row.majority),
            }
        })
        .collect();
    context! {
        network => &training.network,
        split => &training.split,
        curves => !training.epochs.is_empty(),
        loss => safe(losses(training).finish()),
        accuracies => safe(accuracies(training).finish()),
        figures => epochs(training),
        accuracy => rows,
        confusions => training.confusions.iter().map(confusion).collect::<Vec<_>>(),
    }
}

/// A share as text and as the length of a bar.
pub(super) fn share_cell(value: Option<f64>) -> Value {
    let bar = value.filter(|v| v.is_finite()).map_or(0.0, |v| v.clamp(0.0, 1.0));
    context! { text => number::share(value), bar => format!("{:.4}", bar) }
}

/// The drawing of the losses.
pub(crate) fn losses(training: &Training) -> Svg {
    let series = |name: &str, slot, get: fn(&EpochPoint) -> f64| Series {
        name: name.into(),
        slot,
        points: training.epochs.iter().map(|e| (e.epoch as f64, get(e))).collect(),
    };
    let series = vec![series("train", 5, |e| e.train_loss), series("validation", 0, |e| e.validation_loss)];
    let label = "Loss over epochs, on training and validation images; the table below has the figures.";
    Curves { series, best: training.best_epoch, shares: false, label }.draw()
}

/// The drawing of the validation accuracies.
pub(crate) fn accuracies(training: &Training) -> Svg {
    let names = attributes(training);
    let series = names.iter().enumerate().map(|(slot, name)| {
        let points = training.epochs.iter().map(|e| (e.epoch as f64, accuracy_of(e, name))).collect();
        Series { name: (*name).into(), slot: crate::palette::slot(slot), points }
    });
    let label = "Validation accuracy of every attribute over epochs; the table below has the figures.";
    Curves { series: series.collect(), best: training.best_epoch, shares: true, label }.draw()
}

/// The attributes that the epochs tell of.
pub(crate) fn attributes(training: &Training) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in training.epochs.iter().flat_map(|e| &e.validation_accuracy) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

/// An epoch's validation accuracy of an attribute; NaN where it was not measured.
pub(crate) fn accuracy_of(epoch: &EpochPoint, name: &str) -> f64 {
    epoch.validation_accuracy.iter().find(|a| a.0 == name).map_or(f64::NAN, |a| a.1)
}

fn epochs(training: &Training) -> Value {
    let names = attributes(training);
    let head: Vec<&str> = ["epoch", "train loss", "validation loss"].into_iter().chain(names.iter().copied()).collect();
    let rows = training.epochs.iter().map(|e| {
        let losses = [e.train_loss, e.validation_loss].map(|l| number::fixed(l, 4));
        let accuracies = names.iter().map(|name| number::share(Some(accuracy_of(e, name))));
        std::iter::once(e.epoch.to_string()).chain(losses).chain(accuracies).collect()
    });
    table(&head, rows.collect())
}

fn confusion(confusion: &Confusion) -> Value {
    let rows: Vec<Value> = confusion
        .counts
        .iter()
        .enumerate()
        .map(|(i, counts)| {
            let total: u64 = counts.iter().sum();
            let cells: Vec<Value> = counts
                .iter()
                .enumerate()
                .map(|(j, &count)| {
                    let share = if total == 0 { 0.0 } else { count as f64 / total as f64 };
                    let text = if count == 0 { "·".into() } else { number::count(count) };
                    context! { text => text, shade => format!("{:.3}", share), right => i == j }
                })
                .collect();
            let recall = (total > 0).then(|| counts.get(i).copied().unwrap_or(0) as f64 / total as f64);
            context! { name => &confusion.classes[i], cells => cells, recall => number::percent(recall) }
        })
        .collect();
    context! { attribute => &confusion.attribute, classes => &confusion.classes, rows => rows }
}

/// The section on the spectrum.
pub(super) fn spectrum(spectrum: &Spectrum) -> Value {
    let told = Told::of(spectrum);
    context! {
        sentence => format!("{}.", told.sentence),
        chart => safe(told.draw().finish()),
        figures => spectrum_table(spectrum, &told.cumulative, told.needed),
    }
}

/// What is said of a spectrum.
pub(crate) struct Told {
    /// Share of the variance up to each axis.
    pub(crate) cumulative: Vec<f64>,
    needed: Option<usize>,
    marks: Vec<(usize, String)>,
    sentence: String,
}

impl Told {
    pub(crate) fn of(spectrum: &Spectrum) -> Self {
        let total: f64 = spectrum.variances.iter().map(|v| v.max(0.0)).sum();
        let sums = spectrum.variances.iter().scan(0.0, |sum, v| {
            *sum += v.max(0.0);
            Some(*sum)
        });
        let cumulative: Vec<f64> = sums.map(|sum| if total > 0.0 { sum / total } else { 0.0 }).collect();
        let (all, kept) = (cumulative.len(), spectrum.kept);
        let of_kept = kept.checked_sub(1).and_then(|k| cumulative.get(k)).copied();
        let needed = cumulative.iter().position(|c| *c >= WANTED).map(|i| i + 1);
        let keeps = format!("{} {}", noun(kept, "keeps", "keep"), number::percent(of_kept));
        let mut marks = vec![(kept, format!("{} {keeps}", number::count(kept as u64)))];
        if let Some(needed) = needed.filter(|n| *n != kept) {
            marks.insert(0, (needed, format!("98\u{202f}% needs {needed}")));
        }
        let axes = |n: usize| format!("{} {}", number::count(n as u64), noun(n, "axis", "axes"));
        let rank = |r: usize| format!("numerical rank {} of {}", number::count(r as u64), number::count(all as u64));
        let sentences = [
            Some(format!("{} {keeps} of the variance", axes(kept))),
            (kept != ARTICLE && all > ARTICLE)
                .then(|| format!("{ARTICLE} would keep {}", number::percent(Some(cumulative[ARTICLE - 1])))),
            needed.map(|n| format!("98\u{202f}% needs {}", axes(n))),
            spectrum.rank.map(rank),
        ];
        let sentence = sentences.into_iter().flatten().collect::<Vec<_>>().join("; ");
        Self { cumulative, needed, marks, sentence }
    }

    /// The drawing of the shares.
    pub(crate) fn draw(&self) -> Svg {
        let label = format!("Cumulative share of variance over the number of axes: {}.", self.sentence);
        chart::draw(&self.cumulative, &self.marks, &label)
    }
}

fn noun(n: usize, one: &'static str, many: &'static str) -> &'static str {
    if n == 1 { one } else { many }
}

/// Figures at round numbers of axes and at the marked ones.
fn spectrum_table(spectrum: &Spectrum, cumulative: &[f64], needed: Option<usize>) -> Value {
    let all = cumulative.len();
    let mut wanted = vec![1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000, 2000, spectrum.kept, all];
    wanted.extend(needed);
    wanted.sort_unstable();
    wanted.dedup();
    let rows = wanted.into_iter().filter(|n| (1..=all).contains(n)).map(|n| {
        let variance = spectrum.variances[n - 1];
        vec![number::count(n as u64), number::significant(variance), number::percent(Some(cumulative[n - 1]))]
    });
    table(&["axes", "variance of that axis", "share up to it"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fifty_axes_hold_is_said_unless_fifty_were_kept() {
        let sentence = |kept| {
            let spectrum = Spectrum { variances: vec![1.0; 100], kept, rank: None };
            super::spectrum(&spectrum).get_attr("sentence").map(|s| s.to_string()).unwrap_or_default()
        };
        assert!(sentence(8).contains("50 would keep 50"), "{}", sentence(8));
        assert!(!sentence(50).contains("would"));
    }
}
