//! What the tests of several modules share.

#![allow(clippy::unwrap_used)]

use std::fs;

use tempfile::TempDir;

use crate::{Artifact, Begin, Commit, Pending, Recipe, Store};

/// An empty store in a temporary folder, which lives as long as the first value.
pub(crate) fn new_store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    (folder, store)
}

/// A recipe with one parameter.
pub(crate) fn recipe(stage: &str, restarts: u32) -> Recipe {
    Recipe::new(stage, 1, 1).parameter("probe.restarts", restarts)
}

/// What a stage says at its end, with a time that tells two results apart.
pub(crate) fn commit_at(second: u32) -> Commit {
    Commit {
        metrics: serde_json::json!({"accuracy": 0.875}),
        notes: vec!["two rows skipped".into()],
        tool: "latentwalk 0.1.0".into(),
        started: format!("2026-01-02T03:04:{second:02}Z"),
        seconds: 1.5,
    }
}

/// Takes the right to make a result that is known not to be there.
pub(crate) fn pending(store: &Store, recipe: &Recipe) -> Pending {
    match store.begin(recipe).unwrap() {
        Begin::Make(pending) => pending,
        Begin::Ready(artifact) => panic!("{} is there already", artifact.dir().display()),
    }
}

/// Makes a result of two files: `x.txt` and `deep/y.txt`.
pub(crate) fn make(store: &Store, recipe: &Recipe, second: u32) -> Artifact {
    let pending = pending(store, recipe);
    write_files(&pending);
    pending.commit(commit_at(second)).unwrap()
}

/// Writes the two files of [`make`].
pub(crate) fn write_files(pending: &Pending) {
    fs::write(pending.dir().join("x.txt"), "hello").unwrap();
    fs::create_dir(pending.dir().join("deep")).unwrap();
    fs::write(pending.dir().join("deep/y.txt"), "world!").unwrap();
}
