//! State dicts in the two forms that `torch.save` has had: a zip archive, and before PyTorch 1.6 pickles in a row.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::dict::{StateDict, together};
use super::fault::CheckpointFault;
use super::keys::{WRAPPERS, ignored};
use super::numbers::Kind;
use super::pickle::{Id, Node, Pickle, View};
use super::zip::Archive;
use crate::state::{Array, Arrays};

/// The first value of a file from before PyTorch 1.6.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// Wrappers in wrappers that are followed.
const MAX_DEPTH: usize = 4;
/// Keys that an error shows.
const SHOWN_KEYS: usize = 8;
/// Values that views may have beyond the file's bytes: an expanded tensor has few stored values.
const SPARE_VALUES: usize = 1 << 24;

/// Storages by key.
type Storages<'a> = BTreeMap<String, &'a [u8]>;

/// Reads the zip form: `data.pkl` describes, `data/KEY` hold the numbers.
///
/// **Source** PyTorch's `torch/serialization.py`, `_save` and `_load`.
pub(super) fn read_zip(bytes: &[u8]) -> Result<StateDict, CheckpointFault> {
    let archive = Archive::open(bytes)?;
    let refused = || not_a_checkpoint("a zip archive without torch's `data.pkl`");
    let name = archive.find("data.pkl").ok_or_else(refused)?;
    let folder = name.strip_suffix("data.pkl").unwrap_or_default();
    if archive.read(&format!("{folder}byteorder"))?.is_some_and(|order| order == b"big") {
        return Err(big_endian());
    }
    let pickle = Pickle::read(archive.read(name)?.unwrap_or_default())?;
    let (wrapper, views) = find_views(&pickle)?;
    let mut storages = Storages::new();
    for view in views.values() {
        // Each once: a checksum over a shared storage for each of its tensors would take for ever.
        let key = &view.storage.key;
        if !storages.contains_key(key)
            && let Some(content) = archive.read(&format!("{folder}data/{key}"))?
        {
            storages.insert(key.clone(), content);
        }
    }
    Ok(StateDict { wrapper, arrays: arrays(&views, &storages, bytes.len())? })
}

fn not_a_checkpoint(found: &str) -> CheckpointFault {
    CheckpointFault::NotACheckpoint { found: found.to_owned() }
}

fn big_endian() -> CheckpointFault {
    CheckpointFault::NotPlainData { what: "was written on a big-endian machine".to_owned() }
}

/// Reads the form before PyTorch 1.6: magic number, protocol, machine, object, keys, and the storages one by one.
///
/// **Source** PyTorch's `torch/serialization.py`, `_legacy_save` and `_legacy_load`.
pub(super) fn read_legacy(bytes: &[u8]) -> Result<StateDict, CheckpointFault> {
    let mut at = 0;
    let mut next = || {
        let pickle = Pickle::read(&bytes[at..])?;
        at += pickle.len;
        Ok::<_, CheckpointFault>(pickle)
    };
    let magic = next()?;
    if !matches!(magic.node(magic.root), Node::Int(MAGIC)) {
        return Err(not_a_checkpoint("a pickle that `torch.save` did not write"));
    }
    next()?;
    let machine = next()?;
    let little = machine.entry(machine.root, "little_endian");
    if little.is_some_and(|little| matches!(machine.node(little), Node::Bool(false))) {
        return Err(big_endian());
    }
    let (object, keys) = (next()?, next()?);
    let storages = legacy_storages(&object, &keys, &bytes[at..], at)?;
    let (wrapper, views) = find_views(&object)?;
    Ok(StateDict { wrapper, arrays: arrays(&views, &storages, bytes.len())? })
}

/// The storages behind the pickles: for each key the number of values in 8 bytes, then the values.
fn legacy_storages<'a>(
    object: &Pickle,
    keys: &Pickle,
    mut rest: &'a [u8],
    start: usize,
) -> Result<Storages<'a>, CheckpointFault> {
    let malformed = |problem| CheckpointFault::Malformed { at: start, problem };
    let mut kinds = BTreeMap::<&str, Kind>::new();
    for node in &object.nodes {
        if let Node::Storage(storage) = node {
            kinds.insert(&storage.key, storage.kind);
        }
    }
    let Node::Sequence(list) = keys.node(keys.root) else { return Err(malformed("there is no list of storages")) };
    let cut = || CheckpointFault::Truncated { at: start, what: "the storages, which begin there" };
    let mut storages = Storages::new();
    for &key in list {
        let Node::Text(key) = keys.node(key) else { return Err(malformed("a storage's key is not a text")) };
        let kind = kinds.get(key.as_str()).ok_or_else(|| malformed("a storage belongs to no tensor"))?;
        let (count, values) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let count = usize::try_from(u64::from_le_bytes(*count)).ok();
        let len = count.and_then(|count| count.checked_mul(kind.size())).ok_or_else(cut)?;
        let (values, after) = values.split_at_checked(len).ok_or_else(cut)?;
        storages.insert(key.clone(), values);
        rest = after;
    }
    Ok(storages)
}

/// The tensors of the state dict, by name, and the key that it lay under.
fn find_views(pickle: &Pickle) -> Result<(Option<String>, BTreeMap<String, View>), CheckpointFault> {
    let (mut at, mut wrapper) = (pickle.root, None);
    for _ in 0..MAX_DEPTH {
        let inner = WRAPPERS.iter().find_map(|&key| Some((key, pickle.entry(at, key)?)));
        match inner.filter(|&(_, id)| matches!(pickle.node(id), Node::Dict(_))) {
            Some((key, id)) => (at, wrapper) = (id, Some(key.to_owned())),
            None => break,
        }
    }
    let tensor = |(name, id): (&str, Id)| match pickle.node(id) {
        Node::Tensor(view) if !ignored(name) => Some((name.to_owned(), view.clone())),
        _ => None,
    };
    let views: BTreeMap<_, _> = pickle.entries(at).filter_map(tensor).collect();
    if let Node::Foreign(name) = pickle.node(at) {
        let what = format!("holds an object of `{name}`, and not the tensors by name");
        return Err(CheckpointFault::NotPlainData { what });
    }
    if views.is_empty() {
        let keys = pickle.entries(at).take(SHOWN_KEYS).map(|(name, _)| format!("`{name}`")).collect();
        return Err(CheckpointFault::NoStateDict { keys });
    }
    Ok((wrapper, views))
}

fn arrays(views: &BTreeMap<String, View>, storages: &Storages<'_>, file_len: usize) -> Result<Arrays, CheckpointFault> {
    let mut budget = file_len.saturating_add(SPARE_VALUES);
    let mut found = Vec::with_capacity(views.len());
    for (name, view) in views {
        let key = &view.storage.key;
        let unusable = |problem: String| CheckpointFault::Tensor { tensor: name.clone(), problem };
        let missing = || unusable(format!("refers to storage `{key}`, which the file lacks"));
        let bytes = storages.get(key).copied().ok_or_else(missing)?;
        let count = view.shape.iter().try_fold(1, |count: usize, &size| count.checked_mul(size));
        let left = count.and_then(|count| budget.checked_sub(count));
        budget = left.ok_or_else(|| unusable("unfolds to more values than the file can hold".to_owned()))?;
        found.push((name, view, bytes));
    }
    together(&found, |(name, view, bytes)| {
        let bytes = view.bytes(bytes).ok_or_else(|| {
            let (shape, available) = (&view.shape, bytes.len() / view.storage.kind.size());
            let problem = format!("of shape {shape:?} reaches beyond its {available} stored values");
            CheckpointFault::Tensor { tensor: (*name).clone(), problem }
        })?;
        let values = view.storage.kind.values(&bytes).ok_or_else(|| {
            let dtype = format!("{:?}", view.storage.kind).to_lowercase();
            CheckpointFault::TensorType { tensor: (*name).clone(), dtype }
        })?;
        Ok(((*name).clone(), Array { shape: view.shape.clone(), values }))
    })
}

impl View {
    /// The values' bytes in the order of the tensor; `None` where they reach beyond the storage.
    fn bytes<'a>(&self, storage: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let (size, count) = (self.storage.kind.size(), self.shape.iter().product::<usize>());
        if count == 0 {
            return Some(Cow::Borrowed(&[]));
        }
        // The stride of an axis of length 1 is arbitrary and never used.
        let strides: Vec<usize> =
            self.shape.iter().zip(&self.strides).map(|(&n, &s)| if n == 1 { 0 } else { s }).collect();
        let start = self.offset.checked_add(self.storage.offset)?;
        let reach = |last: usize, (&n, &stride): (&usize, &usize)| last.checked_add((n - 1).checked_mul(stride)?);
        let last = self.shape.iter().zip(&strides).try_fold(start, reach)?;
        if last >= storage.len() / size {
            return None;
        }
        if self.is_contiguous(&strides) {
            return Some(Cow::Borrowed(&storage[start * size..][..count * size]));
        }
        Some(Cow::Owned(self.gather(storage, start, &strides, count)))
    }

    fn is_contiguous(&self, strides: &[usize]) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(strides).rev().all(|(&n, &stride)| {
            let good = n == 1 || stride == expected;
            expected *= n;
            good
        })
    }

    fn gather(&self, storage: &[u8], start: usize, strides: &[usize], count: usize) -> Vec<u8> {
        let size = self.storage.kind.size();
        let mut bytes = Vec::with_capacity(count * size);
        let (mut index, mut at) = (vec![0; self.shape.len()], start);
        for _ in 0..count {
            bytes.extend_from_slice(&storage[at * size..][..size]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= strides[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        bytes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::pickle::Storage;
    use super::*;

    fn view(offset: usize, shape: &[usize], strides: &[usize]) -> View {
        let storage = Storage { key: "0".into(), kind: Kind::I8, offset: 1 };
        View { storage, offset, shape: shape.to_vec(), strides: strides.to_vec() }
    }

    #[test]
    fn views_follow_their_strides() {
        let storage: Vec<u8> = (0..13).collect();
        let bytes = |offset, shape: &[usize], strides: &[usize]| {
            view(offset, shape, strides).bytes(&storage).map(Cow::into_owned)
        };
        assert_eq!(bytes(2, &[2, 3], &[3, 1]).unwrap(), [3, 4, 5, 6, 7, 8]);
        assert_eq!(bytes(0, &[3, 2], &[1, 3]).unwrap(), [1, 4, 2, 5, 3, 6]);
        assert_eq!(bytes(5, &[3], &[0]).unwrap(), [6, 6, 6]);
        assert_eq!(bytes(5, &[1, 2, 1], &[usize::MAX, 4, usize::MAX]).unwrap(), [6, 10]);
        assert_eq!(bytes(11, &[], &[]).unwrap(), [12]);
        assert_eq!(bytes(99, &[0, 5], &[5, 1]).unwrap(), [0u8; 0]);
        for (offset, shape, strides) in [
            (12, &[][..], &[][..]),
            (usize::MAX, &[2], &[1]),
            (0, &[13], &[1]),
            (0, &[3, 2], &[6, 1]),
            (0, &[2, 2], &[usize::MAX, usize::MAX]),
        ] {
            assert_eq!(bytes(offset, shape, strides), None, "{offset} {shape:?} {strides:?}");
        }
    }
}
