//! Study `left-out`: is an attribute readable in a network that was never asked about it?

use anyhow::{Context, Result};
use latentwalk_arithmetic::{ascending, median};
use latentwalk_cli::Stage;
use latentwalk_probe::verdict::{Card, Exists};
use latentwalk_run::{PIXELS, UNTRAINED, read_verdicts};

use super::file::Experiment;
use super::outcome::Outcome;
use super::page::decimal;
use super::trial::Trials;

/// One attribute in one pair of networks.
struct Found {
    attribute: String,
    seed: u64,
    /// In the network that has a head for it.
    asked: Exists,
    /// In the network that has none.
    left_out: Card,
}

pub(super) fn run(experiment: &Experiment, trials: &Trials<'_>) -> Result<Outcome> {
    let probed = format!("probe.attributes={:?}", experiment.attributes);
    let cards = |seed: u64, changes: &[&str]| -> Result<Vec<Card>> {
        let trial = trials.trial(experiment, seed, changes, Stage::Verdicts)?;
        trial.job("verdicts", |job| Ok(read_verdicts(job.folder(Stage::Verdicts)?)?))
    };
    let mut found = Vec::new();
    for &seed in &experiment.seeds {
        let all = cards(seed, &[&probed])?;
        for (heads, attributes) in left_out(experiment, trials)? {
            let without = cards(seed, &[&probed, &format!("backbone.heads={heads:?}")])?;
            for attribute in attributes {
                found.push(Found {
                    asked: of(&all, &attribute)?.exists.clone(),
                    left_out: of(&without, &attribute)?.clone(),
                    attribute,
                    seed,
                });
            }
        }
    }
    let mut outcome = Outcome::default();
    tell(experiment, &found, &mut outcome);
    Ok(outcome)
}

fn of<'a>(cards: &'a [Card], attribute: &str) -> Result<&'a Card> {
    let card = cards.iter().find(|card| card.attribute == attribute);
    card.with_context(|| format!("the run has no verdicts on `{attribute}`"))
}

/// The heads that stay, and the attributes that are looked at in their network.
fn left_out(experiment: &Experiment, trials: &Trials<'_>) -> Result<Vec<(Vec<String>, Vec<String>)>> {
    if !experiment.heads.is_empty() {
        return Ok(vec![(experiment.heads.clone(), experiment.attributes.clone())]);
    }
    let all = trials.attributes(experiment)?;
    let without = |attribute: &String| all.iter().filter(|name| *name != attribute).cloned().collect();
    Ok(experiment.attributes.iter().map(|attribute| (without(attribute), vec![attribute.clone()])).collect())
}

fn tell(experiment: &Experiment, found: &[Found], outcome: &mut Outcome) {
    outcome.body.heading("Asked about, left out, untrained, pixels");
    outcome.body.paragraph(
        "AUC: the mean over pairs of values along the pair's linear discriminant, fitted on train images, of test images. *Asked*: \
         a network with a head for the attribute. *Left out*: the same recipe and seed without that head. *Untrained*: that \
         network before its first step. *Advantage*: left out, less the better of the last two, with its 95 % interval over \
         groups of test images.",
    );
    let reached = |exists: &Exists, name: &str| exists.baselines.iter().find(|b| b.name == name).map(|b| b.auc);
    let share = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), decimal);
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|f| {
            let exists = &f.left_out.exists;
            let interval =
                exists.advantage_interval.map_or_else(String::new, |[low, high]| format!("{low:+.3} to {high:+.3}"));
            vec![
                f.attribute.clone(),
                f.seed.to_string(),
                share(f.asked.auc),
                share(exists.auc),
                share(reached(exists, UNTRAINED)),
                share(reached(exists, PIXELS)),
                exists.advantage.map_or_else(|| "–".to_owned(), |a| format!("{a:+.3}")),
                interval,
                exists.answer.name().to_owned(),
            ]
        })
        .collect();
    let head = [
        "attribute",
        "seed",
        "asked",
        "left out",
        "untrained",
        "raw pixels",
        "advantage",
        "interval",
        "readable better than without training",
    ];
    outcome.body.table(&head, &rows);
    outcome.body.heading("The other verdicts where it was left out");
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|f| {
            let findings = f.left_out.findings();
            let answers = findings.iter().skip(1).map(|finding| finding.answer.name().to_owned());
            [f.attribute.clone(), f.seed.to_string()].into_iter().chain(answers).collect()
        })
        .collect();
    outcome.body.table(&["attribute", "seed", "ordered", "one axis", "stable", "separate"], &rows);
    for attribute in &experiment.attributes {
        let of = || found.iter().filter(|f| f.attribute == *attribute);
        let mut add = |name: &str, values: Vec<f64>| {
            if let Some(value) = median(&ascending(values)) {
                outcome.figures.push((format!("{attribute}: {name}"), value));
            }
        };
        add("AUC, asked", of().filter_map(|f| f.asked.auc).collect());
        add("AUC, left out", of().filter_map(|f| f.left_out.exists.auc).collect());
        add("advantage, left out", of().filter_map(|f| f.left_out.exists.advantage).collect());
    }
}
