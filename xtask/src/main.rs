//! `cargo xtask …`: builds the `latentwalk` binary and runs it.
//!
//! Links no heavy crate, so that its help answers within seconds on a fresh machine.

mod bench;
mod sanitize;

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use latentwalk_cli as cli;

/// Builds Latentwalk and runs it: the whole pipeline, its store, its benchmarks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 110, after_long_help = cli::ENVIRONMENT)]
struct Xtask {
    /// The binary parses them again; `bench` passes them on.
    #[command(flatten)]
    output: cli::OutputArgs,
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Subcommand)]
enum Task {
    #[command(flatten)]
    Binary(cli::Command),
    /// Run the embedded pipeline several times in fresh stores and print its figures beside their targets; `bench engine`
    /// sets the engine beside other runtimes.
    Bench(bench::BenchArgs),
    /// Run the tests of crates with unsafe code under AddressSanitizer, ThreadSanitizer and Miri, as far as they are installed.
    Sanitize(sanitize::SanitizeArgs),
}

fn main() -> ExitCode {
    let Xtask { output, task } = Xtask::parse();
    let result = match task {
        Task::Binary(_) => pass_on(),
        Task::Bench(args) => bench::run(&args, output),
        Task::Sanitize(args) => sanitize::run(&args).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr().lock(), "error: {}", cli::message(error.as_ref()));
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

/// Builds the `latentwalk` binary.
///
/// # Errors
/// As [`build_all`].
fn build() -> Result<OsString> {
    let [binary] = build_all([("latentwalk", "latentwalk")])?;
    Ok(binary)
}

/// Builds binaries of packages in the profile that `cargo test` uses too, so that the dependencies are compiled once.
///
/// # Errors
/// Cargo cannot be started, or the build fails (cargo has said why).
fn build_all<const N: usize>(binaries: [(&str, &str); N]) -> Result<[OsString; N]> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--message-format", "json-render-diagnostics"]);
    for (package, binary) in binaries {
        command.args(["--package", package, "--bin", binary]);
    }
    let output = command.stderr(std::process::Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "the build failed");
    let mut paths = binaries.map(|_| OsString::new());
    for (path, (_, binary)) in paths.iter_mut().zip(binaries) {
        *path = executable(&output.stdout, binary).context("cargo built a binary but did not say where it is")?;
    }
    Ok(paths)
}

/// The path of a built executable, from cargo's JSON messages.
fn executable(messages: &[u8], binary: &str) -> Option<OsString> {
    let lines = messages.split(|&b| b == b'\n');
    let mut found = lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    found.find_map(|m| m["executable"].as_str().filter(|_| m["target"]["name"] == binary).map(OsString::from))
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
        let messages = br#"{"reason":"compiler-artifact","target":{"name":"latentwalk"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"contender"},"executable":"t/contender"}
{"reason":"compiler-artifact","target":{"name":"latentwalk"},"executable":"t/latentwalk"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(executable(messages, "latentwalk"), Some("t/latentwalk".into()));
        assert_eq!(executable(messages, "contender"), Some("t/contender".into()));
        assert_eq!(executable(b"nonsense\n", "latentwalk"), None);
    }
}
