//! How commands print.

use std::io::Write as _;

use anyhow::Result;

/// The command as the user typed it, with the program's name and not its path.
pub(super) fn typed() -> String {
    let quote = |arg: String| if arg.chars().any(char::is_whitespace) { format!("'{arg}'") } else { arg };
    std::iter::once("latentwalk".to_owned()).chain(std::env::args().skip(1).map(quote)).collect::<Vec<_>>().join(" ")
}

/// Prints a result on standard output.
///
/// # Errors
/// Standard output is closed.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
