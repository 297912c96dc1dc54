#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::disk::names;
use crate::testing::{commit_at, make, new_store, pending, recipe, write_files};

#[test]
fn a_commit_is_found_with_all_that_was_said() {
    let (_folder, store) = new_store();
    let recipe = recipe("probe", 4).file("labels.csv", "ab").input("images", Key::of(&[]));
    let made = make(&store, &recipe, 0);
    let found = store.find("probe", &recipe.key()).unwrap().unwrap();
    assert_eq!(found.manifest(), made.manifest());
    assert_eq!(found.dir(), made.dir());
    let manifest = found.manifest();
    assert_eq!(manifest.facts, recipe.facts());
    assert_eq!(manifest.metrics["accuracy"], 0.875);
    assert_eq!((manifest.tool.as_str(), manifest.seconds), ("latentwalk 0.1.0", 1.5));
    assert_eq!(manifest.sources["labels.csv"], "ab");
    let listed: Vec<_> = manifest.files.iter().map(|file| (file.path.as_str(), file.bytes)).collect();
    assert_eq!(listed, [("deep/y.txt", 6), ("x.txt", 5)]);
    assert_eq!(manifest.files[1].blake3, crate::hash_bytes(b"hello"));
    assert!(matches!(store.begin(&recipe).unwrap(), Begin::Ready(_)));
}

#[test]
fn nothing_is_left_but_the_result() {
    let (_folder, store) = new_store();
    make(&store, &recipe("probe", 4), 0);
    assert!(names(&store.root().join("tmp")).unwrap().is_empty());
}

#[test]
fn a_drop_or_a_panic_before_the_commit_leaves_only_partial_work() {
    let (_folder, store) = new_store();
    let recipe = recipe("probe", 4);
    let attempt = |end: fn()| {
        let pending = pending(&store, &recipe);
        write_files(&pending);
        fs::write(pending.partial().unwrap().join("epoch"), "3").unwrap();
        end();
    };
    attempt(|| {});
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt(|| panic!("on purpose"))));
    assert!(panicked.is_err());
    assert!(store.find("probe", &recipe.key()).unwrap().is_none());
    assert!(names(&store.root().join("objects")).unwrap().is_empty());
    assert!(names(&store.root().join("tmp")).unwrap().is_empty());
    let again = pending(&store, &recipe);
    assert!(again.has_partial());
    let partial = again.partial().unwrap();
    assert_eq!(fs::read_to_string(partial.join("epoch")).unwrap(), "3");
    again.commit(commit_at(0)).unwrap();
    assert!(!partial.exists());
}

#[test]
fn what_a_crash_left_is_not_in_the_next_result() {
    let (_folder, store) = new_store();
    let recipe = recipe("probe", 4);
    let left = store.tmp_dir(Kind::Make, "probe", &recipe.key());
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("half.txt"), "ha").unwrap();
    let made = make(&store, &recipe, 0);
    assert!(made.file("half.txt").is_err() && !made.dir().join("half.txt").exists());
}

#[test]
fn a_damaged_result_is_made_again() {
    let (_folder, store) = new_store();
    let recipe = recipe("probe", 4);
    let x = make(&store, &recipe, 0).file("x.txt").unwrap();
    fs::remove_file(&x).unwrap();
    let aborted = pending(&store, &recipe);
    assert!(aborted.damaged().unwrap().to_string().ends_with("file `x.txt` is missing"));
    drop(aborted);
    assert_eq!(names(&store.root().join("tmp")).unwrap().len(), 1, "the damaged one stays until a whole one is there");
    let made = make(&store, &recipe, 1);
    assert_eq!(made.manifest().started, "2026-01-02T03:04:01Z");
    assert!(x.exists() && names(&store.root().join("tmp")).unwrap().is_empty());
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let (_folder, store) = new_store();
    let recipe = recipe("probe", 4);
    let refused = |write: &dyn Fn(&Path)| {
        let pending = pending(&store, &recipe);
        write(pending.dir());
        pending.commit(commit_at(0)).unwrap_err().to_string()
    };
    let error = refused(&|dir| fs::write(dir.join(MANIFEST), "{}").unwrap());
    assert!(error.contains("manifest.json") && error.contains("`probe`"), "{error}");
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let error = refused(&|dir| std::os::unix::fs::symlink("/etc/hosts", dir.join("link")).unwrap());
        assert!(error.contains("link") && error.contains("neither a plain file"), "{error}");
        let name = std::ffi::OsStr::from_bytes(b"\xff.txt");
        let error = refused(&|dir| fs::write(dir.join(name), "").unwrap());
        assert!(error.contains("not UTF-8"), "{error}");
    }
    for seconds in [f64::NAN, f64::INFINITY, -1.0] {
        let error = pending(&store, &recipe).commit(Commit { seconds, ..commit_at(0) }).unwrap_err();
        assert!(matches!(error, Error::Unstorable { .. }));
    }
    assert!(names(&store.root().join("tmp")).unwrap().is_empty());
    assert!(store.list().unwrap().is_empty());
}

#[test]
fn of_many_threads_one_makes_it_and_all_get_it() {
    let (_folder, store) = new_store();
    let recipe = recipe("probe", 4);
    let (makers, waits) = (AtomicU32::new(0), AtomicU32::new(0));
    let one = pending(&store, &recipe);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    match store.begin_with(&recipe, &mut || _ = waits.fetch_add(1, Ordering::SeqCst)).unwrap() {
                        Begin::Ready(artifact) => artifact,
                        Begin::Make(pending) => {
                            makers.fetch_add(1, Ordering::SeqCst);
                            write_files(&pending);
                            pending.commit(commit_at(0)).unwrap()
                        }
                    }
                })
            })
            .collect();
        while waits.load(Ordering::SeqCst) < 4 {
            std::thread::yield_now();
        }
        drop(one);
        for thread in threads {
            assert_eq!(thread.join().unwrap().key(), recipe.key());
        }
    });
    assert_eq!(makers.into_inner(), 1);
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn different_keys_do_not_wait_for_each_other() {
    let (_folder, store) = new_store();
    let one = pending(&store, &recipe("probe", 4));
    let two = pending(&store, &recipe("probe", 8));
    assert_ne!(one.dir(), two.dir());
    two.commit(commit_at(0)).unwrap();
    one.commit(commit_at(0)).unwrap();
    assert_eq!(store.list().unwrap().len(), 2);
}

#[test]
fn a_result_that_is_made_anew_stands_until_the_new_one_takes_its_place() {
    let (_folder, store) = new_store();
    let recipe = recipe("probe", 4);
    let first = make(&store, &recipe, 0).manifest().started.clone();
    let again = store.begin_anew(&recipe, &mut || {}).unwrap();
    write_files(&again);
    assert_eq!(store.find("probe", &recipe.key()).unwrap().unwrap().manifest().started, first);
    drop(again);
    assert!(
        store.find("probe", &recipe.key()).unwrap().is_some(),
        "an attempt that was given up took the result along"
    );
    let again = store.begin_anew(&recipe, &mut || {}).unwrap();
    write_files(&again);
    let second = again.commit(commit_at(1)).unwrap();
    assert_ne!(second.manifest().started, first);
    assert!(names(&store.root().join("tmp")).unwrap().is_empty() && store.verify().unwrap().is_empty());
}
