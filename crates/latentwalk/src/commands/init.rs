//! `init`: a first description for a folder of images.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use latentwalk_cli::InitArgs;
use latentwalk_decomposition::DEFAULT_AXES;
use latentwalk_images::InitOptions;
use serde_json::json;

use super::answer;
use crate::config::TABLES;
use crate::progress::Console;

/// Writes a first description into a folder of images.
///
/// # Errors
/// The folder cannot be understood, or it has a description already.
pub(super) fn run(args: &InitArgs, console: &Console) -> Result<()> {
    let beside =
        args.out.as_deref().map(|out| out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")));
    let options = InitOptions { base: beside.map(Path::to_owned), tables: Some(TABLES) };
    let draft = latentwalk_images::init(&args.dir, &options)?;
    let text = format!("name = \"{}\"\n\n{}{}", run_name(&args.dir), draft.text, decomposition(draft.train_images));
    let path = args.out.clone().unwrap_or_else(|| args.dir.join("latentwalk.toml"));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = match file {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            bail!("{} exists already\nhint: edit it, or move it away first", path.display())
        }
        Err(e)
            if args.out.is_none()
                && matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
        {
            bail!(
                "cannot write {}: {e}\nhint: write it elsewhere by --out FILE; its paths will lead back to the images",
                path.display()
            )
        }
        other => other.with_context(|| format!("cannot write {}", path.display()))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    draft.remarks.iter().for_each(|remark| console.say(remark));
    let text = format!("wrote {}; read it, then run: latentwalk pipeline {}\n", path.display(), path.display());
    answer::give(&args.json, &text, &json!({ "description": answer::path(&path), "remarks": draft.remarks }))
}

/// Table `[decomposition]` for data that have fewer axes than the default.
fn decomposition(train_images: usize) -> String {
    // Centred vectors have an axis less than there are of them.
    match train_images.saturating_sub(1).max(1) {
        axes if axes < DEFAULT_AXES => {
            format!(
                "\n[decomposition]\naxes = {axes}   # about {train_images} train images have no more; the default is {DEFAULT_AXES}\n"
            )
        }
        _ => String::new(),
    }
}

/// The folder's name, as far as it can be a run's name.
fn run_name(dir: &Path) -> String {
    let name = std::path::absolute(dir).ok().and_then(|d| d.file_name().map(|n| n.to_string_lossy().into_owned()));
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = name.unwrap_or_default().chars().map(keep).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "images".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_images_get_few_axes() {
        assert_eq!(decomposition(51), "");
        assert!(decomposition(50).contains("\naxes = 49 "));
        assert!(decomposition(0).contains("\naxes = 1 "));
    }

    #[test]
    fn a_folders_name_becomes_a_runs_name() {
        assert_eq!(run_name(Path::new("/data/My photos")), "My-photos");
        assert_eq!(run_name(Path::new("/data/写真")), "images");
    }
}
