//! Checks of what comes in, made before anything is computed (and before the index library, which panics, sees it).

use ndarray::ArrayView2;

use crate::error::{LinesError, Result};

/// Largest absolute coordinate: fifty of them squared still fit in f32.
const LARGEST: f64 = 1e15;

pub(crate) fn usable(what: &'static str, row: usize, values: impl Iterator<Item = f64>) -> Result<()> {
    for (axis, value) in values.enumerate() {
        // Written so that NaN fails too.
        let inside = value.abs() <= LARGEST;
        if !inside {
            return Err(LinesError::NotUsable { what, row, axis, value });
        }
    }
    Ok(())
}

pub(crate) fn width(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if expected == got { Ok(()) } else { Err(LinesError::Width { what, expected, got }) }
}

pub(crate) fn rows(what: &'static str, k: usize, points: ArrayView2<'_, f32>) -> Result<()> {
    width(what, k, points.ncols())?;
    for (row, values) in points.outer_iter().enumerate() {
        usable(what, row, values.iter().map(|&v| f64::from(v)))?;
    }
    Ok(())
}

pub(crate) fn some(what: &'static str, count: usize) -> Result<()> {
    if count == 0 { Err(LinesError::Empty { what }) } else { Ok(()) }
}

pub(crate) fn length(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if expected == got { Ok(()) } else { Err(LinesError::Length { what, expected, got }) }
}

pub(crate) fn inside(what: &'static str, rows: usize, row: usize) -> Result<()> {
    if row < rows { Ok(()) } else { Err(LinesError::RowOutside { what, row, rows }) }
}

pub(crate) fn option(name: &'static str, value: f64, low: f64, high: f64) -> Result<()> {
    let inside = value >= low && value <= high;
    if inside { Ok(()) } else { Err(LinesError::Option { name, value, low, high }) }
}
