//! Vectors of random pixels, and the bound: one large product.

use anyhow::{Result, ensure};
use latentwalk_backbone as backbone;
use latentwalk_backbone::{Arch, BackboneDevice, BackboneError, Network, NetworkSpec, Tap};

use crate::arithmetic::flop;
use crate::machine;
use crate::session::{Session, Unsupported};
use crate::work::Precision;

/// Side of the product's matrices.
const PRODUCT_SIDE: usize = 2048;

/// Images a second of one batch size.
pub(crate) fn infer(session: &mut Session, arch: &str, precision: Precision, side: usize, batch: usize) -> Result<()> {
    let network = network(arch, precision)?.into_evaluator(side, side)?;
    let pixels = numbers(batch * side * side * 3);
    let embed = || network.embed(&pixels, batch, Tap::Pool);
    ensure!(embed()?.iter().all(|v| v.is_finite()), "the output is not finite");
    session.ready(Some(flop(Arch::named(arch)?, side).embedding()))?;
    session.rates(batch as f64, || Ok(embed().map(drop)?))
}

/// Peak of resident memory, after one pass more each time.
pub(crate) fn memory(session: &mut Session, batch: usize) -> Result<()> {
    let network = network("resnet50", Precision::F32)?.into_evaluator(224, 224)?;
    let pixels = numbers(batch * 224 * 224 * 3);
    machine::peak_mb()?;
    session.ready(None)?;
    while session.asked() {
        network.embed(&pixels, batch, Tap::Pool)?;
        session.answer(machine::peak_mb()?)?;
    }
    Ok(())
}

/// Operations a second of a plain product.
pub(crate) fn product(session: &mut Session, precision: Precision) -> Result<()> {
    machine::check(precision)?;
    if precision == Precision::Bf16 {
        return Err(Unsupported("this build multiplies in f32 only".to_owned()).into());
    }
    let n = PRODUCT_SIDE;
    let (x, w, mut out) = (numbers(n * n), numbers(n * n), vec![0.0; n * n]);
    session.ready(None)?;
    session.rates(2.0 * (n as f64).powi(3), || {
        latentwalk_engine::linear(n, n, n, &x, &w, None, &mut out);
        Ok(())
    })
}

/// A network of random weights that computes in the given precision.
///
/// **Errors** [`Unsupported`] where the processor or this build has no products in it.
pub(crate) fn network(arch: &str, precision: Precision) -> Result<Network> {
    machine::check(precision)?;
    let network = Network::new(NetworkSpec::new(arch, 3, Vec::new()), 0, &BackboneDevice::cpu())?;
    let precision = match precision {
        Precision::F32 => backbone::Precision::F32,
        Precision::Bf16 => backbone::Precision::Bf16,
    };
    network.with_precision(precision).map_err(|error| match error {
        BackboneError::PrecisionOfDevice { .. } => {
            Unsupported("this build computes in f32 only on the processor".to_owned()).into()
        }
        other => other.into(),
    })
}

/// Pixels without a pattern that a cache or a shortcut for zeros could use.
pub(crate) fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 2003) as f32 / 1000.0 - 1.0).collect()
}
