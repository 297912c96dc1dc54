//! `cargo xtask …`: builds the `latentwalk` binary and runs it.
//!
//! Links no heavy crate, so that its help answers within seconds on a fresh machine.

mod bench;

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use latentwalk_cli as cli;

/// Builds Latentwalk and runs it: the whole pipeline, its store, its benchmarks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 110)]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Subcommand)]
enum Task {
    #[command(flatten)]
    Binary(cli::Command),
    /// Run the embedded pipeline several times in fresh stores and print its figures beside their targets.
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let result = match Xtask::parse().task {
        Task::Binary(_) => pass_on(),
        Task::Bench(args) => bench::run(&args).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Hands the arguments, which have been checked, to the binary.
fn pass_on() -> Result<ExitCode> {
    let binary = build()?;
    let status = Command::new(&binary).args(std::env::args_os().skip(1)).status();
    let status = status.with_context(|| format!("cannot start {}", binary.to_string_lossy()))?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}

/// Builds the binary in the profile that `cargo test` uses too, so that the dependencies are compiled once.
///
/// # Errors
/// Cargo cannot be started, or the build fails (cargo has said why).
fn build() -> Result<OsString> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--package", "latentwalk-pipeline", "--bin", "latentwalk"])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "the build failed");
    executable(&output.stdout).context("cargo built the binary but did not say where it is")
}

/// The path of the built executable, from cargo's JSON messages.
fn executable(messages: &[u8]) -> Option<OsString> {
    let lines = messages.split(|&b| b == b'\n');
    let found = lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    found.rev().find_map(|m| m["executable"].as_str().map(OsString::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_consistent() {
        use clap::CommandFactory;
        Xtask::command().debug_assert();
    }

    #[test]
    fn the_executable_is_read_from_cargos_messages() {
        let messages = br#"{"reason":"compiler-artifact","executable":null}
{"reason":"compiler-artifact","executable":"t/latentwalk"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(executable(messages), Some("t/latentwalk".into()));
        assert_eq!(executable(b"nonsense\n"), None);
    }
}
