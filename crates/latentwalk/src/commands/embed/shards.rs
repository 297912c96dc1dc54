//! Finished batches of `embed`, as small Parquet files beside the result until all are there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use latentwalk_artifacts::write_atomic;
use latentwalk_embeddings::{Reader, Schema, Table, Writer, WriterOptions};
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::progress::Console;

/// Images that are kept at once; at most so many are lost when a run is stopped.
pub(super) const SHARD: usize = 32;
/// The file of a shard folder that says what its shards are made from.
const SETTINGS: &str = "settings.json";

/// An image that gave no vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Skipped {
    pub(super) path: String,
    pub(super) reason: String,
}

/// The folder of finished batches.
pub(super) struct Shards {
    folder: PathBuf,
    /// Batches that are there.
    pub(super) done: usize,
}

impl Shards {
    pub(super) fn open(out: &Path, settings: &Settings, files: usize, console: &Console) -> Result<Self> {
        let name = out.file_name().context("`--out` names no file")?.to_string_lossy().into_owned();
        let folder = out.with_file_name(format!(".{name}.unfinished"));
        let stored = fs::read(folder.join(SETTINGS)).ok();
        let same = stored.as_deref().and_then(|bytes| serde_json::from_slice::<Settings>(bytes).ok());
        if folder.exists() && same.as_ref() != Some(settings) {
            console.say("starting afresh: the network, the settings or the files are not those of the unfinished run");
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        write_atomic(folder.join(SETTINGS), &serde_json::to_vec(settings)?)?;
        let mut shards = Self { folder, done: 0 };
        while shards.path(shards.done, "json").is_file() {
            shards.done += 1;
        }
        if shards.done > 0 {
            console.say(&format!("going on after {} of {files} images", (shards.done * SHARD).min(files)));
        }
        Ok(shards)
    }

    fn path(&self, shard: usize, ending: &str) -> PathBuf {
        self.folder.join(format!("{shard:08}.{ending}"))
    }

    /// Writes a batch; its list of skipped images comes last and says that it is whole.
    pub(super) fn write(&self, shard: usize, schema: &Schema, table: &Table, skipped: &[Skipped]) -> Result<()> {
        if table.rows() > 0 {
            let mut writer = Writer::create(self.path(shard, "parquet"), schema, WriterOptions::default())?;
            writer.write(table)?;
            writer.finish()?;
        }
        write_atomic(self.path(shard, "json"), &serde_json::to_vec(skipped)?)?;
        Ok(())
    }

    pub(super) fn skipped(&self, shards: usize) -> Result<Vec<Skipped>> {
        let mut all = Vec::new();
        for shard in 0..shards {
            let bytes = fs::read(self.path(shard, "json"))?;
            all.extend(serde_json::from_slice::<Vec<Skipped>>(&bytes)?);
        }
        Ok(all)
    }

    /// Joins all batches into the result and removes them; gives the number of rows.
    pub(super) fn merge(self, out: &Path, schema: &Schema, files: usize) -> Result<usize> {
        let hidden = self.folder.join("whole.parquet");
        let mut writer = Writer::create(&hidden, schema, WriterOptions::default())?;
        for shard in 0..files.div_ceil(SHARD) {
            let path = self.path(shard, "parquet");
            if path.is_file() {
                for table in Reader::open(&path)?.batches(SHARD)? {
                    writer.write(&table?)?;
                }
            }
        }
        let rows = writer.finish()?.rows;
        ensure!(
            rows > 0,
            "no image could be read\nhint: read {}, which names each with its reason",
            self.folder.display()
        );
        fs::rename(&hidden, out).with_context(|| format!("cannot write {}", out.display()))?;
        fs::remove_dir_all(&self.folder).with_context(|| format!("cannot remove {}", self.folder.display()))?;
        Ok(rows)
    }
}
