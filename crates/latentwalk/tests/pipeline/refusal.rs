//! Input that is refused, by a sentence and a hint.

use super::*;

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
    let output = refused(&fresh, "backbone.precision=tf32");
    assert!(output.contains("`backbone.precision`: precision tf32: this cpu trains in f32 only\nhint: "), "{output}");
    assert!(made(&output).is_empty(), "{output}");
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
    // Three vectors for all images.
    let vectors = folder.path().join("three.npy");
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
    let head = [&b"\x93NUMPY\x01\x00\x76\x00"[..], format!("{header:<117}\n").as_bytes()].concat();
    std::fs::write(&vectors, [head, vec![0; 24]].concat()).unwrap();
    let given = ["--embeddings", vectors.to_str().unwrap()];
    let too_few = command(folder.path(), &["backbone.epochs=1"], &given).output().unwrap();
    assert_eq!(too_few.status.code(), Some(1));
    assert!(said(&too_few).contains("three.npy has 3 rows for"), "{}", said(&too_few));
    assert_eq!(made(&said(&too_few)), ["images", "embeddings"]);
    let mended = run(folder.path(), &["backbone.epochs=1"], &["--until", "backbone"]);
    assert_eq!(made(&mended), ["backbone"]);
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("store.json"), r#"{"format":"latentwalk-store","version":99}"#).unwrap();
    let (code, text) = fails(folder.path(), &[]);
    assert!(code == 1 && text.contains("99"), "{text}");
}
