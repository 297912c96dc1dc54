//! The zip archive that `torch.save` writes: entries as they are, none compressed.
//!
//! The crate `zip` reads the table of contents. An entry's content is a slice of the file's bytes: its `Read` would copy it.

use std::collections::BTreeMap;
use std::io::Cursor;

use zip::{CompressionMethod, ZipArchive};

use super::fault::CheckpointFault;

/// How the record at the archive's end begins.
const END: &[u8] = b"PK\x05\x06";
/// Length of that record, which a comment of up to 65,535 bytes may follow.
const END_LEN: usize = 22;

/// An archive in memory.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Where the content begins; `None` where the table points to no entry.
    start: Option<u64>,
    len: u64,
    crc: u32,
    stored: bool,
}

impl<'a> Archive<'a> {
    /// Reads the table of contents.
    ///
    /// **Errors** a file that is cut short or whose table is damaged.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, CheckpointFault> {
        if !has_end(bytes) {
            return Err(cut(bytes));
        }
        let damaged = |_| CheckpointFault::Zip { entry: "table of contents".to_owned(), problem: "contradicts itself" };
        let mut table = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        let mut entries = BTreeMap::new();
        for place in 0..table.len() {
            // An entry that no tensor needs may be damaged: this is told when it is read.
            let start = table.by_index_raw(place).ok().and_then(|entry| entry.data_start());
            let listed = table.by_index_data(place).map_err(damaged)?;
            let whole = listed.compression() == CompressionMethod::Stored && listed.compressed_size() == listed.size();
            let stored = whole && !listed.encrypted();
            let name = String::from_utf8_lossy(listed.name_raw()).into_owned();
            entries.insert(name, Entry { start, len: listed.size(), crc: listed.crc32(), stored });
        }
        Ok(Archive { bytes, entries })
    }

    /// The first name that ends like this, by the order of names.
    pub(super) fn find(&self, end: &str) -> Option<&str> {
        self.entries.keys().map(String::as_str).find(|name| *name == end || name.ends_with(&format!("/{end}")))
    }

    /// An entry's content, checked against its checksum; `None` where there is no such entry.
    pub(super) fn read(&self, name: &str) -> Result<Option<&'a [u8]>, CheckpointFault> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        let fault = |problem| CheckpointFault::Zip { entry: name.to_owned(), problem };
        if !entry.stored {
            return Err(fault("is compressed or encrypted, which torch never does"));
        }
        let start = entry.start.ok_or_else(|| fault("has no header where the table points"))?;
        let content = slice(self.bytes, start, entry.len).ok_or_else(|| cut(self.bytes))?;
        let mut crc = flate2::Crc::new();
        crc.update(content);
        if crc.sum() != entry.crc {
            return Err(fault("does not match its checksum"));
        }
        Ok(Some(content))
    }
}

fn cut(bytes: &[u8]) -> CheckpointFault {
    CheckpointFault::Truncated { at: bytes.len(), what: "the zip archive" }
}

/// Whether the record of an archive's end is there; a file that was cut short lacks it.
fn has_end(bytes: &[u8]) -> bool {
    let Some(last) = bytes.len().checked_sub(END_LEN) else { return false };
    (last.saturating_sub(usize::from(u16::MAX))..=last).rev().any(|at| bytes[at..].starts_with(END))
}

fn slice(bytes: &[u8], start: u64, len: u64) -> Option<&[u8]> {
    let end = usize::try_from(start.checked_add(len)?).ok()?;
    bytes.get(usize::try_from(start).ok()?..end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const END64: &[u8] = b"PK\x06\x06";
    const LOCATOR64: &[u8] = b"PK\x06\x07";
    const CENTRAL: &[u8] = b"PK\x01\x02";
    const LOCAL: &[u8] = b"PK\x03\x04";

    /// An archive with one entry; 64-bit numbers wherever the format allows them.
    fn archive(name: &str, content: &[u8], wide: bool) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let (crc, len) = (crc.sum().to_le_bytes(), content.len() as u32);
        let mut bytes = Vec::new();
        bytes.extend([LOCAL, &[0; 10], &crc].concat());
        bytes.extend([len.to_le_bytes(), len.to_le_bytes()].concat());
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend([3, 0]);
        bytes.extend([name.as_bytes(), b"pad", content].concat());
        let table = bytes.len() as u64;
        let extra: Vec<u8> = if wide {
            [&[1, 0, 24, 0][..], &u64::from(len).to_le_bytes(), &u64::from(len).to_le_bytes(), &[0; 8]].concat()
        } else {
            Vec::new()
        };
        let short = |value: u32| if wide { u32::MAX } else { value }.to_le_bytes();
        bytes.extend([CENTRAL, &[0; 12], &crc].concat());
        bytes.extend([short(len), short(len)].concat());
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend((extra.len() as u16).to_le_bytes());
        bytes.extend([0; 10]);
        bytes.extend(short(0));
        bytes.extend([name.as_bytes(), &extra].concat());
        let table_len = bytes.len() as u64 - table;
        if wide {
            let record = bytes.len() as u64;
            bytes.extend([END64, &44u64.to_le_bytes(), &[0; 12]].concat());
            bytes.extend([1, 1, table_len, table].map(u64::to_le_bytes).concat());
            bytes.extend([LOCATOR64, &[0; 4], &record.to_le_bytes(), &[0; 4]].concat());
        }
        bytes.extend([END, &[0; 4]].concat());
        bytes.extend(if wide { [0xff; 4] } else { [1, 0, 1, 0] });
        bytes.extend(short(table_len as u32));
        bytes.extend(short(table as u32));
        bytes.extend([0; 2]);
        bytes
    }

    #[test]
    fn both_forms_of_the_table_are_read() {
        for wide in [false, true] {
            let bytes = archive("run/data.pkl", b"content", wide);
            let archive = Archive::open(&bytes).unwrap();
            assert_eq!(archive.find("data.pkl"), Some("run/data.pkl"));
            assert_eq!(archive.find("ata.pkl"), None);
            assert_eq!(archive.read("run/data.pkl").unwrap(), Some(&b"content"[..]));
            assert_eq!(archive.read("version").unwrap(), None);
        }
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_an_error_or_harmless() {
        for wide in [false, true] {
            let whole = archive("run/data.pkl", b"content", wide);
            let read = |bytes: &[u8]| Archive::open(bytes)?.read("run/data.pkl").map(|c| c.map(<[u8]>::to_vec));
            for cut in 0..whole.len() {
                assert!(matches!(read(&whole[..cut]), Err(CheckpointFault::Truncated { .. })), "{cut}");
            }
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 0xff;
                // Never a panic and never other content.
                assert!(read(&bytes).ok().flatten().is_none_or(|content| content == b"content"), "{at}");
            }
        }
    }
}
