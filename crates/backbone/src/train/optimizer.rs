//! AdamW and SGD with visible state, so that a checkpoint can hold it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor, Var, bail};
use latentwalk_engine as engine;

use crate::error::Result;
use crate::mismatch::TensorMismatch;
use crate::options::{ADAM_BETA1, ADAM_BETA2, ADAM_EPS, OptimizerKind, TrainOptions};
use crate::state::{Array, Arrays};

/// Gradients by the weights' names.
pub(super) type Gradients = BTreeMap<String, Tensor>;

/// The two moments of a parameter; SGD uses only the first, its velocity.
#[derive(Debug)]
enum Slot {
    /// On the processor: updated in place by the engine.
    Host { first: Vec<f32>, second: Vec<f32> },
    /// On a CUDA device: replaced by candle's operations.
    Device { first: Tensor, second: Tensor },
}

/// An update rule with its state for every parameter.
#[derive(Debug)]
pub(super) struct Optimizer {
    kind: OptimizerKind,
    weight_decay: f64,
    momentum: f64,
    nesterov: bool,
    /// Rate of everything but the heads, as a share of theirs.
    backbone_rate: f64,
    /// Steps taken.
    pub(super) step: u64,
    slots: BTreeMap<String, Slot>,
}

impl Optimizer {
    /// A fresh state for `weights`.
    pub(super) fn new(options: &TrainOptions, weights: &BTreeMap<String, Var>) -> Result<Self> {
        let slot = |(name, var): (&String, &Var)| {
            let second = options.optimizer == OptimizerKind::AdamW;
            Ok((name.clone(), Slot::zeros(var, second)?))
        };
        Ok(Optimizer {
            kind: options.optimizer,
            weight_decay: options.weight_decay,
            momentum: options.momentum,
            nesterov: options.nesterov,
            backbone_rate: options.backbone_rate,
            step: 0,
            slots: weights.iter().map(slot).collect::<Result<_>>()?,
        })
    }

    /// Updates every weight by its gradient.
    ///
    /// Weight decay spares BatchNorm and biases: they are the vectors among the parameters.
    pub(super) fn update(&mut self, weights: &BTreeMap<String, Var>, gradients: &Gradients, rate: f64) -> Result<()> {
        self.step += 1;
        for (name, var) in weights {
            let (Some(gradient), Some(slot)) = (gradients.get(name), self.slots.get_mut(name)) else { continue };
            let rate = if name.starts_with("heads.") { rate } else { rate * self.backbone_rate };
            let decay = if var.rank() > 1 { self.weight_decay } else { 0.0 };
            let rule = match self.kind {
                OptimizerKind::AdamW => Rule::AdamW { rate, decay, step: self.step },
                OptimizerKind::Sgd => Rule::Sgd { rate, decay, momentum: self.momentum, nesterov: self.nesterov },
            };
            rule.apply(var, gradient, slot)?;
        }
        Ok(())
    }

    /// The state under `first/NAME` and `second/NAME`.
    pub(super) fn export(&self, into: &mut Arrays) -> Result<()> {
        for (name, slot) in &self.slots {
            let (first, second) = slot.values()?;
            for (part, values) in [("first", first), ("second", second)] {
                let shape = vec![values.len()];
                into.insert(format!("{part}/{name}"), Array { shape, values });
            }
        }
        Ok(())
    }

    /// Takes over what [`Optimizer::export`] gave; `step` is the caller's to set.
    pub(super) fn import(&mut self, from: &mut Arrays) -> Result<(), TensorMismatch> {
        for (name, slot) in &mut self.slots {
            let mut take = |part: &str, expected: usize| {
                let name = format!("{part}/{name}");
                match from.remove(&name) {
                    Some(array) if array.values.len() == expected => Ok(array.values),
                    Some(array) => Err(TensorMismatch::Shape { name, expected: vec![expected], got: array.shape }),
                    None => Err(TensorMismatch::Missing { name }),
                }
            };
            match slot {
                Slot::Host { first, second } => {
                    *first = take("first", first.len())?;
                    *second = take("second", second.len())?;
                }
                Slot::Device { first, second } => {
                    for (part, tensor) in [("first", first), ("second", second)] {
                        let values = take(part, tensor.elem_count())?;
                        let moved = Tensor::from_vec(values, tensor.shape(), tensor.device());
                        *tensor = moved.map_err(|_| TensorMismatch::Missing { name: format!("{part}/{name}") })?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Slot {
    fn zeros(var: &Var, second: bool) -> Result<Self> {
        let len = var.elem_count();
        if var.device().is_cpu() {
            let second = vec![0.0; if second { len } else { 0 }];
            return Ok(Slot::Host { first: vec![0.0; len], second });
        }
        Self::device_zeros(var, second)
    }

    fn device_zeros(var: &Var, second: bool) -> Result<Self> {
        let first = var.zeros_like()?;
        let second = if second { var.zeros_like()? } else { Tensor::zeros(0, var.dtype(), var.device())? };
        Ok(Slot::Device { first, second })
    }

    fn values(&self) -> Result<(Vec<f32>, Vec<f32>)> {
        match self {
            Slot::Host { first, second } => Ok((first.clone(), second.clone())),
            Slot::Device { first, second } => Ok((first.flatten_all()?.to_vec1()?, second.flatten_all()?.to_vec1()?)),
        }
    }
}

/// One step's rule for one parameter.
#[derive(Debug, Clone, Copy)]
enum Rule {
    AdamW { rate: f64, decay: f64, step: u64 },
    Sgd { rate: f64, decay: f64, momentum: f64, nesterov: bool },
}

impl Rule {
    fn apply(self, var: &Var, gradient: &Tensor, slot: &mut Slot) -> Result<()> {
        match slot {
            Slot::Host { first, second } => {
                let update = Update { rule: self, moments: RefCell::new((first, second)) };
                var.inplace_op2(&gradient.contiguous()?, &update)?;
            }
            Slot::Device { first, second } => {
                let (p, m, v) = self.on_device(&var.as_detached_tensor(), gradient, first, second)?;
                var.set(&p)?;
                (*first, *second) = (m, v);
            }
        }
        Ok(())
    }

    /// The engine's formulas in candle's operations.
    fn on_device(self, p: &Tensor, g: &Tensor, first: &Tensor, second: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        match self {
            Rule::AdamW { rate, decay, step } => {
                let correction = |beta: f64| 1.0 - beta.powi(step.min(i32::MAX as u64) as i32);
                let m = ((first * ADAM_BETA1)? + (g * (1.0 - ADAM_BETA1))?)?;
                let v = ((second * ADAM_BETA2)? + (g.sqr()? * (1.0 - ADAM_BETA2))?)?;
                let root = ((&v / correction(ADAM_BETA2))?.sqrt()? + ADAM_EPS)?;
                let change = ((&m * (rate / correction(ADAM_BETA1)))? / root)?;
                Ok((((p * (1.0 - rate * decay))? - change)?, m, v))
            }
            Rule::Sgd { rate, decay, momentum, nesterov } => {
                let g = (g + (p * decay)?)?;
                let velocity = ((first * momentum)? + &g)?;
                let direction = if nesterov { (g + (&velocity * momentum)?)? } else { velocity.clone() };
                Ok(((p - (direction * rate)?)?, velocity, second.clone()))
            }
        }
    }
}

/// An engine step as candle's in-place operation.
struct Update<'a> {
    rule: Rule,
    moments: RefCell<(&'a mut Vec<f32>, &'a mut Vec<f32>)>,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "optimizer_step"
    }

    fn cpu_fwd(&self, p: &mut CpuStorage, lp: &Layout, g: &CpuStorage, lg: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(p), CpuStorage::F32(g)) = (p, g) else { bail!("optimizer: expected 32-bit floats") };
        let (Some((p0, p1)), Some((g0, g1))) = (lp.contiguous_offsets(), lg.contiguous_offsets()) else {
            bail!("optimizer: expected contiguous tensors");
        };
        let (p, g) = (&mut p[p0..p1], &g[g0..g1]);
        let mut moments = self.moments.borrow_mut();
        let (first, second) = &mut *moments;
        match self.rule {
            Rule::AdamW { rate, decay, step } => {
                let adamw = engine::AdamW {
                    learning_rate: rate as f32,
                    beta1: ADAM_BETA1 as f32,
                    beta2: ADAM_BETA2 as f32,
                    eps: ADAM_EPS as f32,
                    weight_decay: decay as f32,
                };
                engine::adamw_step(&adamw, step, p, g, first, second);
            }
            Rule::Sgd { rate, decay, momentum, nesterov } => {
                engine::sgd_step(rate as f32, momentum as f32, decay as f32, nesterov, p, g, first);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn start() -> (Var, Tensor) {
        let p: Vec<f32> = (0..24).map(|i| (i as f32 * 0.7).sin()).collect();
        let g: Vec<f32> = (0..24).map(|i| (i as f32 * 1.3).cos() * 0.1).collect();
        let g = Tensor::from_vec(g, (4, 6), &Device::Cpu).unwrap();
        (Var::from_vec(p, (4, 6), &Device::Cpu).unwrap(), g)
    }

    #[test]
    fn the_device_formulas_are_the_engines() {
        for kind in [OptimizerKind::AdamW, OptimizerKind::Sgd] {
            for nesterov in [false, true] {
                let run = |mut slot: Slot| {
                    let (p, g) = start();
                    for step in 1..=3 {
                        let rule = match kind {
                            OptimizerKind::AdamW => Rule::AdamW { rate: 0.01, decay: 0.1, step },
                            OptimizerKind::Sgd => Rule::Sgd { rate: 0.1, decay: 0.1, momentum: 0.9, nesterov },
                        };
                        rule.apply(&p, &g, &mut slot).unwrap();
                    }
                    p.flatten_all().unwrap().to_vec1::<f32>().unwrap()
                };
                let (p, _) = start();
                let host = run(Slot::zeros(&p, true).unwrap());
                let device = run(Slot::device_zeros(&p, true).unwrap());
                assert!(host.iter().zip(&device).all(|(a, b)| (a - b).abs() < 1e-6), "{kind:?}");
            }
        }
    }

    #[test]
    fn decay_spares_vectors() {
        let options = TrainOptions { weight_decay: 0.5, ..Default::default() };
        let matrix = Var::from_vec(vec![1.0f32; 4], (2, 2), &Device::Cpu).unwrap();
        let vector = Var::from_vec(vec![1.0f32; 2], 2, &Device::Cpu).unwrap();
        let weights = BTreeMap::from([("m".to_owned(), matrix.clone()), ("v".to_owned(), vector.clone())]);
        let mut optimizer = Optimizer::new(&options, &weights).unwrap();
        let zeros = |var: &Var| var.zeros_like().unwrap();
        let gradients = Gradients::from([("m".to_owned(), zeros(&matrix)), ("v".to_owned(), zeros(&vector))]);
        optimizer.update(&weights, &gradients, 0.1).unwrap();
        assert_eq!(vector.to_vec1::<f32>().unwrap(), [1.0, 1.0]);
        assert!(matrix.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().all(|v| (v - 0.95).abs() < 1e-6));
    }

    #[test]
    fn state_round_trips() {
        let (p, g) = start();
        let weights = BTreeMap::from([("p".to_owned(), p.clone())]);
        let mut optimizer = Optimizer::new(&TrainOptions::default(), &weights).unwrap();
        let gradients = Gradients::from([("p".to_owned(), g)]);
        optimizer.update(&weights, &gradients, 0.1).unwrap();
        let mut exported = Arrays::new();
        optimizer.export(&mut exported).unwrap();
        let mut other = Optimizer::new(&TrainOptions::default(), &weights).unwrap();
        other.import(&mut exported.clone()).unwrap();
        let mut again = Arrays::new();
        other.export(&mut again).unwrap();
        assert_eq!(exported, again);
        assert!(other.import(&mut Arrays::new()).is_err());
    }
}
