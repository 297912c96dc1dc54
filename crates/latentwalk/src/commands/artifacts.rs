//! `artifacts`: a look into the store.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Result, ensure};
use latentwalk_artifacts::{Entry, GcOptions, Key, Problem, Removed, RemovedKind, Store};
use latentwalk_cli::{ArtifactsArgs, ArtifactsCommand, JsonArgs, Stage, WhyArgs};
use latentwalk_run::{read_run, run_folders};
use serde_json::{Value, json};

use super::output::megabytes;
use super::{answer, plan};
use crate::progress::Console;
use crate::{defaults, runner, weights};

/// Looks into a store.
///
/// # Errors
/// The store cannot be read, a key is unknown, or `verify` found problems.
pub(super) fn run(args: &ArtifactsArgs, console: &Console) -> Result<()> {
    let store = Store::open_existing(defaults::store(args.store.as_deref()))?;
    let json = &args.json;
    match &args.command {
        ArtifactsCommand::List => list(&store, json),
        ArtifactsCommand::Show { key } => show(&store, key, json),
        ArtifactsCommand::Why(args) => why(&store, args, json, console),
        ArtifactsCommand::Verify => verify(&store, json),
        ArtifactsCommand::Gc { keep_runs, unfinished, dry_run } => {
            gc(&store, keep_runs.unwrap_or(defaults::DEFAULT_KEEP_RUNS), *unfinished, *dry_run, json)
        }
    }
}

fn list(store: &Store, json: &JsonArgs) -> Result<()> {
    let entries = store.list()?;
    let mut text = format!("{:<15}{:<14}{:>12}{:>10}  {}\n", "stage", "key", "size", "seconds", "made");
    for e in &entries {
        let (key, size) = (e.key.short(), megabytes(e.bytes));
        let _ = writeln!(text, "{:<15}{key:<14}{size:>12}{:>10.1}  {}", e.stage, e.seconds, e.created);
    }
    let entry = |e: &Entry| {
        json!({
            "stage": e.stage, "key": e.key, "files": e.files, "bytes": e.bytes, "seconds": e.seconds, "started": e.created,
        })
    };
    answer::give(json, &text, &json!({ "artifacts": entries.iter().map(entry).collect::<Value>() }))
}

fn show(store: &Store, key: &str, json: &JsonArgs) -> Result<()> {
    let artifact = store.resolve(key)?;
    let manifest = serde_json::to_string_pretty(artifact.manifest())?;
    let text = format!("{}\n{manifest}\n", artifact.dir().display());
    answer::give(json, &text, &json!({ "folder": answer::path(artifact.dir()), "manifest": artifact.manifest() }))
}

fn why(store: &Store, args: &WhyArgs, json: &JsonArgs, console: &Console) -> Result<()> {
    if let Some(stage) = args.run.source.description.as_deref().and_then(stage_named) {
        anyhow::bail!("`{stage}` is a stage and no description\nhint: ask about it by --stage {stage}");
    }
    let config = weights::load(&args.run.source, console)?;
    let mut plan = runner::plan(&config, store, defaults::device(args.run.device.as_deref()), None)?;
    plan.retain(|planned| args.stage.is_none_or(|stage| stage == planned.row.stage));
    answer::give(json, &plan::text(&plan, None, console), &json!({ "stages": plan::json(&plan, None) }))
}

/// The stage of a name, as `artifacts why` once took it in the place of the description.
fn stage_named(name: &str) -> Option<Stage> {
    Stage::all().iter().copied().find(|stage| stage.name() == name)
}

fn verify(store: &Store, json: &JsonArgs) -> Result<()> {
    let (problems, whole) = (store.verify()?, store.list()?.len());
    let text = match problems.len() {
        0 => format!("{whole} artifacts are whole\n"),
        _ => problems.iter().map(|problem| format!("{problem}\n")).collect(),
    };
    let problem = |p: &Problem| json!({ "stage": p.stage, "key": p.key, "problem": p.fault.to_string() });
    let value = json!({ "artifacts": whole, "problems": problems.iter().map(problem).collect::<Value>() });
    answer::give(json, &text, &value)?;
    ensure!(
        problems.is_empty(),
        "{} problems\nhint: remove the named artifacts; the next run makes them again",
        problems.len()
    );
    Ok(())
}

fn gc(store: &Store, keep_runs: usize, unfinished: bool, dry_run: bool, json: &JsonArgs) -> Result<()> {
    let folders = run_folders(&store.runs_dir())?;
    let kept = folders.iter().rev().take(keep_runs).filter_map(|f| read_run(f));
    let mut keep: BTreeSet<Key> =
        kept.flat_map(|run| run.artifacts.into_values()).filter_map(|k| Key::parse(&k).ok()).collect();
    if !unfinished {
        keep.extend(store.partial_keys()?);
    }
    let report = store.gc(&GcOptions { keep, dry_run })?;
    let verb = if dry_run { "would remove" } else { "removed" };
    let text = format!("{verb} {} ({}), kept {}\n", report.removed.len(), megabytes(report.bytes), report.kept);
    let value = json!({
        "dry_run": dry_run,
        "removed": report.removed.iter().map(removed).collect::<Value>(),
        "bytes": report.bytes,
        "kept": report.kept,
        "in_use": report.in_use.iter().map(removed).collect::<Value>(),
    });
    answer::give(json, &text, &value)
}

fn removed(removed: &Removed) -> Value {
    let kind = match removed.kind {
        RemovedKind::Artifact => "artifact",
        RemovedKind::Partial => "partial",
        RemovedKind::Leftover => "leftover",
    };
    json!({ "kind": kind, "stage": removed.stage, "key": removed.key, "bytes": removed.bytes })
}
