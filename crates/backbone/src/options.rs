//! The parameters of training and its learning-rate schedule.

use std::f64::consts::PI;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::device::BackboneDevice;
use crate::error::{Error, Result};
use crate::precision::Precision;
use crate::trainable::Trainable;

/// Default of [`TrainOptions::epochs`].
pub const DEFAULT_EPOCHS: usize = 12;
/// Default of [`TrainOptions::batch`].
pub const DEFAULT_BATCH: usize = 64;
/// Default of [`TrainOptions::learning_rate`], for AdamW; SGD wants about 0.05.
pub const DEFAULT_LEARNING_RATE: f64 = 2e-3;
/// Default of [`TrainOptions::weight_decay`].
pub const DEFAULT_WEIGHT_DECAY: f64 = 0.01;
/// Default of [`TrainOptions::momentum`].
pub const DEFAULT_MOMENTUM: f64 = 0.9;
/// Default of [`TrainOptions::nesterov`].
pub const DEFAULT_NESTEROV: bool = true;
/// Default of [`TrainOptions::warmup_epochs`].
pub const DEFAULT_WARMUP_EPOCHS: f64 = 0.5;
/// Default of [`TrainOptions::patience`].
pub const DEFAULT_PATIENCE: usize = 5;
/// Default of [`TrainOptions::class_weights`].
pub const DEFAULT_CLASS_WEIGHTS: bool = false;
/// Default of [`TrainOptions::label_smoothing`].
pub const DEFAULT_LABEL_SMOOTHING: f64 = 0.0;
/// Default of [`TrainOptions::augment`].
pub const DEFAULT_AUGMENT: bool = true;
/// Default of [`TrainOptions::backbone_rate`].
pub const DEFAULT_BACKBONE_RATE: f64 = 1.0;
/// Default of [`TrainOptions::accumulate`].
pub const DEFAULT_ACCUMULATE: usize = 1;
/// Default of [`TrainOptions::seed`].
pub const DEFAULT_SEED: u64 = 0;
/// Default of [`TrainOptions::device`].
pub const DEFAULT_DEVICE: &str = "cpu";

/// AdamW's decay rate of the first moment.
pub(crate) const ADAM_BETA1: f64 = 0.9;
/// AdamW's decay rate of the second moment.
pub(crate) const ADAM_BETA2: f64 = 0.999;
/// Added to the root of AdamW's second moment.
pub(crate) const ADAM_EPS: f64 = 1e-8;

/// The update rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay.
    #[default]
    AdamW,
    /// Stochastic gradient descent with momentum; weight decay is added to the gradient.
    Sgd,
}

/// What BatchNorm does in the part that learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norms {
    /// Uses each batch's statistics, moves the running ones, and its scale and shift learn.
    #[default]
    Live,
    /// Stays as it is in evaluation: running statistics, fixed scale and shift. For small batches.
    Frozen,
}

/// How to train; every key is optional in a file and unknown keys are refused.
///
/// The defaults suit a network that has weights already. One that starts from random weights may have a recipe of its own:
/// [`Recipe::applied`](crate::Recipe::applied).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainOptions {
    /// Passes over the training rows. With 0 the network stays untrained: random weights, and BatchNorm's statistics taken
    /// from training images. Default [`DEFAULT_EPOCHS`].
    pub epochs: usize,
    /// Images per batch. A single image left over joins the batch before it. Default [`DEFAULT_BATCH`].
    pub batch: usize,
    /// Update rule. Default [`OptimizerKind::AdamW`].
    pub optimizer: OptimizerKind,
    /// Highest learning rate, reached after warm-up. SGD wants about 0.05. Default [`DEFAULT_LEARNING_RATE`].
    pub learning_rate: f64,
    /// Weight decay of convolution and linear weights, never of BatchNorm and biases. Default [`DEFAULT_WEIGHT_DECAY`].
    pub weight_decay: f64,
    /// SGD's momentum. Default [`DEFAULT_MOMENTUM`].
    pub momentum: f64,
    /// Whether SGD looks ahead by Nesterov's rule. Default [`DEFAULT_NESTEROV`].
    pub nesterov: bool,
    /// Epochs of linear warm-up. After them the learning rate falls to 0 step by step, along half a cosine. Default
    /// [`DEFAULT_WARMUP_EPOCHS`].
    pub warmup_epochs: f64,
    /// Epochs without a lower validation loss before training ends; 0 trains to the end. Default [`DEFAULT_PATIENCE`].
    pub patience: usize,
    /// Whether rare classes weigh more, by counts of the training rows: those of exclusive heads by `n / (classes * count)`,
    /// labels of multi-label heads by the rows without them for each row with them. Default [`DEFAULT_CLASS_WEIGHTS`].
    pub class_weights: bool,
    /// Share of a label that is spread over all classes of an exclusive head. Default [`DEFAULT_LABEL_SMOOTHING`].
    pub label_smoothing: f64,
    /// Whether training images are varied; in a description, as `[augment]` says. Default [`DEFAULT_AUGMENT`].
    pub augment: bool,
    /// Which part of the network learns. Default [`Trainable::All`].
    #[serde(skip_serializing_if = "is_default")]
    pub trainable: Trainable,
    /// The learning rate of everything but the heads, as a share of theirs. Default [`DEFAULT_BACKBONE_RATE`].
    #[serde(skip_serializing_if = "is_usual_rate")]
    pub backbone_rate: f64,
    /// Batches whose gradients are averaged into one step, each by its share of the images. Live BatchNorm still sees one
    /// batch at a time. Default [`DEFAULT_ACCUMULATE`].
    #[serde(skip_serializing_if = "is_usual_accumulation")]
    pub accumulate: usize,
    /// What BatchNorm does in the part that learns. Default [`Norms::Live`].
    #[serde(skip_serializing_if = "is_default")]
    pub batch_norm: Norms,
    /// The numbers of the products during training. Default [`Precision::F32`].
    #[serde(skip_serializing_if = "is_default")]
    pub precision: Precision,
    /// Seed of initial weights, shuffling and augmentation. Default [`DEFAULT_SEED`].
    pub seed: u64,
    /// Device that trains: `cpu` or `cuda:0`; in the pipeline `--device` takes its place. Default [`DEFAULT_DEVICE`].
    pub device: String,
    /// Folder for the checkpoint after each epoch, and when [`crate::Next::Save`] asks for one; nothing is saved without it.
    #[serde(skip)]
    pub checkpoint_dir: Option<PathBuf>,
}

// Left out of descriptions where they are not used, so that runs without them keep their identity.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_usual_accumulation(batches: &usize) -> bool {
    *batches == DEFAULT_ACCUMULATE
}

fn is_usual_rate(rate: &f64) -> bool {
    *rate == DEFAULT_BACKBONE_RATE
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            epochs: DEFAULT_EPOCHS,
            batch: DEFAULT_BATCH,
            optimizer: OptimizerKind::default(),
            learning_rate: DEFAULT_LEARNING_RATE,
            weight_decay: DEFAULT_WEIGHT_DECAY,
            momentum: DEFAULT_MOMENTUM,
            nesterov: DEFAULT_NESTEROV,
            warmup_epochs: DEFAULT_WARMUP_EPOCHS,
            patience: DEFAULT_PATIENCE,
            class_weights: DEFAULT_CLASS_WEIGHTS,
            label_smoothing: DEFAULT_LABEL_SMOOTHING,
            augment: DEFAULT_AUGMENT,
            trainable: Trainable::default(),
            backbone_rate: DEFAULT_BACKBONE_RATE,
            accumulate: DEFAULT_ACCUMULATE,
            batch_norm: Norms::default(),
            precision: Precision::default(),
            seed: DEFAULT_SEED,
            device: DEFAULT_DEVICE.to_owned(),
            checkpoint_dir: None,
        }
    }
}

impl TrainOptions {
    /// Checks every value.
    ///
    /// **Errors** [`Error::Setting`] names the option, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        let unit = |v: f64| (0.0..1.0).contains(&v);
        let not_negative = |v: f64| v.is_finite() && v >= 0.0;
        let checks = [
            ("batch", self.batch as f64, self.batch >= 2, "at least 2 (BatchNorm needs more than one image)"),
            (
                "learning_rate",
                self.learning_rate,
                self.learning_rate.is_finite() && self.learning_rate > 0.0,
                "above 0",
            ),
            ("accumulate", self.accumulate as f64, self.accumulate >= 1, "at least 1"),
            ("backbone_rate", self.backbone_rate, not_negative(self.backbone_rate), "0 or more"),
            ("weight_decay", self.weight_decay, not_negative(self.weight_decay), "0 or more"),
            ("momentum", self.momentum, unit(self.momentum), "at least 0 and below 1"),
            ("warmup_epochs", self.warmup_epochs, not_negative(self.warmup_epochs), "0 or more"),
            ("label_smoothing", self.label_smoothing, unit(self.label_smoothing), "at least 0 and below 1"),
        ];
        if let Some((name, value, _, must)) = checks.into_iter().find(|check| !check.2) {
            return Err(Error::setting(name, value, must));
        }
        match self.device.as_str() {
            // Known before a device is opened.
            "cpu" => BackboneDevice::cpu().check_training(self.precision),
            _ => Ok(()),
        }
    }

    /// Learning rate of `step` (from 0, over all epochs) when an epoch has `steps` steps.
    pub(crate) fn rate(&self, step: usize, steps: usize) -> f64 {
        let warmup = (self.warmup_epochs * steps as f64).round() as usize;
        if step < warmup {
            return self.learning_rate * (step + 1) as f64 / warmup as f64;
        }
        let rest = (self.epochs * steps).saturating_sub(warmup).max(1);
        let progress = (step - warmup) as f64 / rest as f64;
        0.5 * self.learning_rate * (1.0 + (PI * progress).cos())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rate_warms_up_then_falls_to_zero() {
        let options = TrainOptions { epochs: 4, learning_rate: 0.1, warmup_epochs: 1.0, ..Default::default() };
        let rates: Vec<f64> = (0..40).map(|step| options.rate(step, 10)).collect();
        assert!((rates[0] - 0.01).abs() < 1e-15 && (rates[9] - 0.1).abs() < 1e-15);
        assert!((rates[10] - 0.1).abs() < 1e-15 && (rates[25] - 0.05).abs() < 1e-12);
        assert!(rates[10..].windows(2).all(|w| w[1] < w[0]) && rates[39] > 0.0 && rates[39] < 1e-3);
        let all_warmup = TrainOptions { epochs: 1, warmup_epochs: 3.0, ..Default::default() };
        assert!((0..10).all(|step| all_warmup.rate(step, 10).is_finite()));
    }

    #[test]
    fn bad_values_are_named() {
        type Change = fn(&mut TrainOptions);
        let cases: [(Change, &str); 8] = [
            (|o| o.accumulate = 0, "accumulate"),
            (|o| o.precision = Precision::Bf16, "CUDA"),
            (|o| o.batch = 1, "batch"),
            (|o| o.learning_rate = f64::NAN, "learning_rate"),
            (|o| o.weight_decay = -1.0, "weight_decay"),
            (|o| o.momentum = 1.0, "momentum"),
            (|o| o.backbone_rate = -0.1, "backbone_rate"),
            (|o| o.label_smoothing = 1.0, "label_smoothing"),
        ];
        assert!(TrainOptions::default().validate().is_ok());
        for (change, name) in cases {
            let mut options = TrainOptions::default();
            change(&mut options);
            assert!(options.validate().unwrap_err().to_string().contains(name));
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = serde_json::from_str::<TrainOptions>(r#"{"epoch": 3}"#).unwrap_err();
        assert!(error.to_string().contains("epoch"));
        let options: TrainOptions = serde_json::from_str(r#"{"optimizer": "sgd", "epochs": 3}"#).unwrap();
        assert_eq!((options.optimizer, options.epochs, options.batch), (OptimizerKind::Sgd, 3, DEFAULT_BATCH));
    }
}
