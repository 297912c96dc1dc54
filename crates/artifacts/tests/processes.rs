//! Several processes on one store, kills, and a full disk: what only the operating system can show.
//!
//! The child processes are this test binary itself, told by an environment variable to run the test [`child`] in a role.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use latentwalk_artifacts::{Begin, Commit, Error, GcOptions, Key, Pending, Recipe, RemovedKind, Store};

const ROLE: &str = "LATENTWALK_TEST_ROLE";
const PLACE: &str = "LATENTWALK_TEST_PLACE";

fn recipe() -> Recipe {
    Recipe::new("probe", 1, 1).parameter("probe.restarts", 4)
}

fn store_in(place: &Path) -> Store {
    Store::open(place.join("store")).unwrap()
}

fn pending(store: &Store, recipe: &Recipe) -> Pending {
    match store.begin(recipe).unwrap() {
        Begin::Make(pending) => pending,
        Begin::Ready(_) => panic!("it is there already"),
    }
}

fn wait_for(path: &Path) {
    while !path.exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A child process that is ended with the test, however that ends.
struct Running(Child);

impl Running {
    fn start(role: &str, place: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["child", "--exact", "--nocapture"]).env(ROLE, role).env(PLACE, place);
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test of its own: what the child processes of the other tests do.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let place = PathBuf::from(std::env::var(PLACE).unwrap());
    match role.as_str() {
        "race" => race(&place),
        "hang" => hang(&place),
        "read" => read_and_hang(&place),
        other => panic!("no role {other}"),
    }
}

fn race(place: &Path) {
    let me = std::process::id().to_string();
    fs::write(place.join(format!("ready-{me}")), "").unwrap();
    wait_for(&place.join("go"));
    let store = store_in(place);
    let artifact = match store.begin(&recipe()).unwrap() {
        Begin::Ready(artifact) => artifact,
        Begin::Make(pending) => {
            fs::write(place.join(format!("maker-{me}")), "").unwrap();
            fs::write(pending.dir().join("who.txt"), &me).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            pending.commit(Commit::default()).unwrap()
        }
    };
    let who = fs::read_to_string(artifact.file("who.txt").unwrap()).unwrap();
    fs::write(place.join(format!("got-{me}")), who).unwrap();
}

fn hang(place: &Path) {
    let pending = pending(&store_in(place), &recipe());
    fs::write(pending.dir().join("half.bin"), [0; 1000]).unwrap();
    fs::write(pending.partial().unwrap().join("epoch"), "3").unwrap();
    fs::write(place.join("ready"), "").unwrap();
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn read_and_hang(place: &Path) {
    let _artifact = store_in(place).find("probe", &recipe().key()).unwrap().unwrap();
    fs::write(place.join("ready"), "").unwrap();
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn files_like(place: &Path, start: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(place).unwrap().map(|entry| entry.unwrap());
    all.filter(|entry| entry.file_name().to_str().unwrap().starts_with(start)).map(|entry| entry.path()).collect()
}

#[test]
fn of_several_processes_one_makes_it_and_all_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let mut children: Vec<Running> = (0..4).map(|_| Running::start("race", place)).collect();
    while files_like(place, "ready-").len() < children.len() {
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::write(place.join("go"), "").unwrap();
    for child in &mut children {
        assert!(child.0.wait().unwrap().success());
    }
    let makers = files_like(place, "maker-");
    assert_eq!(makers.len(), 1, "{makers:?}");
    let maker = makers[0].file_name().unwrap().to_str().unwrap().trim_start_matches("maker-").to_owned();
    let got: Vec<String> = files_like(place, "got-").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(got, vec![maker; 4]);
    assert_eq!(store_in(place).verify().unwrap(), []);
}

#[test]
fn a_killed_maker_blocks_nobody_and_its_partial_work_survives() {
    let folder = tempfile::tempdir().unwrap();
    let (place, store) = (folder.path(), store_in(folder.path()));
    let mut child = Running::start("hang", place);
    wait_for(&place.join("ready"));
    let report = store.gc(&GcOptions::default()).unwrap();
    assert_eq!((report.removed.len(), report.in_use.len()), (0, 2), "a living maker's folders are left alone");
    let mut waited = 0;
    let begun = store.begin_with(&recipe(), &mut || {
        waited += 1;
        child.kill();
    });
    assert_eq!(waited, 1);
    let Begin::Make(pending) = begun.unwrap() else { panic!("the child never finished it") };
    assert!(!pending.dir().join("half.bin").exists());
    assert!(pending.has_partial());
    assert_eq!(fs::read_to_string(pending.partial().unwrap().join("epoch")).unwrap(), "3");
    fs::write(pending.dir().join("whole.bin"), [1; 10]).unwrap();
    let made = pending.commit(Commit::default()).unwrap();
    assert_eq!(made.manifest().files.len(), 1);
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn gc_removes_what_a_killed_maker_left() {
    let folder = tempfile::tempdir().unwrap();
    let (place, store) = (folder.path(), store_in(folder.path()));
    let mut child = Running::start("hang", place);
    wait_for(&place.join("ready"));
    child.kill();
    let wanted = GcOptions { keep: [recipe().key()].into(), dry_run: false };
    let kinds = |options: &GcOptions| -> Vec<RemovedKind> {
        store.gc(options).unwrap().removed.iter().map(|removed| removed.kind).collect()
    };
    assert_eq!(kinds(&wanted), [RemovedKind::Leftover]);
    assert_eq!(kinds(&GcOptions::default()), [RemovedKind::Partial]);
    assert!(store.list().unwrap().is_empty());
}

#[test]
fn gc_leaves_what_another_process_reads() {
    let folder = tempfile::tempdir().unwrap();
    let (place, store) = (folder.path(), store_in(folder.path()));
    drop(pending(&store, &recipe()).commit(Commit::default()).unwrap());
    let mut child = Running::start("read", place);
    wait_for(&place.join("ready"));
    let in_use: Vec<Key> = store.gc(&GcOptions::default()).unwrap().in_use.iter().map(|left| left.key).collect();
    assert_eq!(in_use, [recipe().key()]);
    child.kill();
    assert_eq!(store.gc(&GcOptions::default()).unwrap().removed.len(), 1);
}

/// A file system of 256 KiB, unmounted at the end of the test.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(folder.path());
        let output = command.output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        Ok(Self(folder))
    }

    /// Writes until nothing more fits.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut file = fs::File::create(&path).unwrap();
        while std::io::Write::write_all(&mut file, &[0; 512]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_spoils_nothing() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(reason) => return eprintln!("skipped: a small file system cannot be mounted here ({reason})"),
    };
    let store = store_in(disk.0.path());
    let first = pending(&store, &recipe());
    fs::write(first.dir().join("x.txt"), "hello").unwrap();
    let first = first.commit(Commit::default()).unwrap();
    let other = recipe().parameter("probe.restarts", 8);
    let second = pending(&store, &other);
    fs::write(second.dir().join("x.txt"), "hello").unwrap();
    fs::write(second.partial().unwrap().join("epoch"), "3").unwrap();
    let filler = disk.fill();
    let error = second.commit(Commit::default()).unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert!(error.to_string().contains("the disk is full") && error.to_string().contains("stay valid"), "{error}");
    assert_eq!(store.verify().unwrap(), []);
    assert!(store.find("probe", &first.key()).unwrap().is_some());
    assert!(store.find("probe", &other.key()).unwrap().is_none());
    fs::remove_file(filler).unwrap();
    let again = pending(&store, &other);
    assert!(again.has_partial());
    again.commit(Commit::default()).unwrap();
    assert_eq!(store.list().unwrap().len(), 2);
}
