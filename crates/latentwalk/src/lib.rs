//! In which order does it all happen? The stage table, the runner, and the commands of the `latentwalk` binary.
//!
//! This is the only crate that knows all the others: it converts between their plain values, hands them folders
//! of the artifact store, draws their progress and reads the clock for them. A finished run is opened by `latentwalk-run`.
//!
//! | module | holds |
//! |---|---|
//! | [`stages`] | the whole pipeline on one page |
//! | [`stage`] | what each stage does |
//! | [`job`] | what a stage is given |
//! | [`runner`] | plans a run, runs what is not stored, says why |
//! | [`config`] | a description: its sections, defaults and checks |
//! | [`commands`] | the commands, one file each |
//! | [`experiment`] | the studies behind `experiment` |
//! | [`summary`] | a run's record and closing table |

pub mod clock;
pub mod commands;
pub mod config;
pub mod defaults;
pub mod experiment;
pub mod job;
pub mod progress;
pub mod runner;
pub mod stage;
pub mod stages;
pub mod summary;
pub mod weights;
