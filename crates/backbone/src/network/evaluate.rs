//! What a network gives for images.

use candle_core::{D, Device, Tensor};
use ndarray::{Array2, ArrayView2, ArrayView4};

use super::cache::PlanStatus;
use super::features::fc_of_pooled;
use super::forward::{Activations, Pass};
use super::images::Images;
use super::model::Network;
use super::outputs::{Forward, Output, forward_of, forward_outputs, matrix};
use super::plan::plan_of;
use super::recording::Recording;
use crate::error::{Error, Result, check_shape};
use crate::precision::Precision;
use crate::spec::Head;
use crate::tap::Tap;

impl Network {
    /// Vectors of a batch.
    ///
    /// **Shapes** `pixels` `[b, h, w, c]`, result `[b, self.width(tap)]`. A view in standard layout is read where it lies;
    /// any other is copied first.
    ///
    /// **Errors** [`Error::ImageShape`] for another number of channels than the network takes or an image below the
    /// smallest size, [`Error::NonFinitePixel`].
    ///
    /// **Example**
    /// ```
    /// use latentwalk_backbone::{BackboneDevice, Head, Network, NetworkSpec, Tap};
    /// use ndarray::Array4;
    /// let spec = NetworkSpec::new("small", 3, vec![Head::exclusive("category", 10)]);
    /// let network = Network::new(spec, 1, &BackboneDevice::cpu())?;
    /// let two_images = Array4::from_elem((2, 8, 8, 3), 0.5);
    /// assert_eq!(network.embed(two_images.view(), Tap::Pool)?.dim(), (2, network.width(Tap::Pool)));
    /// let grey = Array4::from_elem((2, 8, 8, 1), 0.5);
    /// assert!(network.embed(grey.view(), Tap::Pool).is_err());
    /// # Ok::<(), latentwalk_backbone::Error>(())
    /// ```
    pub fn embed(&self, pixels: ArrayView4<'_, f32>, tap: Tap) -> Result<Array2<f32>> {
        self.outputs(pixels, &[Output::Tap(tap)]).map(|mut outputs| outputs.remove(0))
    }

    /// Logits of a batch, one matrix per head: softmax or sigmoid gives probabilities.
    ///
    /// **Shapes** `pixels` `[b, h, w, c]`, results `[b, classes]`.
    ///
    /// **Errors** as [`Network::embed`].
    pub fn predict(&self, pixels: ArrayView4<'_, f32>) -> Result<Vec<Array2<f32>>> {
        self.outputs(pixels, &self.heads())
    }

    /// Class probabilities of a batch, one matrix per head: softmax for exclusive heads, sigmoid for multi-label ones.
    ///
    /// **Shapes** `pixels` `[b, h, w, c]`, results `[b, classes]`.
    ///
    /// **Errors** as [`Network::embed`].
    pub fn probabilities(&self, pixels: ArrayView4<'_, f32>) -> Result<Vec<Array2<f32>>> {
        let logits = self.predict(pixels)?;
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
    pub fn forward_all(&self, pixels: ArrayView4<'_, f32>) -> Result<Forward> {
        self.forward_to(pixels, false)
    }

    /// As [`Network::forward_all`], with the vectors of the stages before the last.
    ///
    /// **Errors** as [`Network::embed`].
    pub fn forward_with_stages(&self, pixels: ArrayView4<'_, f32>) -> Result<Forward> {
        self.forward_to(pixels, true)
    }

    fn forward_to(&self, pixels: ArrayView4<'_, f32>, stages: bool) -> Result<Forward> {
        let wanted = forward_outputs(self.spec.heads.len(), stages);
        Ok(forward_of(self.outputs(pixels, &wanted)?, stages))
    }

    /// The FC vectors of pooled ones.
    ///
    /// **Shapes** `pooled` `[b, self.width(Tap::Pool)]`, result `[b, self.width(Tap::Fc)]`.
    ///
    /// **Errors** pooled vectors of another width.
    pub fn fc_of_pooled(&self, pooled: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let (rows, width) = (pooled.nrows(), self.width(Tap::Fc));
        check_shape(|| "the pooled vectors".to_owned(), [rows, self.width(Tap::Pool)], [rows, pooled.ncols()])?;
        let values = fc_of_pooled(self, pooled)?;
        Array2::from_shape_vec((rows, width), values).map_err(|error| Error::Compute(Box::new(error)))
    }

    fn heads(&self) -> Vec<Output> {
        (0..self.spec.heads.len()).map(Output::Head).collect()
    }

    fn outputs(&self, pixels: ArrayView4<'_, f32>, wanted: &[Output]) -> Result<Vec<Array2<f32>>> {
        self.evaluate(&Images::of(&self.spec, pixels)?, wanted)
    }

    pub(super) fn evaluate(&self, images: &Images<'_>, wanted: &[Output]) -> Result<Vec<Array2<f32>>> {
        match plan_of(self, images.size)? {
            Some(plan) => plan.run(&images.values, images.n, wanted),
            None => {
                self.check_layer_by_layer()?;
                self.layer_by_layer(images, wanted)
            }
        }
    }

    /// Logits of a batch while weights still change. Through a plan where that is asked for and the weights can be folded;
    /// where they overflow, layer by layer, so that the loss shows it.
    pub(crate) fn validate(&self, pixels: ArrayView4<'_, f32>, planned: bool) -> Result<Vec<Array2<f32>>> {
        let (images, heads) = (Images::of(&self.spec, pixels)?, self.heads());
        if planned {
            match self.evaluate(&images, &heads) {
                Err(Error::NonFiniteWeights { .. }) => {}
                other => return other,
            }
        }
        self.layer_by_layer(&images, &heads)
    }

    /// Whether candle computes in the network's precision.
    fn check_layer_by_layer(&self) -> Result<()> {
        match self.plan_status() {
            PlanStatus::LayerByLayer { reason } if self.precision != Precision::F32 && self.device.device.is_cpu() => {
                Err(Error::Precision {
                    precision: self.precision.name(),
                    device: self.device.kind(),
                    reason: format!("needs a compiled plan for it, and there is none ({reason})"),
                    remedy: "take f32",
                })
            }
            _ => Ok(()),
        }
    }

    /// Evaluation by candle tensors, for what a plan does not know.
    pub(super) fn layer_by_layer(&self, images: &Images<'_>, wanted: &[Output]) -> Result<Vec<Array2<f32>>> {
        let stages = wanted.iter().any(|output| !matches!(output, Output::Head(_) | Output::Tap(Tap::Fc | Tap::Pool)));
        let (h, w) = images.size;
        let shape = (images.n, h, w, self.spec.in_channels);
        let x = Tensor::from_vec(images.values.to_vec(), shape, &self.device.device)?;
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::{Array4, s};

    use super::*;
    use crate::testing::network;
    use crate::{BackboneDevice, Head, NetworkSpec};

    fn pixels(b: usize, side: usize) -> Array4<f32> {
        let values = (0..b * side * side * 2).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
        Array4::from_shape_vec((b, side, side, 2), values).unwrap()
    }

    #[test]
    fn validation_through_a_plan_is_validation_layer_by_layer() {
        let mut net = network(1);
        let x = pixels(3, 9);
        let (planned, layered) = (net.validate(x.view(), true).unwrap(), net.validate(x.view(), false).unwrap());
        assert_eq!(planned, net.predict(x.view()).unwrap());
        for (planned, layered) in planned.iter().zip(&layered) {
            assert!(planned.iter().zip(layered).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + b.abs())));
        }
        // Weights that cannot be folded are no error here.
        let mut state = net.state().unwrap();
        state.get_mut("bn1.weight").unwrap().values[0] = f32::MAX;
        state.get_mut("bn1.running_var").unwrap().values[0] = 1e-30;
        net.set_state(state).unwrap();
        assert!(net.predict(x.view()).is_err());
        assert!(net.validate(x.view(), true).is_ok());
    }

    #[test]
    fn shapes_and_taps_agree() {
        let net = network(1);
        let x = pixels(3, 9);
        let all = net.forward_all(x.view()).unwrap();
        assert_eq!((all.pool.dim(), all.fc.dim()), ((3, 128), (3, 12)));
        assert_eq!((all.logits[0].dim(), all.logits[1].dim()), ((3, 3), (3, 4)));
        assert_eq!(net.embed(x.view(), Tap::Fc).unwrap(), all.fc);
        assert_eq!(net.embed(x.view(), Tap::Pool).unwrap(), all.pool);
        assert_eq!(net.predict(x.view()).unwrap(), all.logits);
        assert_eq!((net.width(Tap::Fc), net.width(Tap::Pool)), (12, 128));
    }

    #[test]
    fn probabilities_are_softmax_or_sigmoid_of_the_logits() {
        let network = network(3);
        let pixels = pixels(4, 8);
        let logits = network.predict(pixels.view()).unwrap();
        let probabilities = network.probabilities(pixels.view()).unwrap();
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
        let all = net.embed(x.view(), Tap::Fc).unwrap();
        let alone = net.embed(x.slice(s![2.., .., .., ..]), Tap::Fc).unwrap();
        assert_eq!(all.row(2), alone.row(0));
    }

    #[test]
    fn evaluation_keeps_no_graph() {
        let net = network(1);
        let values = |b: usize| pixels(b, 8).into_iter().collect::<Vec<f32>>();
        let activations = net.forward(values(1), (1, 8, 8), None).unwrap();
        assert!(!activations.fc.track_op() && !activations.logits[0].track_op());
        let trained = net.forward(values(2), (2, 8, 8), Some(&mut Recording::default())).unwrap();
        // On the processor the tape records, not candle.
        assert!(!trained.logits[0].track_op());
    }

    #[test]
    fn bad_pixels_are_refused() {
        let net = network(1);
        let message = |x: ArrayView4<'_, f32>| net.embed(x, Tap::Fc).unwrap_err().to_string();
        assert!(
            message(pixels(2, 7).view())
                .contains("7x7 pixels, but the network takes at least 8x8 (`small`)\nhint: enlarge them")
        );
        let one_channel = pixels(2, 8).slice_move(s![.., .., .., 1..]);
        assert!(
            message(one_channel.view())
                .contains("have 1 channel(s), but the network takes 2\nhint: change `in_channels`")
        );
        let mut x = pixels(2, 8);
        x[[1, 0, 1, 0]] = f32::INFINITY;
        assert!(message(x.view()).contains("image 1 "));
        assert_eq!(net.embed(pixels(0, 8).view(), Tap::Fc).unwrap().dim(), (0, 12));
    }

    #[test]
    fn a_view_in_another_order_gives_what_its_copy_gives() {
        let net = network(1);
        let x = pixels(3, 20);
        for view in
            [x.slice(s![..;-1, .., .., ..]), x.slice(s![.., 2..14, 3..15, ..]), x.view().permuted_axes([0, 2, 1, 3])]
        {
            assert!(view.to_slice().is_none());
            let copy = view.as_standard_layout();
            assert_eq!(net.embed(view, Tap::Fc).unwrap(), net.embed(copy.view(), Tap::Fc).unwrap());
        }
    }

    #[test]
    fn every_row_of_the_table_runs() {
        for arch in &crate::ARCHITECTURES {
            let spec = NetworkSpec::new(arch.name, 1, vec![Head::exclusive("kind", 2)]);
            let net = Network::new(spec, 0, &BackboneDevice::cpu()).unwrap();
            let side = arch.minimum_side();
            let all = net.forward_all(Array4::from_elem((1, side, side, 1), 0.5).view()).unwrap();
            assert_eq!((all.fc.dim(), all.pool.dim()), ((1, arch.fc), (1, arch.pooled())), "{}", arch.name);
            assert!(all.logits[0].iter().all(|v| v.is_finite()));
        }
    }
}
