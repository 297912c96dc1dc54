//! The whole job beside a script in PyTorch and scikit-learn: the same images and splits, the same threads, in turn.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use latentwalk_arithmetic::{ascending, nearest_quantile};
use latentwalk_cli::OutputArgs;
use serde_json::Value;

use super::engine::machine::Machine;

/// Arguments of `bench pipeline`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PeerArgs {
    /// A built-in description or a TOML file.
    #[arg(default_value = latentwalk_cli::DEFAULT_DESCRIPTION)]
    description: String,
    /// Change one key of the description, as for `pipeline`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Epochs of the script.
    #[arg(long, default_value_t = 16)]
    epochs: usize,
    /// Turns: each runs ours, then the script.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Threads of both.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// The attribute whose accuracy is compared; the description's first one when missing.
    #[arg(long)]
    attribute: Option<String>,
    /// Folder for the stores; a temporary one when missing. It is emptied of earlier bench runs.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What one side gave in one turn.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Turn {
    seconds: f64,
    accuracy: f64,
}

pub(crate) fn run(args: &PeerArgs, output: OutputArgs) -> Result<()> {
    ensure!(args.runs > 0 && args.threads > 0, "--runs and --threads must be at least 1");
    let binary = PathBuf::from(crate::build()?);
    let root = args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join("latentwalk-bench-pipeline"));
    let machine = Machine::new(args.threads, Value::Null);
    let ours = |store: &Path, until: Option<&str>| -> Result<()> {
        super::remove_store(store)?;
        let mut command = machine.pinned(&binary);
        command.arg("pipeline").arg(&args.description).arg("--store").arg(store);
        command.args(["--quiet", "--threads"]).arg(args.threads.to_string());
        command.args(args.set.iter().flat_map(|change| ["--set", change]));
        command.args(until.iter().flat_map(|stage| ["--until", stage]));
        ensure!(command.status()?.success(), "our run failed");
        Ok(())
    };
    let shared = root.join("images");
    ours(&shared, Some("images"))?;
    let images = super::only_artifact(&shared, "images")?;
    let attribute = match &args.attribute {
        Some(name) => name.clone(),
        None => first_attribute(&images)?,
    };
    let mut turns = Vec::new();
    for turn in 1..=args.runs {
        let store = root.join("run");
        ours(&store, None)?;
        let summary = super::summary(&store)?;
        let own = Turn {
            seconds: number(&summary, "/seconds")?,
            accuracy: number(&summary, &format!("/accuracy/{attribute}/test"))?,
        };
        let answer = script(&machine, &images, args)?;
        let peer = Turn {
            seconds: number(&answer, "/seconds")?,
            accuracy: number(&answer, &format!("/accuracy/{attribute}"))?,
        };
        if !output.quiet {
            let _ = writeln!(std::io::stderr().lock(), "turn {turn}: ours {own:?}, the script {peer:?}");
        }
        turns.push((own, peer));
    }
    let mut out = std::io::stdout().lock();
    out.write_all(table(&attribute, &turns).as_bytes())?;
    Ok(out.flush()?)
}

/// One run of the script, which prints a line of JSON.
fn script(machine: &Machine, images: &Path, args: &PeerArgs) -> Result<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/peers/pipeline.py");
    let python = super::engine::machine::python();
    let mut command: Command = machine.pinned(Path::new(&python));
    command.arg(script).arg(images).arg(args.epochs.to_string()).arg(args.threads.to_string());
    let output = command.stderr(std::process::Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start {}", python.to_string_lossy()))?;
    ensure!(
        output.status.success(),
        "the script failed\nhint: set PEER_PYTHON to a Python that has torch and scikit-learn"
    );
    let text = String::from_utf8(output.stdout).context("the script's answer is no text")?;
    serde_json::from_str(text.lines().last().unwrap_or_default()).context("the script's last line is no JSON")
}

fn first_attribute(images: &Path) -> Result<String> {
    let facts: Value = serde_json::from_slice(&std::fs::read(images.join("dataset.json"))?)?;
    Ok(facts.pointer("/attributes/0/name").and_then(Value::as_str).context("the data set has no attribute")?.to_owned())
}

fn number(value: &Value, pointer: &str) -> Result<f64> {
    value.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("there is no figure {pointer}"))
}

fn table(attribute: &str, turns: &[(Turn, Turn)]) -> String {
    let mut text = format!("{:<34}{:>10}{:>10}{:>10}\n", "figure", "median", "min", "max");
    let mut row = |name: &str, values: Vec<f64>| {
        let sorted = ascending(values);
        if let [Some(low), Some(middle), Some(high)] = [0.0, 0.5, 1.0].map(|q| nearest_quantile(&sorted, q)) {
            let _ = writeln!(text, "{name:<34}{middle:>10.3}{low:>10.3}{high:>10.3}");
        }
    };
    row("ours, seconds", turns.iter().map(|(own, _)| own.seconds).collect());
    row("script, seconds", turns.iter().map(|(_, peer)| peer.seconds).collect());
    row("script / ours", turns.iter().map(|(own, peer)| peer.seconds / own.seconds).collect());
    row(&format!("ours, `{attribute}` accuracy"), turns.iter().map(|(own, _)| own.accuracy).collect());
    row(&format!("script, `{attribute}` accuracy"), turns.iter().map(|(_, peer)| peer.accuracy).collect());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_taken_within_a_turn() {
        let turn = |seconds, accuracy| Turn { seconds, accuracy };
        let turns = [
            (turn(10.0, 0.9), turn(30.0, 0.9)),
            (turn(20.0, 0.8), turn(40.0, 0.9)),
            (turn(10.0, 0.7), turn(50.0, 0.9)),
        ];
        let text = table("kind", &turns);
        let line = text.lines().find(|line| line.starts_with("script / ours")).unwrap_or_default();
        assert_eq!(line.split_whitespace().skip(3).collect::<Vec<_>>(), ["3.000", "2.000", "5.000"]);
        assert!(text.contains("ours, `kind` accuracy"));
    }
}
