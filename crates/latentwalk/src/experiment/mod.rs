//! Named experiments: a question, the runs that answer it, and figures that must stay where they were found.
//!
//! Each experiment is one TOML file that travels inside the binary: which description, which seeds, which study, and every
//! expected figure with its tolerance. A study trains what the store does not hold yet and computes its figures from the
//! artifacts.

mod attribute_result;
mod calibration;
mod cases;
mod direction;
mod file;
mod layers;
mod left_out;
mod order;
mod outcome;
pub(crate) mod page;
mod preservation;
mod trial;
mod variance;
mod ways;

use anyhow::Result;

pub(crate) use attribute_result::mean_pair_auc;
use file::Study;
pub(crate) use file::{BUILT_IN, Experiment};
use outcome::Outcome;
pub(crate) use trial::Trials;

/// Runs an experiment's study.
///
/// # Errors
/// A run that fails, an attribute that the run does not have.
pub(crate) fn study(experiment: &Experiment, trials: &Trials<'_>) -> Result<Outcome> {
    match experiment.study {
        Study::Direction => direction::run(experiment, trials),
        Study::Order => order::run(experiment, trials),
        Study::Variance => variance::run(experiment, trials),
        Study::Layers => layers::run(experiment, trials),
        Study::Calibration => calibration::run(experiment),
        Study::LeftOut => left_out::run(experiment, trials),
        Study::Preservation => preservation::run(experiment, trials),
    }
}
