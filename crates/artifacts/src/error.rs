//! What can go wrong with a store.
//!
//! [`enum@Error`] and [`crate::Fault`], which says what is wrong with one stored result, are public: a caller has to
//! tell a store that is not there ([`Error::NoStore`]), a full disk ([`Error::Full`]) and damage ([`Error::Damaged`])
//! from the rest. Within the workspace only tests match variants; the pipeline hands every error on.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::key::Key;
use crate::problem::Problem;

/// Shorthand for a result with this crate's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that a store refuses or fails to do.
///
/// The first line of a message is the cause. A second one, `hint: …`, says what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error("could not {action} {}", path.display())]
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
        "the disk is full: could not {action} {}\nhint: free some space and run again; artifacts that were finished before \
         stay valid",
        path.display()
    )]
    Full {
        /// What was being done.
        action: &'static str,
        /// The file or folder it was done to.
        path: PathBuf,
    },
    /// The folder's `store.json` is not one of ours, or cannot be read as one.
    #[error("{} is not a latentwalk store ({reason})\nhint: choose another folder for the store", path.display())]
    NotAStore {
        /// The file or folder that is not ours.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
    /// There is no store at this place, and it was not to be created.
    #[error("there is no store in {}\nhint: run the pipeline; a first run creates it", path.display())]
    NoStore {
        /// The folder that was looked at.
        path: PathBuf,
    },
    /// A store or an artifact was written by a later version of the tool.
    #[error("the {what} has version {found}, this tool reads version {supported}\nhint: update the tool{instead}")]
    Newer {
        /// "store" with its folder, or "manifest of the artifact" with its stage and short key.
        what: String,
        /// Its version.
        found: u64,
        /// The version that this build reads and writes.
        supported: u32,
        /// What else can be done, as the end of the hint; empty where there is nothing else.
        instead: &'static str,
    },
    /// A text that is no stage name or no key.
    #[error("`{text}` is no {what}: it must be {must}")]
    Text {
        /// The refused text.
        text: String,
        /// What it was taken for.
        what: &'static str,
        /// What is allowed.
        must: &'static str,
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
    #[error("stage `{stage}` left {what}, which cannot be stored: {reason}")]
    Unstorable {
        /// The stage.
        stage: String,
        /// What it left: a file, or a duration.
        what: String,
        /// Why it cannot be stored.
        reason: &'static str,
    },
    /// No stored artifact starts with this text, or several do.
    #[error("`{prefix}` matches {}", matching(candidates))]
    NoMatch {
        /// The text that was looked up.
        prefix: String,
        /// The artifacts that it matches, as `STAGE/KEY` with a short key: none, or several.
        candidates: Vec<String>,
    },
    /// The artifact that was asked for is not whole.
    #[error("{0}\nhint: run the pipeline again, which makes it again")]
    Damaged(Problem),
    /// An outside file changed while its content was being hashed.
    #[error("{} changed while it was read\nhint: run again when nothing writes to it any more", path.display())]
    ChangedWhileRead {
        /// The file.
        path: PathBuf,
    },
}

fn matching(candidates: &[String]) -> String {
    match candidates {
        [] => "no artifact\nhint: list the artifacts to see what is stored".to_owned(),
        several => format!("{} artifacts: {}\nhint: give more digits", several.len(), several.join(", ")),
    }
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
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_errors() {
        let full = io_at("write", Path::new("x"))(io::Error::from(ErrorKind::StorageFull));
        let text = full.to_string();
        assert!(text.contains("disk is full") && text.contains("stay valid"), "{text}");
        let other = io_at("write", Path::new("dir/x"))(io::Error::from(ErrorKind::PermissionDenied));
        assert_eq!(other.to_string(), "could not write dir/x");
        assert_eq!(std::error::Error::source(&other).unwrap().to_string(), "permission denied");
    }
}
