//! The whole pipeline through the real binary, on a slice of the embedded photographs.

#![allow(clippy::unwrap_used)]

#[path = "pipeline/explorer.rs"]
mod explorer;
#[path = "pipeline/export.rs"]
mod export;
#[path = "pipeline/interruption.rs"]
mod interruption;
#[path = "pipeline/record.rs"]
mod record;
#[path = "pipeline/refusal.rs"]
mod refusal;
#[path = "pipeline/source.rs"]
mod source;
#[path = "pipeline/study.rs"]
mod study;
#[path = "pipeline/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use latentwalk_artifacts::Store;
use latentwalk_lines::Search;
use latentwalk_run::Run;
use latentwalk_testing::fixture;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_latentwalk");

/// Small enough for seconds, large enough that every stage has something to do.
const SLICE: &[&str] = &[
    "images.limit=600",
    "backbone.epochs=2",
    "backbone.batch=64",
    "probe.restarts=2",
    "null.draws=3",
    "metrics.starts=10",
    "walks.starts=10",
    "index.queries=60",
];

fn command(store: &Path, changes: &[&str], more: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("pipeline").arg("--store").arg(store).args(more);
    for change in SLICE.iter().chain(changes) {
        command.args(["--set", change]);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(store: &Path, changes: &[&str], more: &[&str]) -> String {
    let output = command(store, changes, more).output().unwrap();
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    text
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout))
}

fn artifacts(store: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY).arg("artifacts").args(arguments).arg("--store").arg(store).output().unwrap()
}

/// The stages that a run made, in order: `[5/10] probe: why`.
fn made(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|l| l.starts_with('['));
    lines.filter_map(|l| l.split_once("] ")?.1.split_once(':').map(|(stage, _)| stage)).collect()
}

fn runs(store: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(store.join("runs")).unwrap().map(|e| e.unwrap().path()).collect();
    folders.sort();
    folders
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Hashes of every file of every artifact, from the manifests.
fn hashes(store: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for stage in fs::read_dir(store.join("objects")).unwrap() {
        for artifact in fs::read_dir(stage.unwrap().path()).unwrap() {
            let manifest = json(&artifact.unwrap().path().join("manifest.json"));
            for file in manifest["files"].as_array().unwrap() {
                let name = format!("{} {} {}", manifest["stage"], manifest["key"], file["path"]);
                all.insert(name, file["blake3"].to_string());
            }
        }
    }
    all
}

/// Two classes of small grey pictures, dark and light.
fn write_photos(root: &Path) {
    for (class, shade) in [("dark", 40u8), ("light", 200u8)] {
        let dir = root.join(class);
        fs::create_dir_all(&dir).unwrap();
        for i in 0..40u8 {
            let pixels: Vec<u8> = (0..32 * 32u32).map(|p| shade.wrapping_add((p as u8 ^ i) % 32)).collect();
            image::GrayImage::from_raw(32, 32, pixels).unwrap().save(dir.join(format!("{i:02}.png"))).unwrap();
        }
    }
}
