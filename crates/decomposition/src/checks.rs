//! Whether rows can be taken.

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::{Error, Result};

/// Rows that one task looks at, at least.
const ROWS_AT_ONCE: usize = 256;

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
    // Without an early exit the loop over a row is a vector instruction; the search runs only when something was found.
    let all = |row: usize| rows.row(row).iter().fold(true, |finite, value| finite & value.is_finite());
    match (0..rows.nrows()).into_par_iter().with_min_len(ROWS_AT_ONCE).position_first(|row| !all(row)) {
        None => Ok(()),
        Some(row) => {
            let (place, &value) =
                rows.row(row).into_iter().enumerate().find(|(_, value)| !value.is_finite()).expect("as found above");
            Err(Error::NotFinite { row: first + row, place, value })
        }
    }
}
