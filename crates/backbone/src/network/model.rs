//! What a network is: its spec, its layers and their values.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};

use super::cache::{PlanCache, PlanStatus};
use super::recording::Observed;
use super::start::start_values;
use crate::arch::{ConvPlan, DensePlan, Layout, Parameter};
use crate::device::BackboneDevice;
use crate::error::Result;
use crate::mismatch::TensorMismatch;
use crate::precision::Precision;
use crate::spec::NetworkSpec;
use crate::state::{Array, Arrays};
use crate::tap::Tap;

/// Share of a batch's statistics in BatchNorm's running ones.
const RUNNING_MOMENTUM: f64 = 0.1;

/// BatchNorm's statistics for evaluation; the variance is the unbiased one, as in torch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Running {
    pub(super) mean: Vec<f32>,
    pub(super) var: Vec<f32>,
}

/// A ResNet with one linear head per attribute on its FC vector.
///
/// **Units and conventions** pixels are `f32` in `NHWC` order, already normalised with the spec's mean and
/// deviation. Outputs are those of evaluation: BatchNorm uses its running statistics.
#[derive(Debug)]
pub struct Network {
    pub(super) spec: NetworkSpec,
    pub(super) layout: Layout,
    pub(crate) device: BackboneDevice,
    pub(super) weights: BTreeMap<String, Var>,
    pub(super) running: BTreeMap<String, Running>,
    /// The numbers of the products in evaluation.
    pub(super) precision: Precision,
    pub(super) plan: PlanCache,
}

impl Network {
    /// A network with seeded random weights.
    ///
    /// **Errors** a spec that [`NetworkSpec::validate`] refuses.
    ///
    /// **Source** starts as torchvision's `ResNet` (He normal by fan-out, BatchNorm 1 and 0) and
    /// `torch.nn.Linear` (uniform within `1 / sqrt(inputs)`).
    pub fn new(spec: NetworkSpec, seed: u64, device: &BackboneDevice) -> Result<Self> {
        spec.validate()?;
        let layout = Layout::of(&spec)?;
        Self::with_layout(spec, layout, seed, device)
    }

    pub(crate) fn with_layout(spec: NetworkSpec, layout: Layout, seed: u64, device: &BackboneDevice) -> Result<Self> {
        Self::assemble(spec, layout, device, |index, parameter| start_values(parameter, seed, index))
    }

    /// A network whose parameters come from a function of their position and description.
    pub(crate) fn assemble(
        spec: NetworkSpec,
        layout: Layout,
        device: &BackboneDevice,
        mut values: impl FnMut(usize, &Parameter) -> Vec<f32>,
    ) -> Result<Self> {
        let mut weights = BTreeMap::new();
        for (index, parameter) in layout.parameters().into_iter().enumerate() {
            let values = values(index, &parameter);
            weights.insert(parameter.name, Var::from_vec(values, parameter.shape, &device.device)?);
        }
        let start = |conv: &ConvPlan| Running { mean: vec![0.0; conv.output], var: vec![1.0; conv.output] };
        let running = layout.convs().map(|conv| (conv.norm.clone(), start(conv))).collect();
        let (device, precision, plan) = (device.clone(), Precision::F32, PlanCache::default());
        Ok(Network { spec, layout, device, weights, running, precision, plan })
    }

    /// What the network was built from.
    pub fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    /// The same network with another precision of its products in evaluation; weights and results stay in 32 bits.
    ///
    /// **Errors** [`crate::Error::Precision`] where the device lacks it.
    pub fn with_precision(mut self, precision: Precision) -> Result<Self> {
        self.device.check_evaluation(precision)?;
        self.precision = precision;
        self.plan.clear();
        Ok(self)
    }

    /// Number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.weights.values().map(|var| var.elem_count()).sum()
    }

    /// Length of the vectors of a tap.
    pub fn width(&self, tap: Tap) -> usize {
        self.layout.width(tap)
    }

    /// Whether images go through a compiled plan, and if not, why.
    ///
    /// A plan is compiled for a size of images when the first of them are evaluated, and again after training steps.
    pub fn plan_status(&self) -> PlanStatus {
        self.plan.status()
    }

    pub(crate) fn fc_plan(&self) -> &DensePlan {
        &self.layout.fc
    }

    pub(crate) fn head_plans(&self) -> &[DensePlan] {
        &self.layout.heads
    }

    /// The weights, which a caller may change through [`Var`]: plans made from them are forgotten.
    pub(crate) fn weights(&self) -> &BTreeMap<String, Var> {
        self.plan.clear();
        &self.weights
    }

    /// Moves the running statistics towards those of a batch.
    ///
    /// **Source** torch's `BatchNorm2d`: momentum 0.1, and the variance is made unbiased first.
    pub(crate) fn absorb(&mut self, observed: &[Observed]) {
        self.plan.clear();
        let blend = |old: &mut f32, new: f64| {
            *old = ((1.0 - RUNNING_MOMENTUM) * f64::from(*old) + RUNNING_MOMENTUM * new) as f32
        };
        for Observed { norm, stats, rows } in observed {
            let unbias = *rows as f64 / rows.saturating_sub(1).max(1) as f64;
            if let Some(running) = self.running.get_mut(norm) {
                running.mean.iter_mut().zip(&stats.mean).for_each(|(old, &new)| blend(old, f64::from(new)));
                running.var.iter_mut().zip(&stats.var).for_each(|(old, &new)| blend(old, f64::from(new) * unbias));
            }
        }
    }

    /// Weights and running statistics under torchvision's names.
    pub(crate) fn state(&self) -> Result<Arrays> {
        let mut arrays = Arrays::new();
        for (name, var) in &self.weights {
            let values = var.flatten_all()?.to_vec1()?;
            arrays.insert(name.clone(), Array { shape: var.dims().to_vec(), values });
        }
        for (norm, running) in &self.running {
            let array = |values: &Vec<f32>| Array { shape: vec![values.len()], values: values.clone() };
            arrays.insert(format!("{norm}.running_mean"), array(&running.mean));
            arrays.insert(format!("{norm}.running_var"), array(&running.var));
        }
        Ok(arrays)
    }

    /// Whether a state has exactly the network's tensors.
    pub(crate) fn check_state(&self, state: &Arrays) -> Result<(), TensorMismatch> {
        let weights = self.weights.iter().map(|(name, var)| (name.clone(), var.dims().to_vec()));
        let running = self.running.iter().flat_map(|(norm, running)| {
            ["running_mean", "running_var"].map(|part| (format!("{norm}.{part}"), vec![running.mean.len()]))
        });
        let expected: BTreeMap<String, Vec<usize>> = weights.chain(running).collect();
        for (name, shape) in &expected {
            let array = state.get(name).ok_or_else(|| TensorMismatch::Missing { name: name.clone() })?;
            if &array.shape != shape {
                let (expected, got) = (shape.clone(), array.shape.clone());
                return Err(TensorMismatch::Shape { name: name.clone(), expected, got });
            }
        }
        match state.keys().find(|name| !expected.contains_key(*name)) {
            Some(name) => Err(TensorMismatch::Unexpected { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// Takes over a state that [`Network::check_state`] accepted.
    pub(crate) fn set_state(&mut self, mut state: Arrays) -> Result<()> {
        for (name, var) in &self.weights {
            if let Some(array) = state.remove(name) {
                var.set(&Tensor::from_vec(array.values, array.shape, &self.device.device)?)?;
            }
        }
        self.set_running(&state);
        Ok(())
    }

    /// Takes over the BatchNorm statistics of a state.
    pub(crate) fn set_running(&mut self, state: &Arrays) {
        self.plan.clear();
        for (norm, running) in &mut self.running {
            if let Some(array) = state.get(&format!("{norm}.running_mean")) {
                running.mean.clone_from(&array.values);
            }
            if let Some(array) = state.get(&format!("{norm}.running_var")) {
                running.var.clone_from(&array.values);
            }
        }
    }
}
