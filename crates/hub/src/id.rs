//! Names of files in hubs.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A checkpoint that torchvision publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TorchvisionFile {
    /// What it is called here: the network and the generation of its weights.
    pub name: &'static str,
    /// Its file; the eight digits before the ending are the start of its SHA-256.
    pub file: &'static str,
}

/// The ResNets of torchvision, both generations of weights.
///
/// **Source** the addresses in torchvision's `ResNet*_Weights`.
pub const TORCHVISION: [TorchvisionFile; 8] = [
    TorchvisionFile { name: "resnet18-v1", file: "resnet18-f37072fd.pth" },
    TorchvisionFile { name: "resnet34-v1", file: "resnet34-b627a593.pth" },
    TorchvisionFile { name: "resnet50-v1", file: "resnet50-0676ba61.pth" },
    TorchvisionFile { name: "resnet50-v2", file: "resnet50-11ad3fa6.pth" },
    TorchvisionFile { name: "resnet101-v1", file: "resnet101-63fe2227.pth" },
    TorchvisionFile { name: "resnet101-v2", file: "resnet101-cd907fc2.pth" },
    TorchvisionFile { name: "resnet152-v1", file: "resnet152-394f9c45.pth" },
    TorchvisionFile { name: "resnet152-v2", file: "resnet152-f82ba261.pth" },
];

/// The file of a Hugging Face repository that is taken unless another is named.
const MODEL_FILE: &str = "model.safetensors";
/// The revision that is taken unless another is named.
const REVISION: &str = "main";

/// The name of a file in a hub.
///
/// **Example**
/// ```
/// use latentwalk_hub::HubId;
/// let id: HubId = "hf:timm/resnet50.a1_in1k".parse()?;
/// assert_eq!(id.to_string(), "hf:timm/resnet50.a1_in1k@main:model.safetensors");
/// # Ok::<(), latentwalk_hub::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubId {
    /// One of [`TORCHVISION`].
    Torchvision(TorchvisionFile),
    /// A file of a Hugging Face repository.
    HuggingFace {
        /// `ORG/NAME`.
        repository: String,
        /// Branch, tag or commit.
        revision: String,
        /// The file in the repository.
        file: String,
    },
}

impl HubId {
    /// Whether a text is meant as a name in a hub, and not as a path.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("hf:") || text.starts_with("torchvision:")
    }

    /// Folders and file below the cache.
    pub(crate) fn place(&self) -> Vec<&str> {
        match self {
            HubId::Torchvision(file) => vec!["torchvision", file.file],
            HubId::HuggingFace { repository, revision, file } => {
                let parts = ["hf"].into_iter().chain(repository.split('/')).chain([revision.as_str()]);
                parts.chain(file.split('/')).collect()
            }
        }
    }
}

impl FromStr for HubId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |reason: &str| Error::Name { name: text.to_owned(), reason: reason.to_owned() };
        if let Some(name) = text.strip_prefix("torchvision:") {
            let found = TORCHVISION.iter().find(|file| file.name == name);
            return match found {
                Some(file) => Ok(HubId::Torchvision(*file)),
                None => {
                    let known: Vec<&str> = TORCHVISION.iter().map(|file| file.name).collect();
                    Err(bad(&format!("torchvision's are {}", known.join(", "))))
                }
            };
        }
        let rest = text.strip_prefix("hf:").ok_or_else(|| bad("it starts with neither `hf:` nor `torchvision:`"))?;
        let (rest, file) = rest.split_once(':').unwrap_or((rest, MODEL_FILE));
        let (repository, revision) = rest.split_once('@').unwrap_or((rest, REVISION));
        let parts: Vec<&str> = repository.split('/').collect();
        if parts.len() != 2 {
            return Err(bad("a repository is named ORG/NAME"));
        }
        // They become folders of the cache and parts of an address.
        let plain = |part: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !part.is_empty() && part.chars().all(allowed) && part != "." && part != ".."
        };
        if !parts.iter().copied().chain([revision]).chain(file.split('/')).all(plain) {
            return Err(bad("its parts consist of letters, digits, `-`, `_` and `.`"));
        }
        let (repository, revision, file) = (repository.to_owned(), revision.to_owned(), file.to_owned());
        Ok(HubId::HuggingFace { repository, revision, file })
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HubId::Torchvision(file) => write!(f, "torchvision:{}", file.name),
            HubId::HuggingFace { repository, revision, file } => write!(f, "hf:{repository}@{revision}:{file}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_whole() {
        let id: HubId = "hf:timm/resnet50.a1_in1k@v2:onnx/model.bin".parse().unwrap();
        assert_eq!(id.place(), ["hf", "timm", "resnet50.a1_in1k", "v2", "onnx", "model.bin"]);
        assert_eq!(id.to_string().parse::<HubId>().unwrap(), id);
        for file in TORCHVISION {
            let id: HubId = format!("torchvision:{}", file.name).parse().unwrap();
            assert_eq!(id.place(), ["torchvision", file.file]);
        }
    }

    #[test]
    fn bad_names_say_what_is_wrong() {
        let cases = [
            ("hf:resnet50", "ORG/NAME"),
            ("hf:a/b/c", "ORG/NAME"),
            ("hf:a/..", "letters, digits"),
            ("hf:a/b@../x", "letters, digits"),
            ("hf:a/b:../../x", "letters, digits"),
            ("hf:a/b:", "letters, digits"),
            ("hf:a/b?x", "letters, digits"),
            ("torchvision:resnet51", "resnet50-v1"),
            ("weights.pth", "neither"),
        ];
        for (name, expected) in cases {
            let message = name.parse::<HubId>().unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains(name), "{message}");
        }
        assert!(HubId::is_meant("hf:a/b") && !HubId::is_meant("weights.pth"));
    }
}
