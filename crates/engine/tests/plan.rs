//! Plans against plain `f64` references, for every kernel that this machine can run.
#![allow(clippy::unwrap_used)]

use latentwalk_engine::*;
use latentwalk_testing::{Numbers, on_threads};
use proptest::prelude::*;

/// A convolution of one shape, with everything that can be fused.
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
    norm: bool,
    add: bool,
    relu: bool,
}

/// The tensors of a case, in the order weight, bias, gamma, beta, mean, variance.
struct Tensors([Vec<f32>; 6]);

impl Tensors {
    fn new(case: &Case, numbers: &mut Numbers) -> Self {
        let depth = case.inputs * case.kernel * case.kernel;
        let mut weight = numbers.vec(case.outputs * depth);
        weight.iter_mut().for_each(|w| *w /= (depth as f32).sqrt());
        let mut channel = || numbers.vec(case.outputs);
        let (bias, gamma, beta, mean) = (channel(), channel(), channel(), channel());
        let variance = channel().into_iter().map(|v| v.abs() + 0.5).collect();
        Tensors([weight, bias, gamma, beta, mean, variance])
    }

    fn weights(&self, index: usize) -> Weights<'_> {
        let names = ["weight", "bias", "gamma", "beta", "mean", "variance"];
        Weights { name: names[index].to_owned(), values: Values::Borrowed(&self.0[index]) }
    }

    fn conv(&self, case: &Case, add: Option<Value>) -> Node<'_> {
        let norm = case.norm.then(|| Norm {
            gamma: self.weights(2),
            beta: self.weights(3),
            mean: self.weights(4),
            variance: self.weights(5),
            eps: 1e-5,
        });
        Node::Conv(Conv {
            input: Value::Images,
            weight: self.weights(0),
            bias: Some(self.weights(1)),
            norm,
            out_channels: case.outputs,
            kernel: case.kernel,
            stride: case.stride,
            padding: case.padding,
            add,
            relu: case.relu,
        })
    }
}

fn reference(case: &Case, tensors: &Tensors, x: &[f32]) -> Vec<f64> {
    let side = |n: usize| (n + 2 * case.padding - case.kernel) / case.stride + 1;
    let (out_height, out_width) = (side(case.height), side(case.width));
    let t = |index: usize, at: usize| f64::from(tensors.0[index][at]);
    let mut out = Vec::new();
    for b in 0..case.batch {
        for (oy, ox) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
            for o in 0..case.outputs {
                let mut sum = t(1, o);
                for (ky, kx) in (0..case.kernel).flat_map(|y| (0..case.kernel).map(move |x| (y, x))) {
                    let y = (oy * case.stride + ky).wrapping_sub(case.padding);
                    let xx = (ox * case.stride + kx).wrapping_sub(case.padding);
                    if y < case.height && xx < case.width {
                        for i in 0..case.inputs {
                            sum += f64::from(x[((b * case.height + y) * case.width + xx) * case.inputs + i])
                                * t(0, ((o * case.inputs + i) * case.kernel + ky) * case.kernel + kx);
                        }
                    }
                }
                if case.norm {
                    sum = (sum - t(4, o)) / (t(5, o) + 1e-5).sqrt() * t(2, o) + t(3, o);
                }
                // The added node is the same convolution without ReLU.
                sum *= if case.add { 2.0 } else { 1.0 };
                out.push(if case.relu { sum.max(0.0) } else { sum });
            }
        }
    }
    out
}

fn options() -> Vec<PlanOptions> {
    let convolutions = [Convolution::Auto, Convolution::Direct, Convolution::Winograd2, Convolution::Winograd4];
    let all = PlanKernels::available();
    assert!(all.contains(&PlanKernels::Portable));
    all.into_iter()
        .flat_map(|kernels| convolutions.map(|convolution| PlanOptions { kernels, convolution, ..Default::default() }))
        .collect()
}

/// Winograd's `F(4 x 4)` errs most: a few 1e-6 of the inputs' and the weights' size, which is 1 here.
const TOLERANCE: f64 = 2e-5;

fn check(case: &Case) {
    let mut numbers = Numbers((case.inputs * 31 + case.outputs) as u64);
    let tensors = Tensors::new(case, &mut numbers);
    let x = numbers.vec(case.batch * case.height * case.width * case.inputs);
    let expected = reference(case, &tensors, &x);
    let graph = || {
        let mut nodes = Vec::new();
        if case.add {
            nodes.push(tensors.conv(&Case { relu: false, ..*case }, None));
        }
        nodes.push(tensors.conv(case, case.add.then_some(Value::Node(0))));
        Graph { channels: case.inputs, nodes }
    };
    let last = usize::from(case.add);
    for options in options() {
        let plan = Plan::compile(graph(), case.height, case.width, options).unwrap();
        let got = &plan.run(&x, case.batch, &[last])[0];
        assert_eq!(got.len(), expected.len());
        let worst =
            got.iter().zip(&expected).map(|(g, e)| (f64::from(*g) - e).abs() / (1.0 + e.abs())).fold(0.0, f64::max);
        assert!(worst <= TOLERANCE, "{case:?}, {options:?}: off by {worst}");
        // The second run finds the buffers of the first; images alone give the bytes that they give in the batch.
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
    norm: true,
    add: true,
    relu: true,
};

#[test]
fn convolutions_agree_with_the_reference_on_edge_shapes() {
    for (kernel, stride, padding) in [(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (3, 1, 0), (7, 2, 3), (2, 2, 1)] {
        for (inputs, outputs) in [(1, 16), (3, 7), (16, 16), (9, 33), (17, 5), (8, 1)] {
            check(&Case { inputs, outputs, kernel, stride, padding, ..CASE });
        }
    }
    // One pixel; more rows than a task; a depth of several passes; columns split over tasks; odd edges of tiles.
    check(&Case { batch: 1, height: 1, width: 1, inputs: 3, outputs: 2, ..CASE });
    check(&Case { batch: 3, height: 11, width: 13, inputs: 64, outputs: 70, ..CASE });
    check(&Case { batch: 1, height: 4, width: 4, inputs: 150, outputs: 300, stride: 2, ..CASE });
    check(&Case { batch: 5, height: 1, width: 1, inputs: 700, outputs: 19, kernel: 1, padding: 0, ..CASE });
    check(&Case { batch: 1, height: 2, width: 3, inputs: 400, outputs: 40, ..CASE });
    for side in 1..14 {
        check(&Case { batch: 1, height: side, width: 14 - side, inputs: 5, outputs: 6, ..CASE });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_agree_with_the_reference(
        (batch, height, width) in (1..4usize, 1..14usize, 1..14usize),
        (inputs, outputs) in (1..40usize, 1..40usize),
        kernel in prop::sample::select(vec![1, 2, 3, 5, 7]),
        (stride, padding) in (1..4usize, 0..4usize),
        (norm, add, relu) in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        prop_assume!(height.min(width) + 2 * padding >= kernel && padding < kernel);
        check(&Case { batch, height, width, inputs, outputs, kernel, stride, padding, norm, add, relu });
    }
}

#[test]
fn pools_are_those_of_training() {
    let (batch, height, width, channels) = (3, 9, 8, 21);
    let mut x = Numbers(5).vec(batch * height * width * channels);
    x[100] = f32::NAN;
    for (kernel, stride, padding) in [(3, 2, 1), (2, 2, 0), (3, 1, 1), (1, 1, 0), (5, 3, 4)] {
        let shape = PoolShape { batch, height, width, channels, kernel, stride, padding };
        let mut expected = vec![0.0; shape.out_len()];
        max_pool(&shape, &x, &mut expected);
        let graph = || {
            let pool = Node::MaxPool { input: Value::Images, kernel, stride, padding };
            let mean = Node::GlobalAvgPool { input: Value::Images };
            Graph { channels, nodes: vec![pool, mean] }
        };
        for kernels in PlanKernels::available() {
            let plan = Plan::compile(graph(), height, width, PlanOptions { kernels, ..Default::default() }).unwrap();
            let results = plan.run(&x, batch, &[1, 0]);
            let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&results[1]), bits(&expected), "{shape:?}, {kernels:?}");
            let mut mean = vec![0.0; batch * channels];
            global_avg_pool(batch, height * width, channels, &x, &mut mean);
            assert_eq!(bits(&results[0]), bits(&mean));
        }
    }
}

#[test]
fn bytes_depend_on_neither_threads_nor_batch() {
    check_bytes(10, 70);
}

#[test]
fn bytes_of_larger_images_depend_on_neither_threads_nor_batch() {
    check_bytes(44, 70);
}

fn check_bytes(side: usize, batch: usize) {
    let cases = [
        Case { inputs: 3, outputs: 64, kernel: 7, stride: 2, padding: 3, ..CASE },
        Case { inputs: 64, outputs: 64, ..CASE },
        Case { inputs: 64, outputs: 160, kernel: 1, padding: 0, ..CASE },
        Case { inputs: 160, outputs: 160, ..CASE },
        Case { inputs: 160, outputs: 96, stride: 2, ..CASE },
    ];
    let mut numbers = Numbers(3);
    let tensors: Vec<Tensors> = cases.iter().map(|case| Tensors::new(case, &mut numbers)).collect();
    let graph = || {
        let mut nodes: Vec<Node<'_>> = Vec::new();
        for (index, (tensors, case)) in tensors.iter().zip(&cases).enumerate() {
            let Node::Conv(conv) = tensors.conv(case, None) else { continue };
            let input = index.checked_sub(1).map_or(Value::Images, Value::Node);
            nodes.push(Node::Conv(Conv { input, ..conv }));
        }
        nodes.push(Node::GlobalAvgPool { input: Value::Node(cases.len() - 1) });
        Graph { channels: 3, nodes }
    };
    let image = side * side * 3;
    let x = numbers.vec(batch * image);
    for options in options() {
        let plan = Plan::compile(graph(), side, side, options).unwrap();
        check_plan_bytes(&plan, &x, batch, &[1, 5]);
    }
}

/// More images in late layers than in early ones go together, and a block whose sides lie on both sides of the border.
#[test]
fn bytes_of_a_network_in_parts_depend_on_neither_threads_nor_batch() {
    let (side, batch) = (160, 21);
    let cases = [
        Case { inputs: 3, outputs: 64, kernel: 3, stride: 2, padding: 1, ..CASE },
        Case { inputs: 64, outputs: 32, stride: 2, ..CASE },
        Case { inputs: 32, outputs: 64, stride: 2, ..CASE },
        Case { inputs: 64, outputs: 128, kernel: 1, stride: 2, padding: 0, ..CASE },
        Case { inputs: 64, outputs: 128, stride: 2, ..CASE },
        Case { inputs: 128, outputs: 128, ..CASE },
    ];
    let inputs = [Value::Images, Value::Node(0), Value::Node(1), Value::Node(2), Value::Node(2), Value::Node(4)];
    let mut numbers = Numbers(4);
    let tensors: Vec<Tensors> = cases.iter().map(|case| Tensors::new(case, &mut numbers)).collect();
    let graph = || {
        let mut nodes: Vec<Node<'_>> = Vec::new();
        for ((tensors, case), input) in tensors.iter().zip(&cases).zip(inputs) {
            let add = (input == Value::Node(4)).then_some(Value::Node(3));
            let Node::Conv(conv) = tensors.conv(case, add) else { continue };
            nodes.push(Node::Conv(Conv { input, ..conv }));
        }
        nodes.push(Node::GlobalAvgPool { input: Value::Node(5) });
        Graph { channels: 3, nodes }
    };
    let x = numbers.vec(batch * side * side * 3);
    for kernels in PlanKernels::available() {
        let plan = Plan::compile(graph(), side, side, PlanOptions { kernels, ..Default::default() }).unwrap();
        let groups: Vec<usize> = plan.groups().collect();
        assert!(groups[0] < batch && groups.len() > 1 && groups.is_sorted(), "{groups:?}");
        check_plan_bytes(&plan, &x, batch, &[0, 3, 6]);
    }
}

fn check_plan_bytes(plan: &Plan, x: &[f32], batch: usize, wanted: &[usize]) {
    let image = x.len() / batch;
    let run = |threads: usize, batch: usize| on_threads(threads, || plan.run(&x[..batch * image], batch, wanted));
    // More than go together.
    let whole = run(1, batch);
    assert_eq!(run(3, batch), whole, "{}", plan.kernels());
    for few in [1, 2, 5] {
        let part = run(2, few);
        for (part, whole) in part.iter().zip(&whole) {
            assert_eq!(part[..], whole[..part.len()], "{}, {few} images", plan.kernels());
        }
    }
    assert_eq!(plan.run(&[], 0, &wanted[..1]), [Vec::<f32>::new()]);
}

#[test]
fn unsound_networks_are_refused_by_name() {
    let case = CASE;
    let compile = |tensors: &Tensors, case: &Case, channels: usize| {
        let graph = Graph { channels, nodes: vec![tensors.conv(case, None)] };
        let checked = graph.check(case.height, case.width).err();
        let error = Plan::compile(graph, case.height, case.width, PlanOptions::default()).map(|_| ()).unwrap_err();
        // All but values that are not finite is found without them.
        assert_eq!(checked.as_ref(), Some(&error).filter(|error| !matches!(error, Error::NonFinite { .. })));
        error
    };
    for (index, name) in ["weight", "bias", "gamma", "beta", "mean", "variance"].into_iter().enumerate() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut tensors = Tensors::new(&case, &mut Numbers(1));
            *tensors.0[index].last_mut().unwrap() = bad;
            assert_eq!(compile(&tensors, &case, 16), Error::NonFinite { name: name.to_owned() });
        }
    }
    let mut tensors = Tensors::new(&case, &mut Numbers(1));
    tensors.0[5][3] = -1.0;
    assert_eq!(compile(&tensors, &case, 16), Error::NonFinite { name: "variance".to_owned() });
    let mut tensors = Tensors::new(&case, &mut Numbers(1));
    tensors.0[0][3] = f32::MAX;
    tensors.0[2][0] = 1e6;
    assert_eq!(compile(&tensors, &case, 16), Error::NonFinite { name: "weight".to_owned() });
    let tensors = Tensors::new(&case, &mut Numbers(1));
    assert!(matches!(compile(&tensors, &case, 8), Error::WeightCount { expected: 1152, got: 2304, .. }));
    let window = |case: &Case| compile(&tensors, case, 16).to_string();
    let message = window(&Case { stride: 0, ..case });
    assert!(message.starts_with("node 0 has a kernel of 3, stride 0 and padding 1, which does not fit"), "{message}");
    let message = window(&Case { padding: 3, ..case });
    assert!(message.starts_with("node 0 has a kernel of 3") && message.contains("padding 3"), "{message}");
    assert_eq!(compile(&tensors, &case, 0), Error::Empty);
    let graph = |add| Graph { channels: 16, nodes: vec![tensors.conv(&case, Some(add))] };
    let compile = |add| Plan::compile(graph(add), 7, 9, PlanOptions::default()).map(|_| ());
    assert_eq!(
        compile(Value::Node(0)),
        Err(Error::Node { node: 0, problem: "reads node 0, which does not come before it".to_owned() })
    );
    assert_eq!(compile(Value::Images), Ok(()));
    let wide = Case { outputs: 8, ..case };
    let narrow = Tensors::new(&wide, &mut Numbers(1));
    let graph = Graph { channels: 16, nodes: vec![narrow.conv(&wide, Some(Value::Images))] };
    let error = Plan::compile(graph, 7, 9, PlanOptions::default()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "node 0 has a result of [7, 9, 8] (height, width, channels) but adds [7, 9, 16]");
}

#[test]
fn tensors_are_taken_one_layer_after_the_other() {
    use std::cell::Cell;
    let case = Case { inputs: 16, outputs: 16, norm: true, ..CASE };
    let tensors = Tensors::new(&case, &mut Numbers(4));
    let (taken, freed) = (Cell::new(0), Cell::new(0));
    /// Counts when the closure that holds it has gone.
    struct Held<'a>(&'a Cell<usize>);
    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let late = |index: usize| {
        let (values, held) = (&tensors.0[index], Held(&freed));
        let taken = &taken;
        let produce = Box::new(move || {
            let _held = held;
            // The tensors of all earlier layers have gone by the time when a layer's weight, its last tensor, is asked for.
            assert!(index > 0 || taken.get() == taken.get() / 6 * 6 + 5);
            taken.set(taken.get() + 1);
            values.clone()
        });
        Weights { name: index.to_string(), values: Values::Later { len: values.len(), produce } }
    };
    let conv = |index: usize| {
        Node::Conv(Conv {
            input: index.checked_sub(1).map_or(Value::Images, Value::Node),
            weight: late(0),
            bias: Some(late(1)),
            norm: Some(Norm { gamma: late(2), beta: late(3), mean: late(4), variance: late(5), eps: 1e-5 }),
            out_channels: 16,
            kernel: case.kernel,
            stride: case.stride,
            padding: case.padding,
            add: None,
            relu: true,
        })
    };
    let plan = |nodes| Plan::compile(Graph { channels: 16, nodes }, 7, 9, PlanOptions::default());
    let late = plan(vec![conv(0), conv(1)]).unwrap();
    assert_eq!((taken.get(), freed.get()), (12, 12));
    let borrowed = |input| match tensors.conv(&Case { relu: true, ..case }, None) {
        Node::Conv(conv) => Node::Conv(Conv { input, ..conv }),
        other => other,
    };
    let early = plan(vec![borrowed(Value::Images), borrowed(Value::Node(0))]).unwrap();
    let x = Numbers(6).vec(7 * 9 * 16);
    assert_eq!(late.run(&x, 1, &[1]), early.run(&x, 1, &[1]));
    // A tensor that turns out shorter than it was said to be.
    let short =
        || Weights { name: "short".to_owned(), values: Values::Later { len: 2304, produce: Box::new(Vec::new) } };
    let Node::Conv(sound) = borrowed(Value::Images) else { return };
    let graph = Graph { channels: 16, nodes: vec![Node::Conv(Conv { weight: short(), ..sound })] };
    assert_eq!(graph.check(7, 9), Ok(()));
    let error = Plan::compile(graph, 7, 9, PlanOptions::default()).map(|_| ()).unwrap_err();
    assert_eq!(error, Error::WeightCount { name: "short".to_owned(), expected: 2304, got: 0 });
}
