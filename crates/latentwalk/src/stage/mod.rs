//! What each stage does: reads artifacts, calls one crate, writes files, returns figures.

pub mod backbone;
pub mod baselines;
pub mod decomposition;
pub mod embeddings;
pub mod features;
pub mod given;
pub mod images;
pub mod index;
pub mod metrics;
pub mod null;
pub mod probe;
pub mod report;
pub mod toward;
pub mod verdicts;
pub mod walks;

pub(crate) mod extraction;
pub(crate) mod inputs;
pub(crate) mod vectors;
