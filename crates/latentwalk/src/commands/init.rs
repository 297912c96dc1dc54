//! `init`: a first description for a folder of images.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use latentwalk_cli::InitArgs;
use serde_json::json;

use super::answer;

/// Writes a first description into a folder of images.
///
/// # Errors
/// The folder cannot be understood, or it has a description already.
pub(super) fn run(args: &InitArgs) -> Result<()> {
    let text = format!("name = \"{}\"\n\n{}", run_name(&args.dir), latentwalk_images::init(&args.dir)?);
    let path = args.dir.join("latentwalk.toml");
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = match file {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} exists already\nhint: edit it, or move it away first", path.display())
        }
        other => other.with_context(|| format!("cannot write {}", path.display()))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    let text = format!("wrote {}; read it, then run: latentwalk pipeline {}\n", path.display(), path.display());
    answer::give(&args.json, &text, &json!({ "description": answer::path(&path) }))
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
    fn a_folders_name_becomes_a_runs_name() {
        assert_eq!(run_name(Path::new("/data/My photos")), "My-photos");
        assert_eq!(run_name(Path::new("/data/写真")), "images");
    }
}
