//! What the tests of several crates share: the repository's fixtures, made-up numbers, pools of threads.
//!
//! Crates depend on it for their tests only. It panics where a test should fail.

use std::path::{Path, PathBuf};

/// A file or folder of the repository's `fixtures`, or of the folder that `LATENTWALK_FIXTURES` names: tests are also carried to
/// machines with a card, where the repository is not.
pub fn fixture(path: &str) -> PathBuf {
    let folder = std::env::var_os("LATENTWALK_FIXTURES").map(PathBuf::from);
    folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")).join(path)
}

/// The text of a file of the repository's `fixtures`.
///
/// # Panics
/// Where the file cannot be read.
#[track_caller]
pub fn fixture_text(path: &str) -> String {
    let path = fixture(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Made-up numbers in [-1, 1): each seed gives its own, the same at each run and on each machine.
///
/// **Source.** The 64-bit linear congruential generator with Knuth's multiplier, upper bits.
#[derive(Clone, Debug)]
pub struct Numbers(
    /// The seed, then the state.
    pub u64,
);

impl Numbers {
    /// The next one.
    pub fn one(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// The next `n`.
    pub fn vec(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.one()).collect()
    }
}

/// Does the work in a pool of so many threads.
///
/// # Panics
/// Where the system gives no threads.
pub fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap_or_else(|error| panic!("no pool of {threads} threads: {error}")).install(work)
}
