//! Is every stored result still what its manifest says?

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::disk::{hash_reader, is_absence, tree};
use crate::error::{Result, io_at};
use crate::key::Key;
use crate::lock::Lock;
use crate::manifest::{FileEntry, MANIFEST, MANIFEST_VERSION};
use crate::store::{Kind, Loaded, Store};

/// One thing that is wrong with one stored result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The result's stage.
    pub stage: String,
    /// The result's key.
    pub key: Key,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with a stored result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The manifest cannot be read, or contradicts itself or its place.
    Manifest {
        /// How that shows.
        reason: String,
    },
    /// The folder has no manifest.
    NoManifest,
    /// The manifest is that of a later version of the tool.
    Newer {
        /// Its version.
        found: u64,
    },
    /// A file is gone.
    Missing {
        /// Its path inside the folder.
        file: String,
    },
    /// A file has another size than the manifest says, or is no plain file any more.
    Size {
        /// Its path inside the folder.
        file: String,
        /// The size in the manifest.
        expected: u64,
        /// The size on the disk.
        got: u64,
    },
    /// A file has the right size and another content.
    Changed {
        /// Its path inside the folder.
        file: String,
    },
    /// A file exists that the manifest does not name.
    Extra {
        /// Its path inside the folder.
        file: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the artifact {}/{} is damaged: {}", self.stage, self.key.short(), self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest { reason } => write!(f, "its manifest cannot be used ({reason})"),
            Self::NoManifest => write!(f, "it has no manifest"),
            Self::Newer { found } => {
                write!(f, "its manifest has version {found}, this tool reads version {MANIFEST_VERSION}")
            }
            Self::Missing { file } => write!(f, "file `{file}` is missing"),
            Self::Size { file, expected, got } => write!(f, "file `{file}` has {got} bytes instead of {expected}"),
            Self::Changed { file } => write!(f, "file `{file}` has another content than when it was stored"),
            Self::Extra { file } => write!(f, "file `{file}` does not belong to it"),
        }
    }
}

/// The cheap check: the file is there, plain, and has its size.
pub(crate) fn check_size(folder: &Path, entry: &FileEntry) -> Result<Option<Fault>> {
    let path = folder.join(&entry.path);
    match fs::symlink_metadata(&path) {
        Ok(data) if data.is_file() && data.len() == entry.bytes => Ok(None),
        Ok(data) => Ok(Some(Fault::Size { file: entry.path.clone(), expected: entry.bytes, got: data.len() })),
        Err(error) if is_absence(&error) => Ok(Some(Fault::Missing { file: entry.path.clone() })),
        Err(error) => Err(io_at("look at", &path)(error)),
    }
}

/// The full check: the file's content is what was stored.
fn check_content(folder: &Path, entry: &FileEntry) -> Result<Option<Fault>> {
    if let Some(fault) = check_size(folder, entry)? {
        return Ok(Some(fault));
    }
    let path = folder.join(&entry.path);
    let file = File::open(&path).map_err(io_at("open", &path))?;
    let (hash, _) = hash_reader(file).map_err(io_at("read", &path))?;
    Ok((hash != entry.blake3).then(|| Fault::Changed { file: entry.path.clone() }))
}

/// Files in the folder that the manifest does not name.
fn extras(folder: &Path, files: &[FileEntry]) -> Result<Vec<Fault>> {
    let known: BTreeSet<PathBuf> =
        files.iter().map(|file| PathBuf::from(&file.path)).chain([PathBuf::from(MANIFEST)]).collect();
    let there = tree(folder)?;
    let extra = there.files.into_iter().chain(there.odd).filter(|path| !known.contains(path));
    Ok(extra.map(|path| Fault::Extra { file: path.display().to_string() }).collect())
}

impl Store {
    /// Reads every stored result again and lists what is missing, changed, extra or unreadable.
    ///
    /// **Units and conventions**: sorted by stage, key and file; empty if all is well. Nothing is changed.
    ///
    /// **Errors**: [`crate::Error::Io`] where the disk itself cannot be read.
    pub fn verify(&self) -> Result<Vec<Problem>> {
        let mut problems = Vec::new();
        for (stage, key) in self.keys()? {
            let _in_use = Lock::shared(&self.lock_path(Kind::Use, &stage, &key))?;
            let faults = self.faults(&stage, &key)?;
            problems.extend(faults.into_iter().map(|fault| Problem { stage: stage.clone(), key, fault }));
        }
        Ok(problems)
    }

    fn faults(&self, stage: &str, key: &Key) -> Result<Vec<Fault>> {
        let folder = self.object_dir(stage, key);
        let manifest = match self.load(stage, key)? {
            // Removed by another process since it was listed.
            Loaded::Missing => return Ok(Vec::new()),
            Loaded::Faulty(fault) => return Ok(vec![fault]),
            Loaded::Manifest(manifest) => manifest,
        };
        let mut faults = extras(&folder, &manifest.files)?;
        for entry in &manifest.files {
            faults.extend(check_content(&folder, entry)?);
        }
        faults.sort();
        Ok(faults)
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
