//! `artifacts`: a look into the store.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Result, ensure};
use latentwalk_artifacts::{GcOptions, Key, Store};
use latentwalk_cli::{ArtifactsArgs, ArtifactsCommand, DescriptionArgs, Stage};
use latentwalk_run::{read_run, run_folders};

use super::output::{megabytes, print};
use crate::config::Config;
use crate::defaults;
use crate::progress::Console;
use crate::runner;

/// Looks into a store.
///
/// # Errors
/// The store cannot be read, a key is unknown, or `verify` found problems.
pub(super) fn run(args: &ArtifactsArgs, console: &Console) -> Result<()> {
    let store = Store::open_existing(defaults::store(args.store.as_deref()))?;
    match &args.command {
        ArtifactsCommand::List => list(&store),
        ArtifactsCommand::Show { key } => show(&store, key),
        ArtifactsCommand::Why { stage, description, set, data, device } => {
            let source = DescriptionArgs {
                description: description.clone(),
                set: set.clone(),
                data: data.clone(),
                ..DescriptionArgs::default()
            };
            why(&store, &Config::load(&source)?, defaults::device(device.as_deref()), *stage)
        }
        ArtifactsCommand::Verify => verify(&store, console),
        ArtifactsCommand::Gc { keep_runs, unfinished, dry_run } => {
            gc(&store, keep_runs.unwrap_or(defaults::DEFAULT_KEEP_RUNS), *unfinished, *dry_run)
        }
    }
}

fn list(store: &Store) -> Result<()> {
    let mut text = format!("{:<15}{:<14}{:>12}{:>10}  {}\n", "stage", "key", "size", "seconds", "made");
    for e in store.list()? {
        let (key, size) = (e.key.short(), megabytes(e.bytes));
        let _ = writeln!(text, "{:<15}{key:<14}{size:>12}{:>10.1}  {}", e.stage, e.seconds, e.created);
    }
    print(&text)
}

fn show(store: &Store, key: &str) -> Result<()> {
    let artifact = store.resolve(key)?;
    let manifest = serde_json::to_string_pretty(artifact.manifest())?;
    print(&format!("{}\n{manifest}\n", artifact.dir().display()))
}

fn why(store: &Store, config: &Config, device: &str, stage: Option<Stage>) -> Result<()> {
    let mut text = String::new();
    for planned in runner::plan(config, store, device, None)? {
        if stage.is_some_and(|s| s != planned.row.stage) {
            continue;
        }
        let answer = runner::reason(&planned, None)
            .map_or_else(|| format!("stored as {}", planned.key.short()), |reason| format!("would run: {reason}"));
        let _ = writeln!(text, "{:<15}{answer}", planned.row.stage.name());
    }
    print(&text)
}

fn verify(store: &Store, console: &Console) -> Result<()> {
    let problems = store.verify()?;
    for problem in &problems {
        console.say(&problem.to_string());
    }
    ensure!(
        problems.is_empty(),
        "{} problems\nhint: remove the named artifacts; the next run makes them again",
        problems.len()
    );
    print(&format!("{} artifacts are whole\n", store.list()?.len()))
}

fn gc(store: &Store, keep_runs: usize, unfinished: bool, dry_run: bool) -> Result<()> {
    let folders = run_folders(&store.runs_dir())?;
    let kept = folders.iter().rev().take(keep_runs).filter_map(|f| read_run(f));
    let mut keep: BTreeSet<Key> =
        kept.flat_map(|run| run.artifacts.into_values()).filter_map(|k| Key::parse(&k).ok()).collect();
    if !unfinished {
        keep.extend(store.partial_keys()?);
    }
    let report = store.gc(&GcOptions { keep, dry_run })?;
    let verb = if dry_run { "would remove" } else { "removed" };
    print(&format!("{verb} {} ({}), kept {}\n", report.removed.len(), megabytes(report.bytes), report.kept))
}
