//! Which two lines images are placed on.

use anyhow::Result;
use latentwalk_arithmetic::spearman;
use latentwalk_run::{Walker, position};
use rayon::prelude::*;

/// A principal axis that follows a line more closely than that (rank correlation) shows nothing new beside it.
const ALIKE: f64 = 0.5;

/// Every image's position on a line.
pub(super) struct Placed {
    /// The line's name.
    pub(super) line: String,
    pub(super) positions: Vec<f64>,
}

/// The lines from left to right and from bottom to top: those that are named, else the first attributes' axes.
///
/// With a single attribute the other line is the first principal axis whose positions are no mere copy of its own.
///
/// # Errors
/// A line that does not exist.
pub(super) fn plane(walker: &Walker, x: Option<&str>, y: Option<&str>) -> Result<[Placed; 2]> {
    let named = |name: Option<&str>| name.map(|name| placed(walker, name)).transpose();
    let (x, y) = (named(x)?, named(y)?);
    let x = match x {
        Some(x) => x,
        None => spare(walker, y.as_ref())?,
    };
    let y = match y {
        Some(y) => y,
        None => spare(walker, Some(&x))?,
    };
    Ok([x, y])
}

fn placed(walker: &Walker, name: &str) -> Result<Placed> {
    let weights = walker.line_weights(&walker.line(name)?)?;
    let z = &walker.data().points.z;
    let positions = (0..z.nrows()).into_par_iter().map(|row| position(z.row(row), &weights)).collect();
    Ok(Placed { line: name.to_owned(), positions })
}

/// The first attribute's axis, or the next one's where that is the other line already.
fn spare(walker: &Walker, other: Option<&Placed>) -> Result<Placed> {
    let mut names = walker.data().attributes.iter().map(|labels| labels.name.as_str());
    match (names.find(|name| other.is_none_or(|other| other.line != **name)), other) {
        (None, Some(other)) => Ok(principal(walker, other)),
        (name, _) => placed(walker, name.unwrap_or_default()),
    }
}

/// The first principal axis that is unlike a line, or the least alike.
fn principal(walker: &Walker, other: &Placed) -> Placed {
    let z = &walker.data().points.z;
    let axis = |axis: usize| z.column(axis).iter().map(|&value| f64::from(value)).collect::<Vec<f64>>();
    let mut least = (f64::INFINITY, 0);
    for at in 0..z.ncols() {
        let alike = spearman(&axis(at), &other.positions).map_or(0.0, f64::abs);
        if alike < least.0 {
            least = (alike, at);
        }
        if alike < ALIKE {
            break;
        }
    }
    Placed { line: format!("principal axis {}", least.1 + 1), positions: axis(least.1) }
}
