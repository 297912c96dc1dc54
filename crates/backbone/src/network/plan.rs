//! Evaluation on the processor through a compiled plan of the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Var;
use latentwalk_engine::{self as engine, Plan, PlanOptions, PlanPrecision, Values, Weights};

use super::cache::Compiled;
use super::graph::{Places, graph};
use super::model::{Network, Running};
use crate::error::{Error, Result, causes};
use crate::ops::Host;
use crate::precision::Precision;

/// The plan for images of a size; `None` where they go layer by layer.
///
/// The cache is not locked while a plan is compiled: compiling spreads over the pool, where a thread that waits may
/// take up another evaluation of the same network.
pub(super) fn plan_of(network: &Network, size: (usize, usize)) -> Result<Option<Arc<Compiled>>> {
    if let Some(known) = network.plan.find(size) {
        return Ok(known.ok());
    }
    let outcome = match compile(network, size) {
        Ok(compiled) => Ok(Arc::new(compiled)),
        Err(Refusal::Weights(name)) => return Err(Error::NonFiniteWeights { name }),
        Err(Refusal::Unknown(reason)) => Err(reason),
    };
    network.plan.keep(size, outcome.clone());
    Ok(outcome.ok())
}

/// Why there is no plan.
enum Refusal {
    /// A tensor that is not finite.
    Weights(String),
    /// Something that plans do not know.
    Unknown(String),
}

impl From<engine::Error> for Refusal {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::NonFinite { name } => Refusal::Weights(name),
            other => Refusal::Unknown(causes(&other)),
        }
    }
}

impl From<candle_core::Error> for Refusal {
    fn from(error: candle_core::Error) -> Self {
        Refusal::Unknown(causes(&error))
    }
}

/// Compiles the weights where they lie.
fn compile(network: &Network, (height, width): (usize, usize)) -> Result<Compiled, Refusal> {
    let hosts = hosts(network)?;
    let (graph, places) = graph(&network.layout, network.spec.in_channels, &mut |name| {
        let part = hosts.get(name.as_str()).map(|host| &**host).or_else(|| statistics(&network.running, &name));
        // A missing tensor has no values, which the plan refuses by name.
        Weights { name, values: Values::Borrowed(part.unwrap_or_default()) }
    });
    Ok(places.with(Plan::compile(graph, height, width, options(network.precision))?))
}

/// Compiles a network that is used up: each tensor is freed when its layer has been packed, so that weights never lie in
/// memory twice. Where there can be no plan, the network comes back whole.
pub(super) fn consume(network: Network, size: (usize, usize)) -> Result<Result<Arc<Compiled>, Box<Network>>> {
    let known = network.plan.find(size);
    let outcome = known.map_or_else(|| check(&network, size).map(|()| None), |known| known.map(Some));
    match outcome {
        Ok(Some(compiled)) => return Ok(Ok(compiled)),
        Ok(None) => {}
        Err(reason) => {
            network.plan.refuse(size, reason);
            return Ok(Err(Box::new(network)));
        }
    }
    let Network { spec, layout, mut weights, mut running, precision, .. } = network;
    let (graph, places) = graph(&layout, spec.in_channels, &mut |name| {
        let (len, produce) = match weights.remove(&name) {
            Some(var) => (var.elem_count(), produced_by(var)),
            None => {
                let values = take_statistics(&mut running, &name);
                (values.len(), Box::new(move || values) as Box<dyn FnOnce() -> Vec<f32>>)
            }
        };
        Weights { name, values: Values::Later { len, produce } }
    });
    match Plan::compile(graph, size.0, size.1, options(precision)).map_err(Refusal::from) {
        Ok(plan) => Ok(Ok(Arc::new(places.with(plan)))),
        Err(Refusal::Weights(name)) => Err(Error::NonFiniteWeights { name }),
        Err(Refusal::Unknown(reason)) => Err(Error::Compute(reason.into())),
    }
}

/// Whether there can be a plan, as far as can be told without looking at the values; if not, why.
fn check(network: &Network, (height, width): (usize, usize)) -> Result<(), String> {
    let check = || -> Result<(), Refusal> {
        let hosts = hosts(network)?;
        let (graph, _) = graph(&network.layout, network.spec.in_channels, &mut |name| {
            let part = hosts.get(name.as_str()).map(|host| &**host).or_else(|| statistics(&network.running, &name));
            Weights { name, values: Values::Borrowed(part.unwrap_or_default()) }
        });
        Ok(graph.check(height, width)?)
    };
    check().map_err(|(Refusal::Weights(reason) | Refusal::Unknown(reason))| reason)
}

/// The weights in place, by name.
fn hosts(network: &Network) -> Result<BTreeMap<&str, Host<'_>>, Refusal> {
    if !network.device.device.is_cpu() {
        return Err(Refusal::Unknown("the network is on another device than the processor".to_owned()));
    }
    network.weights.iter().map(|(name, var)| Ok((name.as_str(), Host::of(var.as_tensor())?))).collect()
}

/// A copy of a variable's values, which frees the variable.
fn produced_by(var: Var) -> Box<dyn FnOnce() -> Vec<f32>> {
    // What is no longer the kind of tensor that was found before has no values, which the plan refuses by name.
    Box::new(move || Host::of(var.as_tensor()).map_or_else(|_| Vec::new(), |host| host.to_vec()))
}

/// BatchNorm's running mean or variance by its name.
fn statistics<'a>(running: &'a BTreeMap<String, Running>, name: &str) -> Option<&'a [f32]> {
    let (norm, part) = name.rsplit_once('.')?;
    let running = running.get(norm)?;
    match part {
        "running_mean" => Some(&running.mean),
        "running_var" => Some(&running.var),
        _ => None,
    }
}

/// As [`statistics`], leaving nothing behind.
fn take_statistics(running: &mut BTreeMap<String, Running>, name: &str) -> Vec<f32> {
    let part = name.rsplit_once('.').and_then(|(norm, part)| Some((running.get_mut(norm)?, part)));
    match part {
        Some((running, "running_mean")) => std::mem::take(&mut running.mean),
        Some((running, "running_var")) => std::mem::take(&mut running.var),
        _ => Vec::new(),
    }
}

impl Places {
    fn with(self, plan: Plan) -> Compiled {
        let Places { stages, pool, fc, heads } = self;
        Compiled { plan, stages, pool, fc, heads }
    }
}

/// Emulation takes the same kernels wherever it runs, also where the processor has better ones.
fn options(precision: Precision) -> PlanOptions {
    match precision {
        // Plans are for the processor, which refuses TF32.
        Precision::F32 | Precision::Tf32 => PlanOptions::default(),
        Precision::Bf16 => PlanOptions::of(PlanPrecision::Bf16),
        Precision::Bf16Emulated => PlanOptions { precision: PlanPrecision::Bf16, ..PlanOptions::default() },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::network::images::Images;
    use crate::network::outputs::Output;
    use crate::testing::images;
    use crate::{ARCHITECTURES, BackboneDevice, Head, NetworkSpec, PlanStatus, Tap};

    fn network(arch: &str, channels: usize) -> Network {
        let heads = vec![Head::exclusive("kind", 3), Head::multi("style", 4)];
        let spec = NetworkSpec { fc: Some(12), ..NetworkSpec::new(arch, channels, heads) };
        let mut network = Network::new(spec, 3, &BackboneDevice::cpu()).unwrap();
        // Statistics other than those of the start, so that folding them matters.
        for running in network.running.values_mut() {
            running.mean.iter_mut().enumerate().for_each(|(i, m)| *m = (i % 7) as f32 / 20.0 - 0.15);
            running.var.iter_mut().enumerate().for_each(|(i, v)| *v = 0.6 + (i % 5) as f32 / 4.0);
        }
        network
    }

    fn pixels(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect()
    }

    const TAPS: [Tap; 6] = [Tap::Fc, Tap::Pool, Tap::Stem, Tap::Layer1, Tap::Layer2, Tap::Layer3];

    #[test]
    fn a_plan_agrees_with_candle_layer_by_layer() {
        for arch in ARCHITECTURES.iter().filter(|arch| !["resnet101", "resnet152"].contains(&arch.name)) {
            let network = network(arch.name, 3);
            for (h, w) in [(arch.minimum_side(), arch.minimum_side()), (45, 38)] {
                let x = pixels(3 * h * w * 3);
                let wanted: Vec<Output> =
                    TAPS.map(Output::Tap).into_iter().chain([Output::Head(0), Output::Head(1)]).collect();
                let planned = plan_of(&network, (h, w)).unwrap().unwrap().run(&x, 3, &wanted).unwrap();
                let layered =
                    network.layer_by_layer(&Images::of(&network.spec, images(&x, 3, h, w)).unwrap(), &wanted).unwrap();
                for ((planned, layered), output) in planned.iter().zip(&layered).zip(&wanted) {
                    assert_eq!(planned.dim(), layered.dim());
                    let scale = layered.iter().fold(0f32, |most, v| most.max(v.abs()));
                    let worst = (planned - layered).iter().fold(0f32, |most, v| most.max(v.abs())) / scale;
                    // Some 50 layers at a few 1e-6 each at most.
                    assert!(worst < 3e-5, "{} {h}x{w} {output:?}: off by {worst}", arch.name);
                }
            }
        }
    }

    #[test]
    fn changed_weights_or_statistics_make_a_new_plan() {
        let mut network = network("small", 1);
        let x = pixels(2 * 100);
        let embed = |network: &Network| network.embed(images(&x, 2, 10, 10), Tap::Fc).unwrap();
        assert_eq!(network.plan_status(), PlanStatus::None);
        let first = embed(&network);
        assert!(matches!(network.plan_status(), PlanStatus::Compiled { height: 10, width: 10, .. }));
        let bias = &network.weights()["fc.bias"];
        bias.set(&(bias.as_tensor() + 1.0).unwrap()).unwrap();
        let second = embed(&network);
        assert!(first.iter().zip(&second).all(|(a, b)| (b - a - 1.0).abs() < 1e-5));
        let mut state = network.state().unwrap();
        for name in ["fc.bias", "bn1.running_mean"] {
            state.get_mut(name).unwrap().values.iter_mut().for_each(|v| *v += 0.5);
        }
        network.set_state(state).unwrap();
        assert_eq!(network.plan_status(), PlanStatus::None);
        assert_ne!(embed(&network), second);
        network.absorb(&[]);
        assert_eq!(network.plan_status(), PlanStatus::None);
    }

    #[test]
    fn images_alone_give_the_bytes_that_they_give_in_a_batch() {
        let network = network("resnet18", 3);
        let (side, image) = (40, 40 * 40 * 3);
        let x = pixels(5 * image);
        let all = network.forward_with_stages(images(&x, 5, side, side)).unwrap();
        for row in 0..5 {
            let alone = network.forward_with_stages(images(&x[row * image..][..image], 1, side, side)).unwrap();
            for tap in TAPS {
                assert_eq!(alone.tap(tap).unwrap().row(0), all.tap(tap).unwrap().row(row), "{tap:?}");
            }
        }
    }

    #[test]
    fn weights_that_are_not_finite_are_refused_by_name() {
        for name in ["layer2.0.conv1.weight", "layer3.0.bn2.running_var", "heads.style.bias"] {
            let mut network = network("small", 1);
            let mut state = network.state().unwrap();
            state.get_mut(name).unwrap().values[1] = f32::NAN;
            network.set_state(state).unwrap();
            let message = network.embed(images(&pixels(100), 1, 10, 10), Tap::Fc).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn bfloat16_keeps_vectors_within_its_digits_and_needs_a_plan() {
        let x = pixels(3 * 40 * 40 * 3);
        for arch in ["small", "resnet18", "resnet50"] {
            let exact = network(arch, 3).forward_all(images(&x, 3, 40, 40)).unwrap();
            let rough = network(arch, 3).with_precision(Precision::Bf16Emulated).unwrap();
            let rough = rough.forward_all(images(&x, 3, 40, 40)).unwrap();
            for tap in [Tap::Fc, Tap::Pool] {
                let (a, b) = (exact.tap(tap).unwrap(), rough.tap(tap).unwrap());
                let scale = a.iter().fold(0f32, |most, v| most.max(v.abs()));
                let worst = (a - b).iter().fold(0f32, |most, v| most.max(v.abs())) / scale;
                // Rounding to 8 digits, over and over: visible, and small.
                assert!(worst > 1e-5 && worst < 0.05, "{arch} {tap:?}: off by {worst}");
            }
        }
        let network = network("small", 1).with_precision(Precision::Bf16Emulated).unwrap();
        network.plan.refuse((10, 10), "an unknown operation".to_owned());
        let message = network.embed(images(&pixels(100), 1, 10, 10), Tap::Pool).unwrap_err().to_string();
        assert!(message.contains("bf16-emulated") && message.contains("an unknown operation"), "{message}");
    }

    #[test]
    fn bfloat16_is_refused_where_the_processor_lacks_it() {
        let network = network("small", 1).with_precision(Precision::Bf16);
        assert_eq!(network.is_ok(), crate::multiplies_bf16());
        if let Err(error) = network {
            assert!(error.to_string().contains("neither AMX-BF16 nor AVX512-BF16\nhint: take f32"), "{error}");
        }
    }

    #[test]
    fn what_a_plan_does_not_know_goes_layer_by_layer_with_a_reason() {
        let network = network("small", 1);
        let x = pixels(100);
        let planned = network.embed(images(&x, 1, 10, 10), Tap::Pool).unwrap();
        network.plan.refuse((10, 10), "an unknown operation".to_owned());
        let layered = network.embed(images(&x, 1, 10, 10), Tap::Pool).unwrap();
        assert_eq!(network.plan_status(), PlanStatus::LayerByLayer { reason: "an unknown operation".to_owned() });
        // Rounding differs, so the other path was taken.
        assert!(planned.iter().zip(&layered).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
