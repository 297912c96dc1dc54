//! Against numpy and scipy: `fixtures/golden/probe/make.py` and `fixtures/golden/lines/make.py` made the values.

#![allow(clippy::unwrap_used)]

use latentwalk_arithmetic::{ascending, quantile, spearman};
use latentwalk_testing::fixture_text;
use serde_json::Value;

/// A sum of some ninety numbers in another order than ours.
const ATOL: f64 = 1e-12;

fn golden(name: &str) -> Value {
    serde_json::from_str(&fixture_text(&format!("golden/{name}/golden.json"))).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[track_caller]
fn near(got: Option<f64>, expected: f64) {
    assert!((got.unwrap() - expected).abs() < ATOL, "{got:?} {expected}");
}

#[test]
fn quantiles_of_classes_are_numpys() {
    let golden = &golden("probe")["statistics"];
    let (scores, classes) = (numbers(&golden["scores"]), numbers(&golden["y"]));
    for (class, expected) in golden["quantiles"].as_array().unwrap().iter().enumerate() {
        let members = scores.iter().zip(&classes).filter(|&(_, &y)| y == class as f64);
        let sorted = ascending(members.map(|(&score, _)| score));
        for (q, expected) in [0.05, 0.25, 0.5, 0.75, 0.95].into_iter().zip(numbers(expected)) {
            near(quantile(&sorted, q), expected);
        }
    }
}

#[test]
fn quantiles_of_positions_are_numpys() {
    let golden = golden("lines");
    let positions = ascending(numbers(&golden["positions"]));
    for (q, expected) in [0.01, 0.25, 0.5, 0.9].into_iter().zip(numbers(&golden["quantiles"])) {
        near(quantile(&positions, q), expected);
    }
}

#[test]
fn correlations_are_scipys() {
    let scores = &golden("probe")["statistics"];
    near(spearman(&numbers(&scores["scores"]), &numbers(&scores["y"])), scores["spearman"].as_f64().unwrap());
    let strips = golden("lines")["spearman"].take();
    for strip in strips.as_array().unwrap() {
        let ranks = numbers(&strip["ranks"]);
        let stops: Vec<f64> = (0..ranks.len()).map(|stop| stop as f64).collect();
        near(spearman(&stops, &ranks), strip["value"].as_f64().unwrap());
    }
}
