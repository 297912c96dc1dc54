//! Vectors of random pixels, and the bound: one large product.

use anyhow::{Result, ensure};
use latentwalk_backbone as backbone;
use latentwalk_backbone::{Arch, BackboneDevice, Network, NetworkSpec, Tap, parse_device};
use latentwalk_engine::{Conv, Graph, Node, Plan, PlanOptions, PlanPrecision, Value, Values, Weights};
use ndarray::Array4;

use crate::arithmetic::flop;
use crate::machine;
use crate::session::{Session, Unsupported};
use crate::work::Precision;

/// Side of the product's matrices.
const PRODUCT_SIDE: usize = 2048;
/// Products of one pass in bfloat16.
const PRODUCTS: usize = 4;

/// Images per second of one batch size.
pub(crate) fn infer(
    session: &mut Session,
    device: &str,
    arch: &str,
    precision: Precision,
    side: usize,
    batch: usize,
) -> Result<()> {
    let device = parse_device(device)?;
    let network = network(&device, arch, precision)?.into_evaluator(side, side)?;
    let pixels = Array4::from_shape_vec((batch, side, side, 3), numbers(batch * side * side * 3))?;
    let embed = || network.embed(pixels.view(), Tap::Pool);
    ensure!(embed()?.iter().all(|v| v.is_finite()), "the output is not finite");
    session.ready(Some(flop(Arch::named(arch)?, side).embedding()))?;
    session.rates(batch as f64, || Ok(embed().map(drop)?))?;
    session.memory_of(&device)
}

/// Peak of resident memory, after one pass more each time.
pub(crate) fn memory(session: &mut Session, batch: usize) -> Result<()> {
    let network = network(&BackboneDevice::cpu(), "resnet50", Precision::F32)?.into_evaluator(224, 224)?;
    let pixels = Array4::from_shape_vec((batch, 224, 224, 3), numbers(batch * 224 * 224 * 3))?;
    machine::peak_mb()?;
    session.ready(None)?;
    while session.asked() {
        network.embed(pixels.view(), Tap::Pool)?;
        session.answer(machine::peak_mb()?)?;
    }
    Ok(())
}

/// Operations per second of a plain product.
pub(crate) fn product(session: &mut Session, precision: Precision) -> Result<()> {
    machine::check(precision)?;
    let n = PRODUCT_SIDE;
    let flop = 2.0 * (n as f64).powi(3);
    let (x, w) = (numbers(n * n), numbers(n * n));
    match precision {
        Precision::F32 => {
            let mut out = vec![0.0; n * n];
            session.ready(None)?;
            session.rates(flop, || {
                latentwalk_engine::linear(n, n, n, &x, &w, None, &mut out);
                Ok(())
            })
        }
        Precision::Tf32 => Err(Unsupported("no processor multiplies in tf32".to_owned()).into()),
        Precision::Bf16 => {
            let plan = products(n, &w)?;
            session.ready(None)?;
            session.rates(PRODUCTS as f64 * flop, || {
                std::hint::black_box(plan.run(&x, 1, &[PRODUCTS]));
                Ok(())
            })
        }
    }
}

/// Products one after the other in bfloat16: rounding the first matrix, and the mean at the end, weigh little beside them.
fn products(n: usize, w: &[f32]) -> Result<Plan> {
    let product = |input| {
        Node::Conv(Conv {
            input,
            weight: Weights { name: "matrix".to_owned(), values: Values::Borrowed(w) },
            bias: None,
            norm: None,
            out_channels: n,
            kernel: 1,
            stride: 1,
            padding: 0,
            add: None,
            relu: false,
        })
    };
    let input = |index: usize| index.checked_sub(1).map_or(Value::Images, Value::Node);
    let mut nodes: Vec<Node<'_>> = (0..PRODUCTS).map(|index| product(input(index))).collect();
    nodes.push(Node::GlobalAvgPool { input: input(PRODUCTS) });
    Ok(Plan::compile(Graph { channels: n, nodes }, 1, n, PlanOptions::of(PlanPrecision::Bf16))?)
}

/// A network of random weights that computes in the given precision.
///
/// **Errors** [`Unsupported`] where the processor or this build has no products in it.
pub(crate) fn network(device: &BackboneDevice, arch: &str, precision: Precision) -> Result<Network> {
    if device.kind() == "cpu" {
        machine::check(precision)?;
    }
    let network = Network::new(NetworkSpec::new(arch, 3, Vec::new()), 0, device)?;
    let precision = of_backbone(precision);
    network.with_precision(precision).map_err(|error| match error {
        backbone::Error::Precision { .. } => Unsupported(error.to_string()).into(),
        other => other.into(),
    })
}

/// As the backbone names it.
pub(crate) fn of_backbone(precision: Precision) -> backbone::Precision {
    match precision {
        Precision::F32 => backbone::Precision::F32,
        Precision::Tf32 => backbone::Precision::Tf32,
        Precision::Bf16 => backbone::Precision::Bf16,
    }
}

/// Pixels without a pattern that a cache or a shortcut for zeros could use.
pub(crate) fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 2003) as f32 / 1000.0 - 1.0).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn products_follow_each_other() {
        // Four times twice the identity: 16 times what came in, as a mean over the rows.
        let n = 40;
        let w: Vec<f32> = (0..n * n).map(|i| if i % (n + 1) == 0 { 2.0 } else { 0.0 }).collect();
        let x: Vec<f32> = (0..n * n).map(|i| (i % n) as f32).collect();
        let mean = products(n, &w).unwrap().run(&x, 1, &[PRODUCTS]).remove(0);
        assert_eq!(mean, (0..n).map(|i| 16.0 * i as f32).collect::<Vec<_>>());
    }
}
