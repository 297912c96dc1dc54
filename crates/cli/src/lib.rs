//! The commands of Latentwalk and what they mean.
//!
//! The `latentwalk` binary and `cargo xtask` share these definitions. The crate links nothing but clap, so that
//! `cargo xtask pipeline --help` answers in seconds on a machine where the rest has never been compiled.
//!
//! A flag with a default is an `Option` here: the binary fills it from the constant of the crate that owns it. The help
//! names that default as `[default: …]`, and a test of the binary's crate compares it with the constant.

mod artifacts;
mod bench;
mod data;
mod embed;
mod experiment;
mod finished;
mod pipeline;
mod stage;

pub use artifacts::{ArtifactsArgs, ArtifactsCommand};
pub use bench::{BenchCommand, PrecisionArgs};
pub use data::{GarmentsArgs, ImportArgs, InitArgs};
pub use embed::{EmbedArgs, ExifRule, PrecisionRule};
pub use experiment::ExperimentArgs;
pub use finished::{ExportArgs, ProjectArgs};
pub use pipeline::{DescriptionArgs, PipelineArgs};
pub use stage::Stage;

/// Where results are kept unless `--store` says otherwise; git ignores it.
pub const DEFAULT_STORE: &str = ".latentwalk";

/// Where experiments write their pages unless `--out` says otherwise.
pub const DEFAULT_EXPERIMENTS: &str = "docs/experiments";

/// The description that a bare `pipeline` runs.
pub const DEFAULT_DESCRIPTION: &str = "fashion-mnist";

/// One command of the binary.
#[derive(Debug, Clone, clap::Subcommand)]
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
    /// DIR holds one sub-folder per class, or a CSV/TSV manifest whose rows name an image (`path`) and its labels.
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
        assert_eq!(
            (p.source.description.as_deref(), p.source.set),
            (Some("my.toml"), vec!["probe.restarts=8".to_owned()])
        );
        assert_eq!((p.device, p.threads), (None, None));
    }
}
