//! A folder whose sub-folders are classes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::paths::slashed;
use super::rows::Cells;
use super::table::{Record, RecordPlace, Table};
use crate::dataset::Skipped;
use crate::error::{Error, Result};

/// Image formats that people have and that this program does not read: named as skipped, not silently passed over.
const UNREAD_FORMATS: [&str; 8] = ["bmp", "gif", "tif", "tiff", "avif", "heic", "jp2", "jxl"];

/// What a file is, by the ending of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Image,
    UnreadImage,
    Other,
}

fn file_kind(path: &Path) -> FileKind {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "png" | "jpg" | "jpeg" | "webp" => FileKind::Image,
        other if UNREAD_FORMATS.contains(&other) => FileKind::UnreadImage,
        _ => FileKind::Other,
    }
}

/// Lists the images below `root`; the column `folder` is the first folder on the way, empty for images in `root` itself.
pub(crate) fn scan(root: &Path) -> Result<Table> {
    let mut found = Vec::new();
    let mut skipped = Vec::new();
    walk(root, &mut Vec::new(), &mut |path, kind| {
        let below = path.strip_prefix(root).unwrap_or(path);
        let name = slashed(below);
        if kind == FileKind::UnreadImage {
            skipped.push(Skipped { path: name, reason: "only JPEG, PNG and WebP are read: convert it".into() });
        } else if below.to_str().is_none() {
            skipped.push(Skipped { path: name, reason: "its name is not UTF-8: rename it".into() });
        } else {
            found.push(name);
        }
    })?;
    found.sort();
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    let mut cells = Cells::default();
    let record = |path: String| Record {
        id: path.clone(),
        cells: vec![path.split_once('/').map(|(folder, _)| cells.get(folder.trim())).unwrap_or_else(|| "".into())],
        path: Some(path),
        place: RecordPlace::OwnFile,
        split: None,
        group: None,
    };
    let (columns, records) = (vec!["folder".to_owned()], found.into_iter().map(record).collect());
    Ok(Table { available: columns.clone(), columns, records, skipped, ..Table::default() })
}

/// Calls `visit` for every image below `dir`, in no promised order; hidden entries are passed over, links to a folder on the way are not followed.
fn walk(dir: &Path, ancestors: &mut Vec<PathBuf>, visit: &mut impl FnMut(&Path, FileKind)) -> Result<()> {
    let canonical = dir.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Missing { path: dir.display().to_string(), key: "images.root" },
        _ => Error::io(dir)(error),
    })?;
    if ancestors.contains(&canonical) {
        return Ok(());
    }
    ancestors.push(canonical);
    for path in entries(dir)? {
        if path.is_dir() {
            walk(&path, ancestors, visit)?;
        } else if file_kind(&path) != FileKind::Other {
            visit(&path, file_kind(&path));
        }
    }
    ancestors.pop();
    Ok(())
}

/// The entries of a folder, sorted, without hidden ones.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io(dir))? {
        let entry = entry.map_err(Error::io(dir))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
