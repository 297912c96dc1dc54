#![allow(clippy::unwrap_used)]
//! The five networks of torchvision against torch; `fixtures/golden/backbone/parity.py` made the figures.
//!
//! Script and test compute the weights from a counter; BatchNorm statistics come from real images and are stored.

use latentwalk_arithmetic::Fnv;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use safetensors::{Dtype, SafeTensors};

use crate::arch::Layout;
use crate::device::BackboneDevice;
use crate::network::Network;
use crate::preprocess::{IMAGENET_MEAN, IMAGENET_STD};
use crate::spec::{Head, NetworkSpec};
use crate::state::{Array, Arrays};
use crate::testing::images;
use crate::weights::{Checkpoint, detect_arch};

const SIDE: usize = 64;
const IMAGES: usize = 4;
/// Size of a block's last BatchNorm: at 1, deep random networks amplify torch's own rounding beyond the bound.
const CALM: f32 = 0.25;

/// Nearly normal: the sum of the four 16-bit parts of a mixed counter, to mean 0 and deviation 1.
fn normal(stream: u64, index: u64) -> f64 {
    let mut z = stream.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let sum: u64 = (0..4).map(|part| z >> (16 * part) & 0xffff).sum();
    (sum as f64 - 131_070.0) / (4.0 * (65_536.0 * 65_536.0 - 1.0) / 12.0f64).sqrt()
}

/// The script's weights: the deviations of torchvision's starts, BatchNorm spread around 1 and 0.
pub(crate) fn weights(name: &str, shape: &[usize]) -> Array {
    let stream = Fnv::new().bytes(name.as_bytes()).value();
    let value = |v: f64| match shape {
        [output, _, h, w] => v * (2.0 / (output * h * w) as f64).sqrt(),
        [_, input] => v * (1.0 / (*input as f64).sqrt()),
        _ if name.ends_with("weight") => 1.0 + 0.2 * v,
        _ => 0.1 * v,
    };
    let len: usize = shape.iter().product();
    let values = (0..len as u64).map(|i| value(normal(stream, i)) as f32).collect();
    Array { shape: shape.to_vec(), values }
}

struct Golden(Vec<u8>);

impl Golden {
    fn of(name: &str) -> Self {
        let folder = latentwalk_testing::fixture("golden/backbone/parity");
        Golden(std::fs::read(folder.join(format!("{name}.safetensors"))).unwrap())
    }

    /// A tensor's values, whatever their type.
    fn values(&self, name: &str) -> Vec<f32> {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let view = tensors.tensor(name).unwrap();
        let data = view.data();
        match view.dtype() {
            Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::BF16 => data.as_chunks::<2>().0.iter().map(|b| f32::from_le_bytes([0, 0, b[0], b[1]])).collect(),
            Dtype::U8 => data.iter().map(|&b| f32::from(b)).collect(),
            other => panic!("{name} is {other:?}"),
        }
    }

    fn matrix(&self, name: &str) -> Array2<f32> {
        let values = self.values(name);
        Array2::from_shape_vec((IMAGES, values.len() / IMAGES), values).unwrap()
    }
}

fn pixels() -> Vec<f32> {
    let bytes = Golden::of("images").values("pixels");
    let normalised = |(i, v): (usize, &f32)| (v / 255.0 - IMAGENET_MEAN[i % 3]) / IMAGENET_STD[i % 3];
    bytes[..IMAGES * SIDE * SIDE * 3].iter().enumerate().map(normalised).collect()
}

fn checkpoint(spec: &NetworkSpec, golden: &Golden) -> Checkpoint {
    let layout = Layout::of(spec).unwrap();
    let parameters = layout.parameters().into_iter();
    let mut arrays: Arrays = parameters.map(|p| (p.name.clone(), weights(&p.name, &p.shape))).collect();
    for block in &layout.blocks {
        let last = format!("{}.weight", block.convs.last().unwrap().norm);
        arrays.get_mut(&last).unwrap().values.iter_mut().for_each(|v| *v *= CALM);
    }
    let statistics = golden.values("statistics");
    let mut rest = statistics.as_slice();
    let mut norms: Vec<_> = layout.convs().map(|conv| (&conv.norm, conv.output)).collect();
    norms.sort();
    for (norm, len) in norms {
        for part in ["running_mean", "running_var"] {
            let (values, after) = rest.split_at(len);
            arrays.insert(format!("{norm}.{part}"), Array { shape: vec![len], values: values.to_vec() });
            rest = after;
        }
    }
    assert!(rest.is_empty());
    Checkpoint::of(arrays)
}

fn cosine(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    let dot = |a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn centred(matrix: ArrayView2<'_, f32>) -> Array2<f32> {
    &matrix - &matrix.mean_axis(Axis(0)).unwrap()
}

/// The bounds are those that users are promised; what is found lies far below them. Gives the largest difference as a share of
/// the largest value.
fn close(what: &str, got: &Array2<f32>, expected: &Array2<f32>) -> f32 {
    assert_eq!(got.dim(), expected.dim(), "{what}");
    let largest = |m: &Array2<f32>| m.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    let worst = largest(&(got - expected)) / largest(expected);
    assert!(worst < 1e-4, "{what}: off by {worst} of the largest value");
    let (got_centred, centred) = (centred(got.view()), centred(expected.view()));
    // Were all images one vector, a cosine would prove nothing.
    assert!(largest(&centred) > 0.1 * largest(expected), "{what}: the images look alike");
    for row in 0..IMAGES {
        let plain = cosine(got.row(row), expected.row(row));
        let apart = cosine(got_centred.row(row), centred.row(row));
        assert!(plain > 0.99999 && apart > 0.99999, "{what}, image {row}: cosine {plain}, centred {apart}");
    }
    worst
}

fn load(arch: &str, golden: &Golden, device: &BackboneDevice) -> Network {
    let spec = NetworkSpec::new(arch, 3, vec![Head::exclusive("kind", 5)]);
    let checkpoint = checkpoint(&spec, golden);
    assert_eq!(detect_arch(&checkpoint), Some(arch));
    let (network, report) = Network::pretrained(spec, 0, &checkpoint, device).unwrap();
    assert_eq!(report.matched.len(), checkpoint.names().count());
    network
}

fn parity(arch: &str) {
    parity_on(arch, &BackboneDevice::cpu());
}

/// Gives the largest difference of the three outputs, see [`close`].
fn parity_on(arch: &str, device: &BackboneDevice) -> f32 {
    let golden = Golden::of(arch);
    let network = load(arch, &golden, device);
    let out = network.forward_all(images(&pixels(), IMAGES, SIDE, SIDE)).unwrap();
    [("pool", &out.pool), ("fc", &out.fc), ("logits", &out.logits[0])]
        .map(|(output, got)| close(&format!("{arch} {output}"), got, &golden.matrix(output)))
        .into_iter()
        .fold(0.0, f32::max)
}

#[test]
fn resnet18_is_torchvisions() {
    parity("resnet18");
}

#[test]
fn resnet34_is_torchvisions() {
    parity("resnet34");
}

#[test]
fn resnet50_is_torchvisions() {
    parity("resnet50");
}

#[test]
fn resnet101_is_torchvisions() {
    parity("resnet101");
}

#[test]
fn resnet152_is_torchvisions() {
    parity("resnet152");
}

/// On a CUDA device; each test says so where there is none.
#[cfg(feature = "cuda")]
#[allow(clippy::print_stderr)]
mod cuda {
    use super::*;
    use crate::{Norms, Precision, Targets, TrainData, TrainEvent, TrainOptions, train_from};

    const ALL: [&str; 5] = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"];

    #[test]
    fn all_five_networks_are_torchvisions() {
        let Some(device) = crate::testing::card() else { return };
        for arch in ALL {
            let worst = parity_on(arch, &device);
            eprintln!("card: {arch} f32 off by {worst:.1e} of the largest value");
        }
    }

    #[test]
    fn short_products_keep_the_directions_of_vectors() {
        let Some(device) = crate::testing::card() else { return };
        // TF32 has 10 bits of mantissa, bfloat16 has 7, through up to 152 layers.
        for (precision, least) in [(Precision::Tf32, 0.9999), (Precision::Bf16, 0.99)] {
            for arch in ALL {
                let golden = Golden::of(arch);
                let network = load(arch, &golden, &device).with_precision(precision).unwrap();
                let got = vectors(&network);
                let expected = golden.matrix("fc");
                let (got, expected) = (centred(got.view()), centred(expected.view()));
                let cosines = (0..IMAGES).map(|row| cosine(got.row(row), expected.row(row)));
                let worst = cosines.fold(f64::INFINITY, f64::min);
                eprintln!("card: {arch} {} least centred cosine {worst:.6}", precision.name());
                assert!(worst > least, "{arch} {precision:?}: {worst}");
            }
        }
    }

    fn vectors(network: &Network) -> Array2<f32> {
        network.forward_all(images(&pixels(), IMAGES, SIDE, SIDE)).unwrap().fc
    }

    #[test]
    fn tf32_is_on_for_the_network_that_asks_for_it_alone() {
        let Some(device) = crate::testing::card() else { return };
        let golden = Golden::of("resnet18");
        let exact = load("resnet18", &golden, &device);
        let rounded = load("resnet18", &golden, &device).with_precision(Precision::Tf32).unwrap();
        let before = vectors(&exact);
        assert_ne!(vectors(&rounded), before);
        assert_eq!(vectors(&exact), before);
    }

    #[test]
    fn two_threads_give_what_one_gives() {
        let Some(device) = crate::testing::card() else { return };
        let network = load("resnet18", &Golden::of("resnet18"), &device);
        let alone = vectors(&network);
        std::thread::scope(|scope| {
            let threads = [0, 1].map(|_| scope.spawn(|| (0..20).all(|_| vectors(&network) == alone)));
            assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
        });
    }

    #[test]
    fn a_step_of_training_is_the_processors() {
        let Some(device) = crate::testing::card() else { return };
        let golden = Golden::of("resnet18");
        let images = crate::testing::Pictures { pixels: pixels(), shape: (SIDE, SIDE, 3) };
        let targets = [Targets::One(vec![Some(0), Some(1), Some(2), Some(3)])];
        let rows: Vec<usize> = (0..IMAGES).collect();
        let data = TrainData { images: &images, targets: &targets, train: &rows, validation: &[] };
        let losses = |name: &str, device: &BackboneDevice, precision| {
            let options = TrainOptions {
                epochs: 3,
                batch: IMAGES,
                precision,
                batch_norm: Norms::Frozen,
                device: name.to_owned(),
                ..TrainOptions::default()
            };
            let on_event = &mut |_: &TrainEvent| crate::Next::GoOn;
            let trained = train_from(load("resnet18", &golden, device), &data, &options, on_event).unwrap();
            trained.history.iter().map(|record| record.train_loss).collect::<Vec<_>>()
        };
        let expected = losses("cpu", &BackboneDevice::cpu(), Precision::F32);
        eprintln!("card: processor f32 losses {expected:.5?}");
        let precisions = [(Precision::F32, 1e-3), (Precision::Tf32, 1e-2), (Precision::Bf16, 5e-2)];
        for (precision, tolerance) in precisions {
            let got = losses("cuda:0", &device, precision);
            eprintln!("card: {} losses {got:.5?}", precision.name());
            let near = |(a, b): (&f64, &f64)| (a - b).abs() < tolerance * b.abs();
            assert!(got.iter().zip(&expected).all(near), "{precision:?}: {got:?} {expected:?}");
        }
    }
}
