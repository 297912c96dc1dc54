#![allow(clippy::unwrap_used)]
//! Every custom operation against finite differences through candle's backward pass, and against [`plain`].

use candle_core::{DType, Device, Result, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn random(seed: u64, shape: &[usize]) -> Var {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values = (0..shape.iter().product()).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect();
    Var::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn values(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

/// `sum(f(inputs) * direction)` for a fixed random direction: a scalar whose gradient uses all of `f`'s.
fn scalar(inputs: &[Var], f: &dyn Fn(&[Var]) -> Result<Tensor>) -> Tensor {
    let y = f(inputs).unwrap();
    let direction = random(99, y.dims());
    (y * direction.as_detached_tensor()).unwrap().sum_all().unwrap()
}

/// Sum in f64: the differences below would drown in a sum of f32.
fn exact(inputs: &[Var], f: &dyn Fn(&[Var]) -> Result<Tensor>) -> f64 {
    let y = f(inputs).unwrap();
    let direction = values(&random(99, y.dims()));
    values(&y).iter().zip(direction).map(|(&y, d)| f64::from(y) * f64::from(d)).sum()
}

/// Central differences along 12 elements of each input.
///
/// Tolerance: f32 outputs carry about 1e-6 each, divided by a step of 1e-2, and the step's own error.
fn check(inputs: &[Var], f: impl Fn(&[Var]) -> Result<Tensor>) {
    let gradients = scalar(inputs, &f).backward().unwrap();
    let step = 1e-2f32;
    for (index, input) in inputs.iter().enumerate() {
        let gradient = values(gradients.get(input).unwrap());
        let start = values(input);
        for at in (0..start.len()).step_by(start.len().div_ceil(12)) {
            let moved = |delta: f32| {
                let mut copy = start.clone();
                copy[at] += delta;
                input.set(&Tensor::from_vec(copy, input.shape(), &Device::Cpu).unwrap()).unwrap();
                exact(inputs, &f)
            };
            let numeric = (moved(step) - moved(-step)) / f64::from(2.0 * step);
            moved(0.0);
            let error = (numeric - f64::from(gradient[at])).abs();
            assert!(error < 5e-3 * (1.0 + numeric.abs()), "input {index}[{at}]: {numeric} against {}", gradient[at]);
        }
    }
}

/// Outputs and all gradients equal to 1e-4, which is f32's error over sums of some hundred products.
fn same(inputs: &[Var], f: impl Fn(&[Var]) -> Result<Tensor>, g: impl Fn(&[Var]) -> Result<Tensor>) {
    let close = |a: &Tensor, b: &Tensor, what: &str| {
        assert_eq!(a.dims(), b.dims(), "{what}");
        let worst = values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{what}: {worst}");
    };
    close(&f(inputs).unwrap(), &g(inputs).unwrap(), "output");
    let (left, right) = (scalar(inputs, &f).backward().unwrap(), scalar(inputs, &g).backward().unwrap());
    for (i, input) in inputs.iter().enumerate() {
        close(left.get(input).unwrap(), right.get(input).unwrap(), &format!("gradient {i}"));
    }
}

#[test]
fn convolutions() {
    for (kernel, stride, side) in [(3, 1, 6), (3, 2, 7), (1, 1, 5), (1, 2, 6), (7, 2, 9), (3, 1, 1)] {
        let inputs = [random(1, &[2, side, side + 1, 3]), random(2, &[5, 3, kernel, kernel])];
        check(&inputs, |v| conv2d(&mut Recorder::none(), &v[0], &v[1], stride));
        let ours = |v: &[Var]| conv2d(&mut Recorder::none(), &v[0], &v[1], stride);
        same(&inputs, ours, |v| plain::conv2d(&v[0], &v[1], stride, DType::F32));
        // One image's patches at a time.
        same(&inputs, ours, |v| plain::conv2d_by_patches(&v[0], &v[1], stride, 1));
        // candle's own input gradient takes its output padding from the height alone: compare on squares.
        let inputs = [random(1, &[2, side, side, 3]), random(2, &[5, 3, kernel, kernel])];
        same(&inputs, ours, |v| plain::conv2d_of_candle(&v[0], &v[1], stride));
    }
}

#[test]
fn batch_norms() {
    let inputs = [random(3, &[3, 4, 5, 6]), random(4, &[6]), random(5, &[6])];
    check(&inputs, |v| Ok(batch_norm(&mut Recorder::none(), &v[0], &v[1], &v[2], false)?.0));
    for relu in [false, true] {
        same(
            &inputs,
            |v| Ok(batch_norm(&mut Recorder::none(), &v[0], &v[1], &v[2], relu)?.0),
            |v| Ok(plain::batch_norm(&v[0], &v[1], &v[2], relu)?.0),
        );
    }
    let ours = || batch_norm(&mut Recorder::none(), &inputs[0], &inputs[1], &inputs[2], true).unwrap().1;
    let theirs = plain::batch_norm(&inputs[0], &inputs[1], &inputs[2], true).unwrap().1;
    // Three layers, of which one was on a card: what is read keeps its order.
    let read = Statistics::read(vec![ours(), theirs, ours()]).unwrap();
    let (first, second) = (&read[0], &read[1]);
    assert_eq!((&first.mean, &first.var), (&read[2].mean, &read[2].var));
    let pairs = first.mean.iter().chain(&first.var).zip(second.mean.iter().chain(&second.var));
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
}

/// Values that no step of the finite differences carries over a kink at 0.
fn away_from_zero(seed: u64, shape: &[usize]) -> Var {
    let moved = values(&random(seed, shape)).iter().map(|v| v + 0.2 * v.signum()).collect();
    Var::from_vec(moved, shape, &Device::Cpu).unwrap()
}

#[test]
fn norms_with_relu_by_differences() {
    // Normalised values lie within 2 of 0, so that no output comes near the kink.
    let vector = |values: [f32; 4]| Var::from_vec(values.to_vec(), 4, &Device::Cpu).unwrap();
    let inputs = [random(6, &[2, 3, 3, 4]), vector([0.5, 0.4, 0.3, 0.5]), vector([2.0, -2.0, 1.5, 2.5])];
    check(&inputs, |v| Ok(batch_norm(&mut Recorder::none(), &v[0], &v[1], &v[2], true)?.0));
    let inputs = [away_from_zero(6, &[2, 3, 3, 4]), vector([1.0; 4]), vector([2.0, -2.0, 2.5, 0.0])];
    check(&inputs, |v| scale_shift(&mut Recorder::none(), &v[0], &v[1], &v[2], true));
    check(&inputs, |v| scale_shift(&mut Recorder::none(), &v[0], &v[1], &v[2], false));
    same(
        &inputs,
        |v| scale_shift(&mut Recorder::none(), &v[0], &v[1], &v[2], true),
        |v| plain::scale_shift(&v[0], &v[1], &v[2], true),
    );
}

#[test]
fn additions() {
    let inputs = [
        away_from_zero(9, &[2, 3, 3, 4]),
        Var::from_tensor(&(random(10, &[2, 3, 3, 4]).as_tensor() * 0.1).unwrap()).unwrap(),
    ];
    check(&inputs, |v| add_relu(&mut Recorder::none(), &v[0], &v[1]));
    same(&inputs, |v| add_relu(&mut Recorder::none(), &v[0], &v[1]), |v| plain::add_relu(&v[0], &v[1]));
    let x = [away_from_zero(11, &[2, 3])];
    check(&x, |v| add_relu(&mut Recorder::none(), &v[0], &v[0]));
}

#[test]
fn pools() {
    for (h, w) in [(8, 8), (7, 9), (1, 2)] {
        // A shuffled ladder: every two values differ by more than twice the step.
        let len = 2 * h * w * 3;
        let ladder = (0..len).map(|i| 0.05 + 0.05 * ((i * 7919) % 1009) as f32).collect();
        let inputs = [Var::from_vec(ladder, (2, h, w, 3), &Device::Cpu).unwrap()];
        check(&inputs, |v| max_pool(&mut Recorder::none(), &v[0]));
        same(&inputs, |v| max_pool(&mut Recorder::none(), &v[0]), |v| plain::max_pool(&v[0]));
        check(&inputs, |v| global_avg_pool(&mut Recorder::none(), &v[0]));
        same(&inputs, |v| global_avg_pool(&mut Recorder::none(), &v[0]), |v| plain::global_avg_pool(&v[0]));
    }
}

#[test]
fn linears() {
    let inputs = [random(12, &[5, 7]), random(13, &[3, 7]), random(14, &[3])];
    check(&inputs, |v| linear(&mut Recorder::none(), &v[0], &v[1], &v[2]));
    same(
        &inputs,
        |v| linear(&mut Recorder::none(), &v[0], &v[1], &v[2]),
        |v| plain::linear(&v[0], &v[1], &v[2], DType::F32),
    );
}

#[test]
fn detached_inputs_leave_no_graph() {
    let x = random(1, &[1, 4, 4, 2]).as_detached_tensor();
    let w = random(2, &[3, 2, 3, 3]).as_detached_tensor();
    assert!(!conv2d(&mut Recorder::none(), &x, &w, 1).unwrap().track_op());
    assert!(conv2d(&mut Recorder::none(), &x, &random(2, &[3, 2, 3, 3]), 1).unwrap().track_op());
}

/// A small residual network: every operation, a shared input, a gradient that meets from two sides.
fn network(to: &mut Recorder, v: &[Var]) -> Result<Tensor> {
    let x = conv2d(to, &v[0], &v[1], 1)?;
    let x = batch_norm(to, &x, &v[2], &v[3], true)?.0;
    let x = max_pool(to, &x)?;
    let y = conv2d(to, &x, &v[4], 1)?;
    let y = scale_shift(to, &y, &v[2], &v[3], true)?;
    let x = add_relu(to, &y, &x)?;
    let x = global_avg_pool(to, &x)?;
    linear(to, &x, &v[5], &v[6])
}

#[test]
fn the_tape_gives_candles_gradients() {
    let shapes: [&[usize]; 7] = [&[2, 8, 8, 3], &[4, 3, 3, 3], &[4], &[4], &[4, 4, 3, 3], &[5, 4], &[5]];
    let inputs: Vec<Var> = shapes.iter().enumerate().map(|(i, shape)| random(20 + i as u64, shape)).collect();
    let expected = scalar(&inputs, &|v| network(&mut Recorder::none(), v)).backward().unwrap();
    let mut tape = Tape::default();
    let y = network(&mut Recorder::on(&mut tape), &inputs).unwrap();
    assert!(!y.track_op());
    let gradients = tape.backward(vec![(y.clone(), random(99, y.dims()).as_detached_tensor())]).unwrap();
    assert_eq!(gradients.len(), inputs.len());
    for (i, input) in inputs.iter().enumerate() {
        let (ours, theirs) = (values(&gradients[&input.id()]), values(expected.get(input).unwrap()));
        assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() <= 1e-6 * (1.0 + b.abs())), "input {i}");
    }
}

/// The largest difference of two tensors, as a share of the second's largest value.
fn difference(a: &Tensor, b: &Tensor) -> f32 {
    let (a, b) = (values(a), values(b));
    let scale = b.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    a.iter().zip(&b).fold(0.0f32, |m, (a, b)| m.max((a - b).abs())) / scale
}

#[test]
fn products_of_short_numbers_are_near_and_carry_gradients() {
    // bfloat16 products exist on CUDA devices only; half precision takes the same way through the code on the processor.
    let (x, w, b) = (random(20, &[2, 6, 6, 5]), random(21, &[4, 5, 3, 3]), random(22, &[4]));
    let conv = |products| plain::conv2d(&x, &w, 2, products).unwrap();
    let (short, long) = (conv(DType::F16), conv(DType::F32));
    assert_eq!((short.dtype(), short.dims()), (DType::F32, long.dims()));
    let apart = difference(&short, &long);
    assert!(apart > 0.0 && apart < 2e-3, "{apart}");
    let gradient =
        |y: &Tensor, of: &Var| y.sqr().unwrap().sum_all().unwrap().backward().unwrap().get(of).unwrap().clone();
    for var in [&x, &w] {
        let apart = difference(&gradient(&short, var), &gradient(&long, var));
        assert!(apart < 5e-3, "{apart}");
    }
    let rows = x.reshape((36, 10)).unwrap();
    let wide = random(23, &[4, 10]);
    let linear = |products| plain::linear(&rows, &wide, &b, products).unwrap();
    let (short, long) = (linear(DType::F16), linear(DType::F32));
    assert!(short.dtype() == DType::F32 && difference(&short, &long) < 2e-3);
    assert!(difference(&gradient(&short, &wide), &gradient(&long, &wide)) < 5e-3);
}
