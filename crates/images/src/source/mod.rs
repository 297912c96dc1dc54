//! What every source comes down to: a table of images with their raw labels.

mod celeba;
mod coco;
mod csv_text;
mod deepfashion;
pub(crate) mod embedded;
mod encoding;
mod fashionai;
pub(crate) mod folder;
pub(crate) mod format;
pub mod idx;
mod imaterialist;
mod json;
pub(crate) mod jsonl;
mod lists;
pub(crate) mod manifest;
mod one_hot;
mod parts;
mod paths;
pub(crate) mod resolve;
mod rows;
mod table;
pub(crate) mod unicode;
pub(crate) mod wardrobe;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::description::{Description, ImagesSection, Part, Source};
use crate::error::{Error, Place, Result};
use paths::stays_below;
use table::Cell;

pub use folder::Listing;
pub(crate) use paths::slashed;
pub(crate) use table::{Record, RecordPlace, Separator, Table, values};

/// Lists all that lies below a folder of images.
///
/// **Errors.** A folder that does not exist or cannot be listed, [`Error::Missing`] or [`Error::Io`].
pub fn list_images(root: &Path) -> Result<Listing> {
    folder::list(root)
}

/// Reads Parquet files: this crate knows no Parquet, its caller may.
#[derive(Debug, Clone, Copy)]
pub struct TableReader {
    /// The rows as JSON Lines. Where a column holds images its values are `{"bytes": LENGTH, "path": TEXT}`.
    pub rows: fn(&Path) -> io::Result<Box<dyn Read>>,
    /// The images that a column holds, one entry per row.
    pub images: fn(&Path, &str) -> io::Result<EmbeddedImages>,
}

/// The bytes of image files, one entry per row of a table; `None` where a row has none.
pub type EmbeddedImages = Box<dyn Iterator<Item = io::Result<Option<Vec<u8>>>>>;

/// Where a description's files come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// The description's folder; its paths start there.
    Folder(PathBuf),
    /// The same, with what reads Parquet manifests.
    FolderWithTables(PathBuf, TableReader),
    /// Files held by the binary, by name; only for source `idx`.
    Embedded(&'static [(&'static str, &'static [u8])]),
}

/// An outside file whose content an import reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name in the description, or below the description's folder, with `/`.
    pub name: String,
    /// Where it lies, unless it is embedded.
    pub path: Option<PathBuf>,
    /// Its content, if it is embedded.
    pub bytes: Option<&'static [u8]>,
}

impl Origin {
    /// Opens a file that the description names under `key`.
    pub(crate) fn open(&self, name: &str, key: &'static str) -> Result<Box<dyn Read>> {
        let missing = || Error::Missing { path: name.into(), key };
        match self {
            Self::Folder(dir) | Self::FolderWithTables(dir, _) => {
                let path = dir.join(name);
                match File::open(&path) {
                    Ok(file) => Ok(Box::new(BufReader::new(file))),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        Err(Error::Missing { path: path.display().to_string(), key })
                    }
                    Err(error) => Err(Error::io(path)(error)),
                }
            }
            Self::Embedded(files) => {
                let found = files.iter().find(|(known, _)| *known == name).ok_or_else(missing)?;
                Ok(Box::new(found.1))
            }
        }
    }

    /// Opens a manifest; Parquet comes as JSON Lines.
    pub(crate) fn open_manifest(&self, name: &str) -> Result<Box<dyn Read>> {
        let file = self.open(name, "images.file")?;
        match self {
            _ if !is_parquet(name) => Ok(file),
            Self::FolderWithTables(dir, read) => (read.rows)(&dir.join(name)).map_err(Error::Table),
            _ => Err(Error::Manifest {
                place: Place { file: name.into(), row: None },
                reason: "Parquet is read by the program `latentwalk` alone: save it as CSV or JSON Lines".into(),
            }),
        }
    }

    /// The images that a column of a Parquet manifest holds.
    pub(crate) fn open_images(&self, name: &str, column: &str) -> Result<EmbeddedImages> {
        match self {
            Self::FolderWithTables(dir, read) => (read.images)(&dir.join(name), column).map_err(Error::Table),
            _ => Err(Error::no_images(name)),
        }
    }

    /// The folder, for sources that need one.
    pub(crate) fn folder(&self, source: Source) -> Result<&Path> {
        match self {
            Self::Folder(dir) | Self::FolderWithTables(dir, _) => Ok(dir),
            Self::Embedded(_) => Err(Error::Setting {
                key: "images.source".to_owned(),
                got: format!("\"{}\"", source.as_str()),
                must: "it needs a folder, and files that the program holds can only be read as \"idx\"",
            }),
        }
    }
}

/// The folder that [`crate::Item::path`] starts from; `None` for images without files of their own.
pub fn originals(description: &Description, origin: &Origin) -> Option<PathBuf> {
    match (origin, description.images.source) {
        (_, Source::Idx | Source::Garments) | (Origin::Embedded(_), _) => None,
        (Origin::Folder(dir) | Origin::FolderWithTables(dir, _), _) => {
            Some(dir.join(description.images.root.as_deref().unwrap_or("")))
        }
    }
}

/// Lists every outside file whose content an import reads, sorted by name.
///
/// Images that a manifest names but that do not exist are left out: they have no content, and once they appear the list
/// changes.
///
/// **Errors.** Those of [`crate::import`] that concern missing files and malformed manifests.
pub fn files(description: &Description, origin: &Origin) -> Result<Vec<SourceFile>> {
    description.check()?;
    let section = &description.images;
    let mut files = match section.source {
        Source::Idx => {
            let named = section.images.iter().map(|name| (name, "images.images"));
            let named = named.chain(section.labels.iter().map(|name| (name, "images.labels")));
            named.map(|(name, key)| named_file(origin, name, key)).collect::<Result<Vec<_>>>()?
        }
        Source::Garments => {
            // Nothing outside: the renderer's revision stands for the content.
            let bytes = Some(latentwalk_garments::REVISION.as_bytes());
            vec![SourceFile { name: "garments".into(), path: None, bytes }]
        }
        _ => {
            let root = section.root.as_deref().unwrap_or("");
            let dir = origin.folder(section.source)?;
            let table = scan(description, origin)?;
            let listed = table.files.iter().map(|name| named_file(origin, name, "images.file"));
            let mut files = listed.collect::<Result<Vec<_>>>()?;
            // What pixels a file gives is a part of what is made from it.
            let version = Some(crate::pixel::DECODER_VERSION.as_bytes());
            files.push(SourceFile { name: "(decoder of image files)".into(), path: None, bytes: version });
            for record in table.records.into_iter().filter(|record| record.path.is_some()) {
                let path = dir.join(root).join(record.path.as_deref().unwrap_or_default());
                let name = slashed(&Path::new(root).join(record.path.as_deref().unwrap_or_default()));
                if path.is_file() {
                    files.push(SourceFile { name, path: Some(path), bytes: None });
                }
            }
            files
        }
    };
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.dedup();
    Ok(files)
}

fn named_file(origin: &Origin, name: &str, key: &'static str) -> Result<SourceFile> {
    origin.open(name, key)?;
    let (path, bytes) = match origin {
        Origin::Folder(dir) | Origin::FolderWithTables(dir, _) => (Some(dir.join(name)), None),
        Origin::Embedded(files) => (None, files.iter().find(|(known, _)| *known == name).map(|found| found.1)),
    };
    Ok(SourceFile { name: name.into(), path, bytes })
}

/// Reads everything but the pixels; of the label columns those that attributes read.
pub(crate) fn scan(description: &Description, origin: &Origin) -> Result<Table> {
    let columns = |attribute| -> Vec<&str> { description.columns(attribute).collect() };
    let wanted: Vec<&str> = description.attributes.0.iter().flat_map(columns).collect();
    let mut table = scan_section(&description.images, origin, Some(&wanted))?;
    one_hot::gather(&mut table, description)?;
    Ok(table)
}

/// As [`scan`], with all label columns.
pub(crate) fn scan_all(description: &Description, origin: &Origin) -> Result<Table> {
    let mut table = scan_section(&description.images, origin, None)?;
    one_hot::gather(&mut table, description)?;
    Ok(table)
}

/// Reads everything but the pixels; of the label columns those `wanted`, or all.
pub(crate) fn scan_section(section: &ImagesSection, origin: &Origin, wanted: Option<&[&str]>) -> Result<Table> {
    let table = if section.parts.is_empty() {
        scan_file(section, origin, wanted, section.file.as_deref().unwrap_or_default(), "")?
    } else {
        parts::scan(&section.parts, &|part: &Part| {
            scan_file(section, origin, wanted, &part.file, part.root.as_deref().unwrap_or_default())
        })?
    };
    if table.records.is_empty() && table.skipped.is_empty() {
        return Err(Error::no_images(section.source_name()));
    }
    check_paths(&table)?;
    Ok(table)
}

/// Reads one label file, whose paths start from `below` the root, or a source that has none.
fn scan_file(
    section: &ImagesSection,
    origin: &Origin,
    wanted: Option<&[&str]>,
    file: &str,
    below: &str,
) -> Result<Table> {
    let open = || origin.open(file, "images.file");
    let root = || -> Result<PathBuf> {
        let root = origin.folder(section.source)?.join(section.root.as_deref().unwrap_or(""));
        Ok(if below.is_empty() { root } else { root.join(below) })
    };
    let annotations = || -> Result<(&Path, &str)> {
        Ok((origin.folder(section.source)?, section.annotations.as_deref().unwrap_or_default()))
    };
    let columns = manifest::Wanted { path: section.path_column.as_deref(), labels: wanted };
    let mut table = match section.source {
        Source::Idx => scan_idx(&section.images, &section.labels, origin)?,
        Source::Folder => folder::scan(&root()?, section.split_folders)?,
        Source::Manifest if is_parquet(file) || jsonl::is_lines(file) => {
            jsonl::scan(origin.open_manifest(file)?, file, columns)?
        }
        Source::Manifest => manifest::scan(open()?, file, columns)?,
        Source::Imaterialist => {
            let labels = section.labels_file.as_deref().unwrap_or_default();
            let names = imaterialist::read_labels(origin.open(labels, "images.labels_file")?, labels)?;
            imaterialist::scan(open()?, [file, labels], &names, &root()?, wanted)?
        }
        Source::DeepFashion => deepfashion::scan(annotations()?, wanted)?,
        Source::CelebA => celeba::scan(annotations()?, wanted)?,
        Source::FashionAi => fashionai::scan(open()?, file, wanted)?,
        Source::Coco => coco::scan(open()?, file, wanted)?,
        Source::Garments => wardrobe::scan(section),
    };
    if table.records.iter().any(|record| matches!(record.place, RecordPlace::Row { .. }) && record.path.is_some()) {
        resolve::paths(&mut table, &root()?, section.path_match)?;
    }
    Ok(table)
}

/// Whether a manifest's name says that it is Parquet.
pub(crate) fn is_parquet(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".parquet")
}

/// No row may name a file outside the root; a folder's own files cannot.
fn check_paths(table: &Table) -> Result<()> {
    let outside = |record: &&Record| {
        matches!(record.place, RecordPlace::Row { .. }) && !record.path.as_deref().is_none_or(stays_below)
    };
    match table.records.iter().find(outside) {
        None => Ok(()),
        Some(record) => Err(Error::Cell {
            place: table.place(record),
            value: record.path.clone().unwrap_or_default(),
            wrong: "a path that leaves the root".to_owned(),
            hint: "set `images.root` to a folder that holds all images, and give paths below it",
        }),
    }
}

/// Opens an IDX image file.
pub(crate) fn open_idx(name: &str, origin: &Origin) -> Result<idx::ImageReader<Box<dyn Read>>> {
    let reader = origin.open(name, "images.images")?;
    idx::ImageReader::new(reader).map_err(Error::idx(name))
}

fn scan_idx(images: &[String], labels: &[String], origin: &Origin) -> Result<Table> {
    let prefixes = prefixes(images);
    let mut records = Vec::new();
    for (part, (image_name, label_name)) in images.iter().zip(labels).enumerate() {
        let count = u64::from(open_idx(image_name, origin)?.header().count);
        let values = idx::read_labels(origin.open(label_name, "images.labels")?).map_err(Error::idx(label_name))?;
        if count != values.len() as u64 {
            let place = Place { file: label_name.clone(), row: None };
            let reason = format!(
                "it holds {} labels for the {count} images of {image_name}; the two must belong together and stand at the same \
                 place in `images.images` and `images.labels`",
                values.len()
            );
            return Err(Error::Manifest { place, reason });
        }
        let classes: Vec<Cell> = (0..=u8::MAX).map(|value| value.to_string().into()).collect();
        let digits = values.len().saturating_sub(1).to_string().len().max(5);
        records.extend(values.iter().enumerate().map(|(row, value)| Record {
            id: format!("{}-{row:0digits$}", prefixes[part]),
            path: None,
            place: RecordPlace::Row { file: part, row: row as u64 },
            cells: vec![classes[usize::from(*value)].clone()],
            split: None,
            group: None,
        }));
    }
    let columns = vec!["label".to_owned()];
    Ok(Table { files: labels.to_vec(), available: columns.clone(), columns, records, ..Table::default() })
}

/// One prefix a part, such as `t10k` for `t10k-images-idx3-ubyte.gz`; repeated ones are numbered.
fn prefixes(images: &[String]) -> Vec<String> {
    let mut prefixes: Vec<String> = Vec::new();
    for name in images {
        let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let end = base.find("-images").or_else(|| base.find('.')).unwrap_or(base.len());
        let stem = if end == 0 { "image" } else { &base[..end] };
        let mut prefix = stem.to_owned();
        let mut number = 2;
        while prefixes.contains(&prefix) {
            prefix = format!("{stem}-{number}");
            number += 1;
        }
        prefixes.push(prefix);
    }
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_come_from_file_names() {
        let names = ["a/train-images-idx3-ubyte.gz", "b/train-images-idx3-ubyte", "x.idx", ".gz"];
        let names: Vec<String> = names.map(String::from).into();
        assert_eq!(prefixes(&names), ["train", "train-2", "x", "image"]);
    }
}
