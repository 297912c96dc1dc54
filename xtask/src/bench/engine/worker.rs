//! A process that measures when it is asked to.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Longest wait for one answer: loading a runtime and exporting a network on a busy machine take a minute.
const PATIENCE: Duration = Duration::from_secs(300);
/// Rest before a turn, so that the threads of the one before have stopped waiting actively.
const REST: Duration = Duration::from_millis(50);

/// What a process says when it has set up its work.
#[derive(Debug, PartialEq)]
pub(crate) enum Start {
    /// It can be asked; the operations that one image takes, where they are known.
    Ready { flop: Option<f64> },
    /// This machine or installation cannot do it.
    Unsupported(String),
    /// It went wrong.
    Failed(String),
}

/// One contender.
pub(crate) struct Worker {
    pub(crate) name: String,
    child: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Worker {
    /// Starts a process; what it complains of goes to the log.
    pub(crate) fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(log).with_context(|| log.display().to_string())?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        let questions = child.stdin.take().context("no pipe to the process")?;
        let output = child.stdout.take().context("no pipe from the process")?;
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Worker { name: name.to_owned(), child, questions, answers })
    }

    /// Waits until the work is set up.
    pub(crate) fn ready(&mut self) -> Result<Start> {
        start(&self.answer()?)
    }

    /// Asks for one measurement.
    pub(crate) fn turn(&mut self) -> Result<f64> {
        std::thread::sleep(REST);
        self.questions.write_all(b"go\n").and_then(|()| self.questions.flush()).context("the process has ended")?;
        value(&self.answer()?)
    }

    fn answer(&self) -> Result<Value> {
        let line =
            self.answers.recv_timeout(PATIENCE).context("the process ended or gave no answer for five minutes")?;
        serde_json::from_str(&line).with_context(|| format!("not an answer: {line}"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(answer: &Value) -> Result<Start> {
    let reason = |key: &str| answer[key].as_str().map(str::to_owned);
    if answer["ready"] == true {
        return Ok(Start::Ready { flop: answer["flop"].as_f64() });
    }
    match (reason("unsupported"), reason("failed")) {
        (Some(reason), _) => Ok(Start::Unsupported(reason)),
        (None, Some(reason)) => Ok(Start::Failed(reason)),
        (None, None) => bail!("not a start: {answer}"),
    }
}

fn value(answer: &Value) -> Result<f64> {
    match (answer["value"].as_f64(), answer["failed"].as_str()) {
        (Some(value), _) if value.is_finite() && value > 0.0 => Ok(value),
        (_, Some(reason)) => bail!("{reason}"),
        _ => bail!("not a figure: {answer}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn starts_and_figures_are_read() {
        assert_eq!(start(&json!({"ready": true, "flop": 2.5})).unwrap(), Start::Ready { flop: Some(2.5) });
        assert_eq!(start(&json!({"ready": true, "version": "1"})).unwrap(), Start::Ready { flop: None });
        assert_eq!(start(&json!({"unsupported": "no AMX"})).unwrap(), Start::Unsupported("no AMX".to_owned()));
        assert_eq!(start(&json!({"failed": "NaN"})).unwrap(), Start::Failed("NaN".to_owned()));
        assert!(start(&json!({"value": 1})).is_err());
        assert_eq!(value(&json!({"value": 12.5})).unwrap(), 12.5);
        assert!(value(&json!({"failed": "out of memory"})).unwrap_err().to_string().contains("out of memory"));
        assert!(value(&json!({"value": 0})).is_err());
    }

    #[test]
    fn a_program_that_does_not_exist_and_one_that_ends_are_said() {
        let log = std::env::temp_dir().join(format!("latentwalk-worker-{}.txt", std::process::id()));
        let missing = Worker::start("x", Command::new("latentwalk-no-such-program"), &log).err().unwrap();
        assert!(format!("{missing:#}").contains("latentwalk-no-such-program"), "{missing:#}");
        let mut ended = Worker::start("x", Command::new("true"), &log).unwrap();
        assert!(ended.ready().unwrap_err().to_string().contains("ended"));
        std::fs::remove_file(log).unwrap();
    }
}
