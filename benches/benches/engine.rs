//! The engine's kernels against the bound of the machine: `cargo bench --profile dev -p latentwalk-benches --bench engine`.
//!
//! "Elements" are floating-point operations: Gelem/s is GFLOP/s. `peak` is the register block on cached operands, so what
//! one core can do at most; everything else runs on rayon's pool (`RAYON_NUM_THREADS=1` for one thread).
#![allow(missing_docs, reason = "criterion's macros define public items")]

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use latentwalk_engine as engine;
use latentwalk_engine::ConvShape;
use rayon::prelude::*;

/// name, batch, side, in, out, kernel, stride
type Layer = (&'static str, usize, usize, usize, usize, usize, usize);

/// The network for small grey images, at its training batch.
const SMALL: &[Layer] = &[
    ("stem_1x16_28", 128, 28, 1, 16, 3, 1),
    ("16x16_28", 128, 28, 16, 16, 3, 1),
    ("16x32_28_s2", 128, 28, 16, 32, 3, 2),
    ("32x32_14", 128, 14, 32, 32, 3, 1),
    ("32x64_14_s2", 128, 14, 32, 64, 3, 2),
    ("64x64_7", 128, 7, 64, 64, 3, 1),
    ("64x128_7_s2", 128, 7, 64, 128, 3, 2),
    ("128x128_4", 128, 4, 128, 128, 3, 1),
    ("16x32_28_k1_s2", 128, 28, 16, 32, 1, 2),
    ("fc_128x1000", 128, 1, 128, 1000, 1, 1),
];

/// ResNet-18 (and two 1 x 1 convolutions of ResNet-50) at 64 and 224 px.
const RESNET: &[Layer] = &[
    ("stem_3x64_64", 32, 64, 3, 64, 7, 2),
    ("64x64_16", 32, 16, 64, 64, 3, 1),
    ("64x128_16_s2", 32, 16, 64, 128, 3, 2),
    ("128x128_8", 32, 8, 128, 128, 3, 1),
    ("256x256_4", 32, 4, 256, 256, 3, 1),
    ("512x512_2", 32, 2, 512, 512, 3, 1),
    ("stem_3x64_224", 4, 224, 3, 64, 7, 2),
    ("64x64_56", 4, 56, 64, 64, 3, 1),
    ("256x256_14", 4, 14, 256, 256, 3, 1),
    ("64x256_56_k1", 4, 56, 64, 256, 1, 1),
    ("1024x256_14_k1", 4, 14, 1024, 256, 1, 1),
];

fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 37) % 101) as f32 / 50.5 - 1.0).collect()
}

fn peak(c: &mut Criterion) {
    const ROUNDS: u64 = 1 << 10;
    let mut group = group(c, "peak");
    for threads in 1..=rayon::current_num_threads() as u64 {
        group.throughput(Throughput::Elements(threads * ROUNDS * engine::PEAK_FLOPS_PER_ROUND));
        group.bench_function(format!("{threads}_threads"), |b| {
            b.iter(|| (0..threads).into_par_iter().map(|_| engine::peak_rounds(black_box(ROUNDS))).sum::<f32>());
        });
    }
    group.finish();
}

fn products(c: &mut Criterion) {
    let mut group = group(c, "gemm");
    for n in [128, 512, 2048] {
        let (x, w, mut out) = (numbers(n * n), numbers(n * n), vec![0.0; n * n]);
        group.throughput(Throughput::Elements(2 * (n * n * n) as u64));
        group.bench_function(format!("{n}"), |b| b.iter(|| engine::linear(n, n, n, &x, &w, None, &mut out)));
    }
    group.finish();
}

fn convolutions(c: &mut Criterion) {
    for (family, layers) in [("small", SMALL), ("resnet", RESNET)] {
        let mut group = group(c, family);
        for &(name, batch, side, in_channels, out_channels, kernel, stride) in layers {
            let padding = kernel / 2;
            let (height, width) = (side, side);
            let s = ConvShape { batch, height, width, in_channels, out_channels, kernel, stride, padding };
            layer(&mut group, name, &s);
        }
        group.finish();
    }
}

fn layer(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, s: &ConvShape) {
    let (x, w, grad) = (numbers(s.in_len()), numbers(s.weight_len()), numbers(s.out_len()));
    let (mut out, mut dx, mut dw) = (grad.clone(), x.clone(), w.clone());
    group.throughput(Throughput::Elements(s.flops()));
    group.bench_function(format!("{name}/forward"), |b| b.iter(|| engine::conv2d(s, &x, &w, &mut out)));
    group.bench_function(format!("{name}/grad_input"), |b| {
        b.iter(|| engine::conv2d_grad_input(s, &grad, &w, &mut dx));
    });
    group.bench_function(format!("{name}/grad_weight"), |b| {
        b.iter(|| engine::conv2d_grad_weight(s, &x, &grad, &mut dw));
    });
}

/// Layers of a compiled plan, bias and ReLU with them; operations are counted as direct convolution does them, so that
/// minimal filtering can pass the peak.
fn plans(c: &mut Criterion) {
    for (family, layers) in [("plan_small", SMALL), ("plan_resnet", RESNET)] {
        let mut group = group(c, family);
        for &(name, batch, side, in_channels, out_channels, kernel, stride) in layers {
            let padding = kernel / 2;
            let s = ConvShape { batch, height: side, width: side, in_channels, out_channels, kernel, stride, padding };
            let (x, w, bias) = (numbers(s.in_len()), numbers(s.weight_len()), numbers(out_channels));
            let weights = |values| engine::Weights { name: name.to_owned(), values: engine::Values::Borrowed(values) };
            let conv = engine::Conv {
                input: engine::Value::Images,
                weight: weights(&w),
                bias: Some(weights(&bias)),
                norm: None,
                out_channels,
                kernel,
                stride,
                padding,
                add: None,
                relu: true,
            };
            let graph = engine::Graph { channels: in_channels, nodes: vec![engine::Node::Conv(conv)] };
            let Ok(plan) = engine::Plan::compile(graph, side, side, engine::PlanOptions::default()) else { continue };
            group.throughput(Throughput::Elements(s.flops()));
            group.bench_function(name, |b| b.iter(|| plan.run(&x, batch, &[0])));
        }
        group.finish();
    }
}

/// What is bound by memory: "elements" are numbers of the activation.
fn passes(c: &mut Criterion) {
    let mut group = group(c, "passes");
    for (rows, channels) in [(128 * 784, 16), (128 * 49, 64)] {
        let n = rows * channels;
        let (x, grad, gamma, beta) = (numbers(n), numbers(n), numbers(channels), numbers(channels));
        let (mut out, mut d1, mut d2) = (vec![0.0; n], vec![0.0; channels], vec![0.0; channels]);
        group.throughput(Throughput::Elements(n as u64));
        let stats = engine::batch_norm_train(rows, channels, &x, &gamma, &beta, 1e-5, true, &mut out);
        group.bench_function(format!("batch_norm_{channels}/forward"), |b| {
            b.iter(|| engine::batch_norm_train(rows, channels, &x, &gamma, &beta, 1e-5, true, &mut out));
        });
        group.bench_function(format!("batch_norm_{channels}/grad"), |b| {
            b.iter(|| {
                engine::batch_norm_train_grad(
                    rows, channels, &x, &stats, &gamma, &beta, 1e-5, true, &grad, &mut out, &mut d1, &mut d2,
                );
            });
        });
        group.bench_function(format!("add_relu_{channels}"), |b| b.iter(|| engine::add_relu(&x, &grad, &mut out)));
    }
    let n = 1 << 20;
    let (mut p, g, mut m, mut v) = (numbers(n), numbers(n), vec![0.0; n], vec![0.0; n]);
    group.throughput(Throughput::Elements(n as u64));
    group.bench_function("adamw_1M", |b| {
        b.iter(|| engine::adamw_step(&engine::AdamW::default(), 1, &mut p, &g, &mut m, &mut v));
    });
    group.finish();
}

fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    group
}

criterion_group!(benches, peak, products, convolutions, plans, passes);
criterion_main!(benches);
