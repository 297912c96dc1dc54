//! The same operations composed from candle's own: the path of CUDA devices, and the rival that tests compare
//! the custom operations with.

use candle_core::{D, DType, Result, Tensor};
use candle_nn::{Linear, Module};

use super::fixed::{NORM_EPS, POOL};
use super::statistics::Statistics;

/// Bytes of patches that one product reads: the patches of a whole batch of 256 images can take 0.9 GB per layer.
const PATCH_BYTES: usize = 256 << 20;

/// Multiplies in `products` and gives 32 bits; so do the gradients, because a change of type is an operation too.
///
/// candle's own convolution has no gradient worth its time on a card: a kernel that multiplies one pair at a time. The
/// product of patches has two products for gradients. Where nothing learns, cuDNN is quicker, in a build that has it.
pub(super) fn conv2d(x: &Tensor, weight: &Tensor, stride: usize, products: DType) -> Result<Tensor> {
    let (x, weight) = (x.to_dtype(products)?, weight.to_dtype(products)?);
    let learns = x.track_op() || weight.track_op();
    let y = match cfg!(feature = "cudnn") && !learns && weight.dim(2)? > 1 {
        true => conv2d_of_candle(&x, &weight, stride)?,
        false => conv2d_by_patches(&x, &weight, stride, PATCH_BYTES)?,
    };
    y.to_dtype(DType::F32)
}

/// candle's own convolution: by cuDNN where the build has it.
pub(super) fn conv2d_of_candle(x: &Tensor, weight: &Tensor, stride: usize) -> Result<Tensor> {
    let padding = weight.dim(2)? / 2;
    let y = x.permute((0, 3, 1, 2))?.contiguous()?.conv2d(weight, padding, stride, 1, 1)?;
    y.permute((0, 2, 3, 1))?.contiguous()
}

/// Each pixel's patch as a row, times the weights as a matrix; some images at a time, so that their patches take at most
/// `bytes` (one image's where that is more).
pub(super) fn conv2d_by_patches(x: &Tensor, weight: &Tensor, stride: usize, bytes: usize) -> Result<Tensor> {
    let ((batch, height, width, _), (output, input, kernel, _)) = (x.dims4()?, weight.dims4()?);
    let side = |side: usize| (side - 1) / stride + 1;
    let (out_height, out_width) = (side(height), side(width));
    let shape = (batch, out_height, out_width, output);
    if batch == 0 {
        return Tensor::zeros(shape, x.dtype(), x.device());
    }
    let columns = kernel * kernel * input;
    let weight = weight.permute((2, 3, 1, 0))?.reshape((columns, output))?;
    let image = out_height * out_width * columns * x.dtype().size_in_bytes();
    let at_once = (bytes / image).clamp(1, batch);
    let pieces = (0..batch).step_by(at_once).map(|start| {
        let images = x.narrow(0, start, at_once.min(batch - start))?;
        patches(&images, kernel, stride, (out_height, out_width))?.reshape(((), columns))?.matmul(&weight)
    });
    Tensor::cat(&pieces.collect::<Result<Vec<_>>>()?, 0)?.reshape(shape)
}

/// What the kernel sees at each of its places.
///
/// **Shapes** `x` `[b, h, w, c]`, result `[b, h', w', k * k * c]`, the columns by row of the kernel, then column, then channel.
fn patches(x: &Tensor, kernel: usize, stride: usize, (height, width): (usize, usize)) -> Result<Tensor> {
    if kernel == 1 {
        return every(&every(x, 1, 0, height, stride)?, 2, 0, width, stride);
    }
    let padded = x.pad_with_zeros(1, kernel / 2, kernel / 2)?.pad_with_zeros(2, kernel / 2, kernel / 2)?;
    let mut shifted = Vec::with_capacity(kernel * kernel);
    for dy in 0..kernel {
        let band = every(&padded, 1, dy, height, stride)?;
        for dx in 0..kernel {
            shifted.push(every(&band, 2, dx, width, stride)?.contiguous()?);
        }
    }
    Tensor::cat(&shifted, 3)
}

/// `count` places of an axis, `stride` apart, from the one at `offset`.
fn every(t: &Tensor, axis: usize, offset: usize, count: usize, stride: usize) -> Result<Tensor> {
    if stride == 1 {
        return t.narrow(axis, offset, count);
    }
    let at = Tensor::from_iter((0..count).map(|i| (i * stride + offset) as u32), t.device())?;
    t.index_select(&at, axis)
}

pub(super) fn batch_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, relu: bool) -> Result<(Tensor, Statistics)> {
    let rows = x.reshape(((), x.dim(D::Minus1)?))?;
    let mean = rows.mean_keepdim(0)?;
    let centred = rows.broadcast_sub(&mean)?;
    let var = centred.sqr()?.mean_keepdim(0)?;
    let y = centred.broadcast_div(&(&var + f64::from(NORM_EPS))?.sqrt()?)?.reshape(x.shape())?;
    let stats = Statistics::Device { mean: mean.flatten_all()?.detach(), var: var.flatten_all()?.detach() };
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
    let out = |side: usize| (side + 2 * padding - kernel) / stride + 1;
    let (height, width) = (out(x.dim(1)?), out(x.dim(2)?));
    let mut best = None;
    for dy in 0..kernel {
        let band = every(&padded, 1, dy, height, stride)?;
        for dx in 0..kernel {
            let shifted = every(&band, 2, dx, width, stride)?;
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
