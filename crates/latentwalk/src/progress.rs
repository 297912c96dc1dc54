//! What the user sees while a run goes on: a bar on a terminal, plain lines elsewhere, nothing with `--quiet`.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use latentwalk_cli::OutputArgs;

/// Plain lines of one stage are at least this far apart.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Where messages go: standard error, so that standard output holds the results alone.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    bars: bool,
    output: OutputArgs,
}

impl Console {
    /// Says as much as the command line asks for, with bars when standard error is a terminal and lines when it is not.
    pub fn new(output: OutputArgs) -> Self {
        Self { bars: std::io::stderr().is_terminal() && !output.quiet, output }
    }

    /// One line of news, which `--quiet` leaves out. A closed pipe is no reason to stop a run.
    pub fn say(&self, line: &str) {
        if !self.output.quiet {
            self.error(line);
        }
    }

    /// One line that only `--verbose` asks for.
    pub fn detail(&self, line: &str) {
        if self.is_verbose() {
            self.error(line);
        }
    }

    /// One line that is printed always.
    pub fn error(&self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// Whether `--verbose` was asked for, and not `--quiet` too.
    pub fn is_verbose(&self) -> bool {
        self.output.verbose && !self.output.quiet
    }

    /// Begins the display of one stage's progress.
    pub fn start(&self, label: &str) -> Progress {
        let bar = self.bars.then(|| {
            let bar = ProgressBar::new(0);
            let template = "{prefix:<14} {bar:32} {pos}/{len} {msg} [{elapsed}, {eta} left]";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_prefix(label.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Progress {
            label: label.to_owned(),
            quiet: self.output.quiet,
            bar,
            plain: Mutex::new(Plain { said: Instant::now(), note: String::new() }),
        }
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new(OutputArgs::default())
    }
}

struct Plain {
    said: Instant,
    note: String,
}

/// The progress of one stage; may be shared between threads.
pub struct Progress {
    label: String,
    quiet: bool,
    bar: Option<ProgressBar>,
    plain: Mutex<Plain>,
}

impl Progress {
    /// `done` of `total` units are finished.
    pub fn set(&self, done: usize, total: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            return;
        }
        if self.quiet {
            return;
        }
        let Ok(mut plain) = self.plain.lock() else { return };
        if plain.said.elapsed() >= PLAIN_INTERVAL {
            plain.said = Instant::now();
            let note = if plain.note.is_empty() { String::new() } else { format!(", {}", plain.note) };
            let _ = writeln!(std::io::stderr().lock(), "  {}: {done}/{total}{note}", self.label);
        }
    }

    /// A short remark beside the count, such as the current loss.
    pub fn note(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        } else if let Ok(mut plain) = self.plain.lock() {
            text.clone_into(&mut plain.note);
        }
    }

    /// One line that stays, above the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| {
                let _ = writeln!(std::io::stderr().lock(), "  {line}");
            }),
            None if self.quiet => (),
            None => {
                let _ = writeln!(std::io::stderr().lock(), "  {line}");
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
