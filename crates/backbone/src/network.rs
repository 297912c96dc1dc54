//! A network: its weights, its forward pass and its files.

mod evaluator;
mod forward;
mod graph;
mod plan;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{D, Device, Tensor, Var};
use ndarray::{Array2, ArrayView2};

use crate::arch::{ConvPlan, DensePlan, Layout, Parameter};
use crate::data::{check_finite, check_shape};
use crate::device::BackboneDevice;
use crate::error::{BackboneError, Result, TensorMismatch};
use crate::init::start_values;
use crate::options::{Precision, Trainable};
use crate::spec::{Head, NETWORK_SCHEMA, NetworkSpec};
use crate::state::{Array, Arrays, decode, encode, read, write_whole};

pub use evaluator::Evaluator;
use forward::Pass;
pub(crate) use forward::{Activations, Observed, Recording};
pub use plan::PlanStatus;
use plan::{Output, PlanCache, forward_of, forward_outputs};

/// The spec's file in a network's folder.
pub const NETWORK_FILE: &str = "network.json";
/// The weights' file in a network's folder.
pub const WEIGHTS_FILE: &str = "model.safetensors";

/// Share of a batch's statistics in BatchNorm's running ones.
const RUNNING_MOMENTUM: f64 = 0.1;

/// Where a vector is taken from the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tap {
    /// The FC vector, on which the heads stand.
    Fc,
    /// The mean over all pixels of the last stage, before the FC layer.
    Pool,
    /// The mean over all pixels of the stem.
    Stem,
    /// The mean over all pixels of the first stage.
    Layer1,
    /// The mean over all pixels of the second stage.
    Layer2,
    /// The mean over all pixels of the third stage; that of the fourth is [`Tap::Pool`].
    Layer3,
}

/// Everything that one pass gives. One image a row.
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

/// BatchNorm's statistics for evaluation; the variance is the unbiased one, as in torch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Running {
    pub(crate) mean: Vec<f32>,
    pub(crate) var: Vec<f32>,
}

/// A ResNet with one linear head per attribute on its FC vector.
///
/// **Units and conventions** pixels are `f32` in `NHWC` order, already normalised with the spec's mean and
/// deviation. Outputs are those of evaluation: BatchNorm uses its running statistics.
#[derive(Debug)]
pub struct Network {
    spec: NetworkSpec,
    layout: Layout,
    pub(crate) device: BackboneDevice,
    weights: BTreeMap<String, Var>,
    running: BTreeMap<String, Running>,
    /// The numbers of the products in evaluation.
    precision: Precision,
    plan: PlanCache,
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
    /// **Errors** [`BackboneError::PrecisionOfDevice`] where the device lacks it.
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

    /// Whether images go through a compiled plan, and if not, why.
    ///
    /// A plan is compiled for a size of images when the first of them are evaluated, and again after training steps.
    pub fn plan_status(&self) -> PlanStatus {
        self.plan.status()
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
        let values = crate::train::fc_of_pooled(self, pooled)?;
        Array2::from_shape_vec((rows, width), values).map_err(|error| BackboneError::Compute(Box::new(error)))
    }

    /// Writes [`NETWORK_FILE`] and [`WEIGHTS_FILE`] into an existing folder; equal networks give equal bytes.
    ///
    /// The tensors have torchvision's names; `torch.nn.Module.load_state_dict` takes them as they are.
    ///
    /// **Errors** [`BackboneError::Write`].
    pub fn save(&self, dir: &Path) -> Result<()> {
        let path = dir.join(WEIGHTS_FILE);
        let weights =
            encode(&self.state()?, None).map_err(|source| BackboneError::Weights { path: path.clone(), source })?;
        write_whole(&path, &weights)?;
        let path = dir.join(NETWORK_FILE);
        let mut text = serde_json::to_vec_pretty(&self.spec)
            .map_err(|source| BackboneError::Json { path: path.clone(), source })?;
        text.push(b'\n');
        write_whole(&path, &text)
    }

    /// Reads a network that [`Network::save`] wrote.
    ///
    /// **Errors** a missing or damaged file, a newer schema, a tensor that is missing, unexpected, of another shape
    /// or not finite.
    pub fn load(dir: &Path, device: &BackboneDevice) -> Result<Self> {
        let path = dir.join(NETWORK_FILE);
        let spec: NetworkSpec = serde_json::from_slice(&read(&path)?)
            .map_err(|source| BackboneError::Json { path: path.clone(), source })?;
        if spec.schema > NETWORK_SCHEMA {
            return Err(BackboneError::NewerSchema { path, got: spec.schema, newest: NETWORK_SCHEMA });
        }
        let mut network = Network::new(spec, 0, device)?;
        let path = dir.join(WEIGHTS_FILE);
        let state = decode(&path, &read(&path)?)?;
        network.check_state(&state).map_err(|source| BackboneError::WeightsMismatch { path, source })?;
        network.set_state(state)?;
        Ok(network)
    }

    fn evaluate(&self, pixels: &[f32], b: usize, h: usize, w: usize, wanted: &[Output]) -> Result<Vec<Array2<f32>>> {
        check_pixels(&self.spec, pixels, b, h, w)?;
        match self.plan.get(self, (h, w))? {
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
    fn layer_by_layer(
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

/// Whether a batch fits the network.
fn check_pixels(spec: &NetworkSpec, pixels: &[f32], b: usize, h: usize, w: usize) -> Result<()> {
    check_shape(spec, h, w)?;
    let image = h * w * spec.in_channels;
    if pixels.len() != b * image {
        return Err(BackboneError::PixelCount { expected: b * image, got: pixels.len() });
    }
    check_finite(pixels, image, |position| position)
}

fn matrix(tensor: &Tensor) -> Result<Array2<f32>> {
    let (rows, columns) = tensor.dims2()?;
    array(rows, columns, tensor.flatten_all()?.to_vec1()?)
}

fn array(rows: usize, columns: usize, values: Vec<f32>) -> Result<Array2<f32>> {
    Array2::from_shape_vec((rows, columns), values).map_err(|error| BackboneError::Compute(Box::new(error)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn network(seed: u64) -> Network {
        let spec = NetworkSpec {
            fc: Some(12),
            ..NetworkSpec::new("small", 2, vec![Head::exclusive("kind", 3), Head::multi("style", 4)])
        };
        Network::new(spec, seed, &BackboneDevice::cpu()).unwrap()
    }

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
    fn saving_is_deterministic_and_loading_exact() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let net = network(5);
        net.save(a.path()).unwrap();
        network(5).save(b.path()).unwrap();
        for file in [NETWORK_FILE, WEIGHTS_FILE] {
            assert_eq!(std::fs::read(a.path().join(file)).unwrap(), std::fs::read(b.path().join(file)).unwrap());
        }
        let loaded = Network::load(a.path(), &BackboneDevice::cpu()).unwrap();
        assert_eq!((loaded.spec(), loaded.parameters()), (net.spec(), net.parameters()));
        assert_eq!(loaded.state().unwrap(), net.state().unwrap());
        assert_ne!(loaded.state().unwrap(), network(6).state().unwrap());
    }

    #[test]
    fn foreign_or_damaged_files_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let message = |dir: &Path| Network::load(dir, &BackboneDevice::cpu()).unwrap_err().to_string();
        assert!(message(dir.path()).contains(NETWORK_FILE));
        network(5).save(dir.path()).unwrap();
        let json = dir.path().join(NETWORK_FILE);
        let text = std::fs::read_to_string(&json).unwrap();
        std::fs::write(&json, text.replace("\"schema\": 1", "\"schema\": 9")).unwrap();
        assert!(message(dir.path()).contains("schema 9 is newer than 1"));
        std::fs::write(&json, text.replace("\"kind\"", "\"sort\"")).unwrap();
        assert!(message(dir.path()).contains("`heads.sort.bias` is missing"));
        std::fs::write(&json, text.replace("\"classes\": 3", "\"classes\": 4")).unwrap();
        assert!(message(dir.path()).contains("has shape [3]"));
        std::fs::write(&json, &text).unwrap();
        let weights = dir.path().join(WEIGHTS_FILE);
        let bytes = std::fs::read(&weights).unwrap();
        std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
        assert!(message(dir.path()).contains(WEIGHTS_FILE));
        std::fs::remove_file(&weights).unwrap();
        assert!(message(dir.path()).contains("cannot read"));
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
