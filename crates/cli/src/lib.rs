//! The commands of Latentwalk and what they mean.
//!
//! The `latentwalk` binary and `cargo xtask` share these definitions. The crate links nothing but clap, so that
//! `cargo xtask pipeline --help` answers in seconds on a machine where the rest has never been compiled.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Where results are kept unless `--store` says otherwise; git ignores it.
pub const DEFAULT_STORE: &str = ".latentwalk";

/// Where experiments write their pages unless `--out` says otherwise.
pub const DEFAULT_EXPERIMENTS: &str = "docs/experiments";

/// The description that a bare `pipeline` runs.
pub const DEFAULT_DESCRIPTION: &str = "fashion-mnist";

/// One command of the binary.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run every stage from images to report; stages whose result is stored already are not run again.
    ///
    /// Without arguments it runs on the embedded Fashion-MNIST photographs: it trains a small ResNet, takes its
    /// FC vectors, finds each attribute's direction, walks along it through real images and writes one HTML
    /// report. Ends with a table of figures and the report's place; the same figures are in
    /// STORE/runs/RUN/summary.json.
    Pipeline(PipelineArgs),
    /// Write a first description (TOML) for a folder of labelled images.
    ///
    /// DIR holds one sub-folder a class, or a CSV/TSV manifest whose rows name an image (`path`) and its labels.
    /// The file DIR/latentwalk.toml is written, never overwritten; read it, edit it, then run
    /// `pipeline DIR/latentwalk.toml`.
    Init(InitArgs),
    /// Read the images and labels that a description names, and stop there; `--check` says what was understood.
    ///
    /// With `--check` nothing is packed or written: counts, label frequencies, missing and unreadable files, and what
    /// looks wrong, such as an attribute with one class or one image in two splits.
    Import(ImportArgs),
    /// Render a wardrobe with known truth: garments whose every factor is labelled, as a folder of images.
    ///
    /// OUT gets images/, manifest.csv (every factor, groups and twins) and garments.toml, a description that
    /// `pipeline OUT/garments.toml` runs. The same options give the same bytes on every machine.
    Garments(GarmentsArgs),
    /// Run a named experiment: a question, its runs, and figures that must stay within their tolerance.
    ///
    /// Trains what is not stored yet, writes OUT/NAME.md with tables and figures, compares every figure with the one
    /// that the experiment's file states, and fails when one has left its tolerance.
    Experiment(ExperimentArgs),
    /// Write the vectors of a folder of images by a checkpoint of your own, as Parquet; nothing else.
    ///
    /// Takes torchvision's, timm's and transformers' ResNets. The column `id` is the path below DIR. A stopped run goes
    /// on where it stopped; another network, other settings or other files start afresh.
    Embed(EmbedArgs),
    /// Place new images on the direction of a finished run: position and class of each.
    Project(ProjectArgs),
    /// Write a finished run as one Parquet table: id, split, labels, and on every direction position and class.
    ///
    /// A run on given vectors (Parquet) keeps their further columns: they come first, as they came in, and rows stand in
    /// the order of the vectors.
    Export(ExportArgs),
    /// Look into the store of results: list, show, why, verify, gc.
    Artifacts(ArtifactsArgs),
}

/// Arguments of `pipeline`.
#[derive(Debug, Clone, Args)]
pub struct PipelineArgs {
    /// What is run.
    #[command(flatten)]
    pub source: DescriptionArgs,
    /// Folder of the results; made when missing. Foreign files in it are left alone.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STORE)]
    pub store: PathBuf,
    /// Run this stage and all that follow it again, even where a result is stored.
    #[arg(long, value_name = "STAGE")]
    pub from: Option<Stage>,
    /// Stop after this stage.
    #[arg(long, value_name = "STAGE")]
    pub until: Option<Stage>,
    /// Say what would run and why, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Where the network runs: `cpu`, or `cuda:0` in a build with the feature `cuda`.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Threads; 0 takes one a core. The results do not depend on it.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

/// Which description, and where its data lie.
#[derive(Debug, Clone, Args)]
pub struct DescriptionArgs {
    /// A built-in description (`fashion-mnist`, `garments`, `fashion-mnist-60k`, `imaterialist`) or the path of a TOML file.
    #[arg(default_value = DEFAULT_DESCRIPTION)]
    pub description: String,
    /// Change one key of the description, e.g. `--set probe.restarts=16`; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder of the files that the description names, instead of its own folder or the embedded files.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Checkpoint to start from: a ResNet of torchvision, timm or transformers (`.pth`, `.pt`, `.safetensors`, a folder
    /// with `model.safetensors`, or a name to fetch: `torchvision:resnet50-v1`, `hf:ORG/NAME`). Heads of another size are
    /// replaced. See also `backbone.trainable`.
    #[arg(long, value_name = "FILE|NAME")]
    pub weights: Option<PathBuf>,
    /// Vectors that another program made: Parquet with `id` and `vector`; `.npz` with `embeddings` and `ids`; `.npy` or
    /// safetensors in the order of the images. No network is trained or run.
    #[arg(long, value_name = "FILE")]
    pub embeddings: Option<PathBuf>,
}

/// Arguments of `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The folder of images.
    pub dir: PathBuf,
}

/// Arguments of `import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// What is read.
    #[command(flatten)]
    pub source: DescriptionArgs,
    /// Say what was understood, and import nothing.
    #[arg(long)]
    pub check: bool,
    /// With `--check`, read every file too: finds damaged files, and the same picture under two names.
    #[arg(long, requires = "check")]
    pub contents: bool,
    /// Folder of the results, as for `pipeline`.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STORE)]
    pub store: PathBuf,
}

/// Arguments of `garments`.
#[derive(Debug, Clone, Args)]
pub struct GarmentsArgs {
    /// The folder to make; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Garments, their twins not counted.
    #[arg(long, default_value_t = 20_000)]
    pub count: usize,
    /// Side of an image in pixels, 64 to 512.
    #[arg(long, default_value_t = 128)]
    pub size: u32,
    /// Seed of the wardrobe.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Draw every factor evenly and independently instead of as in a catalogue.
    #[arg(long)]
    pub balanced: bool,
    /// For this many garments render every twin too: copies that differ in one factor alone.
    #[arg(long, default_value_t = 0)]
    pub twin_sets: usize,
    /// Write PNG files instead of JPEG.
    #[arg(long)]
    pub png: bool,
}

/// Arguments of `embed`.
#[derive(Debug, Clone, Args)]
pub struct EmbedArgs {
    /// Say which networks, preprocessings and layers there are.
    #[arg(long)]
    pub list: bool,
    /// The network; found from the weights when not given.
    #[arg(long)]
    pub arch: Option<String>,
    /// Checkpoint: `.pth`, `.pt`, `.safetensors`, a folder with `model.safetensors`, or a name to fetch
    /// (`torchvision:resnet50-v1`, `hf:ORG/NAME`).
    #[arg(long, value_name = "FILE|NAME")]
    pub weights: Option<PathBuf>,
    /// How images are prepared; it belongs to the weights.
    #[arg(long, value_name = "NAME", default_value = "torchvision-v1")]
    pub preprocess: String,
    /// Whether images are turned upright as their EXIF data says: `apply` or `ignore`. The preprocessings here ignore it, as
    /// torchvision and timm do, so that is what happens without this.
    #[arg(long, value_enum)]
    pub exif: Option<ExifRule>,
    /// Decode JPEG files that are much larger than asked for at a half, a quarter or an eighth of their sides: faster, but not
    /// quite the pixels that the network was trained on.
    #[arg(long)]
    pub scaled: bool,
    /// The layer whose vector is taken.
    #[arg(long, default_value = "pool")]
    pub tap: String,
    /// The numbers in which the network multiplies. `bf16` needs a processor with AMX-BF16 or AVX512-BF16, or a CUDA device;
    /// `bf16-emulated` rounds alike on any processor, slower than `f32`. `bench precision` shows what it does.
    #[arg(long, value_enum, default_value_t = PrecisionRule::F32)]
    pub precision: PrecisionRule,
    /// The Parquet file to write.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The folder of images; folders below it are read too.
    pub dir: Option<PathBuf>,
    /// Where the network runs, as for `pipeline`.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Threads; 0 takes one a core.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

/// Measurements that the binary makes itself.
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// Run a description in f32 and in bf16, and show what bf16 does to vectors, PCA, directions and walks.
    ///
    /// Trains and stores what is not stored yet; both runs share the network. Where the processor has neither AMX-BF16 nor
    /// AVX512-BF16, bf16 is emulated: the same roundings, slower.
    Precision(PrecisionArgs),
}

/// Arguments of `bench precision`.
#[derive(Debug, Clone, Args)]
pub struct PrecisionArgs {
    /// What is run.
    #[command(flatten)]
    pub source: DescriptionArgs,
    /// The precision beside f32; the device's own bf16 where it has one, else its emulation.
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionRule>,
    /// Folder of the results, as for `pipeline`.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STORE)]
    pub store: PathBuf,
    /// Write the figures as JSON too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Where the network runs, as for `pipeline`.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Threads; 0 takes one a core.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

/// The numbers of a network's products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrecisionRule {
    /// 32-bit floats.
    F32,
    /// bfloat16, summed in 32 bits.
    Bf16,
    /// The same by instructions for 32 bits.
    Bf16Emulated,
}

/// Arguments of `project`.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// The images.
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// The attribute whose direction is taken.
    #[arg(long)]
    pub attribute: String,
    /// A run below STORE/runs; the latest when not given.
    #[arg(long)]
    pub run: Option<String>,
    /// Folder of the results.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STORE)]
    pub store: PathBuf,
    /// Where the network runs, as for `pipeline`.
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// Arguments of `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// A run below STORE/runs; the latest when not given.
    #[arg(long)]
    pub run: Option<String>,
    /// The Parquet file to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Folder of the results.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STORE)]
    pub store: PathBuf,
}

/// Arguments of `experiment`.
#[derive(Debug, Clone, Args)]
pub struct ExperimentArgs {
    /// A built-in experiment, `all` of them, or the path of an experiment's TOML file.
    #[arg(required_unless_present = "list")]
    pub name: Option<String>,
    /// Say which experiments there are, and run nothing.
    #[arg(long)]
    pub list: bool,
    /// Folder of the pages; made when missing.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_EXPERIMENTS)]
    pub out: PathBuf,
    /// Folder of the results, as for `pipeline`.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STORE)]
    pub store: PathBuf,
    /// Where the network runs, as for `pipeline`.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Threads; 0 takes one a core.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

/// Arguments of `artifacts`.
#[derive(Debug, Clone, Args)]
pub struct ArtifactsArgs {
    /// Folder of the results.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STORE, global = true)]
    pub store: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: ArtifactsCommand,
}

/// What can be asked of a store.
#[derive(Debug, Clone, Subcommand)]
pub enum ArtifactsCommand {
    /// Every stored result: stage, key, size, when it was made and in how many seconds.
    List,
    /// One result's manifest: what made it, its files and figures.
    Show {
        /// The key's first characters, or STAGE/KEY.
        key: String,
    },
    /// Why a stage would run, or that its result is stored.
    Why {
        /// The stage to ask about; all of them when missing.
        stage: Option<Stage>,
        /// The description, as for `pipeline`.
        #[arg(long, value_name = "DESCRIPTION", default_value = DEFAULT_DESCRIPTION)]
        description: String,
        /// Change one key of the description, as for `pipeline`.
        #[arg(long = "set", value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// Folder of the files that the description names, as for `pipeline`.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// The device, as for `pipeline`.
        #[arg(long, default_value = "cpu")]
        device: String,
    },
    /// Hash every stored file again and name what is missing, changed or in the way.
    Verify,
    /// Remove results that no recent run used, and what killed runs left behind.
    Gc {
        /// Keep the results of this many latest runs.
        #[arg(long, default_value_t = 3)]
        keep_runs: usize,
        /// Remove the checkpoints of unfinished runs too; without this they are kept for the next attempt.
        #[arg(long)]
        unfinished: bool,
        /// Say what would go, and remove nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// What becomes of a rotation that EXIF data asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExifRule {
    /// The image is turned upright.
    Apply,
    /// The image stays as it is stored.
    Ignore,
}

/// A stage of the pipeline, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Stage {
    /// Read images and labels, map the labels onto attributes, split, pack the pixels.
    Images,
    /// The vectors below what learns, once, where the rest of a pretrained network is frozen.
    Features,
    /// Train the ResNet with one head an attribute.
    Backbone,
    /// The FC layer's vector of every image, as Parquet.
    Embeddings,
    /// PCA fitted on the train split; every image's coordinates.
    Decomposition,
    /// One direction an attribute, with its evidence on held-out images.
    Probe,
    /// The same figures for random classes in random order.
    Null,
    /// The distances a walk can use; the default is chosen by validation starts.
    Metrics,
    /// HNSW indexes of the retrieval pool, with their recall against the exact scan.
    Index,
    /// Lines from held-out images along each direction, and the real images nearest to them.
    Walks,
    /// One self-contained HTML page.
    Report,
}

impl Stage {
    /// Every stage, in the order in which they run.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The stage's name in commands, keys and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Features => "features",
            Self::Backbone => "backbone",
            Self::Embeddings => "embeddings",
            Self::Decomposition => "decomposition",
            Self::Probe => "probe",
            Self::Null => "null",
            Self::Metrics => "metrics",
            Self::Index => "index",
            Self::Walks => "walks",
            Self::Report => "report",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Parser)]
    struct Cli {
        #[command(subcommand)]
        command: Command,
    }

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_stage_is_named_alike_on_the_command_line_and_in_the_store() {
        for stage in Stage::all() {
            let value = stage.to_possible_value().map(|v| v.get_name().to_owned());
            assert_eq!(value.as_deref(), Some(stage.name()));
        }
    }

    #[test]
    fn every_flag_of_the_pipeline_parses() {
        let args = [
            "x",
            "pipeline",
            "my.toml",
            "--store",
            "s",
            "--set",
            "probe.restarts=8",
            "--from",
            "probe",
            "--until",
            "walks",
            "--dry-run",
        ];
        let Ok(Cli { command: Command::Pipeline(p) }) = Cli::try_parse_from(args) else {
            panic!("does not parse");
        };
        assert_eq!((p.from, p.until, p.dry_run), (Some(Stage::Probe), Some(Stage::Walks), true));
        assert_eq!((p.source.description.as_str(), p.source.set), ("my.toml", vec!["probe.restarts=8".to_owned()]));
    }
}
