//! What can be wrong with a checkpoint file.

use crate::mismatch::TensorMismatch;

/// Why a file's weights cannot be used; the path stands in [`crate::BackboneError::Checkpoint`].
#[derive(Debug, thiserror::Error)]
pub enum CheckpointFault {
    /// The content is of no known kind.
    #[error("is not a checkpoint but {found}; give a torch `.pth`/`.pt` state dict or a safetensors file")]
    NotACheckpoint {
        /// What it looks like.
        found: &'static str,
    },
    /// A folder without weights.
    #[error("the folder holds neither of {}; give the file itself", expected.join(", "))]
    EmptyFolder {
        /// The names that were looked for.
        expected: Vec<&'static str>,
    },
    /// The file ends before its content does.
    #[error("ends early, at byte {at} of {what}; the file is cut short, fetch it again")]
    Truncated {
        /// Where the next byte was expected.
        at: usize,
        /// The part that was being read.
        what: &'static str,
    },
    /// The zip archive contradicts itself.
    #[error("archive entry `{entry}` {problem}; the file is damaged, fetch it again")]
    Zip {
        /// The entry, or the part of the archive.
        entry: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The pickle asks for something that is not data.
    #[error(
        "asks for `{name}`, which is not part of a state dict and could run code, so nothing was loaded; save the weights alone: `torch.save(model.state_dict(), path)`"
    )]
    ForbiddenGlobal {
        /// Module and name.
        name: String,
    },
    /// The pickle uses an instruction that torch's state dicts do not.
    #[error(
        "pickle instruction 0x{opcode:02x} at byte {at} is not used by state dicts; save the weights again with `torch.save(model.state_dict(), path)`"
    )]
    Opcode {
        /// The instruction.
        opcode: u8,
        /// Its position in the pickle.
        at: usize,
    },
    /// The pickle makes no sense.
    #[error("the pickle is malformed at byte {at}: {problem}; the file is damaged or was not written by torch")]
    Malformed {
        /// Position in the pickle.
        at: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// Written on a machine of the other byte order.
    #[error("was written on a big-endian machine; save it again on a little-endian one")]
    BigEndian,
    /// The file holds objects, but no named tensors.
    #[error(
        "holds no state dict: {}; tensors are looked for at the top and under {}",
        if keys.is_empty() { "it has no named entries".to_owned() } else { format!("its keys are {}", keys.join(", ")) },
        super::keys::WRAPPERS.map(|key| format!("`{key}`")).join(", ")
    )]
    NoStateDict {
        /// The first keys found.
        keys: Vec<String>,
    },
    /// A tensor's numbers are not in the file.
    #[error("tensor `{tensor}` refers to storage `{storage}`, which the file lacks; it is damaged, fetch it again")]
    MissingStorage {
        /// The tensor.
        tensor: String,
        /// The storage's key.
        storage: String,
    },
    /// A tensor reaches beyond its storage.
    #[error(
        "tensor `{tensor}` of shape {shape:?} reaches beyond its {available} stored values; the file is damaged, fetch it again"
    )]
    OutOfStorage {
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Values in the storage.
        available: usize,
    },
    /// Views that unfold to far more values than the file holds.
    #[error("tensor `{tensor}` unfolds to more values than the file can hold; it is no network's checkpoint")]
    TooManyValues {
        /// The tensor.
        tensor: String,
    },
    /// A number type that weights do not have.
    #[error("tensor `{tensor}` is of type {dtype}; convert it to float32, float16, bfloat16 or float64")]
    TensorType {
        /// The tensor.
        tensor: String,
        /// The type's name.
        dtype: String,
    },
    /// NaN or infinity among the values.
    #[error("tensor `{tensor}` holds NaN or infinite values; training diverged or the file is damaged")]
    NonFinite {
        /// The tensor.
        tensor: String,
    },
    /// A variance below zero.
    #[error("tensor `{tensor}` holds a negative variance; the file is damaged or its names are mixed up")]
    NegativeVariance {
        /// The tensor.
        tensor: String,
    },
    /// Two tensors have one name once prefixes are taken away.
    #[error("tensors `{first}` and `{second}` both stand for `{name}`; keep one of the two models in the file")]
    Duplicate {
        /// The common name.
        name: String,
        /// The first in the file's order.
        first: String,
        /// The other one.
        second: String,
    },
    /// A configuration beside the weights that this family of networks does not have.
    #[error("`config.json` beside it sets `{setting}`, a network that is not in this family; export vectors instead")]
    Configuration {
        /// The setting.
        setting: &'static str,
    },
    /// The safetensors container is damaged.
    #[error("is not a valid safetensors file ({0}); it may be cut short, fetch it again")]
    Safetensors(#[from] safetensors::SafeTensorError),
    /// The tensors are not those of the network.
    #[error("does not fit `{arch}`: {mismatch}{}", hint(*detected, arch))]
    Mismatch {
        /// The network's architecture.
        arch: String,
        /// The first tensor that differs.
        mismatch: TensorMismatch,
        /// The architecture that the shapes look like.
        detected: Option<&'static str>,
    },
}

fn hint(detected: Option<&'static str>, arch: &str) -> String {
    match detected {
        Some(name) if name != arch => format!("; the checkpoint looks like `{name}`: choose that architecture"),
        Some(_) => String::new(),
        None => "; the checkpoint looks like no architecture of this family".to_owned(),
    }
}
