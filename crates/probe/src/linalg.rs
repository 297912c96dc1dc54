//! The little dense algebra that the closed-form fits need, in f64.

use latentwalk_arithmetic::{Pivot, cholesky, dot};

/// A symmetric k×k matrix, its lower triangle held row by row.
#[derive(Clone, Debug)]
pub(crate) struct Symmetric {
    pub(crate) size: usize,
    entries: Vec<f64>,
}

impl Symmetric {
    pub(crate) fn zero(size: usize) -> Self {
        Self { size, entries: vec![0.0; size * (size + 1) / 2] }
    }

    fn row_start(row: usize) -> usize {
        row * (row + 1) / 2
    }

    /// Adds `weight · x xᵀ`.
    pub(crate) fn add_outer(&mut self, weight: f64, x: &[f64]) {
        let mut rest = self.entries.as_mut_slice();
        for (row, &value) in x.iter().enumerate() {
            let (line, tail) = rest.split_at_mut(row + 1);
            let factor = weight * value;
            line.iter_mut().zip(x).for_each(|(entry, other)| *entry += factor * other);
            rest = tail;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.entries.iter_mut().zip(&other.entries).for_each(|(a, b)| *a += b);
    }

    pub(crate) fn scale(&mut self, factor: f64) {
        self.entries.iter_mut().for_each(|entry| *entry *= factor);
    }

    pub(crate) fn add_diagonal(&mut self, row: usize, value: f64) {
        self.entries[Self::row_start(row) + row] += value;
    }

    /// Adds `share` of the mean diagonal entry to the diagonal.
    pub(crate) fn shrink(&mut self, share: f64) {
        let by = share * self.trace() / self.size as f64;
        (0..self.size).for_each(|axis| self.add_diagonal(axis, by));
    }

    pub(crate) fn trace(&self) -> f64 {
        (0..self.size).map(|row| self.entries[Self::row_start(row) + row]).sum()
    }

    /// `A x`.
    pub(crate) fn times(&self, x: &[f64]) -> Vec<f64> {
        let mut result = vec![0.0; self.size];
        let mut rest = self.entries.as_slice();
        for row in 0..self.size {
            let (line, tail) = rest.split_at(row + 1);
            for (column, &entry) in line.iter().enumerate() {
                result[row] += entry * x[column];
                if column < row {
                    result[column] += entry * x[row];
                }
            }
            rest = tail;
        }
        result
    }

    /// The Cholesky factor; `None` if A is not positive definite.
    pub(crate) fn factor(mut self) -> Option<Factor> {
        let positive = |pivot: f64, _| if pivot.is_finite() && pivot > 0.0 { Pivot::Keep } else { Pivot::Refuse };
        cholesky(&mut self.entries, positive).ok()?;
        Some(Factor { size: self.size, entries: self.entries })
    }

    /// Solves `A y = b` by Cholesky; `None` if A is not positive definite.
    pub(crate) fn solve(self, b: &[f64]) -> Option<Vec<f64>> {
        let factor = self.factor()?;
        let mut y = b.to_vec();
        factor.forward(&mut y);
        factor.backward(&mut y);
        Some(y)
    }
}

/// A lower triangular `L` with `A = L Lᵀ`, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Factor {
    size: usize,
    entries: Vec<f64>,
}

impl Factor {
    fn line(&self, row: usize) -> &[f64] {
        &self.entries[Symmetric::row_start(row)..Symmetric::row_start(row + 1)]
    }

    /// Replaces `b` by `L⁻¹ b`.
    pub(crate) fn forward(&self, b: &mut [f64]) {
        for row in 0..self.size {
            let line = self.line(row);
            b[row] = (b[row] - dot(&line[..row], &b[..row])) / line[row];
        }
    }

    /// `Lᵀ b`.
    pub(crate) fn transposed_times(&self, b: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.size];
        for (row, value) in b.iter().enumerate() {
            product.iter_mut().zip(self.line(row)).for_each(|(sum, entry)| *sum += entry * value);
        }
        product
    }

    /// Replaces `b` by `L⁻ᵀ b`.
    pub(crate) fn backward(&self, b: &mut [f64]) {
        for row in (0..self.size).rev() {
            let line = self.line(row);
            b[row] /= line[row];
            let value = b[row];
            b[..row].iter_mut().zip(line).for_each(|(target, entry)| *target -= entry * value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn solving_undoes_multiplying() {
        let rows = [[1.0, 2.0, -1.0], [0.5, -1.0, 3.0], [2.0, 0.0, 1.0], [1.0, 1.0, 1.0]];
        let want = [0.3, -2.0, 5.0];
        let (mut a, mut b) = (Symmetric::zero(3), [0.0; 3]);
        for row in rows {
            a.add_outer(1.5, &row);
            let score = 1.5 * dot(&row, &want);
            b.iter_mut().zip(row).for_each(|(sum, x)| *sum += score * x);
        }
        let back = a.clone().solve(&b).unwrap();
        assert!(a.times(&want).iter().zip(&b).all(|(got, want)| (got - want).abs() < 1e-12));
        // Condition number about 10: a few ulp.
        assert!(back.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-12), "{back:?}");
    }

    #[test]
    fn a_singular_matrix_is_refused() {
        let mut a = Symmetric::zero(2);
        a.add_outer(1.0, &[1.0, 1.0]);
        assert!(a.solve(&[1.0, 0.0]).is_none());
    }
}
