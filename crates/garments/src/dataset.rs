//! A folder of rendered garments with their manifest and description.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::description::{DESCRIPTION_FILE, MANIFEST_FILE, description};
use crate::entry::{COLUMNS, Entry, group};
use crate::error::{Error, Result};
use crate::frequencies::Frequencies;
use crate::render::{MAX_SIZE, MIN_SIZE, wrong_size};

/// Most garments of a data set: their numbers have five digits or six.
pub const MAX_COUNT: usize = 1_000_000;
/// Default of [`Options::count`].
pub const DEFAULT_COUNT: usize = 20_000;
/// Default of [`Options::size`], in pixels.
pub const DEFAULT_SIZE: u32 = 128;
/// Default of [`Options::seed`].
pub const DEFAULT_SEED: u64 = 1;
/// Default of [`Options::twin_sets`].
pub const DEFAULT_TWIN_SETS: usize = 0;

/// How images are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG, each with the quality among its nuisances.
    #[default]
    Jpeg,
    /// PNG: the pixels as rendered.
    Png,
}

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Garments, twins not counted. Default [`DEFAULT_COUNT`].
    pub count: usize,
    /// Side of an image in pixels. Default [`DEFAULT_SIZE`].
    pub size: u32,
    /// Seed of the wardrobe. Default [`DEFAULT_SEED`].
    pub seed: u64,
    /// [`Frequencies::balanced`] instead of [`Frequencies::catalogue`].
    pub balanced: bool,
    /// For this many garments, the first ones, all twins are written too; these groups go to the test split. Default
    /// [`DEFAULT_TWIN_SETS`].
    pub twin_sets: usize,
    /// How images are stored. Default [`Format::Jpeg`].
    pub format: Format,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            count: DEFAULT_COUNT,
            size: DEFAULT_SIZE,
            seed: DEFAULT_SEED,
            balanced: false,
            twin_sets: DEFAULT_TWIN_SETS,
            format: Format::default(),
        }
    }
}

impl Options {
    /// **Errors.** [`Error::Range`].
    pub fn check(&self) -> Result<()> {
        if !(1..=MAX_COUNT).contains(&self.count) {
            return Err(Error::Range { what: "number of garments", got: self.count, min: 1, max: MAX_COUNT });
        }
        if !(MIN_SIZE..=MAX_SIZE).contains(&self.size) {
            return Err(wrong_size(self.size));
        }
        if self.twin_sets > self.count {
            return Err(Error::Range { what: "number of twin sets", got: self.twin_sets, min: 0, max: self.count });
        }
        Ok(())
    }

    /// The table that garments are drawn from.
    pub fn frequencies(&self) -> Frequencies {
        if self.balanced { Frequencies::balanced() } else { Frequencies::catalogue() }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Garments.
    pub garments: usize,
    /// Twins of them.
    pub twins: usize,
    /// Bytes of all image files.
    pub image_bytes: u64,
}

/// Writes further files into a data set's folder before it gets its name: gets the folder and the manifest's rows, one cell
/// for each of [`COLUMNS`].
pub type More<'a> = dyn Fn(&Path, &[[String; COLUMNS.len()]]) -> std::io::Result<()> + 'a;

/// Writes `images/`, `manifest.csv`, `garments.toml` and what `more` adds into the folder `out`, which must not exist or be
/// empty, drawing from the table that the options name.
///
/// Everything is written into a hidden folder beside it, which takes the name at the very end; an error removes it. The
/// same options give the same bytes, whatever the number of threads. `progress` gets the garments done and all garments,
/// from any thread.
///
/// **Errors.** Those of [`Options::check`], [`Error::NotEmpty`], [`Error::Io`], [`Error::Encode`].
pub fn write_dataset(
    out: &Path,
    options: &Options,
    more: &More<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Summary> {
    write_dataset_from(out, options, &options.frequencies(), more, progress)
}

/// As [`write_dataset`], drawing from a table of the caller's.
///
/// **Errors.** Those of [`write_dataset`] and of [`Frequencies::check`].
pub fn write_dataset_from(
    out: &Path,
    options: &Options,
    frequencies: &Frequencies,
    more: &More<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Summary> {
    options.check()?;
    frequencies.check()?;
    let vacant = vacant(out)?;
    let staging = staging(out);
    remove(&staging)?;
    let written = fill(&staging, options, frequencies, more, progress).and_then(|summary| {
        if vacant == Vacant::EmptyFolder {
            fs::remove_dir(out).map_err(Error::io(out))?;
        }
        fs::rename(&staging, out).map_err(Error::io(out))?;
        Ok(summary)
    });
    if written.is_err() {
        // The first error is the one to tell.
        let _ = remove(&staging);
    }
    written
}

fn fill(
    folder: &Path,
    options: &Options,
    frequencies: &Frequencies,
    more: &More<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Summary> {
    let images = folder.join("images");
    fs::create_dir_all(&images).map_err(Error::io(&images))?;
    let done = AtomicUsize::new(0);
    let write = |index: usize| {
        let entries = group(index, options, frequencies);
        let bytes: u64 = entries.iter().map(|entry| store(folder, entry, options)).sum::<Result<u64>>()?;
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, options.count);
        Ok((entries, bytes))
    };
    let groups: Vec<(Vec<Entry>, u64)> = (0..options.count).into_par_iter().map(write).collect::<Result<_>>()?;
    let image_bytes = groups.iter().map(|group| group.1).sum();
    let rows: Vec<_> = groups.iter().flat_map(|group| &group.0).map(|entry| entry.cells(options.format)).collect();
    save(&folder.join(MANIFEST_FILE), &manifest(&rows))?;
    save(&folder.join(DESCRIPTION_FILE), description(options.size).as_bytes())?;
    more(folder, &rows).map_err(Error::io(folder))?;
    Ok(Summary { garments: options.count, twins: rows.len() - options.count, image_bytes })
}

fn store(folder: &Path, entry: &Entry, options: &Options) -> Result<u64> {
    let path = folder.join(entry.path(options.format));
    let encoded = entry.encode(options.size, options.format);
    let bytes = encoded.map_err(|reason| Error::Encode { path: path.clone(), reason })?;
    save(&path, &bytes)?;
    Ok(bytes.len() as u64)
}

/// The manifest as CSV; no cell holds a comma or a quote.
fn manifest(rows: &[[String; COLUMNS.len()]]) -> Vec<u8> {
    let mut text = COLUMNS.join(",");
    text.push('\n');
    for row in rows {
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text.into_bytes()
}

fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = fs::File::create_new(path).map_err(Error::io(path))?;
    file.write_all(bytes).map_err(Error::io(path))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vacant {
    Nothing,
    EmptyFolder,
}

fn vacant(out: &Path) -> Result<Vacant> {
    let mut entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vacant::Nothing),
        Err(error) if error.kind() != std::io::ErrorKind::NotADirectory => return Err(Error::io(out)(error)),
        Err(_) => return Err(Error::NotEmpty { path: out.to_owned() }),
    };
    if entries.next().is_none() { Ok(Vacant::EmptyFolder) } else { Err(Error::NotEmpty { path: out.to_owned() }) }
}

/// The hidden folder beside `out` that is filled first.
fn staging(out: &Path) -> PathBuf {
    let name = out.file_name().map_or_else(|| "garments".into(), |name| name.to_string_lossy().into_owned());
    out.with_file_name(format!(".{name}.unfinished"))
}

/// Removes what an interrupted run left behind.
fn remove(staging: &Path) -> Result<()> {
    match fs::remove_dir_all(staging) {
        Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => Err(Error::io(staging)(reason)),
        _ => Ok(()),
    }
}
