//! What does the network see? A ResNet family written once, its training, evaluation and embeddings.
//!
//! [`ARCHITECTURES`] is the table of networks; a [`NetworkSpec`] picks a row and adds one linear head per
//! attribute on top of the FC vector. [`train`] fits it to an [`ImageSource`], [`Network::embed`] gives the
//! vectors that the rest of the project walks in, [`evaluate`] measures every head on held-out images.
//!
//! [`read_checkpoint`] and [`Network::pretrained`] take weights of torchvision, timm and transformers; a
//! [`Preprocess`] says how images have to be prepared for them.
//!
//! Images are batches of normalised `f32` in `NHWC` order. Matrices are `ndarray` arrays, one vector a row;
//! candle stays inside this crate. Equal inputs and seeds give equal bytes for any number of threads.

mod arch;
mod checkpoint;
mod data;
mod device;
mod error;
mod init;
mod loss;
mod network;
mod ops;
mod optimizer;
mod options;
mod preprocess;
mod report;
mod spec;
mod state;
mod train;
mod weights;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod testing;

pub use arch::{ARCHITECTURES, Arch, BlockKind, DEFAULT_ARCH, Stem};
pub use data::{Augment, ImageSource, LoadError, Targets, TrainData};
pub use device::{BackboneDevice, multiplies_bf16, parse_device};
pub use error::{BackboneError, Result, TensorMismatch};
pub use network::{Evaluator, Forward, NETWORK_FILE, Network, PlanStatus, Tap, WEIGHTS_FILE};
pub use options::{
    DEFAULT_ACCUMULATE, DEFAULT_AUGMENT, DEFAULT_BACKBONE_RATE, DEFAULT_BATCH, DEFAULT_CLASS_WEIGHTS, DEFAULT_DEVICE,
    DEFAULT_EPOCHS, DEFAULT_LABEL_SMOOTHING, DEFAULT_LEARNING_RATE, DEFAULT_MOMENTUM, DEFAULT_NESTEROV,
    DEFAULT_PATIENCE, DEFAULT_SEED, DEFAULT_WARMUP_EPOCHS, DEFAULT_WEIGHT_DECAY, Norms, OptimizerKind, Precision,
    TrainOptions, Trainable,
};
pub use preprocess::{DEFAULT_PREPROCESS, IMAGENET_MEAN, IMAGENET_STD, Interpolation, PREPROCESSES, Preprocess};
pub use report::{HeadReport, evaluate, evaluate_features};
pub use spec::{Head, NETWORK_SCHEMA, NetworkSpec};
pub use train::{EpochRecord, Next, OnEvent, TrainEvent, Trained, train, train_from, train_on_features};
pub use weights::{
    Checkpoint, CheckpointFault, CheckpointFormat, KeyStyle, LoadReport, Replaced, checkpoint_file, checkpoint_of,
    detect_arch, read_checkpoint,
};
