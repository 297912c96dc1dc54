//! Which result is this, what made it, is it whole?
//!
//! A store of stage results that are found by what made them. A [`Recipe`] states everything that a result depends on;
//! its [`Recipe::facts`] are hashed into the [`Key`] and are also what [`explain`] compares, so that the reason given for
//! a re-run and the decision to re-run cannot disagree. A result is written whole or not at all: a stage works in the
//! temporary folder of a [`Pending`], and [`Pending::commit`] hashes, syncs and renames it into place.
//!
//! The store knows nothing of the stages, prints nothing and never reads the clock: times are handed in.
//!
//! # Layout
//!
//! ```text
//! STORE/
//!   store.json                     {"format": "latentwalk-store", "version": 1}
//!   objects/STAGE/KEY/             manifest.json and the files of one finished result
//!   partial/STAGE/KEY/             work of an unfinished stage that a later run takes up again
//!   tmp/                           results being made, and folders being removed
//!   locks/                         who makes (`make.`) and who reads (`use.`) which key
//!   runs/                          records of runs; belongs to the caller
//!   hashes.jsonl                   saved work of the `ContentHasher`; may be deleted at any time
//! ```
//!
//! Other files and folders in `STORE` are left alone by everything here.
//!
//! # Example
//!
//! ```
//! use latentwalk_artifacts::{Begin, Commit, Recipe, Store};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let store = Store::open(folder.path().join("store"))?;
//! let recipe = Recipe::new("probe", 1, 1).parameter("probe.restarts", 4);
//! let made = match store.begin(&recipe)? {
//!     Begin::Ready(artifact) => artifact,
//!     Begin::Make(pending) => {
//!         std::fs::write(pending.dir().join("direction.npy"), [1, 2, 3])?;
//!         pending.commit(Commit { started: "2026-01-02T03:04:05Z".into(), ..Commit::default() })?
//!     }
//! };
//! assert_eq!(made.manifest().files[0].path, "direction.npy");
//! assert!(store.find("probe", &recipe.key())?.is_some());
//! # Ok(())
//! # }
//! ```

mod disk;
mod error;
mod fact;
mod gc;
mod hasher;
mod key;
mod lock;
mod manifest;
mod pending;
mod problem;
mod query;
mod recipe;
mod store;
#[cfg(test)]
mod testing;
mod verify;
mod version;

pub use disk::write_atomic;
pub use error::{Error, Result};
pub use fact::Fact;
pub use gc::{GcOptions, GcReport, Removed, RemovedKind};
pub use hasher::{ContentHasher, hash_bytes};
pub use key::Key;
pub use manifest::{Commit, FileEntry, Manifest};
pub use pending::{Begin, Pending};
pub use problem::{Fault, Problem};
pub use query::{Entry, Why};
pub use recipe::{Recipe, explain};
pub use store::{Artifact, Found, Store};
pub use version::{MANIFEST_VERSION, STORE_VERSION};

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
