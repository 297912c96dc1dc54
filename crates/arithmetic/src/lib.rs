//! The small arithmetic that several crates share, each formula once.
//!
//! Results are compared byte by byte, and two formulas for one figure can differ in the last bit. So each figure has one
//! function here, which documents the order of its sums, its ties and what it does without values. Where callers need two
//! formulas, both stand here and say why.
//!
//! **Units and conventions.** All in `f64`. Sums run from the first value to the last. "Ascending" means the order of
//! [`f64::total_cmp`], as [`ascending`] gives it.
//!
//! **Example**
//!
//! ```
//! use latentwalk_arithmetic::{ascending, median, quantile};
//!
//! let positions = ascending([4.0, 1.0, 3.0, 2.0]);
//! assert_eq!(quantile(&positions, 0.25), Some(1.75));
//! assert_eq!(median(&positions), Some(2.5));
//! ```

mod fnv;
mod matrix;
mod order;
mod ranks;

pub use fnv::{Fnv, fnv1a_32};
pub use matrix::{Pivot, cholesky, dot};
pub use order::{ascending, median, nearest_quantile, quantile};
pub use ranks::spearman;

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
