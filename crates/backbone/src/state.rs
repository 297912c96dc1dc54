//! Named tensors on disk: deterministic safetensors bytes, written whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};

use crate::error::{Error, Result};
use crate::mismatch::TensorMismatch;

/// Values and shape of a tensor on the host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// Tensors by name, sorted.
pub(crate) type Arrays = BTreeMap<String, Array>;

/// A safetensors file in memory.
///
/// The format's writer sorts by name; one metadata entry at most keeps the header free of hash-map order.
pub(crate) fn encode(arrays: &Arrays, meta: Option<(&str, String)>) -> Result<Vec<u8>, SafeTensorError> {
    let bytes = |array: &Array| array.values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let data: Vec<_> = arrays.iter().map(|(name, array)| (name, &array.shape, bytes(array))).collect();
    let views = data.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes)?;
        Ok((name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, SafeTensorError>>()?;
    safetensors::serialize(views, meta.map(|(key, value)| HashMap::from([(key.to_owned(), value)])))
}

/// Reads what [`encode`] wrote, and any other safetensors file of 32-bit floats.
///
/// torch's `num_batches_tracked` counters are skipped: nothing here uses them.
pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<Arrays> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| content(path, error))?;
    let mut arrays = Arrays::new();
    for (name, view) in tensors.iter().filter(|(name, _)| !name.ends_with("num_batches_tracked")) {
        let unusable = |found: String| content(path, TensorMismatch::Values { name: name.to_owned(), found });
        if view.dtype() != Dtype::F32 {
            return Err(unusable(format!("numbers of type {:?}", view.dtype())));
        }
        let values: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        if !values.iter().all(|v| v.is_finite()) {
            return Err(unusable("NaN or infinite values".to_owned()));
        }
        arrays.insert(name.to_owned(), Array { shape: view.shape().to_vec(), values });
    }
    Ok(arrays)
}

/// Writes under a temporary name, syncs, renames: a reader sees the old file or the new one, never a part.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)?;
        match path.parent() {
            Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    };
    write().map_err(|source| Error::Io { action: "write", path: path.to_owned(), source })
}

/// A network's own file that cannot be understood, or does not fit.
pub(crate) fn content(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Content { path: path.to_owned(), source: Box::new(source) }
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::error::causes;

    fn arrays() -> Arrays {
        let array = |shape: &[usize], start: f32| Array {
            shape: shape.to_vec(),
            values: (0..shape.iter().product()).map(|i| start + i as f32).collect(),
        };
        Arrays::from([
            ("b".into(), array(&[2, 3], 0.5)),
            ("a".into(), array(&[4], -1.0)),
            ("s".into(), array(&[], 7.0)),
        ])
    }

    #[test]
    fn bytes_are_stable_and_round_trip() {
        let bytes = encode(&arrays(), Some(("meta", "{}".into()))).unwrap();
        assert_eq!(bytes, encode(&arrays(), Some(("meta", "{}".into()))).unwrap());
        assert_eq!(decode(Path::new("x"), &bytes).unwrap(), arrays());
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = encode(&arrays(), None).unwrap();
        for cut in [0, 7, 20, bytes.len() - 1] {
            let error = decode(Path::new("weights.st"), &bytes[..cut]).unwrap_err();
            assert!(error.to_string().contains("weights.st"), "{error}");
        }
        let mut nan = arrays();
        nan.get_mut("a").unwrap().values[1] = f32::NAN;
        let error = decode(Path::new("x"), &encode(&nan, None).unwrap()).unwrap_err();
        assert!(causes(&error).contains("`a` holds NaN"), "{error}");
    }
}
