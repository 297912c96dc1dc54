//! Timing: the embedded pipeline in fresh stores, its figures beside what is asked of them; and the engine beside its peers.

mod engine;
mod peer;
mod recipe;
mod scale;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use latentwalk_arithmetic::{ascending, nearest_quantile};
use latentwalk_cli::OutputArgs;
use serde_json::Value;

/// Arguments of `bench`.
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    pipeline: PipelineArgs,
}

/// What is timed instead of the pipeline.
#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Set inference, JPEG decoding, extraction, training and memory beside PyTorch, ONNX Runtime and OpenVINO, as far as
    /// the Python in PEER_PYTHON (else `python3`) has them.
    Engine(engine::EngineArgs),
    /// Run the whole job in turn with a script in PyTorch and scikit-learn on the same images and splits: seconds, accuracy, ratio.
    Pipeline(peer::PeerArgs),
    /// Train with one part of the recipe changed at a time, over several seeds, and compare accuracies on validation images.
    Recipe(recipe::RecipeArgs),
    /// Run the pipeline on made-up vectors of growing number: seconds of each stage, peak memory, and a figure of both.
    Scale(scale::ScaleArgs),
    #[command(flatten)]
    Binary(latentwalk_cli::BenchCommand),
}

/// Arguments of `bench` alone.
#[derive(Debug, Clone, clap::Args)]
struct PipelineArgs {
    /// Runs, each in a store of its own; the table shows the median.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// A built-in description or a TOML file.
    #[arg(default_value = latentwalk_cli::DEFAULT_DESCRIPTION)]
    description: String,
    /// Change one key of the description, as for `pipeline`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Give each run another seed (1, 2, …) instead of measuring the same one again.
    #[arg(long)]
    seeds: bool,
    /// Folder for the stores; a temporary one when missing. It is emptied of earlier bench runs.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// One figure of summary.json and what is asked of it.
struct Target {
    name: &'static str,
    pointer: &'static str,
    goal: Goal,
}

enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

const TARGETS: &[Target] = &[
    Target { name: "seconds", pointer: "/seconds", goal: Goal::AtMost(240.0) },
    Target { name: "peak memory, bytes", pointer: "/peak_memory_bytes", goal: Goal::AtMost(2e9) },
    Target { name: "category accuracy", pointer: "/accuracy/category/test", goal: Goal::AtLeast(0.905) },
    Target { name: "sleeve AUC", pointer: "/directions/sleeve/min_adjacent_auc", goal: Goal::AtLeast(0.98) },
    Target {
        name: "shoe_height min. AUC",
        pointer: "/directions/shoe_height/min_adjacent_auc",
        goal: Goal::AtLeast(0.96),
    },
    Target { name: "shoe_height Spearman", pointer: "/walks/shoe_height/median_spearman", goal: Goal::AtLeast(0.9) },
    Target { name: "shoe_height visited", pointer: "/walks/shoe_height/middle_visited", goal: Goal::AtLeast(0.8) },
    Target { name: "shoe_height on attribute", pointer: "/walks/shoe_height/on_attribute", goal: Goal::AtLeast(0.98) },
    Target { name: "HNSW recall@10", pointer: "/index/recall_at_10", goal: Goal::AtLeast(0.95) },
];

pub(crate) fn run(args: &BenchArgs, output: OutputArgs) -> Result<ExitCode> {
    match &args.what {
        Some(What::Engine(engine)) => engine::run(engine, output)?,
        Some(What::Pipeline(peer)) => peer::run(peer, output)?,
        Some(What::Recipe(recipe)) => recipe::run(recipe, output)?,
        Some(What::Scale(scale)) => scale::run(scale, output)?,
        Some(What::Binary(_)) => return crate::pass_on(),
        None => pipeline(&args.pipeline, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn pipeline(args: &PipelineArgs, output: OutputArgs) -> Result<()> {
    ensure!(args.runs > 0, "--runs is 0; it must be at least 1");
    let binary = crate::build()?;
    let root = args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join("latentwalk-bench"));
    let mut summaries = Vec::new();
    for run in 1..=args.runs {
        let store = root.join(format!("run-{run}"));
        remove_store(&store)?;
        let mut command = Command::new(&binary);
        command.arg("pipeline").arg(&args.description).arg("--store").arg(&store);
        for change in &args.set {
            command.arg("--set").arg(change);
        }
        for (asked, flag) in [(output.quiet, "--quiet"), (output.verbose, "--verbose")] {
            command.args(asked.then_some(flag));
        }
        if args.seeds {
            command.arg("--set").arg(format!("seed={run}"));
        }
        ensure!(command.status()?.success(), "run {run} failed");
        summaries.push(summary(&store)?);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(table(&summaries).as_bytes())?;
    Ok(out.flush()?)
}

/// Removes the store of an earlier bench run; what is no store stays.
fn remove_store(store: &Path) -> Result<()> {
    if store.join("store.json").is_file() {
        std::fs::remove_dir_all(store).with_context(|| store.display().to_string())?;
    }
    Ok(())
}

/// The folder of a fresh store's one artifact of a stage.
fn only_artifact(store: &Path, stage: &str) -> Result<PathBuf> {
    let folder = store.join("objects").join(stage);
    let mut found = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    Ok(found.next().with_context(|| format!("the run left nothing of the stage `{stage}`"))??.path())
}

fn summary(store: &Path) -> Result<Value> {
    let runs = std::fs::read_dir(store.join("runs"))?.collect::<std::io::Result<Vec<_>>>()?;
    let latest = runs.into_iter().map(|e| e.path()).max().context("the run left no record")?;
    Ok(serde_json::from_slice(&std::fs::read(latest.join("summary.json"))?)?)
}

fn table(summaries: &[Value]) -> String {
    let mut text = format!("\n{:<26}{:>14}{:>14}{:>14}   asked\n", "figure", "median", "min", "max");
    for target in TARGETS {
        let values = ascending(summaries.iter().filter_map(|s| s.pointer(target.pointer)?.as_f64()));
        let [Some(min), Some(median), Some(max)] = [0.0, 0.5, 1.0].map(|q| nearest_quantile(&values, q)) else {
            continue;
        };
        let (asked, met) = match target.goal {
            Goal::AtLeast(x) => (format!("at least {x}"), median >= x),
            Goal::AtMost(x) => (format!("at most {x}"), median <= x),
        };
        let verdict = if met { "met" } else { "MISSED" };
        text += &format!("{:<26}{median:>14.3}{min:>14.3}{max:>14.3}   {asked}: {verdict}\n", target.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_says_what_is_met_and_what_is_missed() {
        let run = |seconds: f64| json!({"seconds": seconds, "accuracy": {"category": {"test": 0.5}}});
        let text = table(&[run(300.0), run(10.0), run(20.0)]);
        let line = |name: &str| text.lines().find(|l| l.starts_with(name)).map(str::to_owned).unwrap_or_default();
        assert!(line("seconds").contains("20.000") && line("seconds").ends_with(": met"));
        assert!(line("category accuracy").ends_with("MISSED"));
        assert!(!text.contains("HNSW"));
    }
}
