//! How a fit is made.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Restarts of the bottleneck network.
pub const DEFAULT_RESTARTS: usize = 8;
/// Most passes over the training rows in one restart; the learning rate falls to zero over them.
pub const DEFAULT_EPOCHS: usize = 24;
/// Rows per step.
pub const DEFAULT_BATCH: usize = 64;
/// Learning rate of the first step.
pub const DEFAULT_LEARNING_RATE: f64 = 0.02;
/// Decoupled weight decay of AdamW.
pub const DEFAULT_WEIGHT_DECAY: f64 = 0.01;
/// Passes without a better validation loss after which a restart ends.
pub const DEFAULT_PATIENCE: usize = 8;
/// Units in each of the two hidden layers, as in the article.
pub const DEFAULT_HIDDEN: usize = 10;
/// Whether classes count alike, however many rows they have.
pub const DEFAULT_CLASS_WEIGHTS: bool = true;
/// Strength of logistic regression's penalty.
pub const DEFAULT_L2: f64 = 1.0;
/// Resamples for the confidence interval of the smallest adjacent AUC.
pub const DEFAULT_BOOTSTRAP: usize = 200;
/// Seed of initial weights, shuffles and resamples.
pub const DEFAULT_SEED: u64 = 0;

/// The method asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodChoice {
    /// Logistic regression for two classes, the bottleneck network for more.
    #[default]
    Auto,
    /// The article's network: one linear unit followed by a small ReLU network.
    Bottleneck,
    /// L2-penalised logistic regression, two classes only.
    Logistic,
    /// Difference of the means of the outer classes.
    MeanDifference,
    /// The mean difference through the inverse of the pooled within-class covariance.
    Lda,
    /// Logistic regression of a declared order: one axis, a threshold between neighbours.
    ProportionalOdds,
    /// Least squares on the ranks of a declared order, with logistic regression's penalty.
    RidgeOnRanks,
}

/// How inputs are scaled inside a fit. Training means are subtracted in every case; weights come back in raw PCA space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standardize {
    /// Units as they are.
    None,
    /// One factor for all axes, so that the mean variance over the axes is 1: directions keep their geometry, and learning rate,
    /// weight decay and `l2` mean the same for every embedding.
    #[default]
    Common,
    /// Every axis to variance 1, as scikit-learn's `StandardScaler`. A penalty then falls on `w_i · sd_i`: weights on axes of small
    /// variance cost less than with a common factor.
    PerAxis,
}

/// By what one of the bottleneck network's restarts becomes the direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The least validation loss over all classes, among the restarts in the declared order.
    #[default]
    Loss,
    /// The greatest of their smallest AUC between neighbours of the declared order on validation rows: for attributes that
    /// have more classes than the order names, where the loss may favour those outside it.
    Order,
}

fn is_default(choice: &Choice) -> bool {
    *choice == Choice::default()
}

/// Options of a fit; unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeOptions {
    /// How the direction is found. Default [`MethodChoice::Auto`].
    pub method: MethodChoice,
    /// Restarts of the bottleneck network. Default [`DEFAULT_RESTARTS`].
    pub restarts: usize,
    /// Which of the restarts becomes the direction. Default [`Choice::Loss`].
    #[serde(skip_serializing_if = "is_default")]
    pub choose: Choice,
    /// Most epochs per restart. Default [`DEFAULT_EPOCHS`].
    pub epochs: usize,
    /// Rows per step. Default [`DEFAULT_BATCH`].
    pub batch: usize,
    /// Learning rate of the first step; it falls to zero over `epochs`, as a cosine does. Default
    /// [`DEFAULT_LEARNING_RATE`].
    pub learning_rate: f64,
    /// AdamW's decoupled weight decay. Default [`DEFAULT_WEIGHT_DECAY`].
    pub weight_decay: f64,
    /// Epochs without improvement before a restart ends. Default [`DEFAULT_PATIENCE`].
    pub patience: usize,
    /// Units of each of the two hidden layers. Default [`DEFAULT_HIDDEN`].
    pub hidden: usize,
    /// Whether a class counts by `n / (c · n_class)` instead of by its rows. Default [`DEFAULT_CLASS_WEIGHTS`].
    pub class_weights: bool,
    /// Logistic regression's λ in `½λ|w|² + Σ weight_i · loss_i`, intercept free, on inputs scaled by `standardize`;
    /// scikit-learn's `C` is 1/λ. Default [`DEFAULT_L2`].
    pub l2: f64,
    /// How inputs are scaled inside a fit. Default [`Standardize::Common`].
    pub standardize: Standardize,
    /// Resamples of the test rows for the interval of the smallest adjacent AUC; 0 for none. Default [`DEFAULT_BOOTSTRAP`].
    pub bootstrap: usize,
    /// Seed of initial weights, shuffles and resamples. Default [`DEFAULT_SEED`].
    pub seed: u64,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            method: MethodChoice::default(),
            restarts: DEFAULT_RESTARTS,
            choose: Choice::default(),
            epochs: DEFAULT_EPOCHS,
            batch: DEFAULT_BATCH,
            learning_rate: DEFAULT_LEARNING_RATE,
            weight_decay: DEFAULT_WEIGHT_DECAY,
            patience: DEFAULT_PATIENCE,
            hidden: DEFAULT_HIDDEN,
            class_weights: DEFAULT_CLASS_WEIGHTS,
            l2: DEFAULT_L2,
            standardize: Standardize::default(),
            bootstrap: DEFAULT_BOOTSTRAP,
            seed: DEFAULT_SEED,
        }
    }
}

impl ProbeOptions {
    /// Checks every option's range.
    ///
    /// # Errors
    /// [`Error::Option`] for the first that is outside.
    pub fn check(&self) -> Result<()> {
        let counts = [
            ("restarts", self.restarts),
            ("epochs", self.epochs),
            ("batch", self.batch),
            ("patience", self.patience),
            ("hidden", self.hidden),
        ];
        for (option, got) in counts {
            if got == 0 {
                return Err(Error::Option { option, got: 0.0, must: "at least 1".to_owned() });
            }
        }
        let positive = [("learning_rate", self.learning_rate), ("l2", self.l2)];
        for (option, got) in positive {
            if !(got.is_finite() && got > 0.0) {
                return Err(Error::Option { option, got, must: "a finite number above 0".to_owned() });
            }
        }
        if !(0.0..1.0).contains(&self.weight_decay) {
            return Err(Error::Option {
                option: "weight_decay",
                got: self.weight_decay,
                must: "at least 0 and below 1".to_owned(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_take_defaults() {
        assert!(serde_json::from_str::<ProbeOptions>(r#"{"restart": 3}"#).is_err());
        let read: ProbeOptions = serde_json::from_str(r#"{"restarts": 3, "method": "mean_difference"}"#).unwrap();
        assert_eq!(read, ProbeOptions { restarts: 3, method: MethodChoice::MeanDifference, ..ProbeOptions::default() });
    }

    #[test]
    fn ranges_are_checked() {
        ProbeOptions::default().check().unwrap();
        for bad in [
            ProbeOptions { restarts: 0, ..Default::default() },
            ProbeOptions { l2: 0.0, ..Default::default() },
            ProbeOptions { learning_rate: f64::NAN, ..Default::default() },
            ProbeOptions { weight_decay: -1.0, ..Default::default() },
        ] {
            assert!(matches!(bad.check(), Err(Error::Option { .. })));
        }
    }
}
