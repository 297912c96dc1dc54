//! The plans that a network keeps, and what runs through them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::Tensor;
use latentwalk_engine::Plan;
use ndarray::Array2;

use super::outputs::{Output, array};
use crate::error::Result;
use crate::tap::Tap;

/// Image sizes whose plans a network keeps.
const KEPT: usize = 2;

/// How a network evaluates images, see [`crate::Network::plan_status`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanStatus {
    /// Nothing has been evaluated since the weights last changed.
    None,
    /// Images of this size go through a compiled plan.
    Compiled {
        /// Height of the images.
        height: usize,
        /// Width of the images.
        width: usize,
        /// The instruction set that the plan's kernels use.
        kernels: &'static str,
    },
    /// Images go layer by layer through candle: slower, with the same results up to rounding.
    LayerByLayer {
        /// Why there is no plan.
        reason: String,
    },
}

/// What was made from a network's present weights: plans, and on a card BatchNorm as scale and shift.
#[derive(Debug, Default)]
pub(super) struct PlanCache {
    plans: Mutex<Vec<Entry>>,
    norms: Mutex<HashMap<String, (Tensor, Tensor)>>,
}

#[derive(Debug)]
struct Entry {
    size: (usize, usize),
    outcome: Result<Arc<Compiled>, String>,
}

/// A plan, and the nodes at which outputs are found.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) plan: Plan,
    pub(super) stages: Vec<usize>,
    pub(super) pool: usize,
    pub(super) fc: usize,
    pub(super) heads: Vec<usize>,
}

impl PlanCache {
    /// Forgets everything: the weights may change.
    pub(super) fn clear(&self) {
        self.lock().clear();
        self.norms().clear();
    }

    /// Scale and shift of a BatchNorm, which `make` makes where they are not known yet.
    pub(super) fn norm(&self, name: &str, make: impl FnOnce() -> Result<(Tensor, Tensor)>) -> Result<(Tensor, Tensor)> {
        if let Some(known) = self.norms().get(name) {
            return Ok(known.clone());
        }
        let made = make()?;
        self.norms().insert(name.to_owned(), made.clone());
        Ok(made)
    }

    fn norms(&self) -> MutexGuard<'_, HashMap<String, (Tensor, Tensor)>> {
        self.norms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that images of a size go layer by layer, and forgets all plans.
    pub(super) fn refuse(&self, size: (usize, usize), reason: String) {
        *self.lock() = vec![Entry { size, outcome: Err(reason) }];
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        // No code that can panic runs under the lock.
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of images of a size: their plan, or why they go layer by layer.
    pub(super) fn find(&self, size: (usize, usize)) -> Option<Result<Arc<Compiled>, String>> {
        self.lock().iter().find(|entry| entry.size == size).map(|entry| entry.outcome.clone())
    }

    /// Keeps what was found out for images of a size, and forgets the oldest where there are too many.
    pub(super) fn keep(&self, size: (usize, usize), outcome: Result<Arc<Compiled>, String>) {
        let mut entries = self.lock();
        if entries.len() == KEPT {
            entries.remove(0);
        }
        entries.push(Entry { size, outcome });
    }

    pub(super) fn status(&self) -> PlanStatus {
        match self.lock().last() {
            None => PlanStatus::None,
            Some(Entry { outcome: Err(reason), .. }) => PlanStatus::LayerByLayer { reason: reason.clone() },
            Some(Entry { size, outcome: Ok(compiled) }) => compiled.status(*size),
        }
    }
}

impl Compiled {
    /// Outputs of a batch, one image per row.
    pub(super) fn run(&self, pixels: &[f32], b: usize, wanted: &[Output]) -> Result<Vec<Array2<f32>>> {
        let nodes: Vec<usize> = wanted.iter().map(|&output| self.node(output)).collect();
        let results = self.plan.run(pixels, b, &nodes).into_iter().zip(nodes);
        results.map(|(values, node)| array(b, self.plan.len(node), values)).collect()
    }

    pub(super) fn status(&self, (height, width): (usize, usize)) -> PlanStatus {
        PlanStatus::Compiled { height, width, kernels: self.plan.kernels() }
    }

    fn node(&self, output: Output) -> usize {
        match output {
            Output::Tap(Tap::Fc) => self.fc,
            Output::Tap(Tap::Pool) => self.pool,
            Output::Tap(Tap::Stem) => self.stages[0],
            Output::Tap(Tap::Layer1) => self.stages[1],
            Output::Tap(Tap::Layer2) => self.stages[2],
            Output::Tap(Tap::Layer3) => self.stages[3],
            Output::Head(head) => self.heads[head],
        }
    }
}
