//! What does the network see? A ResNet family written once, its training, evaluation and embeddings.
//!
//! [`ARCHITECTURES`] is the table of networks; a [`NetworkSpec`] picks a row and adds one linear head per
//! attribute on top of the FC vector. [`train`] fits it to an [`ImageSource`], [`Network::embed`] gives the
//! vectors that the rest of the project walks in, [`evaluate`] measures every head on held-out images.
//!
//! [`read_checkpoint`] and [`Network::pretrained`] take weights of torchvision, timm and transformers; a
//! [`Preprocess`] says how images have to be prepared for them.
//!
//! Images are `ndarray` views of normalised `f32` in `NHWC` order (`[b, height, width, channels]`). Matrices are `ndarray`
//! arrays with one vector per row; candle stays inside this crate. Equal inputs and seeds give equal bytes for any number
//! of threads.
//!
//! # Example
//!
//! ```
//! use latentwalk_backbone::{BackboneDevice, Head, Network, NetworkSpec, Tap};
//! use ndarray::Array4;
//!
//! let spec = NetworkSpec::new("small", 3, vec![Head::exclusive("sleeve", 4)]);
//! let network = Network::new(spec, 1, &BackboneDevice::cpu())?;
//! let two_images = Array4::from_shape_fn((2, 16, 16, 3), |(image, y, x, _)| (image + y * x) as f32 / 256.0);
//! assert_eq!(network.embed(two_images.view(), Tap::Fc)?.dim(), (2, 1000));
//! assert_eq!(network.predict(two_images.view())?[0].dim(), (2, 4));
//! # Ok::<(), latentwalk_backbone::Error>(())
//! ```

mod arch;
mod data;
mod device;
mod error;
mod mismatch;
mod network;
mod ops;
mod options;
mod precision;
mod preprocess;
mod report;
mod spec;
mod state;
mod tally;
mod tap;
mod train;
mod trainable;
mod weights;

#[cfg(test)]
mod testing;

pub use arch::{ARCHITECTURES, Arch, BlockKind, DEFAULT_ARCH, Recipe, Stem};
pub use data::{Augment, ImageSource, LoadError, Targets, TrainData};
pub use device::{BackboneDevice, multiplies_bf16, parse_device};
pub use error::{Error, Result};
pub use mismatch::TensorMismatch;
pub use network::{Evaluator, Forward, NETWORK_FILE, Network, PlanStatus, WEIGHTS_FILE};
pub use options::{
    DEFAULT_ACCUMULATE, DEFAULT_AUGMENT, DEFAULT_BACKBONE_RATE, DEFAULT_BATCH, DEFAULT_CLASS_WEIGHTS, DEFAULT_DEVICE,
    DEFAULT_EPOCHS, DEFAULT_LABEL_SMOOTHING, DEFAULT_LEARNING_RATE, DEFAULT_MOMENTUM, DEFAULT_NESTEROV,
    DEFAULT_PATIENCE, DEFAULT_SEED, DEFAULT_WARMUP_EPOCHS, DEFAULT_WEIGHT_DECAY, Norms, OptimizerKind, TrainOptions,
};
pub use precision::Precision;
pub use preprocess::{DEFAULT_PREPROCESS, IMAGENET_MEAN, IMAGENET_STD, Interpolation, PREPROCESSES, Preprocess};
pub use report::{evaluate, evaluate_features};
pub use spec::{Head, NETWORK_SCHEMA, NetworkSpec};
pub use tally::HeadReport;
pub use tap::Tap;
pub use train::{EpochRecord, Next, OnEvent, TrainEvent, Trained, train, train_from, train_on_features};
pub use trainable::Trainable;
pub use weights::{
    Checkpoint, CheckpointFault, CheckpointFormat, KeyStyle, LoadReport, Replaced, checkpoint_file, checkpoint_of,
    detect_arch, read_checkpoint,
};

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
