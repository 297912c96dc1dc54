//! The checkpoint, after an epoch or within one: one safetensors file, whose header carries the JSON part.
//!
//! One file, because two could not be replaced together. Floats of the JSON are kept as bits: decimal text need not
//! read back to the same `f64`. A checksum over everything finds damage that the format does not see.

use std::path::Path;

use latentwalk_arithmetic::Fnv;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::record::{Best, EpochRecord, Within};
use crate::data::{Targets, TrainData};
use crate::error::{Error, Result, causes};
use crate::options::TrainOptions;
use crate::spec::NetworkSpec;
use crate::state::{Arrays, content, decode, encode, read, write_whole};

/// The checkpoint's file in its folder.
pub(super) const CHECKPOINT_FILE: &str = "checkpoint.safetensors";
const META_KEY: &str = "latentwalk";
const VERSION: u32 = 1;

/// Everything that training needs to go on.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) optimizer: Arrays,
    pub(super) weights: Arrays,
    pub(super) step: u64,
    pub(super) history: Vec<EpochRecord>,
    pub(super) best: Option<Best>,
    pub(super) within: Option<Within>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    version: u32,
    fingerprint: String,
    step: u64,
    history: Vec<Record>,
    /// Epoch and the bits of its validation loss.
    best: Option<(usize, u64)>,
    /// Batches of the epoch that was interrupted, and the bits of their summed loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<(usize, u64)>,
    checksum: u64,
}

/// An [`EpochRecord`] in bits.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    train_loss: u64,
    validation_loss: Option<u64>,
    validation_accuracy: Vec<Option<u64>>,
    learning_rate: u64,
}

/// What a checkpoint belongs to: spec, options, number and shape of the images, rows and labels.
pub(super) fn fingerprint(spec: &NetworkSpec, options: &TrainOptions, data: &TrainData<'_>) -> String {
    let mut hash = Digest::default();
    hash.text(&serde_json::to_string(&(spec, options)).unwrap_or_default());
    let (h, w, c) = data.images.shape();
    [data.images.len(), h, w, c].iter().for_each(|&size| hash.number(size as u64));
    for rows in [data.train, data.validation] {
        hash.number(rows.len() as u64);
        rows.iter().for_each(|&row| hash.number(row as u64));
    }
    data.targets.iter().for_each(|targets| hash_targets(&mut hash, targets));
    format!("{:016x}", hash.0.value())
}

fn hash_targets(hash: &mut Digest, targets: &Targets) {
    for row in 0..targets.len() {
        match targets.labels(row) {
            None => hash.number(u64::MAX),
            Some(labels) => {
                hash.number(labels.len() as u64);
                labels.iter().for_each(|&label| hash.number(u64::from(label)));
            }
        }
    }
}

/// Writes the checkpoint, replacing an older one.
pub(super) fn save(dir: &Path, fingerprint: &str, saved: Saved) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(|source| Error::Io { action: "write", path: dir.to_owned(), source })?;
    let path = dir.join(CHECKPOINT_FILE);
    let mut meta = Meta {
        version: VERSION,
        fingerprint: fingerprint.to_owned(),
        step: saved.step,
        history: saved.history.iter().map(Record::of).collect(),
        best: saved.best.as_ref().map(|best| (best.epoch, best.loss.to_bits())),
        within: saved.within.map(|within| (within.batches, within.total.to_bits())),
        checksum: 0,
    };
    let mut arrays = saved.optimizer;
    arrays.extend(prefixed("weights/", saved.weights));
    arrays.extend(saved.best.into_iter().flat_map(|best| prefixed("best/", best.state)));
    meta.checksum = checksum(&meta, &arrays);
    let text = serde_json::to_string(&meta).map_err(|error| content(&path, error))?;
    let bytes = encode(&arrays, Some((META_KEY, text))).map_err(|error| content(&path, error))?;
    write_whole(&path, &bytes)
}

/// Reads a checkpoint; `None` where there is none, a reason where it cannot be used.
pub(super) fn load(dir: &Path, fingerprint: &str) -> Result<Option<Saved>, String> {
    let path = dir.join(CHECKPOINT_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let damaged = |what: &dyn std::fmt::Display| format!("the checkpoint is damaged: {what}");
    let bytes = read(&path).map_err(|error| causes(&error))?;
    let mut arrays = decode(&path, &bytes).map_err(|error| damaged(&causes(&error)))?;
    let mut meta =
        read_meta(&bytes).ok_or_else(|| format!("{} is not a checkpoint of this program", path.display()))?;
    if meta.version != VERSION {
        return Err(format!("{} has version {} but this program reads {VERSION}", path.display(), meta.version));
    }
    let stated = std::mem::take(&mut meta.checksum);
    if stated != checksum(&meta, &arrays) {
        return Err(damaged(&format_args!("{} does not match its checksum", path.display())));
    }
    if meta.fingerprint != fingerprint {
        return Err(format!("{} was written with other options, network, rows or labels", path.display()));
    }
    let best = meta.best.map(|(epoch, bits)| {
        let state = take_prefixed("best/", &mut arrays);
        Best { epoch, loss: f64::from_bits(bits), state }
    });
    let weights = take_prefixed("weights/", &mut arrays);
    let history = meta.history.iter().enumerate().map(|(epoch, record)| record.back(epoch)).collect();
    let within = meta.within.map(|(batches, bits)| Within { batches, total: f64::from_bits(bits) });
    Ok(Some(Saved { optimizer: arrays, weights, step: meta.step, history, best, within }))
}

fn read_meta(bytes: &[u8]) -> Option<Meta> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    serde_json::from_str(header.metadata().as_ref()?.get(META_KEY)?).ok()
}

fn prefixed(prefix: &str, arrays: Arrays) -> Arrays {
    arrays.into_iter().map(|(name, array)| (format!("{prefix}{name}"), array)).collect()
}

fn take_prefixed(prefix: &str, arrays: &mut Arrays) -> Arrays {
    let (taken, rest) = std::mem::take(arrays).into_iter().partition(|(name, _)| name.starts_with(prefix));
    *arrays = rest;
    let taken: Arrays = taken;
    taken.into_iter().map(|(name, array)| (name[prefix.len()..].to_owned(), array)).collect()
}

/// Hash over the meta data, whose own checksum is 0, and all tensors.
fn checksum(meta: &Meta, arrays: &Arrays) -> u64 {
    let mut hash = Digest::default();
    hash.text(&serde_json::to_string(meta).unwrap_or_default());
    for (name, array) in arrays {
        hash.text(name);
        array.shape.iter().for_each(|&side| hash.number(side as u64));
        array.values.iter().for_each(|value| hash.number(u64::from(value.to_bits())));
    }
    hash.0.value()
}

impl Record {
    fn of(record: &EpochRecord) -> Self {
        Record {
            train_loss: record.train_loss.to_bits(),
            validation_loss: record.validation_loss.map(f64::to_bits),
            validation_accuracy: record.validation_accuracy.iter().map(|a| a.map(f64::to_bits)).collect(),
            learning_rate: record.learning_rate.to_bits(),
        }
    }

    fn back(&self, epoch: usize) -> EpochRecord {
        EpochRecord {
            epoch,
            train_loss: f64::from_bits(self.train_loss),
            validation_loss: self.validation_loss.map(f64::from_bits),
            validation_accuracy: self.validation_accuracy.iter().map(|a| a.map(f64::from_bits)).collect(),
            learning_rate: f64::from_bits(self.learning_rate),
        }
    }
}

/// What is hashed so far. Checkpoints on disk hold such hashes: they must not change.
#[derive(Default)]
struct Digest(Fnv);

impl Digest {
    fn number(&mut self, value: u64) {
        self.0 = self.0.turned_word(value);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        text.bytes().for_each(|byte| self.number(u64::from(byte)));
    }
}
