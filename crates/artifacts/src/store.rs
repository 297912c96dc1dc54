//! The store itself: its place, its layout, and finding a result by its key.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::disk::{create_folder, is_absence, names, read_if_there, write_atomic};
use crate::error::{Error, Result, io_at};
use crate::key::Key;
use crate::lock::Lock;
use crate::manifest::{MANIFEST, Manifest};
use crate::problem::{Fault, Problem};
use crate::version::{MANIFEST_VERSION, STORE_VERSION};

const STORE_FILE: &str = "store.json";
const STORE_FORMAT: &str = "latentwalk-store";
const FOLDERS: [&str; 5] = ["objects", "tmp", "partial", "locks", "runs"];

/// A folder of finished results, found by key; see the crate's documentation for its layout.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// What lies under a key.
#[derive(Clone, Debug)]
pub enum Found {
    /// Nothing.
    Missing,
    /// Something that is not whole; [`Store::begin`] moves it aside and makes it again.
    Damaged(Problem),
    /// A whole result.
    Whole(Artifact),
}

/// A whole stored result. While it is held, no other process's [`Store::gc`] removes it.
#[derive(Clone, Debug)]
pub struct Artifact {
    dir: PathBuf,
    manifest: Arc<Manifest>,
    _in_use: Arc<Option<Lock>>,
}

/// What a name in `tmp` or `locks` is about; the rest of the name is stage and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A result being made.
    Make,
    /// A result being read.
    Use,
    /// A damaged result, moved aside until a whole one takes its place.
    Damaged,
    /// A result being removed.
    Removed,
}

/// What the manifest of a key says, before its files are looked at.
#[allow(clippy::large_enum_variant, reason = "taken apart where it is made")]
pub(crate) enum Loaded {
    Missing,
    Faulty(Fault),
    Manifest(Manifest),
}

#[derive(Serialize, Deserialize)]
struct StoreFile {
    format: String,
    version: u64,
}

impl Kind {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Make, "make"), (Self::Use, "use"), (Self::Damaged, "damaged"), (Self::Removed, "removed")];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// The file name for this kind, stage and key.
    fn name(self, stage: &str, key: &Key) -> String {
        format!("{}.{stage}.{key}", self.word())
    }

    /// Takes a file name apart; `None` for any name that we did not give.
    pub(crate) fn parse(name: &str) -> Option<(Self, String, Key)> {
        let (word, rest) = name.split_once('.')?;
        let (stage, key) = rest.split_once('.')?;
        let (kind, _) = Self::ALL.iter().find(|(_, known)| *known == word)?;
        check_stage(stage).ok()?;
        Some((*kind, stage.to_owned(), Key::parse(key).ok()?))
    }
}

impl Found {
    /// The result if it is whole.
    pub fn artifact(self) -> Option<Artifact> {
        match self {
            Self::Whole(artifact) => Some(artifact),
            Self::Missing | Self::Damaged(_) => None,
        }
    }
}

impl Artifact {
    pub(crate) fn new(dir: PathBuf, manifest: Manifest, in_use: Option<Lock>) -> Self {
        Self { dir, manifest: Arc::new(manifest), _in_use: Arc::new(in_use) }
    }

    /// The folder with the result's files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The record of what the result is and what made it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The result's key.
    pub fn key(&self) -> Key {
        self.manifest.key
    }

    /// The path of one of the result's files, by its path in the manifest.
    ///
    /// **Errors**: [`Error::NoFile`] if the result has no such file.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let files = &self.manifest.files;
        if files.iter().any(|file| file.path == name) {
            return Ok(self.dir.join(name));
        }
        Err(Error::NoFile {
            stage: self.manifest.stage.clone(),
            key: self.manifest.key,
            name: name.to_owned(),
            names: files.iter().map(|file| file.path.clone()).collect(),
        })
    }
}

impl Store {
    /// Opens the store in a folder, and makes one there on first use.
    ///
    /// **Errors**: [`Error::Newer`] for a later version, [`Error::NotAStore`] for a `store.json` or an `objects`
    /// folder that no store made, [`Error::Io`] and [`Error::Full`].
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        create_folder(&root)?;
        if !check_store_file(&root)? {
            refuse_foreign_objects(&root)?;
            let ours = StoreFile { format: STORE_FORMAT.to_owned(), version: u64::from(STORE_VERSION) };
            let text = serde_json::to_string(&ours).map_err(|e| io_at("write", &root)(e.into()))?;
            write_atomic(root.join(STORE_FILE), format!("{text}\n").as_bytes())?;
        }
        for folder in FOLDERS {
            create_folder(&root.join(folder))?;
        }
        Ok(Self { root })
    }

    /// Opens the store in a folder and creates nothing.
    ///
    /// **Errors**: [`Error::NoStore`] if there is none, else as [`Store::open`].
    pub fn open_existing(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        if check_store_file(&root)? { Ok(Self { root }) } else { Err(Error::NoStore { path: root }) }
    }

    /// The store's folder, as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder for records of runs, which belongs to the caller.
    pub fn runs_dir(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// The result with this key, if it is there and whole.
    ///
    /// Cheap: the manifest is read, the files' sizes are compared, their content is left to [`Store::verify`]. A damaged
    /// result counts as absent; [`Store::look`] tells the two apart.
    ///
    /// **Errors**: as [`Store::look`].
    pub fn find(&self, stage: &str, key: &Key) -> Result<Option<Artifact>> {
        Ok(self.look(stage, key)?.artifact())
    }

    /// What lies under this key: nothing, a whole result, or a damaged one.
    ///
    /// **Errors**: [`Error::Text`], [`Error::Newer`], [`Error::Io`].
    pub fn look(&self, stage: &str, key: &Key) -> Result<Found> {
        check_stage(stage)?;
        let dir = self.object_dir(stage, key);
        if !dir.is_dir() {
            return Ok(Found::Missing);
        }
        // First the lock, then the look: what is found cannot be removed while it is held.
        let in_use = Lock::shared(&self.lock_path(Kind::Use, stage, key))?;
        let damaged = |fault| Ok(Found::Damaged(Problem { stage: stage.to_owned(), key: *key, fault }));
        let manifest = match self.load(stage, key)? {
            Loaded::Missing => return Ok(Found::Missing),
            Loaded::Faulty(Fault::Newer { found }) => return Err(newer(stage, key, found)),
            Loaded::Faulty(fault) => return damaged(fault),
            Loaded::Manifest(manifest) => manifest,
        };
        for entry in &manifest.files {
            if let Some(fault) = entry.check_size(&dir)? {
                return damaged(fault);
            }
        }
        Ok(Found::Whole(Artifact::new(dir, manifest, in_use)))
    }

    /// Reads the manifest of a key.
    pub(crate) fn load(&self, stage: &str, key: &Key) -> Result<Loaded> {
        let dir = self.object_dir(stage, key);
        match read_if_there(&dir.join(MANIFEST))? {
            Some(bytes) => Ok(Manifest::read(&bytes, stage, key).map_or_else(Loaded::Faulty, Loaded::Manifest)),
            None if dir.is_dir() => Ok(Loaded::Faulty(Fault::NoManifest)),
            None => Ok(Loaded::Missing),
        }
    }

    /// Stage and key of everything under `objects`, whole or not, sorted.
    pub(crate) fn keys(&self) -> Result<Vec<(String, Key)>> {
        keyed_folders(&self.root.join("objects"))
    }

    pub(crate) fn object_dir(&self, stage: &str, key: &Key) -> PathBuf {
        self.root.join("objects").join(stage).join(key.to_string())
    }

    pub(crate) fn partial_dir(&self, stage: &str, key: &Key) -> PathBuf {
        self.root.join("partial").join(stage).join(key.to_string())
    }

    pub(crate) fn tmp_dir(&self, kind: Kind, stage: &str, key: &Key) -> PathBuf {
        self.root.join("tmp").join(kind.name(stage, key))
    }

    pub(crate) fn lock_path(&self, kind: Kind, stage: &str, key: &Key) -> PathBuf {
        self.root.join("locks").join(kind.name(stage, key))
    }
}

/// Stage and key of every `STAGE/KEY` folder, sorted; anything that is not named so is not ours.
pub(crate) fn keyed_folders(top: &Path) -> Result<Vec<(String, Key)>> {
    let mut found = Vec::new();
    for stage in names(top)?.into_iter().filter(|name| check_stage(name).is_ok()) {
        let inside = names(&top.join(&stage))?;
        let keys = inside.iter().filter_map(|name| Key::parse(name).ok());
        found
            .extend(keys.filter(|key| top.join(&stage).join(key.to_string()).is_dir()).map(|key| (stage.clone(), key)));
    }
    Ok(found)
}

/// What a stage name may be.
const STAGE_NAME: &str = "1 to 64 of a-z, 0-9, `_` and `-`, starting with a letter";

/// Refuses a stage name that could leave its folder or be mistaken for another.
pub(crate) fn check_stage(name: &str) -> Result<()> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    let good = (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(allowed);
    if good { Ok(()) } else { Err(Error::Text { text: name.to_owned(), what: "stage name", must: STAGE_NAME }) }
}

/// True if the folder holds a store that we can use, false if it holds none.
fn check_store_file(root: &Path) -> Result<bool> {
    let path = root.join(STORE_FILE);
    let Some(bytes) = read_if_there(&path)? else { return Ok(false) };
    let not_ours = |reason: String| Error::NotAStore { path: path.clone(), reason };
    let file: StoreFile = serde_json::from_slice(&bytes).map_err(|error| not_ours(error.to_string()))?;
    if file.format != STORE_FORMAT {
        return Err(not_ours(format!("its format is `{}`, not `{STORE_FORMAT}`", file.format)));
    }
    if file.version > u64::from(STORE_VERSION) {
        let what = format!("store {}", root.display());
        let instead = ", or choose another folder";
        return Err(Error::Newer { what, found: file.version, supported: STORE_VERSION, instead });
    }
    if file.version == 0 {
        return Err(not_ours("there is no version 0".to_owned()));
    }
    Ok(true)
}

/// Refuses a folder whose `objects` somebody else filled: what gc removes there must be ours.
fn refuse_foreign_objects(root: &Path) -> Result<()> {
    let objects = root.join("objects");
    let filled = match fs::read_dir(&objects) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if is_absence(&error) => objects.exists(),
        Err(error) => return Err(io_at("list the folder", &objects)(error)),
    };
    // Another process may have made the store since we looked for its file.
    if filled && !check_store_file(root)? {
        let reason = format!("something is there already and no {STORE_FILE} lies beside it");
        return Err(Error::NotAStore { path: objects, reason });
    }
    Ok(())
}

fn newer(stage: &str, key: &Key, found: u64) -> Error {
    let what = format!("manifest of the artifact {stage}/{}", key.short());
    Error::Newer { what, found, supported: MANIFEST_VERSION, instead: "" }
}

#[cfg(test)]
mod tests;
