//! `f32` in three parts, with every kernel that this machine has.
#![allow(clippy::unwrap_used)]

use super::conv::{Conv16, Work16};
use super::kernels::ConvKernels;
use crate::plan::fold::Folded;
use crate::plan::layer::Sizes;

/// Kernels of `f32` in three parts that this machine can run.
fn split_kernels() -> Vec<&'static ConvKernels<f32>> {
    #[cfg(target_arch = "x86_64")]
    let x86 = {
        use super::{amx_kernels, avx2_kernels, avx512_kernels};
        use crate::PlanKernels;
        [
            (PlanKernels::Avx2Fma, &avx2_kernels::SPLIT),
            (PlanKernels::Avx512Bf16, &avx512_kernels::SPLIT),
            (PlanKernels::Amx, &amx_kernels::SPLIT),
        ]
        .into_iter()
        .filter(|(kernels, _)| kernels.is_available())
        .map(|(_, table)| table)
    };
    #[cfg(not(target_arch = "x86_64"))]
    let x86 = [];
    [&super::portable_kernels::SPLIT].into_iter().chain(x86).collect()
}

#[derive(Debug, Clone, Copy)]
struct Case {
    batch: usize,
    side: (usize, usize),
    channels: (usize, usize),
    kernel: (usize, usize, usize),
    add: bool,
    relu: bool,
}

/// Numbers of very different sizes, the same at each run.
fn numbers(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * 2f32.powi((state >> 33 & 7) as i32)
    };
    (0..len).map(|_| next()).collect()
}

/// Every kernel is as exact as `f32` arithmetic: a part left out, or taken for another, would err by 2^-17 where few products are
/// summed.
fn check_split(case: Case) {
    let ((height, width), (inputs, outputs), (kernel, stride, padding)) = (case.side, case.channels, case.kernel);
    let side = |side: usize| (side + 2 * padding - kernel) / stride + 1;
    let (out_height, out_width) = (side(height), side(width));
    let sizes = Sizes {
        height,
        width,
        in_channels: inputs,
        out_height,
        out_width,
        out_channels: outputs,
        kernel,
        stride,
        padding,
    };
    let area = kernel * kernel;
    let weight = numbers(1, outputs * inputs * area);
    let scale: Vec<f64> = numbers(2, outputs).into_iter().map(f64::from).collect();
    let bias = numbers(3, outputs);
    let x = numbers(4, case.batch * height * width * inputs);
    let rows = case.batch * out_height * out_width;
    let add = case.add.then(|| numbers(5, rows * outputs));
    // Each sum, and the sum of what it adds without signs.
    let mut expected = Vec::new();
    for row in 0..rows {
        let (image, y, x_at) = (row / out_width / out_height, row / out_width % out_height, row % out_width);
        for o in 0..outputs {
            let mut sums = (f64::from(bias[o]), f64::from(bias[o].abs()));
            let mut plus = |value: f64| sums = (sums.0 + value, sums.1 + value.abs());
            for i in 0..inputs * area {
                let (channel, ky, kx) = (i / area, i % area / kernel, i % kernel);
                let (y, x_at) = ((y * stride + ky).wrapping_sub(padding), (x_at * stride + kx).wrapping_sub(padding));
                if y < height && x_at < width {
                    let weight = (f64::from(weight[o * inputs * area + i]) * scale[o]) as f32;
                    let x = x[((image * height + y) * width + x_at) * inputs + channel];
                    plus(f64::from(x) * f64::from(weight));
                }
            }
            add.iter().for_each(|add| plus(f64::from(add[row * outputs + o])));
            expected.push(sums);
        }
    }
    // Roundings of `f32` sums, which the portable kernels add up one by one.
    let most = 2.5e-7 * (1.0 + ((inputs * area) as f64).sqrt());
    let folded = Folded { weight: weight.into(), scale, bias };
    for kernels in split_kernels() {
        let layer = Conv16::<f32>::compile(kernels, sizes, &folded).unwrap();
        let mut out = vec![f32::NAN; rows * outputs];
        let add = add.as_deref();
        layer.run(kernels, Work16 { batch: case.batch, x: &x, add, relu: case.relu, out: &mut out });
        for (got, (sum, size)) in out.iter().zip(&expected) {
            let sum = if case.relu { sum.max(0.0) } else { *sum };
            let error = (f64::from(*got) - sum).abs();
            assert!(error <= most * size, "{case:?}, {}: {got} instead of {sum}", kernels.name);
        }
    }
}

#[test]
fn three_parts_are_as_exact_as_f32() {
    for kernel in [(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (7, 2, 3), (2, 3, 1)] {
        for channels in [(1, 3), (3, 16), (17, 32), (32, 33), (40, 70)] {
            for (batch, side) in [(1, (7, 9)), (3, (8, 5))] {
                for (add, relu) in [(false, true), (true, false)] {
                    check_split(Case { batch, side, channels, kernel, add, relu });
                }
            }
        }
    }
}

#[test]
fn three_parts_of_deep_windows_are_as_exact_as_f32() {
    for channels in [(700, 40), (1024, 64), (96, 600)] {
        for kernel in [(1, 1, 0), (1, 2, 0), (3, 2, 1)] {
            check_split(Case { batch: 2, side: (9, 14), channels, kernel, add: true, relu: true });
        }
    }
}

#[test]
fn a_number_that_is_not_one_stays_so_in_three_parts() {
    let sizes = Sizes {
        height: 1,
        width: 20,
        in_channels: 40,
        out_height: 1,
        out_width: 20,
        out_channels: 35,
        kernel: 1,
        stride: 1,
        padding: 0,
    };
    let folded = Folded { weight: numbers(1, 35 * 40).into(), scale: vec![1.0; 35], bias: vec![0.0; 35] };
    for strange in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = numbers(2, 20 * 40);
        x[7 * 40 + 39] = strange;
        for kernels in split_kernels() {
            let layer = Conv16::<f32>::compile(kernels, sizes, &folded).unwrap();
            let mut out = vec![0.0; 20 * 35];
            layer.run(kernels, Work16 { batch: 1, x: &x, add: None, relu: false, out: &mut out });
            for (i, out) in out.iter().enumerate() {
                assert_eq!(out.is_finite(), i / 35 != 7, "{}: {out} at {i}", kernels.name);
            }
        }
    }
}

/// The root mean square of a layer's error, of the deviation of its result.
#[test]
fn three_parts_in_tiles_err_about_as_plain_sums() {
    let sizes = Sizes {
        height: 6,
        width: 7,
        in_channels: 256,
        out_height: 6,
        out_width: 7,
        out_channels: 32,
        kernel: 3,
        stride: 1,
        padding: 1,
    };
    let normal = |seed: u64, len: usize| -> Vec<f32> {
        // Sums of twelve uniform numbers.
        let uniform = numbers(seed, 12 * len).into_iter().map(|v| v / 2f32.powi(v.abs().log2().floor() as i32 + 1));
        let uniform: Vec<f32> = uniform.collect();
        uniform.chunks(12).map(|part| part.iter().sum()).collect()
    };
    let (weight, x) = (normal(1, 32 * 256 * 9), normal(2, 42 * 256));
    let exact: Vec<f64> = (0..42 * 32)
        .map(|i| {
            let (pixel, o) = (i / 32, i % 32);
            let tap = |tap: usize| {
                let (y, x_at) = ((pixel / 7 + tap / 3).wrapping_sub(1), (pixel % 7 + tap % 3).wrapping_sub(1));
                if y >= 6 || x_at >= 7 {
                    return 0.0;
                }
                let product =
                    |c: usize| f64::from(x[(y * 7 + x_at) * 256 + c]) * f64::from(weight[(o * 256 + c) * 9 + tap]);
                (0..256).map(product).sum::<f64>()
            };
            (0..9).map(tap).sum()
        })
        .collect();
    let deviation = (exact.iter().map(|v| v * v).sum::<f64>() / exact.len() as f64).sqrt();
    let error = |out: &[f32]| {
        let sum: f64 = out.iter().zip(&exact).map(|(out, exact)| (f64::from(*out) - exact).powi(2)).sum();
        (sum / exact.len() as f64).sqrt() / deviation
    };
    let folded = || Folded { weight: weight.as_slice().into(), scale: vec![1.0; 32], bias: vec![0.0; 32] };
    let mut out = vec![0.0; 42 * 32];
    let plain = {
        let kernels = crate::PlanKernels::Portable.tables().single;
        let layer = crate::plan::direct::Direct::compile(kernels, sizes, &folded());
        let zeros = [0.0; 256];
        let work = crate::plan::layer::Work { batch: 1, x: &x, add: None, relu: false, out: &mut out, zeros: &zeros };
        layer.run(kernels, work);
        error(&out)
    };
    for kernels in split_kernels() {
        let layer = Conv16::<f32>::compile(kernels, sizes, &folded()).unwrap();
        layer.run(kernels, Work16 { batch: 1, x: &x, add: None, relu: false, out: &mut out });
        let error = error(&out);
        let tiles = kernels.name.contains("AMX");
        assert!(error < if tiles { 4e-7 } else { 4e-6 }, "{}: {error:e}, plain sums {plain:e}", kernels.name);
    }
}
