//! Plans in bfloat16 against an `f64` reference with the same roundings, for every kernel that this machine can run.
#![allow(clippy::unwrap_used)]

use latentwalk_engine::*;
use latentwalk_testing::{Numbers, on_threads};
use proptest::prelude::*;

fn numbers(seed: u64, n: usize) -> Vec<f32> {
    Numbers(seed).vec(n)
}

/// The nearest number with 8 significant bits, ties to even.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let unit = 2f64.powi(value.abs().log2().floor() as i32 - 7);
    (value / unit).round_ties_even() * unit
}

#[derive(Debug, Clone, Copy)]
struct Case {
    batch: usize,
    height: usize,
    width: usize,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    add: bool,
    relu: bool,
}

struct Tensors {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Tensors {
    fn new(case: &Case, seed: u64) -> Self {
        let depth = case.inputs * case.kernel * case.kernel;
        let mut weight = numbers(seed, case.outputs * depth);
        weight.iter_mut().for_each(|w| *w /= (depth as f32).sqrt());
        Self { weight, bias: numbers(seed + 1, case.outputs) }
    }

    fn conv(&self, case: &Case, input: Value, add: Option<Value>) -> Node<'_> {
        Node::Conv(Conv {
            input,
            weight: Weights { name: "weight".to_owned(), values: Values::Borrowed(&self.weight) },
            bias: Some(Weights { name: "bias".to_owned(), values: Values::Borrowed(&self.bias) }),
            norm: None,
            out_channels: case.outputs,
            kernel: case.kernel,
            stride: case.stride,
            padding: case.padding,
            add,
            relu: case.relu,
        })
    }
}

/// The sums before the last rounding.
fn reference(case: &Case, tensors: &Tensors, x: &[f32]) -> Vec<f64> {
    let side = |n: usize| (n + 2 * case.padding - case.kernel) / case.stride + 1;
    let value = |v: &f32| rounded(f64::from(*v));
    let (x, weight): (Vec<f64>, Vec<f64>) = (x.iter().map(value).collect(), tensors.weight.iter().map(value).collect());
    let mut out = Vec::new();
    for b in 0..case.batch {
        for (oy, ox) in (0..side(case.height)).flat_map(|y| (0..side(case.width)).map(move |x| (y, x))) {
            for o in 0..case.outputs {
                let mut sum = f64::from(tensors.bias[o]);
                for (ky, kx) in (0..case.kernel).flat_map(|y| (0..case.kernel).map(move |x| (y, x))) {
                    let y = (oy * case.stride + ky).wrapping_sub(case.padding);
                    let xx = (ox * case.stride + kx).wrapping_sub(case.padding);
                    if y < case.height && xx < case.width {
                        for i in 0..case.inputs {
                            sum += x[((b * case.height + y) * case.width + xx) * case.inputs + i]
                                * weight[((o * case.inputs + i) * case.kernel + ky) * case.kernel + kx];
                        }
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}

fn options() -> Vec<PlanOptions> {
    let all = PlanKernels::available_bf16();
    assert!(all.contains(&PlanKernels::Portable));
    all.into_iter().map(|kernels| PlanOptions { kernels, ..PlanOptions::of(PlanPrecision::Bf16) }).collect()
}

fn check(case: &Case) {
    let tensors = Tensors::new(case, (case.inputs * 31 + case.outputs) as u64);
    let x = numbers(7, case.batch * case.height * case.width * case.inputs);
    let graph = || {
        // What is added is the same convolution without ReLU.
        let added = case.add.then(|| tensors.conv(&Case { relu: false, ..*case }, Value::Images, None));
        let last = tensors.conv(case, Value::Images, case.add.then_some(Value::Node(0)));
        Graph { channels: case.inputs, nodes: added.into_iter().chain([last]).collect() }
    };
    let last = usize::from(case.add);
    let expected = reference(case, &tensors, &x);
    for options in options() {
        let plan = Plan::compile(graph(), case.height, case.width, options).unwrap();
        let got = &plan.run(&x, case.batch, &[last])[0];
        assert_eq!(got.len(), expected.len());
        for (got, &sum) in got.iter().zip(&expected) {
            let got = f64::from(*got);
            assert_eq!(got, rounded(got), "{case:?}, {options:?}: not a bfloat16");
            let value = sum + if case.add { rounded(sum) } else { 0.0 };
            let value = if case.relu { value.max(0.0) } else { value };
            // Half a unit of the last place; a sum in `f32` may tip what is added to the next value.
            let most = value.abs() / 256.0 + if case.add { sum.abs() / 128.0 } else { 0.0 } + 2e-6;
            assert!((got - value).abs() <= most, "{case:?}, {options:?}: {got} instead of {value}");
        }
        let image = x.len() / case.batch.max(1);
        let one_by_one: Vec<f32> = x.chunks(image).flat_map(|x| plan.run(x, 1, &[last]).remove(0)).collect();
        assert_eq!(&one_by_one, got, "{case:?}, {options:?}: batch");
    }
}

const CASE: Case = Case {
    batch: 2,
    height: 7,
    width: 9,
    inputs: 16,
    outputs: 16,
    kernel: 3,
    stride: 1,
    padding: 1,
    add: true,
    relu: true,
};

#[test]
fn convolutions_agree_with_the_reference_on_edge_shapes() {
    for (kernel, stride, padding) in [(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (3, 1, 0), (7, 2, 3), (2, 2, 1)] {
        for (inputs, outputs) in [(1, 16), (3, 7), (16, 32), (9, 33), (17, 5), (8, 1)] {
            check(&Case { inputs, outputs, kernel, stride, padding, ..CASE });
        }
    }
    // One pixel; windows read in place, with whole and with partial tiles of rows; a depth of several passes, also in
    // place; columns of several tasks.
    check(&Case { batch: 1, height: 1, width: 1, inputs: 3, outputs: 2, ..CASE });
    check(&Case { batch: 3, height: 8, width: 8, inputs: 64, outputs: 70, kernel: 1, padding: 0, ..CASE });
    check(&Case { batch: 3, height: 7, width: 7, inputs: 32, outputs: 64, kernel: 1, padding: 0, ..CASE });
    check(&Case { batch: 2, height: 4, width: 4, inputs: 1056, outputs: 40, kernel: 1, padding: 0, ..CASE });
    check(&Case { batch: 1, height: 4, width: 4, inputs: 150, outputs: 300, stride: 2, ..CASE });
    check(&Case { batch: 5, height: 1, width: 1, inputs: 700, outputs: 19, kernel: 1, padding: 0, ..CASE });
    check(&Case { batch: 1, height: 13, width: 11, inputs: 64, outputs: 34, ..CASE });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_agree_with_the_reference(
        (batch, height, width) in (1..4usize, 1..14usize, 1..14usize),
        (inputs, outputs) in (1..70usize, 1..70usize),
        kernel in prop::sample::select(vec![1, 2, 3, 5, 7]),
        (stride, padding) in (1..4usize, 0..4usize),
        (add, relu) in (any::<bool>(), any::<bool>()),
    ) {
        prop_assume!(height.min(width) + 2 * padding >= kernel && padding < kernel);
        check(&Case { batch, height, width, inputs, outputs, kernel, stride, padding, add, relu });
    }
}

#[test]
fn pools_round_nothing_but_the_images() {
    let (batch, height, width, channels) = (3, 9, 8, 21);
    let x = numbers(5, batch * height * width * channels);
    let rounded: Vec<f32> = x.iter().map(|v| rounded(f64::from(*v)) as f32).collect();
    for (kernel, stride, padding) in [(3, 2, 1), (2, 2, 0), (1, 1, 0), (5, 3, 4)] {
        let shape = PoolShape { batch, height, width, channels, kernel, stride, padding };
        let mut expected = vec![0.0; shape.out_len()];
        max_pool(&shape, &rounded, &mut expected);
        let pixels = shape.out_height() * shape.out_width();
        let mut mean = vec![0.0; batch * channels];
        global_avg_pool(batch, pixels, channels, &expected, &mut mean);
        let pool = || Node::MaxPool { input: Value::Images, kernel, stride, padding };
        let graph = || Graph { channels, nodes: vec![pool(), Node::GlobalAvgPool { input: Value::Node(0) }] };
        for options in options() {
            let plan = Plan::compile(graph(), height, width, options).unwrap();
            assert_eq!(plan.run(&x, batch, &[0, 1]), [expected.clone(), mean.clone()], "{shape:?}, {options:?}");
        }
    }
}

#[test]
fn nan_is_not_lost() {
    let case = Case { inputs: 32, outputs: 33, kernel: 1, padding: 0, add: false, ..CASE };
    let tensors = Tensors::new(&case, 1);
    let mut x = numbers(2, case.batch * case.height * case.width * case.inputs);
    x[40] = f32::NAN;
    let graph = || Graph { channels: case.inputs, nodes: vec![tensors.conv(&case, Value::Images, None)] };
    for options in options() {
        let got = Plan::compile(graph(), case.height, case.width, options).unwrap().run(&x, case.batch, &[0]).remove(0);
        let of_pixel = |pixel: usize| &got[pixel * case.outputs..][..case.outputs];
        assert!(of_pixel(1).iter().all(|v| v.is_nan()), "{options:?}");
        assert!(of_pixel(0).iter().chain(of_pixel(2)).all(|v| v.is_finite()), "{options:?}");
    }
}

#[test]
fn bytes_depend_on_neither_threads_nor_batch() {
    check_bytes(&CHAIN, 10, 70);
}

#[test]
fn bytes_of_larger_images_depend_on_neither_threads_nor_batch() {
    check_bytes(&CHAIN, 36, 40);
}

#[test]
fn bytes_of_a_network_in_parts_depend_on_neither_threads_nor_batch() {
    let cases = [
        Case { inputs: 3, outputs: 64, stride: 2, ..CASE },
        Case { inputs: 64, outputs: 16, stride: 2, ..CASE },
        Case { inputs: 16, outputs: 32, stride: 2, ..CASE },
    ];
    let groups = check_bytes(&cases, 96, 21);
    assert!(groups[0] < 21 && groups.len() > 1 && groups.is_sorted(), "{groups:?}");
}

/// One convolution after the other.
const CHAIN: [Case; 4] = [
    Case { inputs: 3, outputs: 64, kernel: 7, stride: 2, padding: 3, ..CASE },
    Case { inputs: 64, outputs: 64, ..CASE },
    Case { inputs: 64, outputs: 160, kernel: 1, padding: 0, ..CASE },
    Case { inputs: 160, outputs: 96, stride: 2, ..CASE },
];

/// Gives the images that go together in each part.
fn check_bytes(cases: &[Case], side: usize, batch: usize) -> Vec<usize> {
    let tensors: Vec<Tensors> = cases.iter().map(|case| Tensors::new(case, 3)).collect();
    let input = |index: usize| index.checked_sub(1).map_or(Value::Images, Value::Node);
    // A fully connected layer behind the mean is `f32`.
    let outputs = cases[cases.len() - 1].outputs;
    let dense = Case { inputs: outputs, outputs: 10, kernel: 1, padding: 0, relu: false, ..CASE };
    let last = Tensors::new(&dense, 4);
    let graph = || {
        let convs = cases.iter().zip(&tensors).enumerate();
        let convs = convs.map(|(index, (case, tensors))| tensors.conv(case, input(index), None));
        let mean = Node::GlobalAvgPool { input: Value::Node(cases.len() - 1) };
        let nodes = convs.chain([mean, last.conv(&dense, Value::Node(cases.len()), None)]).collect();
        Graph { channels: 3, nodes }
    };
    let image = side * side * 3;
    let (x, dense) = (numbers(8, batch * image), cases.len() + 1);
    let mut groups = Vec::new();
    for options in options() {
        let plan = Plan::compile(graph(), side, side, options).unwrap();
        groups = plan.groups().collect();
        let run =
            |threads: usize, batch: usize| on_threads(threads, || plan.run(&x[..batch * image], batch, &[1, dense]));
        let whole = run(1, batch);
        assert!(whole[0].iter().all(|v| f64::from(*v) == rounded(f64::from(*v))));
        assert!(whole[1].iter().any(|v| f64::from(*v) != rounded(f64::from(*v))));
        assert_eq!(run(3, batch), whole, "{options:?}");
        for few in [1, 5] {
            for (part, whole) in run(2, few).iter().zip(&whole) {
                assert_eq!(part[..], whole[..part.len()], "{options:?}, {few} images");
            }
        }
        assert_eq!(plan.run(&[], 0, &[dense]), [Vec::<f32>::new()]);
    }
    groups
}

#[test]
fn what_cannot_be_computed_so_is_refused() {
    let case = Case { add: false, ..CASE };
    let mut tensors = Tensors::new(&case, 1);
    let wide = |tensors: &Tensors| {
        let graph = || Graph { channels: 16, nodes: vec![tensors.conv(&case, Value::Images, None)] };
        let precision = |precision| Plan::compile(graph(), 7, 9, PlanOptions::of(precision)).map(|_| ());
        (precision(PlanPrecision::F32), precision(PlanPrecision::Bf16))
    };
    assert_eq!(wide(&tensors), (Ok(()), Ok(())));
    // Finite as `f32`, above the largest bfloat16.
    tensors.weight[3] = f32::MAX;
    assert_eq!(wide(&tensors), (Ok(()), Err(Error::NonFinite { name: "weight".to_owned() })));
    let tensors = Tensors::new(&Case { kernel: 1, ..case }, 1);
    let conv = |input, add| tensors.conv(&Case { kernel: 1, padding: 0, ..case }, input, add);
    let mean = || Node::GlobalAvgPool { input: Value::Images };
    let graph = || Graph { channels: 16, nodes: vec![mean(), conv(Value::Images, Some(Value::Node(0)))] };
    let compile = |precision| Plan::compile(graph(), 1, 1, PlanOptions::of(precision)).map(|_| ());
    assert_eq!(compile(PlanPrecision::F32), Ok(()));
    assert_eq!(compile(PlanPrecision::Bf16), Err(Error::MixedPrecision { node: 1 }));
}
