//! Which few axes carry the variance?
//!
//! Principal component analysis of vectors that come as a stream: one pass gathers mean and covariance ([`Accumulator`]),
//! one symmetric eigendecomposition by faer gives the axes, and [`Pca`] projects and projects back. Every fit is checked
//! ([`Certificates`]) before it is handed out. The same rows give the same bytes whatever the number of threads and
//! however the rows were cut into batches.
//!
//! ```
//! use latentwalk_decomposition::{Keep, PcaOptions, fit};
//!
//! let rows = ndarray::array![[1.0, 2.0, 0.0], [2.0, 4.1, 1.0], [3.0, 5.9, 0.0], [4.0, 8.0, 1.0_f32]];
//! let pca = fit(rows.view(), &PcaOptions { keep: Keep::Variance(0.9), whiten: false })?;
//! assert_eq!(pca.k(), 1);
//! let scores = pca.transform(rows.view())?;
//! assert_eq!(scores.dim(), (4, 1));
//! assert_eq!(pca.inverse_transform(scores.view())?.dim(), (4, 3));
//! # Ok::<(), latentwalk_decomposition::Error>(())
//! ```

mod accumulator;
mod certificates;
mod checks;
mod eigen;
mod error;
mod fit;
mod moments;
mod options;
mod pca;
mod rounding;
mod store;

pub use accumulator::{Accumulator, BLOCK_ROWS, EXACT_ROWS, fit};
pub use certificates::{Certificates, Check, ROUNDING_TOLERANCE, TOLERANCE};
pub use error::Error;
pub use moments::Kernel;
pub use options::{DEFAULT_AXES, Keep, PcaOptions};
pub use pca::Pca;
pub use store::{SCHEMA_VERSION, SUMMARY_FILE, TENSORS_FILE};

/// What the functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
