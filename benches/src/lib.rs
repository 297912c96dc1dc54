//! Criterion benchmarks of the hot paths, under `benches/`.
//!
//! `cargo bench --profile dev -p latentwalk-benches`: the profile is the one that `cargo test` builds, so that the dependencies
//! are not compiled once more.
