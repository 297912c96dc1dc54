//! In which order does it all happen? The stage table, the runner, and the commands of the `latentwalk` binary.
//!
//! This is the only crate that knows all the others: it converts between their plain values, hands them folders
//! of the artifact store, draws their progress and reads the clock for them.

pub mod clock;
pub mod commands;
pub mod config;
pub mod defaults;
pub mod embed;
pub mod experiment;
pub mod export;
pub mod precision;
pub mod progress;
pub mod project;
pub mod runner;
pub mod stage;
pub mod stages;
pub mod summary;
pub mod weights;
