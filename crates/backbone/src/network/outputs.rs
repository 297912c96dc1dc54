//! What comes out of a network.

use candle_core::Tensor;
use ndarray::Array2;

use crate::error::{Error, Result};
use crate::tap::Tap;

/// Everything that one pass gives. One image per row.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// Pooled vectors, see [`Tap::Pool`].
    pub pool: Array2<f32>,
    /// FC vectors, see [`Tap::Fc`].
    pub fc: Array2<f32>,
    /// Logits of each head, `[b, classes]`.
    pub logits: Vec<Array2<f32>>,
    /// Vectors of the stem and of the first three stages, see [`Tap::Stem`]; empty unless asked for.
    pub stages: Vec<Array2<f32>>,
}

impl Forward {
    /// The vectors of a tap; `None` for a stage that was not asked for.
    pub fn tap(&self, tap: Tap) -> Option<&Array2<f32>> {
        match tap {
            Tap::Fc => Some(&self.fc),
            Tap::Pool => Some(&self.pool),
            Tap::Stem => self.stages.first(),
            Tap::Layer1 => self.stages.get(1),
            Tap::Layer2 => self.stages.get(2),
            Tap::Layer3 => self.stages.get(3),
        }
    }
}

/// What an evaluation can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Tap(Tap),
    Head(usize),
}

/// What a [`Forward`] is made of, see [`forward_of`].
pub(super) fn forward_outputs(heads: usize, stages: bool) -> Vec<Output> {
    let stages: &[Tap] = if stages { &[Tap::Stem, Tap::Layer1, Tap::Layer2, Tap::Layer3] } else { &[] };
    let taps = [Tap::Pool, Tap::Fc].iter().chain(stages).map(|&tap| Output::Tap(tap));
    taps.chain((0..heads).map(Output::Head)).collect()
}

/// Puts the outputs that [`forward_outputs`] lists together.
pub(super) fn forward_of(outputs: Vec<Array2<f32>>, stages: bool) -> Forward {
    let mut outputs = outputs.into_iter();
    let mut next = || outputs.next().unwrap_or_default();
    let (pool, fc) = (next(), next());
    let stages = (0..if stages { 4 } else { 0 }).map(|_| next()).collect();
    Forward { pool, fc, stages, logits: outputs.collect() }
}

pub(super) fn matrix(tensor: &Tensor) -> Result<Array2<f32>> {
    let (rows, columns) = tensor.dims2()?;
    array(rows, columns, tensor.flatten_all()?.to_vec1()?)
}

pub(super) fn array(rows: usize, columns: usize, values: Vec<f32>) -> Result<Array2<f32>> {
    Array2::from_shape_vec((rows, columns), values).map_err(|error| Error::Compute(Box::new(error)))
}
