//! Where do published weights come from? Fetches a checkpoint by its name in a hub, once, and checks it by its hash.
//!
//! | name | what it is |
//! |---|---|
//! | `torchvision:resnet50-v1` | a file of torchvision, see [`TORCHVISION`]; its name carries the start of its SHA-256 |
//! | `hf:ORG/NAME`, `hf:ORG/NAME@REVISION`, `hf:ORG/NAME:FILE` | a file of a Hugging Face repository, `model.safetensors` of `main` unless told otherwise; the hub states its SHA-256 |
//!
//! A file is looked for in the cache of this crate, then in that of Hugging Face's own tools where one is named, and fetched
//! when neither has it. It is written under another name, checked, and renamed: what has its final name is whole. A file that
//! was put in its place by hand is taken too, so that machines without a network need nothing else.
//!
//! ```
//! use latentwalk_hub::{Hub, HubId};
//!
//! let hub = Hub::public("cache");
//! let id: HubId = "torchvision:resnet50-v1".parse()?;
//! assert_eq!(hub.url(&id), "https://download.pytorch.org/models/resnet50-0676ba61.pth");
//! assert!(hub.path(&id).ends_with("torchvision/resnet50-0676ba61.pth"));
//! // `hub.fetch(&id, &mut |done, all| …)` brings the file to that path, unless it is there already.
//! assert!("torchvision:resnet51".parse::<HubId>().is_err());
//! # Ok::<(), latentwalk_hub::Error>(())
//! ```

mod cache;
mod error;
mod fetch;
mod id;
mod token;

use std::path::{Path, PathBuf};

pub use error::{Error, Result};
pub use id::{HubId, TORCHVISION, TorchvisionFile};
pub use token::Token;

/// Where the hubs are, where files of theirs already lie, and where fetched files are kept.
#[derive(Debug, Clone)]
pub struct Hub {
    /// The folder of fetched files. It is looked in first.
    pub cache: PathBuf,
    /// The folder in which Hugging Face's own tools keep what they fetched, such as `~/.cache/huggingface/hub`. It is looked
    /// in next, and never written to.
    pub hugging_face_cache: Option<PathBuf>,
    /// Opens private and gated repositories. It is sent to the host of [`Hub::hugging_face`] and to no other, encrypted
    /// unless that host is this machine.
    pub token: Option<Token>,
    /// Address of the Hugging Face hub, without a slash at its end.
    pub hugging_face: String,
    /// Address of torchvision's files, without a slash at its end.
    pub torchvision: String,
}

/// A file that is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it was fetched by this call.
    pub new: bool,
}

impl Hub {
    /// The public hubs, with a cache folder; without Hugging Face's cache and without a token.
    pub fn public(cache: impl Into<PathBuf>) -> Self {
        Hub {
            cache: cache.into(),
            hugging_face_cache: None,
            token: None,
            hugging_face: "https://huggingface.co".to_owned(),
            torchvision: "https://download.pytorch.org/models".to_owned(),
        }
    }

    /// Where the file of a name lies once it is fetched.
    pub fn path(&self, id: &HubId) -> PathBuf {
        let mut path = self.cache.clone();
        path.extend(id.place());
        path
    }

    /// The address that a name stands for.
    pub fn url(&self, id: &HubId) -> String {
        match id {
            HubId::Torchvision(file) => format!("{}/{}", self.torchvision, file.file),
            HubId::HuggingFace { repository, revision, file } => {
                format!("{}/{repository}/resolve/{revision}/{file}", self.hugging_face)
            }
        }
    }

    /// The file of a name: from [`Hub::cache`], else from [`Hub::hugging_face_cache`] in its place there, else fetched into
    /// [`Hub::cache`].
    ///
    /// `progress` is told the bytes so far and, where the hub states it, their number. A file in a cache is not hashed
    /// again. A revision such as `main` is looked up once: remove the cached file to fetch a later one.
    ///
    /// **Errors** [`Error::Unreachable`] without a network, which says what to put where; [`Error::Denied`] for a
    /// repository that is not open to everybody, or not to this token; [`Error::Status`] for a name that the hub does not
    /// have; [`Error::Hash`] and [`Error::NoHash`] for content that is not, or cannot be proved to be, what the hub
    /// holds; a full disk. Nothing is left behind.
    pub fn fetch(&self, id: &HubId, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<Fetched> {
        let path = self.path(id);
        if path.is_file() {
            return Ok(Fetched { path, new: false });
        }
        if let Some(path) = self.hugging_face_cache.as_deref().and_then(|cache| cache::find(cache, id)) {
            return Ok(Fetched { path, new: false });
        }
        fetch::into(self, id, &path, progress)?;
        Ok(Fetched { path, new: true })
    }
}

/// The folder of a path; every path here has one.
fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
