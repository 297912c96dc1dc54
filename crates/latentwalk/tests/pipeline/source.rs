//! Images and networks of the user's own.

use super::*;

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
    // The knob: from an image of the run, and from a file that it may never have seen.
    let strip = folder.path().join("strip.png");
    let walk = |start: &str, more: &[&str]| {
        let store = text(&store);
        latentwalk(&[&["walk", "--store", &store, "--attribute", attribute, "--start", start][..], more].concat())
    };
    let (code, walked) = walk("dark/01.png", &["--toward", "light", "--stops", "3", "--out", &text(&strip)]);
    assert!(code == Some(0) && walked.contains("category toward `light`"), "{walked}");
    let last = walked.lines().rfind(|line| line.starts_with('3')).unwrap();
    assert!(last.contains(" light ") && last.contains("light/"), "{walked}");
    assert!(fs::read(&strip).unwrap().starts_with(b"\x89PNG"));
    let (code, walked) = walk(&light, &["--keep", attribute]);
    assert!(code == Some(1) && walked.contains("cannot be kept"), "{walked}");
    let (code, walked) = walk(&light, &["--stops", "4"]);
    assert!(
        code == Some(0) && walked.lines().filter(|line| line.starts_with(['1', '2', '3', '4'])).count() == 4,
        "{walked}"
    );
    for (start, more, expected) in [
        ("dark/01.png", &["--toward", "pale"][..], "`toward` names the class `pale`; it must be one of dark, light"),
        ("dark/01.png", &["--toward", "dark"], "has `category` = `dark` already\nhint: name another value"),
        ("nowhere.png", &[], "the run has no image `nowhere.png`, and there is no such file\nhint: ids look like"),
    ] {
        let (code, refused) = walk(start, more);
        assert!(code == Some(1) && refused.contains(expected), "{refused}");
    }
    let output = Command::new(BINARY)
        .args(["walk", "--start", "dark/01.png", "--attribute", attribute, "--json", "-", "--store", &text(&store)])
        .output()
        .unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(value["start"]["class"] == "dark" && value["stops"][0]["images"][0]["id"].is_string(), "{value}");
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
