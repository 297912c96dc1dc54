//! NumPy's format for one array.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::fault::VectorFault;
use super::numbers::Floats;
use super::rows::Rows;
use crate::{Error, Result};

/// How an array's file begins.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";
/// The name of an array in a file of its own.
const ARRAY: &str = "";

/// What stands before an array's data.
///
/// **Source.** NumPy's `numpy.lib.format`, versions 1 to 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes up to the data.
    pub(crate) len: u64,
    /// The type, such as `<f4`.
    pub(crate) kind: String,
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
}

impl Header {
    /// Reads from the beginning of an array's file to its data.
    pub(crate) fn read(reader: &mut dyn Read) -> std::result::Result<Self, VectorFault> {
        let fault = |what: &str| VectorFault::Header { what: what.to_owned() };
        let short = |_| fault("the file ends in it");
        let mut start = [0; 8];
        reader.read_exact(&mut start).map_err(short)?;
        if !start.starts_with(MAGIC) {
            return Err(fault("it does not begin as NumPy's does"));
        }
        let mut length = [0; 4];
        let wide = start[6] > 1;
        reader.read_exact(&mut length[..if wide { 4 } else { 2 }]).map_err(short)?;
        let length = u32::from_le_bytes(length);
        let mut text = Vec::new();
        let read = reader.take(u64::from(length)).read_to_end(&mut text).map_err(short)?;
        if read as u64 != u64::from(length) {
            return Err(fault("the file ends in it"));
        }
        let text = String::from_utf8(text).map_err(|_| fault("it is no text"))?;
        let len = u64::from(length) + if wide { 12 } else { 10 };
        Self::parse(&text, len).ok_or_else(|| fault(text.trim()))
    }

    fn parse(text: &str, len: u64) -> Option<Self> {
        let after = |key: &str| Some(text.split_once(key)?.1.trim_start());
        let kind = after("'descr':")?;
        // A type of several named columns is a list; it is kept as it stands, for the message.
        let kind = match kind.strip_prefix('\'') {
            Some(plain) => plain.split_once('\'')?.0.to_owned(),
            None => kind.split_once("],").map_or(kind, |(list, _)| list).to_owned(),
        };
        let sizes = after("'shape':")?.strip_prefix('(')?.split_once(')')?.0;
        let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
        let shape = sizes.map(|size| size.parse().ok()).collect::<Option<_>>()?;
        Some(Self { len, kind, fortran: after("'fortran_order':")?.starts_with("True"), shape })
    }

    /// The type of its floats, and whether their bytes are swapped.
    pub(crate) fn floats(&self, array: &str) -> std::result::Result<(Floats, bool), VectorFault> {
        let floats = match self.kind.get(1..) {
            Some("f2") => Floats::F16,
            Some("f4") => Floats::F32,
            Some("f8") => Floats::F64,
            _ if self.kind.contains('O') => return Err(VectorFault::objects(array)),
            _ => return Err(VectorFault::kind(array, &self.kind)),
        };
        if self.fortran {
            let wrong = "is in Fortran order".to_owned();
            return Err(VectorFault::Array { array: array.to_owned(), wrong, save: "numpy.ascontiguousarray(x)" });
        }
        Ok((floats, self.kind.starts_with('>')))
    }

    /// The texts of an array of ids.
    pub(crate) fn texts(&self, array: &str, data: &[u8]) -> std::result::Result<Vec<String>, VectorFault> {
        let wrong = || VectorFault::Array {
            array: array.to_owned(),
            wrong: format!("is of type {} and shape {:?}, which are no ids", self.kind, self.shape),
            save: "one text per vector, ids.astype(str)",
        };
        if self.kind.contains('O') {
            return Err(VectorFault::objects(array));
        }
        let &[n] = &self.shape[..] else { return Err(wrong()) };
        let code = self.kind.get(1..2).ok_or_else(wrong)?;
        let length: usize = self.kind.get(2..).and_then(|length| length.parse().ok()).ok_or_else(wrong)?;
        let size = if code == "U" { length.checked_mul(4).ok_or_else(wrong)? } else { length };
        let expected = n.checked_mul(size).ok_or_else(wrong)?;
        if expected != data.len() {
            let (expected, got) = (expected as u64, data.len() as u64);
            return Err(VectorFault::Length { array: array.to_owned(), expected, got });
        }
        if size == 0 {
            return Ok(vec![String::new(); n]);
        }
        let big = self.kind.starts_with('>');
        let text = |cell: &[u8]| match code {
            "U" => unicode(cell, big),
            "S" => std::str::from_utf8(cell).ok().map(|text| text.trim_end_matches('\0').to_owned()),
            "i" | "u" => whole(cell, big, code == "i").map(|number| number.to_string()),
            _ => None,
        };
        data.chunks_exact(size).map(|cell| text(cell).ok_or_else(wrong)).collect()
    }
}

/// Four bytes a letter, filled up with zeros.
fn unicode(cell: &[u8], big: bool) -> Option<String> {
    let code = |b: &[u8; 4]| if big { u32::from_be_bytes(*b) } else { u32::from_le_bytes(*b) };
    let letters = cell.as_chunks().0.iter().map(code).map(char::from_u32).collect::<Option<String>>()?;
    Some(letters.trim_end_matches('\0').to_owned())
}

fn whole(cell: &[u8], big: bool, signed: bool) -> Option<i128> {
    let order = |at: usize| if big { cell[cell.len() - 1 - at] } else { cell[at] };
    let value = (0..cell.len()).fold(0_i128, |sum, at| sum | i128::from(order(at)) << (8 * at.min(15)));
    let bits = 8 * cell.len() as u32;
    let negative = signed && value >> (bits.min(127) - 1) & 1 == 1;
    (cell.len() <= 8).then(|| if negative { value - (1_i128 << bits) } else { value })
}

/// Opens an array in a file of its own.
pub(crate) fn open(path: &Path, mut file: File) -> Result<Rows> {
    file.seek(SeekFrom::Start(0)).map_err(Error::io(path))?;
    let header = Header::read(&mut file).map_err(|fault| fault.of(path))?;
    let all = file.metadata().map_err(Error::io(path))?.len();
    let floats = header.floats(ARRAY).map_err(|fault| fault.of(path))?;
    Rows::new((file, path), ARRAY, (header.len, all.saturating_sub(header.len)), floats, &header.shape)
}
