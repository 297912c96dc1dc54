#![allow(clippy::unwrap_used)]

use super::*;
use crate::Recipe;
use crate::testing::{make, new_store, recipe};

#[test]
fn opening_makes_the_layout_once() {
    let (_folder, store) = new_store();
    let names_there = names(store.root()).unwrap();
    assert_eq!(names_there, ["locks", "objects", "partial", "runs", "store.json", "tmp"]);
    let text = fs::read_to_string(store.root().join("store.json")).unwrap();
    assert_eq!(text, "{\"format\":\"latentwalk-store\",\"version\":1}\n");
    let made = make(&store, &recipe("probe", 4), 0);
    let again = Store::open(store.root()).unwrap();
    assert!(again.find("probe", &made.key()).unwrap().is_some());
    let again = Store::open_existing(store.root()).unwrap();
    assert!(again.find("probe", &made.key()).unwrap().is_some());
}

#[test]
fn looking_does_not_make_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("none");
    assert!(matches!(Store::open_existing(&place), Err(Error::NoStore { .. })));
    assert!(!place.exists());
}

#[test]
fn a_store_from_a_newer_version_is_refused() {
    let (_folder, store) = new_store();
    fs::write(store.root().join("store.json"), r#"{"format":"latentwalk-store","version":2,"more":[]}"#).unwrap();
    let error = Store::open(store.root()).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 2, supported: 1, .. }));
    assert!(
        error.to_string().contains("has version 2") && error.to_string().contains("\nhint: update the tool, or choose")
    );
    assert!(Store::open_existing(store.root()).is_err());
}

#[test]
fn what_is_not_ours_is_refused() {
    let (_folder, store) = new_store();
    for text in ["", "[]", "{}", r#"{"format":"other","version":1}"#, r#"{"format":"latentwalk-store","version":0}"#] {
        fs::write(store.root().join("store.json"), text).unwrap();
        let error = Store::open(store.root()).unwrap_err();
        assert!(matches!(error, Error::NotAStore { .. }), "{text}: {error}");
        assert!(error.to_string().contains("store.json"));
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("objects/pack")).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(Error::NotAStore { .. })));
    assert!(!folder.path().join("store.json").exists());
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(Store::open(&file), Err(Error::Io { .. })));
}

#[test]
fn a_folder_with_foreign_files_may_become_a_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    Store::open(folder.path()).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("notes.txt")).unwrap(), "mine");
}

#[test]
fn threads_may_open_a_new_store_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for restarts in 0..6 {
            let root = folder.path().join("store");
            scope.spawn(move || make(&Store::open(root).unwrap(), &recipe("probe", restarts), 0));
        }
    });
    assert_eq!(Store::open(folder.path().join("store")).unwrap().list().unwrap().len(), 6);
}

#[test]
fn stage_names_cannot_leave_their_folder() {
    let (_folder, store) = new_store();
    for name in ["", "..", "a/b", "a.b", "Probe", "1a", "-a", &"a".repeat(65), "ä"] {
        let recipe = Recipe::new(name, 1, 1);
        assert!(matches!(store.begin(&recipe), Err(Error::Text { what: "stage name", .. })), "{name}");
        assert!(matches!(store.look(name, &recipe.key()), Err(Error::Text { what: "stage name", .. })), "{name}");
    }
    assert!(check_stage("null-2_b").is_ok());
}

#[test]
fn names_in_tmp_are_taken_apart_or_foreign() {
    let key = Key::of(&[]);
    for (kind, _) in Kind::ALL {
        assert_eq!(Kind::parse(&kind.name("a-b", &key)), Some((kind, "a-b".to_owned(), key)));
    }
    for name in ["make", "make.probe", "make.probe.12", "my.probe.".to_owned().as_str(), &format!("x.probe.{key}")] {
        assert_eq!(Kind::parse(name), None, "{name}");
    }
}

#[test]
fn damage_is_seen_when_a_result_is_looked_up() {
    let (_folder, store) = new_store();
    let made = make(&store, &recipe("probe", 4), 0);
    let fault = || match store.look("probe", &made.key()).unwrap() {
        Found::Damaged(problem) => problem.fault,
        other => panic!("{other:?}"),
    };
    let (x, manifest) = (made.file("x.txt").unwrap(), made.dir().join(MANIFEST));
    fs::write(&x, "hell").unwrap();
    assert_eq!(fault(), Fault::Size { file: "x.txt".into(), expected: 5, got: 4 });
    fs::remove_file(&x).unwrap();
    assert_eq!(fault(), Fault::Missing { file: "x.txt".into() });
    assert!(store.find("probe", &made.key()).unwrap().is_none());
    let text = fs::read(&manifest).unwrap();
    fs::write(&manifest, &text[..text.len() / 2]).unwrap();
    assert!(matches!(fault(), Fault::Manifest { .. }));
    fs::remove_file(&manifest).unwrap();
    assert_eq!(fault(), Fault::NoManifest);
}

#[test]
fn a_manifest_of_a_later_layout_is_not_overwritten() {
    let (_folder, store) = new_store();
    let made = make(&store, &recipe("probe", 4), 0);
    fs::write(made.dir().join(MANIFEST), r#"{"version": 9}"#).unwrap();
    let error = store.begin(&recipe("probe", 4)).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 9, .. }), "{error}");
    assert!(made.file("x.txt").unwrap().exists());
}

#[test]
fn only_files_of_the_manifest_are_given() {
    let (_folder, store) = new_store();
    let made = make(&store, &recipe("probe", 4), 0);
    assert_eq!(fs::read_to_string(made.file("deep/y.txt").unwrap()).unwrap(), "world!");
    let error = made.file("../x.txt").unwrap_err().to_string();
    assert!(error.contains("it has deep/y.txt, x.txt"), "{error}");
}
