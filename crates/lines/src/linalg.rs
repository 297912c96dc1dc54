//! The little dense algebra that a metric needs, in f64, for matrices of some fifty axes.
//!
//! Matrices are row-major slices of `k * k`. Triangular ones keep their zeros.

/// A pivot this small, relative to the largest diagonal entry, is rounding noise and no variance.
const SMALLEST_PIVOT: f64 = 1e-12;

/// Lower factor `C` of a symmetric positive definite matrix, `matrix = C Cᵀ`; the failing axis otherwise.
pub(crate) fn cholesky(matrix: &[f64], k: usize) -> std::result::Result<Vec<f64>, usize> {
    let largest = (0..k).map(|j| matrix[j * k + j]).fold(0.0, f64::max);
    let mut c = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..=i {
            let below: f64 = (0..j).map(|m| c[i * k + m] * c[j * k + m]).sum();
            let rest = matrix[i * k + j] - below;
            if i > j {
                c[i * k + j] = rest / c[j * k + j];
                continue;
            }
            let positive = rest > SMALLEST_PIVOT * largest;
            if !positive {
                return Err(i);
            }
            c[i * k + i] = rest.sqrt();
        }
    }
    Ok(c)
}

/// Inverse of a lower triangular matrix with a nonzero diagonal.
pub(crate) fn lower_inverse(c: &[f64], k: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; k * k];
    for j in 0..k {
        inverse[j * k + j] = 1.0 / c[j * k + j];
        for i in j + 1..k {
            let sum: f64 = (j..i).map(|m| c[i * k + m] * inverse[m * k + j]).sum();
            inverse[i * k + j] = -sum / c[i * k + i];
        }
    }
    inverse
}

/// `T x` for a lower triangular `T`.
pub(crate) fn lower_times(t: &[f64], x: &[f64]) -> Vec<f64> {
    let k = x.len();
    (0..k).map(|i| dot(&t[i * k..=i * k + i], &x[..=i])).collect()
}

/// `Tᵀ x` for a lower triangular `T`.
pub(crate) fn lower_transposed_times(t: &[f64], x: &[f64]) -> Vec<f64> {
    let k = x.len();
    (0..k).map(|j| (j..k).map(|i| t[i * k + j] * x[i]).sum()).collect()
}

/// Inner product, summed in order.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Euclidean length.
pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cholesky_factor_and_its_inverse_multiply_back() {
        let k = 3;
        let matrix = [4.0, 2.0, -1.0, 2.0, 5.0, 0.5, -1.0, 0.5, 3.0];
        let c = cholesky(&matrix, k).expect("positive definite");
        let inverse = lower_inverse(&c, k);
        for i in 0..k {
            for j in 0..k {
                let product: f64 = (0..k).map(|m| c[i * k + m] * c[j * k + m]).sum();
                assert!((product - matrix[i * k + j]).abs() < 1e-14);
                let one: f64 = (0..k).map(|m| c[i * k + m] * inverse[m * k + j]).sum();
                assert!((one - f64::from(u8::from(i == j))).abs() < 1e-14);
            }
        }
        let x = [1.0, -2.0, 0.5];
        let there = lower_times(&c, &lower_transposed_times(&c, &x));
        for (i, value) in there.iter().enumerate() {
            assert!((value - dot(&matrix[i * k..(i + 1) * k], &x)).abs() < 1e-13);
        }
    }

    #[test]
    fn a_singular_matrix_names_its_axis() {
        assert_eq!(cholesky(&[1.0, 1.0, 1.0, 1.0], 2), Err(1));
        assert_eq!(cholesky(&[0.0], 1), Err(0));
        assert_eq!(cholesky(&[f64::NAN], 1), Err(0));
    }
}
