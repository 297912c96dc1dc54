//! A first description for a folder.

mod columns;
mod folders;
mod tables;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{
    DEFAULT_MAXIMUM_UNREADABLE, DEFAULT_MINIMUM_PER_CLASS, DEFAULT_SEED, DEFAULT_SHARES, DEFAULT_SIZE, ImagesSection,
};
use crate::error::{Error, Result};
use crate::pixel::decode;
use crate::source::folder::{self, entries};
use crate::source::{Origin, Record, RecordPlace, Table, TableReader, idx, open_idx, scan_section};
use crate::survey::{alike_classes, is_void};
use columns::OneHot;

/// What a draft is made with.
#[derive(Debug, Clone, Default)]
pub struct InitOptions {
    /// The folder that the description will lie in, if it is another than that of the images.
    pub base: Option<PathBuf>,
    /// Reads Parquet tables; without it they are passed over.
    pub tables: Option<TableReader>,
}

/// A first description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its `[images]` and `[attributes]` part, with comments on what was found.
    pub text: String,
    /// Sentences about what was passed over and what looks doubtful; the text has them as comments.
    pub remarks: Vec<String>,
    /// How many images the train split will hold, about.
    pub train_images: usize,
}

/// Looks at a folder and drafts a description for it.
///
/// A table in the folder (CSV, TSV, JSON Lines or Parquet) that names images and has labels comes first, whatever its columns are
/// called; then IDX files; then sub-folders of images, which may be classes or splits that hold the folders of the classes.
///
/// **Errors.** [`Error::NoImages`] when there is nothing of the kind, [`Error::NoAttribute`] when nothing has two classes,
/// [`Error::Io`], and whatever is wrong with a table that names the images.
pub fn init(dir: &Path, options: &InitOptions) -> Result<Draft> {
    let place = Place { dir, options };
    let listing = folder::list(dir)?;
    let (table, mut remarks) = tables::find(&place, &listing.images)?;
    let mut finding = match table {
        Some(finding) => finding,
        None => match find_idx(&place)? {
            Some(finding) => finding,
            None => folders::find(&place, &listing)?,
        },
    };
    let (attributes, left_out) = columns::attributes(&finding);
    if attributes.is_empty() {
        return Err(Error::NoAttribute {
            place: dir.display().to_string(),
            reasons: left_out.into_iter().chain(remarks).collect(),
            hint: "a direction needs two classes or more, with images in each",
        });
    }
    remarks.append(&mut finding.remarks);
    remarks.extend(unnamed(&place, &finding, &listing.images));
    remarks.extend(listing.left_out);
    remarks.extend(
        finding.table.left_out.iter().filter(|sentence| !remarks.contains(sentence)).cloned().collect::<Vec<_>>(),
    );
    remarks.extend(crate::dataset::skipped_summary(&listing.skipped));
    remarks.extend(attributes.iter().flat_map(Found::doubts));
    let train_images = finding.table.records.iter().map(|record| columns::of_train(record.split)).sum::<f64>() as usize;
    Ok(Draft { text: text(&finding, &attributes, &left_out, &remarks), remarks, train_images })
}

/// Images of the folder that a table does not name.
fn unnamed(place: &Place<'_>, finding: &Finding, images: &[String]) -> Option<String> {
    let files: Vec<&str> = finding.table.files.iter().map(String::as_str).collect();
    if files.is_empty() || finding.table.records.iter().all(|record| record.path.is_none()) {
        return None;
    }
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (root, dir) = (real(&finding.root), real(place.dir));
    let named = finding.table.records.iter().filter_map(|record| Some(root.join(record.path.as_ref()?)));
    let named: std::collections::HashSet<PathBuf> = named.collect();
    let count = images.iter().filter(|image| !named.contains(&dir.join(image))).count();
    (count > 0)
        .then(|| format!("{count} of the {} images in the folder are not named in {}", images.len(), files.join(", ")))
}

/// The folder that a draft is made for.
struct Place<'a> {
    dir: &'a Path,
    options: &'a InitOptions,
}

impl Place<'_> {
    /// A path below the folder, as the description writes it: from its own folder.
    fn path(&self, below: &str) -> String {
        let Some(base) = &self.options.base else { return below.to_owned() };
        let absolute =
            |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.into());
        let (dir, base) = (absolute(self.dir), absolute(base));
        let dir = dir.strip_prefix(&base).unwrap_or(&dir).to_owned();
        crate::source::slashed(&if below.is_empty() { dir } else { dir.join(below) })
    }

    fn origin(&self, folder: &Path) -> Origin {
        match self.options.tables {
            Some(read) => Origin::FolderWithTables(folder.into(), read),
            None => Origin::Folder(folder.into()),
        }
    }
}

/// What a source holds, by the keys of `[images]` that the draft writes for it, and the folder that its paths start from.
fn scanned(place: &Place<'_>, source: &str) -> Result<(Table, PathBuf)> {
    let section: ImagesSection =
        toml::from_str::<std::collections::BTreeMap<String, ImagesSection>>(&format!("[images]\n{source}"))
            .map_err(|error| Error::Toml(Box::new(error)))?
            .remove("images")
            .ok_or_else(|| Error::no_images(place.dir.display().to_string()))?;
    let base = place.options.base.as_deref().unwrap_or(place.dir);
    let table = scan_section(&section, &place.origin(base), None)?;
    Ok((table, base.join(section.root.as_deref().unwrap_or(""))))
}

/// What was found in the folder.
struct Finding {
    table: Table,
    /// The folder that its paths start from.
    root: PathBuf,
    /// Keys of `[images]` that name the source, with comments.
    source: String,
    /// Tables `[[images.parts]]`.
    parts: String,
    size: u32,
    channels: usize,
    /// Columns that together hold one attribute.
    one_hot: Vec<OneHot>,
    remarks: Vec<String>,
}

/// One attribute that the description will declare.
#[derive(Default)]
struct Found {
    name: String,
    column: String,
    /// In place of the column: those of its classes.
    columns: Vec<String>,
    multi: bool,
    /// Classes with their images, and how many of those the train split will hold.
    classes: Vec<(String, usize, usize)>,
    /// Classes too small to be declared.
    rare: Vec<(String, usize)>,
    /// What separates several labels in a cell, unless it is the usual mark.
    separator: Option<&'static str>,
    /// A sentence about cells that may hold several labels.
    doubt: Option<String>,
}

impl Found {
    /// What looks doubtful.
    fn doubts(&self) -> Vec<String> {
        let names: Vec<&str> = self.classes.iter().map(|class| class.0.as_str()).collect();
        let quoted = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let mut doubts: Vec<String> = alike_classes(&names)
            .iter()
            .map(|group| format!("{}: classes {} look alike; `map` can join them", self.name, quoted(group)))
            .collect();
        let void: Vec<String> = names.iter().filter(|name| is_void(name)).map(|name| (*name).to_owned()).collect();
        if !void.is_empty() {
            doubts.push(format!(
                "{}: {} may stand for a missing label; then take it out of `classes` and set rest = \"unlabelled\"",
                self.name,
                quoted(&void)
            ));
        }
        doubts.extend(self.doubt.iter().map(|doubt| format!("{}: {doubt}", self.name)));
        doubts
    }
}

fn find_idx(place: &Place<'_>) -> Result<Option<Finding>> {
    let dir = place.dir;
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
        images.push(quoted(&place.path(name)));
        labels.push(quoted(&place.path(&label_name)));
    }
    if images.is_empty() {
        return Ok(None);
    }
    let source = format!("source = \"idx\"\nimages = [{}]\nlabels = [{}]\n", images.join(", "), labels.join(", "));
    let table = Table { files: labels, columns: vec!["label".into()], records, ..Table::default() };
    let (parts, one_hot, remarks) = (String::new(), Vec::new(), Vec::new());
    Ok(Some(Finding { table, root: dir.into(), source, parts, size, channels: 1, one_hot, remarks }))
}

fn idx_record(label: String) -> Record {
    let place = RecordPlace::OwnFile;
    Record { id: String::new(), path: None, place, cells: vec![label.into()], split: None, group: None }
}

/// Size and channels after a look at the first image that opens.
fn look(paths: impl Iterator<Item = PathBuf>) -> (u32, usize) {
    looked(paths.take(100).find_map(|path| decode::peek(&path)))
}

fn looked(first: Option<(u32, u32, bool)>) -> (u32, usize) {
    let size = DEFAULT_SIZE as u32;
    first.map_or((size, 3), |(width, height, colour)| (size.min(width).min(height).max(1), if colour { 3 } else { 1 }))
}

fn text(finding: &Finding, attributes: &[Found], left_out: &[String], remarks: &[String]) -> String {
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
         limit = 0   # 0 = all images; a small number makes a quick first try\n\
         {}\n\
         [images.split]\n\
         train = {train}\nvalidation = {validation}\ntest = {test}\nseed = {DEFAULT_SEED}\n\
         stratify = {}   # attribute whose classes get these shares each\n",
        if unread > 0 { format!(", and {unread} in formats that are not read") } else { String::new() },
        finding.source,
        finding.size,
        finding.channels,
        finding.parts,
        quoted(&attributes[0].name),
    );
    for found in attributes {
        write_attribute(&mut text, found);
    }
    if !left_out.is_empty() {
        let list = left_out.join(", ");
        _ = writeln!(text, "\n# Columns left out: {list}");
    }
    if !remarks.is_empty() {
        text.push_str("\n# What was noticed:\n");
        remarks.iter().for_each(|remark| _ = writeln!(text, "# - {}", remark.escape_debug()));
    }
    text
}

fn write_attribute(text: &mut String, found: &Found) {
    let kind = if found.multi { "multi" } else { "nominal" };
    _ = writeln!(text, "\n[attributes.{}]", quoted(&found.name));
    _ = writeln!(text, "kind = \"{kind}\"   # ordered, nominal or multi (several labels an image)");
    match found.columns.is_empty() {
        true => _ = writeln!(text, "column = {}", quoted(&found.column)),
        false => {
            let columns: Vec<String> = found.columns.iter().map(|column| quoted(column)).collect();
            _ = writeln!(text, "columns = [{}]   # 1 where the class applies, 0 where not", columns.join(", "));
        }
    }
    if let Some(separator) = found.separator {
        _ = writeln!(text, "separator = {}   # between several labels in one cell", quoted(separator));
    }
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
