//! Points in a metric's space, with what their distances from many starts share.

use ndarray::ArrayView2;

use crate::error::Result;
use crate::metric::Metric;

/// Partial sums of a product: independent of each other, so that a processor adds several at once, and added in a fixed order.
const LANES: usize = 8;

/// Mapped points, row by row, and their squared lengths.
pub(super) struct Mapped {
    width: usize,
    values: Vec<f64>,
    squares: Vec<f64>,
}

impl Mapped {
    pub(super) fn new(metric: &Metric, points: ArrayView2<'_, f32>) -> Result<Self> {
        let mapped = metric.map(points)?;
        let values: Vec<f64> = mapped.iter().map(|&v| f64::from(v)).collect();
        Ok(Self::of(mapped.ncols(), values))
    }

    fn of(width: usize, values: Vec<f64>) -> Self {
        let squares = values.chunks_exact(width).map(|row| product(row, row)).collect();
        Self { width, values, squares }
    }

    /// Some of the rows, next to each other.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        Self::of(self.width, rows.iter().flat_map(|&row| self.row(row).iter().copied()).collect())
    }

    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    pub(super) fn len(&self) -> usize {
        self.squares.len()
    }

    /// Each row's product with a direction.
    pub(super) fn along(&self, direction: &[f64]) -> Vec<f64> {
        (0..self.len()).map(|row| product(self.row(row), direction)).collect()
    }

    /// Squared distance of a row from a point with the squared length `square`.
    pub(super) fn square_from(&self, row: usize, point: &[f64], square: f64) -> f64 {
        (self.squares[row] - 2.0 * product(self.row(row), point) + square).max(0.0)
    }
}

/// Sum of products.
pub(super) fn product(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (whole_a, whole_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = whole_a.remainder().iter().zip(whole_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in whole_a.zip(whole_b) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let halves: [f64; LANES / 2] = std::array::from_fn(|lane| sums[lane] + sums[lane + LANES / 2]);
    (halves[0] + halves[2]) + (halves[1] + halves[3]) + rest
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
        let start = mapped.row(3).to_vec();
        let picked = mapped.select(&[5, 39]);
        for (row, of) in [(5, 0), (39, 1)] {
            let direct: f64 = plain.row(row).iter().zip(&start).map(|(&v, s)| (f64::from(v) - s).powi(2)).sum();
            let got = picked.square_from(of, &start, product(&start, &start));
            assert!((got - direct).abs() < 1e-9 * direct, "{got} {direct}");
        }
        assert_eq!((mapped.len(), picked.len(), picked.along(&start).len()), (40, 2, 2));
    }
}
