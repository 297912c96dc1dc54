//! A description: one TOML text that says which images, which attributes, and how each stage works.
//!
//! Every key has a default; an unknown key is an error that names it. The resolved description, defaults
//! included, is what the cache keys are made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use latentwalk_backbone::Tap;
use latentwalk_cli::DescriptionArgs;
use latentwalk_images::{Augmentation, Description, Origin, Source};
use latentwalk_run::{PoolConfig, WalkPlan};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::weights;

mod built_in;
mod sections;

pub use built_in::{BUILT_IN, BuiltIn};
pub use sections::{
    BackboneConfig, DEFAULT_AXES, DEFAULT_CHECKPOINT_MINUTES, DEFAULT_SEED, DETECTED, DecompositionConfig,
    EmbeddingsConfig, IndexConfig, MetricsConfig, NullConfig, ProbeConfig, ReportConfig, SearchKind, WalksConfig,
};

/// Everything a run is made of.
#[derive(Debug, Clone)]
pub struct Config {
    /// The run's name, for reports and run folders.
    pub name: String,
    /// The description's text as given, before `--set`.
    pub text: String,
    /// Where the files that it names lie.
    pub origin: Origin,
    /// `[images]` and `[attributes.*]`.
    pub images: Description,
    /// `[augment]`
    pub augment: Augmentation,
    /// `[backbone]`
    pub backbone: BackboneConfig,
    /// `[embeddings]`
    pub embeddings: EmbeddingsConfig,
    /// `[decomposition]`
    pub decomposition: DecompositionConfig,
    /// `[probe]`
    pub probe: ProbeConfig,
    /// `[null]`
    pub null: NullConfig,
    /// `[pool]`
    pub pool: PoolConfig,
    /// `[metrics]`
    pub metrics: MetricsConfig,
    /// `[index]`
    pub index: IndexConfig,
    /// `[walks]`
    pub walks: WalksConfig,
    /// `[report]`
    pub report: ReportConfig,
}

const SECTIONS: &[&str] = &[
    "name",
    "seed",
    "images",
    "attributes",
    "augment",
    "backbone",
    "embeddings",
    "decomposition",
    "probe",
    "null",
    "pool",
    "metrics",
    "index",
    "walks",
    "report",
];
const SEEDED: &[&str] = &["backbone", "probe", "null", "metrics", "index", "walks"];

impl Config {
    /// Reads a built-in description or a TOML file and applies `KEY=VALUE` changes.
    ///
    /// # Errors
    /// An unknown name, an unreadable file, an unknown key or a value of the wrong type: each names the culprit.
    pub fn load(args: &DescriptionArgs) -> Result<Self> {
        let description = args.description.as_str();
        let (fallback, text, origin) = source(description, args.data.as_deref())?;
        let mut table: toml::Table =
            toml::from_str(&text).with_context(|| format!("{description}: not a valid description"))?;
        for change in &args.set {
            apply(&mut table, change)?;
        }
        if let Some(weights) = &args.weights {
            let backbone = named_by_user(&mut table, "backbone", "weights", weights)?;
            // The description's network gives way to the checkpoint's, unless it was asked for in the same breath.
            if !args.set.iter().any(|change| change.trim_start().starts_with("backbone.arch")) {
                backbone.remove("arch");
            }
        }
        if let Some(vectors) = &args.embeddings {
            named_by_user(&mut table, "embeddings", "file", vectors)?;
        }
        Self::from_table(table, fallback, text, origin).with_context(|| description.to_owned())
    }

    fn from_table(mut table: toml::Table, fallback: String, text: String, origin: Origin) -> Result<Self> {
        if let Some(key) = table.keys().find(|key| !SECTIONS.contains(&key.as_str())) {
            bail!("unknown key `{key}`; the sections are {}", SECTIONS.join(", "));
        }
        let name = take(&mut table, "name")?.unwrap_or(fallback);
        ensure!(is_file_name(&name), "`name` is `{name}`; use letters, digits, `-`, `_` and `.` only");
        let seed: u64 = take(&mut table, "seed")?.unwrap_or(DEFAULT_SEED);
        spread_seed(&mut table, seed)?;
        let mut outside = toml::Table::new();
        for key in ["images", "attributes"] {
            outside.extend(table.remove(key).map(|value| (key.to_owned(), value)));
        }
        let images: Description = toml::Value::Table(outside).try_into().context("in [images] or [attributes]")?;
        images.check()?;
        let config = Self {
            name,
            text,
            origin,
            images,
            augment: section(&mut table, "augment")?,
            backbone: backbone(&mut table)?,
            embeddings: section(&mut table, "embeddings")?,
            decomposition: section(&mut table, "decomposition")?,
            probe: probe(&mut table)?,
            null: section(&mut table, "null")?,
            pool: section(&mut table, "pool")?,
            metrics: section(&mut table, "metrics")?,
            index: section(&mut table, "index")?,
            walks: section(&mut table, "walks")?,
            report: section(&mut table, "report")?,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let d = &self.decomposition;
        ensure!(
            d.axes.is_none() || d.variance.is_none(),
            "[decomposition] has both `axes` and `variance`; give one of them"
        );
        ensure!(d.axes != Some(0), "`decomposition.axes` is 0; keep at least one axis");
        ensure!(
            self.embeddings.taps.contains(&d.tap),
            "`decomposition.tap` is not among `embeddings.taps`; add it there"
        );
        ensure!(
            self.embeddings.file.is_none() || self.embeddings.taps == [Tap::Fc],
            "`embeddings.taps` belongs to a network; with `embeddings.file` leave it out"
        );
        ensure!(
            self.embeddings.file.is_none() || self.backbone.weights.is_none(),
            "both vectors and weights are given; vectors need no network, so leave the weights out"
        );
        ensure!(
            self.backbone.checkpoint_minutes > 0.0,
            "`backbone.checkpoint_minutes` is {}; give a number above 0",
            self.backbone.checkpoint_minutes
        );
        ensure!(self.embeddings.batch > 0, "`embeddings.batch` is 0; give at least 1");
        ensure!(self.embeddings.row_group_rows > 0, "`embeddings.row_group_rows` is 0; give at least 1");
        ensure!(self.walks.stops >= 2, "`walks.stops` is {}; a walk needs at least 2", self.walks.stops);
        ensure!(self.walks.per_stop >= 1, "`walks.per_stop` is 0; give at least 1");
        ensure!(self.walks.starts >= 1, "`walks.starts` is 0; give at least 1");
        ensure!(!self.metrics.kinds.is_empty(), "`metrics.kinds` is empty; name at least `euclidean`");
        ensure!(self.metrics.starts >= 1, "`metrics.starts` is 0; give at least 1");
        ensure!(
            self.index.enabled || self.walks.search == SearchKind::Exact,
            "`walks.search` is hnsw, but `index.enabled` is false; turn one of them round"
        );
        ensure!(!self.pool.splits.is_empty(), "`pool.splits` is empty; name at least one of train, validation, test");
        Ok(())
    }

    /// Where the checkpoint lies that the backbone starts from.
    pub fn weights(&self) -> Option<PathBuf> {
        self.backbone.weights.as_ref().map(|path| self.beside(path))
    }

    /// The layer below what learns, where the rest of a pretrained network is frozen.
    pub fn features(&self) -> Option<Tap> {
        let train = &self.backbone.train;
        let used = self.backbone.weights.is_some() && self.embeddings.file.is_none() && train.epochs > 0;
        train.trainable.features().filter(|_| used)
    }

    /// Where the vectors lie that another program made.
    pub fn vectors(&self) -> Option<PathBuf> {
        self.embeddings.file.as_ref().map(|path| self.beside(path))
    }

    /// What the walks have in common.
    pub fn walk_plan(&self) -> WalkPlan {
        WalkPlan {
            attributes: self.probe.attributes.clone(),
            pool: self.pool.clone(),
            stops: self.walks.stops,
            placing: self.walks.placing,
        }
    }

    /// A path as the description means it.
    fn beside(&self, path: &Path) -> PathBuf {
        match &self.origin {
            Origin::Folder(folder) | Origin::FolderWithTables(folder, _) => folder.join(path),
            Origin::Embedded(_) => path.to_owned(),
        }
    }

    /// Every key with its value, defaults included, as dotted names.
    ///
    /// # Errors
    /// None that a loaded description can cause.
    pub fn parameters(&self) -> Result<BTreeMap<String, Value>> {
        let mut flat = BTreeMap::from([("name".to_owned(), Value::from(self.name.clone()))]);
        flatten("", &serde_json::to_value(&self.images)?, &mut flat);
        if matches!(self.images.images.source, Source::Idx | Source::Garments) {
            // Without files of their own images have no EXIF data.
            flat.remove("images.exif");
        }
        for (name, value) in [
            ("augment", serde_json::to_value(&self.augment)?),
            ("backbone", serde_json::to_value(&self.backbone)?),
            ("embeddings", serde_json::to_value(&self.embeddings)?),
            ("decomposition", serde_json::to_value(&self.decomposition)?),
            ("probe", serde_json::to_value(&self.probe)?),
            ("null", serde_json::to_value(&self.null)?),
            ("pool", serde_json::to_value(&self.pool)?),
            ("metrics", serde_json::to_value(&self.metrics)?),
            ("index", serde_json::to_value(&self.index)?),
            ("walks", serde_json::to_value(&self.walks)?),
            ("report", serde_json::to_value(&self.report)?),
        ] {
            flatten(name, &value, &mut flat);
        }
        Ok(flat)
    }
}

/// Writes the path of a file that was named on the command line into a section, and gives the section: such a path starts
/// where the user stands, not in the description's folder.
fn named_by_user<'t>(table: &'t mut toml::Table, section: &str, key: &str, path: &Path) -> Result<&'t mut toml::Table> {
    let path = if weights::in_hub(path).is_some() { path.to_owned() } else { std::path::absolute(path)? };
    let path = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?.to_owned();
    let own = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    let own = own.as_table_mut().with_context(|| format!("`{section}` is not a section"))?;
    own.insert(key.to_owned(), toml::Value::String(path));
    Ok(own)
}

fn source(description: &str, data: Option<&Path>) -> Result<(String, String, Origin)> {
    if let Some(found) = BUILT_IN.iter().find(|b| b.name == description) {
        let origin = match data {
            Some(folder) => folder_of(folder),
            None if found.needs_files => {
                bail!("the files of `{description}` are not embedded; name their folder by --data DIR")
            }
            None => Origin::Embedded(found.files),
        };
        return Ok((found.name.to_owned(), found.text.to_owned(), origin));
    }
    let path = Path::new(description);
    if path.extension().is_none_or(|e| e != "toml") {
        let names: Vec<_> = BUILT_IN.iter().map(|b| b.name).collect();
        bail!("`{description}` is neither a built-in description ({}) nor a .toml file", names.join(", "));
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the description {description}"))?;
    let stem = path.file_stem().map_or_else(|| "run".into(), |s| s.to_string_lossy().into_owned());
    let beside = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((stem, text, folder_of(data.unwrap_or(beside))))
}

/// A folder of files, with what reads Parquet manifests in it.
fn folder_of(folder: &Path) -> Origin {
    let read = |path: &Path| -> std::io::Result<Box<dyn std::io::Read>> {
        Ok(Box::new(latentwalk_embeddings::JsonLines::open(path).map_err(std::io::Error::other)?))
    };
    Origin::FolderWithTables(folder.to_path_buf(), read)
}

/// Sets the dotted key of `KEY=VALUE`; the value is TOML, or a bare word taken as a string.
fn apply(table: &mut toml::Table, change: &str) -> Result<()> {
    let (key, value) = change.split_once('=').with_context(|| format!("`--set {change}` is not KEY=VALUE"))?;
    let (key, value) = (key.trim(), value.trim());
    ensure!(
        !key.is_empty() && key.split('.').all(|p| !p.is_empty()),
        "`--set {change}`: the key is not of the form section.key"
    );
    let parsed = toml::from_str::<toml::Table>(&format!("v = {value}")).ok().and_then(|mut t| t.remove("v"));
    let value = parsed.unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    let mut at = table;
    for part in parts {
        let next = at.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = next.as_table_mut().with_context(|| format!("`--set {change}`: `{part}` is not a section"))?;
    }
    at.insert(last.to_owned(), value);
    Ok(())
}

fn take<T: DeserializeOwned>(table: &mut toml::Table, key: &str) -> Result<Option<T>> {
    table.remove(key).map(|v| v.try_into().with_context(|| format!("`{key}`"))).transpose()
}

fn section<T: DeserializeOwned>(table: &mut toml::Table, name: &str) -> Result<T> {
    let value = table.remove(name).unwrap_or_else(|| toml::Value::Table(toml::Table::new()));
    value.try_into().with_context(|| format!("in [{name}]"))
}

fn sub_table(table: &mut toml::Table, name: &str) -> Result<toml::Table> {
    take(table, name).map(Option::unwrap_or_default)
}

fn backbone(table: &mut toml::Table) -> Result<BackboneConfig> {
    let mut own = sub_table(table, "backbone")?;
    let weights: Option<PathBuf> = take(&mut own, "weights")?;
    let weights = weights.map(|path| weights::locate(&path)).transpose()?;
    let arch = if weights.is_some() { DETECTED } else { "small" };
    let preprocess: Option<String> = take(&mut own, "preprocess")?;
    ensure!(
        preprocess.is_none() || weights.is_some(),
        "`backbone.preprocess` belongs to weights; name them by `backbone.weights` or --weights"
    );
    Ok(BackboneConfig {
        arch: take(&mut own, "arch")?.unwrap_or_else(|| arch.to_owned()),
        preprocess: preprocess.or_else(|| weights.is_some().then(|| "torchvision-v1".to_owned())),
        weights,
        checkpoint_minutes: take(&mut own, "checkpoint_minutes")?.unwrap_or(DEFAULT_CHECKPOINT_MINUTES),
        fc: take(&mut own, "fc")?,
        heads: take(&mut own, "heads")?.unwrap_or_default(),
        train: toml::Value::Table(own).try_into().context("in [backbone]")?,
    })
}

fn probe(table: &mut toml::Table) -> Result<ProbeConfig> {
    let mut own = sub_table(table, "probe")?;
    Ok(ProbeConfig {
        attributes: take(&mut own, "attributes")?.unwrap_or_default(),
        options: toml::Value::Table(own).try_into().context("in [probe]")?,
    })
}

fn spread_seed(table: &mut toml::Table, seed: u64) -> Result<()> {
    let seed = i64::try_from(seed).context("`seed` is too large")?;
    for name in SEEDED {
        let section = table.entry(*name).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let section = section.as_table_mut().with_context(|| format!("`{name}` is not a section"))?;
        section.entry("seed").or_insert(toml::Value::Integer(seed));
    }
    Ok(())
}

/// Dotted names of all leaves; an empty table has none.
fn flatten(prefix: &str, value: &Value, out: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&name, value, out);
            }
        }
        _ => {
            out.insert(prefix.to_owned(), value.clone());
        }
    }
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn load(changes: &[&str]) -> Result<Config> {
        let set = changes.iter().map(|&c| c.to_owned()).collect();
        Config::load(&DescriptionArgs { set, ..named("fashion-mnist") })
    }

    fn named(description: &str) -> DescriptionArgs {
        DescriptionArgs {
            description: description.to_owned(),
            set: Vec::new(),
            data: None,
            weights: None,
            embeddings: None,
        }
    }

    fn message(changes: &[&str]) -> String {
        format!("{:#}", load(changes).unwrap_err())
    }

    #[test]
    fn the_default_description_has_its_name() {
        let config = load(&[]).unwrap();
        assert_eq!(config.name, "fashion-mnist");
        assert!(config.parameters().unwrap().contains_key("probe.restarts"));
    }

    #[test]
    fn every_built_in_description_loads() {
        for known in BUILT_IN {
            let data = known.needs_files.then(|| PathBuf::from("data"));
            let config = Config::load(&DescriptionArgs { data, ..named(known.name) }).unwrap();
            assert!(config.parameters().unwrap().len() > 50, "{}", known.name);
        }
    }

    #[test]
    fn weights_are_known_by_their_content_not_by_their_place() {
        let with = |weights: Option<&str>| {
            let weights = weights.map(PathBuf::from);
            Config::load(&DescriptionArgs { weights, ..named("fashion-mnist") }).unwrap()
        };
        let (a, b) = (with(Some("a/r.pth")), with(Some("/b/r.pth")));
        assert_eq!(a.parameters().unwrap(), b.parameters().unwrap());
        assert_eq!(a.parameters().unwrap()["backbone.arch"], Value::from(DETECTED));
        assert_eq!(b.weights(), Some(PathBuf::from("/b/r.pth")));
        assert!(a.weights().unwrap().is_absolute());
        assert_eq!(with(None).parameters().unwrap()["backbone.arch"], Value::from("small"));
        assert!(message(&["backbone.preprocess=torchvision-v1"]).contains("backbone.weights"));
    }

    #[test]
    fn a_change_reaches_its_key_and_only_it() {
        let (a, b) = (load(&[]).unwrap(), load(&["probe.restarts=3"]).unwrap());
        let (a, b) = (a.parameters().unwrap(), b.parameters().unwrap());
        let changed: Vec<_> = a.iter().filter(|&(k, v)| b.get(k) != Some(v)).map(|(k, _)| k.as_str()).collect();
        assert_eq!(changed, ["probe.restarts"]);
    }

    #[test]
    fn one_seed_seeds_every_stage_that_has_none_of_its_own() {
        let p = load(&["seed=9", "probe.seed=4"]).unwrap().parameters().unwrap();
        assert_eq!((&p["backbone.seed"], &p["probe.seed"]), (&Value::from(9), &Value::from(4)));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(message(&["probes.restarts=3"]).contains("unknown key `probes`"));
        assert!(message(&["probe.restart=3"]).contains("restart"));
        assert!(message(&["walks.stops=1"]).contains("walks.stops"));
        assert!(message(&["walks.placing=middle"]).contains("middle"));
        assert!(message(&["nonsense"]).contains("KEY=VALUE"));
        assert!(message(&["decomposition.axes=5", "decomposition.variance=0.9"]).contains("both"));
        assert!(message(&["index.enabled=false", "walks.search=hnsw"]).contains("index.enabled"));
        assert!(message(&["name=../up"]).contains("name"));
        let message = |description| format!("{:#}", Config::load(&named(description)).unwrap_err());
        assert!(message("fashon").contains("fashion-mnist"));
        assert!(message("absent.toml").contains("absent.toml"));
        assert!(message("fashion-mnist-60k").contains("--data DIR"));
    }
}
