//! What can be wrong with a stored result.

use std::fmt;

use crate::key::Key;
use crate::version::MANIFEST_VERSION;

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
