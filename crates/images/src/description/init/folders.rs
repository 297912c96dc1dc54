//! A draft for a folder of images that no table describes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Place, look, quoted, scanned};
use crate::attribute::Split;
use crate::description::DEFAULT_MAXIMUM_UNREADABLE;
use crate::error::{Error, Result};
use crate::source::folder::{Listing, split_of};

/// What lies directly below a folder.
#[derive(Default)]
struct Level<'a> {
    /// Images that lie in it themselves.
    own: usize,
    /// Sub-folders with images, with the paths below them.
    subs: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Level<'a> {
    fn of(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let mut level = Self::default();
        for path in paths {
            match path.split_once('/') {
                Some((folder, rest)) => level.subs.entry(folder).or_default().push(rest),
                None => level.own += 1,
            }
        }
        level
    }

    /// The folders below a sub-folder; those of `train/train` are those of `train`.
    fn below(&self, name: &str) -> Self {
        let level = Self::of(self.subs.get(name).into_iter().flatten().copied());
        match level.subs.get(name) {
            Some(inner) if level.own == 0 && level.subs.len() == 1 => Self::of(inner.iter().copied()),
            _ => level,
        }
    }
}

/// The draft: sub-folders are classes, or splits that hold the folders of the classes.
pub(super) fn find(place: &Place<'_>, listing: &Listing) -> Result<Finding> {
    if listing.images.is_empty() {
        return Err(match listing.skipped.first() {
            Some(first) => Error::Unreadable {
                unreadable: listing.skipped.len(),
                total: listing.skipped.len(),
                maximum: DEFAULT_MAXIMUM_UNREADABLE,
                path: first.path.clone(),
                reason: first.reason.clone(),
            },
            None => Error::no_images(place.dir.display().to_string()),
        });
    }
    // A folder whose only sub-folder holds the folders of the classes: start there.
    let mut root = String::new();
    let mut level = Level::of(listing.images.iter().map(String::as_str));
    while let ([(name, paths)], 0) = (&level.subs.iter().collect::<Vec<_>>()[..], level.own) {
        let inner = Level::of(paths.iter().copied());
        if inner.subs.is_empty() {
            break;
        }
        root = if root.is_empty() { (**name).to_owned() } else { format!("{root}/{name}") };
        level = inner;
    }
    match layout(&level) {
        Layout::Classes => draft(place, &root, false, Vec::new()),
        Layout::Splits => draft(place, &root, true, Vec::new()),
        Layout::Only(split) => {
            let others = level.subs.iter().filter(|(name, _)| **name != split);
            let told = others.map(|(name, paths)| {
                format!(
                    "`{name}` holds no folders of classes: its {} images have no label and are left out",
                    paths.len()
                )
            });
            let told = told.collect();
            let below = if root.is_empty() { split.to_owned() } else { format!("{root}/{split}") };
            draft(place, &below, false, told)
        }
        Layout::Flat(names) => Err(Error::NoAttribute {
            place: place.dir.display().to_string(),
            reasons: vec![format!(
                "the folders {} are named after splits, and hold no folders of classes",
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            )],
            hint: "put the labels into a table beside them: labels.csv with the columns path, split and one per attribute. If \
                   these names are classes, write `source = \"folder\"` into a description by hand",
        }),
    }
}

/// What the sub-folders are.
enum Layout<'a> {
    Classes,
    Splits,
    /// One split holds folders of classes, the others only images.
    Only(&'a str),
    /// All are named after splits and hold only images.
    Flat(Vec<&'a str>),
}

fn layout<'a>(level: &Level<'a>) -> Layout<'a> {
    let named: Vec<(&str, Split)> = level.subs.keys().filter_map(|name| Some((*name, split_of(name)?))).collect();
    let distinct: BTreeSet<usize> = named.iter().map(|(_, split)| *split as usize).collect();
    if distinct.len() < 2 {
        return Layout::Classes;
    }
    let classes = |name: &str| level.below(name).subs.into_keys().collect::<BTreeSet<&str>>();
    let full: Vec<&str> = named.iter().map(|(name, _)| *name).filter(|name| !classes(name).is_empty()).collect();
    let all_named = named.len() == level.subs.len();
    match full[..] {
        [] if all_named => Layout::Flat(named.iter().map(|(name, _)| *name).collect()),
        [] => Layout::Classes,
        [only] if all_named => Layout::Only(only),
        [_] => Layout::Classes,
        // With folders of other names beside them, the same classes have to come again.
        [first, ..] => {
            let again = full[1..].iter().any(|name| classes(name).intersection(&classes(first)).next().is_some());
            if all_named || again { Layout::Splits } else { Layout::Classes }
        }
    }
}

fn draft(place: &Place<'_>, root: &str, splits: bool, remarks: Vec<String>) -> Result<Finding> {
    let below = place.path(root);
    let below = if below.is_empty() { ".".to_owned() } else { below };
    let meaning = if splits {
        "every sub-folder is a split, the ones below it are classes"
    } else {
        "every sub-folder is a class"
    };
    let mut source = format!("source = \"folder\"\nroot = {}   # {meaning}\n", quoted(&below));
    if splits {
        source.push_str("split_folders = true\n");
    }
    let (table, files) = scanned(place, &source)?;
    let paths = table.records.iter().filter_map(|record| Some(files.join(record.path.as_ref()?)));
    let (size, channels) = look(paths.collect::<Vec<_>>().into_iter());
    Ok(Finding { table, root: files, source, parts: String::new(), size, channels, one_hot: Vec::new(), remarks })
}
