//! A description: one TOML text that says which images, which attributes, and how each stage works.
//!
//! Every key has a default, or is missed by name; a mistake is told with its place and with the nearest key that exists.
//! The resolved description, defaults included, is what the cache keys are made of. `docs/settings.md` lists all keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use latentwalk_backbone::{Arch, DEFAULT_ARCH, DEFAULT_PREPROCESS, Tap, TrainOptions};
use latentwalk_cli::DescriptionArgs;
use latentwalk_embeddings::{EmbeddedBytes, JsonLines};
use latentwalk_images::{Augmentation, Description, Origin, Source, TableReader};
use latentwalk_probe::verdict::CardOptions;
use latentwalk_run::{PoolConfig, WalkPlan};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::defaults;

mod built_in;
mod given;
mod mistake;
mod reading;
mod sections;
#[cfg(test)]
mod tests;

use given::Given;
use mistake::Mistake;
use reading::{Section, read};

pub use built_in::{BUILT_IN, BuiltIn};
pub(crate) use given::hub_name;
pub use sections::{
    BackboneConfig, BaselinesConfig, DEFAULT_AXES, DEFAULT_BASELINE_IMAGES, DEFAULT_CHECKPOINT_MINUTES,
    DEFAULT_FORWARD_BATCH, DEFAULT_INDEX_QUERIES, DEFAULT_METRIC, DEFAULT_METRIC_STARTS, DEFAULT_SEED,
    DEFAULT_START_SPLIT, DEFAULT_STRIPS, DEFAULT_TOWARD_STARTS, DEFAULT_TOWARD_STRIPS, DEFAULT_UNASKED_ROWS,
    DEFAULT_WALK_STARTS, DETECTED, DecompositionConfig, EmbeddingsConfig, IndexConfig, MetricsConfig, NullConfig,
    ProbeConfig, ReportConfig, SearchKind, TowardConfig, WalksConfig,
};

/// One row of [`SECTIONS`].
#[derive(Debug, Clone, Copy)]
pub struct SectionRow {
    /// The table's name in a description.
    pub name: &'static str,
    /// The struct that holds its keys.
    pub holds: &'static str,
    /// Whether the top-level `seed` is its seed where it has none of its own.
    pub seeded: bool,
}

/// Declares [`Config`] and what goes through all of its sections, so that each section is named in one place, below.
macro_rules! sections {
    ($($name:ident: $holds:ident, by $read:ident, seeded $seeded:literal;)+) => {
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
            $(#[doc = concat!("`[", stringify!($name), "]`")] pub $name: $holds,)+
        }

        /// The sections after `[images]` and `[attributes.*]`, in the order of the stages.
        pub const SECTIONS: &[SectionRow] =
            &[$(SectionRow { name: stringify!($name), holds: stringify!($holds), seeded: $seeded }),+];

        impl Config {
            /// Reads every section from the rest of a description.
            fn of(
                name: String,
                text: String,
                origin: Origin,
                images: Description,
                table: &mut toml::Table,
            ) -> Result<Self, Mistake> {
                Ok(Self { name, text, origin, images, $($name: $read(Section::of(table, stringify!($name))?)?,)+ })
            }

            /// The values of every section by its name.
            fn values(&self) -> serde_json::Result<Vec<(&'static str, Value)>> {
                Ok(vec![$((stringify!($name), serde_json::to_value(&self.$name)?)),+])
            }
        }
    };
}

sections! {
    augment: Augmentation, by plain, seeded false;
    backbone: BackboneConfig, by backbone, seeded true;
    embeddings: EmbeddingsConfig, by plain, seeded false;
    decomposition: DecompositionConfig, by plain, seeded false;
    probe: ProbeConfig, by probe, seeded true;
    null: NullConfig, by plain, seeded true;
    pool: PoolConfig, by plain, seeded false;
    metrics: MetricsConfig, by plain, seeded true;
    index: IndexConfig, by plain, seeded true;
    walks: WalksConfig, by plain, seeded true;
    toward: TowardConfig, by plain, seeded true;
    baselines: BaselinesConfig, by plain, seeded true;
    verdicts: CardOptions, by plain, seeded true;
    report: ReportConfig, by plain, seeded false;
}

/// The keys of a description before its [`SECTIONS`].
const FIRST: [&str; 4] = ["name", "seed", "images", "attributes"];

impl Config {
    /// Reads a built-in description or a TOML file and applies `KEY=VALUE` changes.
    ///
    /// Weights that are named in a hub keep that name; [`crate::weights::load`] brings them.
    ///
    /// # Errors
    /// An unknown name, an unreadable file, an unknown key or a value of the wrong type: each names the culprit, with file,
    /// line and column or with the flag.
    pub fn load(args: &DescriptionArgs) -> Result<Self> {
        let description = defaults::description(args.description.as_deref());
        let (fallback, text, origin) = source(description, args.data.as_deref())?;
        let mut given = Given::parse(description, &text)?;
        for change in &args.set {
            given.set(change)?;
        }
        if let Some(weights) = &args.weights {
            given.set_file("backbone.weights", "--weights", weights)?;
            // The description's network gives way to the checkpoint's, unless it was asked for in the same breath.
            given.unless_set_remove("backbone", "arch");
        }
        if let Some(vectors) = &args.embeddings {
            given.set_file("embeddings.file", "--embeddings", vectors)?;
        }
        let resolved = Self::resolve(given.table.clone(), fallback, text, origin);
        resolved.map_err(|mistake| given.blame(mistake))
    }

    fn resolve(mut table: toml::Table, fallback: String, text: String, origin: Origin) -> Result<Self, Mistake> {
        let known = || FIRST.into_iter().chain(SECTIONS.iter().map(|row| row.name));
        if let Some(key) = table.keys().find(|key| !known().any(|known| known == key.as_str())) {
            return Err(Mistake::unknown_key("", key, known().collect()));
        }
        let mut top = |key: &str| table.remove(key);
        let name = top("name").map_or(Ok(fallback), |value| read("name", value))?;
        let sentence = format!("`name` is `{name}`; it must be letters, digits, `-`, `_` and `.` only");
        need(is_file_name(&name), &["name"], sentence)?;
        let seed: u64 = top("seed").map_or(Ok(DEFAULT_SEED), |value| read("seed", value))?;
        let mut outside = toml::Table::new();
        for key in ["images", "attributes"] {
            outside.extend(top(key).map(|value| (key.to_owned(), value)));
        }
        let images: Description = read("", toml::Value::Table(outside))?;
        images.check().map_err(Mistake::of_images)?;
        spread_seed(&mut table, seed)?;
        spread_shift(&mut table, images.images.size);
        let config = Self::of(name, text, origin, images, &mut table)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Mistake> {
        let d = &self.decomposition;
        need(
            d.axes.is_none() || d.variance.is_none(),
            &["decomposition.variance", "decomposition.axes"],
            "[decomposition] has both `axes` and `variance`\nhint: give one of them",
        )?;
        need(d.axes != Some(0), &["decomposition.axes"], "`decomposition.axes` is 0; it must be at least 1")?;
        need(
            self.embeddings.file.is_none() || self.embeddings.taps == [Tap::Fc],
            &["embeddings.taps"],
            "`embeddings.taps` belongs to a network, and `embeddings.file` gives vectors\nhint: leave `embeddings.taps` out",
        )?;
        need(
            self.embeddings.taps.contains(&d.tap),
            &["decomposition.tap", "embeddings.taps"],
            "`decomposition.tap` is not among `embeddings.taps`\nhint: add it there",
        )?;
        need(
            self.embeddings.file.is_none() || self.backbone.weights.is_none(),
            &["backbone.weights"],
            "both vectors and weights are given, and vectors need no network\nhint: leave the weights out",
        )?;
        let minutes = self.backbone.checkpoint_minutes;
        let sentence = format!("`backbone.checkpoint_minutes` is {minutes}; it must be above 0");
        need(minutes > 0.0, &["backbone.checkpoint_minutes"], sentence)?;
        let stops = self.walks.stops;
        need(stops >= 2, &["walks.stops"], format!("`walks.stops` is {stops}; a walk needs at least 2"))?;
        for (key, count) in [
            ("embeddings.batch", self.embeddings.batch),
            ("embeddings.row_group_rows", self.embeddings.row_group_rows),
            ("walks.per_stop", self.walks.per_stop),
            ("walks.starts", self.walks.starts),
            ("metrics.starts", self.metrics.starts),
            ("toward.starts", self.toward.starts),
        ] {
            need(count >= 1, &[key], format!("`{key}` is 0; it must be at least 1"))?;
        }
        for (section, checked) in [("probe", self.probe.options.check()), ("verdicts", self.verdicts.check())] {
            if let Err(latentwalk_probe::Error::Option { option, got, must }) = checked {
                let key = format!("{section}.{option}");
                return need(false, &[&key], format!("`{key}` is {got}; it must be {must}"));
            }
        }
        let kinds = &self.metrics.kinds;
        need(!kinds.is_empty(), &["metrics.kinds"], "`metrics.kinds` is empty\nhint: name at least `euclidean`")?;
        need(
            self.index.enabled || self.walks.search == SearchKind::Exact,
            &["walks.search", "index.enabled"],
            "`walks.search` is hnsw, but `index.enabled` is false\nhint: set `index.enabled = true` or `walks.search = \"exact\"`",
        )?;
        need(
            !self.pool.splits.is_empty(),
            &["pool.splits"],
            "`pool.splits` is empty\nhint: name at least one of train, validation, test",
        )
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
        for (name, value) in self.values()? {
            flatten(name, &value, &mut flat);
        }
        Ok(flat)
    }
}

fn source(description: &str, data: Option<&Path>) -> Result<(String, String, Origin)> {
    if let Some(found) = BUILT_IN.iter().find(|b| b.name == description) {
        let origin = match data {
            Some(folder) => folder_of(folder),
            None if found.needs_files => {
                bail!("the files of `{description}` are not embedded\nhint: name their folder by --data DIR")
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
    Origin::FolderWithTables(folder.to_path_buf(), TABLES)
}

/// Reads Parquet tables.
pub const TABLES: TableReader = TableReader {
    rows: |path| Ok(Box::new(JsonLines::open(path).map_err(std::io::Error::other)?)),
    images: |path, column| {
        let images = EmbeddedBytes::open(path, column).map_err(std::io::Error::other)?;
        Ok(Box::new(images.map(|bytes| bytes.map_err(std::io::Error::other))))
    },
};

/// A sentence about some keys unless a condition holds.
fn need(holds: bool, keys: &[&str], sentence: impl std::fmt::Display) -> Result<(), Mistake> {
    if holds { Ok(()) } else { Err(Mistake::of(keys, sentence)) }
}

/// A section whose keys are the fields of one struct.
fn plain<T: DeserializeOwned>(section: Section) -> Result<T, Mistake> {
    section.rest()
}

/// The keys of a training recipe.
const RECIPE: [&str; 7] =
    ["optimizer", "learning_rate", "weight_decay", "momentum", "nesterov", "warmup_epochs", "label_smoothing"];

fn backbone(mut own: Section) -> Result<BackboneConfig, Mistake> {
    let weights: Option<PathBuf> = own.take("weights")?;
    let arch = if weights.is_some() { DETECTED } else { DEFAULT_ARCH };
    let preprocess: Option<String> = own.take("preprocess")?;
    need(
        preprocess.is_none() || weights.is_some(),
        &["backbone.preprocess"],
        "`backbone.preprocess` belongs to weights, and none are given\nhint: name them by `backbone.weights` or --weights",
    )?;
    let arch: String = own.take("arch")?.unwrap_or_else(|| arch.to_owned());
    // An update rule and its rates belong together: who names one of them has a recipe already.
    let named = RECIPE.iter().any(|key| own.has(key));
    // An unknown name is told where the network is made.
    let recipe = Arch::named(&arch).ok().and_then(|arch| arch.recipe).filter(|_| weights.is_none() && !named);
    let (fc, heads) = (own.take("fc")?, own.take("heads")?.unwrap_or_default());
    let checkpoint_minutes = own.take("checkpoint_minutes")?.unwrap_or(DEFAULT_CHECKPOINT_MINUTES);
    let train: TrainOptions = own.rest()?;
    Ok(BackboneConfig {
        arch,
        preprocess: preprocess.or_else(|| weights.is_some().then(|| DEFAULT_PREPROCESS.to_owned())),
        weights,
        checkpoint_minutes,
        fc,
        heads,
        train: match recipe {
            Some(recipe) => recipe.applied(train),
            None => train,
        },
    })
}

fn probe(mut own: Section) -> Result<ProbeConfig, Mistake> {
    Ok(ProbeConfig { attributes: own.take("attributes")?.unwrap_or_default(), options: own.rest()? })
}

/// Gives the seed to every section that has none of its own.
fn spread_seed(table: &mut toml::Table, seed: u64) -> Result<(), Mistake> {
    let seed = i64::try_from(seed).map_err(|_| Mistake::of(&["seed"], "`seed` is too large"))?;
    for row in SECTIONS.iter().filter(|row| row.seeded) {
        let section = table.entry(row.name).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        // What is no table is told where the section is read.
        if let Some(section) = section.as_table_mut() {
            section.entry("seed").or_insert(toml::Value::Integer(seed));
        }
    }
    Ok(())
}

/// Small images are shifted less, where nothing is said of it.
fn spread_shift(table: &mut toml::Table, side: usize) {
    let section = table.entry("augment").or_insert_with(|| toml::Value::Table(toml::Table::new()));
    // What is no table is told where the section is read.
    if let Some(section) = section.as_table_mut() {
        let shift = Augmentation::for_side(side).shift_px;
        section.entry("shift_px").or_insert(toml::Value::Integer(i64::try_from(shift).unwrap_or(i64::MAX)));
    }
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
