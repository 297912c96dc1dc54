//! From the names in a file to torchvision's.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::CheckpointFault;
use super::keys::KeyStyle;
use crate::state::Arrays;

/// Names of modules that training scripts put around the network.
const PREFIXES: [&str; 4] = ["module.", "_orig_mod.", "model.", "backbone."];
/// In every ResNet of transformers, in no other.
const TRANSFORMERS_STEM: &str = "embedder.embedder.convolution.weight";

/// The tensors under torchvision's names.
///
/// **Errors** [`CheckpointFault::Duplicate`] where two names fall together.
pub(super) fn unify(arrays: Arrays) -> Result<(KeyStyle, Arrays), CheckpointFault> {
    let transformers = arrays.keys().any(|name| bare(name).ends_with(TRANSFORMERS_STEM));
    let style = if transformers { KeyStyle::Transformers } else { KeyStyle::Torchvision };
    let around = if transformers { Around::default() } else { Around::find(arrays.keys().map(|name| bare(name)))? };
    let (mut unified, mut origins) = (Arrays::new(), BTreeMap::<String, String>::new());
    for (original, array) in arrays {
        let bare = bare(&original);
        let name = if transformers { torchvision_name(bare) } else { around.inner(bare) };
        let name = name.unwrap_or_else(|| bare.to_owned());
        if let Some(first) = origins.insert(name.clone(), original.clone()) {
            return Err(CheckpointFault::Duplicate { name, first, second: original });
        }
        unified.insert(name, array);
    }
    Ok((style, unified))
}

/// Prefixes that are preferred where a file holds the same network twice: the one that is trained, not its moving average.
const PREFERRED: [&str; 5] = ["encoder_q.", "online_encoder.", "online_network.", "student.", "encoder."];
/// The places of torchvision's modules where a script put them into a sequence, `nn.Sequential(*children)`.
const CHILDREN: [(&str, &str); 7] =
    [("0", "conv1"), ("1", "bn1"), ("4", "layer1"), ("5", "layer2"), ("6", "layer3"), ("7", "layer4"), ("9", "fc")];

/// What a script put around a network.
#[derive(Debug, Default, PartialEq, Eq)]
struct Around {
    /// What stands before every name of the network.
    prefix: String,
    /// Whether its modules have the numbers of a sequence.
    numbered: bool,
}

impl Around {
    /// Looks for a prefix below which all stages of a network stand.
    ///
    /// **Errors** [`CheckpointFault::Several`] where there are several networks.
    fn find<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, CheckpointFault> {
        let names: BTreeSet<&str> = names.collect();
        let below = |stem: &'static str, last: &'static str| {
            let prefixes = names.iter().filter_map(move |name| name.strip_suffix(stem));
            let whole = prefixes.filter(|prefix| names.contains(format!("{prefix}{last}").as_str()));
            whole.map(str::to_owned).collect::<Vec<String>>()
        };
        let named = below("layer1.0.conv1.weight", "layer4.0.conv1.weight");
        let numbered = below("4.0.conv1.weight", "7.0.conv1.weight");
        for (prefixes, numbered) in [(named, false), (numbered, true)] {
            if let Some(plain) = prefixes.iter().find(|prefix| prefix.is_empty()) {
                return Ok(Self { prefix: plain.clone(), numbered });
            }
            let preferred = PREFERRED.iter().find_map(|end| prefixes.iter().find(|prefix| prefix.ends_with(end)));
            match (&prefixes[..], preferred) {
                ([], _) => {}
                ([prefix], _) | (_, Some(prefix)) => return Ok(Self { prefix: prefix.clone(), numbered }),
                _ => return Err(CheckpointFault::Several { prefixes }),
            }
        }
        Ok(Self::default())
    }

    /// A name as the network has it; `None` for what is not of the network.
    fn inner(&self, name: &str) -> Option<String> {
        let rest = name.strip_prefix(&self.prefix)?;
        if !self.numbered {
            return Some(rest.to_owned());
        }
        let (number, part) = rest.split_once('.')?;
        let (_, module) = CHILDREN.iter().find(|(known, _)| *known == number)?;
        Some(format!("{module}.{part}"))
    }
}

/// A name without the prefixes of wrapping modules.
fn bare(mut name: &str) -> &str {
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest;
    }
    name
}

/// torchvision's name for one of transformers'; `None` for those that are none.
///
/// **Source** transformers' `modeling_resnet.py`: stages and layers count from 0, a layer's convolutions are
/// `layer.0` and up, each with its normalization.
fn torchvision_name(name: &str) -> Option<String> {
    let name = name.strip_prefix("resnet.").unwrap_or(name);
    if let Some(rest) = name.strip_prefix("embedder.embedder.") {
        let (module, part) = rest.split_once('.')?;
        return Some(format!("{}1.{part}", kind(module)?));
    }
    if let Some(part) = name.strip_prefix("classifier.1.") {
        return Some(format!("fc.{part}"));
    }
    let (stage, rest) = name.strip_prefix("encoder.stages.")?.split_once(".layers.")?;
    let (block, rest) = rest.split_once('.')?;
    let block = format!("layer{}.{block}", stage.parse::<usize>().ok()?.checked_add(1)?);
    if let Some(rest) = rest.strip_prefix("shortcut.") {
        let (module, part) = rest.split_once('.')?;
        let index = if kind(module)? == "conv" { 0 } else { 1 };
        return Some(format!("{block}.downsample.{index}.{part}"));
    }
    let (index, rest) = rest.strip_prefix("layer.")?.split_once('.')?;
    let (module, part) = rest.split_once('.')?;
    Some(format!("{block}.{}{}.{part}", kind(module)?, index.parse::<usize>().ok()?.checked_add(1)?))
}

fn kind(module: &str) -> Option<&'static str> {
    match module {
        "convolution" => Some("conv"),
        "normalization" => Some("bn"),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::state::Array;

    fn arrays(names: &[&str]) -> Arrays {
        names.iter().map(|&name| (name.to_owned(), Array { shape: vec![1], values: vec![0.0] })).collect()
    }

    fn unified(names: &[&str]) -> (KeyStyle, Vec<String>) {
        let (style, arrays) = unify(arrays(names)).unwrap();
        (style, arrays.into_keys().collect())
    }

    #[test]
    fn prefixes_of_training_scripts_fall_away() {
        let (style, names) = unified(&["module._orig_mod.conv1.weight", "model.backbone.bn1.bias", "fc.weight"]);
        assert_eq!(style, KeyStyle::Torchvision);
        assert_eq!(names, ["bn1.bias", "conv1.weight", "fc.weight"]);
    }

    #[test]
    fn transformers_names_become_torchvisions() {
        let (style, names) = unified(&[
            "model.resnet.embedder.embedder.convolution.weight",
            "resnet.embedder.embedder.normalization.running_var",
            "resnet.encoder.stages.0.layers.2.layer.1.convolution.weight",
            "resnet.encoder.stages.3.layers.0.layer.2.normalization.bias",
            "resnet.encoder.stages.3.layers.0.shortcut.convolution.weight",
            "encoder.stages.3.layers.0.shortcut.normalization.running_mean",
            "classifier.1.bias",
            "encoder.stages.x.layers.0.layer.0.convolution.weight",
            "something.else",
        ]);
        assert_eq!(style, KeyStyle::Transformers);
        let expected = [
            "bn1.running_var",
            "conv1.weight",
            "encoder.stages.x.layers.0.layer.0.convolution.weight",
            "fc.bias",
            "layer1.2.conv2.weight",
            "layer4.0.bn3.bias",
            "layer4.0.downsample.0.weight",
            "layer4.0.downsample.1.running_mean",
            "something.else",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn any_common_prefix_falls_away() {
        let network = ["conv1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer4.0.conv1.weight", "fc.weight"];
        let expected = ["bn1.bias", "conv1.weight", "fc.weight", "layer1.0.conv1.weight", "layer4.0.conv1.weight"];
        let with = |prefix: &str| network.map(|name| format!("{prefix}{name}"));
        for prefix in ["encoder.", "net.", "resnet.", "cnn.", "encoder_q.", "module.a.b.", "backbone.body."] {
            let names = with(prefix);
            let (_, found) = unified(&names.each_ref().map(String::as_str));
            assert_eq!(found, expected, "{prefix}");
        }
        // The moving average beside it keeps its names, and so does what stands around.
        let both = [with("encoder_k."), with("encoder_q."), network.map(|_| "head.weight".into())].concat();
        let (_, found) = unified(&both.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(expected.iter().all(|name| found.contains(&(*name).to_owned())), "{found:?}");
        assert!(found.contains(&"encoder_k.bn1.bias".to_owned()) && found.contains(&"head.weight".to_owned()));
        let both = [with("left."), with("right.")].concat();
        let message = unify(arrays(&both.iter().map(String::as_str).collect::<Vec<_>>())).unwrap_err().to_string();
        assert!(message.contains("several networks, below `left.` and `right.`"), "{message}");
    }

    #[test]
    fn numbers_of_a_sequence_become_names() {
        let (_, found) =
            unified(&["0.weight", "1.bias", "4.0.conv1.weight", "7.0.conv1.weight", "7.0.downsample.1.bias"]);
        let expected = [
            "bn1.bias",
            "conv1.weight",
            "layer1.0.conv1.weight",
            "layer4.0.conv1.weight",
            "layer4.0.downsample.1.bias",
        ];
        assert_eq!(found, expected);
        let (_, found) = unified(&["features.0.weight", "features.4.0.conv1.weight", "features.7.0.conv1.weight"]);
        assert_eq!(found, ["conv1.weight", "layer1.0.conv1.weight", "layer4.0.conv1.weight"]);
    }

    #[test]
    fn two_models_in_one_file_are_named() {
        let message = unify(arrays(&["backbone.fc.bias", "model.fc.bias"])).unwrap_err().to_string();
        assert!(message.contains("`backbone.fc.bias` and `model.fc.bias` both stand for `fc.bias`"), "{message}");
    }
}
