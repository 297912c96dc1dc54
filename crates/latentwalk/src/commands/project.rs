//! `project`: where new images stand on the direction of a finished run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use latentwalk_cli::ProjectArgs;
use latentwalk_probe::Direction;
use latentwalk_run::Projector;
use ndarray::Array2;
use serde_json::{Value, json};

use super::{answer, finished};
use crate::defaults;
use crate::progress::Console;

/// Images that go through the network at once.
const BATCH: usize = 32;

/// Runs the `project` command: one line per image with its position, its likeliest class and that class's probability.
///
/// # Errors
/// A run, an attribute or an artifact that does not exist; no image that can be read.
pub(super) fn run(args: &ProjectArgs, console: &Console) -> Result<()> {
    let run = finished(&args.run)?;
    let projector =
        Projector::open(&run, &latentwalk_backbone::parse_device(defaults::device(args.device.as_deref()))?)?;
    let direction = run.direction(&args.attribute)?;
    let (mut placed, mut skipped) = (Vec::new(), Vec::new());
    for files in args.images.chunks(BATCH) {
        let projected = projector.coordinates(files)?;
        for (place, reason) in &projected.skipped {
            console.error(&format!("skipped {}: {reason}", files[*place].display()));
            skipped.push(json!({ "path": answer::path(&files[*place]), "reason": reason }));
        }
        let names: Vec<&Path> = projected.read.iter().map(|&place| files[place].as_path()).collect();
        placed.extend(place(&names, &direction, &projected.z)?);
    }
    ensure!(!placed.is_empty(), "none of the {} images could be read", args.images.len());
    let images = placed.iter().map(Placed::json).collect::<Value>();
    let value = json!({ "attribute": args.attribute, "images": images, "skipped": skipped });
    answer::give(&args.json, &text(&placed), &value)
}

/// An image on the direction.
struct Placed {
    path: PathBuf,
    position: f64,
    class: String,
    /// The class's probability.
    share: f64,
}

impl Placed {
    fn json(&self) -> Value {
        json!({ "path": answer::path(&self.path), "position": self.position, "class": self.class, "share": self.share })
    }
}

fn place(names: &[&Path], direction: &Direction, z: &Array2<f32>) -> Result<Vec<Placed>> {
    let positions = direction.positions(z.view())?;
    let one = |(name, &position): (&&Path, &f64)| {
        let class = direction.model.class_at(position) as usize;
        let share = direction.model.probabilities(position)[class];
        Placed { path: name.to_path_buf(), position, class: direction.classes[class].clone(), share }
    };
    Ok(names.iter().zip(&positions).map(one).collect())
}

fn text(placed: &[Placed]) -> String {
    let mut text = format!("{:<12}{:<16}{:>8}  image\n", "position", "class", "share");
    for Placed { path, position, class, share } in placed {
        let _ = writeln!(text, "{position:<12.4}{class:<16}{share:>8.3}  {}", path.display());
    }
    text
}
