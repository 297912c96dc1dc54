//! A network: its weights, its forward pass and its files.

mod cache;
mod evaluate;
mod evaluator;
mod features;
mod files;
mod forward;
mod graph;
mod images;
mod model;
mod outputs;
#[cfg(test)]
pub(crate) mod parity;
mod plan;
mod recording;
mod start;

pub use cache::PlanStatus;
pub use evaluator::Evaluator;
pub use files::{NETWORK_FILE, WEIGHTS_FILE};
pub use model::Network;
pub use outputs::Forward;

pub(crate) use features::{Features, Layer, logits as logits_of_features};
pub(crate) use recording::{Observed, Recording};
pub(crate) use start::start_values;
