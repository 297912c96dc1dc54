#![allow(clippy::unwrap_used)]
//! Forward passes and training steps against torch; `fixtures/golden/backbone/make.py` made the figures.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::loss::HeadLoss;
use super::optimizer::Optimizer;
use super::step::{Batch, gradients, train_step};
use crate::arch::{Arch, BlockKind, Layout, Stem};
use crate::data::Targets;
use crate::device::BackboneDevice;
use crate::network::Network;
use crate::options::{OptimizerKind, TrainOptions};
use crate::spec::{Head, NetworkSpec};
use crate::state::{Array, Arrays};
use crate::testing::counter_noise;

#[derive(Deserialize)]
struct Golden {
    torch: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    block: String,
    stem: String,
    depths: [usize; 4],
    widths: [usize; 4],
    fc: usize,
    batch: usize,
    height: usize,
    width: usize,
    channels: usize,
    one: Vec<Option<u32>>,
    many: Vec<Option<Vec<u32>>>,
    class_weights: Option<Vec<f64>>,
    label_smoothing: f64,
    optimizer: String,
    learning_rate: f64,
    weight_decay: f64,
    names: Vec<String>,
    eval_pool: Vec<f32>,
    eval_fc: Vec<f32>,
    eval_logits: Vec<Vec<f32>>,
    losses: Vec<f64>,
    gradients: BTreeMap<String, Vec<f32>>,
    after: BTreeMap<String, Vec<f32>>,
}

fn golden() -> Golden {
    serde_json::from_str(&latentwalk_testing::fixture_text("golden/backbone/resnet.json")).unwrap()
}

/// The start that script and test both compute from a counter, so that no weights are stored.
fn start(name: &str, index: usize, shape: &[usize]) -> Array {
    let len: usize = shape.iter().product();
    let fan_in = (len / shape[0]) as f32;
    let value = |i: usize| {
        let u = counter_noise(1000 + index as u64, i as u64);
        match name.rsplit('.').next().unwrap() {
            "running_mean" => 0.1 * u,
            "running_var" => 1.0 + 0.3 * u,
            "weight" if shape.len() == 4 => u * (6.0 / fan_in).sqrt(),
            "weight" if shape.len() == 2 => u / fan_in.sqrt(),
            "weight" => 1.0 + 0.2 * u,
            _ => 0.1 * u,
        }
    };
    Array { shape: shape.to_vec(), values: (0..len).map(value).collect() }
}

impl Case {
    fn network(&self, device: &BackboneDevice) -> Network {
        let arch = Arch {
            name: "small",
            block: if self.block == "basic" { BlockKind::Basic } else { BlockKind::Bottleneck },
            depths: self.depths,
            widths: self.widths,
            stem: if self.stem == "small" { Stem::Small } else { Stem::ImageNet },
            recipe: None,
            fc: self.fc,
        };
        let heads = vec![Head::exclusive("one", 3), Head::multi("many", 4)];
        let layout = Layout::build(&arch, self.channels, self.fc, &heads);
        let spec = NetworkSpec::new("small", self.channels, heads);
        let mut network = Network::with_layout(spec, layout, 0, device).unwrap();
        let state = network.state().unwrap();
        assert_eq!(state.keys().collect::<Vec<_>>(), self.names.iter().collect::<Vec<_>>(), "{}", self.name);
        let started = state.into_iter().enumerate().map(|(i, (name, array))| {
            let started = start(&name, i, &array.shape);
            (name, started)
        });
        network.set_state(started.collect::<Arrays>()).unwrap();
        network
    }

    fn pixels(&self) -> Vec<f32> {
        let len = self.batch * self.height * self.width * self.channels;
        (0..len).map(|i| counter_noise(7, i as u64)).collect()
    }

    fn losses(&self) -> [HeadLoss; 2] {
        let loss = |classes, multi, class_weights, smoothing| HeadLoss { classes, multi, class_weights, smoothing };
        [loss(3, false, self.class_weights.clone(), self.label_smoothing), loss(4, true, None, 0.0)]
    }

    fn options(&self) -> TrainOptions {
        TrainOptions {
            optimizer: if self.optimizer == "adamw" { OptimizerKind::AdamW } else { OptimizerKind::Sgd },
            weight_decay: self.weight_decay,
            ..Default::default()
        }
    }

    fn batch<'a>(&self, targets: &'a [Targets], rows: &'a [usize], options: &'a TrainOptions) -> Batch<'a> {
        Batch { targets, rows, pixels: self.pixels(), shape: self.shape(), options }
    }

    fn shape(&self) -> (usize, usize, usize) {
        (self.height, self.width, self.channels)
    }
}

/// Largest difference, relative to the largest value expected: single small values of a tensor carry its rounding.
fn close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
    let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance * scale, "{what}: off by {worst}, largest value {scale}");
}

#[test]
fn evaluation_is_torchs() {
    evaluation_on(&BackboneDevice::cpu());
}

fn evaluation_on(device: &BackboneDevice) {
    let golden = golden();
    assert!(!golden.torch.is_empty());
    for case in golden.cases {
        let (h, w, _) = case.shape();
        let out = case.network(device).forward(case.pixels(), (case.batch, h, w), None).unwrap();
        let flat = |t: &candle_core::Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        // f32 sums in another order through some ten layers.
        close("pool", &flat(&out.pool), &case.eval_pool, 1e-4);
        close("fc", &flat(&out.fc), &case.eval_fc, 1e-4);
        for (got, expected) in out.logits.iter().zip(&case.eval_logits) {
            close("logits", &flat(got), expected, 1e-4);
        }
    }
}

#[test]
fn losses_and_gradients_are_torchs() {
    gradients_on(&BackboneDevice::cpu());
}

fn gradients_on(device: &BackboneDevice) {
    for case in golden().cases {
        let network = case.network(device);
        let targets = [Targets::One(case.one.clone()), Targets::Many(case.many.clone())];
        let rows: Vec<usize> = (0..case.batch).collect();
        let outcome = gradients(&network, &case.losses(), case.batch(&targets, &rows, &case.options())).unwrap();
        let (loss, found) = (outcome.loss, outcome.gradients.unwrap());
        assert!((loss - case.losses[0]).abs() < 1e-4 * case.losses[0], "{}: {loss} {}", case.name, case.losses[0]);
        assert!(case.gradients.len() >= 6);
        for (name, expected) in &case.gradients {
            let got = found[name].flatten_all().unwrap().to_vec1::<f32>().unwrap();
            // BatchNorm over few values divides rounding by small deviations.
            close(&format!("{} {name}", case.name), &got, expected, 2e-3);
        }
    }
}

#[test]
fn training_steps_are_torchs() {
    steps_on(&BackboneDevice::cpu());
}

/// The same three on a card.
#[cfg(feature = "cuda")]
#[test]
fn cuda_evaluates_and_trains_as_torch() {
    let Some(device) = crate::testing::card() else { return };
    evaluation_on(&device);
    gradients_on(&device);
    steps_on(&device);
}

fn steps_on(device: &BackboneDevice) {
    for case in golden().cases {
        let mut network = case.network(device);
        let mut optimizer = Optimizer::new(&case.options(), network.weights()).unwrap();
        let targets = [Targets::One(case.one.clone()), Targets::Many(case.many.clone())];
        let rows: Vec<usize> = (0..case.batch).collect();
        for expected in &case.losses {
            let options = case.options();
            let batch = case.batch(&targets, &rows, &options);
            let loss = train_step(&mut network, &mut optimizer, &case.losses(), batch, case.learning_rate).unwrap();
            assert!((loss - expected).abs() < 1e-3 * expected, "{}: {loss} {expected}", case.name);
        }
        let state = network.state().unwrap();
        for (name, expected) in &case.after {
            close(&format!("{} {name}", case.name), &state[name].values, expected, 2e-3);
        }
    }
}
