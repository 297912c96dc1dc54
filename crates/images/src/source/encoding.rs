//! Texts as programs write them: with a byte-order mark, in UTF-16, with numbers that JSON does not have.

use std::io::{self, Cursor, Read};

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The text without its byte-order mark; UTF-16 that has one becomes UTF-8.
///
/// **Errors.** What reading says; UTF-16 that is cut short or damaged.
pub(super) fn utf8<'a>(mut reader: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut start = Vec::with_capacity(UTF8_MARK.len());
    reader.by_ref().take(UTF8_MARK.len() as u64).read_to_end(&mut start)?;
    let mut wide = |unit: fn([u8; 2]) -> u16| {
        let mut bytes = start[2..].to_vec();
        reader.read_to_end(&mut bytes)?;
        let (pairs, rest) = bytes.as_chunks::<2>();
        let text = String::from_utf16(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<_>>());
        match text {
            Ok(text) if rest.is_empty() => Ok(Box::new(Cursor::new(text.into_bytes())) as Box<dyn Read + 'a>),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it is damaged UTF-16: save it as UTF-8")),
        }
    };
    match start[..] {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ if start == UTF8_MARK => Ok(Box::new(reader)),
        _ => Ok(Box::new(Cursor::new(start).chain(reader))),
    }
}

/// JSON in which `NaN`, `Infinity` and `-Infinity`, which Python writes and JSON does not have, become `null`.
pub(super) struct WithoutNan<R> {
    inner: R,
    buffer: Vec<u8>,
    out: Vec<u8>,
    given: usize,
    place: Place,
    /// What may be the beginning of such a number.
    held: Vec<u8>,
}

/// Where in JSON the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Text,
    Escape,
}

const NUMBERS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];

impl<R: Read> WithoutNan<R> {
    pub(super) fn new(inner: R) -> Self {
        let (buffer, out, held) = (vec![0; 1 << 16], Vec::new(), Vec::new());
        Self { inner, buffer, out, given: 0, place: Place::Outside, held }
    }

    fn take(&mut self, byte: u8) {
        if self.place == Place::Outside {
            self.held.push(byte);
            if NUMBERS.contains(&&self.held[..]) {
                self.held.clear();
                self.out.extend_from_slice(b"null");
                return;
            }
            if NUMBERS.iter().any(|number| number.starts_with(&self.held)) {
                return;
            }
            self.held.pop();
            self.out.append(&mut self.held);
        }
        self.place = match (self.place, byte) {
            (Place::Outside, b'"') => Place::Text,
            (Place::Text, b'\\') => Place::Escape,
            (Place::Text, b'"') => Place::Outside,
            (Place::Escape, _) => Place::Text,
            (place, _) => place,
        };
        self.out.push(byte);
    }
}

impl<R: Read> Read for WithoutNan<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.out.len() {
            self.out.clear();
            self.given = 0;
            let mut buffer = std::mem::take(&mut self.buffer);
            let got = self.inner.read(&mut buffer);
            if let Ok(got) = got {
                buffer[..got].iter().for_each(|&byte| self.take(byte));
            }
            self.buffer = buffer;
            if got? == 0 {
                self.out.append(&mut self.held);
                if self.out.is_empty() {
                    return Ok(0);
                }
            }
        }
        let count = out.len().min(self.out.len() - self.given);
        out[..count].copy_from_slice(&self.out[self.given..][..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(reader: impl Read) -> io::Result<String> {
        let mut text = String::new();
        utf8(reader)?.read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn marks_and_wide_text_are_understood() {
        assert_eq!(read(&b"\xef\xbb\xbfa"[..]).unwrap(), "a");
        assert_eq!(read(&b"\xff\xfea\0\xe9\0"[..]).unwrap(), "a\u{e9}");
        assert_eq!(read(&b"\xfe\xff\0a\0\xe9"[..]).unwrap(), "a\u{e9}");
        assert_eq!((read(&b"a"[..]).unwrap(), read(&b""[..]).unwrap()), ("a".into(), String::new()));
        assert!(read(&b"\xff\xfea"[..]).unwrap_err().to_string().contains("UTF-16"));
    }

    #[test]
    fn numbers_that_json_does_not_have_become_null() {
        let text = r#"{"a": NaN, "NaN\"NaN": [-Infinity, Infinity, -1, "Infinity"], "b": -2.5, "c": null}"#;
        let expected = r#"{"a": null, "NaN\"NaN": [null, null, -1, "Infinity"], "b": -2.5, "c": null}"#;
        // Whatever the pieces in which it is read.
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let count = self.1.min(self.0.len()).min(out.len());
                out[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        for piece in [1, 2, 3, 1000] {
            let mut got = String::new();
            WithoutNan::new(Pieces(text.as_bytes(), piece)).read_to_string(&mut got).unwrap();
            assert_eq!(got, expected);
        }
        let mut got = String::new();
        WithoutNan::new(&b"[-Inf"[..]).read_to_string(&mut got).unwrap();
        assert_eq!(got, "[-Inf");
    }
}
