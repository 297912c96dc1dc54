//! Plans a run, runs what is not stored, and says why.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result, bail};
use latentwalk_artifacts::{Artifact, Begin, Commit, ContentHasher, Key, Recipe, Store, Why};
use latentwalk_cli::Stage;
use latentwalk_images::SourceFile;
use serde_json::Value;

use crate::clock;
use crate::config::Config;
use crate::job::{Job, RunFacts, StageFact};
use crate::progress::Console;
use crate::stages::{STAGES, StageRow};

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

/// What is to be run.
pub struct RunRequest<'a> {
    /// The resolved description.
    pub config: &'a Config,
    /// The device's name.
    pub device: &'a str,
    /// Run this stage and all that follow it again, even where a result is stored.
    pub from: Option<Stage>,
    /// Stop after this stage.
    pub until: Option<Stage>,
    /// The command as typed.
    pub command: &'a str,
}

/// The results of the stages that a request asks for.
pub struct StageResults {
    /// The artifacts, stored before or made now.
    pub artifacts: BTreeMap<Stage, Artifact>,
    /// Keys and durations, in the order of the stages.
    pub facts: Vec<StageFact>,
    /// How many were made now.
    pub made: usize,
}

/// Makes what is not stored yet.
///
/// # Errors
/// The first stage that fails; what was finished before it stays stored.
pub fn stages(request: &RunRequest<'_>, store: &Store, console: &Console) -> Result<StageResults> {
    // Known to be usable before hours are spent on earlier stages.
    let device = latentwalk_backbone::parse_device(request.device)?;
    if request.config.vectors().is_none() {
        device.check_training(request.config.backbone.train.precision).context("`backbone.precision`")?;
        device.check_evaluation(request.config.embeddings.precision).context("`embeddings.precision`")?;
    }
    let plan = plan(request.config, store, request.device, request.until)?;
    let mut work = Work {
        request,
        store,
        console,
        results: StageResults { artifacts: BTreeMap::new(), facts: Vec::new(), made: 0 },
    };
    for (index, planned) in plan.iter().enumerate() {
        work.stage(planned, &format!("[{}/{}]", index + 1, plan.len()))?;
    }
    Ok(work.results)
}

/// Starts the threads that all stages share; 0 is one per core.
///
/// # Errors
/// They were started before.
pub fn set_threads(threads: usize) -> Result<()> {
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
    let wanted = |row: &&StageRow| until.is_none_or(|u| row.stage <= u) && !row.skip.is_some_and(|skip| skip(config));
    for row in STAGES.iter().filter(wanted) {
        let recipe = Recipe {
            stage: row.stage.name().to_owned(),
            revision: row.revision,
            schema: row.schema,
            device: row.device.then(|| device_kind(device).to_owned()),
            parameters: select(&parameters, row.parameters),
            inputs: row.reads.iter().filter_map(|s| keys.get(s).map(|&k| (s.name().to_owned(), k))).collect(),
            files: row.outside.map_or_else(|| Ok(BTreeMap::new()), |list| hashes(list(config)?, store))?,
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

/// Content hashes of files that a stage reads from outside the store.
fn hashes(list: Vec<SourceFile>, store: &Store) -> Result<BTreeMap<String, String>> {
    let mut hasher = ContentHasher::open(store, SystemTime::now())?;
    let mut files = BTreeMap::new();
    for file in list {
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

struct Work<'a> {
    request: &'a RunRequest<'a>,
    store: &'a Store,
    console: &'a Console,
    results: StageResults,
}

impl Work<'_> {
    fn stage(&mut self, planned: &Planned, place: &str) -> Result<()> {
        let stage = planned.row.stage;
        let forced = self.request.from.is_some_and(|f| f <= stage);
        let stored = if forced { None } else { self.store.find(stage.name(), &planned.key)? };
        let reason = match stored {
            Some(_) => None,
            None => reason(planned, self.request.from).or_else(|| Some("its stored result is damaged".to_owned())),
        };
        self.announce(planned, place, reason.as_deref());
        let artifact = match stored {
            Some(artifact) => artifact,
            None => self.make(planned, forced).with_context(|| format!("stage `{stage}`"))?,
        };
        self.results.facts.push(StageFact {
            name: stage.name(),
            key: planned.key.to_string(),
            seconds: artifact.manifest().seconds,
            reason,
        });
        self.results.artifacts.insert(stage, artifact);
        Ok(())
    }

    /// Says why a stage runs; with `--verbose` also that it does not, and its key.
    fn announce(&self, planned: &Planned, place: &str, reason: Option<&str>) {
        let stage = planned.row.stage;
        match reason {
            Some(reason) => self.console.say(&format!("{place} {stage}: {reason}")),
            None => self.console.detail(&format!("{place} {stage}: taken from the store, since nothing has changed")),
        }
        self.console.detail(&format!("  {stage}: key {}", planned.key));
    }

    fn make(&mut self, planned: &Planned, forced: bool) -> Result<Artifact> {
        let stage = planned.row.stage;
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
        let run = RunFacts {
            command: self.request.command.to_owned(),
            tool: TOOL.to_owned(),
            stages: self.results.facts.clone(),
        };
        let metrics = {
            let progress = self.console.start(stage.name());
            let partial = pending.partial()?;
            (planned.row.run)(&Job {
                config: self.request.config,
                device: self.request.device,
                inputs: &self.results.artifacts,
                out: pending.dir(),
                partial: &partial,
                progress: &progress,
                run: &run,
            })?
        };
        // The next stage needs other buffers, and large ones do not fit between what this one left.
        latentwalk_engine::give_back_freed_memory();
        let seconds = clock.elapsed().as_secs_f64();
        self.results.made += 1;
        let commit =
            Commit { metrics, notes: Vec::new(), tool: TOOL.to_owned(), started: clock::rfc3339(started), seconds };
        let artifact = pending.commit(commit)?;
        self.console.say(&format!("  {stage}: {seconds:.1} s, {}", planned.key.short()));
        Ok(artifact)
    }
}
