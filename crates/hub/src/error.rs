//! The one error type of the crate, public because a caller gets it. Callers match [`Error::Unreachable`] and [`Error::Status`]: the first
//! may pass, the second will not.

use std::path::PathBuf;

/// Result with [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate; each message names the culprit, and after a line feed what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that no hub can have.
    #[error(
        "`{name}` names no file of a hub: {reason}\nhint: write `hf:ORG/NAME`, `hf:ORG/NAME@REVISION:FILE` or `torchvision:NAME`"
    )]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No network, or a connection that broke.
    #[error("cannot fetch {url}: {reason}\nhint: without a network, bring the file and put it at {path}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why not.
        reason: String,
        /// Where the file is looked for.
        path: PathBuf,
    },
    /// The hub answers, but not with the file.
    #[error("{url} answers {status}\nhint: check the name, and whether the file is open to everybody")]
    Status {
        /// The address.
        url: String,
        /// The answer.
        status: u16,
    },
    /// A repository that is not open to everybody, or none at all: without a token the hub does not tell them apart.
    #[error(
        "{url} answers {status}, {}\nhint: check the name; for a private repository, or one whose terms must be accepted, \
         accept them on its page and set HF_TOKEN to a token of your account",
        if *with_token { "although a token was sent" } else { "and no token was sent" }
    )]
    Denied {
        /// The address.
        url: String,
        /// The answer: 401 or 403.
        status: u16,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// Other content than the hub states.
    #[error(
        "{url} gave content with SHA-256 {got}, but {expected} was announced, so nothing was kept\nhint: try again"
    )]
    Hash {
        /// The address.
        url: String,
        /// What was announced: the whole hash or its start.
        expected: String,
        /// What came.
        got: String,
    },
    /// Content that cannot be checked.
    #[error(
        "{url} states no SHA-256 for this file, so it cannot be checked\nhint: bring it by hand and put it at {path}"
    )]
    NoHash {
        /// The address.
        url: String,
        /// Where the file is looked for.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("cannot write {path}\nhint: check free space and permissions")]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
}
