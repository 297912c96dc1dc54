//! `embed`: vectors of a folder, by a checkpoint.

use super::*;

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
