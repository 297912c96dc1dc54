//! Is every stored result still what its manifest says?

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::disk::{hash_reader, tree};
use crate::error::{Result, io_at};
use crate::key::Key;
use crate::lock::Lock;
use crate::manifest::{FileEntry, MANIFEST};
use crate::problem::{Fault, Problem};
use crate::store::{Kind, Loaded, Store};

/// The full check: the file's content is what was stored.
fn check_content(folder: &Path, entry: &FileEntry) -> Result<Option<Fault>> {
    if let Some(fault) = entry.check_size(folder)? {
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
mod tests;
