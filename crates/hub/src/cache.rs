//! The cache that Hugging Face's own tools keep: read, never written.
//!
//! **Source** the layout of `huggingface_hub`: `models--ORG--NAME/refs/REVISION` holds a commit, and
//! `models--ORG--NAME/snapshots/COMMIT/FILE` is the file at that commit.

use std::fs;
use std::path::{Path, PathBuf};

use crate::HubId;

/// The file of a name, where the cache has it.
pub(crate) fn find(cache: &Path, id: &HubId) -> Option<PathBuf> {
    let HubId::HuggingFace { repository, revision, file } = id else { return None };
    let folder = cache.join(format!("models--{}", repository.replace('/', "--")));
    let commit = commit(&folder, revision).unwrap_or_else(|| revision.clone());
    let mut path = folder.join("snapshots").join(commit);
    path.extend(file.split('/'));
    path.is_file().then_some(path)
}

/// The commit that a branch or tag stood for when it was last looked up; none where the revision is itself a commit.
fn commit(folder: &Path, revision: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join("refs").join(revision)).ok()?;
    let commit = text.trim();
    // It becomes the name of a folder.
    let plain = !commit.is_empty() && commit.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| commit.to_owned())
}
