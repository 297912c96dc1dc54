//! What all commands have in common, through the real binary: what is printed where, JSON, explanations, completions.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_latentwalk");

/// Few enough photographs for a moment's work.
const SMALL: [&str; 2] = ["--set", "images.limit=600"];

fn latentwalk(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Both streams of a command that must succeed: standard output and standard error.
fn done(arguments: &[&str]) -> (String, String) {
    let output = latentwalk(arguments);
    let of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (of(&output.stdout), of(&output.stderr));
    assert!(output.status.success(), "{arguments:?}\n{out}{err}");
    (out, err)
}

/// The JSON of a command that prints nothing else on standard output.
fn json(arguments: &[&str]) -> Value {
    let (out, _) = done(&[arguments, &["--json", "-"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{out}"))
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// A file of vectors for as many images, in their order.
fn write_vectors(path: &Path, rows: usize) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 3), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").as_bytes());
    bytes.extend((0..rows * 3).flat_map(|at| ((at * 7919 % 1009) as f32).to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

/// A small network of grey images, trained for no epoch, as a checkpoint outside the store.
fn write_network(folder: &Path) -> PathBuf {
    let store = folder.join("network");
    let until = ["--store", text(&store), "--until", "backbone", "--set", "backbone.epochs=0"];
    done(&[&["pipeline"][..], &SMALL, &until].concat());
    let artifact = fs::read_dir(store.join("objects/backbone")).unwrap().next().unwrap().unwrap().path();
    let weights = folder.join("weights.safetensors");
    fs::copy(artifact.join("model.safetensors"), &weights).unwrap();
    weights
}

/// The stages of a plan or a run, up to one of them.
fn stages(value: &Value, until: &str) -> Vec<Value> {
    let all = value["stages"].as_array().unwrap();
    let end = all.iter().position(|stage| stage["stage"] == until).unwrap();
    all[..=end].to_vec()
}

#[test]
fn why_explains_the_run_that_pipeline_makes_with_the_same_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let weights = write_network(folder.path());
    let vectors = folder.path().join("vectors.npy");
    write_vectors(&vectors, 600);
    let at = ["--store", text(&store)];
    // The plain run, which both others are compared with.
    done(&[&["pipeline"][..], &SMALL, &at, &["--until", "embeddings", "--set", "backbone.epochs=1"]].concat());
    let plain = json(&[&["artifacts", "why"][..], &SMALL, &at].concat());

    let by_weights = ["--weights", text(&weights), "--set", "backbone.epochs=1", "--set", "backbone.trainable=heads"];
    let by_vectors = ["--embeddings", text(&vectors)];
    for (run, until, missing) in [(&by_weights[..], "backbone", "probe"), (&by_vectors[..], "embeddings", "backbone")] {
        let run = [&SMALL[..], run, &at].concat();
        let why = json(&[&["artifacts", "why"][..], &run].concat());
        let dry = json(&[&["pipeline", "--dry-run"][..], &run].concat());
        assert_eq!(why["stages"], dry["stages"]);
        assert_ne!(stages(&why, until).last(), stages(&plain, until).last(), "as without {run:?}");

        let made = json(&[&["pipeline", "--until", until][..], &run].concat());
        assert_eq!(made["stages"], Value::from(stages(&why, until)));
        assert!(made["summary"].is_null());
        let last = |value: &Value| stages(value, until).pop().unwrap();
        let reason = last(&made)["reason"].as_str().unwrap().to_owned();
        assert!(!reason.is_empty());
        // What was made is stored, under the key that was named before.
        let after = json(&[&["artifacts", "why", "--stage", until][..], &run].concat());
        assert_eq!(after["stages"].as_array().unwrap().len(), 1);
        assert!(after["stages"][0]["reason"].is_null() && after["stages"][0]["key"] == last(&why)["key"]);
        let (said, _) = done(&[&["artifacts", "why", "--stage", until][..], &run].concat());
        assert!(said.starts_with(until) && said.contains("stored as"), "{said}");
        assert!(store.join("objects").join(until).join(last(&why)["key"].as_str().unwrap()).is_dir());
        let has = why["stages"].as_array().unwrap().iter().any(|stage| stage["stage"] == missing);
        assert_eq!(has, missing == "probe", "vectors need no network");
    }

    let once = latentwalk(&[&["artifacts", "why", "images"][..], &at].concat());
    let message = String::from_utf8_lossy(&once.stderr).into_owned();
    assert!(once.status.code() == Some(1) && message.contains("--stage images"), "{message}");
}

#[test]
fn quiet_prints_results_and_errors_and_verbose_every_key_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let images = [&["pipeline", "--store", text(&store), "--until", "images"][..], &SMALL].concat();
    let with = |more: &[&str]| done(&[&images, more].concat());

    let (out, err) = with(&["--quiet"]);
    assert_eq!((out.as_str(), err.as_str()), ("", ""));
    let (out, err) = done(&["-q", "artifacts", "list", "--store", text(&store)]);
    assert!(out.contains("images") && err.is_empty(), "{out}{err}");
    let refused = latentwalk(&["pipeline", "-q", "--store", text(&store), "--set", "images.limt=3"]);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && message.contains("limt"), "{message}");

    let key = json(&images)["stages"][0]["key"].as_str().unwrap().to_owned();
    let (_, plain) = with(&[]);
    assert!(plain.contains("nothing to do") && !plain.contains(&key), "{plain}");
    let (_, stored) = with(&["-v"]);
    assert!(stored.contains("[1/1] images: taken from the store") && stored.contains(&key), "{stored}");
    let (_, changed) = with(&["-v", "--set", "images.limit=500"]);
    assert!(changed.contains("[1/1] images: `images.limit` changed from 600 to 500"), "{changed}");
    assert!(changed.lines().any(|line| line.trim_start().starts_with("images: key ")), "{changed}");
    let (why, _) =
        done(&[&["artifacts", "why", "-v", "--stage", "images", "--store", text(&store)][..], &SMALL].concat());
    assert!(why.contains("stored, since nothing has changed") && why.contains(&key), "{why}");
}

#[test]
fn json_stands_alone_on_standard_output_or_goes_to_a_file_beside_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (wardrobe, store, file) = (path("wardrobe"), path("store"), path("result.json"));
    let size = ["--count", "60", "--size", "64", "--twin-sets", "1", "--format", "png"];

    let made = json(&[&["garments", "--out", text(&wardrobe)][..], &size].concat());
    assert_eq!(keys(&made), ["description", "folder", "garments", "image_bytes", "twins"]);
    assert!(made["garments"] == 60 && made["folder"] == text(&wardrobe));
    let pictures = fs::read_dir(wardrobe.join("images")).unwrap().map(|entry| entry.unwrap().path());
    let ending = |path: &Path| path.extension().is_some_and(|ending| ending == "png");
    assert!(pictures.filter(|path| path.is_file()).all(|path| ending(&path)));

    let description = text(&wardrobe.join("garments.toml")).to_owned();
    let checked = json(&["import", &description, "--check"]);
    let survey = [
        "attributes",
        "columns",
        "groups",
        "images",
        "left_out",
        "missing",
        "same_content",
        "skipped",
        "source",
        "splits",
        "suspicious",
    ];
    assert_eq!(keys(&checked), survey);
    assert!(checked["images"].as_u64().unwrap() > 60, "with twins");
    let sleeve = checked["attributes"].as_array().unwrap().iter().find(|one| one["name"] == "sleeve").unwrap();
    assert!(sleeve["classes"][0]["images"].as_u64().is_some());

    let few = ["--set", "images.minimum_per_class=0", "--set", "images.size=32", "--store", text(&store)];
    let imported = json(&[&["import", &description][..], &few[..]].concat());
    assert_eq!(keys(&imported), ["stages", "summary"]);
    assert!(imported["stages"][0]["reason"].as_str().unwrap().contains("nothing is stored"));

    let at = ["--store", text(&store)];
    let artifacts = |what: &[&str]| json(&[&["artifacts"][..], what, &at].concat());
    let list = artifacts(&["list"]);
    assert_eq!(keys(&list["artifacts"][0]), ["bytes", "files", "key", "seconds", "stage", "started"]);
    let key = list["artifacts"][0]["key"].as_str().unwrap();
    assert_eq!(imported["stages"][0]["key"], key);
    let shown = artifacts(&["show", key]);
    assert!(shown["manifest"]["key"] == key && Path::new(shown["folder"].as_str().unwrap()).is_dir());
    assert_eq!(artifacts(&["verify"]), serde_json::json!({ "artifacts": 1, "problems": [] }));
    let gone = artifacts(&["gc", "--dry-run"]);
    assert_eq!(keys(&gone), ["bytes", "dry_run", "in_use", "kept", "removed"]);
    assert!(gone["removed"][0]["key"] == key && gone["removed"][0]["kind"] == "artifact");

    let networks = json(&["embed", "--list"]);
    assert!(networks["networks"][0]["name"].is_string() && networks["preprocessings"][0]["side"].is_u64());
    assert!(networks["layers"].as_array().unwrap().contains(&"pool".into()));
    let experiments = json(&["experiment", "--list"]);
    assert!(experiments["experiments"].as_array().unwrap().iter().any(|one| one["name"] == "sleeve"));

    // Beside the text: the file has what standard output would have had.
    let (plain, _) = done(&[&["artifacts", "list"][..], &at].concat());
    let (said, _) = done(&[&["artifacts", "list", "--json", text(&file)][..], &at].concat());
    assert_eq!(said, plain);
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap(), list);
    let nowhere = latentwalk(&["experiment", "--list", "--json", text(&path("absent/result.json"))]);
    let message = String::from_utf8_lossy(&nowhere.stderr).into_owned();
    assert!(nowhere.status.code() == Some(1) && message.contains("result.json"), "{message}");

    // A damaged artifact is told in the JSON, and the command fails.
    let pixels = store.join("objects/images").join(key).join("pixels.u8");
    fs::write(&pixels, b"other").unwrap();
    let damaged = latentwalk(&[&["artifacts", "verify", "--json", "-"][..], &at].concat());
    let value: Value = serde_json::from_slice(&damaged.stdout).unwrap();
    assert_eq!(damaged.status.code(), Some(1));
    assert!(value["problems"][0]["key"] == key, "{value}");
    assert!(value["problems"][0]["problem"].as_str().unwrap().contains("pixels.u8"), "{value}");
}

#[test]
fn every_shell_gets_the_commands_and_flags() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (script, _) = done(&["completions", shell]);
        for word in ["latentwalk", "pipeline", "artifacts", "embeddings", "dry-run", "quiet"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(latentwalk(&["completions", "tcsh"]).status.code(), Some(2));
}
