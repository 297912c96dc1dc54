//! List files as DeepFashion and CelebA have them: text, a row per image, cells separated by runs of blanks.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::error::{Error, Place, Result};

/// One row of a list file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// The file.
    pub(super) file: &'a str,
    /// Its line, counted from 1.
    pub(super) line: u64,
    /// The row without outer blanks.
    pub(super) text: &'a str,
}

impl<'a> Row<'a> {
    /// Where the row stands.
    pub(super) fn place(&self) -> Place {
        Place { file: self.file.to_owned(), row: Some(self.line) }
    }

    /// The error that something is wrong with the row.
    pub(super) fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::Manifest { place: self.place(), reason: reason.into() }
    }

    /// The first cell and the others.
    pub(super) fn first(&self) -> (&'a str, &'a str) {
        self.text.split_once([' ', '\t']).map_or((self.text, ""), |(first, rest)| (first, rest.trim_start()))
    }

    /// What comes before the last cell, which may hold blanks, and the last cell.
    pub(super) fn last(&self) -> Result<(&'a str, &'a str)> {
        let parts = self.text.rsplit_once([' ', '\t']).map(|(name, last)| (name.trim_end(), last));
        parts.ok_or_else(|| self.wrong("it has one cell where a name and a number belong"))
    }
}

/// Calls `visit` for every row that is not blank; the file is read line by line.
pub(super) fn rows(reader: impl Read, file: &str, visit: &mut dyn FnMut(Row<'_>) -> Result<()>) -> Result<()> {
    let mut reader = BufReader::new(reader);
    let mut buffer = String::new();
    for line in 1.. {
        buffer.clear();
        let read = reader.read_line(&mut buffer).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => Error::Manifest {
                place: Place { file: file.to_owned(), row: Some(line) },
                reason: "it is not UTF-8: save the list as UTF-8".into(),
            },
            _ => Error::io(file)(error),
        })?;
        if read == 0 {
            break;
        }
        let text = buffer.trim_start_matches('\u{feff}').trim();
        if !text.is_empty() {
            visit(Row { file, line, text })?;
        }
    }
    Ok(())
}

/// What follows the number of rows in a list that starts with it.
pub(super) enum Part<'a> {
    /// The names of the columns.
    Head(Row<'a>),
    /// A row.
    Row(Row<'a>),
}

/// As [`counted_parts`], without the names of the columns.
pub(super) fn counted(reader: impl Read, file: &str, visit: &mut dyn FnMut(Row<'_>) -> Result<()>) -> Result<()> {
    counted_parts(reader, file, &mut |part| match part {
        Part::Head(_) => Ok(()),
        Part::Row(row) => visit(row),
    })
}

/// As [`rows`], for a list whose first row is the number of rows and whose second the names of the columns.
pub(super) fn counted_parts(
    reader: impl Read,
    file: &str,
    visit: &mut dyn FnMut(Part<'_>) -> Result<()>,
) -> Result<()> {
    let (mut promised, mut headed, mut found) = (None, false, 0_u64);
    rows(reader, file, &mut |row| {
        if promised.is_none() {
            let count = row.text.parse::<u64>();
            promised = Some(count.map_err(|_| row.wrong("its first row must be the number of rows"))?);
            return Ok(());
        }
        if !headed {
            headed = true;
            return visit(Part::Head(row));
        }
        found += 1;
        visit(Part::Row(row))
    })?;
    match promised {
        Some(promised) if promised == found && headed => Ok(()),
        _ => Err(Error::Manifest {
            place: Place { file: file.to_owned(), row: None },
            reason: format!(
                "its first row promises {} rows, {found} follow: it is cut short or edited",
                promised.unwrap_or_default()
            ),
        }),
    }
}

/// Which of `names` lies in the folder of the lists or in one of its `subfolders`; named from the description's folder.
pub(super) fn find((dir, annotations): (&Path, &str), subfolders: &[&str], names: &[&str]) -> Option<String> {
    let mut candidates = subfolders.iter().flat_map(|sub| names.iter().map(move |name| (sub, name)));
    candidates.find_map(|(sub, name)| {
        let below = Path::new(annotations).join(sub).join(name);
        dir.join(&below).is_file().then(|| super::paths::slashed(&below))
    })
}

/// The error that a list file is not where it should be.
pub(super) fn missing((dir, annotations): (&Path, &str), name: &str) -> Error {
    Error::Missing { path: dir.join(annotations).join(name).display().to_string(), key: "images.annotations" }
}

/// Opens a list that [`find`] named.
pub(super) fn open(dir: &Path, name: &str) -> Result<File> {
    let path = dir.join(name);
    File::open(&path).map_err(Error::io(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn cells_are_split_from_either_end() {
        let row = Row { file: "f", line: 3, text: "off the shoulder   4" };
        assert_eq!(row.last().unwrap(), ("off the shoulder", "4"));
        assert_eq!(Row { text: "a.jpg\t 1  -1", ..row }.first(), ("a.jpg", "1  -1"));
        assert!(Row { text: "alone", ..row }.last().unwrap_err().to_string().contains("f, row 3"));
    }

    #[test]
    fn promised_rows_are_counted() {
        let read = |text: &str| {
            let (mut head, mut seen) = (String::new(), Vec::new());
            counted_parts(text.as_bytes(), "list.txt", &mut |part| {
                match part {
                    Part::Head(row) => head = row.text.to_owned(),
                    Part::Row(row) => seen.push((row.line, row.text.to_owned())),
                }
                Ok(())
            })?;
            Ok::<_, Error>((head, seen))
        };
        let (head, seen) = read("2\r\nname  type\r\na 1\r\n\r\n b 2 \r\n").unwrap();
        assert_eq!((&head[..], seen), ("name  type", vec![(3, "a 1".to_owned()), (5, "b 2".to_owned())]));
        for (text, expected) in [
            ("3\nn\na\nb\n", "promises 3 rows, 2 follow"),
            ("name\na\n", "list.txt, row 1 cannot be read: its first row must be the number of rows"),
            ("", "promises 0 rows, 0 follow"),
        ] {
            let got = read(text).unwrap_err().to_string();
            assert!(got.contains(expected), "{got}");
        }
        let got = rows(&b"a\n\xff\n"[..], "f", &mut |_| Ok(())).unwrap_err().to_string();
        assert!(got.contains("f, row 2") && got.contains("UTF-8"), "{got}");
    }
}
