//! What a command prints, and where.

use std::path::{Path, PathBuf};

use clap::Args;

/// The heading of these flags in the help.
const OUTPUT: &str = "Output";

/// How much is said beside the result.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct OutputArgs {
    /// Print results and errors, and nothing else: no progress, no remarks.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = OUTPUT)]
    pub quiet: bool,
    /// Print each stage's key, and why the stage runs or its result is taken from the store.
    #[arg(short, long, global = true, help_heading = OUTPUT)]
    pub verbose: bool,
}

/// Where the result goes as JSON; every command that prints a result takes it.
#[derive(Debug, Clone, Default, Args)]
pub struct JsonArgs {
    /// Write the result to FILE as JSON, too; `-` prints the JSON on standard output instead of the text.
    /// docs/command-line.md lists the keys.
    #[arg(long, value_name = "FILE", global = true, help_heading = OUTPUT)]
    pub json: Option<PathBuf>,
}

impl JsonArgs {
    /// Whether standard output belongs to the JSON.
    pub fn on_standard_output(&self) -> bool {
        self.json.as_deref() == Some(Path::new("-"))
    }
}
