//! The runs of an experiment, and a job over their artifacts.

use anyhow::{Context, Result};
use latentwalk_artifacts::Store;
use latentwalk_cli::{DescriptionArgs, Stage};

use super::file::Experiment;
use crate::config::Config;
use crate::progress::Console;
use crate::runner::{self, Order, Run};
use crate::stages::{Job, RunFacts};

/// What all trials share.
pub(super) struct Laboratory<'a> {
    pub(super) store: &'a Store,
    pub(super) device: &'a str,
    pub(super) command: &'a str,
    pub(super) console: &'a Console,
}

/// One run of the pipeline as far as a study needs it.
pub(super) struct Trial<'a> {
    laboratory: &'a Laboratory<'a>,
    pub(super) config: Config,
    run: Run,
}

impl<'a> Laboratory<'a> {
    /// Runs the experiment's description with a seed and further changes, up to a stage.
    pub(super) fn trial(
        &'a self,
        experiment: &Experiment,
        seed: u64,
        changes: &[&str],
        until: Stage,
    ) -> Result<Trial<'a>> {
        let mut set = experiment.set.clone();
        set.push(format!("seed={seed}"));
        set.extend(changes.iter().map(|&change| change.to_owned()));
        let description = Some(experiment.description.clone());
        let args = DescriptionArgs { description, set, ..DescriptionArgs::default() };
        let config = Config::load(&args)?;
        let order =
            Order { config: &config, device: self.device, from: None, until: Some(until), command: self.command };
        let run = runner::stages(&order, self.store, self.console)?;
        Ok(Trial { laboratory: self, config, run })
    }

    /// The seed that the first, or the only, run has.
    pub(super) fn first_seed(experiment: &Experiment) -> Result<u64> {
        experiment.seeds.first().copied().context("`seeds` is empty")
    }
}

impl Trial<'_> {
    /// Calls `work` with a job over the run's artifacts, as if a further stage ran.
    pub(super) fn job<T>(&self, label: &str, work: impl FnOnce(&Job<'_>) -> Result<T>) -> Result<T> {
        let progress = self.laboratory.console.start(label);
        // A study writes nothing into the store: its results are its page.
        let nowhere = std::path::Path::new("");
        let facts = RunFacts {
            command: self.laboratory.command.to_owned(),
            tool: runner::TOOL.to_owned(),
            stages: self.run.facts.clone(),
        };
        work(&Job {
            config: &self.config,
            device: self.laboratory.device,
            inputs: &self.run.artifacts,
            out: nowhere,
            partial: nowhere,
            progress: &progress,
            run: &facts,
        })
    }
}
