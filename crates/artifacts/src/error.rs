//! What can go wrong with a store.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::key::Key;
use crate::problem::Problem;

/// Shorthand for a result with this crate's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that a store refuses or fails to do.
#[derive(Debug, Error)]
pub enum Error {
    /// The operating system refused something.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb: "read", "rename".
        action: &'static str,
        /// The file or folder it was done to.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The disk or the quota is full.
    #[error(
        "the disk is full: could not {action} {}; free some space and run again, artifacts that were finished before stay valid",
        path.display()
    )]
    Full {
        /// What was being done.
        action: &'static str,
        /// The file or folder it was done to.
        path: PathBuf,
    },
    /// The folder's `store.json` is not one of ours, or cannot be read as one.
    #[error("{} is not a latentwalk store ({reason}); choose another folder for the store", path.display())]
    NotAStore {
        /// The file or folder that is not ours.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
    /// There is no store at this place, and it was not to be created.
    #[error("there is no store in {}; a first run creates it", path.display())]
    NoStore {
        /// The folder that was looked at.
        path: PathBuf,
    },
    /// The store was written by a later version of the tool.
    #[error(
        "the store {} has version {found}, this tool reads version {supported}; update the tool or choose another folder",
        path.display()
    )]
    NewerStore {
        /// The store's folder.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version that this build reads and writes.
        supported: u32,
    },
    /// One artifact was written by a later version of the tool.
    #[error(
        "the artifact {stage}/{} has manifest version {found}, this tool reads version {supported}; update the tool",
        key.short()
    )]
    NewerArtifact {
        /// The artifact's stage.
        stage: String,
        /// The artifact's key.
        key: Key,
        /// Its manifest's version.
        found: u64,
        /// The version that this build reads and writes.
        supported: u32,
    },
    /// A stage name that cannot be a folder name.
    #[error("`{name}` cannot name a stage: 1 to 64 of a-z, 0-9, `_` and `-`, starting with a letter")]
    StageName {
        /// The refused name.
        name: String,
    },
    /// A text that is not a key.
    #[error("`{text}` is not a key: a key is 64 hexadecimal digits in lower case")]
    KeyText {
        /// The refused text.
        text: String,
    },
    /// An artifact has no file of this name.
    #[error("the artifact {stage}/{} has no file `{name}`; it has {}", key.short(), names.join(", "))]
    NoFile {
        /// The artifact's stage.
        stage: String,
        /// The artifact's key.
        key: Key,
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        names: Vec<String>,
    },
    /// A stage left something that cannot be part of an artifact.
    #[error("stage `{stage}` left {}, which cannot be stored: {reason}", path.display())]
    Unstorable {
        /// The stage.
        stage: String,
        /// What it left.
        path: PathBuf,
        /// Why it cannot be stored.
        reason: &'static str,
    },
    /// A duration that is not a number.
    #[error("stage `{stage}` reports a duration of {seconds} seconds; it must be a finite number, zero or more")]
    Seconds {
        /// The stage.
        stage: String,
        /// The refused value.
        seconds: f64,
    },
    /// No stored artifact starts with this text.
    #[error("no artifact matches `{prefix}`; list the artifacts to see what is stored")]
    NoMatch {
        /// The text that was looked up.
        prefix: String,
    },
    /// Several stored artifacts start with this text.
    #[error("`{prefix}` matches {} artifacts: {}; give more digits", candidates.len(), candidates.join(", "))]
    Ambiguous {
        /// The text that was looked up.
        prefix: String,
        /// The artifacts that it matches, as `STAGE/KEY` with a short key.
        candidates: Vec<String>,
    },
    /// The artifact that was asked for is not whole.
    #[error("{0}; the next run makes it again")]
    Damaged(Problem),
    /// An outside file changed while its content was being hashed.
    #[error("{} changed while it was read; run again when nothing writes to it any more", path.display())]
    ChangedWhileRead {
        /// The file.
        path: PathBuf,
    },
}

/// Turns a system error into ours, with what was being done and to what; made for `map_err`.
pub(crate) fn io_at<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full { action, path },
            _ => Error::Io { action, path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_errors() {
        let full = io_at("write", Path::new("x"))(io::Error::from(ErrorKind::StorageFull));
        let text = full.to_string();
        assert!(text.contains("disk is full") && text.contains("stay valid"), "{text}");
        let other = io_at("write", Path::new("dir/x"))(io::Error::from(ErrorKind::PermissionDenied));
        assert_eq!(other.to_string(), "could not write dir/x: permission denied");
    }
}
