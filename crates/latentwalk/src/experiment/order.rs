//! Study `order`: in which order a nominal attribute's classes stand along its direction, over many probes and networks.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use latentwalk_cli::Stage;
use latentwalk_probe::ProbeOptions;
use latentwalk_run::read_walks;
use rayon::prelude::*;

use super::attribute_result::{AttributeResult, mean_pair_auc};
use super::file::Experiment;
use super::outcome::Outcome;
use super::page::decimal;
use super::trial::Trials;
use crate::job::Job;
use crate::stage::inputs;

pub(super) fn run(experiment: &Experiment, trials: &Trials<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let attribute = &experiment.attributes[0];
    let mut networks = Vec::new();
    for &seed in &experiment.seeds {
        let first = experiment.first_seed()? == seed;
        let until = if first { Stage::Walks } else { Stage::Decomposition };
        let trial = trials.trial(experiment, seed, &[], until)?;
        if first {
            trial.job("direction", |job| {
                let (data, all) = (inputs::walk_data(job)?, read_walks(job.folder(Stage::Walks)?)?);
                let result = AttributeResult::new(job, &data, &all, attribute)?;
                result.figures(attribute, &mut outcome.figures);
                result.show(&experiment.name, &mut outcome)
            })?;
        }
        networks.push((seed, trial.job("probes", |job| probes(job, experiment, attribute))?));
    }
    tell(experiment, &networks, &mut outcome);
    Ok(outcome)
}

/// One probe: its classes from low to high, and how well they come apart.
struct Probe {
    order: Vec<String>,
    auc: f64,
}

/// As many probes as the experiment asks for, on one network.
fn probes(job: &Job<'_>, experiment: &Experiment, attribute: &str) -> Result<Vec<Probe>> {
    let points = inputs::points(job)?;
    let attributes = inputs::attributes(job, &points.dataset)?;
    let labels = attributes.iter().find(|labels| labels.name == attribute);
    let labels = labels.with_context(|| format!("the run has no attribute `{attribute}`"))?;
    let task = labels.task(&points);
    let fit = |seed: u64| {
        let options = ProbeOptions { seed, ..job.config.probe.options.clone() };
        let direction = latentwalk_probe::fit(&task, &options, &|_, _| {})?;
        let order = direction.found_order.iter().map(|&class| labels.classes[class as usize].clone()).collect();
        Ok(Probe { order, auc: mean_pair_auc(&direction) })
    };
    (1..=experiment.probes).into_par_iter().map(fit).collect()
}

/// The order of the classes that are asked about; turned round where the first of them stands above the last.
fn asked(order: &[String], asked: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = order.iter().filter(|class| asked.contains(class)).cloned().collect();
    let place = |class: Option<&String>| kept.iter().position(|known| Some(known) == class);
    if place(asked.first()) > place(asked.last()) {
        kept.reverse();
    }
    kept
}

fn tell(experiment: &Experiment, networks: &[(u64, Vec<Probe>)], outcome: &mut Outcome) {
    let wanted = &experiment.order;
    let chance = 2.0 / (1..=wanted.len()).product::<usize>() as f64;
    let body = &mut outcome.body;
    body.heading(&format!("Is the order {} found?", wanted.join(", ")));
    body.paragraph(&format!(
        "{} probes on each of {} networks, none told of an order. By chance, up to the sign of the axis, {} classes stand in a \
         given order in a share of {} of all cases.",
        experiment.probes,
        networks.len(),
        wanted.len(),
        decimal(chance)
    ));
    let mut rows = Vec::new();
    let mut all = (0, 0);
    for (seed, probes) in networks {
        let orders: Vec<Vec<String>> = probes.iter().map(|probe| asked(&probe.order, wanted)).collect();
        let hits = orders.iter().filter(|order| *order == wanted).count();
        all = (all.0 + hits, all.1 + probes.len());
        let mut tally: BTreeMap<&[String], usize> = BTreeMap::new();
        orders.iter().for_each(|order| *tally.entry(order).or_default() += 1);
        let mut tally: Vec<(&[String], usize)> = tally.into_iter().collect();
        tally.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let frequent: Vec<String> =
            tally.iter().take(3).map(|(order, count)| format!("{} ({count})", order.join(" < "))).collect();
        let auc = probes.iter().map(|probe| probe.auc).sum::<f64>() / probes.len() as f64;
        rows.push(vec![
            format!("seed {seed}"),
            format!("{hits} of {}", probes.len()),
            tally.len().to_string(),
            decimal(auc),
            frequent.join("; "),
        ]);
        outcome
            .figures
            .push((format!("network {seed}: share of probes in the order"), hits as f64 / probes.len() as f64));
        outcome.figures.push((format!("network {seed}: mean AUC over pairs of classes"), auc));
    }
    let body = &mut outcome.body;
    body.table(&["network", "in the order", "different orders", "mean pair AUC", "most frequent"], &rows);
    outcome.figures.push(("share of all probes in the order".to_owned(), all.0 as f64 / all.1.max(1) as f64));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_counts_up_to_the_sign_of_the_axis() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let wanted = words("solid striped floral plaid");
        assert_eq!(asked(&words("plaid dotted floral striped solid"), &wanted), wanted);
        assert_eq!(asked(&words("solid striped dotted floral plaid"), &wanted), wanted);
        assert_eq!(asked(&words("plaid solid striped floral"), &wanted), words("floral striped solid plaid"));
    }
}
