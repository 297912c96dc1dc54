//! Other people's weights: checkpoints of torchvision, timm and transformers.

mod dict;
mod fault;
mod keys;
mod load;
mod names;
mod numbers;
mod pickle;
mod torch;
mod zip;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use crate::error::{Error, Result};
use crate::state::{Array, Arrays, read};

use dict::{StateDict, together};
use keys::ignored;
use numbers::Kind;

pub use fault::CheckpointFault;
pub use keys::KeyStyle;
pub use load::{LoadReport, Replaced, detect_arch};

/// Weights in a folder of the Hugging Face kind, by preference.
const FOLDER_FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// Settings of transformers' ResNets that move a stride and leave no trace in the weights.
const FOREIGN_SETTINGS: [&str; 2] = ["downsample_in_bottleneck", "downsample_in_first_stage"];

/// The form of a checkpoint file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointFormat {
    /// torch's zip archive.
    TorchZip,
    /// torch's format before PyTorch 1.6.
    TorchLegacy,
    /// A safetensors file.
    Safetensors,
}

/// The tensors of a checkpoint as `f32`, under torchvision's names; made by [`read_checkpoint`].
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    format: CheckpointFormat,
    style: KeyStyle,
    wrapper: Option<String>,
    arrays: Arrays,
}

impl Checkpoint {
    /// The file, also where a folder was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's form.
    pub fn format(&self) -> CheckpointFormat {
        self.format
    }

    /// Whose names the file has.
    pub fn style(&self) -> KeyStyle {
        self.style
    }

    /// The key under which the state dict lay, where it did not lie at the top.
    pub fn wrapper(&self) -> Option<&str> {
        self.wrapper.as_deref()
    }

    /// The tensors' names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// The shape of a tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.arrays.get(name).map(|array| array.shape.as_slice())
    }

    /// Channels of the images that the network takes.
    pub fn in_channels(&self) -> Option<usize> {
        self.shape("conv1.weight").and_then(|shape| shape.get(1).copied())
    }

    /// Length of the FC vector.
    pub fn fc_len(&self) -> Option<usize> {
        self.shape("fc.weight").and_then(|shape| shape.first().copied())
    }

    /// Tensors that a test made up.
    #[cfg(test)]
    pub(crate) fn of(arrays: Arrays) -> Self {
        let (format, style) = (CheckpointFormat::Safetensors, KeyStyle::Torchvision);
        Checkpoint { path: PathBuf::from("made-up.safetensors"), format, style, wrapper: None, arrays }
    }

    fn fault(&self, source: CheckpointFault) -> Error {
        Error::Checkpoint { path: self.path.clone(), source: Box::new(source) }
    }
}

/// Reads the weights of a ResNet: a torch `.pth`/`.pt` file in either format, a safetensors file, or a folder with
/// `model.safetensors`. The content decides, not the file's name.
///
/// State dicts may lie at the top or under a usual key, and names may have the prefixes that training scripts add.
/// float16, bfloat16, float64 and int64 become `f32`; the `num_batches_tracked` counters are left out. Nothing in
/// the file is ever run: a checkpoint that asks for anything but tensors and plain data is refused.
///
/// **Errors** [`Error::Checkpoint`] for a file that is no checkpoint, is cut short or damaged, asks for code,
/// or holds NaN, infinite values or negative variances; it names the file and the tensor.
///
/// **Example**
/// ```no_run
/// use latentwalk_backbone::{BackboneDevice, Network, NetworkSpec, detect_arch, read_checkpoint};
/// let checkpoint = read_checkpoint("resnet50.pth".as_ref())?;
/// assert_eq!(detect_arch(&checkpoint), Some("resnet50"));
/// let spec = NetworkSpec::new("resnet50", 3, vec![]);
/// let (_network, report) = Network::pretrained(spec, 0, &checkpoint, &BackboneDevice::cpu())?;
/// assert!(report.missing.is_empty() && report.unexpected.is_empty());
/// # Ok::<(), latentwalk_backbone::Error>(())
/// ```
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint> {
    let path = checkpoint_file(path)?;
    checkpoint_of(&path, &read(&path)?)
}

/// As [`read_checkpoint`], of the bytes of a file that the caller has read.
///
/// **Errors** as [`read_checkpoint`]; the path is the file's.
pub fn checkpoint_of(path: &Path, bytes: &[u8]) -> Result<Checkpoint> {
    let parse = || {
        let (format, state) = parse(bytes)?;
        check_values(&state.arrays)?;
        let (style, arrays) = names::unify(state.arrays)?;
        if style == KeyStyle::Transformers {
            check_configuration(path)?;
        }
        Ok(Checkpoint { path: path.to_owned(), format, style, wrapper: state.wrapper, arrays })
    };
    parse().map_err(|source| Error::Checkpoint { path: path.to_owned(), source: Box::new(source) })
}

/// The file that [`read_checkpoint`] reads: the path itself, or the weights in the folder that it names.
///
/// **Errors** [`Error::Checkpoint`] for a folder without weights.
pub fn checkpoint_file(path: &Path) -> Result<PathBuf> {
    weights_file(path).map_err(|source| Error::Checkpoint { path: path.to_owned(), source: Box::new(source) })
}

/// The file itself, or the weights in a folder.
fn weights_file(path: &Path) -> Result<PathBuf, CheckpointFault> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let file = FOLDER_FILES.iter().map(|name| path.join(name)).find(|file| file.is_file());
    file.ok_or_else(|| CheckpointFault::NotACheckpoint {
        found: format!("a folder that holds neither of {}", FOLDER_FILES.join(", ")),
    })
}

/// Reads the bytes by what they begin with.
fn parse(bytes: &[u8]) -> Result<(CheckpointFormat, StateDict), CheckpointFault> {
    let refused = |found: &str| Err(CheckpointFault::NotACheckpoint { found: found.to_owned() });
    match bytes {
        [] => refused("an empty file"),
        [b'P', b'K', 3, 4, ..] => Ok((CheckpointFormat::TorchZip, torch::read_zip(bytes)?)),
        [0x80, ..] if bytes.get(8) != Some(&b'{') => Ok((CheckpointFormat::TorchLegacy, torch::read_legacy(bytes)?)),
        [_, _, _, _, _, _, _, _, b'{', ..] => Ok((CheckpointFormat::Safetensors, safetensors_state(bytes)?)),
        [0x1f, 0x8b, ..] => refused("a gzip file"),
        _ if bytes.starts_with(b"version https://git-lfs") => {
            refused("a Git LFS pointer, which `git lfs pull` replaces by the file")
        }
        _ if bytes.trim_ascii_start().starts_with(b"<") => refused("a web page"),
        _ => refused("something else"),
    }
}

fn safetensors_state(bytes: &[u8]) -> Result<StateDict, CheckpointFault> {
    let tensors = SafeTensors::deserialize(bytes)?;
    let views: Vec<_> = tensors.iter().filter(|(name, _)| !ignored(name)).collect();
    let read = |(name, view): &(&str, TensorView<'_>)| {
        let values = Kind::of_safetensors(view.dtype()).and_then(|kind| kind.values(view.data()));
        let values = values.ok_or_else(|| {
            let dtype = format!("{:?}", view.dtype()).to_lowercase();
            CheckpointFault::TensorType { tensor: (*name).to_owned(), dtype }
        })?;
        Ok(((*name).to_owned(), Array { shape: view.shape().to_vec(), values }))
    };
    let arrays = together(&views, read)?;
    if arrays.is_empty() {
        return Err(CheckpointFault::NoStateDict { keys: Vec::new() });
    }
    Ok(StateDict { wrapper: None, arrays })
}

fn check_values(arrays: &Arrays) -> Result<(), CheckpointFault> {
    let unusable = |tensor: &String, problem: &str| {
        Some(CheckpointFault::Tensor { tensor: tensor.clone(), problem: problem.to_owned() })
    };
    let fault = |(name, array): (&String, &Array)| {
        // Without an early end, which would keep the loop from using wide registers.
        let finite = |part: &[f32]| part.iter().fold(true, |all, value| all & value.is_finite());
        if !array.values.chunks(1 << 12).all(finite) {
            return unusable(name, "holds NaN or infinite values");
        }
        let negative = name.ends_with("running_var") && array.values.iter().any(|&value| value < 0.0);
        negative.then(|| unusable(name, "holds a negative variance")).flatten()
    };
    arrays.par_iter().find_map_first(fault).map_or(Ok(()), Err)
}

/// Whether `config.json` beside transformers' weights, where there is one, describes a network of this family.
fn check_configuration(weights: &Path) -> Result<(), CheckpointFault> {
    let text = std::fs::read(weights.with_file_name("config.json")).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    match FOREIGN_SETTINGS.into_iter().find(|&setting| config[setting] == true) {
        Some(setting) => Err(CheckpointFault::Configuration { setting }),
        None => Ok(()),
    }
}
