//! How fast are the hot paths? Nothing here is part of the program.
//!
//! * `benches/`: Criterion benchmarks. `cargo bench --profile dev -p latentwalk-benches`: the profile is the one that
//!   `cargo test` builds, so that the dependencies are not compiled once more.
//! * `src/bin/*_speed.rs`: stopwatches for one machine, `cargo run -p latentwalk-benches --bin NAME`. The top of each says
//!   what it measures and which arguments it takes; `docs/performance.md` names them beside their figures.
//! * `src/bin/contender`: our side of `cargo xtask bench engine`.
