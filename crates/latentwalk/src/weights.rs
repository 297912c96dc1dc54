//! Where a checkpoint lies that was named by a path or by its name in a hub.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// The file of a checkpoint: the path itself, or where the hub's file was fetched to.
///
/// # Errors
/// A name that no hub has, no network and no file in the cache, content that is not what the hub announced.
pub fn locate(named: &Path) -> Result<PathBuf> {
    match in_hub(named) {
        Some(name) => fetch(name),
        None => Ok(named.to_owned()),
    }
}

/// The text where it is meant as a name in a hub.
pub(crate) fn in_hub(named: &Path) -> Option<&str> {
    named.to_str().filter(|text| text.starts_with("hf:") || text.starts_with("torchvision:"))
}

#[cfg(not(feature = "hub"))]
fn fetch(name: &str) -> Result<PathBuf> {
    anyhow::bail!("`{name}` is a name in a hub, and this build has no network\nhint: bring the file and name its path")
}

#[cfg(feature = "hub")]
fn fetch(name: &str) -> Result<PathBuf> {
    use crate::progress::Console;
    use latentwalk_hub::{Hub, HubId};

    let id: HubId = name.parse()?;
    let mut hub = Hub::public(cache()?);
    // What Hugging Face's own tools read, for mirrors.
    if let Ok(address) = std::env::var("HF_ENDPOINT") {
        hub.hugging_face = address.trim_end_matches('/').to_owned();
    }
    let console = Console::new();
    let progress = console.start("weights");
    progress.note("megabytes");
    let megabytes = |bytes: u64| (bytes >> 20) as usize;
    let fetched = hub.fetch(&id, &mut |done, all| progress.set(megabytes(done), megabytes(all.unwrap_or(done))))?;
    drop(progress);
    if fetched.new {
        console.say(&format!("{id}: fetched and checked, kept as {}", fetched.path.display()));
    }
    Ok(std::path::absolute(fetched.path)?)
}

/// The folder of fetched files: `LATENTWALK_CACHE`, or the user's own folder for such things.
#[cfg(feature = "hub")]
fn cache() -> Result<PathBuf> {
    use anyhow::Context;

    let folder = |variable: &str| std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(own) = folder("LATENTWALK_CACHE") {
        return Ok(own);
    }
    let user = folder("XDG_CACHE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".cache")))
        .or_else(|| folder("LOCALAPPDATA"));
    Ok(user.context("no folder for fetched files is known\nhint: name one by LATENTWALK_CACHE")?.join("latentwalk"))
}
