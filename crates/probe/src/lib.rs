//! Along which direction does an attribute change?
//!
//! Fits directions in PCA space and measures, on held-out rows, how well they separate an attribute's classes and whether in the
//! declared order. [`fit`] takes a [`Task`] and returns a [`Direction`]: the article's bottleneck network (restarts, early stopping,
//! collapse detection), logistic regression, or a rival in closed form; [`pattern`] turns weights into a direction of change;
//! [`null_distribution`] says what random classes reach; [`verdict`] says what may be claimed; [`save`] and [`load`] keep directions.
//!
//! Positions are raw PCA coordinates along a unit vector. Same input and seed give the same bytes, whatever the number of threads.
//!
//! ```
//! use latentwalk_probe::{Method, ProbeOptions, Split, Task, fit};
//! use ndarray::Array2;
//!
//! // 60 vectors of two numbers; long sleeves lie further along the first.
//! let is_long = |row: usize| row % 2 == 1;
//! let noise = |row: usize| (row * 37 % 19) as f32 / 19.0 - 0.5;
//! let z = Array2::from_shape_fn((60, 2), |(row, axis)| match axis {
//!     0 => noise(row) + if is_long(row) { 1.0 } else { -1.0 },
//!     _ => noise(row + 7),
//! });
//! let labels: Vec<_> = (0..60).map(|row| Some(u32::from(is_long(row)))).collect();
//! let splits: Vec<_> = (0..60).map(|row| [Split::Train, Split::Validation, Split::Test][row / 20]).collect();
//! let classes = ["short", "long"].map(String::from);
//! let task = Task { name: "sleeve", classes: &classes, order: &[], z: z.view(), labels: &labels, splits: &splits };
//!
//! let direction = fit(&task, &ProbeOptions::default(), &|_done, _of| ())?;
//! assert_eq!(direction.method, Method::Logistic);
//! assert!(direction.weights[0] > 0.9);
//! assert_eq!(direction.evidence.pairwise_auc[0][1], Some(1.0));
//! # Ok::<(), latentwalk_probe::Error>(())
//! ```

mod bottleneck;
mod direction;
mod error;
mod evidence;
mod fit;
mod linalg;
mod logistic;
mod model;
mod multinomial;
mod network;
mod null;
mod options;
mod ordinal;
mod rivals;
mod scatter;
mod stats;
mod store;
mod task;
pub mod verdict;

pub use bottleneck::{Collapse, RestartReport};
pub use direction::{Direction, Method, Orientation, Verdict};
pub use error::{Error, Result};
pub use evidence::{Boundary, CURVE_POINTS, ClassRows, Curve, Evidence, Spread};
pub use fit::{fit, pattern};
pub use model::{BottleneckModel, Model};
pub use multinomial::Multinomial;
pub use null::{COLLAPSED_VALUE, DEFAULT_DRAWS, DEFAULT_WIDTH, NullOptions, NullReport, Standing, null_distribution};
pub use options::{
    Choice, DEFAULT_BATCH, DEFAULT_BOOTSTRAP, DEFAULT_CLASS_WEIGHTS, DEFAULT_EPOCHS, DEFAULT_HIDDEN, DEFAULT_L2,
    DEFAULT_LEARNING_RATE, DEFAULT_PATIENCE, DEFAULT_RESTARTS, DEFAULT_SEED, DEFAULT_WEIGHT_DECAY, MethodChoice,
    ProbeOptions, Standardize,
};
pub use rivals::{LDA_SHRINKAGE, pattern_weights};
pub use stats::{QUANTILES, auc};
pub use store::{DESCRIPTION_FILE, FORMAT_VERSION, Saved, TENSORS_FILE, file_name, load, save};
pub use task::{MIN_TRAIN_ROWS, Split, Task};

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
