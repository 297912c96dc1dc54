//! Which images lie along that line?
//!
//! Points are rows of raw PCA coordinates `z`, a direction is a weight vector `w` in the same space, and the position
//! of a point along it is `wᵀz`. A [`Metric`] is a linear map `z' = Lᵀz` followed by plain distance; a [`Space`] is a
//! pool of images under such a map; a [`Line`] starts at a point and moves so that positions grow; [`Stops`] cut it
//! into slabs; [`walk`] finds in each slab the images nearest to the line. [`HnswIndex`] is the approximate way to the
//! same strips, with its recall measured against the exact scan. [`figures`] says how good the walks are, and a
//! [`PreservationStudy`] whether a step to another value of one attribute leaves the others as they were.
//!
//! **Weights are a score, not a displacement.** Under `z' = Lᵀz` they become `L⁻¹w`, so that `wᵀz` stays what it was.
//! The line then moves in raw space along `M⁻¹w`, which for the within-class metric is `S_W w`.
//!
//! # Example
//!
//! ```
//! use latentwalk_lines::{Metric, Space, Stops, WalkOptions, walk};
//! use ndarray::array;
//!
//! # fn main() -> Result<(), latentwalk_lines::Error> {
//! let pool = array![[0.0_f32, 0.1], [1.0, 3.0], [1.1, 0.2], [2.0, 0.0]];
//! let space = Space::new(Metric::euclidean(2)?, pool.view())?;
//! let line = space.metric().line(&[1.0, 0.0], array![0.0_f32, 0.0].view())?;
//! let stops = Stops::new(vec![0.0, 1.0, 2.0])?;
//! let strip = walk(&space, &line, &stops, &WalkOptions::default())?;
//! let rows: Vec<usize> = strip.stops.iter().flat_map(|stop| &stop.hits).map(|hit| hit.row).collect();
//! assert_eq!(rows, [0, 2, 3]);
//! # Ok(())
//! # }
//! ```

mod baselines;
mod checks;
mod error;
mod exact;
pub mod figures;
mod index;
mod index_file;
mod kernel;
mod knob;
mod labels;
mod linalg;
mod line;
mod metric;
mod metric_file;
mod preservation;
mod residual;
mod space;
mod stops;
mod sweep;
mod top;
pub mod toward;
mod walk;
mod way;

pub use error::Error;
pub use figures::{StripFigures, WalkFigures, WalkStudy, choose_metric, spearman_ceiling};
pub use index::{DEFAULT_EF, DEFAULT_EF_CONSTRUCTION, DEFAULT_M, HnswIndex, HnswOptions};
pub use knob::Knob;
pub use line::Line;
pub use metric::{DEFAULT_METRICS, DEFAULT_SHRINKAGE, Metric, MetricKind, SMALLEST_DEVIATION};
pub use preservation::{Case, Ceiling, PreservationFigures, PreservationStudy, TwinFigures};
pub use residual::class_effects;
pub use space::{Neighbour, Space};
pub use stops::{StopContext, StopRule, Stops};
pub use sweep::Sweep;
pub use walk::{DEFAULT_PER_STOP, Hit, Search, StopResult, Strip, WalkOptions, walk};
pub use way::{LineToValue, Way};

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
