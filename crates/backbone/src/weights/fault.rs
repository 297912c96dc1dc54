//! What can be wrong with a checkpoint file.

use crate::mismatch::TensorMismatch;

/// Why a file's weights cannot be used: the source of [`crate::Error::Checkpoint`], which names the file.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointFault {
    /// The content is of no known kind, or there is none.
    #[error("it is no checkpoint but {found}\nhint: give a torch `.pth`/`.pt` state dict or a safetensors file")]
    NotACheckpoint {
        /// What it looks like.
        found: String,
    },
    /// The file ends before its content does.
    #[error("it ends early, at byte {at} of {what}\nhint: fetch the file again, it is cut short")]
    Truncated {
        /// Where the next byte was expected.
        at: usize,
        /// The part that was being read.
        what: &'static str,
    },
    /// The zip archive contradicts itself.
    #[error("archive entry `{entry}` {problem}\nhint: fetch the file again, it is damaged")]
    Zip {
        /// The entry, or the part of the archive.
        entry: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The pickle makes no sense.
    #[error("the pickle is malformed at byte {at}: {problem}\nhint: fetch the file again, or save it with torch")]
    Malformed {
        /// Position in the pickle.
        at: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The file has what state dicts do not have: code, other instructions, the other byte order. Nothing was loaded.
    #[error(
        "it {what}\nhint: save the weights alone with `torch.save(model.state_dict(), path)`, on a little-endian machine"
    )]
    NotPlainData {
        /// What it has or asks for.
        what: String,
    },
    /// The file holds objects, but no named tensors.
    #[error(
        "it holds no state dict: {}\nhint: put the tensors at the top or under one of {}",
        if keys.is_empty() { "it has no named entries".to_owned() } else { format!("its keys are {}", keys.join(", ")) },
        super::keys::WRAPPERS.map(|key| format!("`{key}`")).join(", ")
    )]
    NoStateDict {
        /// The first keys found.
        keys: Vec<String>,
    },
    /// A tensor whose numbers are not in the file, or are no weights.
    #[error(
        "tensor `{tensor}` {problem}\nhint: fetch the file again, or take other weights where their training diverged"
    )]
    Tensor {
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A number type that weights do not have.
    #[error("tensor `{tensor}` is of type {dtype}\nhint: convert it to float32, float16, bfloat16 or float64")]
    TensorType {
        /// The tensor.
        tensor: String,
        /// The type's name.
        dtype: String,
    },
    /// Two tensors have one name once prefixes are taken away.
    #[error("tensors `{first}` and `{second}` both stand for `{name}`\nhint: keep one of the two models in the file")]
    Duplicate {
        /// The common name.
        name: String,
        /// The first in the file's order.
        first: String,
        /// The other one.
        second: String,
    },
    /// Several networks stand beside each other.
    #[error(
        "it holds several networks, below {}\nhint: save the one that is meant alone",
        prefixes.iter().map(|prefix| format!("`{prefix}`")).collect::<Vec<_>>().join(" and ")
    )]
    Several {
        /// What stands before the names of each.
        prefixes: Vec<String>,
    },
    /// A configuration beside the weights that this family of networks does not have.
    #[error(
        "`config.json` beside it sets `{setting}`, which no network of this family has\nhint: export vectors instead"
    )]
    Configuration {
        /// The setting.
        setting: &'static str,
    },
    /// The first layer takes images of other colours.
    #[error(
        "its first layer takes images of {weights} channels, and the images have {images}\nhint: set `images.channels` = {weights}; \
         grey files can be read as colour ones"
    )]
    Channels {
        /// Channels that the weights take.
        weights: usize,
        /// Channels of the images.
        images: usize,
    },
    /// The safetensors container is damaged.
    #[error("it is not a valid safetensors file\nhint: fetch it again, it may be cut short")]
    Safetensors(#[from] safetensors::SafeTensorError),
    /// The tensors are not those of the network.
    #[error("they do not fit `{arch}`{}", looks(*detected, arch))]
    Mismatch {
        /// The network's architecture.
        arch: String,
        /// The first tensor that differs.
        source: TensorMismatch,
        /// The architecture that the shapes look like.
        detected: Option<&'static str>,
    },
}

/// What the shapes look like, and what to do about it.
fn looks(detected: Option<&'static str>, arch: &str) -> String {
    match detected {
        Some(name) if name != arch => format!(", but look like `{name}`\nhint: choose the architecture `{name}`"),
        Some(_) => String::new(),
        None => " and look like no architecture of this family\nhint: export vectors instead".to_owned(),
    }
}
