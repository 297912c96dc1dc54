//! What a stage is given to do its work, and what a report says about the run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use latentwalk_artifacts::Artifact;
use latentwalk_cli::Stage;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;
use crate::progress::Progress;

/// What a stage is given.
pub struct Job<'a> {
    /// The resolved description.
    pub config: &'a Config,
    /// The device's name.
    pub device: &'a str,
    /// The artifacts of the stages that it reads.
    pub inputs: &'a BTreeMap<Stage, Artifact>,
    /// An empty folder that becomes the artifact.
    pub out: &'a Path,
    /// A folder that survives a kill, for work that can be resumed.
    pub partial: &'a Path,
    /// The display.
    pub progress: &'a Progress,
    /// Facts about this run, for the report's footer.
    pub run: &'a RunFacts,
}

/// What the report says about the run that made it.
#[derive(Debug, Clone)]
pub struct RunFacts {
    /// The command as typed.
    pub command: String,
    /// Name and version of the tool.
    pub tool: String,
    /// Keys and durations of the stages so far, in order.
    pub stages: Vec<StageFact>,
}

/// One stage of the run.
#[derive(Debug, Clone)]
pub struct StageFact {
    /// Its name.
    pub name: &'static str,
    /// Its artifact's key.
    pub key: String,
    /// Seconds that making it took, in this run or an earlier one.
    pub seconds: f64,
    /// Why this run made it; `None` where an earlier run did.
    pub reason: Option<String>,
}

impl Job<'_> {
    /// A file of an input artifact.
    ///
    /// # Errors
    /// The stage is no input of this one, or the file is not in its artifact.
    pub fn input(&self, stage: Stage, file: &str) -> Result<PathBuf> {
        Ok(self.artifact(stage)?.file(file)?)
    }

    /// The folder of an input artifact.
    ///
    /// # Errors
    /// The stage is no input of this one.
    pub fn folder(&self, stage: Stage) -> Result<&Path> {
        Ok(self.artifact(stage)?.dir())
    }

    /// An input artifact.
    ///
    /// # Errors
    /// The stage is no input of this one.
    pub fn artifact(&self, stage: Stage) -> Result<&Artifact> {
        self.inputs.get(&stage).with_context(|| format!("the stage table does not let this stage read `{stage}`"))
    }

    /// Reads a JSON file of an input artifact.
    ///
    /// # Errors
    /// As [`Job::input`], and a file that cannot be read or is none of ours.
    pub fn read_json<T: DeserializeOwned>(&self, stage: Stage, file: &str) -> Result<T> {
        let path = self.input(stage, file)?;
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
    }

    /// Writes a JSON file of the artifact that is being made.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_json(&self, file: &str, value: &impl Serialize) -> Result<()> {
        let path = self.out.join(file);
        fs::write(&path, serde_json::to_vec(value)?).with_context(|| format!("cannot write {}", path.display()))
    }
}
