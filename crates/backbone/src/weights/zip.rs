//! The zip archive that `torch.save` writes: entries as they are, none compressed.

use std::collections::BTreeMap;

use super::fault::CheckpointFault;

const END: &[u8] = b"PK\x05\x06";
const END64: &[u8] = b"PK\x06\x06";
const LOCATOR64: &[u8] = b"PK\x06\x07";
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
/// Length of the record at the archive's end, which a comment of up to 65,535 bytes may follow.
const END_LEN: usize = 22;

/// An archive in memory.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    offset: usize,
    size: usize,
    crc: u32,
    stored: bool,
}

impl<'a> Archive<'a> {
    /// Reads the table of contents.
    ///
    /// **Errors** a file that is cut short or whose table is damaged.
    ///
    /// **Source** PKWARE's APPNOTE 4.3: the table stands at the end, in a 32-bit and a 64-bit form.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, CheckpointFault> {
        let (count, start) = directory(bytes)?;
        let mut entries = BTreeMap::new();
        let mut at = start;
        for _ in 0..count {
            let (name, entry, next) = central(bytes, at)?;
            entries.insert(name, entry);
            at = next;
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
        let header = slice(self.bytes, entry.offset, 30)?;
        if !header.starts_with(LOCAL) {
            return Err(fault("has no header where the table points"));
        }
        let start = entry.offset + 30 + usize::from(u16_at(header, 26)) + usize::from(u16_at(header, 28));
        let content = slice(self.bytes, start, entry.size)?;
        let mut crc = flate2::Crc::new();
        crc.update(content);
        if crc.sum() != entry.crc {
            return Err(fault("does not match its checksum"));
        }
        Ok(Some(content))
    }
}

/// Number of entries and where their table starts.
fn directory(bytes: &[u8]) -> Result<(u64, usize), CheckpointFault> {
    let cut = || CheckpointFault::Truncated { at: bytes.len(), what: "the zip archive" };
    let last = bytes.len().checked_sub(END_LEN).ok_or_else(cut)?;
    let earliest = last.saturating_sub(usize::from(u16::MAX));
    let end = (earliest..=last).rev().find(|&at| bytes[at..].starts_with(END)).ok_or_else(cut)?;
    let (count, start) = (u16_at(bytes, end + 10), u32_at(bytes, end + 16));
    if count != u16::MAX && start != u32::MAX {
        return Ok((u64::from(count), start as usize));
    }
    let damaged = || CheckpointFault::Zip { entry: "table of contents".to_owned(), problem: "has no 64-bit part" };
    let locator = slice(bytes, end.checked_sub(20).ok_or_else(damaged)?, 20)?;
    if !locator.starts_with(LOCATOR64) {
        return Err(damaged());
    }
    let record = slice(bytes, size(u64_at(locator, 8)), 56)?;
    if !record.starts_with(END64) {
        return Err(damaged());
    }
    Ok((u64_at(record, 32), size(u64_at(record, 48))))
}

/// One line of the table and the position of the next.
fn central(bytes: &[u8], at: usize) -> Result<(String, Entry, usize), CheckpointFault> {
    let fault = |problem| CheckpointFault::Zip { entry: "table of contents".to_owned(), problem };
    let line = slice(bytes, at, 46)?;
    if !line.starts_with(CENTRAL) {
        return Err(fault("has a line that is none"));
    }
    let (name_len, extra_len) = (usize::from(u16_at(line, 28)), usize::from(u16_at(line, 30)));
    let name = String::from_utf8_lossy(slice(bytes, at + 46, name_len)?).into_owned();
    let extra = slice(bytes, at + 46 + name_len, extra_len)?;
    let (packed, unpacked, offset) = (u32_at(line, 20), u32_at(line, 24), u32_at(line, 42));
    let mut wide = wide_numbers(extra);
    let mut number = |short: u32| match short {
        u32::MAX => wide.next().ok_or_else(|| fault("lacks a 64-bit number")).map(size),
        _ => Ok(short as usize),
    };
    // The order of the 64-bit numbers is fixed: unpacked size, packed size, offset.
    let (unpacked, packed, offset) = (number(unpacked)?, number(packed)?, number(offset)?);
    let encrypted = u16_at(line, 8) & 1 == 1;
    let stored = u16_at(line, 10) == 0 && !encrypted && packed == unpacked;
    let next = at + 46 + name_len + extra_len + usize::from(u16_at(line, 32));
    Ok((name, Entry { offset, size: unpacked, crc: u32_at(line, 16), stored }, next))
}

/// The numbers of the extra field 1, which stand for those that do not fit 32 bits.
fn wide_numbers(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut numbers: &[u8] = &[];
    while extra.len() >= 4 {
        let (id, len) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let field = &extra[4..extra.len().min(4 + len)];
        if id == 1 {
            numbers = field;
        }
        extra = &extra[4 + field.len()..];
    }
    numbers.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

fn slice(bytes: &[u8], start: usize, len: usize) -> Result<&[u8], CheckpointFault> {
    let end = start.checked_add(len);
    end.and_then(|end| bytes.get(start..end))
        .ok_or(CheckpointFault::Truncated { at: bytes.len(), what: "the zip archive" })
}

/// A position that no file has, where the machine's words are too short.
fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

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
        if wide {
            let record = bytes.len() as u64;
            bytes.extend([END64, &[0; 28]].concat());
            bytes.extend([1u64.to_le_bytes(), [0; 8], table.to_le_bytes()].concat());
            bytes.extend([LOCATOR64, &[0; 4], &record.to_le_bytes(), &[0; 4]].concat());
        }
        bytes.extend([END, &[0; 4]].concat());
        bytes.extend(if wide { [0xff; 4] } else { [1, 0, 1, 0] });
        bytes.extend([0; 4]);
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
