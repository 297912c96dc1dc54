//! The probe against scikit-learn, against problems whose answer is known, and against bad input.
#![allow(clippy::unwrap_used)]

use latentwalk_probe::*;
use latentwalk_testing::{fixture_text, on_threads};
use ndarray::{Array2, array};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// Rows with labels, every tenth to validation and two of ten to test.
struct Data {
    z: Array2<f32>,
    labels: Vec<Option<u32>>,
    splits: Vec<Split>,
    classes: Vec<String>,
}

impl Data {
    fn task<'a>(&'a self, order: &'a [u32]) -> Task<'a> {
        Task {
            name: "sleeve",
            classes: &self.classes,
            order,
            z: self.z.view(),
            labels: &self.labels,
            splits: &self.splits,
        }
    }
}

fn names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("class{class}")).collect()
}

fn quiet(_: usize, _: usize) {}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random_range(f64::MIN_POSITIVE..1.0), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Class `y` stands at `means[y]` along `truth`, with normal noise of deviation 1 on every axis.
fn mixture(n: usize, truth: &[f64], means: &[f64], seed: u64) -> Data {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut z = Array2::zeros((n, truth.len()));
    let mut labels = Vec::new();
    for mut row in z.rows_mut() {
        let class = rng.random_range(0..means.len());
        row.iter_mut().zip(truth).for_each(|(slot, t)| *slot = (means[class] * t + normal(&mut rng)) as f32);
        labels.push(Some(class as u32));
    }
    let part =
        |row: usize| [Split::Validation, Split::Test, Split::Test].get(row % 10).copied().unwrap_or(Split::Train);
    Data { z, labels, splits: (0..n).map(part).collect(), classes: names(means.len()) }
}

fn truth(k: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let raw: Vec<f64> = (0..k).map(|_| normal(&mut rng)).collect();
    let length = raw.iter().map(|v| v * v).sum::<f64>().sqrt();
    raw.into_iter().map(|v| v / length).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn logistic_regression_is_scikit_learns() {
    let golden: Value = serde_json::from_str(&fixture_text("golden/probe/golden.json")).unwrap();
    let golden = &golden["logistic"];
    let rows: Vec<Vec<f64>> = golden["x"].as_array().unwrap().iter().map(numbers).collect();
    let k = rows[0].len();
    let z = Array2::from_shape_fn((rows.len(), k), |(row, axis)| rows[row][axis] as f32);
    let labels: Vec<Option<u32>> = numbers(&golden["y"]).into_iter().map(|y| Some(y as u32)).collect();
    let data = Data { splits: vec![Split::Train; rows.len()], z, labels, classes: names(2) };
    for case in golden["cases"].as_array().unwrap() {
        let options = ProbeOptions {
            method: MethodChoice::Logistic,
            l2: case["l2"].as_f64().unwrap(),
            class_weights: case["balanced"].as_bool().unwrap(),
            standardize: serde_json::from_value(case["standardize"].clone()).unwrap(),
            ..ProbeOptions::default()
        };
        let direction = fit(&data.task(&[]), &options, &quiet).unwrap();
        let Model::Logistic { slope, intercept } = direction.model else { panic!("{:?}", direction.model) };
        let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-7 * (1.0 + want.abs()), "{got} {want} {case}");
        direction.weights.iter().zip(numbers(&case["coefficients"])).for_each(|(w, want)| near(slope * w, want));
        near(intercept, case["intercept"].as_f64().unwrap());
        let predicted = direction.predict(data.z.slice(ndarray::s![..5, ..])).unwrap();
        predicted.column(1).iter().zip(numbers(&case["probabilities"])).for_each(|(&p, want)| near(p, want));
    }
}

#[test]
fn three_ordered_classes_are_found_by_every_method() {
    let truth = truth(20);
    let data = mixture(6000, &truth, &[-2.5, 0.0, 2.5], 1);
    for (method, least) in [
        MethodChoice::Bottleneck,
        MethodChoice::MeanDifference,
        MethodChoice::Lda,
        MethodChoice::ProportionalOdds,
        MethodChoice::RidgeOnRanks,
    ]
    .map(|method| (method, 0.99))
    {
        let options = ProbeOptions { method, ..ProbeOptions::default() };
        let direction = fit(&data.task(&[0, 1, 2]), &options, &quiet).unwrap();
        let got = cosine(&direction.weights, &truth);
        assert!(got > least, "{method:?}: cosine {got}, {:?}", direction.restarts);
        assert_eq!((direction.verdict, direction.orientation), (Verdict::InOrder, Orientation::Declared));
        assert_eq!(direction.found_order, [0, 1, 2]);
        let evidence = &direction.evidence;
        // Neighbours 2.5 deviations apart: AUC Φ(2.5/√2) = 0.961, accuracy 1 − (4/3)·Φ(−1.25) = 0.859.
        assert!((evidence.min_adjacent_auc.unwrap() - 0.961).abs() < 0.03, "{evidence:?}");
        assert!((evidence.test_accuracy.unwrap() - 0.859).abs() < 0.05, "{evidence:?}");
        assert!(evidence.spearman.unwrap() > 0.85);
        let [low, high] = evidence.min_adjacent_auc_interval.unwrap();
        assert!(low < 0.961 && high > 0.94 && high - low < 0.05, "{low} {high}");
        assert_eq!(evidence.boundaries.iter().map(|b| (b.below, b.above)).collect::<Vec<_>>(), [(0, 1), (1, 2)]);
    }
}

#[test]
fn reversed_order_turns_the_direction() {
    let truth = truth(8);
    let data = mixture(800, &truth, &[-2.0, 0.0, 2.0], 2);
    let options = ProbeOptions { restarts: 4, ..ProbeOptions::default() };
    let up = fit(&data.task(&[0, 1, 2]), &options, &quiet).unwrap();
    let down = fit(&data.task(&[2, 1, 0]), &options, &quiet).unwrap();
    assert!(up.weights.iter().zip(&down.weights).all(|(a, b)| *a == -*b));
    assert_eq!(down.found_order, [2, 1, 0]);
    let z = data.z.view();
    let (p, q) = (up.predict(z).unwrap(), down.predict(z).unwrap());
    assert!(p.iter().zip(&q).all(|(a, b)| (a - b).abs() < 1e-9));
    // Without an order the last class of the list lies above the first.
    let nominal = fit(&data.task(&[]), &options, &quiet).unwrap();
    assert_eq!((nominal.verdict, nominal.orientation), (Verdict::Unordered, Orientation::ClassMeans));
    assert!(nominal.evidence.train[2].unwrap().mean > nominal.evidence.train[0].unwrap().mean);
    assert_eq!((nominal.evidence.min_adjacent_auc, nominal.evidence.spearman), (None, None));
}

#[test]
fn an_order_that_the_data_contradict_is_folded() {
    // Along the only axis that tells them apart the classes stand 0, 2, 1.
    let data = mixture(900, &truth(6), &[-3.0, 3.0, 0.0], 3);
    let options = ProbeOptions { restarts: 4, ..ProbeOptions::default() };
    let direction = fit(&data.task(&[0, 1, 2]), &options, &quiet).unwrap();
    assert_eq!(direction.verdict, Verdict::Folded);
    assert_eq!(direction.restarts_in_order(), 0);
    assert!(direction.restarts.iter().any(|r| r.chosen && r.order_found == [0, 2, 1]), "{:?}", direction.restarts);
    assert!(direction.evidence.min_adjacent_auc.unwrap() < 0.1);
    assert_eq!(direction.evidence.in_order, Some(false));
    // The order may name a subset, which holds.
    let subset = fit(&data.task(&[0, 1]), &options, &quiet).unwrap();
    assert_eq!(subset.verdict, Verdict::InOrder);
    assert!(subset.evidence.min_adjacent_auc.unwrap() > 0.99);
}

/// A V: class 1 stands apart from 0 and 2 on one axis, a weaker axis orders all three. Folding costs the network nothing.
fn vee() -> Data {
    let mut data = mixture(1500, &truth(10), &[0.0, 0.0, 0.0], 4);
    for (mut row, label) in data.z.rows_mut().into_iter().zip(&data.labels) {
        let class = label.unwrap();
        row[0] += [0.0, 5.0, 0.0][class as usize];
        row[1] += [-3.0, 0.0, 3.0][class as usize];
    }
    data
}

#[test]
fn among_folding_restarts_one_in_order_is_kept() {
    let data = vee();
    let options = ProbeOptions { restarts: 16, ..ProbeOptions::default() };
    let ordered = fit(&data.task(&[0, 1, 2]), &options, &quiet).unwrap();
    let in_order = ordered.restarts_in_order();
    assert!(in_order > 0 && in_order < 16, "{:?}", ordered.restarts);
    assert_eq!(ordered.verdict, Verdict::InOrder);
    let chosen: Vec<&RestartReport> = ordered.restarts.iter().filter(|r| r.chosen).collect();
    assert_eq!((chosen.len(), chosen[0].in_order), (1, Some(true)));
    let least = |in_order| {
        let pool = ordered.restarts.iter().filter(|r| r.in_order == Some(in_order));
        pool.filter_map(|r| r.validation_loss).min_by(f64::total_cmp).unwrap()
    };
    assert_eq!(chosen[0].validation_loss, Some(least(true)));
}

#[test]
fn random_labels_come_out_at_chance() {
    let mut data = mixture(2400, &truth(10), &[0.0; 6], 5);
    let null = NullOptions { draws: 30, width: 2, seed: 3 };
    let report = null_distribution(&data.task(&[]), &null, &ProbeOptions::default(), &quiet).unwrap();
    assert!(report.values.iter().all(|auc| (auc - 0.5).abs() < 0.2), "{:?}", report.values);
    let mean = report.values.iter().sum::<f64>() / 30.0;
    assert!((mean - 0.5).abs() < 0.05, "{mean}");
    data.classes.truncate(2);
    data.labels.iter_mut().for_each(|label| *label = label.filter(|&class| class < 2));
    let ours = fit(&data.task(&[0, 1]), &ProbeOptions::default(), &quiet).unwrap();
    let standing = report.standing(ours.evidence.min_adjacent_auc.unwrap());
    assert!((0.03..0.97).contains(&standing.share), "{standing:?}");
    assert_eq!(standing.of, 30);
}

#[test]
fn null_of_separated_classes_is_high_and_repeats() {
    // Corners of a simplex: any order of any three can be found along some axis.
    let mut data = mixture(1500, &truth(6), &[0.0; 5], 6);
    for (mut row, label) in data.z.rows_mut().into_iter().zip(&data.labels) {
        row[label.unwrap() as usize] += 8.0;
    }
    let null = NullOptions { draws: 6, width: 3, seed: 1 };
    let options = ProbeOptions { restarts: 3, epochs: 15, ..ProbeOptions::default() };
    let report = null_distribution(&data.task(&[]), &null, &options, &quiet).unwrap();
    assert_eq!((report.values.len(), report.draws.len()), (6, 6));
    assert!(report.draws.iter().all(|draw| draw.len() == 3 && draw[0] != draw[1] && draw[1] != draw[2]));
    assert!(report.values.iter().filter(|&&auc| auc > 0.9).count() + report.folded >= 6, "{report:?}");
    assert_eq!(report, null_distribution(&data.task(&[]), &null, &options, &quiet).unwrap());
    assert_eq!(report.standing(2.0), Standing { share: 0.0, rank: 1, of: 6 });
    let bad = NullOptions { width: 6, ..null };
    assert!(matches!(
        null_distribution(&data.task(&[]), &bad, &options, &quiet),
        Err(Error::Option { option: "width", got: 6.0, must }) if must.contains("between 2 and 5")
    ));
}

#[test]
fn threads_do_not_change_a_bit() {
    let data = mixture(5000, &truth(12), &[-1.0, 0.5, 1.5], 7);
    let mut binary = mixture(5000, &truth(12), &[-1.0, 1.0], 8);
    binary.labels[3] = None;
    let options = ProbeOptions { restarts: 3, epochs: 5, ..ProbeOptions::default() };
    let run = || {
        let three = fit(&data.task(&[0, 1, 2]), &options, &quiet).unwrap();
        (three, fit(&binary.task(&[]), &options, &quiet).unwrap())
    };
    assert_eq!(on_threads(1, run), on_threads(4, run));
}

#[test]
fn translation_leaves_directions_alone() {
    let data = mixture(1200, &truth(6), &[-1.0, 1.0], 9);
    let mut moved = mixture(1200, &truth(6), &[-1.0, 1.0], 9);
    moved.z += &array![100.0_f32, -50.0, 3.0, 0.0, 7.0, -1.0];
    for method in [MethodChoice::Logistic, MethodChoice::MeanDifference, MethodChoice::Lda, MethodChoice::Bottleneck] {
        let options = ProbeOptions { method, restarts: 2, ..ProbeOptions::default() };
        let [here, there] = [&data, &moved].map(|data| fit(&data.task(&[]), &options, &quiet).unwrap());
        // Shifted f32 coordinates are rounded at 1e-5; training carries that on.
        let least = if method == MethodChoice::Bottleneck { 0.9999 } else { 1.0 - 1e-8 };
        assert!(cosine(&here.weights, &there.weights) > least, "{method:?}");
        assert!((here.evidence.min_adjacent_auc.unwrap() - there.evidence.min_adjacent_auc.unwrap()).abs() < 1e-3);
    }
}

#[test]
fn pattern_follows_the_covariance() {
    let mut data = mixture(2000, &truth(5), &[-1.0, 1.0], 10);
    data.z.column_mut(0).mapv_inplace(|v| 5.0 * v);
    let options = ProbeOptions::default();
    let filter = fit(&data.task(&[0, 1]), &options, &quiet).unwrap();
    let pattern = pattern(&filter, &data.task(&[0, 1]), &options).unwrap();
    assert_eq!(pattern.method, Method::Pattern);
    assert!(cosine(&filter.weights, &pattern.weights) > 0.0);
    let share = |d: &Direction| d.weights[0].abs();
    assert!(share(&pattern) > 2.0 * share(&filter), "{:?} {:?}", filter.weights, pattern.weights);
}

#[test]
fn saved_directions_come_back() {
    let data = mixture(600, &truth(4), &[-2.0, 0.0, 2.0], 11);
    let mut binary = mixture(600, &truth(4), &[-2.0, 2.0], 12);
    binary.classes = vec!["no".to_owned(), "yes".to_owned()];
    let options = ProbeOptions { restarts: 2, ..ProbeOptions::default() };
    let rival = ProbeOptions { method: MethodChoice::MeanDifference, ..options.clone() };
    let directions = [
        fit(&data.task(&[0, 1, 2]), &options, &quiet).unwrap(),
        fit(&Task { name: "is=long", ..binary.task(&[]) }, &options, &quiet).unwrap(),
        fit(&Task { name: "a/b", ..data.task(&[]) }, &rival, &quiet).unwrap(),
    ];
    let embedding = vec![vec![0.25; 7], vec![-1.0; 7], vec![0.1; 7]];
    let dir = tempfile::tempdir().unwrap();
    save(dir.path(), &directions, &embedding).unwrap();
    let bytes = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    let first = [TENSORS_FILE, DESCRIPTION_FILE, "sleeve.npy", "is=long.embedding.npy", "a%2Fb.npy"].map(bytes);
    save(dir.path(), &directions, &embedding).unwrap();
    assert_eq!(first, [TENSORS_FILE, DESCRIPTION_FILE, "sleeve.npy", "is=long.embedding.npy", "a%2Fb.npy"].map(bytes));

    let back = load(dir.path()).unwrap();
    assert_eq!(back.embedding_weights, embedding);
    for (got, want) in back.directions.iter().zip(&directions) {
        assert_eq!((&got.weights, &got.model, &got.attribute), (&want.weights, &want.model, &want.attribute));
        assert_eq!((&got.restarts.len(), got.verdict, &got.order), (&want.restarts.len(), want.verdict, &want.order));
        assert_eq!(got.evidence.rows, want.evidence.rows);
        // serde_json reads decimal numbers to within one ulp.
        assert!((got.evidence.test_accuracy.unwrap() - want.evidence.test_accuracy.unwrap()).abs() < 1e-15);
        assert_eq!(got.predict(data.z.view()).unwrap(), want.predict(data.z.view()).unwrap());
    }
    check_npy(&bytes("sleeve.npy"), &directions[0].weights);
    check_npy(&bytes("is=long.embedding.npy"), &embedding[1]);
    check_with_numpy(dir.path());

    let twice = [directions[0].clone(), directions[0].clone()];
    assert!(matches!(save(dir.path(), &twice, &embedding[..2]), Err(Error::Name { .. })));
    assert!(matches!(save(dir.path(), &directions, &embedding[..2]), Err(Error::Shape { .. })));
}

fn check_npy(bytes: &[u8], want: &[f64]) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0);
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(header.starts_with(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", want.len())));
    assert!(header.ends_with('\n'));
    let values: Vec<f32> = bytes[10 + length..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(values, want.iter().map(|&v| v as f32).collect::<Vec<_>>());
}

/// Reads a file with numpy where a python with numpy is on the path.
fn check_with_numpy(dir: &std::path::Path) {
    let script = "import sys\ntry:\n    import numpy\nexcept ImportError:\n    sys.exit(0)\n\
                  a = numpy.load(sys.argv[1])\nsys.exit(0 if a.shape == (4,) and a.dtype == numpy.float32 else 1)";
    let run = std::process::Command::new("python3").arg("-c").arg(script).arg(dir.join("sleeve.npy")).status();
    if let Ok(status) = run {
        assert!(status.success());
    }
}

#[test]
fn damaged_files_are_named() {
    let data = mixture(300, &truth(3), &[-2.0, 2.0], 13);
    let direction = fit(&data.task(&[]), &ProbeOptions::default(), &quiet).unwrap();
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(load(dir.path()), Err(Error::Io { .. })));
    save(dir.path(), &[direction], &[vec![0.0; 3]]).unwrap();
    let tensors = std::fs::read(dir.path().join(TENSORS_FILE)).unwrap();
    std::fs::write(dir.path().join(TENSORS_FILE), &tensors[..tensors.len() - 8]).unwrap();
    assert!(matches!(load(dir.path()), Err(Error::Content { path, .. }) if path.ends_with(TENSORS_FILE)));
    std::fs::write(dir.path().join(TENSORS_FILE), &tensors).unwrap();
    let text = std::fs::read_to_string(dir.path().join(DESCRIPTION_FILE)).unwrap();
    std::fs::write(dir.path().join(DESCRIPTION_FILE), text.replace("\"axes\": 3", "\"axes\": 4")).unwrap();
    let Err(Error::Content { source, .. }) = load(dir.path()) else { panic!("another number of axes is refused") };
    assert!(source.to_string().contains("is not 4 numbers"), "{source}");
    std::fs::write(dir.path().join(DESCRIPTION_FILE), "{\"version\": 2}").unwrap();
    assert!(matches!(load(dir.path()), Err(Error::Newer { found: 2, .. })));
}

#[test]
fn bad_input_is_refused_with_its_culprit() {
    let data = mixture(300, &truth(3), &[-2.0, 0.0, 2.0], 14);
    let options = ProbeOptions { restarts: 2, epochs: 3, ..ProbeOptions::default() };
    let fail = |task: &Task<'_>| fit(task, &options, &quiet).unwrap_err();
    let good = data.task(&[]);

    assert!(matches!(fail(&Task { classes: &data.classes[..1], ..good }), Error::TooFew { got: 1, needed: 2, .. }));
    assert!(matches!(fail(&Task { classes: &data.classes[..2], ..good }), Error::NoClass { got: 2, classes: 2, .. }));
    assert!(matches!(fail(&Task { order: &[0, 3], ..good }), Error::NoClass { got: 3, .. }));
    let problem = |error: Error| match error {
        Error::Order { problem, .. } => problem,
        other => other.to_string(),
    };
    assert_eq!(problem(fail(&Task { order: &[0, 1, 0], ..good })), "class `class0` twice");
    assert_eq!(problem(fail(&Task { order: &[0], ..good })), "one class only");
    assert!(matches!(fail(&Task { labels: &data.labels[1..], ..good }), Error::Shape { what: "labels", .. }));
    assert!(matches!(fail(&Task { splits: &data.splits[1..], ..good }), Error::Shape { what: "splits", got: 299, .. }));

    let mut z = data.z.clone();
    z[[17, 2]] = f32::NAN;
    assert!(matches!(fail(&Task { z: z.view(), ..good }), Error::NotFinite { row: 17, axis: 2, .. }));
    let flat = Array2::from_elem((300, 3), 0.3);
    let no_direction = |error: Error| match error {
        Error::NoDirection { reason, .. } => reason,
        other => other.to_string(),
    };
    assert!(no_direction(fail(&Task { z: flat.view(), ..good })).contains("the same vector"));
    let none = Array2::zeros((300, 0));
    assert_eq!(no_direction(fail(&Task { z: none.view(), ..good })), "the vectors have no axes");

    let labels: Vec<Option<u32>> = data.labels.iter().map(|label| label.filter(|&class| class != 1)).collect();
    let error = fail(&Task { labels: &labels, ..good });
    assert!(matches!(error, Error::TooFew { got: 0, .. }));
    assert!(error.to_string().contains("0 training row(s) of class `class1`, but at least 3 are needed"), "{error}");
    assert!(error.to_string().contains("\nhint: label more images"), "{error}");
    let splits = vec![Split::Train; 300];
    let empty = fail(&Task { splits: &splits, ..good });
    assert!(matches!(&empty, Error::TooFew { what, got: 0, .. } if what == "labelled validation rows"), "{empty}");

    let logistic = ProbeOptions { method: MethodChoice::Logistic, ..options.clone() };
    let three = no_direction(fit(&good, &logistic, &quiet).unwrap_err());
    assert_eq!(three, "logistic regression fits two classes, but it has 3");
    let zero = ProbeOptions { restarts: 0, ..options.clone() };
    assert!(matches!(fit(&good, &zero, &quiet), Err(Error::Option { option: "restarts", .. })));

    let direction = fit(&good, &options, &quiet).unwrap();
    assert!(matches!(direction.position(array![1.0_f32].view()), Err(Error::Shape { expected: 3, got: 1, .. })));
    assert!(matches!(direction.predict(Array2::zeros((2, 4)).view()), Err(Error::Shape { got: 4, .. })));
}

#[test]
fn nothing_to_learn_is_an_error_that_says_what_to_try() {
    let data = mixture(900, &truth(4), &[0.0; 3], 15);
    // A step far too large leaves every restart worse than the prior.
    let options = ProbeOptions { restarts: 3, epochs: 2, learning_rate: 1e4, ..ProbeOptions::default() };
    let error = fit(&data.task(&[0, 1, 2]), &options, &quiet).unwrap_err();
    assert!(matches!(error, Error::AllCollapsed { restarts: 3, .. }), "{error}");
    assert!(error.to_string().contains("\nhint: try more restarts"));
}
