//! The runs of an experiment, and a job over their artifacts.

use anyhow::Result;
use latentwalk_artifacts::Store;
use latentwalk_cli::{DescriptionArgs, Stage};

use super::file::Experiment;
use crate::config::Config;
use crate::job::{Job, RunFacts};
use crate::progress::Console;
use crate::runner::{self, RunRequest, StageResults};
use crate::weights;

/// What all trials share.
pub(crate) struct Trials<'a> {
    pub(crate) store: &'a Store,
    pub(crate) device: &'a str,
    pub(crate) command: &'a str,
    pub(crate) console: &'a Console,
}

/// One run of the pipeline as far as a study needs it.
pub(super) struct Trial<'a> {
    trials: &'a Trials<'a>,
    pub(super) config: Config,
    results: StageResults,
}

impl<'a> Trials<'a> {
    /// Names of the attributes of the experiment's description.
    pub(super) fn attributes(&self, experiment: &Experiment) -> Result<Vec<String>> {
        let config = self.config(experiment, experiment.first_seed()?, &[])?;
        Ok(config.images.attributes.0.iter().map(|attribute| attribute.name.clone()).collect())
    }

    fn config(&self, experiment: &Experiment, seed: u64, changes: &[&str]) -> Result<Config> {
        let mut set = experiment.set.clone();
        set.push(format!("seed={seed}"));
        set.extend(changes.iter().map(|&change| change.to_owned()));
        let description = Some(experiment.description.clone());
        weights::load(&DescriptionArgs { description, set, ..DescriptionArgs::default() }, self.console)
    }

    /// Runs the experiment's description with a seed and further changes, up to a stage.
    pub(super) fn trial(
        &'a self,
        experiment: &Experiment,
        seed: u64,
        changes: &[&str],
        until: Stage,
    ) -> Result<Trial<'a>> {
        let config = self.config(experiment, seed, changes)?;
        let request =
            RunRequest { config: &config, device: self.device, from: None, until: Some(until), command: self.command };
        let results = runner::stages(&request, self.store, self.console)?;
        Ok(Trial { trials: self, config, results })
    }
}

impl Trial<'_> {
    /// Calls `work` with a job over the run's artifacts, as if a further stage ran.
    pub(super) fn job<T>(&self, label: &str, work: impl FnOnce(&Job<'_>) -> Result<T>) -> Result<T> {
        let progress = self.trials.console.start(label);
        // A study writes nothing into the store: its results are its page.
        let nowhere = std::path::Path::new("");
        let facts = RunFacts {
            command: self.trials.command.to_owned(),
            tool: runner::TOOL.to_owned(),
            stages: self.results.facts.clone(),
        };
        work(&Job {
            config: &self.config,
            device: self.trials.device,
            inputs: &self.results.artifacts,
            out: nowhere,
            partial: nowhere,
            progress: &progress,
            run: &facts,
        })
    }
}
