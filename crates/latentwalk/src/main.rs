//! The `latentwalk` binary.

use std::process::ExitCode;

use clap::Parser;
use latentwalk::commands;
use latentwalk::progress::Console;
use latentwalk_cli::{BenchCommand, Command, ENVIRONMENT, OutputArgs, message};

/// Along which line does a network see an attribute change? Directions in the vector space of an image
/// classifier's last layer, measured and shown.
#[derive(Parser)]
#[command(name = "latentwalk", version, max_term_width = 110, after_long_help = ENVIRONMENT)]
struct Cli {
    #[command(flatten)]
    output: OutputArgs,
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
    /// Print the completions of commands and flags for a shell.
    ///
    /// Bash: put `source <(latentwalk completions bash)` into ~/.bashrc. Zsh: write them as `_latentwalk` into a folder of
    /// $fpath. Fish: write them to ~/.config/fish/completions/latentwalk.fish.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    latentwalk_engine::keep_freed_memory();
    quiet_decoders();
    let Cli { output, task } = Cli::parse();
    let console = Console::new(output);
    let result = match task {
        Task::Shared(command) => commands::run(&command, &console),
        Task::Bench(command) => commands::bench(&command, &console),
        Task::Completions { shell } => commands::print(&completions(shell)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.error(&format!("error: {}", message(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

/// A damaged picture that makes a decoder panic is told as one that cannot be read, and not by the decoder's own lines.
fn quiet_decoders() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !latentwalk_images::is_decoding() {
            usual(panic);
        }
    }));
}

/// The script that teaches a shell the commands and flags.
fn completions(shell: clap_complete::Shell) -> String {
    use clap::CommandFactory;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "latentwalk", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
