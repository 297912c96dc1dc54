//! The settings from outside: what a description resolves to, what the help says of defaults, and the reference of all keys.

#![allow(clippy::unwrap_used)]

#[path = "settings/golden.rs"]
mod golden;
#[path = "settings/help.rs"]
mod help;
#[path = "settings/reference.rs"]
mod reference;
#[path = "settings/source.rs"]
mod source;

use std::path::{Path, PathBuf};

use latentwalk::config::{BUILT_IN, Config};
use latentwalk_cli::DescriptionArgs;

/// Loads a built-in description with changes.
fn load(description: &str, set: &[&str]) -> anyhow::Result<Config> {
    let needs_files = BUILT_IN.iter().any(|known| known.name == description && known.needs_files);
    Config::load(&DescriptionArgs {
        description: Some(description.to_owned()),
        set: set.iter().map(|&change| change.to_owned()).collect(),
        data: needs_files.then(|| PathBuf::from("data")),
        ..DescriptionArgs::default()
    })
}

/// Compares a generated text with a file of the repository, or writes the file when the variable is set.
fn agree(file: &str, text: &str, variable: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    if std::env::var_os(variable).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(text.lines()).position(|(found, made)| found != made);
    let at = differs.unwrap_or_else(|| found.lines().count().min(text.lines().count()));
    assert!(
        found == text,
        "{file} is out of date from line {}:\n  in the file: {}\n  should be:   {}\n\
         make it anew by {variable}=1 cargo test -p latentwalk --test settings",
        at + 1,
        found.lines().nth(at).unwrap_or("(nothing)"),
        text.lines().nth(at).unwrap_or("(nothing)"),
    );
}
