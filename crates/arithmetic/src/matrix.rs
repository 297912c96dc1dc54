//! What small dense matrices need.

/// Inner product, summed in order; of a longer vector the rest is not read.
#[inline]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// What to do with a row of a matrix that is factorised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pivot {
    /// It is independent of the rows above.
    Keep,
    /// It follows from the rows above: its column of the factor becomes zero.
    Drop,
    /// The matrix is not what the caller needs.
    Refuse,
}

/// Replaces a symmetric matrix by its Cholesky factor: the lower triangular `C` with `matrix = C Cᵀ`.
///
/// `judge(rest, diagonal)` decides about each row: `rest` is what the rows above leave of its `diagonal` entry. Callers draw
/// the line in different places, which is why it is theirs to draw: a probe takes whatever is finite and positive, a metric
/// refuses what is rounding noise beside the largest variance, a design drops what follows from other columns.
///
/// **Shapes.** The lower triangle row by row, k (k + 1) / 2 numbers; another number of them panics.
/// **Units and conventions.** A dropped row keeps its entries to the left of the diagonal. Wherever no row is dropped, the
/// diagonal is positive.
/// **Errors.** The first row that is refused; the triangle is then half replaced.
/// **Source.** The Cholesky-Banachiewicz scheme, row by row.
///
/// **Example**
///
/// ```
/// use latentwalk_arithmetic::{Pivot, cholesky};
///
/// let positive = |rest: f64, _diagonal: f64| if rest > 0.0 { Pivot::Keep } else { Pivot::Refuse };
/// let mut triangle = [4.0, 2.0, 5.0];
/// assert_eq!(cholesky(&mut triangle, positive), Ok(()));
/// assert_eq!(triangle, [2.0, 1.0, 2.0]);
/// assert_eq!(cholesky(&mut [1.0, 1.0, 1.0], positive), Err(1));
/// ```
pub fn cholesky(triangle: &mut [f64], mut judge: impl FnMut(f64, f64) -> Pivot) -> Result<(), usize> {
    let (mut row, mut start) = (0, 0);
    while start < triangle.len() {
        let (above, rest) = triangle.split_at_mut(start);
        let line = &mut rest[..=row];
        let mut other_start = 0;
        for column in 0..row {
            let other = &above[other_start..=other_start + column];
            line[column] = match other[column] {
                0.0 => 0.0,
                pivot => (line[column] - dot(&line[..column], &other[..column])) / pivot,
            };
            other_start += column + 1;
        }
        let left = line[row] - dot(&line[..row], &line[..row]);
        line[row] = match judge(left, line[row]) {
            Pivot::Keep => left.sqrt(),
            Pivot::Drop => 0.0,
            Pivot::Refuse => return Err(row),
        };
        row += 1;
        start += row;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positive(rest: f64, _: f64) -> Pivot {
        if rest > 0.0 { Pivot::Keep } else { Pivot::Refuse }
    }

    #[test]
    fn a_factor_times_its_transpose_is_the_matrix() {
        let matrix = [[4.0, 2.0, -1.0], [2.0, 5.0, 0.5], [-1.0, 0.5, 3.0]];
        let mut c = [4.0, 2.0, 5.0, -1.0, 0.5, 3.0];
        assert_eq!(cholesky(&mut c, positive), Ok(()));
        let entry = |i: usize, m: usize| if m > i { 0.0 } else { c[i * (i + 1) / 2 + m] };
        for (i, row) in matrix.iter().enumerate() {
            for (j, expected) in row.iter().enumerate() {
                let product: f64 = (0..3).map(|m| entry(i, m) * entry(j, m)).sum();
                assert!((product - expected).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn what_is_refused_is_named() {
        assert_eq!(cholesky(&mut [1.0, 1.0, 1.0], positive), Err(1));
        assert_eq!(cholesky(&mut [0.0], positive), Err(0));
        assert_eq!(cholesky(&mut [f64::NAN], positive), Err(0));
        assert_eq!(cholesky(&mut [], positive), Ok(()));
    }

    #[test]
    fn a_dropped_row_takes_no_part() {
        // The second unknown is twice the first.
        let mut c = [1.0, 2.0, 4.0, 1.0, 2.0, 5.0];
        let judge = |rest: f64, diagonal: f64| if rest > 1e-10 * diagonal { Pivot::Keep } else { Pivot::Drop };
        assert_eq!(cholesky(&mut c, judge), Ok(()));
        assert_eq!(c, [1.0, 2.0, 0.0, 1.0, 0.0, 2.0]);
    }

    #[test]
    #[should_panic]
    fn a_triangle_of_another_length_panics() {
        let _ = cholesky(&mut [1.0, 0.0], positive);
    }
}
