//! Images that lie in the table that names them.

use super::{Origin, RecordPlace, Table};
use crate::error::{Error, Place, Result};

/// Calls `visit` with every record and the bytes of its image, `None` where the row has none; files and rows in their order.
///
/// **Errors.** A table that cannot be read, or that has fewer rows than before.
pub(crate) fn each(
    table: &Table,
    origin: &Origin,
    visit: &mut dyn FnMut(usize, Option<Vec<u8>>) -> Result<()>,
) -> Result<()> {
    let Some(column) = &table.embedded else { return Ok(()) };
    let mut open: Option<(usize, u64, super::EmbeddedImages)> = None;
    for (at, record) in table.records.iter().enumerate() {
        let RecordPlace::Row { file, row } = record.place else { continue };
        if open.as_ref().is_none_or(|open| open.0 != file || open.1 > row) {
            open = Some((file, 1, origin.open_images(&table.files[file], column)?));
        }
        let Some((_, next, images)) = &mut open else { continue };
        loop {
            let found = images.next().ok_or_else(|| Error::Manifest {
                place: Place { file: table.files[file].clone(), row: Some(row) },
                reason: "the row is not there any more".into(),
            })?;
            *next += 1;
            if *next > row {
                visit(at, found.map_err(Error::Table)?)?;
                break;
            }
        }
    }
    Ok(())
}
