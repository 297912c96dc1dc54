//! A fitted decomposition and what it can do.

use latentwalk_engine::{Affine, Gram};
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::accumulator::EXACT_ROWS;
use crate::certificates::Certificates;
use crate::checks::{check_finite, check_shape, check_width};
use crate::moments::Kernel;
use crate::options::PcaOptions;
use crate::{Error, Result};

/// The axes along which vectors vary most.
///
/// **Units and conventions.** Variances are divided by `n - 1` and never rise from one axis to the next. In each axis the
/// entry of largest size is positive; of several, the first.
///
/// **Source.** scikit-learn, `PCA` with `svd_solver="covariance_eigh"`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    pub(crate) mean: Vec<f64>,
    pub(crate) axes: Array2<f64>,
    pub(crate) variances: Vec<f64>,
    pub(crate) n: usize,
    pub(crate) options: PcaOptions,
    pub(crate) kernel: Kernel,
    pub(crate) certificates: Certificates,
}

impl Pca {
    /// How many axes are kept.
    pub fn k(&self) -> usize {
        self.axes.nrows()
    }

    /// How many values a vector has.
    pub fn d(&self) -> usize {
        self.mean.len()
    }

    /// How many rows were decomposed.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Whether scores are divided by the standard deviation along their axis.
    pub fn whiten(&self) -> bool {
        self.options.whiten
    }

    /// What was asked for.
    pub fn options(&self) -> &PcaOptions {
        &self.options
    }

    /// The rows' mean, `d` values.
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        ArrayView1::from(&self.mean)
    }

    /// The kept axes, `k x d`, one unit vector per row.
    pub fn axes(&self) -> ArrayView2<'_, f64> {
        self.axes.view()
    }

    /// The variance along each of all `d` axes, the greatest first.
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// The share of the whole variance along each of all `d` axes.
    pub fn ratios(&self) -> Vec<f64> {
        let total: f64 = self.variances.iter().sum();
        self.variances.iter().map(|variance| variance / total).collect()
    }

    /// The share of the whole variance along the kept axes together.
    pub fn kept(&self) -> f64 {
        let total: f64 = self.variances.iter().sum();
        self.variances[..self.k()].iter().sum::<f64>() / total
    }

    /// The least number of axes that hold a share of the variance, at least 1.
    ///
    /// **Units and conventions.** Of the variance that rounding does not explain ([`Pca::embedding_rank`]); a share above 1 or NaN
    /// gives `d`.
    pub fn axes_for(&self, share: f64) -> usize {
        axes_for(&self.variances, self.embedding_rank(), share)
    }

    /// How many axes have a variance that rounding does not explain: of the `f32` input, and of the covariance's `f32` products.
    pub fn embedding_rank(&self) -> usize {
        numerical_rank(self.n, &self.mean, &self.variances)
    }

    /// What multiplied the rows for their covariance.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// What was checked after the fit.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The scores of vectors: their coordinates along the kept axes, from the mean.
    ///
    /// **Shapes.** `n x d` to `n x k`.
    ///
    /// **Units and conventions.** With whitening each coordinate is divided by the standard deviation along its axis.
    ///
    /// **Errors.** [`Error::Shape`], [`Error::NotFinite`].
    pub fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_width(self.d(), rows)?;
        check_finite(rows, 0)?;
        let scales: Vec<f64> = (0..self.k()).map(|i| self.scale(i)).collect();
        let map = Affine::new(self.d(), self.k(), |j, i| self.axes[[i, j]] / scales[i]).centered(&self.mean);
        Ok(mapped(&map, rows, self.k()))
    }

    /// The vectors that scores stand for, without what the dropped axes held.
    ///
    /// **Shapes.** `n x k` to `n x d`.
    ///
    /// **Errors.** [`Error::Shape`], [`Error::NotFinite`].
    pub fn inverse_transform(&self, scores: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_width(self.k(), scores)?;
        check_finite(scores, 0)?;
        let scales: Vec<f64> = (0..self.k()).map(|i| self.scale(i)).collect();
        let map = Affine::new(self.k(), self.d(), |i, j| self.axes[[i, j]] * scales[i]).shifted(&self.mean);
        Ok(mapped(&map, scores, self.d()))
    }

    /// The direction in embedding space that orders vectors as these weights order their scores.
    ///
    /// **Shapes.** `k` weights to a unit vector of `d` values.
    ///
    /// **Units and conventions.** `weights` weigh a score, `w . z`; they are no displacement. Since `z = V (x - m)`, the same
    /// order is that of `V^T w`; with whitening, `z = L^(-1/2) V (x - m)`, of `V^T L^(-1/2) w`.
    ///
    /// **Errors.** [`Error::Shape`]; [`Error::NoDirection`] for weights that are all zero or not finite.
    pub fn direction_to_embedding(&self, weights: &[f64]) -> Result<Vec<f64>> {
        check_shape("weights of the direction", self.k(), weights.len())?;
        let mut direction = vec![0.0; self.d()];
        for (i, axis) in self.axes.outer_iter().enumerate() {
            let weight = weights[i] / self.scale(i);
            direction.iter_mut().zip(axis).for_each(|(sum, value)| *sum += weight * value);
        }
        let length = direction.iter().map(|value| value * value).sum::<f64>().sqrt();
        if length > 0.0 && length.is_finite() {
            direction.iter_mut().for_each(|value| *value /= length);
            Ok(direction)
        } else {
            Err(Error::NoDirection { length })
        }
    }

    /// What the score along axis `i` is divided by.
    fn scale(&self, i: usize) -> f64 {
        if self.whiten() { self.variances[i].sqrt() } else { 1.0 }
    }
}

fn mapped(map: &Affine, rows: ArrayView2<'_, f32>, q: usize) -> Array2<f32> {
    let mut out = Array2::zeros((rows.nrows(), q));
    let values = out.as_slice_mut().expect("a new array lies in one piece");
    match rows.as_slice() {
        Some(rows) => map.apply(rows, values),
        None => map.apply(&rows.iter().copied().collect::<Vec<f32>>(), values),
    }
    out
}

/// The least number of leading variances that hold a share of the first `rank`.
pub(crate) fn axes_for(variances: &[f64], rank: usize, share: f64) -> usize {
    // The last axes add less than a sum's rounding, so that without this a share of 1 might never be reached.
    const ROUNDING: f64 = 1e-12;
    let total: f64 = variances[..rank].iter().sum();
    let mut held = 0.0;
    let enough = |variance: &f64| {
        held += variance;
        held >= (share - ROUNDING) * total
    };
    variances.iter().position(enough).map_or(variances.len(), |axis| axis + 1)
}

/// How many variances stand out from the rounding of the input and of the decomposition.
///
/// **Source.** `d` times the machine precision times the greatest variance is the rule of numpy's `matrix_rank`. Then the variance that
/// rounding to `f32` makes in values as large as these. Last what products in `f32` do ([`latentwalk_engine::Gram`]): errors of
/// `e sqrt(Cii Cjj)` in the covariance move its eigenvalues by `2 e sqrt(max Cii tr C)` at most where they are independent (Bandeira,
/// van Handel, "Sharp nonasymptotic bounds on the norm of random matrices with independent entries", 2016); `Cii` is at most the
/// greatest variance.
pub(crate) fn numerical_rank(n: usize, mean: &[f64], variances: &[f64]) -> usize {
    let input = f64::from(f32::EPSILON) * f64::from(f32::EPSILON);
    let relative = (variances.len() as f64 * f64::EPSILON).max(input);
    let greatest_mean = mean.iter().fold(0.0_f64, |greatest, value| greatest.max(value.abs()));
    let total: f64 = variances.iter().sum();
    let error = if n <= EXACT_ROWS { 0.0 } else { Gram::usual_error(n) };
    let products = 2.0 * error * (variances[0] * total).sqrt();
    let least = variances[0] * relative + greatest_mean * greatest_mean * input + products;
    variances.iter().take_while(|variance| **variance > least).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_for_a_share() {
        let variances = [6.0, 3.0, 1.0, 0.0];
        for (share, axes) in [(-1.0, 1), (0.0, 1), (0.6, 1), (0.61, 2), (0.9, 2), (0.91, 3), (1.0, 3), (1.1, 4)] {
            assert_eq!(axes_for(&variances, 4, share), axes, "share {share}");
        }
        assert_eq!(axes_for(&variances, 4, f64::NAN), 4);
        assert_eq!(axes_for(&[6.0, 3.0, 1e-7, 1e-7], 2, 1.0), 2);
    }

    #[test]
    fn rank_counts_what_rounding_does_not_explain() {
        let many = 1_000_000_000_000;
        assert_eq!(numerical_rank(many, &[0.0; 3], &[1.0, 1e-10, 1e-16]), 2);
        assert_eq!(numerical_rank(many, &[0.0, 1000.0, 0.0], &[1.0, 1e-10, 1e-16]), 1);
        assert_eq!(numerical_rank(10_000, &[0.0; 3], &[1.0, 1e-6, 1e-8]), 2);
    }
}
