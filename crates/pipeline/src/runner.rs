//! Plans a run, runs what is not stored, and says why.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use latentwalk_artifacts::{Artifact, Begin, Commit, ContentHasher, Key, Recipe, Store, Why};
use latentwalk_cli::{PipelineArgs, Stage};
use serde_json::Value;

use crate::clock;
use crate::config::Config;
use crate::progress::Console;
use crate::stages::{Job, RunFacts, STAGES, StageFact, StageRow};
use crate::summary;

/// Name and version of the tool, as manifests and reports state it.
pub const TOOL: &str = concat!("latentwalk ", env!("CARGO_PKG_VERSION"));

/// One stage of a planned run.
pub struct Planned {
    /// Its row of the table.
    pub row: &'static StageRow,
    /// What its result is made from.
    pub recipe: Recipe,
    /// The key of that.
    pub key: Key,
    /// Whether the result is stored, and why not.
    pub why: Why,
}

/// Runs the `pipeline` command.
///
/// # Errors
/// The first stage that fails; what was finished before it stays stored.
pub fn pipeline(args: &PipelineArgs, command: &str, console: &Console) -> Result<()> {
    let started = Instant::now();
    check_range(args)?;
    set_threads(args.threads)?;
    let config = Config::load(&args.source)?;
    // Known to be usable before hours are spent on earlier stages.
    latentwalk_backbone::parse_device(&args.device)?;
    let store = Store::open(&args.store)?;
    let plan = plan(&config, &store, &args.device, args.until)?;
    if args.dry_run {
        return say_plan(&plan, args.from, console);
    }
    let mut run =
        Run { config: &config, store: &store, args, console, artifacts: BTreeMap::new(), facts: Vec::new(), made: 0 };
    for planned in &plan {
        run.stage(planned, command)?;
    }
    run.finish(started, command)
}

fn check_range(args: &PipelineArgs) -> Result<()> {
    if let (Some(from), Some(until)) = (args.from, args.until) {
        ensure!(from <= until, "--from {from} comes after --until {until}; nothing would run");
    }
    Ok(())
}

fn set_threads(threads: usize) -> Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().context("cannot start the threads")
}

/// What a run would do: every stage's recipe and key, known before anything runs.
///
/// # Errors
/// A file that the description names cannot be read, or the store cannot.
pub fn plan(config: &Config, store: &Store, device: &str, until: Option<Stage>) -> Result<Vec<Planned>> {
    let parameters = config.parameters()?;
    let mut keys: BTreeMap<Stage, Key> = BTreeMap::new();
    let mut plan = Vec::new();
    for row in STAGES.iter().filter(|r| until.is_none_or(|u| r.stage <= u)) {
        let recipe = Recipe {
            stage: row.stage.name().to_owned(),
            revision: row.revision,
            schema: row.schema,
            device: row.device.then(|| device_kind(device).to_owned()),
            parameters: select(&parameters, row.parameters),
            inputs: row.reads.iter().filter_map(|s| keys.get(s).map(|&k| (s.name().to_owned(), k))).collect(),
            files: if row.outside { outside_files(config, store)? } else { BTreeMap::new() },
        };
        let key = recipe.key();
        let why = store.why(&recipe)?;
        keys.insert(row.stage, key);
        plan.push(Planned { row, recipe, key, why });
    }
    Ok(plan)
}

/// The kind of a device: `cuda:0` and `cuda:1` give the same result.
fn device_kind(device: &str) -> &str {
    device.split(':').next().unwrap_or(device)
}

fn select(all: &BTreeMap<String, Value>, names: &[&str]) -> BTreeMap<String, Value> {
    let covers = |name: &str, key: &str| key == name || key.strip_prefix(name).is_some_and(|r| r.starts_with('.'));
    all.iter()
        .filter(|(key, _)| names.iter().any(|name| covers(name, key)))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

/// Content hashes of every file that the description names.
fn outside_files(config: &Config, store: &Store) -> Result<BTreeMap<String, String>> {
    let mut hasher = ContentHasher::open(store, SystemTime::now())?;
    let mut files = BTreeMap::new();
    for file in latentwalk_images::files(&config.images, &config.origin)? {
        let hash = match (file.bytes, &file.path) {
            (Some(bytes), _) => latentwalk_artifacts::hash_bytes(bytes),
            (None, Some(path)) => hasher.hash_file(path)?,
            (None, None) => bail!("the file {} has neither a path nor content", file.name),
        };
        files.insert(file.name, hash);
    }
    hasher.save()?;
    Ok(files)
}

/// Why a stage is going to run; `None` when its result is stored.
pub fn reason(planned: &Planned, from: Option<Stage>) -> Option<String> {
    match &planned.why {
        _ if from.is_some_and(|f| f <= planned.row.stage) => Some("asked for by --from".to_owned()),
        Why::UpToDate => None,
        why => Some(why.to_string()),
    }
}

fn say_plan(plan: &[Planned], from: Option<Stage>, console: &Console) -> Result<()> {
    for planned in plan {
        let name = planned.row.stage.name();
        match reason(planned, from) {
            Some(reason) => console.say(&format!("{name:<14} would run: {reason}")),
            None => console.say(&format!("{name:<14} stored ({})", planned.key.short())),
        }
    }
    Ok(())
}

struct Run<'a> {
    config: &'a Config,
    store: &'a Store,
    args: &'a PipelineArgs,
    console: &'a Console,
    artifacts: BTreeMap<Stage, Artifact>,
    facts: Vec<StageFact>,
    made: usize,
}

impl Run<'_> {
    fn stage(&mut self, planned: &Planned, command: &str) -> Result<()> {
        let stage = planned.row.stage;
        let forced = self.args.from.is_some_and(|f| f <= stage);
        let stored = if forced { None } else { self.store.find(stage.name(), &planned.key)? };
        let reused = stored.is_some();
        let artifact = match stored {
            Some(artifact) => artifact,
            None => self.make(planned, forced, command).with_context(|| format!("stage `{stage}`"))?,
        };
        self.facts.push(StageFact {
            name: stage.name(),
            key: planned.key.to_string(),
            seconds: artifact.manifest().seconds,
            reused,
        });
        self.artifacts.insert(stage, artifact);
        Ok(())
    }

    fn make(&mut self, planned: &Planned, forced: bool, command: &str) -> Result<Artifact> {
        let stage = planned.row.stage;
        let why = reason(planned, self.args.from).unwrap_or_else(|| "its stored result is damaged".to_owned());
        let number = STAGES.iter().position(|r| r.stage == stage).unwrap_or_default() + 1;
        self.console.say(&format!("[{number}/{}] {stage}: {why}", STAGES.len()));
        let mut waiting =
            || self.console.say(&format!("  {stage}: another process is making this result; waiting for it"));
        let begun = if forced {
            Begin::Make(self.store.begin_anew(&planned.recipe, &mut waiting)?)
        } else {
            self.store.begin_with(&planned.recipe, &mut waiting)?
        };
        let pending = match begun {
            Begin::Ready(artifact) => return Ok(artifact),
            Begin::Make(pending) => pending,
        };
        let (started, clock) = (SystemTime::now(), Instant::now());
        let run = RunFacts { command: command.to_owned(), tool: TOOL.to_owned(), stages: self.facts.clone() };
        let metrics = {
            let progress = self.console.start(stage.name());
            let partial = pending.partial()?;
            (planned.row.run)(&Job {
                config: self.config,
                device: &self.args.device,
                inputs: &self.artifacts,
                out: pending.dir(),
                partial: &partial,
                progress: &progress,
                run: &run,
            })?
        };
        let seconds = clock.elapsed().as_secs_f64();
        self.made += 1;
        let commit =
            Commit { metrics, notes: Vec::new(), tool: TOOL.to_owned(), started: clock::rfc3339(started), seconds };
        let artifact = pending.commit(commit)?;
        self.console.say(&format!("  {stage}: {seconds:.1} s, {}", planned.key.short()));
        Ok(artifact)
    }

    fn finish(self, started: Instant, command: &str) -> Result<()> {
        let seconds = started.elapsed().as_secs_f64();
        if self.made == 0 {
            self.console.say(&format!("nothing to do: all {} stages are stored ({seconds:.2} s)", self.facts.len()));
        }
        let Some(report) = self.artifacts.get(&Stage::Report) else {
            self.console.say(&format!("stopped after `{}`, as asked", self.facts.last().map_or("", |f| f.name)));
            return Ok(());
        };
        let facts = RunFacts { command: command.to_owned(), tool: TOOL.to_owned(), stages: self.facts.clone() };
        let record = summary::Record {
            store: self.store,
            config: self.config,
            artifacts: &self.artifacts,
            report,
            facts: &facts,
            seconds,
            made: self.made,
        };
        let summary = record.write()?;
        summary::print(&summary)
    }
}
