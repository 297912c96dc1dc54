//! The small commands: `init` and `artifacts`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use latentwalk_artifacts::{GcOptions, Key, Store};
use latentwalk_cli::{
    ArtifactsArgs, ArtifactsCommand, DescriptionArgs, GarmentsArgs, ImportArgs, InitArgs, PipelineArgs, Stage,
};
use latentwalk_garments::{DEFAULT_COUNT, DEFAULT_SEED, DEFAULT_SIZE, DEFAULT_TWIN_SETS, Format};
use latentwalk_images::Depth;

use crate::config::Config;
use crate::progress::Console;
use crate::{defaults, runner, summary};

/// The command as the user typed it, with the program's name and not its path.
pub fn typed() -> String {
    let quote = |arg: String| if arg.chars().any(char::is_whitespace) { format!("'{arg}'") } else { arg };
    std::iter::once("latentwalk".to_owned()).chain(std::env::args().skip(1).map(quote)).collect::<Vec<_>>().join(" ")
}

/// An error with its causes as one sentence; libraries that quote their cause are not made to say it twice.
pub fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

/// Writes a first description into a folder of images.
///
/// # Errors
/// The folder cannot be understood, or it has a description already.
pub fn init(args: &InitArgs, console: &Console) -> Result<()> {
    let text = format!("name = \"{}\"\n\n{}", run_name(&args.dir), latentwalk_images::init(&args.dir)?);
    let path = args.dir.join("latentwalk.toml");
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = match file {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} exists already; edit it, or move it away first", path.display())
        }
        other => other.with_context(|| format!("cannot write {}", path.display()))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    console.say(&format!("wrote {}; read it, then run: latentwalk pipeline {}", path.display(), path.display()));
    Ok(())
}

/// Imports a description's images, or says what would be imported.
///
/// # Errors
/// As the pipeline's first stage; with `--check`, a source that cannot be read at all.
pub fn import(args: &ImportArgs, command: &str, console: &Console) -> Result<()> {
    if !args.check {
        let pipeline = PipelineArgs {
            source: args.source.clone(),
            store: args.store.clone(),
            until: Some(Stage::Images),
            ..PipelineArgs::default()
        };
        return runner::pipeline(&pipeline, command, console);
    }
    let config = Config::load(&args.source)?;
    let depth = if args.contents { Depth::Contents } else { Depth::Names };
    let survey = {
        let progress = console.start("check");
        let progress = |done, total| progress.set(done, total);
        latentwalk_images::survey(&config.images, &config.origin, depth, &progress)?
    };
    print(&survey.to_string())
}

/// Renders a wardrobe into a folder.
///
/// # Errors
/// Options out of range, a folder that is not empty, a full disk.
pub fn garments(args: &GarmentsArgs, console: &Console) -> Result<()> {
    let options = latentwalk_garments::Options {
        count: args.count.unwrap_or(DEFAULT_COUNT),
        size: args.size.unwrap_or(DEFAULT_SIZE),
        seed: args.seed.unwrap_or(DEFAULT_SEED),
        balanced: args.balanced,
        twin_sets: args.twin_sets.unwrap_or(DEFAULT_TWIN_SETS),
        format: if args.png { Format::Png } else { Format::Jpeg },
    };
    let summary = {
        let progress = console.start("garments");
        let parquet = |folder: &Path, rows: &[_]| {
            let path = folder.join(latentwalk_garments::PARQUET_FILE);
            let columns = &latentwalk_garments::COLUMNS;
            latentwalk_embeddings::write_text_table(path, columns, rows).map_err(std::io::Error::other)
        };
        latentwalk_garments::write_dataset(&args.out, &options, &parquet, &|done, total| progress.set(done, total))?
    };
    let description = args.out.join(latentwalk_garments::DESCRIPTION_FILE);
    print(&format!(
        "{} garments and {} twins, {} of images in {}\nrun: latentwalk pipeline {}\n",
        summary.garments,
        summary.twins,
        megabytes(summary.image_bytes),
        args.out.display(),
        description.display()
    ))
}

/// The folder's name, as far as it can be a run's name.
fn run_name(dir: &Path) -> String {
    let name = std::path::absolute(dir).ok().and_then(|d| d.file_name().map(|n| n.to_string_lossy().into_owned()));
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = name.unwrap_or_default().chars().map(keep).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "images".to_owned() } else { name.to_owned() }
}

/// Looks into a store.
///
/// # Errors
/// The store cannot be read, a key is unknown, or `verify` found problems.
pub fn artifacts(args: &ArtifactsArgs, console: &Console) -> Result<()> {
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

pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
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
        "{} problems; remove the named artifacts, the next run makes them again",
        problems.len()
    );
    print(&format!("{} artifacts are whole\n", store.list()?.len()))
}

fn gc(store: &Store, keep_runs: usize, unfinished: bool, dry_run: bool) -> Result<()> {
    let folders = summary::run_folders(&store.runs_dir())?;
    let kept = folders.iter().rev().take(keep_runs).filter_map(|f| summary::read_run(f));
    let mut keep: BTreeSet<Key> =
        kept.flat_map(|run| run.artifacts.into_values()).filter_map(|k| Key::parse(&k).ok()).collect();
    if !unfinished {
        keep.extend(store.partial_keys()?);
    }
    let report = store.gc(&GcOptions { keep, dry_run })?;
    let verb = if dry_run { "would remove" } else { "removed" };
    print(&format!("{verb} {} ({}), kept {}\n", report.removed.len(), megabytes(report.bytes), report.kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folders_name_becomes_a_runs_name() {
        assert_eq!(run_name(Path::new("/data/My photos")), "My-photos");
        assert_eq!(run_name(Path::new("/data/写真")), "images");
    }

    #[test]
    fn a_cause_that_was_quoted_is_not_repeated() {
        let error = anyhow::anyhow!("disk full").context("cannot write x: disk full; free some").context("stage `a`");
        assert_eq!(sentence(&error), "stage `a`: cannot write x: disk full; free some");
    }
}
