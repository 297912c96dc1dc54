//! What a network gives for images.

use candle_core::{D, Device, Tensor};
use ndarray::{Array2, ArrayView2};

use super::cache::PlanStatus;
use super::features::fc_of_pooled;
use super::forward::{Activations, Pass};
use super::model::Network;
use super::outputs::{Forward, Output, forward_of, forward_outputs, matrix};
use super::plan::plan_of;
use super::recording::Recording;
use crate::data::{check_finite, check_shape};
use crate::error::{BackboneError, Result};
use crate::precision::Precision;
use crate::spec::{Head, NetworkSpec};
use crate::tap::Tap;
use crate::trainable::Trainable;

impl Network {
    /// Vectors of a batch.
    ///
    /// **Shapes** `pixels` `[b, h, w, c]`, result `[b, self.width(tap)]`.
    ///
    /// **Errors** an image below the smallest size, a wrong number of pixels, NaN in a pixel.
    pub fn embed(&self, pixels: &[f32], b: usize, h: usize, w: usize, tap: Tap) -> Result<Array2<f32>> {
        self.evaluate(pixels, b, h, w, &[Output::Tap(tap)]).map(|mut outputs| outputs.remove(0))
    }

    /// Logits of a batch, one matrix a head: softmax or sigmoid gives probabilities.
    ///
    /// **Shapes** `pixels` `[b, h, w, c]`, results `[b, classes]`.
    ///
    /// **Errors** as [`Network::embed`].
    pub fn predict(&self, pixels: &[f32], b: usize, h: usize, w: usize) -> Result<Vec<Array2<f32>>> {
        let heads: Vec<Output> = (0..self.spec.heads.len()).map(Output::Head).collect();
        self.evaluate(pixels, b, h, w, &heads)
    }

    /// Class probabilities of a batch, one matrix a head: softmax for exclusive heads, sigmoid for multi-label ones.
    ///
    /// **Shapes** `pixels` `[b, h, w, c]`, results `[b, classes]`.
    ///
    /// **Errors** as [`Network::embed`].
    pub fn probabilities(&self, pixels: &[f32], b: usize, h: usize, w: usize) -> Result<Vec<Array2<f32>>> {
        let logits = self.predict(pixels, b, h, w)?;
        let probability = |(head, logits): (&Head, Array2<f32>)| {
            let logits = Tensor::from_vec(logits.iter().copied().collect(), logits.dim(), &Device::Cpu)?;
            match head.multi {
                true => candle_nn::ops::sigmoid(&logits),
                false => candle_nn::ops::softmax(&logits, D::Minus1),
            }
        };
        self.spec.heads.iter().zip(logits).map(|pair| matrix(&probability(pair)?)).collect()
    }

    /// Vectors of both taps and all logits in one pass.
    ///
    /// **Errors** as [`Network::embed`].
    pub fn forward_all(&self, pixels: &[f32], b: usize, h: usize, w: usize) -> Result<Forward> {
        self.forward_to(pixels, b, h, w, false)
    }

    /// As [`Network::forward_all`], with the vectors of the stages before the last.
    ///
    /// **Errors** as [`Network::embed`].
    pub fn forward_with_stages(&self, pixels: &[f32], b: usize, h: usize, w: usize) -> Result<Forward> {
        self.forward_to(pixels, b, h, w, true)
    }

    fn forward_to(&self, pixels: &[f32], b: usize, h: usize, w: usize, stages: bool) -> Result<Forward> {
        let wanted = forward_outputs(self.spec.heads.len(), stages);
        Ok(forward_of(self.evaluate(pixels, b, h, w, &wanted)?, stages))
    }

    /// The FC vectors of pooled ones.
    ///
    /// **Shapes** `pooled` `[b, self.width(Tap::Pool)]`, result `[b, self.width(Tap::Fc)]`.
    ///
    /// **Errors** pooled vectors of another width.
    pub fn fc_of_pooled(&self, pooled: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let (rows, width) = (pooled.nrows(), self.width(Tap::Fc));
        if pooled.ncols() != self.width(Tap::Pool) {
            let expected = (rows, self.width(Tap::Pool));
            return Err(BackboneError::FeatureShape { expected, got: pooled.dim(), trainable: Trainable::Fc });
        }
        let values = fc_of_pooled(self, pooled)?;
        Array2::from_shape_vec((rows, width), values).map_err(|error| BackboneError::Compute(Box::new(error)))
    }

    pub(super) fn evaluate(
        &self,
        pixels: &[f32],
        b: usize,
        h: usize,
        w: usize,
        wanted: &[Output],
    ) -> Result<Vec<Array2<f32>>> {
        check_pixels(&self.spec, pixels, b, h, w)?;
        match plan_of(self, (h, w))? {
            Some(plan) => plan.run(pixels, b, wanted),
            None => {
                self.check_layer_by_layer()?;
                self.layer_by_layer(pixels, b, h, w, wanted)
            }
        }
    }

    /// Logits of a batch while weights still change. Through a plan where that is asked for and the weights can be folded;
    /// where they overflow, layer by layer, so that the loss shows it.
    pub(crate) fn validate(
        &self,
        pixels: &[f32],
        (b, h, w): (usize, usize, usize),
        planned: bool,
    ) -> Result<Vec<Array2<f32>>> {
        let heads: Vec<Output> = (0..self.spec.heads.len()).map(Output::Head).collect();
        if planned {
            match self.evaluate(pixels, b, h, w, &heads) {
                Err(BackboneError::NonFiniteWeights { .. }) => {}
                other => return other,
            }
        }
        self.layer_by_layer(pixels, b, h, w, &heads)
    }

    /// Whether candle computes in the network's precision.
    fn check_layer_by_layer(&self) -> Result<()> {
        match self.plan_status() {
            PlanStatus::LayerByLayer { reason } if self.precision != Precision::F32 && self.device.device.is_cpu() => {
                Err(BackboneError::PrecisionNeedsPlan { precision: self.precision.name(), reason })
            }
            _ => Ok(()),
        }
    }

    /// Evaluation by candle tensors, for what a plan does not know.
    pub(super) fn layer_by_layer(
        &self,
        pixels: &[f32],
        b: usize,
        h: usize,
        w: usize,
        wanted: &[Output],
    ) -> Result<Vec<Array2<f32>>> {
        let stages = wanted.iter().any(|output| !matches!(output, Output::Head(_) | Output::Tap(Tap::Fc | Tap::Pool)));
        let x = Tensor::from_vec(pixels.to_vec(), (b, h, w, self.spec.in_channels), &self.device.device)?;
        let activations = Pass::new(self, None).with_precision(self.precision).with_stages(stages).run(x)?;
        let tensor = |output: &Output| match *output {
            Output::Tap(Tap::Fc) => &activations.fc,
            Output::Tap(Tap::Pool) => &activations.pool,
            Output::Tap(Tap::Stem) => &activations.stages[0],
            Output::Tap(Tap::Layer1) => &activations.stages[1],
            Output::Tap(Tap::Layer2) => &activations.stages[2],
            Output::Tap(Tap::Layer3) => &activations.stages[3],
            Output::Head(head) => &activations.logits[head],
        };
        wanted.iter().map(|output| matrix(tensor(output))).collect()
    }

    /// One pass. With a recording, BatchNorm uses the batch's statistics and the pass can be differentiated: by the
    /// tape on the processor, by candle on a CUDA device. Without, it uses the running ones and no graph is kept.
    pub(crate) fn forward(
        &self,
        pixels: Vec<f32>,
        (b, h, w): (usize, usize, usize),
        recording: Option<&mut Recording>,
    ) -> Result<Activations> {
        let x = Tensor::from_vec(pixels, (b, h, w, self.spec.in_channels), &self.device.device)?;
        Pass::new(self, recording).run(x)
    }

    /// As [`Network::forward`] in training, with the steps before the last stage as in evaluation.
    pub(crate) fn forward_last_stage(
        &self,
        pixels: Vec<f32>,
        (b, h, w): (usize, usize, usize),
        recording: &mut Recording,
    ) -> Result<Activations> {
        let x = Tensor::from_vec(pixels, (b, h, w, self.spec.in_channels), &self.device.device)?;
        Pass::new(self, Some(recording)).freeze(self.layout.steps_before_last_stage()).run(x)
    }
}

/// Whether a batch fits the network.
pub(super) fn check_pixels(spec: &NetworkSpec, pixels: &[f32], b: usize, h: usize, w: usize) -> Result<()> {
    check_shape(spec, h, w)?;
    let image = h * w * spec.in_channels;
    if pixels.len() != b * image {
        return Err(BackboneError::PixelCount { expected: b * image, got: pixels.len() });
    }
    check_finite(pixels, image, |position| position)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::network;
    use crate::{BackboneDevice, Head, NetworkSpec};

    fn pixels(b: usize, side: usize) -> Vec<f32> {
        (0..b * side * side * 2).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect()
    }

    #[test]
    fn validation_through_a_plan_is_validation_layer_by_layer() {
        let mut net = network(1);
        let x = pixels(3, 9);
        let (planned, layered) =
            (net.validate(&x, (3, 9, 9), true).unwrap(), net.validate(&x, (3, 9, 9), false).unwrap());
        assert_eq!(planned, net.predict(&x, 3, 9, 9).unwrap());
        for (planned, layered) in planned.iter().zip(&layered) {
            assert!(planned.iter().zip(layered).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + b.abs())));
        }
        // Weights that cannot be folded are no error here.
        let mut state = net.state().unwrap();
        state.get_mut("bn1.weight").unwrap().values[0] = f32::MAX;
        state.get_mut("bn1.running_var").unwrap().values[0] = 1e-30;
        net.set_state(state).unwrap();
        assert!(net.predict(&x, 3, 9, 9).is_err());
        assert!(net.validate(&x, (3, 9, 9), true).is_ok());
    }

    #[test]
    fn shapes_and_taps_agree() {
        let net = network(1);
        let x = pixels(3, 9);
        let all = net.forward_all(&x, 3, 9, 9).unwrap();
        assert_eq!((all.pool.dim(), all.fc.dim()), ((3, 128), (3, 12)));
        assert_eq!((all.logits[0].dim(), all.logits[1].dim()), ((3, 3), (3, 4)));
        assert_eq!(net.embed(&x, 3, 9, 9, Tap::Fc).unwrap(), all.fc);
        assert_eq!(net.embed(&x, 3, 9, 9, Tap::Pool).unwrap(), all.pool);
        assert_eq!(net.predict(&x, 3, 9, 9).unwrap(), all.logits);
        assert_eq!((net.width(Tap::Fc), net.width(Tap::Pool)), (12, 128));
    }

    #[test]
    fn probabilities_are_softmax_or_sigmoid_of_the_logits() {
        let network = network(3);
        let pixels = pixels(4, 8);
        let logits = network.predict(&pixels, 4, 8, 8).unwrap();
        let probabilities = network.probabilities(&pixels, 4, 8, 8).unwrap();
        for (x, p) in logits[0].rows().into_iter().zip(probabilities[0].rows()) {
            let total: f32 = x.iter().map(|v| v.exp()).sum();
            // f32 against f32: a few roundings.
            assert!(x.iter().zip(p).all(|(v, p)| (v.exp() / total - p).abs() < 1e-6));
        }
        assert!(logits[1].iter().zip(&probabilities[1]).all(|(v, p)| (1.0 / (1.0 + (-v).exp()) - p).abs() < 1e-6));
    }

    #[test]
    fn an_image_alone_gives_what_it_gives_in_a_batch() {
        let net = network(1);
        let x = pixels(3, 9);
        let all = net.embed(&x, 3, 9, 9, Tap::Fc).unwrap();
        let alone = net.embed(&x[2 * 162..], 1, 9, 9, Tap::Fc).unwrap();
        assert_eq!(all.row(2), alone.row(0));
    }

    #[test]
    fn evaluation_keeps_no_graph() {
        let net = network(1);
        let activations = net.forward(pixels(1, 8), (1, 8, 8), None).unwrap();
        assert!(!activations.fc.track_op() && !activations.logits[0].track_op());
        let trained = net.forward(pixels(2, 8), (2, 8, 8), Some(&mut Recording::default())).unwrap();
        // On the processor the tape records, not candle.
        assert!(!trained.logits[0].track_op());
    }

    #[test]
    fn bad_pixels_are_refused() {
        let net = network(1);
        let message = |x: &[f32], h, w| net.embed(x, 2, h, w, Tap::Fc).unwrap_err().to_string();
        assert!(message(&pixels(2, 7), 7, 7).contains("7x7 are too small for `small`, which needs at least 8x8"));
        assert!(message(&pixels(2, 8)[1..], 8, 8).contains("expected 256"));
        let mut x = pixels(2, 8);
        x[130] = f32::INFINITY;
        assert!(message(&x, 8, 8).contains("image 1 "));
        assert_eq!(net.embed(&[], 0, 8, 8, Tap::Fc).unwrap().dim(), (0, 12));
    }

    #[test]
    fn every_row_of_the_table_runs() {
        for arch in &crate::ARCHITECTURES {
            let spec = NetworkSpec::new(arch.name, 1, vec![Head::exclusive("kind", 2)]);
            let net = Network::new(spec, 0, &BackboneDevice::cpu()).unwrap();
            let side = arch.minimum_side();
            let all = net.forward_all(&vec![0.5; side * side], 1, side, side).unwrap();
            assert_eq!((all.fc.dim(), all.pool.dim()), ((1, arch.fc), (1, arch.pooled())), "{}", arch.name);
            assert!(all.logits[0].iter().all(|v| v.is_finite()));
        }
    }
}
