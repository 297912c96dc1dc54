//! A gradient tape for the processor.
//!
//! candle's own backward pass first fills a tensor of zeros for every gradient and then adds to it, on a pool of
//! spinning threads of its own beside rayon's: measured at a sixth of a training step of the `small` network. The
//! tape calls the same `bwd` functions, moves a first gradient into place instead, and frees each activation as
//! soon as its gradient is known.

use std::collections::HashMap;

use candle_core::{CustomOp1, CustomOp2, CustomOp3, DType, Result, Tensor, TensorId};
use rayon::prelude::*;

use super::host::Host;

/// Values that one task adds.
const CHUNK: usize = 1 << 14;

enum Op {
    One(Box<dyn CustomOp1>),
    Two(Box<dyn CustomOp2>),
    Three(Box<dyn CustomOp3>),
}

struct Node {
    op: Op,
    inputs: Vec<Tensor>,
    output: Tensor,
}

/// The operations of a forward pass, in order.
#[derive(Default)]
pub(crate) struct Tape {
    nodes: Vec<Node>,
}

impl Tape {
    /// The gradients of every tensor that has any, given those of some outputs.
    ///
    /// Gradients of intermediate tensors are dropped once they are passed on.
    pub(crate) fn backward(self, outputs: Vec<(Tensor, Tensor)>) -> Result<HashMap<TensorId, Tensor>> {
        let mut gradients = HashMap::new();
        for (output, gradient) in outputs {
            accumulate(&mut gradients, output.id(), gradient)?;
        }
        for Node { op, inputs, output } in self.nodes.into_iter().rev() {
            let Some(gradient) = gradients.remove(&output.id()) else { continue };
            for (input, gradient) in inputs.iter().zip(op.backward(&inputs, &output, &gradient)?) {
                if let Some(gradient) = gradient {
                    accumulate(&mut gradients, input.id(), gradient)?;
                }
            }
        }
        Ok(gradients)
    }
}

impl Op {
    fn backward(&self, inputs: &[Tensor], output: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        match (self, inputs) {
            (Op::One(op), [a]) => Ok(vec![op.bwd(a, output, gradient)?]),
            (Op::Two(op), [a, b]) => {
                let (a, b) = op.bwd(a, b, output, gradient)?;
                Ok(vec![a, b])
            }
            (Op::Three(op), [a, b, c]) => {
                let (a, b, c) = op.bwd(a, b, c, output, gradient)?;
                Ok(vec![a, b, c])
            }
            _ => candle_core::bail!("tape: an operation was recorded with {} inputs", inputs.len()),
        }
    }
}

fn accumulate(gradients: &mut HashMap<TensorId, Tensor>, id: TensorId, gradient: Tensor) -> Result<()> {
    let sum = match gradients.remove(&id) {
        None => gradient,
        // Not in place: both branches of a residual block share one gradient.
        Some(first) => add(&first, &gradient)?,
    };
    gradients.insert(id, sum);
    Ok(())
}

fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let mut sum = latentwalk_engine::unspecified(a.elem_count());
    let (left, right) = (Host::of(a)?, Host::of(b)?);
    let parts = left.par_chunks(CHUNK).zip(right.par_chunks(CHUNK)).zip(sum.par_chunks_mut(CHUNK));
    parts.for_each(|((a, b), sum)| sum.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum = a + b));
    Tensor::from_vec(sum, a.shape(), a.device())
}

/// Whether and where operations are recorded.
///
/// Without a tape, candle's own graph records operations on variables; without variables nothing does.
pub(crate) struct Recorder<'a> {
    tape: Option<&'a mut Tape>,
    /// The numbers in which candle's own path multiplies.
    pub(super) products: DType,
}

impl<'a> Recorder<'a> {
    /// Records nothing, and multiplies in 32 bits.
    pub(crate) fn none() -> Self {
        Recorder { tape: None, products: DType::F32 }
    }

    /// Records on a tape.
    pub(crate) fn on(tape: &'a mut Tape) -> Self {
        Recorder { tape: Some(tape), products: DType::F32 }
    }

    /// Multiplies in other numbers where candle's own path is taken; the processor's kernels know 32 bits only.
    pub(crate) fn with_products(mut self, products: DType) -> Self {
        self.products = products;
        self
    }
}

impl Recorder<'_> {
    /// Whether the gradient of `x` is of any use.
    pub(super) fn wants(&self, x: &Tensor) -> bool {
        match &self.tape {
            // The images are the only tensors that neither a variable nor an operation stands behind.
            Some(tape) => x.is_variable() || tape.nodes.iter().rev().any(|node| node.output.id() == x.id()),
            None => x.track_op(),
        }
    }

    pub(super) fn one(&mut self, a: &Tensor, op: impl CustomOp1 + Send + Sync + 'static) -> Result<Tensor> {
        let a = a.contiguous()?;
        let Some(tape) = &mut self.tape else { return a.apply_op1(op) };
        let output = a.apply_op1_no_bwd(&op)?;
        tape.nodes.push(Node { op: Op::One(Box::new(op)), inputs: vec![a], output: output.clone() });
        Ok(output)
    }

    pub(super) fn two(&mut self, a: &Tensor, b: &Tensor, op: impl CustomOp2 + Send + Sync + 'static) -> Result<Tensor> {
        let (a, b) = (a.contiguous()?, b.contiguous()?);
        let Some(tape) = &mut self.tape else { return a.apply_op2(&b, op) };
        let output = a.apply_op2_no_bwd(&b, &op)?;
        tape.nodes.push(Node { op: Op::Two(Box::new(op)), inputs: vec![a, b], output: output.clone() });
        Ok(output)
    }

    pub(super) fn three(
        &mut self,
        [a, b, c]: [&Tensor; 3],
        op: impl CustomOp3 + Send + Sync + 'static,
    ) -> Result<Tensor> {
        let (a, b, c) = (a.contiguous()?, b.contiguous()?, c.contiguous()?);
        let Some(tape) = &mut self.tape else { return a.apply_op3(&b, &c, op) };
        let output = a.apply_op3_no_bwd(&b, &c, &op)?;
        tape.nodes.push(Node { op: Op::Three(Box::new(op)), inputs: vec![a, b, c], output: output.clone() });
        Ok(output)
    }
}
