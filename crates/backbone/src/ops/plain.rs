//! The same operations composed from candle's own: the path of CUDA devices, and the rival that tests compare
//! the custom operations with.

use candle_core::{D, DType, Result, Tensor};
use candle_nn::{Linear, Module};
use latentwalk_engine::BatchStats;

use super::fixed::{NORM_EPS, POOL};

/// Multiplies in `products` and gives 32 bits; so do the gradients, because a change of type is an operation too.
pub(super) fn conv2d(x: &Tensor, weight: &Tensor, stride: usize, products: DType) -> Result<Tensor> {
    let padding = weight.dim(2)? / 2;
    let (x, weight) = (x.to_dtype(products)?, weight.to_dtype(products)?);
    let y = x.permute((0, 3, 1, 2))?.contiguous()?.conv2d(&weight, padding, stride, 1, 1)?;
    y.permute((0, 2, 3, 1))?.contiguous()?.to_dtype(DType::F32)
}

pub(super) fn batch_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, relu: bool) -> Result<(Tensor, BatchStats)> {
    let rows = x.reshape(((), x.dim(D::Minus1)?))?;
    let mean = rows.mean_keepdim(0)?;
    let centred = rows.broadcast_sub(&mean)?;
    let var = centred.sqr()?.mean_keepdim(0)?;
    let y = centred.broadcast_div(&(&var + f64::from(NORM_EPS))?.sqrt()?)?.reshape(x.shape())?;
    let stats = BatchStats { mean: mean.flatten_all()?.to_vec1()?, var: var.flatten_all()?.to_vec1()? };
    Ok((scale_shift(&y, gamma, beta, relu)?, stats))
}

pub(super) fn scale_shift(x: &Tensor, scale: &Tensor, shift: &Tensor, relu: bool) -> Result<Tensor> {
    let y = x.broadcast_mul(scale)?.broadcast_add(shift)?;
    if relu { y.relu() } else { Ok(y) }
}

pub(super) fn add_relu(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    (a + b)?.relu()
}

/// Nine shifted copies and their maximum; padding by 0 is right because a ReLU always stands before.
pub(super) fn max_pool(x: &Tensor) -> Result<Tensor> {
    let (kernel, stride, padding) = POOL;
    let padded = x.pad_with_zeros(1, padding, padding)?.pad_with_zeros(2, padding, padding)?;
    let pick = |t: &Tensor, axis: usize, offset: usize| {
        let count = (t.dim(axis)? - kernel) / stride + 1;
        let at = Tensor::from_iter((0..count).map(|i| (i * stride + offset) as u32), t.device())?;
        t.index_select(&at, axis)
    };
    let mut best = None;
    for dy in 0..kernel {
        let band = pick(&padded, 1, dy)?;
        for dx in 0..kernel {
            let shifted = pick(&band, 2, dx)?;
            best = Some(match best {
                None => shifted,
                Some(best) => shifted.maximum(&best)?,
            });
        }
    }
    best.map_or_else(|| Ok(x.clone()), Ok)
}

pub(super) fn global_avg_pool(x: &Tensor) -> Result<Tensor> {
    x.mean((1, 2))
}

pub(super) fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor, products: DType) -> Result<Tensor> {
    let y = Linear::new(weight.to_dtype(products)?, None).forward(&x.to_dtype(products)?)?;
    y.to_dtype(DType::F32)?.broadcast_add(bias)
}
