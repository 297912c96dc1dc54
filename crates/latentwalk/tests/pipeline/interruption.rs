//! Runs that are killed, run on other threads, or share a store.

use super::*;

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
