//! What one pass over the rows gathers.

use faer::Mat;

/// Number, mean, covariance and a sample of the rows.
pub(crate) struct Moments {
    pub(crate) n: usize,
    pub(crate) mean: Vec<f64>,
    /// Both triangles, divided by `n - 1`.
    pub(crate) covariance: Mat<f64>,
    /// Some of the rows, `rows x d`.
    pub(crate) sample: Vec<f64>,
}
