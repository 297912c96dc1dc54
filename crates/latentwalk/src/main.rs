//! The `latentwalk` binary.

use std::process::ExitCode;

use clap::Parser;
use latentwalk::commands;
use latentwalk::message::message;
use latentwalk::progress::Console;
use latentwalk_cli::{BenchCommand, Command};

/// Along which line does a network see an attribute change? Directions in the vector space of an image
/// classifier's last layer, measured and shown.
#[derive(Parser)]
#[command(name = "latentwalk", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Subcommand)]
enum Task {
    #[command(flatten)]
    Shared(Command),
    /// Measure on this machine.
    #[command(subcommand)]
    Bench(BenchCommand),
}

fn main() -> ExitCode {
    latentwalk_engine::keep_freed_memory();
    let console = Console::new();
    let result = match Cli::parse().task {
        Task::Shared(command) => commands::run(&command, &console),
        Task::Bench(command) => commands::bench(&command, &console),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.say(&format!("error: {}", message(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}
