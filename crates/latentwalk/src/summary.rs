//! A run's record: `STORE/runs/RUN/` with summary.json, run.json and the report, and the closing table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result};
use latentwalk_artifacts::{Artifact, Store, write_atomic};
use latentwalk_cli::Stage;
use latentwalk_probe::verdict::QUESTIONS;
use latentwalk_run::{RUN_FILE, RunFile, read_run, run_folders};
use serde_json::{Value, json};

use crate::clock;
use crate::config::Config;
use crate::job::RunFacts;

/// The folder of the report's figures, in its artifact and in the run's folder.
pub(crate) const FIGURES: &str = "figures";

/// What a run's record is made from.
pub struct Record<'a> {
    /// The store that holds the run.
    pub store: &'a Store,
    /// The resolved description.
    pub config: &'a Config,
    /// Every stage's artifact.
    pub artifacts: &'a BTreeMap<Stage, Artifact>,
    /// The last of them.
    pub report: &'a Artifact,
    /// Command, tool, keys and durations.
    pub facts: &'a RunFacts,
    /// Wall seconds of this run.
    pub seconds: f64,
    /// Stages that this run made.
    pub made: usize,
}

impl Record<'_> {
    /// Writes the run's folder, or finds the latest run when it is this very one again.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn write(&self) -> Result<Value> {
        let runs = self.store.runs_dir();
        let file = self.run_file();
        if self.made == 0
            && let Some(folder) = latest_run(&runs)?
            && read_run(&folder).is_some_and(|latest| latest.artifacts == file.artifacts)
            && let Some(summary) = read_summary(&folder)
        {
            return Ok(summary);
        }
        let folder = new_folder(&runs, &self.config.name)?;
        self.copy_figures(&folder.join(FIGURES))?;
        let report = folder.join("report.html");
        let html = self.report.file("report.html")?;
        write_atomic(&report, &std::fs::read(&html).with_context(|| html.display().to_string())?)?;
        write_atomic(folder.join(RUN_FILE), &pretty(&serde_json::to_value(&file)?)?)?;
        let report = std::path::absolute(&report)?;
        let summary = self.summary(&report.display().to_string())?;
        write_atomic(folder.join("summary.json"), &pretty(&summary)?)?;
        Ok(summary)
    }

    /// Lays the report's figures beside it, for people: whole they are in the artifact.
    fn copy_figures(&self, folder: &std::path::Path) -> Result<()> {
        let names = self.report.manifest().files.iter().filter(|file| file.path.starts_with("figures/"));
        std::fs::create_dir(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        for file in names {
            let from = self.report.file(&file.path)?;
            let to = folder.join(from.file_name().unwrap_or_default());
            std::fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        }
        Ok(())
    }

    fn run_file(&self) -> RunFile {
        RunFile {
            schema: 1,
            tool: self.facts.tool.clone(),
            command: self.facts.command.clone(),
            name: self.config.name.clone(),
            artifacts: self.facts.stages.iter().map(|s| (s.name.to_owned(), s.key.clone())).collect(),
        }
    }

    fn summary(&self, report: &str) -> Result<Value> {
        Ok(json!({
            "seconds": (self.seconds * 1e3).round() / 1e3,
            "peak_memory_bytes": peak_memory_bytes(),
            "accuracy": match self.artifacts.contains_key(&Stage::Backbone) {
                true => self.metric(Stage::Backbone, "accuracy")?,
                // Vectors were given: no network was trained.
                false => json!({}),
            },
            "variance": self.metric(Stage::Decomposition, "variance")?,
            "directions": self.metric(Stage::Probe, "directions")?,
            "walks": self.metric(Stage::Walks, "walks")?,
            "toward": self.metric(Stage::Toward, "toward")?,
            "verdicts": self.metric(Stage::Verdicts, "verdicts")?,
            "index": { "recall_at_10": self.metric(Stage::Index, "recall_at_10")? },
            "report": report,
        }))
    }

    fn metric(&self, stage: Stage, name: &str) -> Result<Value> {
        let metrics = self.artifacts.get(&stage).map(|a| &a.manifest().metrics);
        metrics.and_then(|m| m.get(name)).cloned().with_context(|| format!("the manifest of `{stage}` has no `{name}`"))
    }
}

fn pretty(value: &Value) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

fn new_folder(runs: &std::path::Path, name: &str) -> Result<PathBuf> {
    loop {
        let folder = runs.join(format!("{}-{name}", clock::run_stamp(SystemTime::now())));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            Err(e) => return Err(e).with_context(|| format!("cannot make the folder {}", folder.display())),
        }
    }
}

fn latest_run(runs: &std::path::Path) -> Result<Option<PathBuf>> {
    Ok(run_folders(runs)?.pop())
}

/// The figures of a finished run. The report's place is where it lies now: a store may have been moved.
fn read_summary(folder: &std::path::Path) -> Option<Value> {
    let mut summary: Value = serde_json::from_slice(&std::fs::read(folder.join("summary.json")).ok()?).ok()?;
    let report = std::path::absolute(folder.join("report.html")).ok()?;
    report.is_file().then(|| summary["report"] = Value::from(report.display().to_string()))?;
    Some(summary)
}

/// The most memory that this process has held, where the system says so (Linux).
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// The closing table.
pub(crate) fn table(s: &Value) -> String {
    let mut text = String::new();
    let directions = s["directions"].as_object().cloned().unwrap_or_default();
    let _ = writeln!(
        text,
        "\n{:<16}{:>9}{:>9}{:>10}{:>12}{:>10}{:>9}{:>9}{:>8}{:>8}",
        "attribute", "accuracy", "macro-F1", "min. AUC", "method", "Spearman", "visited", "on attr.", "hit", "kept"
    );
    for (name, d) in &directions {
        let (a, w, t) = (&s["accuracy"][name], &s["walks"][name], &s["toward"][name]);
        let _ = writeln!(
            text,
            "{name:<16}{:>9}{:>9}{:>10}{:>12}{:>10}{:>9}{:>9}{:>8}{:>8}",
            figure(&a["test"]),
            figure(&a["macro_f1"]),
            figure(&d["min_adjacent_auc"]),
            d["method"].as_str().unwrap_or("-"),
            figure(&w["median_spearman"]),
            figure(&w["middle_visited"]),
            figure(&w["on_attribute"]),
            figure(&t["hit"]),
            figure(&t["kept_corrected"]),
        );
    }
    let verdicts = s["verdicts"].as_object().cloned().unwrap_or_default();
    if !verdicts.is_empty() {
        let head = QUESTIONS.map(|(_, title)| format!("{title:>10}")).concat();
        let _ = writeln!(text, "\n{:<16}{head}", "verdict");
    }
    for (name, verdict) in &verdicts {
        let answer = |(key, _): (&str, &str)| format!("{:>10}", verdict[key].as_str().unwrap_or("-"));
        let _ = writeln!(text, "{name:<16}{}", QUESTIONS.map(answer).concat());
    }
    let v = &s["variance"];
    let _ = writeln!(
        text,
        "\nvariance        {} axes keep {}; 98 % needs {}",
        v["axes"],
        figure(&v["kept"]),
        v["axes_for_98"]
    );
    let _ = writeln!(text, "HNSW            recall@10 {}", figure(&s["index"]["recall_at_10"]));
    let memory =
        s["peak_memory_bytes"].as_u64().map_or_else(|| "-".to_owned(), |b| format!("{:.0} MB", b as f64 / 1e6));
    let _ = writeln!(text, "run             {:.1} s, peak memory {memory}", s["seconds"].as_f64().unwrap_or_default());
    let _ = writeln!(text, "report          {}", s["report"].as_str().unwrap_or("-"));
    text
}

fn figure(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |x| format!("{x:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_a_dash_for_what_does_not_exist() {
        let text = table(&json!({
            "seconds": 1.25, "peak_memory_bytes": null,
            "accuracy": {"a": {"test": 0.5, "macro_f1": 0.25}},
            "variance": {"axes": 50, "kept": 0.99, "axes_for_98": 20},
            "directions": {"a": {"method": "logistic", "min_adjacent_auc": null}},
            "walks": {"a": {"median_spearman": null, "middle_visited": null, "on_attribute": 1.0}},
            "index": {"recall_at_10": 0.999}, "report": "r.html",
        }));
        assert!(text.contains("0.500") && text.contains("logistic") && text.contains("50 axes keep 0.990"));
        assert!(text.lines().any(|l| l.starts_with("a ") && l.contains(" - ")));
    }
}
