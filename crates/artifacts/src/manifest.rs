//! The record beside a result's files: what it is, what made it, which files belong to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::disk::is_absence;
use crate::error::io_at;
use crate::fact::Fact;
use crate::key::Key;
use crate::problem::Fault;
use crate::recipe::Recipe;
use crate::version::MANIFEST_VERSION;

/// The manifest's file name, which no stage may use at the top of its folder.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The record of one result, `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this layout: [`MANIFEST_VERSION`].
    pub version: u32,
    /// The stage that made the result.
    pub stage: String,
    /// The result's key.
    pub key: Key,
    /// The revision of the stage's code.
    pub revision: u32,
    /// The schema version of the files.
    pub schema: u32,
    /// The kind of device, where it matters.
    pub device: Option<String>,
    /// The parameters that the stage read.
    pub parameters: BTreeMap<String, Value>,
    /// The results that the stage read: stage to key.
    pub inputs: BTreeMap<String, Key>,
    /// The outside files that the stage read: name to BLAKE3.
    pub sources: BTreeMap<String, String>,
    /// All of the above as it went into the key.
    pub facts: Vec<Fact>,
    /// The files of the result, sorted by path.
    pub files: Vec<FileEntry>,
    /// The stage's figures.
    pub metrics: Value,
    /// Remarks that the stage wants people to see.
    pub notes: Vec<String>,
    /// Name and version of the tool.
    pub tool: String,
    /// When the stage started, RFC 3339 in UTC, so that the order of texts is that of times.
    pub started: String,
    /// How long the stage took.
    pub seconds: f64,
}

/// One file of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The path inside the result's folder, with `/` between names.
    pub path: String,
    /// The size.
    pub bytes: u64,
    /// BLAKE3 of the content, in hexadecimal.
    pub blake3: String,
}

/// What a stage says about the result that it has just made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// The stage's figures, usually an object.
    pub metrics: Value,
    /// Remarks that people should see.
    pub notes: Vec<String>,
    /// Name and version of the tool.
    pub tool: String,
    /// When the stage started, RFC 3339 in UTC.
    pub started: String,
    /// How long the stage took.
    pub seconds: f64,
}

impl Manifest {
    pub(crate) fn new(recipe: &Recipe, files: Vec<FileEntry>, commit: Commit) -> Self {
        let facts = recipe.facts();
        Self {
            version: MANIFEST_VERSION,
            stage: recipe.stage.clone(),
            key: Key::of(&facts),
            revision: recipe.revision,
            schema: recipe.schema,
            device: recipe.device.clone(),
            parameters: recipe.parameters.clone(),
            inputs: recipe.inputs.clone(),
            sources: recipe.files.clone(),
            facts,
            files,
            metrics: commit.metrics,
            notes: commit.notes,
            tool: commit.tool,
            started: commit.started,
            seconds: commit.seconds,
        }
    }

    /// The sum of the files' sizes, the manifest itself not counted.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Reads a manifest and checks that it is that of this stage and key.
    pub(crate) fn read(bytes: &[u8], stage: &str, key: &Key) -> Result<Self, Fault> {
        let unreadable = |error: serde_json::Error| Fault::Manifest { reason: error.to_string() };
        let version: Version = serde_json::from_slice(bytes).map_err(unreadable)?;
        if version.version > u64::from(MANIFEST_VERSION) {
            return Err(Fault::Newer { found: version.version });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        match manifest.contradiction(stage, key) {
            Some(reason) => Err(Fault::Manifest { reason }),
            None => Ok(manifest),
        }
    }

    fn contradiction(&self, stage: &str, key: &Key) -> Option<String> {
        if self.stage != stage || self.key != *key {
            return Some(format!("it is that of {}/{}", self.stage, self.key.short()));
        }
        if Key::of(&self.facts) != *key {
            return Some("its facts do not give its key".to_owned());
        }
        let outside = self.files.iter().find(|file| !stays_inside(&file.path))?;
        Some(format!("it names `{}`, which is not a path inside its folder", outside.path))
    }
}

impl FileEntry {
    /// The cheap check: the file is there, plain, and has its size.
    pub(crate) fn check_size(&self, folder: &Path) -> crate::Result<Option<Fault>> {
        let path = folder.join(&self.path);
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_file() && data.len() == self.bytes => Ok(None),
            Ok(data) => Ok(Some(Fault::Size { file: self.path.clone(), expected: self.bytes, got: data.len() })),
            Err(error) if is_absence(&error) => Ok(Some(Fault::Missing { file: self.path.clone() })),
            Err(error) => Err(io_at("look at", &path)(error)),
        }
    }
}

/// Just the version, since the rest of a later layout need not be readable.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

fn stays_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn some() -> Manifest {
        let file = FileEntry { path: "deep/x".into(), bytes: 3, blake3: "ab".into() };
        Manifest::new(&Recipe::new("probe", 1, 1).parameter("p", 0.3), vec![file], Commit::default())
    }

    fn read(manifest: &Manifest) -> Result<Manifest, Fault> {
        Manifest::read(&serde_json::to_vec(manifest).unwrap(), "probe", &some().key)
    }

    #[test]
    fn written_and_read() {
        assert_eq!(read(&some()).unwrap(), some());
    }

    #[test]
    fn contradictions_are_found() {
        let refused = |change: &dyn Fn(&mut Manifest)| {
            let mut manifest = some();
            change(&mut manifest);
            read(&manifest).unwrap_err().to_string()
        };
        assert!(refused(&|m| m.stage = "walks".into()).contains("walks/"));
        assert!(refused(&|m| m.key = Key::of(&[])).contains(&Key::of(&[]).short()));
        assert!(refused(&|m| m.facts[0].value.push('x')).contains("do not give its key"));
        for path in ["../x", "/etc/passwd", "", "a/../b", "./../x"] {
            assert!(refused(&|m| m.files[0].path = path.into()).contains("inside its folder"), "{path}");
        }
    }

    #[test]
    fn a_later_layout_is_told_from_damage() {
        let fault = Manifest::read(br#"{"version": 7, "new": true}"#, "probe", &some().key).unwrap_err();
        assert_eq!(fault, Fault::Newer { found: 7 });
        let fault = Manifest::read(b"{\"version\": 1, \"sta", "probe", &some().key).unwrap_err();
        assert!(matches!(fault, Fault::Manifest { .. }));
    }
}
