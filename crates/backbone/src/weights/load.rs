//! A checkpoint's weights in a network.

use std::collections::BTreeMap;

use super::{Checkpoint, CheckpointFault};
use crate::arch::{ARCHITECTURES, BlockKind, Layout, Stem};
use crate::device::BackboneDevice;
use crate::error::Result;
use crate::mismatch::TensorMismatch;
use crate::network::{Network, start_values};
use crate::spec::NetworkSpec;
use crate::state::Arrays;

/// What became of each tensor. The lists are in the order of names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Tensors taken from the checkpoint.
    pub matched: Vec<String>,
    /// Tensors of the FC layer and the heads that the checkpoint lacks: they start from the seed.
    pub missing: Vec<String>,
    /// Tensors of the checkpoint that the network has no place for.
    pub unexpected: Vec<String>,
    /// Tensors of the FC layer and the heads that have another shape in the checkpoint: they start from the seed.
    pub replaced: Vec<Replaced>,
}

/// A tensor of the checkpoint that did not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Its name.
    pub name: String,
    /// Its shape in the checkpoint.
    pub in_file: Vec<usize>,
    /// The shape that the network needs.
    pub in_network: Vec<usize>,
}

impl Network {
    /// A network with a checkpoint's weights and BatchNorm statistics.
    ///
    /// The layers up to the pooled vector must all be there, in the right shapes, and no more than they: otherwise
    /// it is another network's checkpoint. The FC layer and the heads may be missing or of another length; these
    /// start as [`Network::new`] starts them.
    ///
    /// **Errors** [`crate::Error::Checkpoint`] names the first tensor that does not fit, both shapes and the
    /// architecture that the checkpoint looks like.
    pub fn pretrained(
        spec: NetworkSpec,
        seed: u64,
        checkpoint: &Checkpoint,
        device: &BackboneDevice,
    ) -> Result<(Self, LoadReport)> {
        let arrays = |name: &str| checkpoint.arrays.get(name).map(|array| array.values.clone()).unwrap_or_default();
        Self::with_checkpoint(spec, seed, checkpoint, device, arrays)
    }

    /// As [`Network::pretrained`], of a checkpoint that is not needed afterwards: its tensors become the network's.
    ///
    /// **Errors** as [`Network::pretrained`].
    pub fn of_checkpoint(
        spec: NetworkSpec,
        seed: u64,
        mut checkpoint: Checkpoint,
        device: &BackboneDevice,
    ) -> Result<(Self, LoadReport)> {
        let learnt = checkpoint.arrays.iter_mut().filter(|(name, _)| !name.contains(".running_"));
        let mut weights: BTreeMap<String, Vec<f32>> =
            learnt.map(|(name, array)| (name.clone(), std::mem::take(&mut array.values))).collect();
        Self::with_checkpoint(spec, seed, &checkpoint, device, |name| weights.remove(name).unwrap_or_default())
    }

    /// Takes the values of weights from `values`; shapes and running statistics are the checkpoint's.
    fn with_checkpoint(
        spec: NetworkSpec,
        seed: u64,
        checkpoint: &Checkpoint,
        device: &BackboneDevice,
        mut values: impl FnMut(&str) -> Vec<f32>,
    ) -> Result<(Self, LoadReport)> {
        spec.validate()?;
        let layout = Layout::of(&spec)?;
        if let Some(weights) = checkpoint.in_channels().filter(|&weights| weights != spec.in_channels) {
            return Err(checkpoint.fault(CheckpointFault::Channels { weights, images: spec.in_channels }));
        }
        let report = match_tensors(&layout, &checkpoint.arrays).map_err(|source| {
            let (arch, detected) = (spec.arch.clone(), detect_arch(checkpoint));
            checkpoint.fault(CheckpointFault::Mismatch { arch, source, detected })
        })?;
        let taken = |name: &str| report.matched.binary_search_by(|matched| matched.as_str().cmp(name)).is_ok();
        let mut network = Network::assemble(spec, layout, device, |index, parameter| match taken(&parameter.name) {
            true => values(&parameter.name),
            false => start_values(parameter, seed, index),
        })?;
        network.set_running(&checkpoint.arrays);
        Ok((network, report))
    }
}

/// The architecture of [`ARCHITECTURES`] that a checkpoint's shapes and numbers of blocks fit.
pub fn detect_arch(checkpoint: &Checkpoint) -> Option<&'static str> {
    let first = |name: &str, axis: usize| checkpoint.shape(name).and_then(|shape| shape.get(axis).copied());
    let block = match checkpoint.shape("layer1.0.conv3.weight") {
        Some(_) => BlockKind::Bottleneck,
        None => BlockKind::Basic,
    };
    let stages = ["layer1", "layer2", "layer3", "layer4"];
    let depths =
        stages.map(|stage| (0..).take_while(|i| first(&format!("{stage}.{i}.conv1.weight"), 0).is_some()).count());
    let widths = stages.map(|stage| first(&format!("{stage}.0.conv1.weight"), 0).unwrap_or(0));
    // Groups of ResNeXt: then the second convolution takes fewer channels than the first gives.
    if first("layer1.0.conv2.weight", 1) != Some(widths[0]) {
        return None;
    }
    let kernel = first("conv1.weight", 2)?;
    let fits = |stem: Stem| kernel == if stem == Stem::Small { 3 } else { 7 };
    let arch = ARCHITECTURES
        .iter()
        .find(|arch| (arch.block, arch.depths, arch.widths) == (block, depths, widths) && fits(arch.stem))?;
    Some(arch.name)
}

/// Sorts the tensors into a report; an error for the first that makes it another network.
fn match_tensors(layout: &Layout, arrays: &Arrays) -> Result<LoadReport, TensorMismatch> {
    let expected = expected_shapes(layout);
    let mut report = LoadReport::default();
    for (name, shape) in &expected {
        match arrays.get(name) {
            Some(array) if &array.shape == shape => report.matched.push(name.clone()),
            Some(array) if is_top(name) => report.replaced.push(Replaced {
                name: name.clone(),
                in_file: array.shape.clone(),
                in_network: shape.clone(),
            }),
            Some(array) => {
                let (name, expected, got) = (name.clone(), shape.clone(), array.shape.clone());
                return Err(TensorMismatch::Shape { name, expected, got });
            }
            None if is_top(name) => report.missing.push(name.clone()),
            None => return Err(TensorMismatch::Missing { name: name.clone() }),
        }
    }
    keep_layers_whole(&mut report, &expected, arrays);
    for name in arrays.keys().filter(|name| !expected.contains_key(*name)) {
        // More blocks, or parts that the blocks of this family lack: the weights mean something else.
        if name.starts_with("layer") || name.starts_with("conv1.") || name.starts_with("bn1.") {
            return Err(TensorMismatch::Unexpected { name: name.clone() });
        }
        report.unexpected.push(name.clone());
    }
    Ok(report)
}

/// A weight without its bias, or the reverse, is worth nothing: both start from the seed.
fn keep_layers_whole(report: &mut LoadReport, expected: &BTreeMap<String, Vec<usize>>, arrays: &Arrays) {
    let broken =
        |name: &str| report.replaced.iter().any(|r| r.name == name) || report.missing.iter().any(|n| n == name);
    let twin = |name: &str| match name.strip_suffix(".weight") {
        Some(layer) => format!("{layer}.bias"),
        None => name.strip_suffix(".bias").map_or_else(String::new, |layer| format!("{layer}.weight")),
    };
    let (fresh, whole): (Vec<_>, Vec<_>) =
        report.matched.drain(..).partition(|name| is_top(name) && broken(&twin(name)));
    report.matched = whole;
    report.replaced.extend(fresh.into_iter().map(|name| {
        let (in_file, in_network) = (arrays[&name].shape.clone(), expected[&name].clone());
        Replaced { name, in_file, in_network }
    }));
    report.replaced.sort_by(|a, b| a.name.cmp(&b.name));
}

/// Whether a tensor stands above the pooled vector.
fn is_top(name: &str) -> bool {
    name.starts_with("fc.") || name.starts_with("heads.")
}

fn expected_shapes(layout: &Layout) -> BTreeMap<String, Vec<usize>> {
    let weights = layout.parameters().into_iter().map(|parameter| (parameter.name, parameter.shape));
    let running = layout.convs().flat_map(|conv| {
        ["running_mean", "running_var"].map(|part| (format!("{}.{part}", conv.norm), vec![conv.output]))
    });
    weights.chain(running).collect()
}
