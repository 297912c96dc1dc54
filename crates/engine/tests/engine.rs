//! The kernels against plain `f64` references, finite differences, torch's optimizers and themselves on other threads.
#![allow(clippy::unwrap_used)]

use latentwalk_engine::*;
use latentwalk_testing::{Numbers, on_threads};
use proptest::prelude::*;

fn f64s(v: &[f32]) -> Vec<f64> {
    v.iter().map(|&v| f64::from(v)).collect()
}

fn dot(a: &[f64], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * f64::from(*b)).sum()
}

/// `|got - expected| <= atol + rtol * |expected|`, at every element.
#[track_caller]
fn assert_close(what: &str, got: &[f32], expected: &[f64], atol: f64, rtol: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((f64::from(*g) - e).abs() <= atol + rtol * e.abs(), "{what}[{i}]: got {g}, expected {e}");
    }
}

/// Rounding of a sum of `depth` products of numbers below 1, added one after the other, stays below this.
///
/// Partial sums of such products grow with the root of their number, and each addition rounds by a share of its result: so the
/// error grows with the number itself, with a standard deviation of 0.07 epsilon per product. This is eight of them.
fn sum_tolerance(depth: usize) -> f64 {
    0.6 * f64::from(f32::EPSILON) * depth as f64 + 1e-6
}

/// Central differences, in `f64`.
fn numeric_gradient(f: impl Fn(&[f64]) -> f64, at: &[f32]) -> Vec<f64> {
    const STEP: f64 = 1e-6;
    let mut point = f64s(at);
    (0..at.len())
        .map(|i| {
            let here = point[i];
            point[i] = here + STEP;
            let up = f(&point);
            point[i] = here - STEP;
            let down = f(&point);
            point[i] = here;
            (up - down) / (2.0 * STEP)
        })
        .collect()
}

/// Calls `f(output, input, weight)` with the positions of every product that a convolution sums.
fn for_each_product(s: &ConvShape, mut f: impl FnMut(usize, usize, usize)) {
    let (oh, ow, k) = (s.out_height(), s.out_width(), s.kernel);
    for b in 0..s.batch {
        for (oy, ox) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
            for (ky, kx) in (0..k).flat_map(|y| (0..k).map(move |x| (y, x))) {
                let (y, x) =
                    ((oy * s.stride + ky).wrapping_sub(s.padding), (ox * s.stride + kx).wrapping_sub(s.padding));
                if y >= s.height || x >= s.width {
                    continue;
                }
                for o in 0..s.out_channels {
                    for i in 0..s.in_channels {
                        f(
                            ((b * oh + oy) * ow + ox) * s.out_channels + o,
                            ((b * s.height + y) * s.width + x) * s.in_channels + i,
                            ((o * s.in_channels + i) * k + ky) * k + kx,
                        );
                    }
                }
            }
        }
    }
}

fn naive_conv(s: &ConvShape, x: &[f64], w: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; s.out_len()];
    for_each_product(s, |o, i, k| out[o] += x[i] * w[k]);
    out
}

/// The three products of one convolution: output, input gradient, weight gradient.
fn conv_products(s: &ConvShape, x: &[f32], w: &[f32], grad: &[f32]) -> [Vec<f32>; 3] {
    // Stale output must not shine through.
    let [mut out, mut dx, mut dw] = [s.out_len(), s.in_len(), s.weight_len()].map(|n| vec![f32::NAN; n]);
    conv2d(s, x, w, &mut out);
    conv2d_grad_input(s, grad, w, &mut dx);
    conv2d_grad_weight(s, x, grad, &mut dw);
    [out, dx, dw]
}

fn check_conv(s: &ConvShape) {
    let mut numbers = Numbers(s.flops());
    let (x, w, grad) = (numbers.vec(s.in_len()), numbers.vec(s.weight_len()), numbers.vec(s.out_len()));
    let [mut dx, mut dw] = [vec![0.0; s.in_len()], vec![0.0; s.weight_len()]];
    for_each_product(s, |o, i, k| {
        dx[i] += f64::from(grad[o]) * f64::from(w[k]);
        dw[k] += f64::from(grad[o]) * f64::from(x[i]);
    });
    let out = naive_conv(s, &f64s(&x), &f64s(&w));
    let fast = conv_products(s, &x, &w, &grad);
    let portable = with_portable_kernels(|| conv_products(s, &x, &w, &grad));
    for got in [&fast, &portable] {
        assert_close(&format!("out of {s:?}"), &got[0], &out, sum_tolerance(s.depth()), 1e-5);
        let taps = s.kernel * s.kernel * s.out_channels;
        assert_close(&format!("dx of {s:?}"), &got[1], &dx, sum_tolerance(taps), 1e-5);
        assert_close(&format!("dw of {s:?}"), &got[2], &dw, sum_tolerance(s.out_pixels()), 1e-5);
    }
}

fn conv_shape(
    [batch, height, width]: [usize; 3],
    [in_channels, out_channels]: [usize; 2],
    [kernel, stride, padding]: [usize; 3],
) -> ConvShape {
    ConvShape { batch, height, width, in_channels, out_channels, kernel, stride, padding }
}

#[test]
fn convolutions_agree_with_the_reference_on_edge_shapes() {
    for kernel in [[1, 1, 0], [1, 2, 0], [1, 3, 0], [3, 1, 1], [3, 2, 1], [3, 1, 0], [7, 2, 3], [7, 1, 3], [2, 2, 1]] {
        for channels in [[1, 16], [3, 7], [16, 16], [8, 33], [17, 5]] {
            check_conv(&conv_shape([1, 7, 9], channels, kernel));
            check_conv(&conv_shape([2, 8, 7], channels, kernel));
        }
    }
    // One pixel; more rows than a tile; a depth of several passes; columns split over tasks; several partial sums.
    check_conv(&conv_shape([1, 1, 1], [1, 1], [1, 1, 0]));
    check_conv(&conv_shape([1, 1, 1], [3, 2], [3, 1, 1]));
    check_conv(&conv_shape([3, 11, 13], [64, 70], [3, 1, 1]));
    check_conv(&conv_shape([1, 4, 4], [150, 300], [3, 2, 1]));
    check_conv(&conv_shape([5, 30, 31], [2, 3], [3, 1, 1]));
}

#[test]
fn an_empty_batch_has_no_output_and_no_gradient() {
    let s = conv_shape([0, 5, 5], [2, 3], [3, 1, 1]);
    let [out, dx, dw] = conv_products(&s, &[], &[1.0; 54], &[]);
    assert_eq!((out.len(), dx.len(), dw), (0, 0, vec![0.0; 54]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_agree_with_the_reference(
        (batch, height, width) in (1..4usize, 1..14usize, 1..14usize),
        (inputs, outputs) in (1..40usize, 1..40usize),
        kernel in prop::sample::select(vec![1, 2, 3, 5, 7]),
        (stride, padding) in (1..4usize, 0..4usize),
    ) {
        prop_assume!(height.min(width) + 2 * padding >= kernel);
        check_conv(&conv_shape([batch, height, width], [inputs, outputs], [kernel, stride, padding]));
    }

    #[test]
    fn linear_layers_agree_with_the_reference(b in 1..130usize, i in 1..70usize, o in 1..70usize) {
        check_linear(b, i, o);
    }
}

fn check_linear(b: usize, i: usize, o: usize) {
    let mut numbers = Numbers((b * i * o) as u64);
    let (x, w, bias, grad) = (numbers.vec(b * i), numbers.vec(o * i), numbers.vec(o), numbers.vec(b * o));
    let (mut out, mut dx, mut dw, mut db) =
        (vec![f32::NAN; b * o], vec![f32::NAN; b * i], vec![f32::NAN; o * i], vec![f32::NAN; o]);
    linear(b, i, o, &x, &w, Some(&bias), &mut out);
    linear_grad_input(b, i, o, &grad, &w, &mut dx);
    linear_grad_weight(b, i, o, &x, &grad, &mut dw, &mut db);
    let product = |rows, columns, depth, f: &dyn Fn(usize, usize, usize) -> f64| -> Vec<f64> {
        let cell = |at: usize| (0..depth).map(|p| f(at / columns, at % columns, p)).sum();
        (0..rows * columns).map(cell).collect()
    };
    let at = |v: &[f32], i: usize| f64::from(v[i]);
    let expected =
        product(b, o, i + 1, &|r, c, p| if p == i { at(&bias, c) } else { at(&x, r * i + p) * at(&w, c * i + p) });
    assert_close("out", &out, &expected, sum_tolerance(i), 1e-5);
    let expected = product(b, i, o, &|r, c, p| at(&grad, r * o + p) * at(&w, p * i + c));
    assert_close("dx", &dx, &expected, sum_tolerance(o), 1e-5);
    let expected = product(o, i, b, &|r, c, p| at(&grad, p * o + r) * at(&x, p * i + c));
    assert_close("dw", &dw, &expected, sum_tolerance(b), 1e-5);
    let expected = product(1, o, b, &|_, c, p| at(&grad, p * o + c));
    assert_close("db", &db, &expected, sum_tolerance(b), 1e-5);
}

#[test]
fn convolution_gradients_are_finite_differences() {
    for s in [conv_shape([2, 5, 4], [3, 4], [3, 2, 1]), conv_shape([1, 4, 5], [2, 17], [3, 1, 1])] {
        let mut numbers = Numbers(3);
        let (x, w, grad) = (numbers.vec(s.in_len()), numbers.vec(s.weight_len()), numbers.vec(s.out_len()));
        let [_, dx, dw] = conv_products(&s, &x, &w, &grad);
        let by_x = numeric_gradient(|x| dot(&naive_conv(&s, x, &f64s(&w)), &grad), &x);
        let by_w = numeric_gradient(|w| dot(&naive_conv(&s, &f64s(&x), w), &grad), &w);
        assert_close("dx", &dx, &by_x, 1e-5, 1e-5);
        assert_close("dw", &dw, &by_w, 1e-5, 1e-5);
    }
}

fn naive_batch_norm(channels: usize, x: &[f64], gamma: &[f64], beta: &[f64], eps: f64, relu: bool) -> Vec<f64> {
    let rows = x.len() / channels;
    let mut out = vec![0.0; x.len()];
    for c in 0..channels {
        let column = || x.iter().skip(c).step_by(channels);
        let mean = column().sum::<f64>() / rows as f64;
        let var = column().map(|v| (v - mean) * (v - mean)).sum::<f64>() / rows as f64;
        for r in 0..rows {
            let y = gamma[c] * (x[r * channels + c] - mean) / (var + eps).sqrt() + beta[c];
            out[r * channels + c] = if relu { y.max(0.0) } else { y };
        }
    }
    out
}

#[test]
fn batch_norm_and_its_gradients_agree_with_finite_differences() {
    const EPS: f32 = 1e-5;
    for (rows, channels, relu) in [(12, 3, true), (9, 16, false), (70, 5, true), (2, 40, true), (1, 4, false)] {
        let mut numbers = Numbers((rows * channels) as u64);
        // A mean far from 0, as after a ReLU.
        let x: Vec<f32> = numbers.vec(rows * channels).iter().map(|v| v + 3.0).collect();
        let (gamma, beta, grad) = (numbers.vec(channels), numbers.vec(channels), numbers.vec(rows * channels));
        let mut out = vec![f32::NAN; x.len()];
        let stats = batch_norm_train(rows, channels, &x, &gamma, &beta, EPS, relu, &mut out);
        let naive =
            |x: &[f64], gamma: &[f64], beta: &[f64]| naive_batch_norm(channels, x, gamma, beta, f64::from(EPS), relu);
        let (x64, gamma64, beta64) = (f64s(&x), f64s(&gamma), f64s(&beta));
        // Deviations of numbers near 3 carry an error of 3 * 2^-24; the largest scale here is about 1 / 0.5, or
        // 1 / sqrt(eps) where one row leaves no variance.
        assert_close("out", &out, &naive(&x64, &gamma64, &beta64), 1e-4, 1e-5);

        let (mut dx, mut dgamma, mut dbeta) =
            (vec![f32::NAN; x.len()], vec![f32::NAN; channels], vec![f32::NAN; channels]);
        batch_norm_train_grad(
            rows,
            channels,
            &x,
            &stats,
            &gamma,
            &beta,
            EPS,
            relu,
            &grad,
            &mut dx,
            &mut dgamma,
            &mut dbeta,
        );
        let by_x = numeric_gradient(|x| dot(&naive(x, &gamma64, &beta64), &grad), &x);
        let by_gamma = numeric_gradient(|gamma| dot(&naive(&x64, gamma, &beta64), &grad), &gamma);
        let by_beta = numeric_gradient(|beta| dot(&naive(&x64, &gamma64, beta), &grad), &beta);
        // Differences of step 1e-6 carry 1e-9 / variance.
        assert_close("dx", &dx, &by_x, 5e-4, 1e-4);
        assert_close("dgamma", &dgamma, &by_gamma, 1e-4, 1e-4);
        assert_close("dbeta", &dbeta, &by_beta, 1e-5, 1e-5);
    }
}

#[test]
fn batch_statistics_keep_their_digits_over_many_rows_with_a_large_mean() {
    for channels in [1, 6, 16, 48] {
        let rows = 100_000 / channels;
        let x: Vec<f32> = Numbers(9).vec(rows * channels).iter().map(|v| v + 100.0).collect();
        let mut out = vec![0.0; x.len()];
        let stats =
            batch_norm_train(rows, channels, &x, &vec![1.0; channels], &vec![0.0; channels], 0.0, false, &mut out);
        for c in 0..channels {
            let column = || x.iter().skip(c).step_by(channels).map(|&v| f64::from(v));
            let mean = column().sum::<f64>() / rows as f64;
            let var = column().map(|v| (v - mean) * (v - mean)).sum::<f64>() / rows as f64;
            // The mean is rounded to f32 once (2^-24 of it); the variance is taken around the unrounded one.
            assert_close("mean", &stats.mean[c..=c], &[mean], 0.0, 6e-8);
            assert_close("var", &stats.var[c..=c], &[var], 0.0, 1e-5);
        }
    }
}

#[test]
fn scale_shift_and_its_gradients_agree_with_finite_differences() {
    for (rows, channels, relu) in [(11, 3, true), (9, 16, false), (40, 20, true)] {
        let mut numbers = Numbers((rows + channels) as u64);
        let (x, scale, shift) = (numbers.vec(rows * channels), numbers.vec(channels), numbers.vec(channels));
        let grad = numbers.vec(rows * channels);
        let naive = |x: &[f64], scale: &[f64], shift: &[f64]| -> Vec<f64> {
            let y = |(i, x): (usize, &f64)| x * scale[i % channels] + shift[i % channels];
            x.iter().enumerate().map(|v| if relu { y(v).max(0.0) } else { y(v) }).collect()
        };
        let (x64, scale64, shift64) = (f64s(&x), f64s(&scale), f64s(&shift));
        let mut out = vec![f32::NAN; x.len()];
        scale_shift(rows, channels, &x, &scale, &shift, relu, &mut out);
        assert_close("out", &out, &naive(&x64, &scale64, &shift64), 1e-6, 1e-6);

        let (mut dx, mut dscale, mut dshift) =
            (vec![f32::NAN; x.len()], vec![f32::NAN; channels], vec![f32::NAN; channels]);
        scale_shift_grad(rows, channels, &x, &scale, &shift, relu, &grad, &mut dx, &mut dscale, &mut dshift);
        let by_x = numeric_gradient(|x| dot(&naive(x, &scale64, &shift64), &grad), &x);
        let by_scale = numeric_gradient(|scale| dot(&naive(&x64, scale, &shift64), &grad), &scale);
        let by_shift = numeric_gradient(|shift| dot(&naive(&x64, &scale64, shift), &grad), &shift);
        assert_close("dx", &dx, &by_x, 1e-6, 1e-5);
        assert_close("dscale", &dscale, &by_scale, 1e-5, 1e-5);
        assert_close("dshift", &dshift, &by_shift, 1e-5, 1e-5);
    }
}

#[test]
fn the_residual_join_and_its_gradient() {
    let (a, b) = ([1.0, -2.0, 0.5, f32::NAN, -1.0], [1.0, 1.0, -0.5, 1.0, 3.0]);
    let mut out = [9.0; 5];
    add_relu(&a, &b, &mut out);
    assert_eq!(out[..3], [2.0, 0.0, 0.0]);
    assert!(out[3].is_nan() && out[4] == 2.0);
    let mut d = [9.0; 5];
    add_relu_grad(&out, &[1.0, 2.0, 3.0, 4.0, 5.0], &mut d);
    assert_eq!(d, [1.0, 0.0, 0.0, 4.0, 5.0]);
}

fn naive_max_pool(s: &PoolShape, x: &[f64]) -> Vec<f64> {
    let mut out = vec![f64::NEG_INFINITY; s.out_len()];
    let (oh, ow) = (s.out_height(), s.out_width());
    for (at, out) in out.iter_mut().enumerate() {
        let (c, ox, oy, b) =
            (at % s.channels, at / s.channels % ow, at / s.channels / ow % oh, at / s.channels / ow / oh);
        for (ky, kx) in (0..s.kernel).flat_map(|y| (0..s.kernel).map(move |x| (y, x))) {
            let (y, x_at) =
                ((oy * s.stride + ky).wrapping_sub(s.padding), (ox * s.stride + kx).wrapping_sub(s.padding));
            if y < s.height && x_at < s.width {
                *out = out.max(x[((b * s.height + y) * s.width + x_at) * s.channels + c]);
            }
        }
    }
    out
}

#[test]
fn max_pool_and_its_gradient_agree_with_finite_differences() {
    for (kernel, stride, padding) in [(3, 2, 1), (2, 2, 0), (3, 1, 1), (3, 3, 2)] {
        for [batch, height, width, channels] in [[2, 7, 6, 5], [1, 4, 9, 16]] {
            let s = PoolShape { batch, height, width, channels, kernel, stride, padding };
            let mut numbers = Numbers(kernel as u64 + 100);
            let (x, grad) = (numbers.vec(s.in_len()), numbers.vec(s.out_len()));
            let (mut out, mut dx) = (vec![f32::NAN; s.out_len()], vec![f32::NAN; s.in_len()]);
            max_pool(&s, &x, &mut out);
            max_pool_grad(&s, &x, &grad, &mut dx);
            assert_close("out", &out, &naive_max_pool(&s, &f64s(&x)), 0.0, 0.0);
            let by_x = numeric_gradient(|x| dot(&naive_max_pool(&s, x), &grad), &x);
            assert_close("dx", &dx, &by_x, 1e-6, 1e-5);
        }
    }
}

#[test]
fn the_first_of_equal_maxima_takes_the_gradient() {
    let s = PoolShape { batch: 1, height: 2, width: 2, channels: 1, kernel: 2, stride: 1, padding: 1 };
    let mut dx = [9.0; 4];
    max_pool_grad(&s, &[0.0; 4], &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0], &mut dx);
    // As torch.nn.functional.max_pool2d gives.
    assert_eq!(dx, [1.0 + 2.0 + 8.0 + 16.0, 4.0 + 32.0, 64.0 + 128.0, 256.0]);
}

#[test]
fn the_global_mean_and_its_gradient() {
    let x: Vec<f32> = (0..12).map(|v| v as f32).collect();
    let mut out = [9.0; 4];
    global_avg_pool(2, 3, 2, &x, &mut out);
    assert_eq!(out, [2.0, 3.0, 8.0, 9.0]);
    let mut dx = [9.0; 12];
    global_avg_pool_grad(2, 3, 2, &[3.0, 6.0, 9.0, 12.0], &mut dx);
    assert_eq!(dx, [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0]);
}

#[test]
fn optimizer_steps_are_torchs() {
    let table = include_str!("../../../fixtures/golden/engine/optimizers.txt");
    let other = AdamW { learning_rate: 0.02, beta1: 0.8, beta2: 0.95, eps: 1e-6, weight_decay: 0.3 };
    for case in ["adamw", "adamw_other", "sgd", "sgd_momentum", "sgd_nesterov"] {
        let (mut p, mut m, mut v) = (vec![0.5, -1.25, 0.0, 3.0, -0.001], vec![0.0; 5], vec![0.0; 5]);
        let lines: Vec<_> = table.lines().filter(|l| l.split(' ').next() == Some(case)).collect();
        assert_eq!(lines.len(), 6, "{case}");
        for line in lines {
            let values: Vec<f64> = line.split(' ').skip(1).map(|v| v.parse().unwrap()).collect();
            let step = values[0];
            let g: Vec<f32> = (0..5).map(|i| (step + f64::from(i)).sin() as f32).collect();
            match case {
                "adamw" => adamw_step(&AdamW::default(), step as u64, &mut p, &g, &mut m, &mut v),
                "adamw_other" => adamw_step(&other, step as u64, &mut p, &g, &mut m, &mut v),
                "sgd" => sgd_step(0.1, 0.0, 0.0, false, &mut p, &g, &mut m),
                _ => sgd_step(0.05, 0.9, 0.01, case == "sgd_nesterov", &mut p, &g, &mut m),
            }
            // A few roundings of numbers up to 3, in another order than torch's.
            assert_close(&format!("{case}, step {step}"), &p, &values[1..], 5e-7, 1e-6);
        }
    }
}

/// Every kernel once, on sizes of several tasks; the bits of all results.
fn all_results() -> Vec<u32> {
    let mut numbers = Numbers(77);
    let mut bits = Vec::new();
    let mut keep = |v: &[f32]| bits.extend(v.iter().map(|v| v.to_bits()));
    for s in [
        conv_shape([5, 30, 31], [5, 20], [3, 1, 1]),
        conv_shape([3, 28, 28], [16, 40], [3, 2, 1]),
        conv_shape([2, 7, 7], [64, 272], [1, 1, 0]),
    ] {
        let (x, w, grad) = (numbers.vec(s.in_len()), numbers.vec(s.weight_len()), numbers.vec(s.out_len()));
        conv_products(&s, &x, &w, &grad).iter().for_each(|v| keep(v));
    }
    let (rows, channels) = (9_001, 12);
    let (x, grad) = (numbers.vec(rows * channels), numbers.vec(rows * channels));
    let (gamma, beta) = (numbers.vec(channels), numbers.vec(channels));
    let [mut out, mut dx] = [vec![0.0; x.len()], vec![0.0; x.len()]];
    let [mut d1, mut d2] = [vec![0.0; channels], vec![0.0; channels]];
    let stats = batch_norm_train(rows, channels, &x, &gamma, &beta, 1e-5, true, &mut out);
    batch_norm_train_grad(rows, channels, &x, &stats, &gamma, &beta, 1e-5, true, &grad, &mut dx, &mut d1, &mut d2);
    [&stats.mean, &stats.var, &out, &dx, &d1, &d2].into_iter().for_each(|v| keep(v));
    scale_shift_grad(rows, channels, &x, &gamma, &beta, true, &grad, &mut dx, &mut d1, &mut d2);
    [&dx, &d1, &d2].into_iter().for_each(|v| keep(v));
    add_relu(&x, &grad, &mut out);
    keep(&out);
    let (mut m, mut v) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    adamw_step(&AdamW::default(), 1, &mut out, &grad, &mut m, &mut v);
    keep(&out);
    let (mut dw, mut db) = (vec![0.0; 70 * 33], vec![0.0; 70]);
    linear_grad_weight(300, 33, 70, &x[..300 * 33], &grad[..300 * 70], &mut dw, &mut db);
    keep(&dw);
    keep(&db);
    bits
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    for portable in [false, true] {
        let run = || if portable { with_portable_kernels(all_results) } else { all_results() };
        let one = on_threads(1, run);
        assert!(one == on_threads(2, run) && one == on_threads(3, run), "portable: {portable}");
    }
}

#[test]
#[should_panic(expected = "`w` holds 8 numbers, but its shape asks for 9")]
fn a_slice_that_does_not_fit_is_named() {
    conv2d(&conv_shape([1, 3, 3], [1, 1], [3, 1, 1]), &[0.0; 9], &[0.0; 8], &mut [0.0; 9]);
}
