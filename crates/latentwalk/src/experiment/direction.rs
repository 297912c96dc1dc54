//! Study `direction`: the directions of some attributes, where their classes lie along them, and strips of walks.

use anyhow::Result;
use latentwalk_cli::Stage;
use latentwalk_run::read_walks;

use super::attribute_result::AttributeResult;
use super::file::Experiment;
use super::outcome::Outcome;
use super::trial::Trials;
use crate::stage::inputs;

pub(super) fn run(experiment: &Experiment, trials: &Trials<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for &seed in &experiment.seeds {
        let first = experiment.first_seed()? == seed;
        let trial = trials.trial(experiment, seed, &[], Stage::Walks)?;
        trial.job("directions", |job| {
            let (data, all) = (inputs::walk_data(job)?, read_walks(job.folder(Stage::Walks)?)?);
            for attribute in &experiment.attributes {
                let result = AttributeResult::new(job, &data, &all, attribute)?;
                let prefix = if first { attribute.clone() } else { format!("{attribute}, seed {seed}") };
                result.figures(&prefix, &mut outcome.figures);
                if first {
                    result.show(&experiment.name, &mut outcome)?;
                }
            }
            Ok(())
        })?;
    }
    Ok(outcome)
}
