//! Files to vectors: one thread decodes the next batch and one writes the last, while the network computes.

use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use anyhow::Result;
use latentwalk_backbone::{Evaluator, Tap};
use latentwalk_embeddings::{Schema, Table};
use latentwalk_images::{Preparation, prepare};
use ndarray::{Array2, ArrayView4};
use rayon::prelude::*;

use super::shards::{SHARD, Shards, Skipped};
use crate::progress::Console;

/// What is run over what.
pub(super) struct Work<'a> {
    pub(super) network: &'a Evaluator,
    pub(super) width: usize,
    pub(super) tap: Tap,
    pub(super) preparation: Preparation,
    pub(super) folder: &'a Path,
    pub(super) files: &'a [String],
    pub(super) schema: &'a Schema,
}

/// A batch on its way from the decoder to the network.
struct Batch {
    shard: usize,
    ids: Vec<String>,
    pixels: Vec<f32>,
    skipped: Vec<Skipped>,
}

/// A batch on its way from the network to the disk.
struct Finished {
    shard: usize,
    table: Table,
    skipped: Vec<Skipped>,
}

impl Work<'_> {
    /// Makes the batches that are missing; gives the images that were skipped, those of earlier runs too.
    pub(super) fn run(&self, shards: &Shards, console: &Console) -> Result<Vec<Skipped>> {
        let all = self.files.len().div_ceil(SHARD);
        let progress = console.start("embed");
        let (started, first) = (Instant::now(), shards.done * SHARD);
        let written = |shard: usize| {
            let done = ((shard + 1) * SHARD).min(self.files.len());
            progress.set(done, self.files.len());
            let rate = (done - first) as f64 / started.elapsed().as_secs_f64();
            progress.note(&format!("{rate:.1} images per second"));
        };
        std::thread::scope(|scope| -> Result<()> {
            let (decoded, batches) = sync_channel(1);
            let (finished, to_write) = sync_channel::<Finished>(1);
            scope.spawn(move || self.decode_all(shards.done..all, &decoded));
            let writer = scope.spawn(move || -> Result<()> {
                for Finished { shard, table, skipped } in to_write {
                    shards.write(shard, self.schema, &table, &skipped)?;
                    written(shard);
                }
                Ok(())
            });
            for batch in batches {
                // Sending fails once the writer has given up, and then it says why.
                if finished.send(self.embed(batch)?).is_err() {
                    break;
                }
            }
            drop(finished);
            writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        shards.skipped(all)
    }

    fn decode_all(&self, shards: Range<usize>, to: &SyncSender<Batch>) {
        for shard in shards {
            // Sending fails once the other side has given up.
            if to.send(self.decode(shard)).is_err() {
                return;
            }
        }
    }

    fn decode(&self, shard: usize) -> Batch {
        let files = &self.files[shard * SHARD..((shard + 1) * SHARD).min(self.files.len())];
        let spec = self.network.spec();
        let image = self.preparation.crop as usize * self.preparation.crop as usize * spec.in_channels;
        let mut pixels = vec![0.0; files.len() * image];
        let decode = |(out, file): (&mut [f32], &String)| -> Result<(), String> {
            spec.normalise(&prepare(&self.folder.join(file), &self.preparation)?, out);
            Ok(())
        };
        let decoded: Vec<_> = pixels.par_chunks_mut(image).zip(files).with_max_len(1).map(decode).collect();
        let (mut ids, mut skipped) = (Vec::new(), Vec::new());
        for (row, (file, outcome)) in files.iter().zip(decoded).enumerate() {
            match outcome {
                Ok(()) => {
                    pixels.copy_within(row * image..(row + 1) * image, ids.len() * image);
                    ids.push(file.clone());
                }
                Err(reason) => skipped.push(Skipped { path: file.clone(), reason }),
            }
        }
        pixels.truncate(ids.len() * image);
        Batch { shard, ids, pixels, skipped }
    }

    fn embed(&self, batch: Batch) -> Result<Finished> {
        let Batch { shard, ids, pixels, skipped } = batch;
        let rows = ids.len();
        let vectors = match rows {
            0 => Array2::zeros((0, self.width)),
            _ => {
                let (h, w) = self.network.image_size();
                let pixels = ArrayView4::from_shape((rows, h, w, self.network.spec().in_channels), &pixels)?;
                // On a thread of the pool: from outside, each layer would wait to be taken up and to be told of its end.
                rayon::scope(|_| self.network.embed(pixels, self.tap))?
            }
        };
        let table = Table { ids, splits: vec![String::new(); rows], vectors, labels: Vec::new() };
        Ok(Finished { shard, table, skipped })
    }
}
