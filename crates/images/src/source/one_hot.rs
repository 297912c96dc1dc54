//! Tables with a column per class that holds 0 or 1.

use super::rows::Cells;
use super::table::{Cell, LABEL_SEPARATOR, Table};
use super::unicode::alike;
use crate::description::{AttributeDescription, Description};
use crate::error::{Error, Result};

/// What a cell says of its class.
pub(crate) fn flag(cell: &str) -> Option<bool> {
    match cell.trim().to_ascii_lowercase().as_str() {
        "1" | "1.0" | "true" | "yes" => Some(true),
        "0" | "0.0" | "false" | "no" | "-1" => Some(false),
        _ => None,
    }
}

/// Adds a column for every attribute that is spread over several, under the attribute's name: the classes that apply, or the
/// separator alone where none does.
///
/// **Errors.** [`Error::Unknown`] for a column that is not there, [`Error::Cell`] for a cell that is neither 0 nor 1.
pub(super) fn gather(table: &mut Table, description: &Description) -> Result<()> {
    for attribute in description.attributes.0.iter().filter(|attribute| !attribute.columns.is_empty()) {
        let column = columns(table, attribute, &description.images.source_name())?;
        for (record, cell) in table.records.iter_mut().zip(column) {
            record.cells.push(cell);
        }
        table.columns.push(attribute.name.clone());
    }
    Ok(())
}

fn columns(table: &Table, attribute: &AttributeDescription, source: &str) -> Result<Vec<Cell>> {
    let place = |column: &String| {
        table.columns.iter().position(|known| alike(known, column)).ok_or_else(|| Error::Unknown {
            key: format!("attributes.{}.columns", attribute.name),
            kind: "column",
            name: column.clone(),
            place: source.into(),
            known: table.available.clone(),
        })
    };
    let places = attribute.columns.iter().map(place).collect::<Result<Vec<usize>>>()?;
    let mut cells = Cells::default();
    let mut column = Vec::with_capacity(table.records.len());
    for record in &table.records {
        let (mut applies, mut known) = (Vec::new(), false);
        for (&at, class) in places.iter().zip(&attribute.columns) {
            let cell = &record.cells[at];
            match flag(cell) {
                _ if cell.trim().is_empty() => {}
                Some(true) => applies.push(class.as_str()),
                Some(false) => known = true,
                None => {
                    return Err(Error::Cell {
                        place: table.place(record),
                        value: cell.to_string(),
                        wrong: format!("which in column `{class}` is neither 0 nor 1"),
                        hint: "correct it, or take the column out of the attribute's `columns`",
                    });
                }
            }
        }
        let none = if known { LABEL_SEPARATOR.to_string() } else { String::new() };
        column.push(cells.get(if applies.is_empty() { none } else { applies.join("|") }.as_str()));
    }
    Ok(column)
}
