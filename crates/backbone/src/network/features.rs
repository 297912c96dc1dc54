//! Layers on vectors that are known: what stands above the pooled or the FC vectors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use latentwalk_engine as engine;
use ndarray::ArrayView2;

use super::model::Network;
use crate::arch::DensePlan;
use crate::error::{Error, Result, check_shape};
use crate::ops::Values;
use crate::tap::Tap;
use crate::trainable::Trainable;

/// Vectors of some images at [`Tap::Fc`] or [`Tap::Pool`].
pub(crate) struct Features<'a> {
    tap: Tap,
    width: usize,
    /// Where each row's vector stands; each at its own number where there is a vector of every image.
    places: Option<BTreeMap<usize, usize>>,
    values: Cow<'a, [f32]>,
}

impl<'a> Features<'a> {
    /// Vectors that are known already, one row for every image.
    pub(crate) fn given(
        network: &Network,
        trainable: Trainable,
        images: usize,
        vectors: ArrayView2<'a, f32>,
    ) -> Result<Self> {
        let (rows, got) = vectors.dim();
        let Some(tap) = trainable.features() else {
            let must = "`heads` (on FC vectors) or `fc` (on pooled vectors) where vectors are given";
            return Err(Error::setting("trainable", format!("{trainable:?}"), must));
        };
        let width = network.width(tap);
        check_shape(|| format!("the vectors to train {trainable:?} on"), [images, width], [rows, got])?;
        let values = match vectors.to_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(vectors.iter().copied().collect()),
        };
        Ok(Self { tap, width, places: None, values })
    }

    /// Vectors of some rows, one after another in the rows' order.
    pub(crate) fn of_rows(network: &Network, tap: Tap, rows: Vec<usize>, values: Vec<f32>) -> Self {
        let places = rows.into_iter().enumerate().map(|(place, row)| (row, place)).collect();
        Self { tap, width: network.width(tap), places: Some(places), values: Cow::Owned(values) }
    }

    /// Where the vectors are taken from.
    pub(crate) fn tap(&self) -> Tap {
        self.tap
    }

    /// The vectors of some rows, one after another.
    pub(crate) fn gather(&self, rows: &[usize]) -> Vec<f32> {
        let mut out = Vec::with_capacity(rows.len() * self.width);
        for row in rows {
            let place = self.places.as_ref().map_or(*row, |places| places[row]);
            out.extend_from_slice(&self.values[place * self.width..][..self.width]);
        }
        out
    }
}

/// A linear layer's values, and its product with some rows.
pub(crate) struct Layer<'n> {
    pub(crate) plan: &'n DensePlan,
    pub(crate) weight: Values<'n>,
    bias: Values<'n>,
}

impl<'n> Layer<'n> {
    pub(crate) fn of(network: &'n Network, plan: &'n DensePlan) -> Result<Self> {
        let values = |part: &str| Values::of(network.weights()[&format!("{}.{part}", plan.name)].as_tensor());
        Ok(Self { plan, weight: values("weight")?, bias: values("bias")? })
    }

    pub(crate) fn forward(&self, rows: usize, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; rows * self.plan.output];
        engine::linear(rows, self.plan.input, self.plan.output, x, &self.weight, Some(&self.bias), &mut out);
        out
    }
}

/// FC vectors of some rows.
fn fc(network: &Network, features: &Features<'_>, rows: usize, x: Vec<f32>) -> Result<Vec<f32>> {
    match features.tap {
        Tap::Fc => Ok(x),
        _ => Ok(Layer::of(network, network.fc_plan())?.forward(rows, &x)),
    }
}

/// Logits of every head for some rows.
pub(crate) fn logits(network: &Network, features: &Features<'_>, rows: &[usize]) -> Result<Vec<Vec<f32>>> {
    let fc = fc(network, features, rows.len(), features.gather(rows))?;
    network.head_plans().iter().map(|head| Ok(Layer::of(network, head)?.forward(rows.len(), &fc))).collect()
}

/// FC vectors of pooled ones.
pub(super) fn fc_of_pooled(network: &Network, pooled: ArrayView2<'_, f32>) -> Result<Vec<f32>> {
    let x: Vec<f32> = pooled.iter().copied().collect();
    Ok(Layer::of(network, network.fc_plan())?.forward(pooled.nrows(), &x))
}
