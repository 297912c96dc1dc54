#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;
use crate::testing::{commit_at, make, new_store, pending, recipe};

fn keep(keys: &[Key]) -> GcOptions {
    GcOptions { keep: keys.iter().copied().collect(), dry_run: false }
}

fn kinds(found: &[Removed]) -> Vec<(RemovedKind, &str, u64)> {
    found.iter().map(|removed| (removed.kind, removed.stage.as_str(), removed.bytes)).collect()
}

#[test]
fn only_the_wanted_stay() {
    let (_folder, store) = new_store();
    let wanted = make(&store, &recipe("images", 1), 0).key();
    let unwanted = make(&store, &recipe("probe", 4), 0).key();
    let report = store.gc(&keep(&[wanted])).unwrap();
    assert_eq!(report.kept, 1);
    assert_eq!((report.removed[0].kind, report.removed[0].key), (RemovedKind::Artifact, unwanted));
    assert!(report.bytes > 11, "the manifest counts as well");
    assert!(store.find("images", &wanted).unwrap().is_some());
    assert!(store.find("probe", &unwanted).unwrap().is_none());
    assert_eq!(store.gc(&keep(&[wanted])).unwrap(), GcReport { kept: 1, ..GcReport::default() });
}

#[test]
fn a_dry_run_says_the_same_and_touches_nothing() {
    let (_folder, store) = new_store();
    let key = make(&store, &recipe("probe", 4), 0).key();
    fs::create_dir_all(store.root().join("tmp").join(format!("make.probe.{key}"))).unwrap();
    let before = tree(store.root()).unwrap();
    let dry = store.gc(&GcOptions { dry_run: true, ..GcOptions::default() }).unwrap();
    let after = tree(store.root()).unwrap();
    assert_eq!((before.files, before.folders.len()), (after.files, after.folders.len()));
    assert_eq!(store.gc(&GcOptions::default()).unwrap(), dry);
    assert_eq!(dry.removed.len(), 2);
}

#[test]
fn foreign_files_are_left_alone() {
    let (_folder, store) = new_store();
    let key = make(&store, &recipe("probe", 4), 0).key();
    let foreign = [
        "mine.txt".to_owned(),
        "folder/mine.txt".to_owned(),
        "objects/mine.txt".to_owned(),
        "objects/probe/mine/x".to_owned(),
        format!("objects/My Folder/{key}/x"),
        "tmp/mine/x".to_owned(),
        format!("tmp/mine.probe.{key}/x"),
        "partial/probe/mine/x".to_owned(),
        "locks/mine".to_owned(),
        "runs/1/summary.json".to_owned(),
    ];
    for path in &foreign {
        let path = store.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    assert_eq!(store.gc(&GcOptions::default()).unwrap().removed.len(), 1);
    for path in &foreign {
        assert_eq!(fs::read_to_string(store.root().join(path)).unwrap(), "mine", "{path}");
    }
}

#[test]
fn what_is_read_or_made_just_now_stays() {
    let (_folder, store) = new_store();
    let read = make(&store, &recipe("images", 1), 0);
    let second_reader = read.clone();
    let made = pending(&store, &recipe("probe", 4));
    fs::write(made.dir().join("x.txt"), "hello").unwrap();
    let partial = made.partial().unwrap();
    drop(read);
    let report = store.gc(&GcOptions::default()).unwrap();
    assert_eq!(report.removed, []);
    let expected =
        [(RemovedKind::Artifact, "images", 0), (RemovedKind::Leftover, "probe", 0), (RemovedKind::Partial, "probe", 0)];
    assert_eq!(kinds(&report.in_use), expected);
    assert!(second_reader.file("x.txt").unwrap().exists() && partial.is_dir());
    made.commit(commit_at(0)).unwrap();
    drop(second_reader);
    assert_eq!(store.gc(&GcOptions::default()).unwrap().removed.len(), 2);
}

#[test]
fn what_crashes_left_is_removed() {
    let (_folder, store) = new_store();
    let key = recipe("probe", 4).key();
    for kind in [Kind::Make, Kind::Damaged, Kind::Removed] {
        fs::create_dir_all(store.tmp_dir(kind, "probe", &key).join("deep")).unwrap();
        fs::write(store.tmp_dir(kind, "probe", &key).join("deep/x"), "left").unwrap();
    }
    let report = store.gc(&keep(&[key])).unwrap();
    assert_eq!(kinds(&report.removed), [(RemovedKind::Leftover, "probe", 4); 3]);
    assert!(names(&store.root().join("tmp")).unwrap().is_empty());
    assert!(names(&store.root().join("locks")).unwrap().is_empty(), "nor do lock files pile up");
}

#[test]
fn partial_work_stays_while_it_is_wanted_and_unfinished() {
    let (_folder, store) = new_store();
    let leave_partial = |stage: &str| {
        let pending = pending(&store, &recipe(stage, 4));
        fs::write(pending.partial().unwrap().join("epoch"), "3").unwrap();
        pending.key()
    };
    let (wanted, _unwanted) = (leave_partial("wanted"), leave_partial("unwanted"));
    let finished = make(&store, &recipe("finished", 4), 0).key();
    let stale = store.partial_dir("finished", &finished);
    fs::create_dir_all(&stale).unwrap();
    let report = store.gc(&keep(&[wanted, finished])).unwrap();
    assert_eq!(kinds(&report.removed), [(RemovedKind::Partial, "finished", 0), (RemovedKind::Partial, "unwanted", 1)]);
    assert!(store.partial_dir("wanted", &wanted).join("epoch").exists());
}
