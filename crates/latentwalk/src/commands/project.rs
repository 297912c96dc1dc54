//! `project`: where new images stand on the direction of a finished run.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, ensure};
use latentwalk_artifacts::Store;
use latentwalk_cli::ProjectArgs;
use latentwalk_probe::Direction;
use latentwalk_run::{Projector, Run};
use ndarray::Array2;

use super::output::print;
use crate::defaults;
use crate::progress::Console;

/// Images that go through the network at once.
const BATCH: usize = 32;

/// Runs the `project` command: one line per image with its position, its likeliest class and that class's probability.
///
/// # Errors
/// A run, an attribute or an artifact that does not exist; no image that can be read.
pub(super) fn run(args: &ProjectArgs, console: &Console) -> Result<()> {
    let run = Run::open(&Store::open_existing(defaults::store(args.store.as_deref()))?, args.run.as_deref())?;
    let projector =
        Projector::open(&run, &latentwalk_backbone::parse_device(defaults::device(args.device.as_deref()))?)?;
    let direction = run.direction(&args.attribute)?;
    let mut text = format!("{:<12}{:<16}{:>8}  image\n", "position", "class", "share");
    let mut read = 0;
    for files in args.images.chunks(BATCH) {
        let projected = projector.coordinates(files)?;
        for (place, reason) in &projected.skipped {
            console.say(&format!("skipped {}: {reason}", files[*place].display()));
        }
        read += projected.read.len();
        let names: Vec<&Path> = projected.read.iter().map(|&place| files[place].as_path()).collect();
        lines(&mut text, &names, &direction, &projected.z)?;
    }
    ensure!(read > 0, "none of the {} images could be read", args.images.len());
    print(&text)
}

fn lines(text: &mut String, names: &[&Path], direction: &Direction, z: &Array2<f32>) -> Result<()> {
    let positions = direction.positions(z.view())?;
    for (name, position) in names.iter().zip(positions) {
        let probabilities = direction.model.probabilities(position);
        let class = direction.model.class_at(position) as usize;
        let (label, share) = (&direction.classes[class], probabilities[class]);
        let _ = writeln!(text, "{position:<12.4}{label:<16}{share:>8.3}  {}", name.display());
    }
    Ok(())
}
