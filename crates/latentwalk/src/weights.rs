//! Where a checkpoint lies that was named by a path or by its name in a hub.

#[cfg(feature = "hub")]
mod environment;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use latentwalk_cli::DescriptionArgs;

use crate::config::{Config, hub_name};
use crate::defaults;
use crate::progress::Console;

/// Reads a description as [`Config::load`] does, and brings the weights that it names in a hub.
///
/// # Errors
/// As [`Config::load`] and [`locate`].
pub fn load(args: &DescriptionArgs, console: &Console) -> Result<Config> {
    let mut config = Config::load(args)?;
    if let Some(named) = &config.backbone.weights {
        let description = defaults::description(args.description.as_deref());
        config.backbone.weights = Some(locate(named, console).with_context(|| description.to_owned())?);
    }
    Ok(config)
}

/// The file of a checkpoint: the path itself, or where the hub's file lies in a cache.
///
/// # Errors
/// A name that no hub has, no network and no file in a cache, a repository that is not open to everybody, content that is not
/// what the hub announced.
pub fn locate(named: &Path, console: &Console) -> Result<PathBuf> {
    match hub_name(named) {
        Some(name) => fetch(name, console),
        None => Ok(named.to_owned()),
    }
}

#[cfg(not(feature = "hub"))]
fn fetch(name: &str, _: &Console) -> Result<PathBuf> {
    anyhow::bail!("`{name}` is a name in a hub, and this build has no network\nhint: bring the file and name its path")
}

#[cfg(feature = "hub")]
fn fetch(name: &str, console: &Console) -> Result<PathBuf> {
    let id: latentwalk_hub::HubId = name.parse()?;
    let hub = environment::hub(|variable| std::env::var_os(variable))?;
    let progress = console.start("weights");
    progress.note("megabytes");
    let megabytes = |bytes: u64| (bytes >> 20) as usize;
    let fetched = hub.fetch(&id, &mut |done, all| progress.set(megabytes(done), megabytes(all.unwrap_or(done))))?;
    drop(progress);
    match fetched.new {
        true => console.say(&format!("{id}: fetched and checked, kept as {}", fetched.path.display())),
        false => console.detail(&format!("{id}: found as {}", fetched.path.display())),
    }
    Ok(std::path::absolute(fetched.path)?)
}
