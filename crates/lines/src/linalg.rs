//! The little dense algebra that a metric needs, in f64, for matrices of some fifty axes.
//!
//! Matrices are row-major slices of `k * k`. Triangular ones keep their zeros.

use latentwalk_arithmetic::{Pivot, dot};

/// A pivot this small, relative to the largest diagonal entry, is rounding noise and no variance.
const SMALLEST_PIVOT: f64 = 1e-12;

/// An unknown of which others leave no larger share than this depends on them. Counts of a million rows leave rounding
/// noise of 1e-13 or so; one row in a million that tells two attributes apart leaves 1e-6.
const SMALLEST_SHARE: f64 = 1e-10;

/// Lower factor `C` of a symmetric positive definite matrix, `matrix = C Cᵀ`; the failing axis otherwise.
pub(crate) fn cholesky(matrix: &[f64], k: usize) -> std::result::Result<Vec<f64>, usize> {
    let largest = (0..k).map(|j| matrix[j * k + j]).fold(0.0, f64::max);
    let mut triangle = packed(matrix, k);
    let judge = |rest: f64, _| if rest > SMALLEST_PIVOT * largest { Pivot::Keep } else { Pivot::Refuse };
    latentwalk_arithmetic::cholesky(&mut triangle, judge)?;
    Ok(square(&triangle, k))
}

/// The lower triangle of a matrix, row by row.
pub(crate) fn packed(matrix: &[f64], k: usize) -> Vec<f64> {
    (0..k).flat_map(|i| matrix[i * k..=i * k + i].iter().copied()).collect()
}

/// The lower triangular matrix of a packed triangle.
pub(crate) fn square(triangle: &[f64], k: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; k * k];
    let mut rest = triangle;
    for i in 0..k {
        let (row, after) = rest.split_at(i + 1);
        matrix[i * k..=i * k + i].copy_from_slice(row);
        rest = after;
    }
    matrix
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

/// Solves `gram · x = right` for a positive semidefinite matrix of `p × p`; `right` and `x` are p × k, row-major.
///
/// An unknown that depends on those before it is set to zero: what the solution explains is the same. The second value is
/// the number of the others, the rank.
pub(crate) fn solve_semidefinite(gram: &[f64], right: &[f64], p: usize, k: usize) -> (Vec<f64>, usize) {
    let (c, kept) = semidefinite_factor(gram, p);
    let mut x = right.to_vec();
    for i in 0..p {
        let (above, row) = x.split_at_mut(i * k);
        let scale = if kept[i] { 1.0 / c[i * p + i] } else { 0.0 };
        eliminate(&mut row[..k], (0..i).map(|m| (c[i * p + m], &above[m * k..(m + 1) * k])), scale);
    }
    for i in (0..p).rev() {
        let (above, below) = x.split_at_mut((i + 1) * k);
        let scale = if kept[i] { 1.0 / c[i * p + i] } else { 0.0 };
        let known = (i + 1..p).map(|m| (c[m * p + i], &below[(m - i - 1) * k..(m - i) * k]));
        eliminate(&mut above[i * k..], known, scale);
    }
    (x, kept.iter().filter(|&&kept| kept).count())
}

/// `row = scale (row − Σ factor · other)`.
fn eliminate<'a>(row: &mut [f64], known: impl Iterator<Item = (f64, &'a [f64])>, scale: f64) {
    for (factor, other) in known {
        row.iter_mut().zip(other).for_each(|(r, o)| *r -= factor * o);
    }
    row.iter_mut().for_each(|r| *r *= scale);
}

/// Lower factor in which the columns of dependent unknowns are zero, and which unknowns are kept.
fn semidefinite_factor(gram: &[f64], p: usize) -> (Vec<f64>, Vec<bool>) {
    let mut triangle = packed(gram, p);
    let mut kept = Vec::with_capacity(p);
    let judge = |rest: f64, diagonal: f64| {
        kept.push(rest > SMALLEST_SHARE * diagonal);
        if rest > SMALLEST_SHARE * diagonal { Pivot::Keep } else { Pivot::Drop }
    };
    // No row is refused.
    let _ = latentwalk_arithmetic::cholesky(&mut triangle, judge);
    (square(&triangle, p), kept)
}

/// An orthonormal basis of the span of some vectors; one of which those before it leave no more than a millionth adds nothing.
pub(crate) fn orthonormal(vectors: impl Iterator<Item = Vec<f64>>) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for mut vector in vectors {
        let whole = norm(&vector);
        // Twice is enough, for the second pass takes out what rounding left of the first.
        for axis in basis.iter().chain(&basis) {
            let part = dot(&vector, axis);
            vector.iter_mut().zip(axis).for_each(|(v, a)| *v -= part * a);
        }
        let rest = norm(&vector);
        if rest > 1e-6 * whole {
            basis.push(vector.iter().map(|v| v / rest).collect());
        }
    }
    basis
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
    fn dependent_unknowns_are_left_out_of_a_solution() {
        // Columns a, b, a + b, nothing, c of a design; two right-hand sides made from known effects of a, b and c.
        let rows = [[1.0, 0.0, 2.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [2.0, 1.0, 1.0], [1.0, 3.0, 0.0]];
        let design = rows.map(|[a, b, c]| [a, b, a + b, 0.0, c]);
        let effects = [[1.0, -2.0], [0.5, 4.0], [3.0, 0.25]];
        let (mut gram, mut right) = (vec![0.0; 25], vec![0.0; 10]);
        for (x, row) in design.iter().zip(&rows) {
            for i in 0..5 {
                (0..5).for_each(|j| gram[i * 5 + j] += x[i] * x[j]);
                (0..2).for_each(|j| right[i * 2 + j] += x[i] * (0..3).map(|m| row[m] * effects[m][j]).sum::<f64>());
            }
        }
        let (solution, rank) = solve_semidefinite(&gram, &right, 5, 2);
        assert_eq!(rank, 3);
        let expected = [1.0, -2.0, 0.5, 4.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.25];
        solution.iter().zip(expected).for_each(|(s, e)| assert!((s - e).abs() < 1e-12, "{solution:?}"));
        assert_eq!(solve_semidefinite(&[0.0], &[0.0], 1, 1), (vec![0.0], 0));
    }

    #[test]
    fn a_singular_matrix_names_its_axis() {
        assert_eq!(cholesky(&[1.0, 1.0, 1.0, 1.0], 2), Err(1));
        assert_eq!(cholesky(&[0.0], 1), Err(0));
        assert_eq!(cholesky(&[f64::NAN], 1), Err(0));
    }
}
