//! The commands, one file each, and what they share: how they print, and how they say what went wrong.

mod artifacts;
mod bench_precision;
mod embed;
mod experiment;
mod export;
mod garments;
mod import;
mod init;
mod pipeline;
mod project;

use std::io::Write as _;

use anyhow::Result;
use latentwalk_cli::{BenchCommand, Command};

use crate::progress::Console;

/// Runs a command.
///
/// # Errors
/// What the command says of its errors, in the file of its name.
pub fn run(command: &Command, console: &Console) -> Result<()> {
    match command {
        Command::Pipeline(args) => pipeline::run(args, &typed(), console),
        Command::Init(args) => init::run(args, console),
        Command::Import(args) => import::run(args, &typed(), console),
        Command::Garments(args) => garments::run(args, console),
        Command::Experiment(args) => experiment::run(args, &typed(), console),
        Command::Embed(args) => embed::run(args, console),
        Command::Project(args) => project::run(args, console),
        Command::Export(args) => export::run(args),
        Command::Artifacts(args) => artifacts::run(args, console),
    }
}

/// Runs a measurement.
///
/// # Errors
/// As [`run`].
pub fn bench(command: &BenchCommand, console: &Console) -> Result<()> {
    match command {
        BenchCommand::Precision(args) => bench_precision::run(args, &typed(), console),
    }
}

/// The command as the user typed it, with the program's name and not its path.
fn typed() -> String {
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

pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn megabytes(bytes: u64) -> String {
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
