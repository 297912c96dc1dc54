//! Differentiable operations on `NHWC` tensors.
//!
//! On the processor each is a candle custom operation around a kernel of `latentwalk-engine` with a backward
//! pass by hand: candle's own convolution gradient is an order of magnitude slower, its max-pool has none for
//! overlapping windows, and its threaded products do not promise equal bytes. Training records them on a
//! [`Tape`]. On a CUDA device [`plain`]
//! composes the same functions from candle's operations.

mod fixed;
mod host;
mod plain;
mod statistics;
mod tape;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use latentwalk_engine::{self as engine, BatchStats, ConvShape, PoolShape};

use host::slice;

pub(crate) use fixed::{NORM_EPS, POOL};
pub(crate) use host::{Host, Values};
pub(crate) use statistics::Statistics;
pub(crate) use tape::{Recorder, Tape};

/// Convolution without bias, padded by half the kernel.
///
/// **Shapes** `x` `[b, h, w, in]`, `weight` `[out, in, k, k]`, result `[b, h', w', out]`.
pub(crate) fn conv2d(to: &mut Recorder, x: &Tensor, weight: &Tensor, stride: usize) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return plain::conv2d(x, weight, stride, to.products);
    }
    let (batch, height, width, in_channels) = x.dims4()?;
    let (out_channels, _, kernel, _) = weight.dims4()?;
    let padding = kernel / 2;
    let shape = ConvShape { batch, height, width, in_channels, out_channels, kernel, stride, padding };
    let wants_input = to.wants(x);
    to.two(x, weight, Conv { shape, wants_input })
}

/// BatchNorm by the batch's own statistics, then ReLU where asked for.
///
/// **Shapes** `x` `[.., c]`, `gamma` and `beta` `[c]`. The variance of the returned statistics is the biased one.
pub(crate) fn batch_norm(
    to: &mut Recorder,
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    relu: bool,
) -> Result<(Tensor, Statistics)> {
    if !x.device().is_cpu() {
        return plain::batch_norm(x, gamma, beta, relu);
    }
    let stats = Arc::new(OnceLock::new());
    let op = BatchNorm { rows: rows(x)?, relu, stats: stats.clone() };
    let y = to.three([x, gamma, beta], op)?;
    match stats.get() {
        Some(stats) => Ok((y, Statistics::Host(stats.clone()))),
        None => bail!("batch norm left no statistics"),
    }
}

/// `x * scale + shift` a channel, then ReLU where asked for: BatchNorm with fixed statistics.
///
/// **Shapes** `x` `[.., c]`, `scale` and `shift` `[c]`.
pub(crate) fn scale_shift(to: &mut Recorder, x: &Tensor, scale: &Tensor, shift: &Tensor, relu: bool) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return plain::scale_shift(x, scale, shift, relu);
    }
    let op = ScaleShift { rows: rows(x)?, relu };
    to.three([x, scale, shift], op)
}

/// `max(a + b, 0)`: the end of a residual block.
pub(crate) fn add_relu(to: &mut Recorder, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !a.device().is_cpu() {
        return plain::add_relu(a, b);
    }
    if a.dims() != b.dims() {
        bail!("add_relu: shapes {:?} and {:?} differ", a.dims(), b.dims());
    }
    to.two(a, b, AddRelu)
}

/// Max-pool 3x3 of stride 2 and padding 1.
///
/// **Shapes** `x` `[b, h, w, c]`, result `[b, ceil(h / 2), ceil(w / 2), c]`.
pub(crate) fn max_pool(to: &mut Recorder, x: &Tensor) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return plain::max_pool(x);
    }
    let (batch, height, width, channels) = x.dims4()?;
    let (kernel, stride, padding) = POOL;
    let shape = PoolShape { batch, height, width, channels, kernel, stride, padding };
    to.one(x, MaxPool(shape))
}

/// Mean over all pixels.
///
/// **Shapes** `x` `[b, h, w, c]`, result `[b, c]`.
pub(crate) fn global_avg_pool(to: &mut Recorder, x: &Tensor) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return plain::global_avg_pool(x);
    }
    to.one(x, AvgPool)
}

/// `x * weight^T + bias`.
///
/// **Shapes** `x` `[b, in]`, `weight` `[out, in]`, `bias` `[out]`, result `[b, out]`.
pub(crate) fn linear(to: &mut Recorder, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return plain::linear(x, weight, bias, to.products);
    }
    to.three([x, weight, bias], Linear)
}

/// Values before the last axis, which holds the channels.
fn rows(x: &Tensor) -> Result<usize> {
    match x.dims().last() {
        Some(&channels) if channels > 0 => Ok(x.elem_count() / channels),
        _ => bail!("expected a tensor with channels, got shape {:?}", x.dims()),
    }
}

fn new_like(values: Vec<f32>, like: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, like.shape(), like.device())
}

struct Conv {
    shape: ConvShape,
    wants_input: bool,
}

impl CustomOp2 for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        let s = &self.shape;
        let (height, width) = (out_side(s.height, s), out_side(s.width, s));
        let shape = Shape::from((s.batch, height, width, s.out_channels));
        let mut out = engine::unspecified(shape.elem_count());
        engine::conv2d(s, slice(x, lx)?, slice(w, lw)?, &mut out);
        Ok((CpuStorage::F32(out), shape))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _y: &Tensor, g: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let g = g.contiguous()?;
        let (x_host, w_host, g_host) = (Host::of(x)?, Host::of(w)?, Host::of(&g)?);
        let mut dw = engine::unspecified(w.elem_count());
        engine::conv2d_grad_weight(&self.shape, &x_host, &g_host, &mut dw);
        // The images themselves need no gradient: the stem saves a third of its work.
        let dx = if self.wants_input {
            let mut dx = engine::unspecified(x.elem_count());
            engine::conv2d_grad_input(&self.shape, &g_host, &w_host, &mut dx);
            Some(new_like(dx, x)?)
        } else {
            None
        };
        Ok((dx, Some(new_like(dw, w)?)))
    }
}

fn out_side(side: usize, s: &ConvShape) -> usize {
    (side + 2 * s.padding - s.kernel) / s.stride + 1
}

struct BatchNorm {
    rows: usize,
    relu: bool,
    stats: Arc<OnceLock<BatchStats>>,
}

impl CustomOp3 for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        gamma: &CpuStorage,
        lg: &Layout,
        beta: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, gamma, beta) = (slice(x, lx)?, slice(gamma, lg)?, slice(beta, lb)?);
        let mut out = engine::unspecified(x.len());
        let stats = engine::batch_norm_train(self.rows, gamma.len(), x, gamma, beta, NORM_EPS, self.relu, &mut out);
        self.stats.get_or_init(|| stats);
        Ok((CpuStorage::F32(out), lx.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(stats) = self.stats.get() else { bail!("batch norm: backward before forward") };
        let g = g.contiguous()?;
        let (x_host, gamma_host, beta_host, g_host) = (Host::of(x)?, Host::of(gamma)?, Host::of(beta)?, Host::of(&g)?);
        let channels = gamma_host.len();
        let (mut dx, mut dgamma, mut dbeta) =
            (engine::unspecified(x_host.len()), engine::unspecified(channels), engine::unspecified(channels));
        engine::batch_norm_train_grad(
            self.rows,
            channels,
            &x_host,
            stats,
            &gamma_host,
            &beta_host,
            NORM_EPS,
            self.relu,
            &g_host,
            &mut dx,
            &mut dgamma,
            &mut dbeta,
        );
        Ok((Some(new_like(dx, x)?), Some(new_like(dgamma, gamma)?), Some(new_like(dbeta, beta)?)))
    }
}

struct ScaleShift {
    rows: usize,
    relu: bool,
}

impl CustomOp3 for ScaleShift {
    fn name(&self) -> &'static str {
        "scale_shift"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        scale: &CpuStorage,
        ls: &Layout,
        shift: &CpuStorage,
        lh: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, scale, shift) = (slice(x, lx)?, slice(scale, ls)?, slice(shift, lh)?);
        let mut out = engine::unspecified(x.len());
        engine::scale_shift(self.rows, scale.len(), x, scale, shift, self.relu, &mut out);
        Ok((CpuStorage::F32(out), lx.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let g = g.contiguous()?;
        let (x_host, scale_host, shift_host, g_host) =
            (Host::of(x)?, Host::of(scale)?, Host::of(shift)?, Host::of(&g)?);
        let channels = scale_host.len();
        let (mut dx, mut dscale, mut dshift) =
            (engine::unspecified(x_host.len()), engine::unspecified(channels), engine::unspecified(channels));
        engine::scale_shift_grad(
            self.rows,
            channels,
            &x_host,
            &scale_host,
            &shift_host,
            self.relu,
            &g_host,
            &mut dx,
            &mut dscale,
            &mut dshift,
        );
        Ok((Some(new_like(dx, x)?), Some(new_like(dscale, scale)?), Some(new_like(dshift, shift)?)))
    }
}

struct AddRelu;

impl CustomOp2 for AddRelu {
    fn name(&self) -> &'static str {
        "add_relu"
    }

    fn cpu_fwd(&self, a: &CpuStorage, la: &Layout, b: &CpuStorage, lb: &Layout) -> Result<(CpuStorage, Shape)> {
        let (a, b) = (slice(a, la)?, slice(b, lb)?);
        let mut out = engine::unspecified(a.len());
        engine::add_relu(a, b, &mut out);
        Ok((CpuStorage::F32(out), la.shape().clone()))
    }

    fn bwd(&self, _a: &Tensor, _b: &Tensor, y: &Tensor, g: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let g = g.contiguous()?;
        let mut d = engine::unspecified(y.elem_count());
        engine::add_relu_grad(&Host::of(y)?, &Host::of(&g)?, &mut d);
        let d = new_like(d, y)?;
        Ok((Some(d.clone()), Some(d)))
    }
}

struct MaxPool(PoolShape);

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout) -> Result<(CpuStorage, Shape)> {
        let s = &self.0;
        let side = |side: usize| (side + 2 * s.padding - s.kernel) / s.stride + 1;
        let shape = Shape::from((s.batch, side(s.height), side(s.width), s.channels));
        let mut out = engine::unspecified(shape.elem_count());
        engine::max_pool(s, slice(x, lx)?, &mut out);
        Ok((CpuStorage::F32(out), shape))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let g = g.contiguous()?;
        let mut dx = engine::unspecified(x.elem_count());
        engine::max_pool_grad(&self.0, &Host::of(x)?, &Host::of(&g)?, &mut dx);
        Ok(Some(new_like(dx, x)?))
    }
}

struct AvgPool;

impl CustomOp1 for AvgPool {
    fn name(&self) -> &'static str {
        "global_avg_pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout) -> Result<(CpuStorage, Shape)> {
        let (b, h, w, c) = lx.shape().dims4()?;
        let mut out = engine::unspecified(b * c);
        engine::global_avg_pool(b, h * w, c, slice(x, lx)?, &mut out);
        Ok((CpuStorage::F32(out), Shape::from((b, c))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let (b, h, w, c) = x.dims4()?;
        let g = g.contiguous()?;
        let mut dx = engine::unspecified(x.elem_count());
        engine::global_avg_pool_grad(b, h * w, c, &Host::of(&g)?, &mut dx);
        Ok(Some(new_like(dx, x)?))
    }
}

struct Linear;

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        bias: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let ((b, i), (o, _)) = (lx.shape().dims2()?, lw.shape().dims2()?);
        let mut out = engine::unspecified(b * o);
        engine::linear(b, i, o, slice(x, lx)?, slice(w, lw)?, Some(slice(bias, lb)?), &mut out);
        Ok((CpuStorage::F32(out), Shape::from((b, o))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let ((b, i), (o, _)) = (x.dims2()?, w.dims2()?);
        let g = g.contiguous()?;
        let (x_host, w_host, g_host) = (Host::of(x)?, Host::of(w)?, Host::of(&g)?);
        let (mut dx, mut dw, mut db) = (engine::unspecified(b * i), engine::unspecified(o * i), engine::unspecified(o));
        engine::linear_grad_input(b, i, o, &g_host, &w_host, &mut dx);
        engine::linear_grad_weight(b, i, o, &x_host, &g_host, &mut dw, &mut db);
        Ok((Some(new_like(dx, x)?), Some(new_like(dw, w)?), Some(new_like(db, bias)?)))
    }
}
