//! NumPy's archive of several arrays: a zip file with one `.npy` member each.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::choose;
use super::fault::VectorFault;
use super::npy::Header;
use super::rows::Rows;
use super::scratch::Scratch;
use crate::{Error, Result};

/// Names of the array of ids.
const IDS: [&str; 2] = ["ids", "id"];

/// One array of the archive.
struct Member {
    name: String,
    /// Where its bytes lie in the archive.
    start: u64,
    packed: u64,
    unpacked: u64,
    deflated: bool,
    header: Header,
}

/// What an archive holds.
pub(crate) struct Contents {
    /// Where there is an array of that name.
    pub(crate) ids: Option<Vec<String>>,
    /// Other arrays with one entry per vector that may be ids.
    pub(crate) texts: Vec<TextArray>,
    pub(crate) rows: Rows,
    pub(crate) scratch: Option<Scratch>,
}

/// An array with one entry per vector, beside the vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextArray {
    /// Its name.
    pub name: String,
    /// Its entries as text, or why it cannot be read.
    pub values: std::result::Result<Vec<String>, String>,
}

/// Opens an archive; vectors that are compressed are unpacked into `folder`.
pub(crate) fn open(path: &Path, file: File, folder: &Path) -> Result<Contents> {
    let members = members(path, &file)?;
    let ids = members.iter().find(|member| IDS.contains(&member.name.as_str()));
    let others = members.iter().map(|member| (member.name.as_str(), member.header.shape.len()));
    let wanted = choose(others).map_err(|fault| fault.of(path))?.to_owned();
    let ids = ids.map(|member| texts(path, &file, member)).transpose()?;
    // The name comes from the list itself.
    let vectors = members.iter().find(|member| member.name == wanted);
    let vectors = vectors.ok_or_else(|| VectorFault::Choice { names: Vec::new() }.of(path))?;
    let floats = vectors.header.floats(&wanted).map_err(|fault| fault.of(path))?;
    let bytes = vectors.unpacked.saturating_sub(vectors.header.len);
    let (rows, scratch) = if vectors.deflated {
        let (scratch, unpacked) = unpack(path, &file, vectors, folder)?;
        let rows = Rows::new((unpacked, path), &wanted, (vectors.header.len, bytes), floats, &vectors.header.shape)?;
        (rows, Some(scratch))
    } else {
        let start = vectors.start + vectors.header.len;
        (
            Rows::new(
                (file.try_clone().map_err(Error::io(path))?, path),
                &wanted,
                (start, bytes),
                floats,
                &vectors.header.shape,
            )?,
            None,
        )
    };
    if let Some(ids) = &ids
        && ids.len() != rows.shape[0]
    {
        return Err(VectorFault::IdCount { ids: ids.len(), rows: rows.shape[0] }.of(path));
    }
    let beside = |member: &&Member| member.header.shape == [rows.shape[0]] && !IDS.contains(&member.name.as_str());
    let may_name = |member: &&Member| matches!(member.header.kind.get(1..2), Some("U" | "S" | "i" | "u" | "O"));
    let texts = members.iter().filter(beside).filter(may_name);
    let texts = texts.map(|member| {
        let values = self::texts(path, &file, member).map_err(|error| match error {
            Error::Vectors { source, .. } => source.to_string().lines().next().unwrap_or_default().to_owned(),
            other => other.to_string(),
        });
        TextArray { name: member.name.clone(), values }
    });
    let texts = texts.collect();
    Ok(Contents { ids, texts, rows, scratch })
}

/// The archive's table of contents, with every array's header.
fn members(path: &Path, file: &File) -> Result<Vec<Member>> {
    let damaged = |what: String| VectorFault::Header { what }.of(path);
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(error.to_string()))?;
    let mut places = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| damaged(error.to_string()))?;
        let name = entry.name().map_err(|error| damaged(error.to_string()))?.into_owned();
        let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else { continue };
        let deflated = entry.compression() == CompressionMethod::DEFLATE;
        if entry.encrypted() || !(deflated || entry.compression() == CompressionMethod::Stored) {
            let method = if entry.encrypted() { "encrypted".to_owned() } else { entry.compression().to_string() };
            return Err(VectorFault::Array {
                array: name,
                wrong: format!("is packed as {method}"),
                save: "them with numpy.savez or numpy.savez_compressed",
            }
            .of(path));
        }
        let start = entry.data_start().ok_or_else(|| damaged(format!("`{name}` has no place in the file")))?;
        places.push((name, start, entry.compressed_size(), entry.size(), deflated));
    }
    drop(archive);
    let member = |(name, start, packed, unpacked, deflated)| {
        let mut data = data(file, (start, packed), deflated).map_err(Error::io(path))?;
        let header = Header::read(&mut data).map_err(|fault| fault.of(path))?;
        Ok(Member { name, start, packed, unpacked, deflated, header })
    };
    places.into_iter().map(member).collect()
}

/// A member's bytes, unpacked on the way.
fn data<'f>(mut file: &'f File, (start, packed): (u64, u64), deflated: bool) -> io::Result<Box<dyn Read + 'f>> {
    file.seek(SeekFrom::Start(start))?;
    let bytes = BufReader::new(file.take(packed));
    Ok(if deflated { Box::new(DeflateDecoder::new(bytes)) } else { Box::new(bytes) })
}

fn texts(path: &Path, file: &File, member: &Member) -> Result<Vec<String>> {
    let mut bytes = Vec::new();
    let mut data = data(file, (member.start, member.packed), member.deflated).map_err(Error::io(path))?;
    data.read_to_end(&mut bytes).map_err(Error::io(path))?;
    let content = bytes.get(member.header.len as usize..).unwrap_or_default();
    member.header.texts(&member.name, content).map_err(|fault| fault.of(path))
}

/// Unpacks a member, header included, and opens the result.
fn unpack(path: &Path, file: &File, member: &Member, folder: &Path) -> Result<(Scratch, File)> {
    let mut scratch = Scratch::create(folder)?;
    let data = data(file, (member.start, member.packed), true).map_err(Error::io(path))?;
    // One byte more than promised is enough to see that there is too much.
    let copied = scratch.copy(&mut data.take(member.unpacked.saturating_add(1)));
    let got = copied.map_err(Error::io(path))?;
    if got != member.unpacked {
        let fault = VectorFault::Length { array: member.name.clone(), expected: member.unpacked, got };
        return Err(fault.of(path));
    }
    let unpacked = scratch.finish()?;
    Ok((scratch, unpacked))
}
