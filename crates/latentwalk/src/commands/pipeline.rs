//! `pipeline`: every stage from images to report.

use std::time::Instant;

use anyhow::{Result, ensure};
use latentwalk_artifacts::Store;
use latentwalk_cli::{PipelineArgs, Stage};
use serde_json::{Value, json};

use super::{answer, plan};
use crate::job::RunFacts;
use crate::progress::Console;
use crate::runner::{self, RunRequest, StageResults};
use crate::{defaults, summary, weights};

/// Runs the `pipeline` command.
///
/// # Errors
/// The first stage that fails; what was finished before it stays stored.
pub(super) fn run(args: &PipelineArgs, command: &str, console: &Console) -> Result<()> {
    let started = Instant::now();
    check_range(args)?;
    runner::set_threads(defaults::threads(args.threads))?;
    let config = weights::load(&args.run.source, console)?;
    let store = Store::open(defaults::store(args.store.as_deref()))?;
    let device = defaults::device(args.run.device.as_deref());
    if args.dry_run {
        let planned = runner::plan(&config, &store, device, args.until)?;
        let value = json!({ "stages": plan::json(&planned, args.from), "summary": null });
        return answer::give(&args.json, &plan::text(&planned, args.from, console), &value);
    }
    let request = RunRequest { config: &config, device, from: args.from, until: args.until, command };
    let results = runner::stages(&request, &store, console)?;
    let (text, value) = finish(results, &request, &store, started, console)?;
    answer::give(&args.json, &text, &value)
}

fn check_range(args: &PipelineArgs) -> Result<()> {
    if let (Some(from), Some(until)) = (args.from, args.until) {
        ensure!(from <= until, "--from {from} comes after --until {until}; nothing would run");
    }
    Ok(())
}

/// Writes the run's record where the run came to its end; gives the result as text and as JSON.
fn finish(
    results: StageResults,
    request: &RunRequest<'_>,
    store: &Store,
    started: Instant,
    console: &Console,
) -> Result<(String, Value)> {
    let seconds = started.elapsed().as_secs_f64();
    if results.made == 0 {
        console.say(&format!("nothing to do: all {} stages are stored ({seconds:.2} s)", results.facts.len()));
    }
    let stages: Value = results.facts.iter().map(|f| plan::stage(f.name, &f.key, f.reason.as_deref())).collect();
    let Some(report) = results.artifacts.get(&Stage::Report) else {
        console.say(&format!("stopped after `{}`, as asked", results.facts.last().map_or("", |f| f.name)));
        return Ok((String::new(), json!({ "stages": stages, "summary": null })));
    };
    let facts = RunFacts { command: request.command.to_owned(), tool: runner::TOOL.to_owned(), stages: results.facts };
    let record = summary::Record {
        store,
        config: request.config,
        artifacts: &results.artifacts,
        report,
        facts: &facts,
        seconds,
        made: results.made,
    };
    let summary = record.write()?;
    Ok((summary::table(&summary), json!({ "stages": stages, "summary": summary })))
}
