//! From gathered moments to kept axes.

use ndarray::s;

use crate::certificates::Certificates;
use crate::eigen::{Eigen, eigen};
use crate::moments::Moments;
use crate::options::{Keep, PcaOptions};
use crate::pca::{Pca, axes_for, numerical_rank};
use crate::{Error, Result};

/// The axes that the options ask for, checked.
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
