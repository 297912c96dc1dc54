//! Inputs that people have and that once failed, made by `fixtures/cases/make_cases.py`: each through the real binary.
//!
//! Skipped, and said so, where there is no Python with numpy, pillow and pyarrow.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_latentwalk");

/// The folders of the cases, or `None` where they cannot be made.
fn cases() -> Option<TempDir> {
    let python = std::env::var("PEER_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import numpy, PIL, pyarrow.parquet"]).output();
    if !has.is_ok_and(|found| found.status.success()) {
        eprintln!("skipped: the cases need Python with numpy, pillow and pyarrow ({python} has not)");
        return None;
    }
    let dir = TempDir::new().unwrap();
    let made =
        Command::new(python).arg(latentwalk_testing::fixture("cases/make_cases.py")).arg(dir.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(dir)
}

/// Whether a call succeeded, and what it said.
fn call(dir: &Path, arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } = Command::new(BINARY).current_dir(dir).args(arguments).output().unwrap();
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stderr), String::from_utf8_lossy(&stdout)))
}

#[track_caller]
fn says(dir: &Path, arguments: &[&str], expected: &[&str]) -> String {
    let (done, said) = call(dir, arguments);
    assert!(done, "{arguments:?}: {said}");
    expected.iter().for_each(|part| assert!(said.contains(part), "{arguments:?}: {part}\n{said}"));
    said
}

#[track_caller]
fn refuses(dir: &Path, arguments: &[&str], expected: &[&str]) {
    let (done, said) = call(dir, arguments);
    assert!(!done, "{arguments:?}: {said}");
    expected.iter().for_each(|part| assert!(said.contains(part), "{arguments:?}: {part}\n{said}"));
}

/// The classes that `init` declares in each folder of a case.
fn drafted(case: &Path, folders: &[&str], classes: &[&str]) {
    for folder in folders {
        let dir = case.join(folder);
        says(&dir, &["init", "."], &[]);
        let text = fs::read_to_string(dir.join("latentwalk.toml")).unwrap();
        let declared = text.split("classes = [").nth(1).unwrap().split(']').next().unwrap();
        let names: Vec<&str> = declared.split('"').skip(1).step_by(2).collect();
        assert_eq!(names, classes, "{folder}: {text}");
    }
}

fn sub(dir: &Path, name: &str) -> PathBuf {
    dir.join(name)
}

#[test]
fn labels_are_found_or_their_fault_is_named() {
    let Some(dir) = cases() else { return };
    let labels = sub(dir.path(), "01-labels-not-read");
    let read = ["filename", "image_name", "img_path", "image_id", "id"].map(|name| format!("column-{name}"));
    let read: Vec<&str> =
        read.iter().map(String::as_str).chain(["utf16", "jsonl-nan", "one-folder", "two-files"]).collect();
    drafted(&labels, &read, &["blue", "red"]);
    refuses(&labels, &["init", "latin1"], &["labels.csv, row 3", "UTF-8"]);
    refuses(&labels, &["init", "jsonl-bad-line"], &["labels.jsonl, row 24"]);
    drafted(&sub(dir.path(), "02-split-folders"), &["two", "three", "validation"], &["cat", "dog"]);
    let several = ["bar", "semicolon", "blank", "comma", "json"];
    drafted(&sub(dir.path(), "11-several-in-a-cell"), &several, &["clear", "road", "water"]);
    let many = sub(dir.path(), "05-many-classes");
    says(&many, &["init", "breeds"], &[]);
    assert_eq!(fs::read_to_string(many.join("breeds/latentwalk.toml")).unwrap().matches("# 2 images").count(), 101);
    let forms = sub(dir.path(), "09-unicode-forms");
    for folder in ["manifest", "folders"] {
        says(&forms, &["init", folder], &[]);
        let description = format!("{folder}/latentwalk.toml");
        says(
            &forms,
            &["import", &description, "--check"],
            &["24 images, 0 missing", "2 values: Caf\u{e9} 12, \u{dc}bung 12"],
        );
    }
    drafted(&sub(dir.path(), "12-synology"), &["photos"], &["cat", "dog"]);
    says(&sub(dir.path(), "13-silences/absolute"), &["init", "."], &[]);
    says(
        &sub(dir.path(), "13-silences/absolute"),
        &["import", "latentwalk.toml", "--check"],
        &["60 images, 0 missing"],
    );
    says(&sub(dir.path(), "13-silences/case"), &["init", "."], &["`CAT`, `Cat`, `cat` look alike"]);
    says(&sub(dir.path(), "13-silences/nan"), &["init", "."], &["`None`, `nan`, `null` may stand for a missing label"]);
    says(&sub(dir.path(), "13-silences/coco-bom"), &["import", "latentwalk.toml", "--check"], &["cat 12, dog 12"]);
    let elsewhere = sub(dir.path(), "17-read-only");
    says(&elsewhere, &["init", "photos", "--out", "here.toml"], &["wrote here.toml"]);
    says(&elsewhere, &["import", "here.toml", "--check"], &["24 images, 0 missing"]);
}

#[test]
fn vectors_are_matched_by_what_names_them() {
    let Some(dir) = cases() else { return };
    let codecs = sub(dir.path(), "03-parquet-codecs");
    for codec in ["snappy", "zstd", "gzip", "brotli", "lz4"] {
        let (vectors, labels) = (format!("{codec}.parquet"), format!("labels/{codec}.toml"));
        says(
            &codecs,
            &["pipeline", "latentwalk.toml", "--embeddings", &vectors, "--set", "decomposition.axes=4"],
            &["report"],
        );
        says(&codecs, &["import", &labels, "--check"], &["cat 12, dog 12"]);
    }
    let names = sub(dir.path(), "04-npz-names");
    for key in ["ids", "filenames", "paths", "names", "keys"] {
        let (vectors, store) = (format!("{key}.npz"), format!("store-{key}"));
        let fixed = ["pipeline", "latentwalk.toml", "--set", "decomposition.axes=4", "--until", "probe"];
        let said = says(
            &names,
            &[&fixed[..], &["--embeddings", &vectors, "--store", &store]].concat(),
            &["adjacent AUC 1.000"],
        );
        assert_eq!(said.contains(&format!("matched by the array `{key}`")), key != "ids", "{said}");
    }
    let small = sub(dir.path(), "06-small-set");
    says(&small, &["init", "photos"], &[]);
    let narrow = ["pipeline", "photos/latentwalk.toml", "--embeddings", "narrow.parquet"];
    says(&small, &narrow, &["asks for 33 axes; 24 are kept", "24 axes keep 1.000"]);
    let given = ["pipeline", "latentwalk.toml", "--set", "decomposition.axes=3", "--embeddings"];
    let silences = sub(dir.path(), "13-silences/vectors");
    says(&silences, &[&given[..], &["zeros.npz"]].concat(), &["30 of 60 vectors", "all zero"]);
    refuses(&silences, &[&given[..], &["few.npz"]].concat(), &["one and the same vector in each class", "hint"]);
}

#[test]
fn pictures_are_read_or_named() {
    let Some(dir) = cases() else { return };
    let endings = sub(dir.path(), "10-endings");
    for (folder, images) in [("mixed", "30 images, 0 missing, 0 unreadable"), ("jfif", "24 images")] {
        says(&endings, &["init", folder], &[]);
        says(&endings, &["import", &format!("{folder}/latentwalk.toml"), "--check", "--contents"], &[images]);
    }
    let exif = sub(dir.path(), "14-exif");
    says(&exif, &["import", "latentwalk.toml", "--store", "store"], &[]);
    let artifact = fs::read_dir(exif.join("store/objects/images")).unwrap().next().unwrap().unwrap().path();
    let items = fs::read_to_string(artifact.join("items.jsonl")).unwrap();
    let pixels = fs::read(artifact.join("pixels.u8")).unwrap();
    let length = pixels.len() / items.lines().count();
    let place = |start: String| items.lines().position(|line| line.contains(&start)).unwrap();
    for at in 0..12 {
        let [turned, upright] = ["turned", "upright"].map(|folder| place(format!("\"id\":\"{folder}/{at}.")));
        assert_eq!(pixels[turned * length..][..length], pixels[upright * length..][..length], "{at}");
    }
    let damage = sub(dir.path(), "15-damage");
    let named = ["cat/crc.png", "cat/stream.png", "cat/scan.jpg", "3 files left out"];
    says(&damage, &["import", "latentwalk.toml", "--check", "--contents"], &named);
    let formats = sub(dir.path(), "16-formats");
    says(&formats, &["init", "photos"], &[]);
    says(
        &formats,
        &["import", "photos/latentwalk.toml", "--check", "--contents"],
        &["28 images, 0 missing, 0 unreadable"],
    );
    let huge = sub(dir.path(), "18-huge");
    let embed = ["embed", "--threads", "1", "--weights", "rgb.safetensors", "--out", "v.parquet", "photos"];
    says(&huge, &embed, &["cat/huge.jpg: it is 20000 x 14000 pixels, more than `images.limits.pixels`", "2 vectors"]);
}

#[test]
fn checkpoints_are_seen_through_their_wrappers() {
    let Some(dir) = cases() else { return };
    let prefixes = sub(dir.path(), "07-prefixes");
    let vectors = |name: &str| {
        let (weights, out) = (format!("{name}safetensors"), format!("{name}parquet"));
        says(&prefixes, &["embed", "--weights", &weights, "--out", &out, "photos"], &["2 vectors"]);
        let mut reader = latentwalk_embeddings::VectorFile::open(prefixes.join(out), dir.path()).unwrap();
        reader.read(&[0, 1]).unwrap()
    };
    let plain = vectors("plain.");
    for name in ["encoder.", "net.", "resnet.", "cnn.", "encoder_q.", "children."] {
        assert_eq!(vectors(name), plain, "{name}");
    }
    let grey = sub(dir.path(), "08-grey");
    says(&grey, &["init", "photos"], &[]);
    let arguments =
        ["pipeline", "photos/latentwalk.toml", "--weights", "rgb.safetensors", "--set", "backbone.trainable=heads"];
    refuses(&grey, &arguments, &["images of 3 channels, and the images have 1", "images.channels"]);
    let formats = sub(dir.path(), "16-formats");
    for (rule, same) in [("drop", "rgb.png"), ("white", "white.png")] {
        let out = format!("{rule}.parquet");
        says(
            &formats,
            &["embed", "--weights", "rgb.safetensors", "--alpha", rule, "--out", &out, "alpha"],
            &["3 vectors"],
        );
        let mut reader = latentwalk_embeddings::VectorFile::open(formats.join(&out), dir.path()).unwrap();
        let ids = reader.ids().unwrap().to_vec();
        let place = |name: &str| ids.iter().position(|id| id == name).unwrap();
        let both = reader.read(&[place("rgba.png"), place(same)]).unwrap();
        assert_eq!(both.row(0), both.row(1), "{rule}");
    }
}
