//! A folder of rendered garments with their manifest and description.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::description::{DESCRIPTION_FILE, MANIFEST_FILE, description};
use crate::error::{Error, Result};
use crate::factors::{Factor, Garment, twins};
use crate::frequencies::Frequencies;
use crate::nuisances::Worn;
use crate::render::{Image, MAX_SIZE, MIN_SIZE, render};

/// Most garments of a data set: their numbers have five digits or six.
pub const MAX_COUNT: usize = 1_000_000;
/// Default of [`Options::size`], in pixels.
pub const DEFAULT_SIZE: u32 = 128;
/// Columns of the manifest.
const COLUMNS: [&str; 14] = [
    "path",
    "id",
    "group",
    "split",
    "sleeve",
    "pattern",
    "neckline",
    "length",
    "silhouette",
    "colour",
    "worn",
    "views",
    "twin_of",
    "twin_factor",
];

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
    /// Garments, twins not counted.
    pub count: usize,
    /// Side of an image in pixels.
    pub size: u32,
    /// Seed of the wardrobe.
    pub seed: u64,
    /// [`Frequencies::balanced`] instead of [`Frequencies::catalogue`].
    pub balanced: bool,
    /// For so many garments, the first, all twins are written too; these groups go to the test split.
    pub twin_sets: usize,
    /// How images are stored.
    pub format: Format,
}

impl Default for Options {
    fn default() -> Self {
        Self { count: 20_000, size: DEFAULT_SIZE, seed: 1, balanced: false, twin_sets: 0, format: Format::Jpeg }
    }
}

impl Options {
    /// **Errors.** [`Error::Count`], [`Error::Size`], [`Error::TwinSets`].
    pub fn check(&self) -> Result<()> {
        if !(1..=MAX_COUNT).contains(&self.count) {
            return Err(Error::Count { got: self.count, max: MAX_COUNT });
        }
        if !(MIN_SIZE..=MAX_SIZE).contains(&self.size) {
            return Err(Error::Size { got: self.size, min: MIN_SIZE, max: MAX_SIZE });
        }
        if self.twin_sets > self.count {
            return Err(Error::TwinSets { got: self.twin_sets, count: self.count });
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

/// Writes `images/`, `manifest.csv` and `garments.toml` into the folder `out`, which must not exist or be empty, drawing
/// from the table that the options name.
///
/// Everything is written into a hidden folder beside it, which takes the name at the very end; an error removes it. The
/// same options give the same bytes, whatever the number of threads. `progress` gets the garments done and all garments,
/// from any thread.
///
/// **Errors.** Those of [`Options::check`], [`Error::NotEmpty`], [`Error::Io`], [`Error::Encode`].
pub fn write_dataset(out: &Path, options: &Options, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Summary> {
    write_dataset_from(out, options, &options.frequencies(), progress)
}

/// As [`write_dataset`], drawing from a table of the caller's.
///
/// **Errors.** Those of [`write_dataset`] and of [`Frequencies::check`].
pub fn write_dataset_from(
    out: &Path,
    options: &Options,
    frequencies: &Frequencies,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Summary> {
    options.check()?;
    frequencies.check()?;
    let vacant = vacant(out)?;
    let staging = staging(out);
    remove(&staging)?;
    let written = fill(&staging, options, frequencies, progress).and_then(|summary| {
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

/// One line of the manifest.
struct Row {
    id: String,
    garment: Garment,
    group: String,
    split: &'static str,
    twin: Option<Factor>,
    bytes: u64,
}

fn fill(
    folder: &Path,
    options: &Options,
    frequencies: &Frequencies,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Summary> {
    let images = folder.join("images");
    fs::create_dir_all(&images).map_err(Error::io(&images))?;
    let done = AtomicUsize::new(0);
    let write = |index: usize| {
        let mut rows = group(index, options, frequencies);
        for row in &mut rows {
            row.bytes = store(&folder.join(path(row, options.format)), &row.garment, options)?;
        }
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, options.count);
        Ok(rows)
    };
    let groups: Vec<Vec<Row>> = (0..options.count).into_par_iter().map(write).collect::<Result<_>>()?;
    let rows: Vec<Row> = groups.into_iter().flatten().collect();
    save(&folder.join(MANIFEST_FILE), &manifest(&rows, options.format))?;
    save(&folder.join(DESCRIPTION_FILE), description(options.size).as_bytes())?;
    Ok(Summary {
        garments: options.count,
        twins: rows.len() - options.count,
        image_bytes: rows.iter().map(|row| row.bytes).sum(),
    })
}

/// A garment and, where wanted, its twins.
fn group(index: usize, options: &Options, frequencies: &Frequencies) -> Vec<Row> {
    let garment = Garment::draw(options.seed, index as u64, frequencies);
    let id = format!("{index:05}");
    let with_twins = index < options.twin_sets;
    let split = if with_twins { "test" } else { "" };
    let copies = if with_twins { twins(&garment) } else { Vec::new() };
    let mut rows = vec![Row { id: id.clone(), garment, group: id.clone(), split, twin: None, bytes: 0 }];
    rows.extend(copies.into_iter().map(|twin| Row {
        id: format!("{id}-{}-{}", twin.factor.as_str(), twin.value),
        garment: twin.garment,
        group: id.clone(),
        split,
        twin: Some(twin.factor),
        bytes: 0,
    }));
    rows
}

fn path(row: &Row, format: Format) -> String {
    let extension = match format {
        Format::Jpeg => "jpg",
        Format::Png => "png",
    };
    format!("images/{}.{extension}", row.id)
}

fn store(path: &Path, garment: &Garment, options: &Options) -> Result<u64> {
    let image = render(garment, options.size)?;
    let bytes =
        encode(&image, garment, options.format).map_err(|reason| Error::Encode { path: path.to_owned(), reason })?;
    save(path, &bytes)?;
    Ok(bytes.len() as u64)
}

fn encode(image: &Image, garment: &Garment, format: Format) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(16_384);
    let (pixels, width, height) = (&image.pixels, image.width, image.height);
    match format {
        Format::Jpeg => JpegEncoder::new_with_quality(&mut bytes, garment.nuisances.jpeg_quality).write_image(
            pixels,
            width,
            height,
            ExtendedColorType::Rgb8,
        )?,
        Format::Png => PngEncoder::new(&mut bytes).write_image(pixels, width, height, ExtendedColorType::Rgb8)?,
    }
    Ok(bytes)
}

/// The manifest as CSV; no cell holds a comma or a quote.
fn manifest(rows: &[Row], format: Format) -> Vec<u8> {
    let mut text = COLUMNS.join(",");
    text.push('\n');
    for row in rows {
        let factors = &row.garment.factors;
        let worn = if row.garment.nuisances.worn == Worn::Figure { "figure" } else { "flat" };
        let (twin_of, twin_factor) = row.twin.map_or(("", ""), |factor| (row.group.as_str(), factor.as_str()));
        let mut cells = vec![path(row, format), row.id.clone(), row.group.clone(), row.split.to_owned()];
        cells.extend(Factor::ALL.map(|factor| factors.value(factor).to_owned()));
        cells.extend([worn.to_owned(), row.garment.nuisances.views.to_string(), twin_of.to_owned()]);
        cells.push(twin_factor.to_owned());
        text.push_str(&cells.join(","));
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
        Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => return Ok(Vacant::Nothing),
        Err(reason) if reason.kind() != std::io::ErrorKind::NotADirectory => return Err(Error::io(out)(reason)),
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
