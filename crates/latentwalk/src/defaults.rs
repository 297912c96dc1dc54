//! What a command takes where the command line says nothing.
//!
//! A flag's default belongs to the crate that owns what the flag sets; those of the binary itself are here.

use std::path::Path;

use latentwalk_backbone::{DEFAULT_DEVICE, Tap};
use latentwalk_cli::{AlphaRule, DEFAULT_DESCRIPTION, DEFAULT_EXPERIMENTS, DEFAULT_STORE, ExifRule};

/// Threads that all stages share: one per core.
pub const DEFAULT_THREADS: usize = 0;

/// Latest runs whose results `artifacts gc` keeps.
pub const DEFAULT_KEEP_RUNS: usize = 3;

/// The layer whose vector `embed` takes.
pub const DEFAULT_EMBED_TAP: Tap = Tap::Pool;

/// What `embed` does about EXIF rotation: what the libraries do that its preprocessings come from.
pub const DEFAULT_EMBED_EXIF: ExifRule = ExifRule::Ignore;
/// Default of `embed --alpha`: what torchvision's loader does.
pub const DEFAULT_EMBED_ALPHA: AlphaRule = AlphaRule::Drop;

/// The description that is run.
pub fn description(given: Option<&str>) -> &str {
    given.unwrap_or(DEFAULT_DESCRIPTION)
}

/// Folder of the results.
pub fn store(given: Option<&Path>) -> &Path {
    given.unwrap_or(Path::new(DEFAULT_STORE))
}

/// Folder of the experiments' pages.
pub fn experiments(given: Option<&Path>) -> &Path {
    given.unwrap_or(Path::new(DEFAULT_EXPERIMENTS))
}

/// Where the network runs.
pub fn device(given: Option<&str>) -> &str {
    given.unwrap_or(DEFAULT_DEVICE)
}

/// Threads, as [`crate::runner::set_threads`] takes them.
pub fn threads(given: Option<usize>) -> usize {
    given.unwrap_or(DEFAULT_THREADS)
}
