//! A network that only evaluates.

use std::sync::Arc;

use ndarray::{Array2, ArrayView4};

use super::cache::{Compiled, PlanStatus};
use super::images::Images;
use super::model::Network;
use super::outputs::{Forward, Output, forward_of, forward_outputs};
use super::plan::consume;
use crate::arch::Layout;
use crate::data::check_image_shape;
use crate::error::{Error, Result};
use crate::spec::NetworkSpec;
use crate::tap::Tap;

/// A network that evaluates images of one size and does nothing else: a plan without the weights that it was made from,
/// which take as much memory again.
///
/// Results are those of the [`Network`], byte for byte.
#[derive(Debug)]
pub struct Evaluator {
    spec: NetworkSpec,
    layout: Layout,
    size: (usize, usize),
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Plan(Arc<Compiled>),
    /// There is no plan.
    Network(Box<Network>),
}

impl Network {
    /// Compiles the network for images of one size, layer by layer, and frees each layer's weights as soon as they are
    /// packed. Where there can be no plan ([`PlanStatus::LayerByLayer`]), the network is kept instead.
    ///
    /// **Errors** an image below the smallest size, weights that are not finite.
    pub fn into_evaluator(self, height: usize, width: usize) -> Result<Evaluator> {
        check_image_shape(&self.spec, (height, width, self.spec.in_channels))?;
        let (spec, layout) = (self.spec.clone(), self.layout.clone());
        let inner = match consume(self, (height, width))? {
            Ok(plan) => {
                latentwalk_engine::give_back_freed_memory();
                Inner::Plan(plan)
            }
            Err(network) => Inner::Network(network),
        };
        Ok(Evaluator { spec, layout, size: (height, width), inner })
    }
}

impl Evaluator {
    /// What the network was built from.
    pub fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    /// Length of the vectors of a tap.
    pub fn width(&self, tap: Tap) -> usize {
        self.layout.width(tap)
    }

    /// Height and width of the images.
    pub fn image_size(&self) -> (usize, usize) {
        self.size
    }

    /// Whether images go through a compiled plan, and if not, why.
    pub fn plan_status(&self) -> PlanStatus {
        match &self.inner {
            Inner::Plan(plan) => plan.status(self.size),
            Inner::Network(network) => network.plan_status(),
        }
    }

    /// Vectors of a batch.
    ///
    /// **Shapes** `pixels` `[b, height, width, c]`, result `[b, width of the tap]`.
    ///
    /// **Errors** [`Error::ImageShape`] for images of another size than [`Evaluator::image_size`]; else as
    /// [`Network::embed`].
    pub fn embed(&self, pixels: ArrayView4<'_, f32>, tap: Tap) -> Result<Array2<f32>> {
        self.evaluate(pixels, &[Output::Tap(tap)]).map(|mut outputs| outputs.remove(0))
    }

    /// Vectors of both taps and all logits in one pass.
    ///
    /// **Errors** as [`Evaluator::embed`].
    pub fn forward_all(&self, pixels: ArrayView4<'_, f32>) -> Result<Forward> {
        Ok(forward_of(self.evaluate(pixels, &forward_outputs(self.spec.heads.len(), false))?, false))
    }

    /// As [`Evaluator::forward_all`], with the vectors of the stages before the last.
    ///
    /// **Errors** as [`Evaluator::embed`].
    pub fn forward_with_stages(&self, pixels: ArrayView4<'_, f32>) -> Result<Forward> {
        Ok(forward_of(self.evaluate(pixels, &forward_outputs(self.spec.heads.len(), true))?, true))
    }

    fn evaluate(&self, pixels: ArrayView4<'_, f32>, wanted: &[Output]) -> Result<Vec<Array2<f32>>> {
        let images = Images::of(&self.spec, pixels)?;
        if images.size != self.size {
            let text = |(height, width): (usize, usize)| format!("{height}x{width} pixels");
            let (expected, got) = (format!("{}, for which it was compiled", text(self.size)), text(images.size));
            return Err(Error::ImageShape {
                expected,
                got,
                remedy: "resize them, or compile an evaluator for their size",
            });
        }
        match &self.inner {
            Inner::Network(network) => network.evaluate(&images, wanted),
            Inner::Plan(plan) => plan.run(&images.values, images.n, wanted),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::images;
    use crate::{BackboneDevice, Head};

    #[test]
    fn an_evaluator_gives_what_its_network_gave() {
        let network = || {
            let spec = NetworkSpec::new("small", 1, vec![Head::exclusive("kind", 3), Head::multi("style", 2)]);
            Network::new(spec, 7, &BackboneDevice::cpu()).unwrap()
        };
        let pixels: Vec<f32> = (0..3 * 90).map(|i| (i % 13) as f32 / 6.0 - 1.0).collect();
        let pixels = images(&pixels, 3, 9, 10);
        let evaluator = network().into_evaluator(9, 10).unwrap();
        assert!(matches!(evaluator.plan_status(), PlanStatus::Compiled { height: 9, width: 10, .. }));
        assert_eq!((evaluator.image_size(), evaluator.spec()), ((9, 10), network().spec()));
        let expected = network().forward_with_stages(pixels).unwrap();
        assert_eq!(evaluator.forward_with_stages(pixels).unwrap(), expected);
        assert_eq!(evaluator.forward_all(pixels).unwrap().logits, expected.logits);
        assert_eq!(evaluator.embed(pixels, Tap::Fc).unwrap(), expected.fc);
        assert_eq!(evaluator.width(Tap::Layer2), expected.stages[2].ncols());
        let turned = evaluator.embed(pixels.permuted_axes([0, 2, 1, 3]), Tap::Fc).unwrap_err().to_string();
        assert!(
            turned.contains("have 10x9 pixels, but the network takes 9x10") && turned.contains("hint: resize them"),
            "{turned}"
        );
        let two_channels = evaluator.embed(images(&[0.0; 360], 2, 9, 10), Tap::Fc).unwrap_err().to_string();
        assert!(
            two_channels.contains("have 2 channel(s), but the network takes 1\nhint: change `in_channels`"),
            "{two_channels}"
        );
        assert!(network().into_evaluator(4, 10).is_err());
    }

    #[test]
    fn a_plan_that_exists_is_kept_and_a_network_without_one_stays_whole() {
        let network = || Network::new(NetworkSpec::new("small", 1, vec![]), 7, &BackboneDevice::cpu()).unwrap();
        let pixels: Vec<f32> = (0..100).map(|i| (i % 13) as f32 / 6.0 - 1.0).collect();
        let pixels = images(&pixels, 1, 10, 10);
        let evaluated = network();
        let expected = evaluated.embed(pixels, Tap::Fc).unwrap();
        assert_eq!(evaluated.into_evaluator(10, 10).unwrap().embed(pixels, Tap::Fc).unwrap(), expected);
        let odd = network();
        odd.plan.refuse((10, 10), "an unknown operation".to_owned());
        let evaluator = odd.into_evaluator(10, 10).unwrap();
        assert_eq!(evaluator.plan_status(), PlanStatus::LayerByLayer { reason: "an unknown operation".to_owned() });
        let layered = evaluator.embed(pixels, Tap::Fc).unwrap();
        assert!(layered.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn weights_that_are_not_finite_are_refused_by_name() {
        for name in ["layer2.0.conv1.weight", "layer3.0.bn2.running_var", "fc.bias"] {
            let mut network = Network::new(NetworkSpec::new("small", 1, vec![]), 7, &BackboneDevice::cpu()).unwrap();
            let mut state = network.state().unwrap();
            state.get_mut(name).unwrap().values[1] = f32::NAN;
            network.set_state(state).unwrap();
            let message = network.into_evaluator(10, 10).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}
