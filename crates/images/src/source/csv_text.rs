//! Rows of CSV files, with the line that each stands on.

use std::io::Read;

use super::encoding;
use crate::error::{Error, Place, Result};

/// The whole text as UTF-8, without a byte-order mark.
pub(super) fn read(reader: impl Read, file: &str) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    encoding::utf8(reader).and_then(|mut reader| reader.read_to_end(&mut text)).map_err(Error::io(file))?;
    Ok(text)
}

/// Calls `visit` with the line and the cells of the first `most` rows, the header included; all have as many cells as the
/// first.
pub(super) fn rows(
    text: &[u8],
    file: &str,
    delimiter: u8,
    most: usize,
    visit: &mut dyn FnMut(u64, &csv::StringRecord) -> Result<()>,
) -> Result<()> {
    let mut csv =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).trim(csv::Trim::All).from_reader(text);
    for cells in csv.records().take(most) {
        let cells = cells.map_err(|error| malformed(text, file, &error))?;
        visit(cells.position().map_or(0, |position| line(text, position)), &cells)?;
    }
    Ok(())
}

/// The line on which a row starts: the reader's position lies before the rest of a Windows line end and blank lines.
fn line(text: &[u8], position: &csv::Position) -> u64 {
    let rest = text.get(position.byte() as usize..).unwrap_or_default();
    let passed = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    position.line() + passed as u64
}

fn malformed(text: &[u8], file: &str, error: &csv::Error) -> Error {
    let row = error.position().map(|position| line(text, position));
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} cells where the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8: save the table as UTF-8".into(),
        _ => error.to_string(),
    };
    Error::Manifest { place: Place { file: file.into(), row }, reason }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines_count_whatever_ends_them() {
        for (text, expected) in [
            ("a,b\nc,d\ne,f", [1, 2, 3]),
            ("a,b\r\nc,d\r\ne,f\r\n", [1, 2, 3]),
            ("a,b\r\n\r\nc,d\r\n\r\n\r\ne,f", [1, 3, 6]),
            ("a,\"b\nb\"\n\nc,d\ne,f", [1, 4, 5]),
        ] {
            let mut lines = Vec::new();
            let mut visit = |line: u64, _: &csv::StringRecord| {
                lines.push(line);
                Ok(())
            };
            rows(text.as_bytes(), "f", b',', usize::MAX, &mut visit).unwrap();
            assert_eq!(lines, expected, "{text:?}");
        }
        let got = rows(b"a,b\r\nc,d\r\ne\r\n", "f", b',', usize::MAX, &mut |_, _| Ok(())).unwrap_err().to_string();
        assert_eq!(got, "f, row 3 cannot be read: it has 1 cells where the header has 2");
    }
}
