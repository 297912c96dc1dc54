//! What did a finished run find?
//!
//! [`Run::open`] opens a run of a store and gives its parts: the data set, every image's coordinates, the directions with their
//! evidence, the metrics, the retrieval pool, the network. [`WalkData`] is what walks are made from; the pipeline's own stages
//! stand on it too, so that a walk made here finds the images that the run's report shows. A [`Projector`] takes images that the
//! run has never seen to their coordinates.
//!
//! | module | holds |
//! |---|---|
//! | `record` | which runs a store has, and which artifacts each used |
//! | `run` | one run, opened part by part |
//! | `labels`, `points` | an attribute's labels; every image's coordinates |
//! | `metric_fit` | the metrics of an attribute |
//! | `pool` | which images may be retrieved, and where walks may start |
//! | `walk_data`, `attribute_walk` | the above together, and the walk along one attribute |
//! | `files` | what `metrics.json` and `walks.json` hold |
//! | `toward` | the ways toward each value of an attribute, and what `toward.json` holds |
//! | `verdicts` | what may be said of each attribute, and what the network is compared with |
//! | `walker` | walks as somebody asks for them: from any image, along axes or toward values, with others kept |
//! | `line_name` | a line by its name, as somebody writes it |
//! | `projector` | new images to coordinates |
//!
//! **Conventions.** Rows are the data set's, in its order. Positions are raw PCA coordinates along a direction. Nothing here
//! writes, prints, or fits a direction.
//!
//! # Example
//!
//! The latest run's walk along sleeve length, from its first held-out start:
//!
//! ```no_run
//! use latentwalk_artifacts::Store;
//! use latentwalk_lines::Search;
//! use latentwalk_run::Run;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let run = Run::open(&Store::open_existing(".latentwalk")?, None)?;
//! let data = run.walk_data()?;
//! let walk = data.attribute("sleeve")?;
//! let space = data.space(run.metric("sleeve")?)?;
//! let start = walk.starts("test", 1, 1)?[0];
//! for stop in walk.strip(&space, Search::Exact, start, 1)?.stops {
//!     let ids: Vec<&str> = stop.images.iter().map(|image| data.id(image.row)).collect();
//!     println!("{:.2} {ids:?}", stop.position);
//! }
//! # Ok(())
//! # }
//! ```

mod attribute_walk;
mod error;
mod files;
mod indexes;
mod labels;
mod line_name;
mod metric_fit;
mod points;
mod pool;
mod projector;
mod record;
mod run;
mod toward;
mod verdicts;
mod walk_data;
mod walker;

pub use attribute_walk::AttributeWalk;
pub use error::{Error, Result};
pub use files::{
    AttributeMetrics, AttributeWalks, Figures, ImageRecord, METRICS_FILE, StopRecord, StripRecord, WALKS_FILE,
    read_metrics, read_walks,
};
pub use indexes::{INDEXES_FILE, read_index, write_indexes};
pub use labels::{AttributeLabels, label_columns};
pub use metric_fit::MetricFit;
pub use points::{COORDINATES_FILE, Points, probe_split};
pub use pool::{DEFAULT_POOL_SPLIT, PoolConfig, parse_split};
pub use projector::{Picture, Projected, Projector};
pub use record::{RUN_FILE, RunFile, find_run, read_run, run_folders};
pub use run::{COLUMNS_FILE, Run, vectors_file};
pub use toward::{
    AttributeToward, ChosenBy, Course, Estimator, TOWARD_FILE, TowardStrip, Tried, WAYS, Way, read_toward,
};
pub use verdicts::{BASELINES_FILE, Baselines, BaselinesRecord, PIXELS, UNTRAINED, VERDICTS_FILE, read_verdicts};
pub use walk_data::{Folders, Placing, WalkData, WalkPlan};
pub use walker::{Along, FAR, LEAST_LEFT, OWN_LINE, Ready, Start, Walker, position};

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
