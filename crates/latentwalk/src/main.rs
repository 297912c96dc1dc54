//! The `latentwalk` binary.

use std::process::ExitCode;

use clap::Parser;
use latentwalk_cli::{BenchCommand, Command};
use latentwalk::{commands, embed, experiment, export, precision, progress::Console, project, runner};

/// Along which line does a network see an attribute change? Directions in the vector space of an image
/// classifier's last layer, measured and shown.
#[derive(Parser)]
#[command(name = "latentwalk", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Task,
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
    let command = match Cli::parse().command {
        Task::Shared(command) => command,
        Task::Bench(BenchCommand::Precision(args)) => {
            return end(&precision::run(&args, &commands::typed(), &console), &console);
        }
    };
    let result = match command {
        Command::Pipeline(args) => runner::pipeline(&args, &commands::typed(), &console),
        Command::Init(args) => commands::init(&args, &console),
        Command::Import(args) => commands::import(&args, &commands::typed(), &console),
        Command::Garments(args) => commands::garments(&args, &console),
        Command::Experiment(args) => experiment::run(&args, &commands::typed(), &console),
        Command::Embed(args) => embed::run(&args, &console),
        Command::Project(args) => project::run(&args, &console),
        Command::Export(args) => export::run(&args),
        Command::Artifacts(args) => commands::artifacts(&args, &console),
    };
    end(&result, &console)
}

fn end(result: &anyhow::Result<()>, console: &Console) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.say(&format!("error: {}", commands::sentence(error)));
            ExitCode::FAILURE
        }
    }
}
