//! A command's result: as text for people, and as JSON where `--json` asks for it.

use std::path::Path;

use anyhow::{Context, Result};
use latentwalk_cli::JsonArgs;
use serde_json::Value;

use super::output::print;

/// Prints a result as text, and writes it as JSON where that is asked for.
///
/// # Errors
/// As [`text`] and [`json`].
pub(super) fn give(args: &JsonArgs, for_people: &str, value: &Value) -> Result<()> {
    text(args, for_people)?;
    json(args, value)
}

/// Prints a result, or a part of it, as text; nothing where standard output belongs to the JSON.
///
/// # Errors
/// Standard output is closed.
pub(super) fn text(args: &JsonArgs, for_people: &str) -> Result<()> {
    if args.on_standard_output() { Ok(()) } else { print(for_people) }
}

/// Writes a whole result as JSON where that is asked for.
///
/// # Errors
/// A file that cannot be written, or a closed standard output.
pub(super) fn json(args: &JsonArgs, value: &Value) -> Result<()> {
    let Some(path) = &args.json else { return Ok(()) };
    let text = serde_json::to_string_pretty(value)? + "\n";
    if args.on_standard_output() {
        return print(&text);
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A path as it stands in the JSON; what is not Unicode in it is replaced.
pub(super) fn path(path: &Path) -> String {
    path.display().to_string()
}
