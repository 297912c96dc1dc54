//! From the rounds' figures to a row: medians, ratios, the table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use latentwalk_arithmetic::ascending;
use serde_json::{Value, json};

/// Which of two figures is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    /// Images per second.
    Higher,
    /// Memory.
    Lower,
}

impl Better {
    /// Above 1 where ours is better.
    fn ratio(self, ours: f64, peer: f64) -> f64 {
        match self {
            Better::Higher => ours / peer,
            Better::Lower => peer / ours,
        }
    }
}

/// What was measured for one row, a figure a round.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    pub(crate) ours: Vec<f64>,
    pub(crate) peers: BTreeMap<String, Vec<f64>>,
    /// Operations per second of plain products.
    pub(crate) products: BTreeMap<String, Vec<f64>>,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    work: &'static str,
    ours: Option<f64>,
    peers: BTreeMap<String, f64>,
    best: Option<String>,
    ratio_to_best: Option<f64>,
    bound_share: Option<f64>,
    spread: Option<[f64; 2]>,
    note: Option<String>,
}

impl Row {
    /// A row that this machine or build cannot do.
    pub(crate) fn without(work: &'static str, note: String) -> Self {
        let (peers, note) = (BTreeMap::new(), Some(note));
        Row { work, ours: None, peers, best: None, ratio_to_best: None, bound_share: None, spread: None, note }
    }

    /// The row as `--json` writes it.
    pub(crate) fn json(&self) -> Value {
        let mut value = json!({
            "work": self.work,
            "ours": self.ours.map(short),
            "peers": self.peers.iter().map(|(name, &v)| (name.clone(), short(v))).collect::<BTreeMap<_, _>>(),
            "ratio_to_best": self.ratio_to_best.map(short),
            "bound_share": self.bound_share.map(short),
            "spread": self.spread.map(|pair| pair.map(short)),
        });
        if let Some(note) = &self.note {
            value["note"] = json!(note);
        }
        value
    }
}

/// A row from its rounds: medians, the ratio to the best peer within each round, the share of the best plain product.
pub(crate) fn row(work: &'static str, better: Better, rounds: &Rounds, flop: Option<f64>) -> Row {
    let best = best(better, &rounds.peers);
    let mut ratios: Vec<f64> = best.map_or(Vec::new(), |(_, peer)| {
        rounds.ours.iter().zip(peer).map(|(&ours, &peer)| better.ratio(ours, peer)).collect()
    });
    ratios.sort_by(f64::total_cmp);
    let product = flop.zip(self::best(Better::Higher, &rounds.products));
    let shares = product.map(|(flop, (_, bound))| rounds.ours.iter().zip(bound).map(|(o, b)| o * flop / b).collect());
    Row {
        work,
        ours: median(&rounds.ours),
        peers: rounds.peers.iter().filter_map(|(name, values)| Some((name.clone(), median(values)?))).collect(),
        best: best.map(|(name, _)| name.to_owned()),
        ratio_to_best: median(&ratios),
        bound_share: shares.and_then(|shares: Vec<f64>| median(&shares)),
        spread: ratios.first().zip(ratios.last()).map(|(&min, &max)| [min, max]),
        note: None,
    }
}

/// The series with the best median.
fn best(better: Better, series: &BTreeMap<String, Vec<f64>>) -> Option<(&str, &[f64])> {
    let medians = series.iter().filter_map(|(name, values)| Some((name, values, median(values)?)));
    let best = medians.max_by(|(_, _, a), (_, _, b)| match better {
        Better::Higher => a.total_cmp(b),
        Better::Lower => b.total_cmp(a),
    });
    best.map(|(name, values, _)| (name.as_str(), values.as_slice()))
}

fn median(values: &[f64]) -> Option<f64> {
    latentwalk_arithmetic::median(&ascending(values.iter().copied()))
}

/// Three decimals: more than any clock is worth.
fn short(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// The rows for a terminal.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = format!("\n{:<24}{:>9}  {:<26}{:>7}  {:<14}", "work", "ours", "best peer", "ratio", "spread");
    text += &format!("{:>9}  others\n", "of bound");
    for row in rows {
        text += &line(row);
    }
    text + "\nimages a second; memory in MB. A ratio above 1 says that ours is better, for memory too.\n"
}

fn line(row: &Row) -> String {
    let mut text = format!("{:<24}", row.work);
    let Some(ours) = row.ours else {
        let _ = writeln!(text, "{:>9}  {}", "-", row.note.as_deref().unwrap_or_default());
        return text;
    };
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let best = row.best.as_ref().and_then(|name| Some(format!("{:.1} {name}", row.peers.get(name)?)));
    let ratio = row.ratio_to_best.map(|ratio| format!("{ratio:.2}"));
    let spread = row.spread.map(|[min, max]| format!("{min:.2} to {max:.2}"));
    let share = row.bound_share.map(|share| format!("{share:.2}"));
    let _ = write!(text, "{ours:>9.1}  {:<26}{:>7}  {:<14}", or_dash(best), or_dash(ratio), or_dash(spread));
    let others = row.peers.iter().filter(|(name, _)| Some(*name) != row.best.as_ref());
    let others: Vec<String> = others.map(|(name, value)| format!("{value:.1} {name}")).collect();
    let _ = write!(text, "{:>9}  {}", or_dash(share), others.join(", "));
    text.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn series(pairs: &[(&str, &[f64])]) -> BTreeMap<String, Vec<f64>> {
        pairs.iter().map(|(name, values)| ((*name).to_owned(), values.to_vec())).collect()
    }

    #[test]
    fn ratios_are_taken_within_rounds_to_the_best_peer() {
        // The machine halves in the second round; the ratio stays.
        let rounds = Rounds {
            ours: vec![20.0, 10.0, 30.0],
            peers: series(&[("fast", &[10.0, 5.0, 10.0]), ("slow", &[1.0, 9.0, 1.0])]),
            products: series(&[("ours", &[100.0, 50.0, 100.0]), ("theirs", &[1.0, 1.0, 1.0])]),
        };
        let row = row("jpeg", Better::Higher, &rounds, Some(2.0));
        assert_eq!(row.best.as_deref(), Some("fast"));
        assert_eq!((row.ours, row.ratio_to_best, row.spread), (Some(20.0), Some(2.0), Some([2.0, 3.0])));
        assert_eq!(row.bound_share, Some(0.4));
    }

    #[test]
    fn memory_is_better_when_it_is_less() {
        let peers = series(&[("lean", &[400.0, 400.0]), ("fat", &[900.0, 900.0])]);
        let rounds = Rounds { ours: vec![100.0, 200.0], peers, ..Default::default() };
        let row = row("memory b32", Better::Lower, &rounds, None);
        assert_eq!((row.best.as_deref(), row.ratio_to_best), (Some("lean"), Some(3.0)));
        assert_eq!((row.ours, row.bound_share, row.spread), (Some(150.0), None, Some([2.0, 4.0])));
    }

    #[test]
    fn json_has_every_key_and_null_where_nothing_ran() {
        let alone = row("jpeg", Better::Higher, &Rounds { ours: vec![1.23456], ..Default::default() }, None);
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&alone.json()), ["bound_share", "ours", "peers", "ratio_to_best", "spread", "work"]);
        assert_eq!(alone.json()["ours"], 1.235);
        assert!(alone.json()["ratio_to_best"].is_null() && alone.json()["spread"].is_null());
        let without = Row::without("extract bf16", "no AMX".to_owned()).json();
        assert!(without["ours"].is_null() && without["note"] == "no AMX" && without["peers"] == json!({}));
    }

    #[test]
    fn the_table_shows_ours_the_best_the_rest_and_why_a_row_is_empty() {
        let peers = series(&[("openvino", &[40.0]), ("pytorch", &[8.0])]);
        let full =
            row("resnet50 f32 224 b8", Better::Higher, &Rounds { ours: vec![20.0], peers, ..Default::default() }, None);
        let text = table(&[full, Row::without("jpeg scaled", "not in this build".to_owned())]);
        let line = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
        let shown = line("resnet50");
        assert!(
            shown.contains("40.0 openvino") && shown.contains("0.50 to 0.50") && shown.ends_with("8.0 pytorch"),
            "{shown}"
        );
        assert!(line("jpeg scaled").ends_with("-  not in this build"));
    }

    #[test]
    fn medians_of_even_and_odd_counts() {
        assert_eq!((median(&[]), median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0])), (None, Some(2.0), Some(2.5)));
    }
}
