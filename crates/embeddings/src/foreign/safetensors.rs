//! One tensor of a safetensors file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::choose;
use super::fault::VectorFault;
use super::numbers::Floats;
use super::rows::Rows;
use crate::{Error, Result};

/// A longer header is none: the format's own bound.
const MAX_HEADER: u64 = 100_000_000;

/// What the header says of a tensor.
#[derive(Debug, Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

/// Opens the tensor that holds the vectors; the rest of the file is not read.
///
/// **Source.** The format's description: eight bytes with the header's length, the header in JSON, the data.
pub(crate) fn open(path: &Path, mut file: File) -> Result<Rows> {
    let all = file.metadata().map_err(Error::io(path))?.len();
    let (header, start) = header(path, &mut file, all)?;
    let tensors = tensors(header).map_err(|fault| fault.of(path))?;
    let sizes = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shape.len()));
    let name = choose(sizes).map_err(|fault| fault.of(path))?;
    let Tensor { dtype, shape, data_offsets: [from, to] } = &tensors[name];
    let floats = match dtype.as_str() {
        "F16" => Floats::F16,
        "BF16" => Floats::Bf16,
        "F32" => Floats::F32,
        "F64" => Floats::F64,
        _ => return Err(VectorFault::kind(name, dtype).of(path)),
    };
    let there = all.saturating_sub(start).min(*to).saturating_sub(*from);
    Rows::new((file, path), name, (start.saturating_add(*from), there), (floats, false), shape)
}

/// The header's bytes and where the data begin.
fn header(path: &Path, file: &mut File, all: u64) -> Result<(Vec<u8>, u64)> {
    let mut length = [0; 8];
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_exact(&mut length));
    read.map_err(Error::io(path))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER || length + 8 > all {
        return Err(VectorFault::Unknown.of(path));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(Error::io(path))?;
    Ok((header, length + 8))
}

fn tensors(header: Vec<u8>) -> std::result::Result<BTreeMap<String, Tensor>, VectorFault> {
    let fault = |error: serde_json::Error| VectorFault::Header { what: error.to_string() };
    let mut named: BTreeMap<String, Value> = serde_json::from_slice(&header).map_err(fault)?;
    named.remove("__metadata__");
    named.into_iter().map(|(name, value)| Ok((name, serde_json::from_value(value).map_err(fault)?))).collect()
}
