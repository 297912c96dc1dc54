//! The whole pipeline on one page: the order of the stages, what each reads and writes, and what runs it.
//!
//! Help, the cache keys, the runner and the picture in the docs come from [`STAGES`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use latentwalk_artifacts::Artifact;
use latentwalk_cli::Stage;
use latentwalk_images::SourceFile;
use serde_json::Value;

use crate::config::Config;
use crate::progress::Progress;
use crate::stage;

/// Lists the files from outside the store that a stage reads.
pub type Outside = fn(&Config) -> Result<Vec<SourceFile>>;

/// One row of the table.
pub struct StageRow {
    /// The stage, whose result is the artifact of the same name.
    pub stage: Stage,
    /// Raised when the same inputs and parameters give another result.
    pub revision: u32,
    /// Version of the layout of what it writes.
    pub schema: u32,
    /// The artifacts that it reads.
    pub reads: &'static [Stage],
    /// The parameters that it reads: dotted names, a section standing for all its keys.
    pub parameters: &'static [&'static str],
    /// Whether the device is part of the result's identity.
    pub device: bool,
    /// Lists the files from outside the store that are read; their content is part of the result's identity.
    pub outside: Option<Outside>,
    /// Whether a description does without it.
    pub skip: Option<fn(&Config) -> bool>,
    /// The files that it writes.
    pub writes: &'static [&'static str],
    /// Does the work, and returns the figures for the manifest.
    pub run: fn(&Job<'_>) -> Result<Value>,
}

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
    /// Whether an earlier run made it.
    pub reused: bool,
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
}

/// The stages, in the order in which they run.
pub const STAGES: &[StageRow] = &[
    StageRow {
        stage: Stage::Images,
        revision: 1,
        schema: 1,
        reads: &[],
        parameters: &["name", "images", "attributes"],
        device: false,
        outside: Some(|config| Ok(latentwalk_images::files(&config.images, &config.origin)?)),
        skip: None,
        writes: &["dataset.json", "items.jsonl", "pixels.u8", "skipped.jsonl"],
        run: stage::images::run,
    },
    StageRow {
        stage: Stage::Features,
        revision: 1,
        schema: 1,
        reads: &[Stage::Images],
        parameters: &["backbone.arch", "backbone.preprocess", "backbone.fc", "backbone.trainable", "backbone.seed"],
        device: true,
        outside: Some(stage::backbone::files),
        skip: Some(|config| config.features().is_none()),
        writes: &["TAP.parquet"],
        run: stage::features::run,
    },
    StageRow {
        stage: Stage::Backbone,
        revision: 1,
        schema: 1,
        reads: &[Stage::Images, Stage::Features],
        parameters: &["augment", "backbone"],
        device: true,
        outside: Some(stage::backbone::files),
        skip: Some(|config| config.vectors().is_some()),
        writes: &["model.safetensors", "network.json", "history.json", "evaluation.json"],
        run: stage::backbone::run,
    },
    StageRow {
        stage: Stage::Embeddings,
        revision: 1,
        schema: 1,
        reads: &[Stage::Images, Stage::Features, Stage::Backbone],
        parameters: &["embeddings"],
        device: true,
        outside: Some(stage::embeddings::files),
        skip: None,
        writes: &["TAP.parquet", "columns.parquet"],
        run: stage::embeddings::run,
    },
    StageRow {
        stage: Stage::Decomposition,
        revision: 1,
        schema: 1,
        reads: &[Stage::Embeddings],
        parameters: &["decomposition"],
        device: false,
        outside: None,
        skip: None,
        writes: &["pca.safetensors", "pca.json", "coordinates.parquet"],
        run: stage::decomposition::run,
    },
    StageRow {
        stage: Stage::Probe,
        revision: 1,
        schema: 1,
        reads: &[Stage::Images, Stage::Decomposition],
        parameters: &["probe"],
        device: false,
        outside: None,
        skip: None,
        writes: &["directions.safetensors", "directions.json", "ATTRIBUTE.npy", "ATTRIBUTE.embedding.npy"],
        run: stage::probe::run,
    },
    StageRow {
        stage: Stage::Null,
        revision: 1,
        schema: 1,
        reads: &[Stage::Images, Stage::Decomposition, Stage::Probe],
        parameters: &["null", "probe"],
        device: false,
        outside: None,
        skip: None,
        writes: &["null.json"],
        run: stage::null::run,
    },
    StageRow {
        stage: Stage::Metrics,
        revision: 1,
        schema: 1,
        reads: &[Stage::Images, Stage::Decomposition, Stage::Probe],
        parameters: &["metrics", "pool", "walks.stops", "walks.placing"],
        device: false,
        outside: None,
        skip: None,
        writes: &["metrics.json"],
        run: stage::metrics::run,
    },
    StageRow {
        stage: Stage::Index,
        revision: 1,
        schema: 1,
        reads: &[Stage::Images, Stage::Decomposition, Stage::Probe, Stage::Metrics],
        parameters: &["index", "pool", "walks.stops", "walks.placing", "walks.start_split"],
        device: false,
        outside: None,
        skip: None,
        writes: &["ATTRIBUTE/"],
        run: stage::index::run,
    },
    StageRow {
        stage: Stage::Walks,
        revision: 1,
        schema: 1,
        reads: &[Stage::Images, Stage::Decomposition, Stage::Probe, Stage::Metrics, Stage::Index],
        parameters: &["walks", "pool", "index.ef"],
        device: false,
        outside: None,
        skip: None,
        writes: &["walks.json"],
        run: stage::walks::run,
    },
    StageRow {
        stage: Stage::Report,
        revision: 1,
        schema: 1,
        reads: &[
            Stage::Images,
            Stage::Backbone,
            Stage::Embeddings,
            Stage::Decomposition,
            Stage::Probe,
            Stage::Null,
            Stage::Metrics,
            Stage::Index,
            Stage::Walks,
        ],
        parameters: &["report", "name"],
        device: false,
        outside: None,
        skip: None,
        writes: &["report.html"],
        run: stage::report::run,
    },
];

/// The row of a stage.
pub fn row(stage: Stage) -> &'static StageRow {
    &STAGES[Stage::all().iter().position(|&s| s == stage).unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_lists_every_stage_once_in_the_order_of_the_commands() {
        let stages: Vec<_> = STAGES.iter().map(|r| r.stage).collect();
        assert_eq!(stages, Stage::all());
    }

    #[test]
    fn nothing_is_read_before_it_is_written() {
        let mut written = BTreeSet::new();
        for row in STAGES {
            assert!(row.reads.iter().all(|s| written.contains(s)), "{} reads what no earlier row writes", row.stage);
            assert!(written.insert(row.stage));
        }
    }

    #[test]
    fn every_file_has_one_writer() {
        for row in STAGES {
            let files: BTreeSet<_> = row.writes.iter().collect();
            assert!(!files.is_empty() && files.len() == row.writes.len(), "{}", row.stage);
        }
    }

    #[test]
    fn every_parameter_of_the_table_exists_and_every_section_is_read() {
        let config = crate::config::Config::load(&latentwalk_cli::DescriptionArgs {
            // With the keys that are left out of descriptions that do not use them.
            set: vec!["backbone.weights=w.pth".to_owned(), "backbone.trainable=heads".to_owned()],
            ..Default::default()
        })
        .expect("the built-in description loads");
        let all = config.parameters().expect("parameters");
        let covers = |name: &str, key: &str| key == name || key.strip_prefix(name).is_some_and(|r| r.starts_with('.'));
        let named: Vec<&str> = STAGES.iter().flat_map(|r| r.parameters.iter().copied()).collect();
        for name in &named {
            assert!(all.keys().any(|key| covers(name, key)), "no key `{name}`");
        }
        for key in all.keys() {
            assert!(named.iter().any(|name| covers(name, key)), "no stage reads `{key}`");
        }
    }
}
