//! What products in `f32` cost: some of a block's sums, worked out again in `f64`.

use faer::{Mat, MatRef};
use latentwalk_engine::Gram;

use crate::accumulator::centred;
use crate::certificates::{largest, product};

/// Columns whose sums with all others are worked out again.
const COLUMNS: usize = 16;

/// Some columns' sums, before a block was added.
pub(crate) struct SpotCheck {
    columns: Vec<usize>,
    before: Mat<f64>,
}

impl SpotCheck {
    /// Whether the block of this number is checked: 0, 1, 2, 4, 8 and so on, which costs little and meets all of a stream.
    pub(crate) fn is_due(block: usize) -> bool {
        block == 0 || block.is_power_of_two()
    }

    /// Notes what lies in the sums before a block; other blocks check other columns.
    pub(crate) fn before(gram: &Gram, d: usize, block: usize) -> Self {
        let first = block.wrapping_mul(7919) % d;
        let step = d.div_ceil(COLUMNS);
        let columns: Vec<usize> = (0..d).step_by(step).map(|column| (first + column) % d).collect();
        let before = Mat::from_fn(columns.len(), d, |i, j| gram.get(columns[i], j));
        Self { columns, before }
    }

    /// The greatest error of what the block added, relative to the root of the two columns' sums of squares.
    pub(crate) fn error(&self, gram: &Gram, block: &[f32], mean: &[f64]) -> f64 {
        let d = mean.len();
        let centred = centred(block, mean);
        let rows = MatRef::from_row_major_slice(&centred, block.len() / d, d);
        let chosen = Mat::from_fn(rows.nrows(), self.columns.len(), |r, i| rows[(r, self.columns[i])]);
        let exact = product(chosen.transpose(), rows);
        let mut own = vec![0.0; d];
        for row in centred.chunks_exact(d) {
            own.iter_mut().zip(row).for_each(|(sum, value)| *sum += value * value);
        }
        // Beside sums that are 10^9 times greater, a difference of them is no longer exact enough to judge by. And what varies 10^12
        // times less than the strongest column is no part of any axis.
        let strongest = largest(own.iter().copied());
        let square = |j: usize| own[j].max(gram.get(j, j) * 1e-9).max(strongest * 1e-24);
        let squares: Vec<f64> = (0..d).map(square).collect();
        let places = (0..self.columns.len()).flat_map(|i| (0..d).map(move |j| (i, j)));
        largest(places.map(|(i, j)| {
            let column = self.columns[i];
            let error = (gram.get(column, j) - self.before[(i, j)] - exact[(i, j)]).abs();
            // A column that is constant adds nothing, exactly.
            if error == 0.0 { 0.0 } else { error / (squares[column] * squares[j]).sqrt() }
        }))
    }
}
