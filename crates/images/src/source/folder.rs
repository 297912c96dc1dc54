//! A folder whose sub-folders are classes, or splits that hold the folders of the classes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::format::{self, FileKind};
use super::paths::slashed;
use super::rows::Cells;
use super::table::{Record, RecordPlace, Table};
use crate::attribute::Split;
use crate::dataset::Skipped;
use crate::error::{Error, Result};

/// Folders in which systems keep thumbnails and deleted files, in lower case.
const SYSTEM_FOLDERS: [&str; 13] = [
    "@eadir",
    "@__thumb",
    "@recycle",
    "@recently-snapshot",
    "@tmp",
    "@sharebin",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "system volume information",
    "__macosx",
    "lost+found",
    "network trash folder",
];
/// Words beside a split's in the name of its folder, which say nothing.
const FILLERS: [&str; 9] = ["set", "data", "dataset", "images", "image", "imgs", "img", "split", "folder"];
/// Kinds of files that a remark names.
const KINDS_TOLD: usize = 12;

/// What was found below a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// Images, as paths with `/` below the folder, sorted.
    pub images: Vec<String>,
    /// Pictures of kinds that are not read, and files whose names cannot be written down.
    pub skipped: Vec<Skipped>,
    /// Sentences about what was passed over.
    pub left_out: Vec<String>,
}

/// Lists all that lies below a folder.
///
/// **Errors.** [`Error::Missing`] and [`Error::Io`].
pub(crate) fn list(root: &Path) -> Result<Listing> {
    let mut found = Found::default();
    walk(root, root, &mut Vec::new(), &mut found)?;
    let Found { mut listing, others, system, hidden } = found;
    listing.images.sort();
    listing.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    for (folder, files) in system {
        listing
            .left_out
            .push(format!("`{folder}` is a folder of the system: its {files} files are no images of the data set"));
    }
    if !others.is_empty() {
        let all: usize = others.values().sum();
        let mut kinds: Vec<(&String, &usize)> = others.iter().collect();
        kinds.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let rest: usize = kinds.iter().skip(KINDS_TOLD).map(|kind| kind.1).sum();
        let more = if rest > 0 { format!(", {rest} of other kinds") } else { String::new() };
        let told = kinds.iter().take(KINDS_TOLD).map(|(kind, count)| format!("{count} {kind}"));
        let (is, told) = (
            if all == 1 { "file that is no picture" } else { "files that are no pictures" },
            told.collect::<Vec<_>>().join(", "),
        );
        listing.left_out.push(format!("{all} {is}: {told}{more}"));
    }
    if hidden > 0 {
        listing.left_out.push(format!("{hidden} hidden files and folders, whose names begin with a dot"));
    }
    Ok(listing)
}

/// The column `folder` is the first folder on the way, empty for images in `root` itself. With `splits` the first folder on
/// the way names the split and the second is the class; images below no split, or directly in one, are left out.
pub(crate) fn scan(root: &Path, splits: bool) -> Result<Table> {
    let Listing { images, skipped, left_out } = list(root)?;
    let mut table = Table { columns: vec!["folder".to_owned()], skipped, left_out, ..Table::default() };
    table.available.clone_from(&table.columns);
    let (mut cells, mut strangers) = (Cells::default(), BTreeMap::<String, usize>::new());
    for path in images {
        let (split, class) = match splits.then(|| split_and_class(&path)) {
            Some(Some((split, class))) => (Some(split), class),
            Some(None) => {
                let folder = path.split_once('/').map_or("", |(folder, _)| folder);
                *strangers.entry(folder.to_owned()).or_default() += 1;
                continue;
            }
            None => (None, path.split_once('/').map_or("", |(folder, _)| folder)),
        };
        let cells = vec![cells.get(class.trim())];
        let place = RecordPlace::OwnFile;
        table.records.push(Record { id: path.clone(), cells, path: Some(path), place, split, group: None });
    }
    table.left_out.extend(strangers.into_iter().map(|(folder, images)| match &folder[..] {
        "" => format!("{images} images that lie in no folder of a split"),
        _ => format!("`{folder}`: {images} images that lie in no folder of a split and a class"),
    }));
    Ok(table)
}

/// The split and the class of an image below `SPLIT/CLASS`. `SPLIT/SPLIT/CLASS`, as archives are often unpacked, is the same.
fn split_and_class(path: &str) -> Option<(Split, &str)> {
    let (first, rest) = path.split_once('/')?;
    let split = split_of(first)?;
    let (mut class, mut rest) = rest.split_once('/')?;
    if class == first {
        (class, rest) = rest.split_once('/')?;
    }
    debug_assert!(!rest.is_empty());
    Some((split, class))
}

/// The split that a folder or a file is named after: `train`, `Validation`, `test_set`, `valset`.
pub(crate) fn split_of(name: &str) -> Option<Split> {
    let name = name.to_lowercase();
    let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let (mut found, mut others) = (None, false);
    words.by_ref().for_each(|word| {
        let bare = FILLERS.iter().find_map(|filler| word.strip_suffix(filler)).unwrap_or(word);
        match bare {
            "train" | "training" if found.is_none() => found = Some(Split::Train),
            "val" | "valid" | "validation" | "validate" | "dev" if found.is_none() => found = Some(Split::Validation),
            "test" | "testing" if found.is_none() => found = Some(Split::Test),
            "" => {}
            _ => others |= !FILLERS.contains(&word),
        }
    });
    found.filter(|_| !others)
}

/// What a walk through folders gathers.
#[derive(Default)]
struct Found {
    listing: Listing,
    /// Files that are no pictures, by their ending.
    others: BTreeMap<String, usize>,
    /// Folders of the system, with the files in them.
    system: BTreeMap<String, usize>,
    hidden: usize,
}

/// Links to a folder on the way are not followed.
fn walk(root: &Path, dir: &Path, ancestors: &mut Vec<PathBuf>, found: &mut Found) -> Result<()> {
    let canonical = dir.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Missing { path: dir.display().to_string(), key: "images.root" },
        _ => Error::io(dir)(error),
    })?;
    if ancestors.contains(&canonical) {
        return Ok(());
    }
    ancestors.push(canonical);
    let (paths, hidden) = all_entries(dir)?;
    found.hidden += hidden;
    for path in paths {
        let name = slashed(path.strip_prefix(root).unwrap_or(&path));
        if path.is_dir() {
            match is_of_system(&path) {
                true => *found.system.entry(name).or_default() += count(&path)?,
                false => walk(root, &path, ancestors, found)?,
            }
            continue;
        }
        let skip = |reason: String| Skipped { path: name.clone(), reason };
        match format::of_file(&path) {
            FileKind::Image if path.to_str().is_none() => {
                found.listing.skipped.push(skip("its name is not UTF-8: rename it".into()));
            }
            FileKind::Image => found.listing.images.push(name),
            FileKind::Unread(kind) => found.listing.skipped.push(skip(format::unread(kind))),
            FileKind::Other if path.file_name().is_some_and(|name| name == "latentwalk.toml") => {}
            FileKind::Other => {
                let ending = format::ending(&path);
                let kind = if ending.is_empty() { "without ending".to_owned() } else { format!(".{ending}") };
                *found.others.entry(kind).or_default() += 1;
            }
        }
    }
    ancestors.pop();
    Ok(())
}

fn is_of_system(dir: &Path) -> bool {
    let name = dir.file_name().map(|name| name.to_string_lossy().to_lowercase());
    name.is_some_and(|name| SYSTEM_FOLDERS.contains(&name.as_str()))
}

/// The files below a folder of the system; links are not followed.
fn count(dir: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(dir).map_err(Error::io(dir))? {
        let entry = entry.map_err(Error::io(dir))?;
        let kind = entry.file_type().map_err(Error::io(dir))?;
        files += if kind.is_dir() { count(&entry.path())? } else { 1 };
    }
    Ok(files)
}

/// The entries of a folder, sorted, without hidden ones and folders of the system.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let (mut paths, _) = all_entries(dir)?;
    paths.retain(|path| !is_of_system(path));
    Ok(paths)
}

/// The entries of a folder, sorted, without the hidden ones, which are counted.
fn all_entries(dir: &Path) -> Result<(Vec<PathBuf>, usize)> {
    let (mut paths, mut hidden) = (Vec::new(), 0);
    for entry in fs::read_dir(dir).map_err(Error::io(dir))? {
        let entry = entry.map_err(Error::io(dir))?;
        match entry.file_name().to_string_lossy().starts_with('.') {
            true => hidden += 1,
            false => paths.push(entry.path()),
        }
    }
    paths.sort();
    Ok((paths, hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_are_known_by_many_names() {
        for (names, split) in [
            (&["train", "Training", "training_set", "train-images", "trainset", "TRAIN_DATA"][..], Split::Train),
            (&["val", "valid", "validation", "Valset", "dev", "validation_split"], Split::Validation),
            (&["test", "testing", "test_set", "test images"], Split::Test),
        ] {
            names.iter().for_each(|name| assert_eq!(split_of(name), Some(split), "{name}"));
        }
        for name in ["trains", "train station", "valley", "tester", "set", "", "cat", "seg_pred", "contest"] {
            assert_eq!(split_of(name), None, "{name}");
        }
    }

    #[test]
    fn classes_lie_below_splits() {
        assert_eq!(split_and_class("train/cat/1.png"), Some((Split::Train, "cat")));
        assert_eq!(split_and_class("train/train/cat/a/1.png"), Some((Split::Train, "cat")));
        assert_eq!(split_and_class("train/train/1.png"), None);
        assert_eq!((split_and_class("train/1.png"), split_and_class("more/cat/1.png")), (None, None));
    }
}
