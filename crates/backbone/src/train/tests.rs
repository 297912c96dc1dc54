#![allow(clippy::unwrap_used)]

use std::path::Path;

use latentwalk_testing::on_threads;

use super::checkpoint::CHECKPOINT_FILE;
use super::step::gradients;
use super::*;
use crate::data::{ImageSource, LoadError, Targets};
use crate::report::{evaluate, evaluate_features};
use crate::spec::Head;
use crate::tap::Tap;
use crate::testing::{Pictures, counter_noise, images, quarters, told};
use crate::trainable::Trainable;

const SIDE: usize = 8;

fn spec(heads: Vec<Head>) -> NetworkSpec {
    NetworkSpec { fc: Some(16), ..NetworkSpec::new("small", 1, heads) }
}

fn options(epochs: usize) -> TrainOptions {
    TrainOptions { epochs, batch: 16, seed: 3, patience: 0, ..Default::default() }
}

/// A problem of `n` pictures whose last quarter is for validation.
struct Problem {
    images: Pictures,
    targets: Vec<Targets>,
    train: Vec<usize>,
    validation: Vec<usize>,
}

impl Problem {
    fn new(n: usize) -> Self {
        let (images, labels) = quarters(n, SIDE, 0.4);
        let many = labels.iter().map(|&l| Some(if l == 0 { vec![] } else { vec![l - 1, 3] })).collect();
        let targets = vec![Targets::One(labels.iter().map(|&l| Some(l)).collect()), Targets::Many(many)];
        let (train, validation) = ((0..n * 3 / 4).collect(), (n * 3 / 4..n).collect());
        Problem { images, targets, train, validation }
    }

    fn spec(&self) -> NetworkSpec {
        spec(vec![Head::exclusive("quarter", 4), Head::multi("flags", 4)])
    }

    fn data(&self) -> TrainData<'_> {
        TrainData { images: &self.images, targets: &self.targets, train: &self.train, validation: &self.validation }
    }

    fn train(&self, options: &TrainOptions) -> Result<Trained> {
        train(&self.spec(), &self.data(), options, &mut |_| Next::GoOn)
    }

    /// The first event of a training, and its end.
    fn first_event(&self, options: &TrainOptions) -> (TrainEvent, Trained) {
        let mut first = None;
        let trained = train(&self.spec(), &self.data(), options, &mut |event| {
            first.get_or_insert(event.clone());
            Next::GoOn
        });
        (first.unwrap(), trained.unwrap())
    }
}

fn bytes(network: &Network) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    network.save(dir.path()).unwrap();
    std::fs::read(dir.path().join(crate::WEIGHTS_FILE)).unwrap()
}

#[test]
fn a_simple_problem_is_learned() {
    let problem = Problem::new(320);
    let trained = problem.train(&options(6)).unwrap();
    let reports = evaluate(&trained.network, &problem.images, &problem.targets, &problem.validation, 32).unwrap();
    assert!(reports[0].accuracy.unwrap() > 0.95 && reports[0].macro_f1.unwrap() > 0.95, "{reports:?}");
    assert!(reports[1].accuracy.unwrap() > 0.95, "{reports:?}");
    assert_eq!((reports[0].n, trained.history.len()), (80, 6));
    let best =
        trained.history.iter().min_by(|a, b| a.validation_loss.partial_cmp(&b.validation_loss).unwrap()).unwrap();
    assert_eq!(best.epoch, trained.best_epoch);
    assert_eq!(best.validation_accuracy[0], reports[0].accuracy);
    assert!(trained.history[5].train_loss < trained.history[0].train_loss);
}

#[test]
fn shuffled_labels_are_not_learned() {
    let mut problem = Problem::new(320);
    let shuffled = (0..320).map(|i| Some(((counter_noise(77, i) + 1.0) * 2.0) as u32 % 4)).collect();
    problem.targets[0] = Targets::One(shuffled);
    let trained = problem.train(&options(4)).unwrap();
    let reports = evaluate(&trained.network, &problem.images, &problem.targets, &problem.validation, 32).unwrap();
    // Chance is 0.25 with a standard error of 0.05 over 80 rows.
    assert!(reports[0].accuracy.unwrap() < 0.45, "{reports:?}");
}

#[test]
fn sgd_class_weights_and_smoothing_learn_too() {
    let problem = Problem::new(320);
    let options = TrainOptions {
        optimizer: crate::OptimizerKind::Sgd,
        learning_rate: 0.05,
        class_weights: true,
        label_smoothing: 0.1,
        ..options(6)
    };
    let accuracy = problem.train(&options).unwrap().history[5].validation_accuracy[0].unwrap();
    assert!(accuracy > 0.9, "{accuracy}");
}

#[test]
fn threads_do_not_change_a_byte() {
    let problem = Problem::new(96);
    let run = || {
        let trained = problem.train(&options(2)).unwrap();
        (bytes(&trained.network), trained.history)
    };
    let one = on_threads(1, run);
    assert_eq!(one, on_threads(2, run));
    assert_eq!(one, on_threads(3, run));
}

#[test]
fn seeds_decide() {
    let problem = Problem::new(48);
    let run = |seed| bytes(&problem.train(&TrainOptions { seed, ..options(1) }).unwrap().network);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn an_unlabelled_head_gets_no_gradient() {
    let problem = Problem::new(32);
    let network = Network::new(problem.spec(), 0, &crate::BackboneDevice::cpu()).unwrap();
    let losses: Vec<HeadLoss> = network.spec().heads.iter().map(|head| HeadLoss::new(head, 0.0, None)).collect();
    let rows: Vec<usize> = (0..8).collect();
    let pixels = || crate::data::load_rows(&problem.images, &rows, None).unwrap();
    let of = |targets: &[Targets]| {
        let batch = Batch { targets, rows: &rows, pixels: pixels(), shape: (SIDE, SIDE, 1), options: &options(1) };
        let outcome = gradients(&network, &losses, batch).unwrap();
        (outcome.loss, outcome.gradients.unwrap())
    };
    let values = |grads: &Gradients, name: &str| grads[name].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let masked = [problem.targets[0].clone(), Targets::Many(vec![None; 32])];
    let (loss, grads) = of(&masked);
    for name in ["heads.flags.weight", "heads.flags.bias"] {
        assert!(values(&grads, name).iter().all(|&g| g == 0.0), "{name}");
    }
    assert!(values(&grads, "conv1.weight").iter().any(|&g| g != 0.0));
    let (full, _) = of(&problem.targets);
    assert!(loss > 0.0 && loss < full);
    let nothing = [Targets::One(vec![None; 32]), Targets::Many(vec![None; 32])];
    let (loss, grads) = of(&nothing);
    assert_eq!(loss, 0.0);
    assert!(values(&grads, "conv1.weight").iter().all(|&g| g == 0.0));
}

#[test]
fn a_partly_labelled_head_learns_from_its_labels_only() {
    let mut problem = Problem::new(320);
    if let Targets::One(labels) = &mut problem.targets[0] {
        (0..160).for_each(|i| labels[i] = None);
    }
    let trained = problem.train(&options(8)).unwrap();
    let reports = evaluate(&trained.network, &problem.images, &problem.targets, &problem.validation, 32).unwrap();
    assert!(reports[0].accuracy.unwrap() > 0.9, "{reports:?}");
}

#[test]
fn early_stopping_keeps_the_best_epoch() {
    let mut problem = Problem::new(96);
    let shuffled = (0..96).map(|i| Some(((counter_noise(5, i) + 1.0) * 2.0) as u32 % 4)).collect();
    problem.targets = vec![Targets::One(shuffled), Targets::Many(vec![Some(vec![]); 96])];
    let trained = problem.train(&TrainOptions { patience: 2, learning_rate: 0.01, ..options(40) }).unwrap();
    assert!(trained.history.len() < 40);
    assert_eq!(trained.history.len(), trained.best_epoch + 3);
}

#[test]
fn without_validation_the_last_epoch_is_kept() {
    let mut problem = Problem::new(48);
    problem.validation.clear();
    let trained = problem.train(&options(2)).unwrap();
    assert_eq!((trained.best_epoch, trained.history[1].validation_loss), (1, None));
    assert_eq!(trained.history[1].validation_accuracy, [None, None]);
}

/// Runs with a checkpoint folder and stops at the first event that `stop` picks.
fn interrupted(problem: &Problem, options: &TrainOptions, stop: impl Fn(&TrainEvent) -> bool) -> Vec<TrainEvent> {
    let mut events = Vec::new();
    let result = train(&problem.spec(), &problem.data(), options, &mut |event| {
        events.push(event.clone());
        if stop(event) { Next::Stop } else { Next::GoOn }
    });
    assert!(matches!(result, Err(Error::Stopped { .. })));
    events
}

fn with_dir(options: TrainOptions, dir: &Path) -> TrainOptions {
    TrainOptions { checkpoint_dir: Some(dir.to_owned()), ..options }
}

#[test]
fn a_resumed_run_ends_with_the_same_bytes() {
    let problem = Problem::new(96);
    for optimizer in [crate::OptimizerKind::AdamW, crate::OptimizerKind::Sgd] {
        let plain = TrainOptions { optimizer, ..options(5) };
        let whole = problem.train(&plain).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let options = with_dir(plain, dir.path());
        interrupted(&problem, &options, |event| matches!(event, TrainEvent::Epoch(r) if r.epoch == 1));
        let events =
            interrupted(&problem, &options, |event| matches!(event, TrainEvent::Step { epoch: 3, step: 2, .. }));
        assert_eq!(events[0], TrainEvent::Resumed { epoch: 2, step: 0 });
        let (first, resumed) = problem.first_event(&options);
        assert_eq!(first, TrainEvent::Resumed { epoch: 3, step: 0 });
        assert_eq!(resumed.history, whole.history);
        assert_eq!(resumed.best_epoch, whole.best_epoch);
        assert_eq!(bytes(&resumed.network), bytes(&whole.network));
        let again = problem.train(&options).unwrap();
        assert_eq!((bytes(&again.network), again.history), (bytes(&whole.network), whole.history));
    }
}

#[test]
fn unfit_checkpoints_are_ignored_with_a_reason() {
    let problem = Problem::new(48);
    let dir = tempfile::tempdir().unwrap();
    let options = with_dir(options(2), dir.path());
    let whole = bytes(&problem.train(&options).unwrap().network);
    let path = dir.path().join(CHECKPOINT_FILE);
    let good = std::fs::read(&path).unwrap();
    let first_event = |options: &TrainOptions| {
        let (first, trained) = problem.first_event(options);
        (first, bytes(&trained.network))
    };
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (damage, expected) in [(&good[..good.len() / 2], "damaged"), (&flipped, "checksum"), (&b"x"[..], "damaged")] {
        std::fs::write(&path, damage).unwrap();
        match first_event(&options) {
            (TrainEvent::Ignored { reason }, network) => {
                assert!(reason.contains(expected) && network == whole, "{reason}");
            }
            other => panic!("{:?}", other.0),
        }
    }
    let (event, _) = first_event(&TrainOptions { learning_rate: 1e-3, ..options.clone() });
    assert!(matches!(event, TrainEvent::Ignored { reason } if reason.contains("other options")));
}

#[test]
fn a_loss_that_explodes_names_epoch_and_step() {
    let problem = Problem::new(64);
    let options = TrainOptions { optimizer: crate::OptimizerKind::Sgd, learning_rate: 1e30, ..options(3) };
    let message = problem.train(&options).unwrap_err().to_string();
    assert!(message.contains("epoch") && message.contains("step") && message.contains("learning_rate"), "{message}");
}

#[test]
fn bad_data_is_named() {
    type Change = fn(&mut Problem);
    let cases: [(Change, &str); 10] = [
        (|p| p.train.push(999), "the row of an image is 999"),
        (|p| p.validation.push(48), "the row of an image is 48, but there are only 48"),
        (|p| p.train.truncate(1), "training images: 1, but at least 2"),
        (|p| drop(p.targets.pop()), "the targets of all heads: the shape is [1], but must be [2]"),
        (|p| p.targets.swap(0, 1), "`heads.quarter.multi` is false"),
        (
            |p| p.targets[0] = Targets::One(vec![Some(4); 48]),
            "the label of row 0 for head `quarter` is 4, but there are only 4",
        ),
        (|p| p.targets[0] = Targets::One(vec![Some(1); 47]), "head `quarter`: the shape is [47], but must be [48]"),
        (|p| p.targets[1] = Targets::Many(vec![None; 48]), "labelled training images of head `flags`: 0"),
        (|p| p.images.pixels[5 * 64 + 3] = f32::NAN, "image 5 holds"),
        (
            |p| p.images.shape = (4, 4, 4),
            "have 4x4 pixels, but the network takes at least 8x8 (`small`)\nhint: enlarge them",
        ),
    ];
    for (change, expected) in cases {
        let mut problem = Problem::new(48);
        change(&mut problem);
        let message = problem.train(&options(1)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let problem = Problem::new(48);
    let train = |spec: &NetworkSpec| train(spec, &problem.data(), &options(1), &mut |_| Next::GoOn);
    let message = train(&NetworkSpec::new("small", 3, problem.spec().heads)).unwrap_err().to_string();
    assert!(message.contains("1 channel(s), but the network takes 3"), "{message}");
    let message = train(&NetworkSpec { arch: "resnet17".into(), ..problem.spec() }).unwrap_err().to_string();
    assert!(message.contains("resnet17"), "{message}");
    assert!(train(&spec(vec![])).unwrap_err().to_string().contains("heads"));
}

struct Broken(Pictures);

impl ImageSource for Broken {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn shape(&self) -> (usize, usize, usize) {
        self.0.shape()
    }

    fn load(&self, rows: &[usize], augment: Option<Augment>, out: &mut [f32]) -> Result<(), LoadError> {
        if rows.contains(&7) { Err("the disk is gone".into()) } else { self.0.load(rows, augment, out) }
    }
}

#[test]
fn a_failing_source_is_an_error() {
    let Problem { images, targets, train: rows, validation } = Problem::new(48);
    let images = Broken(images);
    let data = TrainData { images: &images, targets: &targets, train: &rows, validation: &validation };
    let spec = spec(vec![Head::exclusive("quarter", 4), Head::multi("flags", 4)]);
    let error = train(&spec, &data, &options(1), &mut |_| Next::GoOn).unwrap_err();
    let message = told(&error);
    assert!(message.contains("images from row") && message.contains("the disk is gone"), "{message}");
}

/// Names of the tensors in which two networks differ.
fn changed(a: &Network, b: &Network) -> Vec<String> {
    let (a, b) = (a.state().unwrap(), b.state().unwrap());
    a.iter().filter(|(name, array)| array.values != b[*name].values).map(|(name, _)| name.clone()).collect()
}

fn copy(network: &Network) -> Network {
    let dir = tempfile::tempdir().unwrap();
    network.save(dir.path()).unwrap();
    Network::load(dir.path(), &crate::BackboneDevice::cpu()).unwrap()
}

fn go_on(problem: &Problem, network: &Network, options: &TrainOptions) -> Trained {
    train_from(copy(network), &problem.data(), options, &mut |_| Next::GoOn).unwrap()
}

#[test]
fn only_the_trainable_part_learns() {
    let problem = Problem::new(96);
    let start = problem.train(&options(1)).unwrap().network;
    let learned = |trainable, epochs| {
        let trained = go_on(&problem, &start, &TrainOptions { trainable, ..options(epochs) });
        (changed(&start, &trained.network), trained.history)
    };
    let (heads, history) = learned(Trainable::Heads, 6);
    let expected = ["heads.flags.bias", "heads.flags.weight", "heads.quarter.bias", "heads.quarter.weight"];
    assert_eq!(heads, expected);
    assert!(history[5].train_loss < history[0].train_loss, "{history:?}");
    let (last, _) = learned(Trainable::LastStage, 1);
    let allowed = ["layer4.", "fc.", "heads."];
    assert!(last.iter().all(|name| allowed.iter().any(|part| name.starts_with(part))), "{last:?}");
    assert!(last.contains(&"layer4.0.bn1.running_mean".to_owned()) && last.contains(&"fc.weight".to_owned()));
    let (all, _) = learned(Trainable::All, 1);
    assert_eq!(all.len(), start.state().unwrap().len());
    assert_eq!(learned(Trainable::All, 0).0, Vec::<String>::new());
}

#[test]
fn heads_on_stored_features_see_what_the_network_sees() {
    let problem = Problem::new(40);
    let network = problem.train(&options(1)).unwrap().network;
    let data = problem.data();
    let features = heads::features(&network, Tap::Fc, &data, 7).unwrap();
    let rows = [3, 35, 11];
    let pixels = crate::data::load_rows(&problem.images, &rows, None).unwrap();
    let all = network.predict(images(&pixels, rows.len(), SIDE, SIDE)).unwrap();
    for (ours, theirs) in logits_of_features(&network, &features, &rows).unwrap().iter().zip(&all) {
        assert!(ours.iter().zip(theirs.iter()).all(|(a, b)| (a - b).abs() < 1e-4), "{ours:?} {theirs:?}");
    }
    // Finite differences of one weight.
    let losses: Vec<HeadLoss> = network.spec().heads.iter().map(|head| HeadLoss::new(head, 0.0, None)).collect();
    let outcome = |network: &Network| heads::gradients(network, &losses, &features, data.targets, &rows).unwrap();
    let gradients = outcome(&network).gradients.unwrap();
    let loss_at = |shift: f32| {
        let moved = copy(&network);
        let var = &moved.weights()["heads.quarter.weight"];
        let mut values = var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values[5] += shift;
        var.set(&candle_core::Tensor::from_vec(values, var.dims(), var.device()).unwrap()).unwrap();
        outcome(&moved).loss
    };
    let numeric = (loss_at(1e-2) - loss_at(-1e-2)) / 2e-2;
    let exact = gradients["heads.quarter.weight"].flatten_all().unwrap().to_vec1::<f32>().unwrap()[5];
    assert!((numeric - f64::from(exact)).abs() < 1e-3, "{numeric} {exact}");
}

#[test]
fn the_backbones_rate_is_its_own() {
    let problem = Problem::new(64);
    let start = problem.train(&options(1)).unwrap().network;
    let still = go_on(&problem, &start, &TrainOptions { backbone_rate: 0.0, ..options(1) }).network;
    let moved = changed(&start, &still);
    assert!(
        moved.contains(&"heads.quarter.weight".to_owned()) && !moved.contains(&"fc.weight".to_owned()),
        "{moved:?}"
    );
}

#[test]
fn resumed_heads_end_with_the_same_bytes() {
    let problem = Problem::new(64);
    let start = problem.train(&options(1)).unwrap().network;
    let heads = TrainOptions { trainable: Trainable::Heads, ..options(4) };
    let whole = go_on(&problem, &start, &heads);
    let dir = tempfile::tempdir().unwrap();
    let heads = with_dir(heads, dir.path());
    let stop = &mut |event: &TrainEvent| match event {
        TrainEvent::Epoch(e) if e.epoch == 1 => Next::Stop,
        _ => Next::GoOn,
    };
    assert!(matches!(train_from(copy(&start), &problem.data(), &heads, stop), Err(Error::Stopped { epoch: 1 })));
    assert_eq!(bytes(&go_on(&problem, &start, &heads).network), bytes(&whole.network));
}

#[test]
fn heads_on_given_vectors_are_heads_on_images() {
    let problem = Problem::new(80);
    let start = problem.train(&options(1)).unwrap().network;
    let (data, n) = (problem.data(), problem.images.len());
    let pixels = crate::data::load_rows(&problem.images, &(0..n).collect::<Vec<_>>(), None).unwrap();
    let all = start.forward_all(images(&pixels, n, SIDE, SIDE)).unwrap();
    for (trainable, vectors) in [(Trainable::Heads, &all.fc), (Trainable::Fc, &all.pool)] {
        let options = TrainOptions { trainable, ..options(4) };
        let from_images = go_on(&problem, &start, &options);
        let on_event = &mut |_: &TrainEvent| Next::GoOn;
        let given = train_on_features(copy(&start), &data, vectors.view(), &options, on_event).unwrap();
        let last = |trained: &Trained| (trained.history[3].train_loss, trained.history[3].validation_accuracy.clone());
        // The vectors came from batches of another size: equal but for rounding.
        assert!((last(&given).0 - last(&from_images).0).abs() < 1e-4, "{trainable:?}");
        assert!(given.history[3].train_loss < given.history[0].train_loss);
        let reports =
            evaluate_features(&given.network, trainable, vectors.view(), &problem.targets, data.validation, 7).unwrap();
        let seen = evaluate(&given.network, &problem.images, &problem.targets, data.validation, 7).unwrap();
        assert_eq!(reports, seen, "{trainable:?}");
        let parts: &[&str] = if trainable == Trainable::Fc { &["heads.", "fc."] } else { &["heads."] };
        let moved = changed(&start, &given.network);
        assert!(moved.iter().all(|name| parts.iter().any(|part| name.starts_with(part))), "{moved:?}");
        assert_eq!(moved.len(), 2 + 2 * parts.len());
    }
    let fc = start.fc_of_pooled(all.pool.view()).unwrap();
    assert!(fc.iter().zip(&all.fc).all(|(a, b)| (a - b).abs() < 1e-4));
    let message = |trainable, vectors: &ndarray::Array2<f32>| {
        let options = TrainOptions { trainable, ..options(1) };
        let result = train_on_features(copy(&start), &data, vectors.view(), &options, &mut |_| Next::GoOn);
        result.unwrap_err().to_string()
    };
    assert!(
        message(Trainable::Heads, &all.pool)
            .contains("to train Heads on: the shape is [80, 128], but must be [80, 16]")
    );
    assert!(message(Trainable::All, &all.fc).contains("`trainable` is All, but must be `heads`"));
    assert!(start.fc_of_pooled(all.fc.view()).is_err());
}

#[test]
fn the_fc_layers_gradient_is_a_finite_difference() {
    let problem = Problem::new(40);
    let network = problem.train(&options(1)).unwrap().network;
    let data = problem.data();
    let features = heads::features(&network, Tap::Pool, &data, 7).unwrap();
    let losses: Vec<HeadLoss> = network.spec().heads.iter().map(|head| HeadLoss::new(head, 0.0, None)).collect();
    let rows = [3, 35, 11, 8];
    let outcome = |network: &Network| heads::gradients(network, &losses, &features, data.targets, &rows).unwrap();
    let gradients = outcome(&network).gradients.unwrap();
    for (name, at) in [("fc.weight", 300), ("fc.bias", 3), ("heads.flags.weight", 9)] {
        let loss_at = |shift: f32| {
            let moved = copy(&network);
            let var = &moved.weights()[name];
            let mut values = var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            values[at] += shift;
            var.set(&candle_core::Tensor::from_vec(values, var.dims(), var.device()).unwrap()).unwrap();
            outcome(&moved).loss
        };
        let numeric = (loss_at(1e-2) - loss_at(-1e-2)) / 2e-2;
        let exact = gradients[name].flatten_all().unwrap().to_vec1::<f32>().unwrap()[at];
        assert!((numeric - f64::from(exact)).abs() < 1e-3, "{name}: {numeric} {exact}");
    }
}

#[test]
fn frozen_norms_keep_their_statistics_and_scales() {
    let problem = Problem::new(96);
    let start = problem.train(&options(1)).unwrap().network;
    let trained = go_on(&problem, &start, &TrainOptions { batch_norm: crate::Norms::Frozen, ..options(2) });
    let moved = changed(&start, &trained.network);
    assert!(moved.iter().all(|name| !name.contains("bn") && !name.contains("running")), "{moved:?}");
    assert!(moved.contains(&"conv1.weight".to_owned()) && moved.contains(&"fc.weight".to_owned()), "{moved:?}");
    assert!(trained.history[1].train_loss < trained.history[0].train_loss);
}

#[test]
fn accumulated_batches_are_one_large_batch_where_norms_are_frozen() {
    let problem = Problem::new(128);
    let start = problem.train(&options(1)).unwrap().network;
    let frozen = TrainOptions { batch_norm: crate::Norms::Frozen, augment: false, ..options(2) };
    let optimizer = crate::OptimizerKind::Sgd;
    let large = TrainOptions { batch: 32, optimizer, learning_rate: 0.05, ..frozen };
    let small = TrainOptions { batch: 8, accumulate: 4, ..large.clone() };
    let (large, small) = (go_on(&problem, &start, &large), go_on(&problem, &start, &small));
    let (a, b) = (large.network.state().unwrap(), small.network.state().unwrap());
    for (name, array) in &a {
        let scale = array.values.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
        let apart = array.values.iter().zip(&b[name].values).fold(0.0f32, |m, (x, y)| m.max((x - y).abs()));
        // Sums of four parts instead of one.
        assert!(apart < 1e-4 * scale, "{name}: {apart} of {scale}");
    }
    assert!((large.history[1].learning_rate - small.history[1].learning_rate).abs() < 1e-15);
}

/// Trains and stops after a few events; asks for a checkpoint at the events that `save` picks.
fn stopped_within(problem: &Problem, options: &TrainOptions, save: (usize, usize), stop: (usize, usize)) {
    let result = train(&problem.spec(), &problem.data(), options, &mut |event| match event {
        TrainEvent::Step { epoch, step, .. } if (*epoch, *step) == save => Next::Save,
        TrainEvent::Step { epoch, step, .. } if (*epoch, *step) == stop => Next::Stop,
        _ => Next::GoOn,
    });
    assert!(matches!(result, Err(Error::Stopped { .. })));
}

#[test]
fn a_run_resumed_within_an_epoch_ends_with_the_same_bytes() {
    let problem = Problem::new(96);
    for accumulate in [1, 2] {
        let plain = TrainOptions { accumulate, batch: 12, ..options(3) };
        let whole = problem.train(&plain).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let options = with_dir(plain, dir.path());
        // Asked for after batch 2; with two batches a step it is written after batch 3.
        stopped_within(&problem, &options, (1, 2), (1, 4));
        let (first, resumed) = problem.first_event(&options);
        let step = if accumulate == 1 { 3 } else { 4 };
        assert_eq!(first, TrainEvent::Resumed { epoch: 1, step });
        assert_eq!(resumed.history, whole.history);
        assert_eq!(bytes(&resumed.network), bytes(&whole.network));
    }
}
