//! Proof that a decomposition is one.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::moments::Moments;
use crate::{Error, Result};

/// The deviation that each certificate allows, relative to the size of what it checks. Rounding was seen to reach
/// 2e-14 at a width of 1000; the rest is room for greater widths.
pub const TOLERANCE: f64 = 1e-9;

/// The error that [`Certificates::covariance`] allows: half of what 128 sums in `f32` can reach at most. About 1e-7 is usual.
pub const ROUNDING_TOLERANCE: f64 = 4e-6;

/// A deviation and how large it may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The deviation found.
    pub value: f64,
    /// The deviation allowed.
    pub tolerance: f64,
}

impl Check {
    fn new(value: f64) -> Self {
        Self { value, tolerance: TOLERANCE }
    }
}

/// What was checked after a fit. A fit that fails one of them is an error, so a [`crate::Pca`] holds passed ones only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Certificates {
    /// Largest entry of `V V^T - I`: axes are unit vectors at right angles.
    pub orthonormal: Check,
    /// The sum of all eigenvalues against the covariance's trace, relative to it.
    pub trace: Check,
    /// Largest `|C v - l v|` of a kept axis, relative to the greatest variance.
    pub residual: Check,
    /// Largest rise from one variance to the next, relative to the greatest; they must fall.
    pub descending: Check,
    /// `tr C - tr V C V^T` against the sum of the dropped variances, relative to the trace.
    pub dropped: Check,
    /// Some training rows, projected and projected back: what the scores hold and what is lost add up to the rows' energy.
    pub reconstruction: Check,
    /// Sums of products of some blocks of rows, multiplied in `f32`, against the same in `f64`: the greatest error, relative to the
    /// root of the two columns' sums of squares.
    #[serde(default = "nothing_in_f32")]
    pub covariance: Check,
}

/// What files of version 1 do not say.
fn nothing_in_f32() -> Check {
    Check { value: 0.0, tolerance: ROUNDING_TOLERANCE }
}

impl Certificates {
    /// `variances` are the eigenvalues as they came out; rounding can make the last of them negative.
    pub(crate) fn examine(moments: &Moments, axes: ArrayView2<'_, f64>, variances: &[f64]) -> Self {
        let k = axes.nrows();
        let covariance = moments.covariance.as_ref();
        let trace: f64 = (0..variances.len()).map(|i| covariance[(i, i)]).sum();
        let axes = Mat::from_fn(k, variances.len(), |i, j| axes[[i, j]]);
        let axes = axes.as_ref();
        let images = product(axes, covariance);
        let along = |i: usize| dot(images.row(i).iter(), axes.row(i).iter());
        let captured: f64 = (0..k).map(along).sum();
        let dropped: f64 = variances[k..].iter().sum();
        let rises = variances.windows(2).map(|pair| pair[1] - pair[0]);
        Self {
            orthonormal: Check::new(orthonormality(axes)),
            trace: Check::new((variances.iter().sum::<f64>() - trace).abs() / trace),
            residual: Check::new(residual(axes, images.as_ref(), variances) / variances[0]),
            descending: Check::new(largest(rises) / variances[0]),
            dropped: Check::new((trace - captured - dropped).abs() / trace),
            reconstruction: Check::new(reconstruction(&moments.sample, &moments.mean, axes)),
            covariance: Check { value: moments.rounding, tolerance: ROUNDING_TOLERANCE },
        }
    }

    /// The certificates with their names.
    pub fn checks(&self) -> [(&'static str, Check); 7] {
        [
            ("orthonormal", self.orthonormal),
            ("trace", self.trace),
            ("residual", self.residual),
            ("descending", self.descending),
            ("dropped", self.dropped),
            ("reconstruction", self.reconstruction),
            ("covariance", self.covariance),
        ]
    }

    pub(crate) fn verify(&self) -> Result<()> {
        for (name, Check { value, tolerance }) in self.checks() {
            // Not `value > tolerance`: a value that is not a number must fail.
            let passed = value <= tolerance;
            if !passed {
                return Err(Error::Certificate { name, value, tolerance });
            }
        }
        Ok(())
    }
}

/// Largest entry of `V V^T - I`.
pub(crate) fn orthonormality(axes: MatRef<'_, f64>) -> f64 {
    let gram = product(axes, axes.transpose());
    let entries = (0..gram.nrows()).flat_map(|i| (0..gram.ncols()).map(move |j| (i, j)));
    largest(entries.map(|(i, j)| (gram[(i, j)] - f64::from(u8::from(i == j))).abs()))
}

fn residual(axes: MatRef<'_, f64>, images: MatRef<'_, f64>, variances: &[f64]) -> f64 {
    largest((0..axes.nrows()).map(|i| {
        let gaps = images.row(i).iter().zip(axes.row(i).iter()).map(|(image, axis)| image - variances[i] * axis);
        gaps.map(|gap| gap * gap).sum::<f64>().sqrt()
    }))
}

/// `| |X|^2 - |Z|^2 - |X - Z V|^2 |` relative to `|X|^2`, for centred rows `X` and their scores `Z`.
fn reconstruction(sample: &[f32], mean: &[f64], axes: MatRef<'_, f64>) -> f64 {
    let (rows, d) = (sample.len() / mean.len(), mean.len());
    let centred = Mat::from_fn(rows, d, |i, j| f64::from(sample[i * d + j]) - mean[j]);
    let scores = product(centred.as_ref(), axes.transpose());
    let back = product(scores.as_ref(), axes);
    let lost = Mat::from_fn(rows, d, |i, j| centred[(i, j)] - back[(i, j)]);
    let total = energy(&centred);
    if total == 0.0 { 0.0 } else { (total - energy(&scores) - energy(&lost)).abs() / total }
}

fn energy(matrix: &Mat<f64>) -> f64 {
    (0..matrix.ncols()).map(|j| dot(matrix.col(j).iter(), matrix.col(j).iter())).sum()
}

fn dot<'a>(left: impl Iterator<Item = &'a f64>, right: impl Iterator<Item = &'a f64>) -> f64 {
    left.zip(right).map(|(left, right)| left * right).sum()
}

/// The largest value, at least zero; not a number where one of them is not.
pub(crate) fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |largest, value| if value > largest || value.is_nan() { value } else { largest })
}

pub(crate) fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut product = Mat::zeros(left.nrows(), right.ncols());
    matmul(product.as_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
    product
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::moments::Kernel;
    use ndarray::{Array2, array};

    fn moments() -> Moments {
        let covariance = faer::mat![[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 7.0]];
        Moments {
            n: 10,
            mean: vec![1.0, 2.0, 3.0],
            covariance,
            sample: vec![1.5, 1.0, 3.0, 0.0, 2.0, 5.0],
            rounding: 1e-7,
            kernel: Kernel::F64,
        }
    }

    fn failed(axes: Array2<f64>, variances: [f64; 3]) -> &'static str {
        match Certificates::examine(&moments(), axes.view(), &variances).verify() {
            Ok(()) => "none",
            Err(Error::Certificate { name, .. }) => name,
            Err(_) => "another error",
        }
    }

    #[test]
    fn each_kind_of_wrong_result_fails() {
        let half = 0.5_f64.sqrt();
        let right = array![[0.0, 0.0, 1.0], [half, half, 0.0]];
        assert_eq!(failed(right.clone(), [7.0, 3.0, 1.0]), "none");
        assert_eq!(failed(right.clone() * 1.001, [7.0, 3.0, 1.0]), "orthonormal");
        assert_eq!(failed(right.clone(), [7.0, 3.0, 1.1]), "trace");
        assert_eq!(failed(array![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], [7.0, 3.0, 1.0]), "residual");
        assert_eq!(failed(right.clone(), [7.0, 2.0, 2.0]), "residual");
        assert_eq!(failed(array![[half, half, 0.0], [0.0, 0.0, 1.0]], [3.0, 7.0, 1.0]), "descending");
        assert_eq!(failed(right.clone() * f64::NAN, [7.0, 3.0, 1.0]), "orthonormal");
        for rounding in [1e-5, f64::NAN] {
            let moments = Moments { rounding, ..moments() };
            let verdict = Certificates::examine(&moments, right.view(), &[7.0, 3.0, 1.0]).verify();
            assert!(matches!(verdict, Err(Error::Certificate { name: "covariance", .. })), "{verdict:?}");
        }
    }

    #[test]
    fn axes_that_are_not_orthogonal_break_the_reconstruction() {
        let skewed = faer::mat![[0.6, 0.8, 0.0], [1.0, 0.0, 0.0]];
        assert!(reconstruction(&moments().sample, &moments().mean, skewed.as_ref()) > 0.01);
        let straight = faer::mat![[0.6, 0.8, 0.0], [0.8, -0.6, 0.0]];
        assert!(reconstruction(&moments().sample, &moments().mean, straight.as_ref()) < 1e-15);
    }
}
