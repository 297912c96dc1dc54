//! From vectors to strips: `cargo bench --profile dev -p latentwalk-benches --bench directions`.
//!
//! PCA's covariance ("elements" are the n d² floating-point operations of one triangle), one fit of the article's
//! probe, one exact walk over 100,000 points (throughput in bytes of points), one HNSW search.
#![allow(missing_docs, reason = "criterion's macros define public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use latentwalk_decomposition::{Accumulator, PcaOptions};
use latentwalk_lines::{HnswIndex, HnswOptions, Metric, Space, Stops, WalkOptions, walk};
use latentwalk_probe::{MethodChoice, ProbeOptions, Split, Task};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const K: usize = 50;

/// Points around 20 centres.
fn clustered(n: usize, d: usize) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let centres = Array2::from_shape_simple_fn((20, d), || rng.random_range(-3.0_f32..3.0));
    Array2::from_shape_fn((n, d), |(i, j)| centres[[i % 20, j]] + rng.random_range(-1.0_f32..1.0))
}

fn covariance(c: &mut Criterion) {
    let (n, d) = (8192, 1000);
    let x = clustered(n, d);
    let mut group = c.benchmark_group("pca");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    group.throughput(Throughput::Elements((n * d * d) as u64));
    group.bench_function("covariance_8192x1000", |b| {
        b.iter(|| {
            let mut accumulator = Accumulator::new(d);
            accumulator.push(black_box(x.view())).unwrap();
            accumulator
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("fit_8192x1000_to_50", |b| {
        b.iter(|| latentwalk_decomposition::fit(black_box(x.view()), &PcaOptions::default()).unwrap());
    });
    group.finish();
}

fn probe(c: &mut Criterion) {
    let n = 3000;
    let z = clustered(n, K);
    let labels: Vec<Option<u32>> = (0..n).map(|i| Some((i % 20 % 3) as u32)).collect();
    let splits: Vec<Split> =
        (0..n).map(|i| [Split::Train, Split::Train, Split::Validation, Split::Test][i / 20 % 4]).collect();
    let classes = ["a", "b", "c"].map(str::to_owned);
    let task = Task { name: "bench", classes: &classes, order: &[], z: z.view(), labels: &labels, splits: &splits };
    let mut group = c.benchmark_group("probe");
    group.sample_size(20);
    for (name, method) in [("bottleneck_8_restarts", MethodChoice::Bottleneck), ("lda", MethodChoice::Lda)] {
        let options = ProbeOptions { method, bootstrap: 0, ..ProbeOptions::default() };
        group.bench_function(name, |b| {
            b.iter(|| latentwalk_probe::fit(black_box(&task), &options, &|_, _| {}).unwrap())
        });
    }
    group.finish();
}

fn lines(c: &mut Criterion) {
    let n = 100_000;
    let z = clustered(n, K);
    let space = Space::new(Metric::euclidean(K).unwrap(), z.view()).unwrap();
    let mut weights = vec![0.0; K];
    (weights[0], weights[3]) = (0.8, 0.6);
    let line = space.metric().line(&weights, z.row(7)).unwrap();
    let stops = Stops::new((0..7).map(|i| f64::from(i) - 3.0).collect()).unwrap();
    let mut group = c.benchmark_group("lines");
    group.sample_size(30);
    group.throughput(Throughput::Bytes((n * K * 4) as u64));
    group.bench_function("exact_walk_100k_x_50", |b| {
        b.iter(|| walk(black_box(&space), &line, &stops, &WalkOptions::default()).unwrap());
    });
    group.throughput(Throughput::Elements(1));
    let small = Space::new(Metric::euclidean(K).unwrap(), z.slice(ndarray::s![..7000, ..])).unwrap();
    let index = HnswIndex::build(&small, HnswOptions::default()).unwrap();
    let point = line.mapped_point(0.5);
    group.bench_function("hnsw_search_7k_ef64", |b| b.iter(|| index.search(black_box(&point), 10, 64).unwrap()));
    group.bench_function("exact_nearest_7k", |b| b.iter(|| small.nearest(black_box(&point), 10, &[]).unwrap()));
    group.finish();
}

criterion_group!(benches, covariance, probe, lines);
criterion_main!(benches);
