//! From gathered moments to kept axes.

use ndarray::{ArrayView2, s};
use serde::{Deserialize, Serialize};

use crate::accumulator::{Accumulator, Moments};
use crate::certificates::Certificates;
use crate::eigen::{Eigen, eigen};
use crate::pca::{Pca, axes_for, numerical_rank};
use crate::{Error, Result};

/// How many axes are kept when [`PcaOptions`] say nothing else.
pub const DEFAULT_AXES: usize = 50;

/// How many axes to keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// This many, at most `d` and `n - 1`.
    Axes(usize),
    /// The fewest that hold this share of the variance, above 0 and at most 1.
    Variance(f64),
}

/// How rows are decomposed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PcaOptions {
    /// How many axes to keep.
    pub keep: Keep,
    /// Whether scores are divided by the standard deviation along their axis.
    pub whiten: bool,
}

impl Default for PcaOptions {
    fn default() -> Self {
        Self { keep: Keep::Axes(DEFAULT_AXES), whiten: false }
    }
}

/// Decomposes rows that are all in memory.
///
/// **Shapes.** `n x d`.
///
/// **Errors.** Those of [`Accumulator::push`] and [`Accumulator::finish`].
pub fn fit(rows: ArrayView2<'_, f32>, options: &PcaOptions) -> Result<Pca> {
    let mut accumulator = Accumulator::new(rows.ncols());
    accumulator.push(rows)?;
    accumulator.finish(options)
}

pub(crate) fn decompose(moments: Moments, options: &PcaOptions) -> Result<Pca> {
    let (n, d) = (moments.n, moments.mean.len());
    let trace: f64 = (0..d).map(|i| moments.covariance[(i, i)]).sum();
    if trace == 0.0 {
        return Err(Error::NoVariance { n });
    }
    check_keep(options.keep, n, d)?;
    let Eigen { values, vectors } = eigen(moments.covariance.as_ref())?;
    let k = match options.keep {
        Keep::Axes(k) => k,
        Keep::Variance(share) => axes_for(&values, share).min(n - 1),
    };
    let rank = numerical_rank(&moments.mean, &values);
    if options.whiten && k > rank {
        return Err(Error::WhitenZeroVariance { k, rank });
    }
    let axes = vectors.slice(s![..k, ..]).to_owned();
    let certificates = Certificates::examine(&moments, axes.view(), &values);
    certificates.verify()?;
    Ok(Pca { mean: moments.mean, axes, variances: values, n, options: *options, certificates })
}

fn check_keep(keep: Keep, n: usize, d: usize) -> Result<()> {
    match keep {
        Keep::Axes(0) => Err(Error::NoAxes),
        Keep::Axes(k) if k > d => Err(Error::MoreAxesThanWidth { k, d }),
        Keep::Axes(k) if k > n - 1 => Err(Error::MoreAxesThanRows { k, n }),
        Keep::Variance(share) if !(share > 0.0 && share <= 1.0) => Err(Error::Share { share }),
        _ => Ok(()),
    }
}
