#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;
use crate::testing::{make, new_store, recipe};

#[test]
fn a_whole_store_has_no_problems() {
    let (_folder, store) = new_store();
    make(&store, &recipe("images", 1), 0);
    make(&store, &recipe("probe", 4), 0);
    fs::write(store.root().join("objects/foreign.txt"), "mine").unwrap();
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn a_flipped_byte_a_missing_and_an_extra_file_are_found() {
    let (_folder, store) = new_store();
    let flipped = make(&store, &recipe("images", 1), 0);
    let broken = make(&store, &recipe("probe", 4), 0);
    fs::write(flipped.file("x.txt").unwrap(), "hellO").unwrap();
    assert!(store.find("images", &flipped.key()).unwrap().is_some(), "the cheap check cannot see this one");
    fs::remove_file(broken.file("deep/y.txt").unwrap()).unwrap();
    fs::write(broken.dir().join("deep/more.txt"), "").unwrap();
    let problem = |artifact: &crate::Artifact, fault| Problem {
        stage: artifact.manifest().stage.clone(),
        key: artifact.key(),
        fault,
    };
    let expected = [
        problem(&flipped, Fault::Changed { file: "x.txt".into() }),
        problem(&broken, Fault::Missing { file: "deep/y.txt".into() }),
        problem(&broken, Fault::Extra { file: "deep/more.txt".into() }),
    ];
    assert_eq!(store.verify().unwrap(), expected);
    let text = expected[0].to_string();
    assert!(text.starts_with("the artifact images/") && text.contains("`x.txt` has another content"), "{text}");
}

#[test]
fn an_unreadable_manifest_is_found() {
    let (_folder, store) = new_store();
    let made = make(&store, &recipe("probe", 4), 0);
    let path = made.dir().join(MANIFEST);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"4\"", "\"5\"")).unwrap();
    let faults: Vec<Fault> = store.verify().unwrap().into_iter().map(|problem| problem.fault).collect();
    assert!(
        matches!(&faults[..], [Fault::Manifest { reason }] if reason.contains("do not give its key")),
        "{faults:?}"
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(store.verify().unwrap()[0].fault, Fault::NoManifest);
}
