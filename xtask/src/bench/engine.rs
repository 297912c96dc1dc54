//! The engine beside the runtimes that one would pick instead: the same work in turn, in processes of their own.
//!
//! A round measures ours, every peer, and a plain product of the same precision, one after the other; the first round warms up
//! and is thrown away. A ratio is taken within a round, so that what slows the machine for a while touches both sides.

pub(super) mod machine;
mod row;
mod worker;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use latentwalk_cli::{JsonArgs, OutputArgs};

use machine::Machine;
use row::{Better, Rounds, Row};
use worker::{Start, Worker};

/// Arguments of `bench engine`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EngineArgs {
    /// The rows as JSON.
    #[command(flatten)]
    json: JsonArgs,
    /// Threads of every contender.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Rounds that count; the figures are their medians.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only the rows whose name contains this; may be given several times.
    #[arg(long, value_name = "WORK")]
    only: Vec<String>,
    /// Folder of images, networks and the peers' log; a temporary one when missing. What is there is used again.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// One row: what is done and who does it.
struct Work {
    name: &'static str,
    better: Better,
    peers: &'static [&'static str],
    /// Precision of the product that bounds it.
    product: Option<&'static str>,
}

const RUNTIMES: &[&str] = &["pytorch", "onnxruntime", "openvino"];
/// ONNX Runtime has no `bf16` kernels for processors.
const RUNTIMES_BF16: &[&str] = &["pytorch", "openvino"];
const LOADERS: &[&str] = &["torchvision-pil", "torchvision-io"];
const TRAINERS: &[&str] = &["pytorch"];

const WORKS: &[Work] = &[
    work("resnet50 f32 224 b1", RUNTIMES, Some("f32")),
    work("resnet50 f32 224 b8", RUNTIMES, Some("f32")),
    work("resnet50 f32 224 b32", RUNTIMES, Some("f32")),
    work("resnet50 bf16 224 b1", RUNTIMES_BF16, Some("bf16")),
    work("resnet50 bf16 224 b8", RUNTIMES_BF16, Some("bf16")),
    work("resnet50 bf16 224 b32", RUNTIMES_BF16, Some("bf16")),
    work("resnet18 f32 64 b64", RUNTIMES, Some("f32")),
    work("resnet18 bf16 64 b64", RUNTIMES_BF16, Some("bf16")),
    work("jpeg", LOADERS, None),
    work("jpeg scaled", LOADERS, None),
    work("extract f32", RUNTIMES, None),
    work("extract f32 process", RUNTIMES, None),
    work("extract bf16", RUNTIMES_BF16, None),
    work("extract bf16 process", RUNTIMES_BF16, None),
    work("train small 32 b64", TRAINERS, Some("f32")),
    work("train small 64 b64", TRAINERS, Some("f32")),
    work("train resnet18 64 b64", TRAINERS, Some("f32")),
    Work { name: "memory b32", better: Better::Lower, peers: RUNTIMES, product: None },
];

const fn work(name: &'static str, peers: &'static [&'static str], product: Option<&'static str>) -> Work {
    Work { name, better: Better::Higher, peers, product }
}

pub(crate) fn run(args: &EngineArgs, output: OutputArgs) -> Result<()> {
    ensure!(args.runs > 0, "--runs is 0; it must be at least 1");
    ensure!(args.threads > 0, "--threads is 0; it must be at least 1");
    let works = selected(&args.only)?;
    let mut bench = Bench::prepare(args)?;
    let say = |text: &str| if args.json.on_standard_output() { Ok(()) } else { print(text) };
    say(&bench.machine.described())?;
    let mut rows = Vec::new();
    for work in works {
        if !output.quiet {
            progress(work.name);
        }
        rows.push(bench.measure(work)?);
    }
    say(&row::table(&rows))?;
    for (peer, reason) in &bench.missing {
        say(&format!("not measured: {peer}: {reason}\n"))?;
    }
    if let Some(path) = &args.json.json {
        let text = serde_json::to_string_pretty(&rows.iter().map(Row::json).collect::<Vec<_>>())? + "\n";
        match args.json.on_standard_output() {
            true => print(&text)?,
            false => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?,
        }
    }
    ensure!(bench.failures.is_empty(), "ours failed: {}", bench.failures.join("; "));
    Ok(())
}

/// The rows whose names contain one of the words; all of them without words.
fn selected(only: &[String]) -> Result<Vec<&'static Work>> {
    let names = || WORKS.iter().map(|work| work.name).collect::<Vec<_>>().join(", ");
    for word in only {
        ensure!(WORKS.iter().any(|work| work.name.contains(word)), "--only {word} names no row; there are {}", names());
    }
    let wanted = |work: &&Work| {
        // A whole name is that row alone: `jpeg` also begins `jpeg scaled`.
        let exact = only.iter().any(|word| word == work.name);
        let within = |word: &String| work.name.contains(word.as_str()) && !WORKS.iter().any(|other| other.name == word);
        only.is_empty() || exact || only.iter().any(within)
    };
    Ok(WORKS.iter().filter(wanted).collect())
}

/// Everything that the rows share.
struct Bench<'a> {
    args: &'a EngineArgs,
    machine: Machine,
    data: PathBuf,
    contender: PathBuf,
    latentwalk: PathBuf,
    script: PathBuf,
    /// Plain products by precision, started once.
    products: BTreeMap<&'static str, Vec<Worker>>,
    /// Peers that could not run, and why.
    missing: BTreeMap<String, String>,
    failures: Vec<String>,
}

impl<'a> Bench<'a> {
    fn prepare(args: &'a EngineArgs) -> Result<Self> {
        let binaries = [("latentwalk", "latentwalk"), ("latentwalk-benches", "contender")];
        let [latentwalk, contender] = crate::build_all(binaries)?.map(PathBuf::from);
        let data = args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join("latentwalk-bench-engine"));
        std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/peers");
        let mut command = Command::new(&contender);
        command.arg("prepare").arg("--data").arg(&data).arg("--images").arg(peers.join("images"));
        let output = command.output().with_context(|| format!("cannot start {}", contender.display()))?;
        let facts = serde_json::from_slice(&output.stdout).context("the contender did not describe the machine")?;
        let machine = Machine::new(args.threads, facts);
        let (products, missing) = (BTreeMap::new(), BTreeMap::new());
        let script = peers.join("engine.py");
        Ok(Bench { args, machine, data, contender, latentwalk, script, products, missing, failures: Vec::new() })
    }

    /// Measures one row. Only ours being impossible empties it; a peer that cannot run is left out.
    fn measure(&mut self, work: &'static Work) -> Result<Row> {
        let mut ours = self.ours(work.name)?;
        let mut peers = Vec::new();
        let flop = match ours.ready()? {
            Start::Ready { flop } => flop,
            Start::Unsupported(reason) => return Ok(Row::without(work.name, reason)),
            Start::Failed(reason) => {
                self.failures.push(format!("{}: {reason}", work.name));
                return Ok(Row::without(work.name, format!("failed: {reason}")));
            }
        };
        for peer in work.peers {
            peers.extend(self.peer(work.name, peer));
        }
        let peers = self.those_ready(peers)?;
        if let Some(precision) = work.product {
            self.start_products(precision)?;
        }
        let rounds = self.rounds(work, &mut ours, peers)?;
        Ok(row::row(work.name, work.better, &rounds, flop))
    }

    /// Takes turns; the first round is a warm-up.
    fn rounds(&mut self, work: &Work, ours: &mut Worker, mut peers: Vec<Worker>) -> Result<Rounds> {
        let mut rounds = Rounds::default();
        let mut none = Vec::new();
        for round in 0..=self.args.runs {
            let value = ours.turn().with_context(|| format!("{}: ours", work.name))?;
            let products = work.product.and_then(|precision| self.products.get_mut(precision)).unwrap_or(&mut none);
            let counts = round > 0;
            if counts {
                rounds.ours.push(value);
            }
            for (workers, kept) in [(&mut peers, &mut rounds.peers), (products, &mut rounds.products)] {
                workers.retain_mut(|worker| match worker.turn() {
                    Ok(value) => {
                        let values: &mut Vec<f64> = kept.entry(worker.name.clone()).or_default();
                        if counts {
                            values.push(value);
                        }
                        true
                    }
                    Err(error) => {
                        kept.remove(&worker.name);
                        self.missing.insert(format!("{} ({})", worker.name, work.name), format!("{error:#}"));
                        false
                    }
                });
            }
        }
        Ok(rounds)
    }

    /// A plain product of ours and of PyTorch: the better one is the bound.
    fn start_products(&mut self, precision: &'static str) -> Result<()> {
        if !self.products.contains_key(precision) {
            let name = format!("product {precision}");
            let mut workers = vec![self.ours(&name)?];
            workers.extend(self.peer(&name, "pytorch"));
            let ready = self.those_ready(workers)?;
            self.products.insert(precision, ready);
        }
        Ok(())
    }

    fn those_ready(&mut self, workers: Vec<Worker>) -> Result<Vec<Worker>> {
        let mut ready = Vec::new();
        for mut worker in workers {
            match worker.ready() {
                Ok(Start::Ready { .. }) => ready.push(worker),
                Ok(Start::Unsupported(reason) | Start::Failed(reason)) => {
                    self.missing.insert(worker.name.clone(), reason);
                }
                Err(error) => {
                    self.missing.insert(worker.name.clone(), format!("{error:#}"));
                }
            }
        }
        Ok(ready)
    }

    fn ours(&self, work: &str) -> Result<Worker> {
        let mut command = self.machine.pinned(&self.contender);
        command.args(["run", work]).arg("--binary").arg(&self.latentwalk);
        self.start("ours", command)
    }

    /// A peer's process; `None`, with a note, where Python cannot be started.
    fn peer(&mut self, work: &str, name: &str) -> Option<Worker> {
        let python = machine::python();
        let mut command = self.machine.pinned(Path::new(&python));
        command.arg(&self.script).args([work, "--engine", name]);
        self.start(name, command)
            .inspect_err(|error| {
                self.missing.insert(name.to_owned(), format!("{error:#}; set PEER_PYTHON to a Python that has it"));
            })
            .ok()
    }

    fn start(&self, name: &str, mut command: Command) -> Result<Worker> {
        command.arg("--threads").arg(self.args.threads.to_string()).arg("--data").arg(&self.data);
        Worker::start(name, command, &self.data.join("log.txt"))
    }
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Names what is being measured; a terminal that has gone away is no reason to stop.
fn progress(name: &str) {
    let _ = writeln!(std::io::stderr().lock(), "measuring {name}");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn names(only: &[&str]) -> Vec<&'static str> {
        let only: Vec<String> = only.iter().map(|&word| word.to_owned()).collect();
        selected(&only).unwrap().iter().map(|work| work.name).collect()
    }

    #[test]
    fn rows_are_chosen_by_whole_names_or_parts() {
        assert_eq!(names(&[]).len(), 18);
        assert_eq!(names(&["extract f32"]), ["extract f32"]);
        assert_eq!(names(&["jpeg"]), ["jpeg"]);
        assert_eq!(names(&["jpe"]), ["jpeg", "jpeg scaled"]);
        assert_eq!(names(&["train", "memory b32"]).len(), 4);
        let refused = selected(&["resnet34".to_owned()]).err().unwrap().to_string();
        assert!(refused.contains("resnet34") && refused.contains("memory b32"), "{refused}");
    }
}
