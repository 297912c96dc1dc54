//! The one error type of the crate.

use std::path::PathBuf;

use crate::mismatch::TensorMismatch;
use crate::trainable::Trainable;
use crate::weights::CheckpointFault;

/// Result with [`BackboneError`].
pub type Result<T, E = BackboneError> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate; each message names the culprit and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackboneError {
    /// The architecture's name is not in the table.
    #[error("unknown architecture `{name}`; choose one of: {}", known.join(", "))]
    UnknownArch {
        /// The name that was asked for.
        name: String,
        /// The names in the table.
        known: Vec<&'static str>,
    },
    /// `network.json` was written by a newer version.
    #[error(
        "{path}: network schema {got} is newer than {newest}, the newest that this version reads; update latentwalk"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The schema in the file.
        got: u32,
        /// The newest schema that can be read.
        newest: u32,
    },
    /// A per-channel list of the spec has the wrong length.
    #[error(
        "network spec: `{field}` has {got} values but the network has {expected} input channels; give one per channel"
    )]
    ChannelValues {
        /// `mean` or `std`.
        field: &'static str,
        /// Input channels.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// A pixel mean or standard deviation is not usable.
    #[error(
        "network spec: `{field}` of channel {channel} is {value}; means must be finite, deviations finite and above 0"
    )]
    ChannelValue {
        /// `mean` or `std`.
        field: &'static str,
        /// The channel.
        channel: usize,
        /// The value.
        value: f32,
    },
    /// Two heads share a name.
    #[error("network spec: two heads are named `{name}`; give every head its own name")]
    DuplicateHead {
        /// The shared name.
        name: String,
    },
    /// A head has too few classes.
    #[error(
        "network spec: head `{name}` has {classes} classes but needs at least {minimum}; drop the attribute or label more classes"
    )]
    TooFewClasses {
        /// The head.
        name: String,
        /// Its classes.
        classes: usize,
        /// The smallest number allowed.
        minimum: usize,
    },
    /// A size that must be positive is zero, or a name is empty.
    #[error("network spec: `{field}` must not be empty or 0")]
    EmptyField {
        /// The field.
        field: &'static str,
    },
    /// The image is smaller than the network's total stride.
    #[error(
        "images of {height}x{width} are too small for `{arch}`, which needs at least {minimum}x{minimum}; enlarge them or choose a smaller network"
    )]
    ImageTooSmall {
        /// Architecture.
        arch: String,
        /// Image height.
        height: usize,
        /// Image width.
        width: usize,
        /// Smallest side that the network takes.
        minimum: usize,
    },
    /// The number of channels of the images is not the network's.
    #[error(
        "the images have {got} channels but the network takes {expected}; change `in_channels` or the images' colour mode"
    )]
    ImageChannels {
        /// Channels the network takes.
        expected: usize,
        /// Channels of the images.
        got: usize,
    },
    /// The images are not of the size that an evaluator was compiled for.
    #[error(
        "the images are {}x{} but the evaluator was compiled for {}x{}; resize them or compile one for their size",
        got.0, got.1, expected.0, expected.1
    )]
    ImageSize {
        /// Height and width that the evaluator takes.
        expected: (usize, usize),
        /// Height and width of the images.
        got: (usize, usize),
    },
    /// A pixel is NaN or infinite.
    #[error("image {row} holds a pixel that is NaN or infinite; check how it was decoded and normalised")]
    NonFinitePixel {
        /// Row of the image (position in the batch where no row number is known).
        row: usize,
    },
    /// The target lists don't match the heads.
    #[error("the network has {expected} heads but targets for {got} were given")]
    TargetHeads {
        /// Heads.
        expected: usize,
        /// Target lists.
        got: usize,
    },
    /// A head's target list does not have one entry per image.
    #[error("head `{head}` has targets for {got} rows but there are {expected} images")]
    TargetRows {
        /// The head.
        head: String,
        /// Images.
        expected: usize,
        /// Targets.
        got: usize,
    },
    /// Exclusive targets for a multi-label head or the reverse.
    #[error("head `{head}` is declared {}, but its targets are of the other kind", if *multi { "multi-label" } else { "exclusive" })]
    TargetKind {
        /// The head.
        head: String,
        /// Whether the head is multi-label.
        multi: bool,
    },
    /// A label is not a class of its head.
    #[error("row {row} has label {label} for head `{head}`, which has classes 0 to {}; fix the label map", classes.saturating_sub(1))]
    LabelOutOfRange {
        /// The head.
        head: String,
        /// The row.
        row: usize,
        /// The label.
        label: u32,
        /// Classes of the head.
        classes: usize,
    },
    /// A row index is beyond the images.
    #[error("row {row} was asked for but there are {len} images")]
    RowOutOfRange {
        /// The row.
        row: usize,
        /// Number of images.
        len: usize,
    },
    /// Too few images to train on.
    #[error("training needs at least 2 images but got {got}")]
    TooFewRows {
        /// Training rows given.
        got: usize,
    },
    /// A head without a single label among the training rows.
    #[error("no training image is labelled for head `{head}`; label some or remove the head")]
    NoLabels {
        /// The head.
        head: String,
    },
    /// An option's value is out of its range.
    #[error("training option `{name}` is {value} but must be {expected}")]
    OptionRange {
        /// The option.
        name: &'static str,
        /// The value given.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// The loss is NaN or infinite.
    #[error(
        "the loss became {loss} in epoch {epoch}, step {step}; lower `learning_rate` (now {learning_rate}) or lengthen `warmup_epochs`"
    )]
    NonFiniteLoss {
        /// Epoch, from 0.
        epoch: usize,
        /// Step in the epoch, from 0.
        step: usize,
        /// The loss.
        loss: f64,
        /// The learning rate of the options.
        learning_rate: f64,
    },
    /// The event callback asked to stop.
    #[error("training was stopped in epoch {epoch}; run it again to go on from the last checkpoint")]
    Stopped {
        /// Epoch, from 0.
        epoch: usize,
    },
    /// The image source failed.
    #[error("loading {count} images from row {first} on failed: {source}")]
    Images {
        /// First row of the batch.
        first: usize,
        /// Rows in the batch.
        count: usize,
        /// The source's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The loading thread ended before its work was done.
    #[error("the thread that loads images ended early in epoch {epoch}")]
    LoaderEnded {
        /// Epoch, from 0.
        epoch: usize,
    },
    /// Vectors that do not fit what is to be trained on them.
    #[error(
        "the vectors have shape {got:?} but training {trainable:?} takes {expected:?}; only `heads` (FC vectors) and `fc` \
         (pooled vectors) train on vectors"
    )]
    FeatureShape {
        /// Images, and the width of the layer below what learns; 0 where more than that learns.
        expected: (usize, usize),
        /// Rows and width.
        got: (usize, usize),
        /// What was to be trained.
        trainable: Trainable,
    },
    /// The device has no products in this precision.
    #[error("precision {precision}: this `{device}` {reason}")]
    PrecisionOfDevice {
        /// What was asked for.
        precision: &'static str,
        /// The kind of device.
        device: &'static str,
        /// What it lacks, and what to do.
        reason: &'static str,
    },
    /// No plan can be made, and candle does not multiply in this precision on the processor.
    #[error("precision {precision} needs a compiled plan, and there is none: {reason}; take f32")]
    PrecisionNeedsPlan {
        /// What was asked for.
        precision: &'static str,
        /// Why there is no plan.
        reason: String,
    },
    /// The device's name is not understood.
    #[error("unknown device `{device}`; use `cpu` or `cuda:0`")]
    UnknownDevice {
        /// The name.
        device: String,
    },
    /// A CUDA device without CUDA support in the build.
    #[error(
        "device `{device}` needs CUDA, which this build lacks; build with `--features cuda` (nvcc is needed) or use `cpu`"
    )]
    CudaNotBuilt {
        /// The name.
        device: String,
    },
    /// The device exists in the build but could not be opened.
    #[error("device `{device}` could not be opened: {reason}")]
    DeviceFailed {
        /// The name.
        device: String,
        /// What the driver says.
        reason: String,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}; check free space and permissions")]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A JSON file does not parse.
    #[error("{path} is not a valid network description: {source}")]
    Json {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
    /// A weights file is damaged.
    #[error("{path} is not a valid safetensors file: {source}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: safetensors::SafeTensorError,
    },
    /// A weights file does not fit the network.
    #[error("{path}: {source}")]
    WeightsMismatch {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: TensorMismatch,
    },
    /// A checkpoint of another program cannot be used.
    #[error("{path}: {source}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<CheckpointFault>,
    },
    /// A weight or a running statistic is NaN or infinite.
    #[error(
        "tensor `{name}` of the network holds NaN or infinite values; load sound weights or train with a lower learning rate"
    )]
    NonFiniteWeights {
        /// Its name.
        name: String,
    },
    /// The numeric library failed.
    #[error("computation failed: {0}")]
    Compute(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<candle_core::Error> for BackboneError {
    fn from(error: candle_core::Error) -> Self {
        BackboneError::Compute(Box::new(error))
    }
}
