//! Eigenvalues and eigenvectors of a covariance, ordered and with decided signs.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, MatRef, Par};
use ndarray::Array2;

use crate::{Error, Result};

/// Eigenvalues, the greatest first; eigenvectors as rows in the same order.
pub(crate) struct Eigen {
    pub(crate) values: Vec<f64>,
    pub(crate) vectors: Array2<f64>,
}

/// Into how many parts the work is cut.
const PARTS: usize = 4;

/// Decomposes a symmetric matrix, of which it reads the lower triangle.
///
/// **Units and conventions.** The entry of largest size in each eigenvector is positive; of several, the first.
///
/// **Source.** Sign rule: scikit-learn, `svd_flip` with `u_based_decision=False`.
pub(crate) fn eigen(matrix: MatRef<'_, f64>) -> Result<Eigen> {
    let d = matrix.nrows();
    let mut values = Diag::zeros(d);
    let mut vectors = Mat::zeros(d, d);
    // Always in so many parts, and not faer's global setting: what depends on the number of threads would change the last bits.
    let parts = Par::rayon(PARTS);
    let scratch = self_adjoint_evd_scratch::<f64>(d, ComputeEigenvectors::Yes, parts, Default::default());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    self_adjoint_evd(matrix, values.as_mut(), Some(vectors.as_mut()), parts, stack, Default::default())
        .map_err(|_| Error::Eigen { d })?;
    // faer's order is the reverse of ours.
    let ordered = (0..d).rev().map(|i| values[i]).collect();
    let mut rows = Array2::from_shape_fn((d, d), |(i, j)| vectors[(j, d - 1 - i)]);
    rows.outer_iter_mut().for_each(decide_sign);
    Ok(Eigen { values: ordered, vectors: rows })
}

fn decide_sign(mut axis: ndarray::ArrayViewMut1<'_, f64>) {
    let largest = axis.iter().fold(0.0_f64, |best, value| if value.abs() > best.abs() { *value } else { best });
    if largest < 0.0 {
        axis.mapv_inplace(|value| -value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_known_matrix() {
        let matrix = faer::mat![[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 7.0]];
        let Eigen { values, vectors } = eigen(matrix.as_ref()).unwrap();
        let half = 0.5_f64.sqrt();
        // Exact to a few units in the last place: the matrix is tiny.
        for (got, want) in values.iter().zip([7.0, 3.0, 1.0]) {
            assert!((got - want).abs() < 1e-14, "{got}, {want}");
        }
        let want = ndarray::array![[0.0, 0.0, 1.0], [half, half, 0.0], [half, -half, 0.0]];
        assert!((vectors.mapv(f64::abs) - want.mapv(f64::abs)).iter().all(|gap| gap.abs() < 1e-14));
        assert!(vectors[[0, 2]] > 0.0 && vectors[[1, 0]] > 0.0);
    }

    #[test]
    fn the_largest_entry_decides_the_sign_and_the_first_of_equals() {
        let signed = |values: &[f64]| {
            let mut axis = ndarray::Array1::from(values.to_vec());
            decide_sign(axis.view_mut());
            axis.to_vec()
        };
        assert_eq!(signed(&[0.1, -0.9, 0.2]), [-0.1, 0.9, -0.2]);
        assert_eq!(signed(&[-0.5, 0.5]), [0.5, -0.5]);
        assert_eq!(signed(&[0.5, -0.5]), [0.5, -0.5]);
        assert_eq!(signed(&[0.0, 0.0]), [0.0, 0.0]);
    }
}
