//! The tests of the crates with unsafe code under AddressSanitizer, ThreadSanitizer and Miri.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The only target that the sanitizers are run for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Arguments of `sanitize`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SanitizeArgs {
    /// Which to run; all when missing.
    #[arg(value_enum)]
    tools: Vec<Tool>,
    /// The packages whose tests are run; Miri runs unit tests of the first alone.
    #[arg(long = "package", short, default_values = ["latentwalk-engine", "latentwalk-jpeg"])]
    packages: Vec<String>,
    /// Tests that are left out, by a part of their names; may be given several times.
    #[arg(long, value_name = "PART")]
    skip: Vec<String>,
}

/// What watches the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Tool {
    /// Reads and writes outside of allocations; works with the stable toolchain.
    Address,
    /// Data races; needs a nightly toolchain with `rust-src`, because a standard library that is not instrumented hides
    /// half of what orders memory and makes every use of a pool look like a race.
    Thread,
    /// Undefined behaviour in the unit tests of plans, among them those of the vectors' lanes; needs a nightly toolchain with `miri`.
    Miri,
}

/// Runs the tools one after the other and says which were skipped.
///
/// # Errors
/// Cargo cannot be started, or a test fails under a tool, which has said why.
pub(crate) fn run(args: &SanitizeArgs) -> Result<()> {
    let tools = if args.tools.is_empty() { &[Tool::Address, Tool::Thread, Tool::Miri][..] } else { &args.tools };
    let mut failed = Vec::new();
    for &tool in tools {
        let outcome = match tool.missing()? {
            Some(reason) => format!("skipped: {reason}"),
            None if tool.command(args).status().context("cannot start cargo")?.success() => "passed".to_owned(),
            None => {
                failed.push(tool.name());
                "failed".to_owned()
            }
        };
        writeln!(std::io::stdout().lock(), "== sanitize {}: {outcome}", tool.name())?;
    }
    if !failed.is_empty() {
        bail!("tests failed under {}", failed.join(", "));
    }
    Ok(())
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Tool::Address => "address",
            Tool::Thread => "thread",
            Tool::Miri => "miri",
        }
    }

    /// Why the tool cannot run here, where it cannot.
    fn missing(self) -> Result<Option<String>> {
        if !cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")) {
            return Ok(Some(format!("only run on {TARGET}")));
        }
        Ok(match self {
            Tool::Address => match printed(Command::new("rustc").args(["--print", "target-libdir"])) {
                Some(folder) if has_runtime(Path::new(&folder), "asan")? => None,
                _ => Some("the toolchain has no runtime of AddressSanitizer".to_owned()),
            },
            Tool::Thread => match printed(nightly("rustc").args(["--print", "sysroot"])) {
                Some(root) if PathBuf::from(&root).join("lib/rustlib/src/rust/library").is_dir() => None,
                _ => {
                    Some("`rustup toolchain install nightly --component rust-src` would add what is needed".to_owned())
                }
            },
            Tool::Miri => match printed(nightly("cargo").args(["miri", "--version"])) {
                Some(_) => None,
                None => Some(
                    "`rustup toolchain install nightly --component rust-src,miri` would add what is needed".to_owned(),
                ),
            },
        })
    }

    fn command(self, args: &SanitizeArgs) -> Command {
        let packages = &args.packages;
        let mut command = match self {
            Tool::Address => {
                let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
                // The stable compiler has the sanitizer, but behind a switch of the nightly one.
                command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address").arg("test");
                command
            }
            Tool::Thread => {
                let mut command = nightly("cargo");
                command.env("RUSTFLAGS", "-Zsanitizer=thread").args(["test", "-Zbuild-std"]);
                command
            }
            Tool::Miri => {
                let mut command = nightly("cargo");
                // The pool's queues turn integers into pointers and keep memory until the process ends.
                let flags =
                    "-Zmiri-tree-borrows -Zmiri-permissive-provenance -Zmiri-ignore-leaks -Zmiri-disable-isolation";
                // Miri finds only features that the code is compiled for.
                command.env("MIRIFLAGS", flags).env("RUSTFLAGS", "-Ctarget-feature=+avx2,+fma").args(["miri", "test"]);
                command
            }
        };
        let most = if self == Tool::Miri { 1 } else { packages.len() };
        for package in &packages[..most.min(packages.len())] {
            command.args(["--package", package]);
        }
        command.args(["--target", TARGET, "--lib"]);
        match self {
            // All others take minutes, or call glibc's allocator, which Miri does not know.
            Tool::Miri => command.args(["--", "plan::"]),
            // The same code on more pixels takes more than seven minutes so.
            Tool::Address | Tool::Thread => {
                command.args(["--tests", "--no-fail-fast", "--", "--skip", "bytes_of_larger_images"])
            }
        };
        for part in &args.skip {
            command.args(["--skip", part]);
        }
        command
    }
}

/// A program of the nightly toolchain, whatever toolchain this process was started with.
fn nightly(program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", program]).env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
    command
}

/// What a command prints, where it can be started and succeeds.
fn printed(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a toolchain's folder of libraries holds the runtime of a sanitizer.
fn has_runtime(folder: &Path, sanitizer: &str) -> Result<bool> {
    let ending = format!("_rt.{sanitizer}.a");
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    Ok(entries.flatten().any(|entry| entry.file_name().to_string_lossy().ends_with(&ending)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_names_its_packages_and_target() {
        let packages = vec!["a".to_owned(), "b".to_owned()];
        let asked = SanitizeArgs { tools: Vec::new(), packages, skip: vec!["slow".to_owned()] };
        for tool in [Tool::Address, Tool::Thread, Tool::Miri] {
            let command = tool.command(&asked);
            let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
            assert_eq!(args.contains(&"b".to_owned()), tool != Tool::Miri, "{args:?}");
            assert!(args.windows(2).any(|pair| pair == ["--target", TARGET]), "{args:?}");
            assert!(args.ends_with(&["--skip".to_owned(), "slow".to_owned()]), "{args:?}");
        }
    }

    #[test]
    fn a_runtime_is_known_by_its_name() {
        let folder = std::env::temp_dir().join(format!("latentwalk-sanitize-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert!(!has_runtime(&folder, "asan").unwrap());
        std::fs::write(folder.join("librustc-stable_rt.asan.a"), b"").unwrap();
        assert!(has_runtime(&folder, "asan").unwrap() && !has_runtime(&folder, "tsan").unwrap());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
