//! A first description for a folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{
    DEFAULT_MAXIMUM_UNREADABLE, DEFAULT_MINIMUM_PER_CLASS, DEFAULT_SEED, DEFAULT_SHARES, DEFAULT_SIZE, natural,
};
use crate::attribute::Split;
use crate::error::{Error, Result};
use crate::pixel::decode;
use crate::source::folder::{self, entries};
use crate::source::{Origin, Record, RecordPlace, Table, idx, jsonl, manifest, open_idx, slashed, values};

/// A column with more values is more likely a name or a measurement than a set of classes.
const MOST_CLASSES: usize = 100;

/// Looks at a folder and writes the `[images]` and `[attributes]` part of a first description for it, with comments on
/// what was found; it is meant to be saved in that folder.
///
/// A manifest in the folder (CSV, TSV or JSON Lines with a path column) comes first, then IDX files, then sub-folders of images.
///
/// **Errors.** [`Error::NoImages`] when there is nothing of the kind, [`Error::OneClass`] when nothing has two classes,
/// [`Error::Io`], and whatever is wrong with the files found.
pub fn init(dir: &Path) -> Result<String> {
    let finding = match find_manifest(dir)? {
        Some(finding) => finding,
        None => match find_idx(dir)? {
            Some(finding) => finding,
            None => find_folder(dir)?,
        },
    };
    let (attributes, left_out) = attributes(&finding);
    if attributes.is_empty() {
        let classes = finding.table.columns.len().min(1);
        return Err(Error::OneClass { attribute: finding.table.columns.join(", "), classes });
    }
    Ok(text(&finding, &attributes, &left_out))
}

/// What was found in the folder.
struct Finding {
    table: Table,
    /// Keys of `[images]` that name the source, with comments.
    source: String,
    size: u32,
    channels: usize,
}

/// One attribute that the description will declare.
struct Found {
    name: String,
    column: String,
    multi: bool,
    /// Classes with their images, and how many of those the train split will hold.
    classes: Vec<(String, usize, usize)>,
    /// Classes too small to be declared.
    rare: Vec<(String, usize)>,
}

fn find_manifest(dir: &Path) -> Result<Option<Finding>> {
    for path in entries(dir)? {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| ending == "csv" || ending == "tsv" || jsonl::is_lines(name))
        else {
            continue;
        };
        let file = File::open(&path).map_err(Error::io(&path))?;
        let table =
            if jsonl::is_lines(name) { jsonl::scan(file, name, None) } else { manifest::scan(file, name, None) };
        let Ok(table) = table else { continue };
        if table.records.is_empty() || table.columns.is_empty() {
            continue;
        }
        let root = manifest_root(dir, &table)?;
        let mut source = format!("source = \"manifest\"\nfile = {}\n", quoted(name));
        match &root {
            Some(root) if root.is_empty() => {}
            Some(root) => _ = writeln!(source, "root = {}", quoted(root)),
            None => source.push_str(
                "# root = \"…\"   # none of the first paths was found: name the folder that they start from\n",
            ),
        }
        let root = dir.join(root.unwrap_or_default());
        let (size, channels) = look(table.records.iter().filter_map(|record| Some(root.join(record.path.as_ref()?))));
        return Ok(Some(Finding { table, source, size, channels }));
    }
    Ok(None)
}

/// The folder that the manifest's paths start from: this one or one of its sub-folders.
fn manifest_root(dir: &Path, table: &Table) -> Result<Option<String>> {
    let found = |root: &Path| {
        let first = table.records.iter().take(10).filter_map(|record| record.path.as_deref());
        first.into_iter().any(|path| root.join(path).is_file())
    };
    if found(dir) {
        return Ok(Some(String::new()));
    }
    let sub = entries(dir)?.into_iter().find(|path| path.is_dir() && found(path));
    Ok(sub.map(|path| slashed(path.strip_prefix(dir).unwrap_or(&path))))
}

fn find_idx(dir: &Path) -> Result<Option<Finding>> {
    let origin = Origin::Folder(dir.into());
    let (mut images, mut labels, mut records) = (Vec::new(), Vec::new(), Vec::new());
    let mut size = DEFAULT_SIZE as u32;
    for path in entries(dir)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let label_name = name.replace("images-idx3", "labels-idx1").replace("images.idx3", "labels.idx1");
        if label_name == name || !dir.join(&label_name).is_file() {
            continue;
        }
        let header = open_idx(name, &origin)?.header();
        size = header.rows.min(header.columns);
        let read = idx::read_labels(origin.open(&label_name, "images.labels")?);
        let values = read.map_err(Error::idx(&label_name))?;
        records.extend(values.into_iter().map(|value| idx_record(value.to_string())));
        images.push(quoted(name));
        labels.push(quoted(&label_name));
    }
    if images.is_empty() {
        return Ok(None);
    }
    let source = format!("source = \"idx\"\nimages = [{}]\nlabels = [{}]\n", images.join(", "), labels.join(", "));
    let table = Table { files: labels, columns: vec!["label".into()], records, ..Table::default() };
    Ok(Some(Finding { table, source, size, channels: 1 }))
}

fn idx_record(label: String) -> Record {
    let place = RecordPlace::OwnFile;
    Record { id: String::new(), path: None, place, cells: vec![label.into()], split: None, group: None }
}

fn find_folder(dir: &Path) -> Result<Finding> {
    // A folder whose only sub-folder holds the classes: start there.
    let subs: Vec<PathBuf> = entries(dir)?.into_iter().filter(|path| path.is_dir()).collect();
    let mut root = dir.to_owned();
    if let [only] = &subs[..] {
        let inner = folder::scan(only)?;
        if inner.records.iter().any(|record| !record.cells[0].is_empty()) {
            root = only.clone();
        }
    }
    let table = folder::scan(&root)?;
    if table.records.is_empty() {
        return Err(match table.skipped.first() {
            Some(first) => Error::Unreadable {
                unreadable: table.skipped.len(),
                total: table.skipped.len(),
                maximum: DEFAULT_MAXIMUM_UNREADABLE,
                path: first.path.clone(),
                reason: first.reason.clone(),
            },
            None => Error::no_images(dir.display().to_string()),
        });
    }
    let below = slashed(root.strip_prefix(dir).unwrap_or(&root));
    let below = if below.is_empty() { "." } else { &below };
    let source = format!("source = \"folder\"\nroot = {}   # every sub-folder is a class\n", quoted(below));
    let (size, channels) = look(table.records.iter().filter_map(|record| Some(root.join(record.path.as_ref()?))));
    Ok(Finding { table, source, size, channels })
}

/// Size and channels after a look at the first image that opens.
fn look(paths: impl Iterator<Item = PathBuf>) -> (u32, usize) {
    let first = paths.take(100).find_map(|path| decode::peek(&path));
    let size = DEFAULT_SIZE as u32;
    first.map_or((size, 3), |(width, height, colour)| (size.min(width).min(height).max(1), if colour { 3 } else { 1 }))
}

/// The columns that can be attributes, and the names of those that cannot.
fn attributes(finding: &Finding) -> (Vec<Found>, Vec<String>) {
    let (mut found, mut left_out) = (Vec::<Found>::new(), Vec::new());
    for (at, column) in finding.table.columns.iter().enumerate() {
        match attribute(&finding.table, at) {
            Some(mut attribute) => {
                while found.iter().any(|known| known.name == attribute.name) {
                    attribute.name.push('_');
                }
                found.push(attribute);
            }
            None => left_out.push(column.clone()),
        }
    }
    (found, left_out)
}

fn attribute(table: &Table, at: usize) -> Option<Found> {
    let mut counts: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    let (mut labelled, mut multi) = (0, false);
    for record in &table.records {
        let of_train = match record.split {
            None => DEFAULT_SHARES[0],
            Some(split) => f64::from(u8::from(split == Split::Train)),
        };
        let distinct: std::collections::BTreeSet<&str> = values(&record.cells[at], table.separator).collect();
        labelled += usize::from(!distinct.is_empty());
        multi |= distinct.len() > 1;
        for value in distinct {
            let count = counts.entry(value).or_default();
            *count = (count.0 + 1, count.1 + of_train);
        }
    }
    if counts.len() < 2 || counts.len() > MOST_CLASSES || (counts.len() * 2 > labelled && !multi) {
        return None;
    }
    let mut all: Vec<(String, usize, usize)> =
        counts.into_iter().map(|(class, (images, train))| (class.to_owned(), images, train as usize)).collect();
    all.sort_by(|a, b| natural(&a.0, &b.0));
    let least = |minimum: usize| all.iter().filter(|class| class.2 >= minimum).count();
    let minimum = if least(DEFAULT_MINIMUM_PER_CLASS) >= 2 { DEFAULT_MINIMUM_PER_CLASS } else { 1 };
    if least(minimum) < 2 {
        return None;
    }
    let (classes, rare): (Vec<_>, Vec<_>) = all.into_iter().partition(|class| class.2 >= minimum);
    let rare = rare.into_iter().map(|(class, images, _)| (class, images)).collect();
    Some(Found { name: attribute_name(&table.columns[at]), column: table.columns[at].clone(), multi, classes, rare })
}

/// The column's name as far as an attribute may have it.
fn attribute_name(column: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    match column {
        "folder" | "label" | "" => "category".into(),
        "vector" | "pooled" | "path" | "id" | "split" => format!("{column}_label"),
        _ => column.chars().map(plain).collect(),
    }
}

fn text(finding: &Finding, attributes: &[Found], left_out: &[String]) -> String {
    let smallest = attributes.iter().flat_map(|found| &found.classes).map(|class| class.2).min().unwrap_or(0);
    let minimum = DEFAULT_MINIMUM_PER_CLASS.min(smallest / 2);
    let [train, validation, test] = DEFAULT_SHARES;
    let (images, unread) = (finding.table.records.len(), finding.table.skipped.len());
    let mut text = format!(
        "# A first description, to be corrected by hand. Paths start from the folder of this file.\n\
         # Found: {images} images{}.\n\n\
         [images]\n{}\
         size = {}   # side in pixels after resizing and cropping; larger sees more and takes longer\n\
         channels = {}   # 1 grey, 3 RGB\n\
         minimum_per_class = {minimum}   # fewer training images of a class are an error\n\
         maximum_unreadable = {DEFAULT_MAXIMUM_UNREADABLE}   # share of broken files past which the import stops\n\
         limit = 0   # 0 = all images; a small number makes a quick first try\n\n\
         [images.split]\n\
         train = {train}\nvalidation = {validation}\ntest = {test}\nseed = {DEFAULT_SEED}\n\
         stratify = {}   # attribute whose classes get these shares each\n",
        if unread > 0 { format!(", and {unread} in formats that are not read") } else { String::new() },
        finding.source,
        finding.size,
        finding.channels,
        quoted(&attributes[0].name),
    );
    for found in attributes {
        write_attribute(&mut text, found);
    }
    if !left_out.is_empty() {
        let list = left_out.iter().map(|name| name.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
        _ = writeln!(text, "\n# Left out, as they have one value, too few images a value or too many values: {list}");
    }
    text
}

fn write_attribute(text: &mut String, found: &Found) {
    let kind = if found.multi { "multi" } else { "nominal" };
    _ = writeln!(text, "\n[attributes.{}]", quoted(&found.name));
    _ = writeln!(text, "kind = \"{kind}\"   # ordered, nominal or multi (several labels an image)");
    _ = writeln!(text, "column = {}", quoted(&found.column));
    text.push_str("classes = [\n");
    for (class, images, _) in &found.classes {
        _ = writeln!(text, "    {},   # {images} images", quoted(class));
    }
    text.push_str("]\n");
    if !found.multi {
        text.push_str(
            "# order = […]   # with kind = \"ordered\": the classes from least to most; may leave some out\n",
        );
    }
    if !found.rare.is_empty() {
        text.push_str(
            "rest = \"unlabelled\"   # \"error\" stops at a value that is no class\n# Too few images to be classes:",
        );
        for (class, images) in &found.rare {
            _ = write!(text, " {} ({images})", class.escape_debug());
        }
        text.push('\n');
    }
}

/// As a TOML string on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => _ = write!(out, "\\u{:04X}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
