//! Points in a metric's space, with what their distances from many starts share.

use ndarray::ArrayView2;

use crate::error::Result;
use crate::kernel::{product, products};
use crate::metric::Metric;

/// Mapped points, row by row, and their squared lengths.
pub(super) struct Mapped {
    width: usize,
    values: Vec<f32>,
    squares: Vec<f64>,
}

impl Mapped {
    pub(super) fn new(metric: &Metric, points: ArrayView2<'_, f32>) -> Result<Self> {
        let mapped = metric.map(points)?;
        let width = mapped.ncols();
        let values = match mapped.is_standard_layout() {
            true => mapped.into_raw_vec_and_offset().0,
            false => mapped.iter().copied().collect(),
        };
        Ok(Self::of(width, values))
    }

    fn of(width: usize, values: Vec<f32>) -> Self {
        let square = |row: &[f32]| product(row, &doubles(row));
        let squares = values.chunks_exact(width).map(square).collect();
        Self { width, values, squares }
    }

    pub(super) fn row(&self, row: usize) -> Vec<f64> {
        doubles(&self.values[row * self.width..(row + 1) * self.width])
    }

    pub(super) fn len(&self) -> usize {
        self.squares.len()
    }

    /// Each row's product with a direction.
    pub(super) fn along(&self, direction: &[f64]) -> Vec<f64> {
        let mut along = vec![0.0; self.len()];
        products(&self.values, direction, &mut along);
        along
    }

    /// Squared distances of the rows from `first` on from a point with the squared length `square`, as many as `out` holds.
    pub(super) fn squares_from(&self, first: usize, point: &[f64], square: f64, out: &mut [f64]) {
        products(&self.values[first * self.width..][..out.len() * self.width], point, out);
        out.iter_mut().zip(&self.squares[first..]).for_each(|(out, own)| *out = (own - 2.0 * *out + square).max(0.0));
    }

    /// Squared distances of all rows.
    pub(super) fn all_squares_from(&self, point: &[f64], square: f64) -> Vec<f64> {
        let mut squares = vec![0.0; self.len()];
        self.squares_from(0, point, square, &mut squares);
        squares
    }
}

fn doubles(row: &[f32]) -> Vec<f64> {
    row.iter().map(|&value| f64::from(value)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ndarray::Array2;

    use super::*;

    #[test]
    fn distances_are_those_of_the_coordinates() {
        let z = Array2::from_shape_fn((40, 19), |(i, j)| ((i * (7 + j) + 3 * j) % 29) as f32 * 0.125);
        let metric = Metric::whitened(z.view()).unwrap();
        let (mapped, plain) = (Mapped::new(&metric, z.view()).unwrap(), metric.map(z.view()).unwrap());
        let start = mapped.row(3);
        let picked = Mapped::new(&metric, z.select(ndarray::Axis(0), &[5, 39]).view()).unwrap();
        for (row, of) in [(5, 0), (39, 1)] {
            let direct: f64 = plain.row(row).iter().zip(&start).map(|(&v, s)| (f64::from(v) - s).powi(2)).sum();
            let got = picked.all_squares_from(&start, product(&start, &start))[of];
            let mut alone = [0.0];
            picked.squares_from(of, &start, product(&start, &start), &mut alone);
            assert_eq!(alone, [got]);
            assert!((got - direct).abs() < 1e-9 * direct, "{got} {direct}");
        }
        assert_eq!((mapped.len(), picked.len(), picked.along(&start).len()), (40, 2, 2));
    }
}
