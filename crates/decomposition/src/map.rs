//! A matrix applied to many rows.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

/// Rows that one task maps. Fixed, so that results do not depend on the number of threads.
const BLOCK_ROWS: usize = 512;

/// `(x - subtract) M + add` for each row `x`, computed in `f64`.
///
/// **Shapes.** `matrix` is `p x q`, `subtract` has `p` values and `add` has `q`.
pub(crate) struct Map<'a> {
    pub(crate) subtract: Option<&'a [f64]>,
    pub(crate) matrix: Mat<f64>,
    pub(crate) add: Option<&'a [f64]>,
}

impl Map<'_> {
    pub(crate) fn apply(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let q = self.matrix.ncols();
        let mut out = vec![0.0_f32; rows.nrows() * q];
        out.par_chunks_mut(BLOCK_ROWS * q).enumerate().for_each(|(block, out)| {
            let first = block * BLOCK_ROWS;
            self.apply_block(rows.slice(s![first..first + out.len() / q, ..]), out);
        });
        Array2::from_shape_vec((rows.nrows(), q), out).expect("one value for each place was made above")
    }

    fn apply_block(&self, rows: ArrayView2<'_, f32>, out: &mut [f32]) {
        let (n, p, q) = (rows.nrows(), rows.ncols(), self.matrix.ncols());
        let mut prepared = Vec::with_capacity(n * p);
        for row in rows.outer_iter() {
            let values = row.into_iter().map(|value| f64::from(*value));
            match self.subtract {
                Some(subtract) => prepared.extend(values.zip(subtract).map(|(value, shift)| value - shift)),
                None => prepared.extend(values),
            }
        }
        let mut product = vec![0.0; n * q];
        matmul(
            faer::MatMut::from_row_major_slice_mut(&mut product, n, q),
            Accum::Replace,
            MatRef::from_row_major_slice(&prepared, n, p),
            self.matrix.as_ref(),
            1.0,
            Par::Seq,
        );
        for (out, product) in out.chunks_exact_mut(q).zip(product.chunks_exact(q)) {
            for (j, (out, value)) in out.iter_mut().zip(product).enumerate() {
                *out = (value + self.add.map_or(0.0, |add| add[j])) as f32;
            }
        }
    }
}
