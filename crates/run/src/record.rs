//! The record of a run, `run.json`: which artifacts it used.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latentwalk_artifacts::Store;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::read_json;

/// The file of a run's folder that says which artifacts the run used.
pub const RUN_FILE: &str = "run.json";

/// What `run.json` holds; the store keeps the artifacts of the latest runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// Version of this file's layout.
    pub schema: u32,
    /// Name and version of the tool.
    pub tool: String,
    /// The command as typed.
    pub command: String,
    /// The description's name.
    pub name: String,
    /// Stage and key of every artifact.
    pub artifacts: BTreeMap<String, String>,
}

/// The folders of all runs, oldest first.
///
/// # Errors
/// The folder of runs cannot be read.
pub fn run_folders(runs: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source: std::io::Error| Error::File { path: runs.to_owned(), source: Box::new(source) };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(runs).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.join(RUN_FILE).is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The artifacts that a run used; `None` when the file is not readable as such.
pub fn read_run(folder: &Path) -> Option<RunFile> {
    serde_json::from_slice(&std::fs::read(folder.join(RUN_FILE)).ok()?).ok()
}

/// The record of the run with this name, or of the latest.
///
/// # Errors
/// [`Error::NoRun`]; a record that cannot be read.
pub fn find_run(store: &Store, name: Option<&str>) -> Result<RunFile> {
    let runs = store.runs_dir();
    let folders = run_folders(&runs)?;
    let named = |folder: &Path, name: &str| folder.file_name().is_some_and(|found| found == name);
    let folder = match name {
        None => folders.last(),
        Some(name) => folders.iter().find(|folder| named(folder, name)),
    };
    let folder = folder.ok_or_else(|| Error::NoRun { name: name.map(str::to_owned), runs: runs.clone() })?;
    read_json(&folder.join(RUN_FILE))
}
