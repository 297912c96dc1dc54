//! Whether rows can be taken.

use ndarray::ArrayView2;

use crate::{Error, Result};

/// Whether rows have the expected width.
pub(crate) fn check_width(expected: usize, rows: ArrayView2<'_, f32>) -> Result<()> {
    check_shape("vectors", expected, rows.ncols())
}

/// Whether there are as many values as expected.
pub(crate) fn check_shape(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if got == expected { Ok(()) } else { Err(Error::Shape { what, expected, got }) }
}

/// Looks for NaN and infinities; `first` is the number of the first row.
pub(crate) fn check_finite(rows: ArrayView2<'_, f32>, first: usize) -> Result<()> {
    for (row, values) in rows.outer_iter().enumerate() {
        // Without an early exit the loop is a vector instruction; the search runs only when something was found.
        if values.iter().fold(true, |finite, value| finite & value.is_finite()) {
            continue;
        }
        if let Some((place, value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(Error::NotFinite { row: first + row, place, value: *value });
        }
    }
    Ok(())
}
