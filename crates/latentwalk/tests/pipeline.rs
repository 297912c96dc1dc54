//! The whole pipeline through the real binary, on a slice of the embedded photographs.

#![allow(clippy::unwrap_used)]

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

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_run_writes_its_record_a_second_does_nothing_and_a_change_runs_only_what_lies_downstream() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    fs::create_dir(&store).unwrap();
    fs::write(store.join("notes.txt"), "not the store's").unwrap();

    let first = run(&store, &[], &[]);
    assert_eq!(made(&first).len(), 10, "{first}");
    let folders = runs(&store);
    assert_eq!(folders.len(), 1);
    check_summary(&json(&folders[0].join("summary.json")));
    assert!(first.contains("report.html"));
    walks_by_the_library_are_those_of_the_run(&store);

    let figures = folder.path().join("figures.json");
    let second = run(&store, &[], &["--json", figures.to_str().unwrap()]);
    assert!(second.contains("nothing to do") && made(&second).is_empty(), "{second}");
    let figures = json(&figures);
    assert_eq!(figures["summary"], json(&folders[0].join("summary.json")));
    assert_eq!(figures["stages"].as_array().unwrap().len(), 10);
    assert_eq!(runs(&store), folders);

    let dry = run(&store, &["walks.stops=5"], &["--dry-run"]);
    assert!(dry.contains("`walks.stops` changed from 7 to 5") && made(&dry).is_empty(), "{dry}");

    let changed = run(&store, &["probe.restarts=3"], &[]);
    assert_eq!(made(&changed), ["probe", "null", "metrics", "index", "walks", "report"]);
    assert!(changed.contains("`probe.restarts` changed from 2 to 3"), "{changed}");
    assert_eq!(runs(&store).len(), 2);

    let before = hashes(&store);
    let again = run(&store, &[], &["--from", "decomposition", "--until", "probe"]);
    assert_eq!(made(&again), ["decomposition", "probe"]);
    assert_eq!(hashes(&store), before, "the same inputs gave other bytes");

    look_into(&store);
    assert_eq!(fs::read_to_string(store.join("notes.txt")).unwrap(), "not the store's");
}

fn check_summary(s: &Value) {
    let mut top = keys(s);
    top.sort_unstable();
    assert_eq!(top, ["accuracy", "directions", "index", "peak_memory_bytes", "report", "seconds", "variance", "walks"]);
    assert_eq!(keys(&s["accuracy"]), ["category", "kind", "shoe_height", "sleeve"]);
    assert_eq!(keys(&s["accuracy"]["category"]), ["macro_f1", "test"]);
    assert_eq!(keys(&s["variance"]), ["axes", "axes_for_98", "kept"]);
    let direction = ["classes", "method", "min_adjacent_auc", "pairwise_auc", "test_accuracy"];
    assert_eq!(keys(&s["directions"]["shoe_height"]), direction);
    let walk = ["by_metric", "median_spearman", "metric", "middle_visited", "on_attribute", "starts"];
    assert_eq!(keys(&s["walks"]["shoe_height"]), walk);
    assert_eq!(keys(&s["walks"]["shoe_height"]["by_metric"]), ["euclidean", "whitened", "within-class"]);
    assert!(s["directions"]["category"]["min_adjacent_auc"].is_null());
    assert!(s["directions"]["sleeve"]["min_adjacent_auc"].as_f64().unwrap() > 0.5);
    assert_eq!(s["walks"]["shoe_height"]["starts"], 10);
    assert!(s["index"]["recall_at_10"].as_f64().unwrap() > 0.9);
    assert!(Path::new(s["report"].as_str().unwrap()).is_absolute());
    let html = fs::read_to_string(s["report"].as_str().unwrap()).unwrap();
    assert!(html.contains("shoe_height") && html.contains("sandal"));
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "the report loads something from outside");
}

/// A finished run opened and walked without the binary: the strips that its report shows.
fn walks_by_the_library_are_those_of_the_run(store: &Path) {
    let store = Store::open_existing(store).unwrap();
    let run = Run::open(&store, None).unwrap();
    let (data, all) = (run.walk_data().unwrap(), run.walks().unwrap());
    assert_eq!(all.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), ["category", "sleeve", "shoe_height", "kind"]);
    for walks in &all {
        let walk = data.attribute(&walks.name).unwrap();
        let space = data.space(run.metric(&walks.name).unwrap()).unwrap();
        assert_eq!((walk.stops.positions().len(), walks.strips.len()), (7, 6));
        for strip in &walks.strips {
            let again = walk.strip(&space, Search::Exact, strip.start, 1).unwrap();
            // Through text, as the run's own: reading a number back can cost its last digit.
            let again = serde_json::from_str(&serde_json::to_string(&again).unwrap()).unwrap();
            assert_eq!(*strip, again, "{}", walks.name);
        }
        let index = run.index(&walks.name, &space).unwrap();
        assert!(walk.strip(&space, Search::indexed(&index), walks.strips[0].start, 1).is_ok());
    }
    let refused = |error: latentwalk_run::Error| error.to_string();
    assert!(refused(data.attribute("collar").err().unwrap()).contains("it has category, sleeve, shoe_height, kind"));
    assert!(refused(run.metric("collar").err().unwrap()).contains("collar"));
    assert!(refused(Run::open(&store, Some("yesterday")).err().unwrap()).contains("yesterday"));
    let walk = data.attribute("sleeve").unwrap();
    assert!(refused(walk.starts("tests", 1, 1).err().unwrap()).contains("must be one of train, validation, test"));
    let space = data.space(run.metric("sleeve").unwrap()).unwrap();
    assert!(refused(walk.strip(&space, Search::Exact, 600, 1).err().unwrap()).contains("600"));
}

fn look_into(store: &Path) {
    let list = said(&artifacts(store, &["list"]));
    assert_eq!(list.lines().filter(|l| l.starts_with("backbone ")).count(), 1, "{list}");
    let key = list.lines().find(|l| l.starts_with("backbone ")).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    assert!(said(&artifacts(store, &["show", &key])).contains("\"accuracy\""));
    assert!(said(&artifacts(store, &["why", "--stage", "images"])).contains("would run"));
    assert!(artifacts(store, &["verify"]).status.success());
    let unfinished = store.join("partial/backbone").join("0".repeat(64));
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("checkpoint.safetensors"), "half of a training").unwrap();
    let gone = said(&artifacts(store, &["gc", "--keep-runs", "1"]));
    assert!(gone.contains("removed") && unfinished.is_dir(), "{gone}");
    assert!(artifacts(store, &["gc", "--keep-runs", "1", "--unfinished"]).status.success() && !unfinished.exists());
    let latest = run(store, &["probe.restarts=3"], &[]);
    assert!(latest.contains("nothing to do"), "gc took what the latest run uses:\n{latest}");

    let model = store.join("objects/backbone");
    let model = fs::read_dir(&model).unwrap().next().unwrap().unwrap().path().join("model.safetensors");
    let mut bytes = fs::read(&model).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&model, bytes).unwrap();
    let verify = artifacts(store, &["verify"]);
    assert_eq!(verify.status.code(), Some(1));
    assert!(said(&verify).contains("model.safetensors"));
}

#[test]
fn a_killed_run_goes_on_where_it_stopped_and_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    let changes = ["backbone.epochs=6", "images.limit=1000"];
    let until = ["--until", "embeddings"];
    run(&whole, &changes, &until);

    let mut child = command(&killed, &changes, &until).spawn().unwrap();
    wait_for_checkpoint(&killed, &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        !killed.join("objects/embeddings").exists()
            || fs::read_dir(killed.join("objects/embeddings")).unwrap().next().is_none()
    );

    let resumed = run(&killed, &changes, &until);
    assert!(resumed.contains("going on after epoch"), "{resumed}");
    assert!(!made(&resumed).contains(&"images"), "{resumed}");
    assert_eq!(hashes(&killed), hashes(&whole));
}

/// Until the first epoch's checkpoint is there. Fails after two minutes, or when the run ends before.
fn wait_for_checkpoint(store: &Path, child: &mut Child) {
    let partial = store.join("partial/backbone");
    let begun = Instant::now();
    let complete = |entry: fs::DirEntry| entry.file_name() == "checkpoint.safetensors";
    loop {
        let keys = fs::read_dir(&partial).into_iter().flatten().flatten();
        if keys.flat_map(|k| fs::read_dir(k.path()).into_iter().flatten().flatten()).any(complete) {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be killed");
        assert!(begun.elapsed() < Duration::from_secs(120), "no checkpoint appeared");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let of = |threads: &str| {
        let store = folder.path().join(threads);
        run(&store, &[], &["--threads", threads, "--until", "walks"]);
        hashes(&store)
    };
    assert_eq!(of("1"), of("3"));
}

#[test]
fn two_processes_share_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let until = ["--until", "decomposition"];
    let children: Vec<_> =
        (0..2).map(|_| command(folder.path(), &["backbone.epochs=1"], &until).spawn().unwrap()).collect();
    let texts: Vec<_> = children.into_iter().map(|c| c.wait_with_output().unwrap()).collect();
    for output in &texts {
        assert!(output.status.success(), "{}", said(output));
    }
    assert!(artifacts(folder.path(), &["verify"]).status.success());
    assert_eq!(fs::read_dir(folder.path().join("objects/backbone")).unwrap().count(), 1);
}

/// A run that must fail: its exit code and what it said.
fn fails(store: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(BINARY).arg("pipeline").args(arguments).arg("--store").arg(store).output().unwrap();
    (output.status.code().unwrap(), said(&output))
}

#[test]
fn bad_input_ends_with_one_sentence_that_names_the_culprit_and_one_hint() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let fails = |arguments: &[&str]| fails(&store, arguments);

    let (code, text) = fails(&["--set", "backbone.epoch=3"]);
    let expected = "error: `--set backbone.epoch=3`: unknown key `epoch` in [backbone]\nhint: did you mean `epochs`?\n";
    assert!(code == 1 && text.ends_with(expected), "{text}");
    let (code, text) = fails(&["--until", "nowhere"]);
    assert!(code == 2 && text.contains("nowhere"), "{text}");
    let (code, text) = fails(&["--device", "cuda:0"]);
    assert!(code == 1 && text.contains("cuda"), "{text}");
    let (code, text) = fails(&["--set", "images.limit=600", "--set", "images.minimum_per_class=500"]);
    assert!(code == 1 && text.contains("minimum_per_class") && text.contains("\nhint: add images"), "{text}");

    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let fixtures = fixture("fashion-mnist");
    for name in ["t10k-labels-idx1-ubyte.gz", "fashion-mnist.toml"] {
        fs::copy(fixtures.join(name), data.join(name)).unwrap();
    }
    let description = data.join("fashion-mnist.toml");
    let description = description.to_str().unwrap();
    let (code, text) = fails(&[description]);
    assert!(
        code == 1 && text.contains("t10k-images-idx3-ubyte.gz does not exist\nhint: check `images.images`"),
        "{text}"
    );
    let images = fs::read(fixtures.join("t10k-images-idx3-ubyte.gz")).unwrap();
    fs::write(data.join("t10k-images-idx3-ubyte.gz"), &images[..images.len() / 2]).unwrap();
    let (code, text) = fails(&[description]);
    assert!(code == 1 && text.contains("t10k-images-idx3-ubyte.gz"), "{text}");
    for start in ["error: ", "hint: fetch the file again"] {
        assert_eq!(text.lines().filter(|line| line.starts_with(start)).count(), 1, "{text}");
    }
}

#[test]
fn bfloat16_stands_beside_f32_and_is_refused_before_anything_runs_where_it_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, figures) = (folder.path().join("s"), folder.path().join("f.json"));
    let mut command = Command::new(BINARY);
    command.args(["bench", "precision", "--precision", "bf16-emulated", "--json"]).arg(&figures);
    command.arg("--store").arg(&store);
    SLICE.iter().for_each(|change| {
        command.args(["--set", change]);
    });
    let output = command.output().unwrap();
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("f32 beside bf16-emulated"), "{text}");
    // The network is trained once.
    assert_eq!(made(&text).iter().filter(|stage| **stage == "backbone").count(), 1, "{text}");
    assert_eq!(made(&text).iter().filter(|stage| **stage == "embeddings").count(), 2, "{text}");
    let figures = json(&figures);
    let number = |pointer: &str| figures.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
    for kind in ["plain", "centred"] {
        let cosine = number(&format!("/cosine/{kind}/median"));
        assert!(cosine > 0.999 && cosine < 1.0 - 1e-9, "{kind}: {cosine}");
        assert!(number(&format!("/cosine/{kind}/least")) <= cosine);
    }
    assert!(number("/pca/shared") > 0.9 && number("/pca/shared") <= 1.0 + 1e-9);
    let shift = number("/attributes/sleeve/same_line/shift");
    assert!(shift > 0.0 && shift < 0.2, "{shift}");
    assert!(number("/attributes/sleeve/same_line/correlation") > 0.98);
    assert!(number("/attributes/sleeve/walks/bf16-emulated/on_attribute") <= 1.0);

    let fresh = folder.path().join("t");
    let output = refused(&fresh, "embeddings.precision=bf16-emulate");
    assert!(output.contains("bf16-emulated"), "{output}");
    let output = self::command(&fresh, &["embeddings.precision=bf16"], &["--until", "images"]).output().unwrap();
    // A processor that has it goes on; any other says so before the first stage.
    if !output.status.success() {
        let text = said(&output);
        assert!(text.contains("neither AMX-BF16 nor AVX512-BF16") && text.contains("hint: take f32"), "{text}");
        assert!(made(&text).is_empty(), "{text}");
    }
}

fn refused(store: &Path, change: &str) -> String {
    let output = command(store, &[change], &[]).output().unwrap();
    assert!(!output.status.success());
    said(&output)
}

#[test]
fn a_failing_stage_leaves_what_was_finished_and_the_next_run_uses_it() {
    let folder = tempfile::tempdir().unwrap();
    let too_many = command(folder.path(), &["decomposition.axes=5000", "backbone.epochs=1"], &[]).output().unwrap();
    assert_eq!(too_many.status.code(), Some(1));
    assert!(said(&too_many).contains("5000"), "{}", said(&too_many));
    let mended = run(folder.path(), &["backbone.epochs=1"], &["--until", "decomposition"]);
    assert_eq!(made(&mended), ["decomposition"]);
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("store.json"), r#"{"format":"latentwalk-store","version":99}"#).unwrap();
    let (code, text) = fails(folder.path(), &[]);
    assert!(code == 1 && text.contains("99"), "{text}");
}

#[test]
fn a_folder_of_images_gets_a_description_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    write_photos(&photos);
    let init = Command::new(BINARY).arg("init").arg(&photos).output().unwrap();
    assert!(init.status.success(), "{}", said(&init));
    let again = Command::new(BINARY).arg("init").arg(&photos).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    let description = photos.join("latentwalk.toml");
    let output = Command::new(BINARY)
        .args(["pipeline", description.to_str().unwrap(), "--until", "probe"])
        .args(["--set", "backbone.epochs=2", "--set", "backbone.batch=16", "--set", "images.size=32"])
        .args(["--set", "decomposition.axes=8", "--store"])
        .arg(folder.path().join("store"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_rendered_wardrobe_is_a_source_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("wardrobe");
    let garments = |more: &[&str]| {
        let arguments = ["garments", "--count", "800", "--size", "64", "--twin-sets", "2", "--out"];
        Command::new(BINARY).args(arguments).arg(&out).args(more).output().unwrap()
    };
    let made = garments(&[]);
    assert!(made.status.success() && said(&made).contains("800 garments"), "{}", said(&made));
    let parquet = fs::read(out.join("manifest.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let again = garments(&[]);
    assert!(again.status.code() == Some(1) && said(&again).contains("wardrobe"), "{}", said(&again));
    let text = run(
        &folder.path().join("store"),
        &["images.limit=0", "images.size=32", "backbone.epochs=1"],
        &[out.join("garments.toml").to_str().unwrap(), "--until", "probe"],
    );
    assert!(text.contains("sleeve: bottleneck") && text.contains("worn: logistic"), "{text}");
}

#[test]
fn a_trained_network_starts_another_run_gives_vectors_and_places_new_images() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, store) = (folder.path().join("photos"), folder.path().join("store"));
    write_photos(&photos);
    let latentwalk = |arguments: &[&str]| {
        let output = Command::new(BINARY).args(arguments).output().unwrap();
        (output.status.code(), said(&output))
    };
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    assert_eq!(latentwalk(&["init", &text(&photos)]).0, Some(0));
    let description = text(&photos.join("latentwalk.toml"));

    // What an import would read, and that a file cut short is seen.
    fs::write(photos.join("dark/cut.jpg"), b"\xff\xd8\xff\xe0").unwrap();
    let (code, checked) = latentwalk(&["import", &description, "--check", "--contents"]);
    assert!(code == Some(0) && checked.contains("81") && checked.contains("cut.jpg"), "{checked}");
    assert!(!store.exists());
    fs::remove_file(photos.join("dark/cut.jpg")).unwrap();

    let small: Vec<&str> =
        "--set images.size=32 --set backbone.batch=16 --set decomposition.axes=8 --set probe.restarts=2 \
                            --set walks.starts=4 --set metrics.starts=4 --set index.queries=4"
            .split_whitespace()
            .collect();
    let pipeline = |more: &[&str]| {
        let store = text(&store);
        let arguments = [&["pipeline", &description, "--store", &store][..], &small, more].concat();
        latentwalk(&arguments)
    };
    let (code, first) = pipeline(&["--set", "backbone.epochs=2"]);
    assert_eq!(code, Some(0), "{first}");
    let network = fs::read_dir(store.join("objects/backbone")).unwrap().next().unwrap().unwrap().path();
    let weights = folder.path().join("moved.safetensors");
    fs::copy(network.join("model.safetensors"), &weights).unwrap();

    // The heads alone learn on it; moved elsewhere it is the same file.
    let heads = ["--set", "backbone.epochs=2", "--set", "backbone.trainable=heads", "--until", "probe"];
    let (code, transferred) = pipeline(&[&heads[..], &["--weights", &text(&weights)]].concat());
    assert!(code == Some(0) && transferred.contains("tensors taken; 0 start afresh"), "{transferred}");
    let elsewhere = folder.path().join("elsewhere.safetensors");
    fs::rename(&weights, &elsewhere).unwrap();
    let (code, again) = pipeline(&[&heads[..], &["--weights", &text(&elsewhere)]].concat());
    assert!(code == Some(0) && again.contains("nothing to do"), "{again}");
    // Another way of training stands on the same vectors; with the FC layer it stands on others.
    let weights = text(&elsewhere);
    let (code, other) =
        pipeline(&[&heads[..], &["--set", "backbone.learning_rate=0.01", "--weights", &weights]].concat());
    assert!(code == Some(0) && other.contains("] backbone") && !other.contains("] features"), "{other}");
    let fc = ["--set", "backbone.epochs=2", "--set", "backbone.trainable=fc", "--until", "probe"];
    let (code, fc) = pipeline(&[&fc[..], &["--weights", &weights]].concat());
    assert!(code == Some(0) && fc.contains("] features"), "{fc}");
    let precision = ["--set", "backbone.precision=bf16", "--until", "probe"];
    let (code, refused) = pipeline(&precision);
    assert!(code == Some(1) && refused.contains("take a CUDA device"), "{refused}");

    // Vectors of a folder; a second call goes nowhere, since the result is there.
    let out = folder.path().join("vectors.parquet");
    let embed = |tap: &str| {
        let (weights, out, photos) = (text(&elsewhere), text(&out), text(&photos));
        latentwalk(&["embed", "--weights", &weights, "--tap", tap, "--out", &out, &photos])
    };
    let (code, grey) = embed("pool");
    assert!(code == Some(1) && grey.contains("grey"), "{grey}");

    // New images on the direction.
    let attribute = "category";
    let dark = text(&photos.join("dark/00.png"));
    let light = text(&photos.join("light/00.png"));
    let project = |attribute: &str| {
        latentwalk(&["project", "--store", &text(&store), "--attribute", attribute, &dark, &light, "absent.png"])
    };
    let (code, placed) = project(attribute);
    assert!(code == Some(0) && placed.contains("skipped absent.png"), "{placed}");
    let class = |image: &str| placed.lines().find(|l| l.ends_with(image)).unwrap().split_whitespace().nth(1).unwrap();
    assert_eq!((class("dark/00.png"), class("light/00.png")), ("dark", "light"), "{placed}");
    let output = Command::new(BINARY)
        .args(["project", "--attribute", attribute, &dark, "absent.png", "--json", "-", "--store", &text(&store)])
        .output()
        .unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(value["images"][0]["class"] == "dark" && value["images"][0]["path"] == dark.as_str(), "{value}");
    assert!(value["attribute"] == attribute && value["skipped"][0]["path"] == "absent.png", "{value}");
    let (code, unknown) = project("sleeve");
    assert!(code == Some(1) && unknown.contains("category"), "{unknown}");
}

#[test]
fn an_extraction_that_was_killed_goes_on_and_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let garments = ["images.garments.count=300", "images.garments.twin_sets=0", "images.size=32", "images.limit=0"];
    let more = ["images.minimum_per_class=1", "backbone.arch=small", "backbone.epochs=0", "embeddings.batch=2"];
    let changes: Vec<&str> = garments.into_iter().chain(more).collect();
    let vectors = |store: &Path| {
        let found = fs::read_dir(store.join("objects/embeddings")).unwrap().next().unwrap().unwrap().path();
        fs::read(found.join("fc.parquet")).unwrap()
    };
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    run(&whole, &changes, &["garments", "--until", "embeddings"]);
    run(&stopped, &changes, &["garments", "--until", "backbone"]);
    let embeddings = || command(&stopped, &changes, &["garments", "--until", "embeddings"]);
    // More than the first batches: whatever the width, a whole batch is there.
    let begun = || {
        let folders = fs::read_dir(stopped.join("partial/embeddings")).into_iter().flatten().flatten();
        folders.into_iter().any(|f| fs::metadata(f.path().join("fc.f32")).is_ok_and(|meta| meta.len() > 10_000))
    };
    let mut child = embeddings().spawn().unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    while !begun() && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < limit);
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    child.wait().unwrap();
    let left = begun();
    let resumed = embeddings().output().unwrap();
    assert!(resumed.status.success(), "{}", said(&resumed));
    // It may have come to its end before it could be killed; the bytes are the same either way.
    if left {
        assert!(said(&resumed).contains("images of an interrupted run"), "{}", said(&resumed));
    }
    assert_eq!(vectors(&stopped), vectors(&whole));
}

#[test]
fn vectors_of_a_folder_are_written_once_whole_and_go_on_where_they_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    write_photos(&photos);
    fs::write(photos.join("dark/zero.png"), b"").unwrap();
    let checkpoints = fixture("golden/backbone/checkpoints");
    let malicious = Command::new(BINARY)
        .args(["embed", "--weights"])
        .arg(checkpoints.join("malicious.pth"))
        .arg("--out")
        .arg(folder.path().join("x.parquet"))
        .arg(&photos)
        .output()
        .unwrap();
    assert!(malicious.status.code() == Some(1) && said(&malicious).contains("system"), "{}", said(&malicious));

    // A network of three channels: a moment's training on rendered garments.
    let store = folder.path().join("store");
    let garments = ["images.garments.count=200", "images.garments.twin_sets=0", "images.size=32"];
    let more = ["images.minimum_per_class=1", "backbone.arch=small", "backbone.epochs=0"];
    let changes: Vec<&str> = garments.into_iter().chain(more).chain(["images.limit=0"]).collect();
    run(&store, &changes, &["garments", "--until", "backbone"]);
    let network = fs::read_dir(store.join("objects/backbone")).unwrap().next().unwrap().unwrap().path();
    let embed = |name: &str| {
        let mut command = Command::new(BINARY);
        command.args(["embed", "--arch", "small", "--weights"]).arg(network.join("model.safetensors"));
        command.arg("--out").arg(folder.path().join(name)).arg(&photos);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let whole = embed("whole.parquet").output().unwrap();
    assert!(whole.status.success() && said(&whole).contains("80 vectors"), "{}", said(&whole));
    assert!(fs::read_to_string(folder.path().join("whole.skipped.jsonl")).unwrap().contains("dark/zero.png"));
    let again = embed("whole.parquet").output().unwrap();
    assert!(again.status.code() == Some(1) && said(&again).contains("exists already"), "{}", said(&again));

    // A name in a hub: without a network the message says where the file belongs, and there it is found.
    let hub = |out: &str, cache: &str| {
        let mut command = Command::new(BINARY);
        command
            .args(["embed", "-v", "--arch", "small", "--weights", "hf:me/net", "--out"])
            .arg(folder.path().join(out));
        command.arg(&photos).env("LATENTWALK_CACHE", folder.path().join(cache)).env_remove("HF_HUB_CACHE");
        command.env("HF_ENDPOINT", "http://127.0.0.1:1").env("HF_TOKEN", "hf_secret");
        command.env("HF_HOME", folder.path().join("theirs"));
        command.output().unwrap()
    };
    let place = folder.path().join("cache/hf/me/net/main/model.safetensors");
    let offline = hub("hub.parquet", "cache");
    assert!(offline.status.code() == Some(1) && said(&offline).contains(place.to_str().unwrap()), "{}", said(&offline));
    assert!(!said(&offline).contains("hf_secret"), "{}", said(&offline));
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::copy(network.join("model.safetensors"), &place).unwrap();
    let found = hub("hub.parquet", "cache");
    assert!(found.status.success() && said(&found).contains("80 vectors"), "{}", said(&found));
    // Where ours has nothing, the cache of Hugging Face's tools is looked in, and the file is used there.
    let theirs = folder.path().join("theirs/hub/models--me--net");
    fs::create_dir_all(theirs.join("refs")).unwrap();
    fs::create_dir_all(theirs.join("snapshots/c0ffee")).unwrap();
    fs::write(theirs.join("refs/main"), "c0ffee").unwrap();
    fs::copy(&place, theirs.join("snapshots/c0ffee/model.safetensors")).unwrap();
    let found = hub("theirs.parquet", "empty");
    assert!(found.status.success() && said(&found).contains("snapshots/c0ffee"), "{}", said(&found));
    assert!(!folder.path().join("empty").exists());

    // As a run leaves it that was stopped after its first batch.
    let unfinished = folder.path().join(".second.parquet.unfinished");
    let mut child = embed("second.parquet").spawn().unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    while !unfinished.join("00000000.json").is_file() && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < limit);
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    child.wait().unwrap();
    let resumed = embed("second.parquet").output().unwrap();
    // It may have come to its end before it could be stopped; then the result is there, and is the same.
    if resumed.status.success() {
        let text = said(&resumed);
        let after = |done: &usize| text.contains(&format!("going on after {done} of 81 images"));
        assert!([32, 64].iter().any(after), "{text}");
    }
    let bytes = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("second.parquet"), bytes("whole.parquet"));
    assert!(!unfinished.exists());

    // The pipeline on vectors that it did not make: no network is trained.
    fs::remove_file(photos.join("dark/zero.png")).unwrap();
    assert!(Command::new(BINARY).arg("init").arg(&photos).output().unwrap().status.success());
    let given = |vectors: &str| {
        let mut command = Command::new(BINARY);
        command
            .arg("pipeline")
            .arg(photos.join("latentwalk.toml"))
            .arg("--embeddings")
            .arg(folder.path().join(vectors));
        command.arg("--store").arg(folder.path().join("given")).args(["--set", "decomposition.axes=6"]);
        command.args(["--set", "walks.starts=4", "--set", "metrics.starts=4", "--set", "index.queries=4"]);
        command.output().unwrap()
    };
    let output = given("whole.parquet");
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(!made(&text).contains(&"backbone") && made(&text).contains(&"report"), "{text}");
    let run = runs(&folder.path().join("given")).pop().unwrap();
    assert!(json(&run.join("summary.json"))["directions"]["category"]["min_adjacent_auc"].as_f64().unwrap() > 0.9);
    fs::rename(folder.path().join("whole.parquet"), folder.path().join("moved.parquet")).unwrap();
    assert!(said(&given("moved.parquet")).contains("nothing to do"));
    fs::write(photos.join("dark/new.png"), fs::read(photos.join("dark/00.png")).unwrap()).unwrap();
    let missing = given("moved.parquet");
    assert!(said(&missing).contains("no vector for 1 of 81 images, the first is `dark/new.png`"), "{}", said(&missing));
}

/// A small wardrobe, trained for a moment: what is tested is the way from a file to a page, not the figures.
const EXPERIMENT: &str = r#"
title = "Test"
question = "Does it run?"
findings = "It does."
study = "STUDY"
description = "garments"
set = [
  "images.garments.count=500", "images.garments.twin_sets=6", "images.size=32", "images.minimum_per_class=2",
  "backbone.arch=small", "backbone.epochs=3", "backbone.batch=16",
  "probe.attributes=['pattern']", "probe.restarts=4",
  "walks.starts=10", "metrics.starts=10", "index.queries=10",
  "embeddings.taps=['fc', 'pool', 'stem', 'layer1', 'layer2', 'layer3']",
]
seeds = [1]
attributes = ["pattern"]
order = ["solid", "striped", "floral", "plaid"]
probes = 2
[figures]
"#;

#[test]
fn every_study_writes_its_page_and_a_figure_that_strays_fails_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("pages");
    let experiment = |study: &str, figures: &str| {
        let file = folder.path().join(format!("{study}.toml"));
        fs::write(&file, EXPERIMENT.replace("STUDY", study) + figures).unwrap();
        Command::new(BINARY)
            .arg("experiment")
            .arg(&file)
            .arg("--out")
            .arg(&pages)
            .arg("--json")
            .arg(folder.path().join("figures.json"))
            .arg("--store")
            .arg(folder.path().join("store"))
            .output()
            .unwrap()
    };
    for (study, figure) in [
        ("direction", "pattern: mean AUC over pairs of classes"),
        ("order", "share of all probes in the order"),
        ("variance", "trained, fc: rank"),
        ("layers", "trained, FC: mean separation"),
        ("preservation", "random direction: target hit"),
    ] {
        let expected = format!("\"{figure}\" = {{ expected = 0.5, tolerance = 1000.0 }}\n");
        let output = experiment(study, &expected);
        assert!(output.status.success(), "{study}: {}", said(&output));
        let page = fs::read_to_string(pages.join(format!("{study}.md"))).unwrap();
        assert!(page.contains("# Test") && page.contains(figure), "{page}");
        for line in page.lines().filter(|line| line.starts_with("![")) {
            let file = line.rsplit_once('(').unwrap().1.trim_end_matches(')');
            assert!(fs::metadata(pages.join(file)).unwrap().len() > 500, "{file}");
        }
    }
    let strayed =
        experiment("direction", "\"pattern: mean AUC over pairs of classes\" = { expected = 9.0, tolerance = 0.1 }");
    assert_eq!(strayed.status.code(), Some(1));
    let told = json(&folder.path().join("figures.json"));
    let figures = told["experiments"][0]["figures"].as_array().unwrap();
    let auc = figures.iter().find(|figure| figure["name"] == "pattern: mean AUC over pairs of classes").unwrap();
    assert!(auc["expected"] == 9.0 && auc["within"] == false && auc["found"].as_f64().unwrap() < 2.0, "{auc}");
    assert!(said(&strayed).contains("1 of `direction`"), "{}", said(&strayed));
    assert!(fs::read_to_string(pages.join("direction.md")).unwrap().contains("outside"));
    let unknown = experiment("direction", "\"no such figure\" = { expected = 1.0, tolerance = 0.1 }");
    assert!(unknown.status.code() == Some(1) && said(&unknown).contains("no such figure"), "{}", said(&unknown));
}

/// Two classes of small grey pictures, dark and light.
fn write_photos(root: &Path) {
    for (class, shade) in [("dark", 40u8), ("light", 200u8)] {
        let dir = root.join(class);
        fs::create_dir_all(&dir).unwrap();
        for i in 0..40u8 {
            let pixels: Vec<u8> = (0..32 * 32u32).map(|p| shade.wrapping_add((p as u8 ^ i) % 32)).collect();
            fs::write(dir.join(format!("{i:02}.png")), png::grey(32, 32, &pixels)).unwrap();
        }
    }
}

/// A PNG writer of a few lines: stored (uncompressed) deflate blocks.
mod png {
    pub(super) fn grey(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
        let mut raw = Vec::new();
        for row in pixels.chunks(width as usize) {
            raw.push(0);
            raw.extend_from_slice(row);
        }
        let mut header = Vec::new();
        header.extend_from_slice(&width.to_be_bytes());
        header.extend_from_slice(&height.to_be_bytes());
        header.extend_from_slice(&[8, 0, 0, 0, 0]);
        let mut data = vec![0x78, 0x01, 0x01];
        let length = u16::try_from(raw.len()).unwrap();
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(&(!length).to_le_bytes());
        data.extend_from_slice(&raw);
        data.extend_from_slice(&adler(&raw).to_be_bytes());
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, body) in [(b"IHDR", &header), (b"IDAT", &data), (b"IEND", &Vec::new())] {
            png.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
            let tagged = [kind.as_slice(), body].concat();
            png.extend_from_slice(&tagged);
            png.extend_from_slice(&crc(&tagged).to_be_bytes());
        }
        png
    }

    fn adler(bytes: &[u8]) -> u32 {
        let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), &x| {
            let a = (a + u32::from(x)) % 65521;
            (a, (b + a) % 65521)
        });
        (b << 16) | a
    }

    fn crc(bytes: &[u8]) -> u32 {
        let step = |c: u32, _| if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 };
        !bytes.iter().fold(!0u32, |crc, &b| (0..8).fold(crc ^ u32::from(b), step))
    }
}
