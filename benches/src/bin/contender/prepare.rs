//! The data that the works read.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use latentwalk_backbone::{BackboneDevice, Network, NetworkSpec, WEIGHTS_FILE};

/// Folder of the JPEG files.
pub(crate) const IMAGES: &str = "images";
/// Folder of a ResNet-50 of random weights.
pub(crate) const CHECKPOINT: &str = "resnet50";
/// JPEG files: three batches of 32.
pub(crate) const COUNT: usize = 96;

/// Repeats the images of a folder under names of their own and writes a checkpoint; what is there is kept.
pub(crate) fn prepare(data: &Path, images: &Path) -> Result<()> {
    let folder = data.join(IMAGES);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let listing = fs::read_dir(images).with_context(|| images.display().to_string())?;
    let mut sources = listing.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    sources.sort();
    ensure!(!sources.is_empty(), "{} holds no images", images.display());
    for (i, source) in sources.iter().cycle().take(COUNT).enumerate() {
        let path = folder.join(format!("{i:03}.jpg"));
        if !path.exists() {
            fs::copy(source, &path).with_context(|| path.display().to_string())?;
        }
    }
    let checkpoint = data.join(CHECKPOINT);
    if !checkpoint.join(WEIGHTS_FILE).exists() {
        fs::create_dir_all(&checkpoint).with_context(|| checkpoint.display().to_string())?;
        Network::new(NetworkSpec::new("resnet50", 3, Vec::new()), 0, &BackboneDevice::cpu())?.save(&checkpoint)?;
    }
    Ok(())
}
