//! How commands print, and how they say what went wrong.

use std::io::Write as _;

use anyhow::Result;

/// The command as the user typed it, with the program's name and not its path.
pub(super) fn typed() -> String {
    let quote = |arg: String| if arg.chars().any(char::is_whitespace) { format!("'{arg}'") } else { arg };
    std::iter::once("latentwalk".to_owned()).chain(std::env::args().skip(1).map(quote)).collect::<Vec<_>>().join(" ")
}

/// An error with its causes as one sentence; libraries that quote their cause are not made to say it twice.
pub fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_quoted_is_not_repeated() {
        let error = anyhow::anyhow!("disk full").context("cannot write x: disk full; free some").context("stage `a`");
        assert_eq!(sentence(&error), "stage `a`: cannot write x: disk full; free some");
    }
}
