//! The training recipe, one factor at a time: what each change does to the accuracy on validation images, over several seeds.
//!
//! The test images are never looked at. Every training is written down as soon as it ends, so that a bench that was stopped goes on.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use latentwalk_cli::OutputArgs;
use serde::{Deserialize, Serialize};

/// Arguments of `bench recipe`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RecipeArgs {
    /// The changes, as in `fixtures/recipes/one-factor.json`.
    file: PathBuf,
    /// Folder of the description's files, as for `pipeline`.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Seeds of each change: 1 to this.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Only the changes with these names; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Trainings at the same time, each on one thread.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Folder of the trainings' records; a temporary one when missing. A training that stands there is not run again.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What is changed, and from where.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    description: String,
    /// Keys that all trainings share.
    set: Vec<String>,
    /// The attribute whose accuracy is compared.
    attribute: String,
    /// The changes; each is compared with the one that it names.
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: String,
    /// The change that this one starts from; its keys come first.
    #[serde(default)]
    from: Option<String>,
    set: Vec<String>,
}

/// One training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Trained {
    change: String,
    seed: u64,
    /// All keys, in the order in which they were set.
    set: Vec<String>,
    /// On the validation images, of the weights that are kept.
    accuracy: f64,
    train_loss: f64,
    validation_loss: f64,
    best_epoch: u64,
    seconds: f64,
}

impl Plan {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| path.display().to_string())
    }

    fn change(&self, name: &str) -> Result<&Change> {
        let found = self.changes.iter().find(|change| change.name == name);
        let known = || self.changes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        found.with_context(|| format!("there is no change `{name}`; there are {}", known()))
    }

    /// All keys of a change: those that all share, those of what it starts from, its own.
    fn keys(&self, change: &Change) -> Result<Vec<String>> {
        let mut keys = match &change.from {
            Some(from) if *from == change.name => bail!("`{from}` starts from itself"),
            Some(from) => self.keys(self.change(from)?)?,
            None => self.set.clone(),
        };
        keys.extend(change.set.iter().cloned());
        Ok(keys)
    }

    fn chosen(&self, only: &[String]) -> Result<Vec<&Change>> {
        match only.is_empty() {
            true => Ok(self.changes.iter().collect()),
            false => only.iter().map(|name| self.change(name)).collect(),
        }
    }
}

pub(crate) fn run(args: &RecipeArgs, output: OutputArgs) -> Result<()> {
    ensure!(args.seeds > 0 && args.jobs > 0, "--seeds and --jobs must be at least 1");
    let plan = Plan::read(&args.file)?;
    let changes = plan.chosen(&args.only)?;
    let dir = args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join("latentwalk-bench-recipe"));
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let record = dir.join("trainings.jsonl");
    let mut all = records(&record)?;
    let mut due = VecDeque::new();
    for seed in 1..=args.seeds {
        for change in &changes {
            let set = plan.keys(change)?;
            if !all.iter().any(|t| t.change == change.name && t.seed == seed && t.set == set) {
                due.push_back(((*change).clone(), seed, set));
            }
        }
    }
    let binary = PathBuf::from(crate::build()?);
    let (due, done) = (Mutex::new(due), Mutex::new(Vec::new()));
    std::thread::scope(|scope| -> Result<()> {
        let work = |job: usize| -> Result<()> {
            while let Some((change, seed, set)) = due.lock().ok().and_then(|mut due| due.pop_front()) {
                let store = dir.join(format!("store-{job}"));
                let trained = train(&binary, &plan, args.data.as_deref(), &store, (&change.name, seed, set))?;
                if !output.quiet {
                    let _ = writeln!(std::io::stderr().lock(), "{} {seed}: {:.4}", trained.change, trained.accuracy);
                }
                let mut file = OpenOptions::new().create(true).append(true).open(&record)?;
                writeln!(file, "{}", serde_json::to_string(&trained)?)?;
                done.lock().map(|mut done| done.push(trained)).ok();
            }
            Ok(())
        };
        let workers: Vec<_> = (0..args.jobs).map(|job| scope.spawn(move || work(job))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a training's thread ended")))
    })?;
    all.extend(done.into_inner().unwrap_or_default());
    let mut out = std::io::stdout().lock();
    out.write_all(table(&plan, &changes, &all)?.as_bytes())?;
    Ok(out.flush()?)
}

/// The trainings that were written down.
fn records(path: &Path) -> Result<Vec<Trained>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().enumerate();
    let read = |(at, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}, line {}", path.display(), at + 1))
    };
    lines.map(read).collect()
}

fn train(
    binary: &Path,
    plan: &Plan,
    data: Option<&Path>,
    store: &Path,
    (change, seed, set): (&str, u64, Vec<String>),
) -> Result<Trained> {
    super::remove_store(store)?;
    let mut command = Command::new(binary);
    command.args(["pipeline", &plan.description, "--until", "backbone", "--quiet", "--threads", "1", "--store"]);
    command.arg(store);
    if let Some(data) = data {
        command.arg("--data").arg(data);
    }
    for key in &set {
        command.arg("--set").arg(key);
    }
    command.arg("--set").arg(format!("seed={seed}"));
    let begun = Instant::now();
    let status = command.status().with_context(|| format!("cannot start {}", binary.display()))?;
    ensure!(status.success(), "the training of `{change}` with seed {seed} failed");
    let seconds = begun.elapsed().as_secs_f64();
    let (network, history) = (artifact(store, "network.json")?, artifact(store, "history.json")?);
    let best = history["best_epoch"].as_u64().context("the history names no best epoch")?;
    let epoch = &history["epochs"][best as usize];
    let heads = network["heads"].as_array().context("the network has no heads")?;
    let head = heads.iter().position(|head| head["name"] == plan.attribute.as_str());
    let head = head.with_context(|| format!("the network has no head `{}`", plan.attribute))?;
    let number = |value: &serde_json::Value| value.as_f64().context("a figure is missing from the history");
    Ok(Trained {
        change: change.to_owned(),
        seed,
        set,
        accuracy: number(&epoch["validation_accuracy"][head])?,
        train_loss: number(&epoch["train_loss"])?,
        validation_loss: number(&epoch["validation_loss"])?,
        best_epoch: best + 1,
        seconds,
    })
}

/// A file of the store's one backbone.
fn artifact(store: &Path, name: &str) -> Result<serde_json::Value> {
    let path = super::only_artifact(store, "backbone")?.join(name);
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

/// A row of Markdown per change.
fn table(plan: &Plan, changes: &[&Change], all: &[Trained]) -> Result<String> {
    let mut text = format!(
        "| change | from | seeds | `{}`, validation | min | max | difference | train loss |\n|---|---|---|---|---|---|---|---|\n",
        plan.attribute
    );
    for change in changes {
        let own = of(plan, change, all)?;
        if own.is_empty() {
            continue;
        }
        let accuracy: Vec<f64> = own.iter().map(|t| t.accuracy).collect();
        let (low, high) = accuracy.iter().fold((1.0f64, 0.0f64), |(low, high), &a| (low.min(a), high.max(a)));
        let losses: Vec<f64> = own.iter().map(|t| t.train_loss).collect();
        let difference = match &change.from {
            None => String::new(),
            Some(from) => paired(&own, &of(plan, plan.change(from)?, all)?),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.4} | {low:.4} | {high:.4} | {difference} | {:.3} |",
            change.name,
            change.from.as_deref().unwrap_or(""),
            own.len(),
            mean(&accuracy),
            mean(&losses),
        );
    }
    Ok(text)
}

fn of<'t>(plan: &Plan, change: &Change, all: &'t [Trained]) -> Result<Vec<&'t Trained>> {
    let keys = plan.keys(change)?;
    Ok(all.iter().filter(|t| t.change == change.name && t.set == keys).collect())
}

/// The mean difference over the seeds that both have, and its standard error.
fn paired(own: &[&Trained], from: &[&Trained]) -> String {
    let other = |seed| from.iter().find(|t| t.seed == seed);
    let differences: Vec<f64> = own.iter().filter_map(|t| Some(t.accuracy - other(t.seed)?.accuracy)).collect();
    match differences.len() {
        0 => String::new(),
        1 => format!("{:+.4}", differences[0]),
        n => {
            let centre = mean(&differences);
            let squares: f64 = differences.iter().map(|d| (d - centre).powi(2)).sum();
            format!("{centre:+.4} ± {:.4}", (squares / (n - 1) as f64 / n as f64).sqrt())
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan() -> Plan {
        let text = r#"{"description": "d", "set": ["a=1"], "attribute": "kind", "changes": [
            {"name": "base", "set": ["b=1"]}, {"name": "more", "from": "base", "set": ["c=2"]}]}"#;
        serde_json::from_str(text).unwrap()
    }

    fn trained(change: &str, seed: u64, accuracy: f64) -> Trained {
        let plan = plan();
        let set = plan.keys(plan.change(change).unwrap()).unwrap();
        Trained {
            change: change.to_owned(),
            seed,
            set,
            accuracy,
            train_loss: 0.5,
            validation_loss: 0.6,
            best_epoch: 3,
            seconds: 1.0,
        }
    }

    #[test]
    fn a_change_takes_the_keys_of_what_it_starts_from() {
        let plan = plan();
        assert_eq!(plan.keys(plan.change("more").unwrap()).unwrap(), ["a=1", "b=1", "c=2"]);
        let unknown = plan.change("less").unwrap_err().to_string();
        assert!(unknown.contains("less") && unknown.contains("base, more"), "{unknown}");
    }

    #[test]
    fn differences_are_paired_by_seed_and_records_of_other_keys_do_not_count() {
        let plan = plan();
        let mut all =
            vec![trained("base", 1, 0.5), trained("base", 2, 0.7), trained("more", 1, 0.6), trained("more", 2, 0.9)];
        all.push(Trained { set: vec!["a=9".to_owned()], ..trained("more", 1, 0.0) });
        let changes: Vec<&Change> = plan.changes.iter().collect();
        let text = table(&plan, &changes, &all).unwrap();
        let row = text.lines().last().unwrap();
        assert!(row.contains("| more | base | 2 | 0.7500 | 0.6000 | 0.9000 | +0.1500 ± 0.0500 |"), "{row}");
    }

    #[test]
    fn the_plans_of_the_repository_are_whole() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/recipes");
        let mut plans = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let plan = Plan::read(&entry.unwrap().path()).unwrap();
            plan.changes.iter().for_each(|change| drop(plan.keys(change).unwrap()));
            plans += 1;
        }
        assert!(plans > 0);
    }
}
