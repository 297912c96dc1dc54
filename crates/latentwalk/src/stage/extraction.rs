//! A network's vectors of all images, a batch at a time. Finished batches survive a kill.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

use anyhow::{Context, Result};
use latentwalk_backbone::{Evaluator, Forward, ImageSource, Tap};
use latentwalk_embeddings::{Summary, Writer, WriterOptions};
use latentwalk_images::Dataset;
use latentwalk_run::vectors_file;
use ndarray::{Array2, ArrayView4};
use serde_json::{Map, Value, json};

use super::backbone::Source;
use super::inputs::READ_ROWS;
use super::vectors::{schema, table};
use crate::job::Job;

/// What is run over what.
pub(crate) struct Extraction<'a> {
    pub(crate) job: &'a Job<'a>,
    pub(crate) dataset: &'a Dataset,
    pub(crate) source: &'a Source,
    pub(crate) network: &'a Evaluator,
    pub(crate) taps: &'a [Tap],
    /// Images a pass.
    pub(crate) batch: usize,
}

impl Extraction<'_> {
    /// Writes one Parquet file per tap into the artifact.
    ///
    /// The vectors are first appended, as plain numbers, to one file per tap in the folder that survives a kill; a later run
    /// goes on after the last batch that is whole in all of them.
    pub(crate) fn write(&self, options: WriterOptions) -> Result<Vec<(Tap, Summary)>> {
        let rows = self.dataset.items.len();
        let mut files = self.files()?;
        let whole = files.iter().map(|file| file.rows).min().unwrap_or_default();
        // The last batch may be short; any other count that is no multiple of a batch was cut by a kill.
        let done = if whole >= rows { rows } else { whole / self.batch * self.batch };
        files.iter_mut().try_for_each(|file| file.keep(done))?;
        if done > 0 {
            self.job.progress.say(&format!("going on after {done} of {rows} images of an interrupted run"));
        }
        self.extract(done, &mut files)?;
        let mut summaries = Vec::new();
        for file in files {
            let tap = file.tap;
            summaries.push((tap, file.convert(self, options)?));
        }
        Ok(summaries)
    }

    fn files(&self) -> Result<Vec<Numbers>> {
        self.taps
            .iter()
            .map(|&tap| {
                let path = self.job.partial.join(format!("{}.f32", tap.name()));
                let width = self.network.width(tap);
                let bytes = std::fs::metadata(&path).map_or(0, |meta| meta.len());
                Ok(Numbers { tap, path, width, rows: (bytes / (4 * width as u64)) as usize })
            })
            .collect()
    }

    /// Runs the network over the rows from `done` on, while a second thread loads the next batch.
    fn extract(&self, done: usize, files: &mut [Numbers]) -> Result<()> {
        let rows = self.dataset.items.len();
        let (h, w, c) = self.source.shape();
        let starts: Vec<usize> = (done..rows).step_by(self.batch).collect();
        let end = |start: usize| (start + self.batch).min(rows);
        std::thread::scope(|scope| -> Result<()> {
            let (sender, receiver) = sync_channel(1);
            let to_load = &starts;
            scope.spawn(move || {
                for &start in to_load {
                    let batch: Vec<usize> = (start..end(start)).collect();
                    let mut pixels = vec![0.0; batch.len() * h * w * c];
                    let loaded = self.source.load(&batch, None, &mut pixels).map(|()| pixels);
                    // Sending fails once the other side has given up.
                    if sender.send(loaded).is_err() {
                        return;
                    }
                }
            });
            for &start in &starts {
                let pixels = receiver.recv().context("the loader ended")?.map_err(anyhow::Error::from_boxed)?;
                self.one(ArrayView4::from_shape((end(start) - start, h, w, c), &pixels)?, files)?;
                self.job.progress.set(end(start), rows);
            }
            Ok(())
        })
    }

    fn one(&self, pixels: ArrayView4<'_, f32>, files: &mut [Numbers]) -> Result<()> {
        let late = self.taps.iter().all(|tap| matches!(tap, Tap::Fc | Tap::Pool));
        let forward = || -> latentwalk_backbone::Result<Forward> {
            if late { self.network.forward_all(pixels) } else { self.network.forward_with_stages(pixels) }
        };
        // On a thread of the pool: from outside, each layer would wait to be taken up and to be told of its end.
        let outputs = rayon::scope(|_| forward())?;
        for file in files {
            let vectors = outputs.tap(file.tap);
            file.append(vectors.context("the network did not give a tap that was asked for")?)?;
        }
        Ok(())
    }
}

/// Vectors as plain little-endian numbers, one after the other.
struct Numbers {
    tap: Tap,
    path: PathBuf,
    width: usize,
    rows: usize,
}

impl Numbers {
    fn keep(&mut self, rows: usize) -> Result<()> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.path);
        let file = file.with_context(|| format!("cannot write {}", self.path.display()))?;
        file.set_len(4 * (rows * self.width) as u64)
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        self.rows = rows;
        Ok(())
    }

    fn append(&mut self, vectors: &Array2<f32>) -> Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        let file = OpenOptions::new().append(true).open(&self.path).with_context(failed)?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        for value in vectors {
            file.write_all(&value.to_le_bytes()).with_context(failed)?;
        }
        file.flush().with_context(failed)?;
        self.rows += vectors.nrows();
        Ok(())
    }

    /// Writes the table with ids, splits and labels, and removes the plain numbers.
    fn convert(self, of: &Extraction<'_>, options: WriterOptions) -> Result<Summary> {
        let failed = || format!("cannot read {}", self.path.display());
        let mut file = BufReader::with_capacity(1 << 20, File::open(&self.path).with_context(failed)?);
        let mut writer = Writer::create(
            of.job.out.join(vectors_file(self.tap)),
            &schema(of.dataset, self.width, self.tap),
            options,
        )?;
        let all: Vec<usize> = (0..of.dataset.items.len()).collect();
        let mut bytes = Vec::new();
        for rows in all.chunks(READ_ROWS) {
            bytes.resize(4 * rows.len() * self.width, 0);
            file.read_exact(&mut bytes).with_context(failed)?;
            let values = bytes.as_chunks::<4>().0.iter().map(|&number| f32::from_le_bytes(number)).collect();
            let vectors = Array2::from_shape_vec((rows.len(), self.width), values)?;
            writer.write(&table(of.dataset, rows, vectors))?;
        }
        let summary = writer.finish()?;
        std::fs::remove_file(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))?;
        Ok(summary)
    }
}

/// Rows and bytes of the files, for the manifest.
pub(crate) fn figures(found: &[(Tap, Summary)]) -> Value {
    let file =
        |(tap, summary): &(Tap, Summary)| (vectors_file(*tap), json!({ "rows": summary.rows, "bytes": summary.bytes }));
    Value::Object(found.iter().map(file).collect::<Map<_, _>>())
}
