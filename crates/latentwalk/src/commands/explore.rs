//! `explore`: a finished run in the browser.

use std::process::{Command, Stdio};

use anyhow::Result;
use latentwalk_cli::ExploreArgs;
use latentwalk_explorer::{DEFAULT_PORT, Server, Session};

use super::finished;
use crate::progress::Console;

/// Serves the page until the process is stopped.
///
/// # Errors
/// A run that does not exist or lacks a part; a port that is taken.
pub(super) fn run(args: &ExploreArgs, console: &Console) -> Result<()> {
    let run = finished(&args.run)?;
    let server = Server::bind(Session::open(&run)?, args.address, args.port.unwrap_or(DEFAULT_PORT))?;
    let url = server.url();
    console.say(&format!("{} is served at {url}", run.record().name));
    if server.is_open() {
        console.say("whoever has this address, token and all, can see the run's images and save selections; nothing is encrypted");
    }
    if !args.no_browser && !opened(&url) {
        console.say("no browser could be opened: open that address yourself");
    }
    console.say("Ctrl-C ends it");
    Ok(server.run()?)
}

/// Whether the system's way to open an address was found; whether a browser then came is not known.
fn opened(url: &str) -> bool {
    let (program, first): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(first).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}
