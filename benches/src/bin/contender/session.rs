//! The questions and answers between the bench and one contender.

use std::fmt;
use std::io::{BufRead as _, Write as _, stdin, stdout};
use std::time::{Duration, Instant};

use anyhow::Result;
use latentwalk_backbone::BackboneDevice;
use serde_json::{Value, json};

/// Least length of one measurement.
const MEASUREMENT: Duration = Duration::from_millis(500);

/// A piece of work that this machine or build cannot do; no failure.
#[derive(Debug)]
pub(crate) struct Unsupported(pub(crate) String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unsupported {}

/// Standard input and output as lines of JSON.
pub(crate) struct Session {}

impl Session {
    pub(crate) fn new() -> Self {
        Session {}
    }

    /// Writes a line.
    pub(crate) fn say(&mut self, message: &Value) -> Result<()> {
        let mut out = stdout().lock();
        writeln!(out, "{message}")?;
        Ok(out.flush()?)
    }

    /// Says that the work is set up and how many operations one unit of it takes, where that is known.
    pub(crate) fn ready(&mut self, flop: Option<f64>) -> Result<()> {
        self.say(&json!({"ready": true, "flop": flop}))
    }

    /// Says why there is nothing to measure.
    pub(crate) fn fail(&mut self, error: &anyhow::Error) -> Result<()> {
        match error.downcast_ref::<Unsupported>() {
            Some(Unsupported(reason)) => self.say(&json!({"unsupported": reason})),
            None => self.say(&json!({"failed": format!("{error:#}")})),
        }
    }

    /// Waits for the next question; `false` when there is none any more.
    pub(crate) fn asked(&mut self) -> bool {
        matches!(stdin().lock().read_line(&mut String::new()), Ok(bytes) if bytes > 0)
    }

    /// Answers a question.
    pub(crate) fn answer(&mut self, value: f64) -> Result<()> {
        self.say(&json!({"value": value}))
    }

    /// After the last question: the most memory that the work took on a card, in MB; nothing on the processor.
    pub(crate) fn memory_of(&mut self, device: &BackboneDevice) -> Result<()> {
        match device.take_peak_memory() {
            Some(bytes) => self.say(&json!({"card_mb": bytes as f64 / 1e6})),
            None => Ok(()),
        }
    }

    /// Answers every question with the units per second that `call`, which does `units` at once, reaches.
    pub(crate) fn rates(&mut self, units: f64, mut call: impl FnMut() -> Result<()>) -> Result<()> {
        while self.asked() {
            let mut clock = Clock::start();
            loop {
                call()?;
                if let Some(seconds) = clock.lap() {
                    self.answer(units * clock.laps as f64 / seconds)?;
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Counts calls until a measurement is long enough.
pub(crate) struct Clock {
    begun: Instant,
    /// Calls until now.
    pub(crate) laps: usize,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Clock { begun: Instant::now(), laps: 0 }
    }

    /// Counts a call; the seconds since the start once they are enough.
    pub(crate) fn lap(&mut self) -> Option<f64> {
        self.laps += 1;
        let passed = self.begun.elapsed();
        (passed >= MEASUREMENT).then_some(passed.as_secs_f64())
    }
}
