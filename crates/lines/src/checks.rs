//! Checks of what comes in, made before anything is computed (and before the index library, which panics, sees it).

use ndarray::ArrayView2;

use crate::error::{Error, Result};

/// Largest absolute coordinate: fifty of them squared still fit in f32.
const LARGEST: f64 = 1e15;

pub(crate) fn usable(what: &'static str, row: usize, values: impl Iterator<Item = f64>) -> Result<()> {
    for (axis, value) in values.enumerate() {
        // Written so that NaN fails too.
        let inside = value.abs() <= LARGEST;
        if !inside {
            return Err(Error::NotUsable { what, row, axis, value });
        }
    }
    Ok(())
}

pub(crate) fn width(what: &'static str, expected: usize, got: usize) -> Result<()> {
    shape(what, "axes", expected, got)
}

fn shape(what: &'static str, unit: &'static str, expected: usize, got: usize) -> Result<()> {
    if expected == got { Ok(()) } else { Err(Error::Shape { what, unit, expected, got }) }
}

pub(crate) fn rows(what: &'static str, k: usize, points: ArrayView2<'_, f32>) -> Result<()> {
    width(what, k, points.ncols())?;
    for (row, values) in points.outer_iter().enumerate() {
        usable(what, row, values.iter().map(|&v| f64::from(v)))?;
    }
    Ok(())
}

pub(crate) fn some(what: &'static str, count: usize) -> Result<()> {
    if count == 0 { Err(Error::Empty { what }) } else { Ok(()) }
}

pub(crate) fn length(what: &'static str, expected: usize, got: usize) -> Result<()> {
    shape(what, "entries", expected, got)
}

/// A row or an attribute that a list names.
pub(crate) fn inside(what: &str, count: usize, got: usize) -> Result<()> {
    if got < count { Ok(()) } else { Err(Error::Outside { what: what.to_owned(), got, count }) }
}

/// The label of a row.
pub(crate) fn label(row: usize, classes: usize, label: u32) -> Result<()> {
    if (label as usize) < classes {
        Ok(())
    } else {
        inside(&format!("the label of row {row}"), classes, label as usize)
    }
}

pub(crate) fn option(name: &'static str, value: f64, low: f64, high: f64) -> Result<()> {
    let inside = value >= low && value <= high;
    if inside { Ok(()) } else { Err(Error::Option { name, value, low, high }) }
}
