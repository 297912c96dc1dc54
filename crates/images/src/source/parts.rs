//! Several label files of one source as one table.

use super::rows::Cells;
use super::table::{RecordPlace, Table};
use crate::description::Part;
use crate::error::Result;

/// Reads every part by `read` and joins them: ids become `NAME/ID`, paths start below the part's root, and a column that
/// only some parts have is empty in the others.
pub(super) fn scan(parts: &[Part], read: &dyn Fn(&Part) -> Result<Table>) -> Result<Table> {
    let mut all = Table::default();
    let mut cells = Cells::default();
    for part in parts {
        append(&mut all, read(part)?, part, &mut cells);
    }
    let columns = all.columns.len();
    let empty = cells.get("");
    all.records.iter_mut().for_each(|record| record.cells.resize(columns, empty.clone()));
    Ok(all)
}

fn append(all: &mut Table, table: Table, part: &Part, cells: &mut Cells) {
    let below = |path: &str| match part.root.as_deref() {
        Some(root) if !root.is_empty() => format!("{}/{path}", root.trim_end_matches('/')),
        _ => path.to_owned(),
    };
    let places: Vec<usize> = table.columns.iter().map(|name| place(&mut all.columns, name)).collect();
    table.available.iter().for_each(|name| _ = place(&mut all.available, name));
    let files = all.files.len();
    let empty = cells.get("");
    all.files.extend(table.files);
    all.separator = table.separator;
    all.embedded = table.embedded.or(all.embedded.take());
    all.remarks.extend(table.remarks);
    all.left_out.extend(table.left_out);
    for mut skipped in table.skipped {
        skipped.path = below(&skipped.path);
        all.skipped.push(skipped);
    }
    for mut record in table.records {
        record.id = format!("{}/{}", part.name(), record.id);
        record.path = record.path.as_deref().map(&below);
        record.split = record.split.or(part.split);
        if let RecordPlace::Row { file, .. } = &mut record.place {
            *file += files;
        }
        let mut row = vec![empty.clone(); all.columns.len()];
        for (cell, &at) in record.cells.iter().zip(&places) {
            row[at] = cells.get(cell);
        }
        record.cells = row;
        all.records.push(record);
    }
}

/// Where a name stands in a list, added if it is new.
fn place(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::attribute::Split;
    use crate::source::manifest;
    use crate::source::table::Separator;

    fn part(file: &str, root: Option<&str>, split: Option<Split>) -> Part {
        Part { file: file.into(), root: root.map(str::to_owned), split, name: None }
    }

    #[test]
    fn ids_of_two_files_stay_apart_and_columns_meet() {
        let parts = [part("a/train.csv", Some("t/"), None), part("val.csv", None, Some(Split::Test))];
        let read = |part: &Part| {
            let text = match part.name() {
                "train" => "id,path,x,y\n1,1.png,a,b\n",
                _ => "id,path,y,split\n1,1.png,c,\n2,2.png,d,train\n",
            };
            manifest::scan(text.as_bytes(), &part.file, manifest::Wanted::default())
        };
        let table = scan(&parts, &read).unwrap();
        assert_eq!(
            (&table.columns[..], table.separator),
            (&["x".to_owned(), "y".to_owned()][..], Separator::Mark('|'))
        );
        let rows: Vec<_> = table
            .records
            .iter()
            .map(|r| (&r.id[..], r.path.as_deref().unwrap(), &r.cells[0][..], &r.cells[1][..], r.split))
            .collect();
        assert_eq!(
            rows,
            [
                ("train/1", "t/1.png", "a", "b", None),
                ("val/1", "1.png", "", "c", Some(Split::Test)),
                ("val/2", "2.png", "", "d", Some(Split::Train)),
            ]
        );
        let place = table.place(&table.records[2]);
        assert_eq!((place.file.as_str(), place.row), ("val.csv", Some(3)));
    }
}
