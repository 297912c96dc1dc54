//! The whole pipeline on one page: the order of the stages, what each reads and writes, and what runs it.
//!
//! Help, the cache keys, the runner and the picture in the docs come from [`STAGES`].

use anyhow::Result;
use latentwalk_cli::Stage;
use latentwalk_images::SourceFile;
use serde_json::Value;

use crate::config::Config;
use crate::job::Job;
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

/// The stages, in the order in which they run.
pub const STAGES: &[StageRow] = &[
    StageRow {
        stage: Stage::Images,
        revision: 2,
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
        outside: Some(stage::given::files),
        skip: None,
        writes: &["TAP.parquet", "columns.parquet"],
        run: stage::embeddings::run,
    },
    StageRow {
        stage: Stage::Decomposition,
        revision: 2,
        schema: 2,
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
        revision: 2,
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
        revision: 3,
        schema: 2,
        reads: &[Stage::Images, Stage::Decomposition, Stage::Probe, Stage::Metrics],
        parameters: &["index", "pool", "walks.search", "walks.stops", "walks.placing", "walks.start_split"],
        device: false,
        outside: None,
        skip: None,
        writes: &["indexes.json", "ATTRIBUTE/"],
        run: stage::index::run,
    },
    StageRow {
        stage: Stage::Walks,
        revision: 2,
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
        stage: Stage::Toward,
        revision: 3,
        schema: 1,
        reads: &[Stage::Images, Stage::Decomposition, Stage::Probe],
        parameters: &["toward", "pool"],
        device: false,
        outside: None,
        skip: None,
        writes: &["toward.json"],
        run: stage::toward::run,
    },
    StageRow {
        stage: Stage::Baselines,
        revision: 3,
        schema: 1,
        reads: &[Stage::Images, Stage::Backbone, Stage::Decomposition],
        parameters: &["baselines", "backbone.seed", "decomposition.tap"],
        device: true,
        outside: None,
        skip: Some(|config| config.baselines.images == 0),
        writes: &["baselines.json", "pixels.parquet", "untrained.parquet"],
        run: stage::baselines::run,
    },
    StageRow {
        stage: Stage::Verdicts,
        revision: 2,
        schema: 1,
        reads: &[Stage::Images, Stage::Backbone, Stage::Decomposition, Stage::Probe, Stage::Baselines],
        parameters: &["verdicts", "probe"],
        device: false,
        outside: None,
        skip: None,
        writes: &["verdicts.json"],
        run: stage::verdicts::run,
    },
    StageRow {
        stage: Stage::Report,
        revision: 5,
        schema: 2,
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
            Stage::Toward,
            Stage::Verdicts,
        ],
        parameters: &["report", "name"],
        device: false,
        outside: None,
        skip: None,
        writes: &["report.html", "figures/"],
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
