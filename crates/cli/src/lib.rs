//! The commands of Latentwalk, what they mean, and how an error is told.
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
mod message;
mod output;
mod pipeline;
mod stage;

pub use artifacts::{ArtifactsArgs, ArtifactsCommand, WhyArgs};
pub use bench::{BenchCommand, PrecisionArgs};
pub use data::{GarmentsArgs, ImageFormat, ImportArgs, InitArgs};
pub use embed::{AlphaRule, EmbedArgs, ExifRule, PrecisionRule};
pub use experiment::ExperimentArgs;
pub use finished::{ExploreArgs, ExportArgs, ExportFormat, FinishedArgs, ProjectArgs, WalkArgs};
pub use message::{causes, message};
pub use output::{JsonArgs, OutputArgs};
pub use pipeline::{DescriptionArgs, PipelineArgs, RunArgs};
pub use stage::Stage;

/// Where results are kept unless `--store` says otherwise; git ignores it.
pub const DEFAULT_STORE: &str = ".latentwalk";

/// Where experiments write their pages unless `--out` says otherwise.
pub const DEFAULT_EXPERIMENTS: &str = "docs/experiments";

/// The description that a bare `pipeline` runs.
pub const DEFAULT_DESCRIPTION: &str = "fashion-mnist";

/// The end of the help: the variables of the environment that the binary reads.
pub const ENVIRONMENT: &str = "\
Environment, for weights that are named as hf:ORG/NAME or torchvision:NAME:
  LATENTWALK_CACHE  Folder of fetched files, looked in first;
                    otherwise `latentwalk` in XDG_CACHE_HOME or ~/.cache
  HF_HUB_CACHE      Hugging Face's own cache, looked in next and never written to;
                    otherwise `hub` in HF_HOME
  HF_HOME           Folder of Hugging Face's tools;
                    otherwise `huggingface` in XDG_CACHE_HOME or ~/.cache
  HF_TOKEN          Token for repositories that are private or have terms to accept;
                    otherwise the content of `token` in HF_HOME
  HF_ENDPOINT       Address of a mirror of Hugging Face's hub";

/// One command of the binary.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Run every stage from images to report; a stage whose result is stored already does not run again.
    ///
    /// Without arguments it runs on the embedded Fashion-MNIST photographs: it trains a small ResNet, takes its
    /// FC vectors, finds each attribute's direction, walks along it through real images and writes one HTML
    /// report. It ends with a table of figures and the path of the report. The same figures are in
    /// STORE/runs/RUN/summary.json.
    Pipeline(PipelineArgs),
    /// Write a first description (TOML) for a folder of labelled images.
    ///
    /// DIR holds one sub-folder per class, folders of splits with the classes in them, or a table (CSV, TSV, JSON Lines or Parquet)
    /// whose rows name an image and its labels. What was left out is printed. The description is written to
    /// DIR/latentwalk.toml, unless that file exists. Read it, edit it, then run `pipeline DIR/latentwalk.toml`.
    Init(InitArgs),
    /// Read the images and labels that a description names, and stop there; `--check` says what was understood.
    ///
    /// Without `--check` it is `pipeline --until images`. With `--check` nothing is stored; it prints counts, how often each
    /// label occurs, missing and unreadable files, and what looks wrong, such as an attribute with a single class or an
    /// image that is in two splits.
    Import(ImportArgs),
    /// Render a wardrobe with known truth: a folder of images of garments whose every factor is labelled.
    ///
    /// OUT gets images/, manifest.csv (every factor, groups and twins) and garments.toml, a description that
    /// `pipeline OUT/garments.toml` runs. The same options give the same bytes on every machine.
    Garments(GarmentsArgs),
    /// Run a named experiment: a question, its runs, and figures that must stay within their tolerances.
    ///
    /// Trains what is not stored yet, and writes OUT/NAME.md with tables and figures. Compares every figure with the one
    /// that the experiment's file states, and fails when one is outside its tolerance.
    Experiment(ExperimentArgs),
    /// Write the vectors that a checkpoint of your own gives for a folder of images, as Parquet; nothing else.
    ///
    /// Takes torchvision's, timm's and transformers' ResNets. The column `id` is the image's path below DIR. A call that was
    /// stopped goes on where it stopped; with another network, other settings or other files it starts afresh.
    Embed(EmbedArgs),
    /// Open a finished run in the browser: choose an image, drag along a line, see the nearest real images change.
    ///
    /// Serves a page on this machine alone, until it is stopped with Ctrl-C. Own pictures can be dropped into it, where the run has a
    /// network. Nothing is sent elsewhere, and nothing is written but the selections that you make.
    Explore(ExploreArgs),
    /// Walk from an image along an attribute: the run's real images nearest to the line, stop by stop.
    ///
    /// Along the axis it finds what the report's strips show; toward a value its last stop is what the run's figures count. Prints each
    /// stop's image, its label, and which other labels changed. `--keep` holds the position on another attribute's axis.
    Walk(WalkArgs),
    /// Place new images on the direction of a finished run: each image's position and likeliest class.
    Project(ProjectArgs),
    /// Write a finished run as one Parquet table: id, split, labels, and each direction's position and likeliest class.
    ///
    /// Where the run's vectors were given as Parquet with further columns, these come first, unchanged, and the rows are in
    /// the order of that file. `--format` writes the run for Embedding Atlas or for TensorBoard's projector instead.
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
        #[command(flatten)]
        output: OutputArgs,
        #[command(subcommand)]
        command: Command,
    }

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    fn parse(arguments: &str) -> Cli {
        Cli::try_parse_from(arguments.split(' '))
            .unwrap_or_else(|error| panic!("`{arguments}` does not parse: {error}"))
    }

    #[test]
    fn every_flag_of_the_pipeline_parses() {
        let flags = "x pipeline my.toml --store s --set probe.restarts=8 --from probe --until walks --dry-run";
        let Command::Pipeline(p) = parse(flags).command else { panic!("another command") };
        assert_eq!((p.from, p.until, p.dry_run), (Some(Stage::Probe), Some(Stage::Walks), true));
        assert_eq!(
            (p.run.source.description.as_deref(), p.run.source.set),
            (Some("my.toml"), vec!["probe.restarts=8".to_owned()])
        );
        assert_eq!((p.run.device, p.threads), (None, None));
    }

    #[test]
    fn why_takes_what_decides_the_keys_of_a_pipeline() {
        let run = "my.toml --set seed=2 --data d --weights w.pth --embeddings v.npz --device cuda:0";
        let Command::Pipeline(pipeline) = parse(&format!("x pipeline {run}")).command else {
            panic!("another command")
        };
        let Command::Artifacts(artifacts) = parse(&format!("x artifacts why {run} --stage probe")).command else {
            panic!("another command")
        };
        let ArtifactsCommand::Why(why) = artifacts.command else { panic!("another question") };
        assert_eq!(format!("{:?}", why.run), format!("{:?}", pipeline.run));
        assert_eq!(why.stage, Some(Stage::Probe));
    }

    #[test]
    fn what_is_printed_is_said_before_or_after_the_command() {
        for flags in ["x -q export --out t", "x export --out t --quiet"] {
            let output = parse(flags).output;
            assert!(output.quiet && !output.verbose, "{flags}");
        }
        assert!(parse("x artifacts why -v").output.verbose);
        assert!(Cli::try_parse_from(["x", "pipeline", "-q", "-v"]).is_err());
        for flags in ["x artifacts --json - list", "x artifacts list --json -"] {
            let Command::Artifacts(artifacts) = parse(flags).command else { panic!("another command") };
            assert!(artifacts.json.on_standard_output(), "{flags}");
        }
        let Command::Export(export) = parse("x export --out t --json f.json").command else {
            panic!("another command")
        };
        assert!(export.json.json.is_some() && !export.json.on_standard_output());
    }
}
