//! A finished run, opened part by part.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latentwalk_artifacts::{Artifact, Key, Store};
use latentwalk_backbone::{BackboneDevice, Network, Precision, Tap, multiplies_bf16};
use latentwalk_decomposition::Pca;
use latentwalk_images::{DEFAULT_LIMITS, Dataset, FileDecoding, Limits, Pixels};
use latentwalk_lines::{HnswIndex, Metric, Space};
use latentwalk_probe::Direction;
use latentwalk_probe::verdict::Card;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::files::{AttributeMetrics, AttributeWalks, read_metrics, read_walks};
use crate::indexes::read_index;
use crate::points::Points;
use crate::record::{RunFile, find_run};
use crate::toward::{AttributeToward, read_toward};
use crate::verdicts::read_verdicts;
use crate::walk_data::{Folders, WalkData, WalkPlan};

/// The further columns that came with given vectors, in the vectors' order.
pub const COLUMNS_FILE: &str = "columns.parquet";

/// The file of the embeddings, or the features, that holds the vectors of a layer.
pub fn vectors_file(tap: Tap) -> String {
    format!("{}.parquet", tap.name())
}

/// The stages whose artifacts a run is read from, by their names in the store.
mod stage {
    pub(super) const IMAGES: &str = "images";
    pub(super) const BACKBONE: &str = "backbone";
    pub(super) const EMBEDDINGS: &str = "embeddings";
    pub(super) const DECOMPOSITION: &str = "decomposition";
    pub(super) const PROBE: &str = "probe";
    pub(super) const METRICS: &str = "metrics";
    pub(super) const INDEX: &str = "index";
    pub(super) const WALKS: &str = "walks";
    pub(super) const TOWARD: &str = "toward";
    pub(super) const VERDICTS: &str = "verdicts";
}

/// A finished run of a store.
///
/// Each part is read when it is asked for, so that a run without a network, or one of which the store has lost a part, gives what
/// it has.
#[derive(Debug, Clone)]
pub struct Run {
    store: Store,
    record: RunFile,
}

impl Run {
    /// Opens the run with this name, or the latest.
    ///
    /// # Errors
    /// [`Error::NoRun`]; a record that cannot be read.
    pub fn open(store: &Store, name: Option<&str>) -> Result<Self> {
        Ok(Self { store: store.clone(), record: find_run(store, name)? })
    }

    /// What the run's `run.json` says.
    pub fn record(&self) -> &RunFile {
        &self.record
    }

    /// The folder of the store that the run lies in.
    pub fn store_root(&self) -> &Path {
        self.store.root()
    }

    /// The artifact of a stage, by the stage's name.
    ///
    /// # Errors
    /// [`Error::NoResult`] when the run had none or the store has lost it.
    pub fn artifact(&self, stage: &str) -> Result<Artifact> {
        let key = self.record.artifacts.get(stage).and_then(|key| Key::parse(key).ok());
        let none = |why, hint| Error::NoResult { stage: stage.to_owned(), why, hint };
        let key = key.ok_or_else(|| none("its record names none", "run the pipeline to its end"))?;
        self.store.find(stage, &key)?.ok_or_else(|| none("the store has lost it", "run the pipeline again"))
    }

    /// The images: ids, splits, labels.
    ///
    /// # Errors
    /// As [`Run::artifact`], and a file that cannot be read.
    pub fn dataset(&self) -> Result<Dataset> {
        Ok(Dataset::open(self.artifact(stage::IMAGES)?.dir())?)
    }

    /// The packed pixels of the images.
    ///
    /// # Errors
    /// As [`Run::dataset`].
    pub fn pixels(&self, dataset: &Dataset) -> Result<Pixels> {
        Ok(Pixels::open(self.artifact(stage::IMAGES)?.dir(), dataset)?)
    }

    /// The axes.
    ///
    /// # Errors
    /// As [`Run::dataset`].
    pub fn pca(&self) -> Result<Pca> {
        Ok(Pca::load(self.artifact(stage::DECOMPOSITION)?.dir())?)
    }

    /// The images with their coordinates on these axes.
    ///
    /// # Errors
    /// As [`Run::dataset`]; [`Error::Rows`].
    pub fn points(&self) -> Result<Points> {
        Points::read(self.dataset()?, self.artifact(stage::DECOMPOSITION)?.dir())
    }

    /// The directions with their evidence, in declaration order.
    ///
    /// # Errors
    /// As [`Run::dataset`].
    pub fn directions(&self) -> Result<Vec<Direction>> {
        Ok(latentwalk_probe::load(self.artifact(stage::PROBE)?.dir())?.directions)
    }

    /// The direction of an attribute.
    ///
    /// # Errors
    /// As [`Run::directions`]; [`Error::NoDirection`].
    pub fn direction(&self, attribute: &str) -> Result<Direction> {
        let mut directions = self.directions()?;
        match directions.iter().position(|d| d.attribute == attribute) {
            Some(at) => Ok(directions.swap_remove(at)),
            None => Err(Error::NoDirection {
                attribute: attribute.to_owned(),
                known: directions.into_iter().map(|d| d.attribute).collect(),
            }),
        }
    }

    /// The metrics of every attribute.
    ///
    /// # Errors
    /// As [`Run::dataset`].
    pub fn metrics(&self) -> Result<Vec<AttributeMetrics>> {
        read_metrics(self.artifact(stage::METRICS)?.dir())
    }

    /// The metric in which the run walks along an attribute.
    ///
    /// # Errors
    /// As [`Run::metrics`]; [`Error::NoDirection`], [`Error::NoDefaultMetric`].
    pub fn metric(&self, attribute: &str) -> Result<Metric> {
        let all = self.metrics()?;
        let found = all.iter().find(|metrics| metrics.name == attribute).ok_or_else(|| Error::NoDirection {
            attribute: attribute.to_owned(),
            known: all.iter().map(|metrics| metrics.name.clone()).collect(),
        })?;
        Ok(found.default_metric()?.clone())
    }

    /// What walks are made from, with the pool and the stops of the run.
    ///
    /// # Errors
    /// As [`Run::points`] and [`Run::directions`]; [`Error::Parameter`].
    pub fn walk_data(&self) -> Result<WalkData> {
        let [images, decomposition, probe] =
            [stage::IMAGES, stage::DECOMPOSITION, stage::PROBE].map(|stage| self.artifact(stage));
        let (images, decomposition, probe) = (images?, decomposition?, probe?);
        let folders = Folders { images: images.dir(), decomposition: decomposition.dir(), probe: probe.dir() };
        WalkData::read(folders, self.walk_plan()?)
    }

    /// Attributes, pool and stops as the run's description gave them.
    fn walk_plan(&self) -> Result<WalkPlan> {
        let (probe, metrics) = (self.artifact(stage::PROBE)?, self.artifact(stage::METRICS)?);
        Ok(WalkPlan {
            attributes: required(&probe, "probe.attributes")?,
            pool: section(&metrics, "pool")?,
            stops: required(&metrics, "walks.stops")?,
            placing: required(&metrics, "walks.placing")?,
        })
    }

    /// The lines toward every attribute's values, fitted and judged.
    ///
    /// # Errors
    /// [`Error::NoResult`]; a file that cannot be read.
    pub fn toward(&self) -> Result<Vec<AttributeToward>> {
        read_toward(self.artifact(stage::TOWARD)?.dir())
    }

    /// What may be said of each attribute, with the figures behind it.
    ///
    /// # Errors
    /// [`Error::NoResult`]; a file that cannot be read.
    pub fn verdicts(&self) -> Result<Vec<Card>> {
        read_verdicts(self.artifact(stage::VERDICTS)?.dir())
    }

    /// The strips and figures of the run's own walks.
    ///
    /// # Errors
    /// As [`Run::dataset`].
    pub fn walks(&self) -> Result<Vec<AttributeWalks>> {
        read_walks(self.artifact(stage::WALKS)?.dir())
    }

    /// The HNSW index of an attribute, over a space in the metric that the run walks in.
    ///
    /// # Errors
    /// As [`Run::artifact`]; [`Error::NoIndex`] where the run built none in this metric; a space that is not the index's.
    pub fn index(&self, attribute: &str, space: &Space) -> Result<HnswIndex> {
        read_index(self.artifact(stage::INDEX)?.dir(), attribute, space)
    }

    /// The further columns that came in with given vectors; `None` where there are none.
    ///
    /// # Errors
    /// As [`Run::artifact`].
    pub fn carried_columns(&self) -> Result<Option<PathBuf>> {
        let path = self.artifact(stage::EMBEDDINGS)?.dir().join(COLUMNS_FILE);
        Ok(path.is_file().then_some(path))
    }

    /// The network, in the precision of the run's own vectors. Where this processor lacks that, it computes with the same
    /// roundings (bf16), or in 32 bits (tf32).
    ///
    /// # Errors
    /// [`Error::NoResult`] where vectors were given; as [`Run::dataset`].
    pub fn network(&self, device: &BackboneDevice) -> Result<Network> {
        if !self.record.artifacts.contains_key(stage::BACKBONE) {
            return Err(Error::NoResult {
                stage: stage::BACKBONE.to_owned(),
                why: "it was made from given vectors, and without a network new images cannot be placed",
                hint: "name a run that was made from images",
            });
        }
        let network = Network::load(self.artifact(stage::BACKBONE)?.dir(), device)?;
        let precision: Option<Precision> = parameter(&self.artifact(stage::EMBEDDINGS)?, "embeddings.precision")?;
        let precision = match precision.unwrap_or(Precision::F32) {
            Precision::Bf16 if device.kind() == "cpu" && !multiplies_bf16() => Precision::Bf16Emulated,
            Precision::Tf32 if device.kind() == "cpu" => Precision::F32,
            precision => precision,
        };
        Ok(network.with_precision(precision)?)
    }

    /// The layer that the decomposition was fitted on.
    ///
    /// # Errors
    /// As [`Run::artifact`]; [`Error::Parameter`].
    pub fn tap(&self) -> Result<Tap> {
        Ok(parameter(&self.artifact(stage::DECOMPOSITION)?, "decomposition.tap")?.unwrap_or(Tap::Fc))
    }

    /// What the run did with its images' EXIF data.
    ///
    /// # Errors
    /// As [`Run::artifact`]; [`Error::Parameter`].
    pub fn file_decoding(&self) -> Result<FileDecoding> {
        let images = self.artifact(stage::IMAGES)?;
        Ok(FileDecoding {
            exif: parameter(&images, "images.exif")?.unwrap_or_default(),
            alpha: parameter(&images, "images.alpha")?.unwrap_or_default(),
            damaged: parameter(&images, "images.damaged")?.unwrap_or_default(),
            // Limits are no part of a run, and these files were named one by one.
            limits: Limits { pixels: u64::MAX, file_bytes: u64::MAX, ..DEFAULT_LIMITS },
        })
    }
}

/// A parameter that the stage was run with; `None` where its manifest does not name it.
fn parameter<T: DeserializeOwned>(artifact: &Artifact, key: &str) -> Result<Option<T>> {
    let value = artifact.manifest().parameters.get(key).cloned();
    value.map(|value| parse(key, value)).transpose()
}

fn required<T: DeserializeOwned>(artifact: &Artifact, key: &str) -> Result<T> {
    parse(key, artifact.manifest().parameters.get(key).cloned().unwrap_or_default())
}

/// A section of parameters, from its dotted names.
fn section<T: DeserializeOwned>(artifact: &Artifact, name: &str) -> Result<T> {
    let parameters = &artifact.manifest().parameters;
    parse(name, Value::Object(nested(parameters, name)))
}

/// `name.key = value` and `name.key.rest = value` as one object; the rest may hold dots of its own.
fn nested(parameters: &BTreeMap<String, Value>, name: &str) -> Map<String, Value> {
    let mut object = Map::new();
    for (key, value) in parameters {
        let Some(key) = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) else { continue };
        match key.split_once('.') {
            None => {
                object.insert(key.to_owned(), value.clone());
            }
            Some((key, rest)) => {
                let inner = object.entry(key).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(inner) = inner {
                    inner.insert(rest.to_owned(), value.clone());
                }
            }
        }
    }
    object
}

fn parse<T: DeserializeOwned>(key: &str, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|source| Error::Parameter { key: key.to_owned(), source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pool::PoolConfig;
    use serde_json::json;

    #[test]
    fn a_section_comes_back_from_its_dotted_names() {
        let parameters = BTreeMap::from([
            ("pool.splits".to_owned(), json!(["train", "test"])),
            ("pool.only.kind".to_owned(), json!("shoe")),
            ("pool.only.size.eu".to_owned(), json!("40")),
            ("pools.only".to_owned(), json!("another section")),
        ]);
        let pool: PoolConfig = parse("pool", Value::Object(nested(&parameters, "pool"))).unwrap();
        assert_eq!(pool.splits, ["train", "test"]);
        assert_eq!(pool.only["kind"], "shoe");
        assert_eq!(pool.only["size.eu"], "40");
        assert!(pool.starts_only.is_empty());
    }

    #[test]
    fn a_parameter_of_another_type_is_named() {
        let error = parse::<usize>("walks.stops", json!("seven")).unwrap_err().to_string();
        assert!(error.contains("walks.stops"), "{error}");
    }
}
