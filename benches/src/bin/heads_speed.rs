//! How long heads take on vectors that are known:
//! `cargo run -p latentwalk-benches --bin heads_speed [IMAGES LABELS EPOCHS BATCH THREADS] [fc]`.
//!
//! The vectors are synthetic, of ResNet-50's widths; labels depend on them linearly, with noise, so that there is something
//! to learn. Eight multi-label heads share the labels, as in iMaterialist Fashion 2018. Seconds of all epochs, validation of
//! a tenth included.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::time::Instant;

use latentwalk_backbone::{
    BackboneDevice, Head, ImageSource, LoadError, Network, NetworkSpec, Next, Targets, TrainData, TrainOptions,
    Trainable, train_on_features,
};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Images that are never looked at.
struct Unseen(usize);

impl ImageSource for Unseen {
    fn len(&self) -> usize {
        self.0
    }

    fn shape(&self) -> (usize, usize, usize) {
        (224, 224, 3)
    }

    fn load(&self, _: &[usize], _: Option<latentwalk_backbone::Augment>, _: &mut [f32]) -> Result<(), LoadError> {
        Err("the vectors are known; nothing should be loaded".into())
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().and_then(|a| a.parse().ok()).unwrap_or(default);
    let (images, labels, epochs) = (number(100_000), number(228), number(12));
    let (batch, threads) = (number(256), number(2));
    let trainable = if std::env::args().any(|a| a == "fc") { Trainable::Fc } else { Trainable::Heads };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let heads: Vec<Head> =
        (0..8).map(|k| Head::multi(format!("group{k}"), labels / 8 + usize::from(k < labels % 8))).collect();
    let spec = NetworkSpec::new("resnet50", 3, heads.clone());
    let network = Network::new(spec, 1, &BackboneDevice::cpu()).unwrap();
    let width = network.width(trainable.features().unwrap());
    let (vectors, targets) = data(images, width, &heads);
    let rows: Vec<usize> = (0..images).collect();
    let (validation, train) = rows.split_at(images / 10);
    let data = TrainData { images: &Unseen(images), targets: &targets, train, validation };
    let options = TrainOptions { epochs, batch, trainable, patience: 0, ..TrainOptions::default() };
    let clock = Instant::now();
    let trained = train_on_features(network, &data, vectors.view(), &options, &mut |_| Next::GoOn).unwrap();
    let seconds = clock.elapsed().as_secs_f64();
    let (first, last) = (&trained.history[0], trained.history.last().unwrap());
    println!(
        "{images} x {width}, {labels} labels, {epochs} epochs of batch {batch}, {threads} threads: {seconds:.1} s; validation \
         loss {:.4} to {:.4}",
        first.validation_loss.unwrap(),
        last.validation_loss.unwrap()
    );
}

/// Normal-like vectors, and labels that some of their numbers decide.
fn data(images: usize, width: usize, heads: &[Head]) -> (Array2<f32>, Vec<Targets>) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let vectors = Array2::from_shape_fn((images, width), |_| rng.random::<f32>() + rng.random::<f32>() - 1.0);
    let targets = heads.iter().enumerate().map(|(k, head)| {
        let label = |row: usize, class: usize| {
            let at = (k * 31 + class * 7) % (width - 3);
            vectors[[row, at]] + vectors[[row, at + 1]] - vectors[[row, at + 2]] > 0.8
        };
        let of = |row| Some((0..head.classes).filter(|&c| label(row, c)).map(|c| c as u32).collect());
        Targets::Many((0..images).map(of).collect())
    });
    let targets = targets.collect();
    (vectors, targets)
}
