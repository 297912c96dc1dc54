#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing::{make, new_store, recipe};

#[test]
fn the_list_is_by_stage_and_time() {
    let (_folder, store) = new_store();
    make(&store, &recipe("probe", 4), 9);
    make(&store, &recipe("images", 1), 7);
    make(&store, &recipe("probe", 8), 3);
    let list = store.list().unwrap();
    let seen: Vec<_> = list.iter().map(|entry| (entry.stage.as_str(), &entry.created[17..19])).collect();
    assert_eq!(seen, [("images", "07"), ("probe", "03"), ("probe", "09")]);
    assert_eq!((list[0].files, list[0].bytes, list[0].seconds), (2, 11, 1.5));
}

#[test]
fn short_keys_are_resolved() {
    let (_folder, store) = new_store();
    let probe = make(&store, &recipe("probe", 4), 0);
    let images = make(&store, &recipe("images", 4), 0);
    let short = probe.key().short();
    assert_eq!(store.resolve(&short).unwrap().key(), probe.key());
    assert_eq!(store.resolve(&format!("probe/{short}")).unwrap().key(), probe.key());
    assert_eq!(store.resolve("images/").unwrap().key(), images.key());
    assert_eq!(store.resolve(&images.key().to_string()).unwrap().key(), images.key());
    for none in [format!("images/{short}"), "zz".into(), "..".into(), "walks/".into()] {
        assert!(
            matches!(store.resolve(&none), Err(Error::NoMatch { candidates, .. }) if candidates.is_empty()),
            "{none}"
        );
    }
}

#[test]
fn an_ambiguous_key_names_its_candidates() {
    let (_folder, store) = new_store();
    let one = make(&store, &recipe("probe", 4), 0);
    let two = make(&store, &recipe("probe", 8), 0);
    let error = store.resolve("probe/").unwrap_err().to_string();
    assert!(error.contains("matches 2 artifacts") && error.ends_with("\nhint: give more digits"), "{error}");
    assert!([&one, &two].iter().all(|made| error.contains(&format!("probe/{}", made.key().short()))), "{error}");
}

#[test]
fn a_damaged_result_is_not_resolved() {
    let (_folder, store) = new_store();
    let made = make(&store, &recipe("probe", 4), 0);
    std::fs::remove_file(made.file("x.txt").unwrap()).unwrap();
    let error = store.resolve(&made.key().short()).unwrap_err();
    assert!(
        matches!(error, Error::Damaged(_)) && error.to_string().contains("\nhint: run the pipeline again"),
        "{error}"
    );
    assert!(matches!(store.why(&recipe("probe", 4)).unwrap(), Why::Damaged(_)));
}

#[test]
fn why_compares_with_the_nearest_then_the_newest() {
    let (_folder, store) = new_store();
    let stored = |restarts: u32, rate: f64| recipe("probe", restarts).parameter("probe.rate", rate);
    let new = stored(8, 0.1);
    let why = store.why(&new).unwrap();
    assert_eq!(why.to_string(), "nothing is stored for stage `probe` yet");
    make(&store, &recipe("images", 8), 59);
    make(&store, &stored(2, 0.5), 50);
    assert_eq!(
        store.why(&new).unwrap().to_string(),
        "`probe.rate` changed from 0.5 to 0.1, `probe.restarts` changed from 2 to 8"
    );
    make(&store, &stored(4, 0.1), 30);
    assert_eq!(store.why(&new).unwrap(), Why::Changed(vec!["`probe.restarts` changed from 4 to 8".into()]));
    make(&store, &stored(6, 0.1), 40);
    make(&store, &stored(5, 0.1), 20);
    assert_eq!(store.why(&new).unwrap(), Why::Changed(vec!["`probe.restarts` changed from 6 to 8".into()]));
    make(&store, &new, 0);
    assert_eq!(store.why(&new).unwrap(), Why::UpToDate);
}
