#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::testing::new_store;

/// A clock that is well past every change made by the test.
fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

fn set_modified(path: &Path, time: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn hashes_are_those_of_the_content() {
    let (folder, store) = new_store();
    let path = folder.path().join("labels.csv");
    fs::write(&path, "a,b\n").unwrap();
    let mut hasher = ContentHasher::open(&store, later()).unwrap();
    assert_eq!(hasher.hash_file(&path).unwrap(), blake3::hash(b"a,b\n").to_hex().to_string());
    assert_eq!(hasher.hash_bytes(b"a,b\n"), hasher.hash_file(&path).unwrap());
    let error = hasher.hash_file(folder.path().join("none.csv")).unwrap_err().to_string();
    assert!(error.contains("none.csv"), "{error}");
    assert!(hasher.hash_file(folder.path()).is_err(), "a folder has no content");
}

#[test]
fn an_unchanged_file_is_not_read_again() {
    let (folder, store) = new_store();
    let path = folder.path().join("images.gz");
    fs::write(&path, "many bytes").unwrap();
    let mut first = ContentHasher::open(&store, later()).unwrap();
    let hash = first.hash_file(&path).unwrap();
    first.hash_file(&path).unwrap();
    assert_eq!(first.files_read(), 1);
    first.save().unwrap();
    let mut second = ContentHasher::open(&store, later()).unwrap();
    assert_eq!(second.hash_file(&path).unwrap(), hash);
    assert_eq!(second.files_read(), 0);
    fs::write(&path, "other text").unwrap();
    assert_ne!(second.hash_file(&path).unwrap(), hash);
    assert_eq!(second.files_read(), 1);
}

#[test]
fn a_racy_entry_is_not_trusted() {
    let (folder, store) = new_store();
    let path = folder.path().join("x");
    fs::write(&path, "one").unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let mut hasher = ContentHasher::open(&store, SystemTime::now()).unwrap();
    let hash = hasher.hash_file(&path).unwrap();
    let key = fs::canonicalize(&path).unwrap().to_str().unwrap().to_owned();
    fs::write(&path, "two").unwrap();
    set_modified(&path, time);
    // As on a file system without a change time or with a coarse one: every figure is the same, only the content is not.
    hasher.entries.get_mut(&key).unwrap().stat = Stat::of(&fs::metadata(&path).unwrap());
    assert_ne!(hasher.hash_file(&path).unwrap(), hash);
    assert_eq!(hasher.files_read(), 2);
}

#[test]
#[cfg(unix)]
fn a_change_with_its_time_set_back_shows_in_the_change_time() {
    let (folder, store) = new_store();
    let path = folder.path().join("x");
    fs::write(&path, "one").unwrap();
    let time = SystemTime::now() - Duration::from_secs(1000);
    set_modified(&path, time);
    let mut hasher = ContentHasher::open(&store, later()).unwrap();
    let hash = hasher.hash_file(&path).unwrap();
    // The system's clock moves in ticks; two changes in one tick would look the same, which is what `later` hides here.
    std::thread::sleep(Duration::from_millis(50));
    fs::write(&path, "two").unwrap();
    set_modified(&path, time);
    assert_ne!(hasher.hash_file(&path).unwrap(), hash);
}

#[test]
fn a_cache_that_cannot_be_used_is_empty() {
    let (folder, store) = new_store();
    let path = folder.path().join("x");
    fs::write(&path, "one").unwrap();
    let mut first = ContentHasher::open(&store, later()).unwrap();
    let hash = first.hash_file(&path).unwrap();
    first.save().unwrap();
    let cache = store.root().join("hashes.jsonl");
    let good = fs::read_to_string(&cache).unwrap();
    let zeros = "0".repeat(64);
    for bad in ["".into(), "x".into(), good[..good.len() - 9].to_owned(), good.replace(&hash, &zeros)] {
        fs::write(&cache, &bad).unwrap();
        let mut hasher = ContentHasher::open(&store, later()).unwrap();
        assert_eq!(hasher.hash_file(&path).unwrap(), hash);
        assert_eq!(hasher.files_read(), 1, "{bad}");
    }
}

#[test]
fn saving_forgets_files_that_are_gone_and_leaves_no_litter() {
    let (folder, store) = new_store();
    let (stays, goes) = (folder.path().join("stays"), folder.path().join("goes"));
    fs::write(&stays, "1").unwrap();
    fs::write(&goes, "2").unwrap();
    let mut first = ContentHasher::open(&store, later()).unwrap();
    first.hash_file(&stays).unwrap();
    first.hash_file(&goes).unwrap();
    first.save().unwrap();
    fs::remove_file(&goes).unwrap();
    ContentHasher::open(&store, later()).unwrap().save().unwrap();
    let text = fs::read_to_string(store.root().join("hashes.jsonl")).unwrap();
    assert!(text.contains("stays") && !text.contains("goes"));
    assert_eq!(crate::disk::names(&store.root().join("tmp")).unwrap(), [""; 0]);
}

#[test]
fn savers_at_once_leave_a_usable_cache() {
    let (folder, store) = new_store();
    std::thread::scope(|scope| {
        for at in 0..4 {
            let (store, path) = (&store, folder.path().join(format!("file{at}")));
            scope.spawn(move || {
                fs::write(&path, "x").unwrap();
                let mut hasher = ContentHasher::open(store, later()).unwrap();
                hasher.hash_file(&path).unwrap();
                hasher.save().unwrap();
            });
        }
    });
    let hasher = ContentHasher::open(&store, later()).unwrap();
    assert!(!hasher.entries.is_empty());
}
