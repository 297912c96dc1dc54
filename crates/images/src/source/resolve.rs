//! From what a table says of an image to the file below the root.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::folder;
use super::paths::slashed;
use super::table::Table;
use super::unicode::nfc;
use crate::description::PathMatch;
use crate::error::{Error, Result};

/// Sets every record's path to that of its file, as far as there is one.
///
/// An absolute path below the root is taken as what it is below it, and a name is found in whichever Unicode form the system
/// has it. A name that fits no file stays as it is: that the file is missing is told where it is opened.
///
/// **Errors.** [`Error::Cell`] for a name that fits several files; those of listing the root.
pub(super) fn paths(table: &mut Table, root: &Path, matching: PathMatch) -> Result<()> {
    match matching {
        PathMatch::Path => {
            below(table, root);
            forms(table, root);
            Ok(())
        }
        PathMatch::Name | PathMatch::Stem => names(table, root, matching),
    }
}

/// Takes absolute paths below the root as relative ones.
fn below(table: &mut Table, root: &Path) {
    let is_absolute = |path: &Option<String>| path.as_deref().is_some_and(|path| Path::new(path).is_absolute());
    if !table.records.iter().any(|record| is_absolute(&record.path)) {
        return;
    }
    let roots: Vec<PathBuf> = [std::path::absolute(root), root.canonicalize()].into_iter().flatten().collect();
    for record in table.records.iter_mut().filter(|record| is_absolute(&record.path)) {
        let Some(path) = &record.path else { continue };
        let rest = roots.iter().find_map(|root| Path::new(path).strip_prefix(root).ok()).map(slashed);
        if let Some(rest) = rest {
            if record.id == *path {
                record.id.clone_from(&rest);
            }
            record.path = Some(rest);
        }
    }
}

/// Finds names that the system has in another Unicode form.
fn forms(table: &mut Table, root: &Path) {
    let mut folders = HashMap::new();
    for record in &mut table.records {
        let Some(path) = record.path.as_deref().filter(|path| !path.is_ascii()) else { continue };
        if root.join(path).exists() {
            continue;
        }
        let mut real = PathBuf::new();
        for part in path.split('/') {
            match root.join(&real).join(part).exists() {
                true => real.push(part),
                false => {
                    let of_folder = folders.entry(real.clone()).or_insert_with(|| by_form(&root.join(&real)));
                    real.push(of_folder.get(&*nfc(part)).map_or(part, |name| name));
                }
            }
        }
        let real = slashed(&real);
        if root.join(&real).exists() {
            record.path = Some(real);
        }
    }
}

/// The names in a folder, by their NFC; without those that cannot be listed.
fn by_form(dir: &Path) -> HashMap<String, String> {
    let names = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.map(|name| (nfc(&name).into_owned(), name)).collect()
}

/// Finds files by their name alone, wherever they lie below the root.
fn names(table: &mut Table, root: &Path, matching: PathMatch) -> Result<()> {
    let images = folder::list(root)?.images;
    let mut known: HashMap<String, Vec<&String>> = HashMap::with_capacity(images.len());
    for image in &images {
        known.entry(key(image, matching)).or_default().push(image);
    }
    for at in 0..table.records.len() {
        let Some(name) = table.records[at].path.clone() else { continue };
        let whole = nfc(&name).into_owned();
        let last = whole.rsplit('/').next().unwrap_or(&whole);
        let Some(candidates) = known.get(last) else { continue };
        // Folders before the name tell files of one name apart.
        let ends = |image: &&&String| ends_with(image, &whole, matching);
        let closer: Vec<&String> = candidates.iter().filter(ends).copied().collect();
        match if closer.is_empty() { &candidates[..] } else { &closer[..] } {
            [] => {}
            [only] => table.records[at].path = Some((*only).clone()),
            [first, second, ..] => {
                return Err(Error::Cell {
                    place: table.place(&table.records[at]),
                    value: name,
                    wrong: format!("which may be {first} or {second}"),
                    hint: "give paths from `images.root`, or set it to the folder that is meant",
                });
            }
        }
    }
    Ok(())
}

/// Whether a path ends with a table's name for it, folders included, or the name with the path.
fn ends_with(image: &str, name: &str, matching: PathMatch) -> bool {
    let image = nfc(image);
    let image = match matching {
        PathMatch::Stem => image.rsplit_once('.').map_or(&*image, |(stem, _)| stem),
        PathMatch::Path | PathMatch::Name => &*image,
    };
    let name = name.trim_start_matches("./").trim_start_matches('/');
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    // A name may also come from another place, where the folders above the root stand before it.
    ends(image, name) || ends(name, image)
}

/// What a table calls an image by.
pub(crate) fn key(image: &str, matching: PathMatch) -> String {
    let name = image.rsplit('/').next().unwrap_or(image);
    let name = match matching {
        PathMatch::Stem => name.rsplit_once('.').map_or(name, |(stem, _)| stem),
        PathMatch::Path | PathMatch::Name => name,
    };
    nfc(name).into_owned()
}
