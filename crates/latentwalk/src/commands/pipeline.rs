//! `pipeline`: every stage from images to report.

use std::time::Instant;

use anyhow::{Result, ensure};
use latentwalk_artifacts::Store;
use latentwalk_cli::{PipelineArgs, Stage};

use crate::config::Config;
use crate::defaults;
use crate::job::RunFacts;
use crate::progress::Console;
use crate::runner::{self, Planned, RunRequest, StageResults};
use crate::summary;

/// Runs the `pipeline` command.
///
/// # Errors
/// The first stage that fails; what was finished before it stays stored.
pub(super) fn run(args: &PipelineArgs, command: &str, console: &Console) -> Result<()> {
    let started = Instant::now();
    check_range(args)?;
    runner::set_threads(defaults::threads(args.threads))?;
    let config = Config::load(&args.source)?;
    let store = Store::open(defaults::store(args.store.as_deref()))?;
    let device = defaults::device(args.device.as_deref());
    if args.dry_run {
        return say_plan(&runner::plan(&config, &store, device, args.until)?, args.from, console);
    }
    let request = RunRequest { config: &config, device, from: args.from, until: args.until, command };
    let results = runner::stages(&request, &store, console)?;
    finish(results, &request, &store, started, console)
}

fn check_range(args: &PipelineArgs) -> Result<()> {
    if let (Some(from), Some(until)) = (args.from, args.until) {
        ensure!(from <= until, "--from {from} comes after --until {until}; nothing would run");
    }
    Ok(())
}

fn say_plan(plan: &[Planned], from: Option<Stage>, console: &Console) -> Result<()> {
    for planned in plan {
        let name = planned.row.stage.name();
        match runner::reason(planned, from) {
            Some(reason) => console.say(&format!("{name:<14} would run: {reason}")),
            None => console.say(&format!("{name:<14} stored ({})", planned.key.short())),
        }
    }
    Ok(())
}

fn finish(
    results: StageResults,
    request: &RunRequest<'_>,
    store: &Store,
    started: Instant,
    console: &Console,
) -> Result<()> {
    let seconds = started.elapsed().as_secs_f64();
    if results.made == 0 {
        console.say(&format!("nothing to do: all {} stages are stored ({seconds:.2} s)", results.facts.len()));
    }
    let Some(report) = results.artifacts.get(&Stage::Report) else {
        console.say(&format!("stopped after `{}`, as asked", results.facts.last().map_or("", |f| f.name)));
        return Ok(());
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
    summary::print(&summary)
}
