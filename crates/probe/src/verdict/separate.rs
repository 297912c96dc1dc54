//! Does the axis order other attributes too?

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::sample::{Purpose, Sample, generator, interval};
use super::{Answer, CardOptions, CardTask, MIN_TEST_GROUPS, Other};
use crate::Split;
use crate::direction::project;

/// What the axis may order of another attribute.
const SEPARATE: f64 = 0.05;
/// What it may surely not.
const ENTANGLED: f64 = 0.10;
/// Cramér's V above which the labels themselves go together.
const CONFOUNDED: f64 = 0.8;

/// How far the axis orders the values of other attributes, beyond what their labels have to do with its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Separate {
    /// The verdict.
    pub answer: Answer,
    /// Why it is unclear, where that is not a matter of figures.
    pub reason: Option<String>,
    /// The other attributes.
    pub others: Vec<OtherAttribute>,
}

/// Another attribute beside the axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OtherAttribute {
    /// Its name.
    pub name: String,
    /// Cramér's V of its labels and the axis's attribute, over train rows that have both.
    pub cramers_v: Option<f64>,
    /// Its values; none where the labels alone decide (V above 0.8).
    pub values: Vec<OtherValue>,
}

/// A value of another attribute against its other values, among test rows that have a label of both attributes.
///
/// **Units and conventions.** `excess` is the AUC along the axis less the AUC that the same positions reach when they are exchanged
/// among rows of one label of the axis's attribute; its sign is such that train rows have a positive one. Intervals hold 95 %
/// of resamples of test groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OtherValue {
    /// The value.
    pub name: String,
    /// AUC along the axis.
    pub auc: f64,
    /// The same among label-matched rows.
    pub matched: f64,
    /// Their difference.
    pub excess: f64,
    /// Its interval.
    pub interval: Option<[f64; 2]>,
    /// Fewest test groups on the two sides.
    pub groups: usize,
}

/// Positions of rows that have a label of both attributes, ascending.
struct Both<'a> {
    sample: &'a Sample,
    /// Position, place in the sample, label of the axis's attribute, label of the other.
    rows: Vec<(f64, usize, usize, u32)>,
    classes: usize,
}

impl<'a> Both<'a> {
    fn new(card: &CardTask<'_>, sample: &'a Sample, other: &Other<'_>) -> Self {
        let row = |at: usize| {
            let row = sample.rows[at];
            let label = other.labels[row]?;
            let position = project(&card.direction.weights, card.task.z.row(row));
            Some((position, at, sample.classes[at] as usize, label))
        };
        let mut rows: Vec<_> = (0..sample.len()).filter_map(row).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Self { sample, rows, classes: card.task.classes.len() }
    }

    /// AUC of a value against the others, and what label-matched rows reach; `None` if one side has no weight.
    fn aucs(&self, value: u32, weights: Option<&[f64]>) -> Option<(f64, f64)> {
        let weight = |at: usize| weights.map_or(1.0, |weights| weights[at]);
        let own = super::discriminant::auc(self.rows.iter().map(|&(s, at, _, b)| (s, b == value, weight(at))))?;
        // Shares of the labels on either side, and the AUC of every label over every other.
        let (mut high, mut low) = (vec![0.0; self.classes], vec![0.0; self.classes]);
        for &(_, at, class, label) in &self.rows {
            *(if label == value { &mut high[class] } else { &mut low[class] }) += weight(at);
        }
        let (all_high, all_low): (f64, f64) = (high.iter().sum(), low.iter().sum());
        let over = self.label_aucs(weights);
        let matched = (0..self.classes)
            .flat_map(|a| (0..self.classes).map(move |b| (a, b)))
            .map(|(a, b)| high[a] / all_high * (low[b] / all_low) * over[a][b])
            .sum();
        Some((own, matched))
    }

    /// `P(s_a > s_b) + ½ P(s_a = s_b)` for labels a and b of the axis's attribute; ½ on the diagonal and for labels without weight.
    fn label_aucs(&self, weights: Option<&[f64]>) -> Vec<Vec<f64>> {
        let weight = |at: usize| weights.map_or(1.0, |weights| weights[at]);
        let mut over = vec![vec![0.5; self.classes]; self.classes];
        let pairs = (0..self.classes).flat_map(|a| (0..a).map(move |b| (a, b)));
        for (a, b) in pairs {
            let pair = self.rows.iter().filter(|row| row.2 == a || row.2 == b);
            if let Some(auc) = super::discriminant::auc(pair.map(|&(s, at, class, _)| (s, class == a, weight(at)))) {
                (over[a][b], over[b][a]) = (auc, 1.0 - auc);
            }
        }
        over
    }

    fn excess(&self, value: u32, weights: Option<&[f64]>) -> Option<f64> {
        self.aucs(value, weights).map(|(own, matched)| own - matched)
    }

    /// Fewest groups with the value and with another one.
    fn groups(&self, value: u32) -> usize {
        let mut label = vec![None; self.sample.len()];
        self.rows.iter().for_each(|&(_, at, _, b)| label[at] = Some(b));
        let with = self.sample.groups_where(|at| label[at] == Some(value));
        let without = self.sample.groups_where(|at| label[at].is_some_and(|b| b != value));
        with.min(without)
    }
}

pub(super) fn separate(card: &CardTask<'_>, options: &CardOptions) -> Separate {
    let train = Sample::new(&card.task, card.groups, Split::Train, |_, _| true);
    let test = Sample::new(&card.task, card.groups, Split::Test, |_, _| true);
    let others: Vec<OtherAttribute> =
        card.others.iter().filter_map(|other| beside(card, options, (&train, &test), other)).collect();
    let mut found = Separate { others, ..Separate::default() };
    let values = || found.others.iter().flat_map(|other| &other.values);
    let entangled =
        values().any(|value| value.groups >= MIN_TEST_GROUPS && value.interval.is_some_and(|[low, _]| low > ENTANGLED));
    let apart = values()
        .all(|value| value.groups >= MIN_TEST_GROUPS && value.interval.is_some_and(|[_, high]| high < SEPARATE));
    let confounded: Vec<&str> =
        found.others.iter().filter(|other| other.confounded()).map(|other| other.name.as_str()).collect();
    let reason = match found.others.is_empty() {
        true => Some("there is no other attribute whose values differ among its images".to_owned()),
        false if !confounded.is_empty() => {
            Some(format!("its labels and those of {} go together", confounded.join(", ")))
        }
        false => None,
    };
    found.answer = match &reason {
        _ if entangled => Answer::No,
        None if apart => Answer::Yes,
        _ => Answer::Unclear,
    };
    found.reason = reason;
    found
}

/// Another attribute beside the axis; `None` where it has one value only among the rows that have both labels.
fn beside(
    card: &CardTask<'_>,
    options: &CardOptions,
    (train, test): (&Sample, &Sample),
    other: &Other<'_>,
) -> Option<OtherAttribute> {
    let (on_train, on_test) = (Both::new(card, train, other), Both::new(card, test, other));
    let mut seen: Vec<u32> = on_train.rows.iter().map(|row| row.3).collect();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() < 2 {
        return None;
    }
    let v = cramers_v(&on_train, other.classes.len());
    let mut found = OtherAttribute { name: other.name.to_owned(), cramers_v: v, values: Vec::new() };
    if !found.confounded() {
        found.values =
            seen.into_par_iter().filter_map(|value| of_value(options, other, &on_train, &on_test, value)).collect();
    }
    Some(found)
}

fn of_value(
    options: &CardOptions,
    other: &Other<'_>,
    train: &Both<'_>,
    test: &Both<'_>,
    value: u32,
) -> Option<OtherValue> {
    // The side on which the value lies is settled by train rows.
    let sign = if train.excess(value, None)? < 0.0 { -1.0 } else { 1.0 };
    let (auc, matched) = test.aucs(value, None)?;
    let resample = |number| test.sample.resampled(&mut generator(options.seed, Purpose::Test, number));
    let values = (0..options.bootstraps).filter_map(|number| Some(sign * test.excess(value, Some(&resample(number)))?));
    Some(OtherValue {
        name: other.classes[value as usize].clone(),
        auc,
        matched,
        excess: sign * (auc - matched),
        interval: interval(values),
        groups: test.groups(value),
    })
}

/// Cramér's V of the two labels; `None` where one of them has a single value.
fn cramers_v(both: &Both<'_>, other_classes: usize) -> Option<f64> {
    let mut table = vec![vec![0.0; other_classes]; both.classes];
    both.rows.iter().for_each(|&(_, _, class, label)| table[class][label as usize] += 1.0);
    let rows: Vec<f64> = table.iter().map(|line| line.iter().sum()).collect();
    let columns: Vec<f64> = (0..other_classes).map(|c| table.iter().map(|line| line[c]).sum()).collect();
    let total: f64 = rows.iter().sum();
    let filled = |sums: &[f64]| sums.iter().filter(|&&sum| sum > 0.0).count();
    let least = filled(&rows).min(filled(&columns));
    if least < 2 {
        return None;
    }
    let mut chi = 0.0;
    for (line, row) in table.iter().zip(&rows) {
        for (count, column) in line.iter().zip(&columns) {
            let expected = row * column / total;
            if expected > 0.0 {
                chi += (count - expected).powi(2) / expected;
            }
        }
    }
    Some((chi / (total * (least - 1) as f64)).sqrt())
}

impl OtherAttribute {
    /// Whether its labels go together with those of the axis.
    pub fn confounded(&self) -> bool {
        self.cramers_v.is_some_and(|v| v > CONFOUNDED)
    }
}

impl Separate {
    pub(super) fn sentence(&self) -> String {
        let values = self.others.iter().flat_map(|other| other.values.iter().map(move |value| (other, value)));
        let most = values.max_by(|a, b| a.1.excess.total_cmp(&b.1.excess));
        let figures = most.map_or_else(String::new, |(other, value)| {
            let [low, high] = value.interval.unwrap_or([f64::NAN; 2]);
            format!(
                "most of all it orders {} = {}, by an AUC of {:.2} where label-matched images have {:.2} (excess {:+.3}, {low:+.3} to \
                 {high:+.3})",
                other.name, value.name, value.auc, value.matched, value.excess
            )
        });
        match (self.answer, &self.reason, figures.is_empty()) {
            (Answer::Yes, ..) => format!("Separate from the other attributes: {figures}."),
            (Answer::No, ..) => format!("Not separate: {figures}."),
            (Answer::Unclear, Some(reason), true) => format!("Unclear whether separate: {reason}."),
            (Answer::Unclear, Some(reason), false) => format!("Unclear whether separate: {reason}; {figures}."),
            (Answer::Unclear, None, _) => format!("Unclear whether separate: {figures}."),
        }
    }
}
