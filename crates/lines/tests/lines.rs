//! Against numpy, and the phenomenon that makes the metric matter.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use latentwalk_lines::{
    Error, Metric, MetricKind, Space, StopContext, StopRule, Stops, WalkFigures, WalkOptions, WalkStudy, choose_metric,
    walk,
};
use latentwalk_testing::{fixture_text, on_threads};
use ndarray::{Array2, Axis, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    n: usize,
    k: usize,
    classes: usize,
    shrinkage: f64,
    start: usize,
    z: Vec<f32>,
    labels: Vec<Option<u32>>,
    train: Vec<usize>,
    w: Vec<f64>,
    stops: Vec<f64>,
    pairs: Vec<(usize, usize)>,
    positions: Vec<f64>,
    pair_distances: BTreeMap<String, Vec<f64>>,
    walks: BTreeMap<String, GoldenWalk>,
    quantiles: Vec<f64>,
}

#[derive(Deserialize)]
struct GoldenWalk {
    displacement: Vec<f64>,
    scale: f64,
    distances: Vec<f64>,
    strips: Vec<Vec<usize>>,
}

fn golden() -> (Golden, Array2<f32>) {
    let golden: Golden = serde_json::from_str(&fixture_text("golden/lines/golden.json")).unwrap();
    let z = Array2::from_shape_vec((golden.n, golden.k), golden.z.clone()).unwrap();
    (golden, z)
}

fn metrics(golden: &Golden, z: &Array2<f32>) -> [Metric; 3] {
    let train = z.select(ndarray::Axis(0), &golden.train);
    [
        Metric::euclidean(golden.k).unwrap(),
        Metric::whitened(train.view()).unwrap(),
        Metric::within_class(z.view(), &golden.labels, &golden.train, golden.classes, golden.shrinkage).unwrap(),
    ]
}

fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance * (1.0 + expected.abs()), "got {got}, expected {expected}");
}

#[test]
fn metrics_lines_and_strips_agree_with_numpy() {
    let (golden, z) = golden();
    for metric in metrics(&golden, &z) {
        let name = metric.kind().name();
        let mapped = metric.map(z.view()).unwrap();
        for (&(a, b), &expected) in golden.pairs.iter().zip(&golden.pair_distances[name]) {
            let square: f64 = (0..golden.k).map(|j| f64::from(mapped[[a, j]] - mapped[[b, j]]).powi(2)).sum();
            // Mapped points are f32.
            close(square.sqrt(), expected, 1e-5);
        }
        let expected = &golden.walks[name];
        let space = Space::new(metric, z.view()).unwrap();
        let line = space.metric().line(&golden.w, z.row(golden.start)).unwrap();
        close(line.scale(), expected.scale, 1e-9);
        // f64 all the way; the condition number of S_W is about 1e3.
        line.displacement().iter().zip(&expected.displacement).for_each(|(&got, &e)| close(got, e, 1e-9));
        let (positions, distances) = space.scan(&line).unwrap();
        positions.iter().zip(&golden.positions).for_each(|(&got, &e)| close(got, e, 1e-5));
        distances.iter().zip(&expected.distances).enumerate().for_each(|(row, (&got, &e))| {
            // The start's own distance is the root of a rounding difference.
            close(got, e, if row == golden.start { 1e-3 } else { 1e-4 });
        });
        let stops = Stops::new(golden.stops.clone()).unwrap();
        let exclude = [golden.start];
        let options = WalkOptions { per_stop: 3, exclude: &exclude, ..WalkOptions::default() };
        let strip = walk(&space, &line, &stops, &options).unwrap();
        let rows: Vec<Vec<usize>> =
            strip.stops.iter().map(|stop| stop.hits.iter().map(|hit| hit.row).collect()).collect();
        assert_eq!(rows, expected.strips, "{name}");
    }
}

#[test]
fn stops_at_quantiles_agree_with_numpy() {
    let (golden, _) = golden();
    let place = |low, high| {
        let context = StopContext { pool: &golden.positions, ..StopContext::default() };
        StopRule::Quantiles { count: 2, low, high }.place(&context).unwrap().positions().to_vec()
    };
    let got = [place(0.01, 0.25), place(0.5, 0.9)].concat();
    got.iter().zip(&golden.quantiles).for_each(|(&got, &e)| close(got, e, 1e-12));
}

#[test]
fn a_saved_metric_maps_to_the_same_bytes() {
    let (golden, z) = golden();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metric.json");
    for metric in metrics(&golden, &z) {
        metric.save(&path).unwrap();
        let loaded = Metric::load(&path).unwrap();
        assert_eq!(loaded, metric);
        assert_eq!(loaded.map(z.view()).unwrap(), metric.map(z.view()).unwrap());
    }
    let json = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [("\"version\": 1", "\"version\": 9"), ("\"k\": 6", "\"k\": 5"), ("\"kind\"", "\"sort\"")] {
        assert!(json.contains(from));
        std::fs::write(&path, json.replace(from, to)).unwrap();
        assert!(matches!(Metric::load(&path), Err(Error::Content { .. })), "{to}");
    }
    assert!(matches!(Metric::load(&folder.path().join("none")), Err(Error::Io { .. })));
}

#[test]
fn bad_labels_and_covariances_are_refused() {
    let (golden, z) = golden();
    let all: Vec<usize> = (0..golden.n).collect();
    let make = |labels: &[Option<u32>], rows: &[usize], classes, shrinkage| {
        Metric::within_class(z.view(), labels, rows, classes, shrinkage)
    };
    assert!(matches!(make(&golden.labels[1..], &all, 3, 0.0), Err(Error::Shape { .. })));
    assert!(matches!(make(&golden.labels, &all, 2, 0.0), Err(Error::Outside { got: 2, count: 2, .. })));
    let few = make(&golden.labels, &all, 4, 0.0).unwrap_err();
    assert!(matches!(&few, Error::TooFewRows { what, rows: 0, .. } if what.contains("of class 3 ")), "{few}");
    assert!(matches!(make(&golden.labels, &[golden.n], 3, 0.0), Err(Error::Outside { .. })));
    assert!(matches!(make(&golden.labels, &all, 3, -1.0), Err(Error::Option { .. })));
    let mut nan = z.clone();
    let row = (0..golden.n).find(|&i| golden.labels[i].is_some()).unwrap();
    nan[[row, 2]] = f32::NAN;
    let error = Metric::within_class(nan.view(), &golden.labels, &all, 3, 1e-4).unwrap_err();
    assert!(matches!(error, Error::NotUsable { row: r, axis: 2, .. } if r == row), "{error}");
    // A repeated axis: singular without shrinkage, and the message says what to do.
    let mut twice = z.clone();
    let first = z.column(0).to_owned();
    twice.column_mut(5).assign(&first);
    let error = Metric::within_class(twice.view(), &golden.labels, &all, 3, 0.0).unwrap_err();
    assert!(matches!(error, Error::Singular { axis: 5, .. }));
    assert!(error.to_string().contains("\nhint: raise the shrinkage or lower k"), "{error}");
    assert!(Metric::within_class(twice.view(), &golden.labels, &all, 3, 1e-4).is_ok());
    twice.column_mut(1).fill(7.0);
    // An axis on which nothing varies counts for nothing, instead of being divided by nothing.
    let whitened = Metric::whitened(twice.view()).unwrap();
    let mut moved = twice.row(0).to_owned();
    moved[1] += 1e-6;
    let points = ndarray::stack![Axis(0), twice.row(0), moved];
    let mapped = whitened.map(points.view()).unwrap();
    assert!((mapped[[0, 1]] - mapped[[1, 1]]).abs() < 1.0, "{mapped}");
    twice.fill(7.0);
    assert!(matches!(
        Metric::whitened(twice.view()),
        Err(Error::Singular { metric: MetricKind::Whitened, axis: 0, .. })
    ));
    assert!(matches!(Metric::euclidean(0), Err(Error::Empty { .. })));
    assert!(matches!(Metric::whitened(z.slice(s![..1, ..])), Err(Error::Option { .. })));
}

/// Three classes whose mean moves sideways as it moves along the score, as a trained network's do, and whose members vary
/// in the same slanted way; a few strays of the outer classes stay beside their own mean at every score.
struct Slanted {
    z: Array2<f32>,
    labels: Vec<Option<u32>>,
    weights: Vec<f64>,
}

fn slanted(n: usize, seed: u64) -> Slanted {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = {
        let mut uniform = ChaCha8Rng::seed_from_u64(seed + 1);
        move || (0..12).map(|_| uniform.random::<f64>()).sum::<f64>() - 6.0
    };
    let means = [[0.0, 0.0], [4.0, 5.5], [8.0, 10.0]];
    let labels: Vec<Option<u32>> = (0..n).map(|i| Some((i % 3) as u32)).collect();
    let z = Array2::from_shape_fn((n, 6), |_| 0.4 * normal() as f32);
    let mut points = z;
    for i in 0..n {
        let class = i % 3;
        let [x, y] = means[class];
        let stray = class != 1 && rng.random::<f64>() < 0.04;
        let off = if stray { (4.0 - x) * rng.random_range(0.3..1.7) } else { 0.8 * normal() };
        points[[i, 0]] = (x + off) as f32;
        points[[i, 1]] += (y + if stray { 0.0 } else { 1.25 * off }) as f32;
    }
    Slanted { z: points, labels, weights: vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0] }
}

fn study(data: &Slanted, metric: Metric, pool: usize) -> [WalkFigures; 4] {
    let space = Space::new(metric, data.z.slice(s![..pool, ..])).unwrap();
    let stops = StopRule::Medians { count: 7 }
        .place(&StopContext { medians: &[0.0, 4.0, 8.0], ..StopContext::default() })
        .unwrap();
    // Held-out starts of the outer classes.
    let starts: Vec<usize> = (pool..data.z.nrows()).filter(|i| i % 3 != 1).collect();
    let starts = data.z.select(ndarray::Axis(0), &starts);
    let study = WalkStudy {
        space: &space,
        labels: &data.labels[..pool],
        order: &[0, 1, 2],
        weights: &data.weights,
        stops: &stops,
        starts: starts.view(),
        start_rows: &[],
    };
    [
        study.walk().unwrap(),
        study.random_direction(3).unwrap(),
        study.random_in_slab(3).unwrap(),
        study.nearest_to_start().unwrap(),
    ]
}

#[test]
fn the_euclidean_walk_misses_the_middle_class_and_the_within_class_walk_meets_it() {
    let pool = 3000;
    let train: Vec<usize> = (0..pool).collect();
    for seed in 1..4 {
        let data = slanted(3090, seed);
        let within = Metric::within_class(data.z.view(), &data.labels, &train, 3, 1e-4).unwrap();
        let [plain, ..] = study(&data, Metric::euclidean(6).unwrap(), pool);
        let [good, random_direction, in_slab, nearest] = study(&data, within, pool);
        // Over seven seeds: 0.05 to 0.18 and 0.78 to 0.95.
        assert!(plain.middle_visited < 0.3, "euclidean {}", plain.middle_visited);
        assert!(good.middle_visited > 0.7, "within-class {}", good.middle_visited);
        assert!(good.median_spearman > plain.median_spearman && good.on_attribute == 1.0);
        assert!(random_direction.median_spearman.abs() < 0.5);
        assert!(random_direction.middle_visited < good.middle_visited);
        assert!(nearest.middle_visited < 0.3, "nearest {}", nearest.middle_visited);
        assert!(in_slab.mean_distance.unwrap() > good.mean_distance.unwrap());
        let table = [(MetricKind::Euclidean, &plain), (MetricKind::WithinClass, &good)];
        assert_eq!(choose_metric(&table).unwrap(), 1);
    }
}

#[test]
fn figures_do_not_depend_on_the_number_of_threads() {
    let data = slanted(900, 5);
    let figures =
        [1, 2].map(|threads| on_threads(threads, || study(&data, Metric::whitened(data.z.view()).unwrap(), 800)));
    assert_eq!(figures[0], figures[1]);
}
