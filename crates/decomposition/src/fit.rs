//! From gathered moments to kept axes.

use ndarray::s;

use crate::certificates::Certificates;
use crate::eigen::{Eigen, eigen};
use crate::moments::Moments;
use crate::options::{Keep, PcaOptions};
use crate::pca::{Pca, axes_for, numerical_rank};
use crate::{Error, Result};

/// The axes that the options ask for, checked.
///
/// With `clip` more axes than there can be are no error: as many are kept as have variance.
pub(crate) fn decompose(moments: Moments, options: &PcaOptions, clip: bool) -> Result<Pca> {
    let (n, d) = (moments.n, moments.mean.len());
    let trace: f64 = (0..d).map(|i| moments.covariance[(i, i)]).sum();
    if trace == 0.0 {
        return Err(Error::NoVariance { n });
    }
    let mut options = *options;
    if let (Keep::Axes(k), true) = (options.keep, clip) {
        options.keep = Keep::Axes(k.min(d).min(n - 1));
    }
    check_keep(options.keep, n, d)?;
    let Eigen { values, vectors } = eigen(moments.covariance.as_ref())?;
    // A covariance has no negative eigenvalue but by rounding.
    let variances: Vec<f64> = values.iter().map(|value| value.max(0.0)).collect();
    let rank = numerical_rank(n, &moments.mean, &variances);
    if let (Keep::Axes(k), true) = (options.keep, clip) {
        options.keep = Keep::Axes(k.min(rank.max(1)));
    }
    let k = match options.keep {
        Keep::Axes(k) => k,
        Keep::Variance(share) => axes_for(&variances, rank, share).min(n - 1),
    };
    if options.whiten && k > rank {
        return Err(no_variance_to_whiten(k, rank));
    }
    let axes = vectors.slice(s![..k, ..]).to_owned();
    let certificates = Certificates::examine(&moments, axes.view(), &values);
    certificates.verify()?;
    Ok(Pca { mean: moments.mean, axes, variances, n, options, kernel: moments.kernel, certificates })
}

fn check_keep(keep: Keep, n: usize, d: usize) -> Result<()> {
    match keep {
        Keep::Axes(0) => Err(Error::Keep { got: "0 axes".to_owned(), must: "at least 1 axis" }),
        Keep::Axes(k) if k > d => {
            Err(Error::TooManyAxes { k, most: d, reason: format!("the vectors have {d} values") })
        }
        Keep::Axes(k) if k > n - 1 => {
            Err(Error::TooManyAxes { k, most: n - 1, reason: format!("{n} rows span no more") })
        }
        Keep::Variance(share) if !(share > 0.0 && share <= 1.0) => {
            let got = format!("the share {share} of the variance");
            Err(Error::Keep { got, must: "a share above 0 and at most 1" })
        }
        _ => Ok(()),
    }
}

/// More axes are kept than have variance, which whitening would divide by.
pub(crate) fn no_variance_to_whiten(k: usize, rank: usize) -> Error {
    let reason = "the others have no variance to whiten by; without whitening they can be kept".to_owned();
    Error::TooManyAxes { k, most: rank, reason }
}
