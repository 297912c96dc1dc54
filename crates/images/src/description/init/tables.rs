//! A draft for a folder in which a table names the images.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::columns::{attributes, find_one_hot};
use super::{Finding, Place, look, looked, quoted, scanned};
use crate::attribute::Split;
use crate::description::PathMatch;
use crate::error::{Error, Place as At, Result};
use crate::pixel::decode;
use crate::source::folder::{entries, split_of};
use crate::source::manifest::{self, PATH_COLUMNS, Preview};
use crate::source::unicode::nfc;
use crate::source::{Table, format, is_parquet, jsonl, resolve};

/// Rows by which the column with the images' names is found.
const ROWS: usize = 500;
/// Share of these rows whose image is there, for a column of a telling name, and for any other.
const MATCHED: [f64; 2] = [0.5, 0.95];
/// Names of columns that tell an image by its name, beside those that name its path.
const NAME_COLUMNS: [&str; 9] = ["image_id", "imageid", "img_id", "photo", "photo_id", "picture", "name", "uid", "id"];
/// Bytes of a file that are searched for names of images.
const SEARCHED: u64 = 4 << 20;
/// Names of images that are searched for.
const SOUGHT: usize = 40;

/// The names of the images in the folder.
struct Names {
    paths: HashSet<String>,
    names: HashSet<String>,
    stems: HashSet<String>,
    /// Folders of the first level that hold images.
    folders: Vec<String>,
    /// Some of the names.
    sample: Vec<String>,
}

impl Names {
    fn of(images: &[String]) -> Self {
        let keys = |matching| images.iter().map(|image| resolve::key(image, matching)).collect::<HashSet<_>>();
        let folders: BTreeSet<&str> = images.iter().filter_map(|image| Some(image.split_once('/')?.0)).collect();
        let step = images.len().div_ceil(SOUGHT).max(1);
        // A stem such as `1` stands in any file.
        let telling = |image: &String| Some(resolve::key(image, PathMatch::Stem)).filter(|stem| stem.len() > 3);
        let whole = |image: &String| resolve::key(image, PathMatch::Name);
        Self {
            paths: images.iter().map(|image| nfc(image).into_owned()).collect(),
            names: keys(PathMatch::Name),
            stems: keys(PathMatch::Stem),
            folders: folders.into_iter().map(str::to_owned).collect(),
            sample: images.iter().step_by(step).map(|image| telling(image).unwrap_or_else(|| whole(image))).collect(),
        }
    }

    /// Whether a cell is the path or the name of an image; a name without ending may be anything.
    fn is_image(&self, cell: &str) -> bool {
        let name = cell.rsplit('/').next().unwrap_or(cell);
        let ends = format::is_read(&format::ending(Path::new(name)));
        ends || name.contains('.') && (self.paths.contains(cell) || self.names.contains(name))
    }

    /// Whether a text names some of the images.
    fn stand_in(&self, text: &str) -> bool {
        self.sample.iter().filter(|name| text.contains(name.as_str())).count() * 4 >= self.sample.len().max(1)
    }
}

/// How a table names its images.
#[derive(Debug, Clone, PartialEq)]
struct Naming {
    column: String,
    matching: PathMatch,
    /// Below the folder; `None` where none of the images was found.
    root: Option<String>,
}

/// A table that could be the source.
struct Candidate {
    name: String,
    naming: Naming,
    finding: Finding,
    /// Images that are there.
    there: usize,
}

/// The draft, if there is a table that names images and has labels; and sentences about files that are no such table.
///
/// **Errors.** A file that names the images but cannot be read.
pub(super) fn find(place: &Place<'_>, images: &[String]) -> Result<(Option<Finding>, Vec<String>)> {
    let names = Names::of(images);
    let (mut candidates, mut broken, mut remarks) = (Vec::new(), None, Vec::new());
    for path in entries(place.dir)?.into_iter().filter(|path| path.is_file()) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
        let ending = format::ending(&path);
        let is_table = matches!(ending.as_str(), "csv" | "tsv" | "parquet") || jsonl::is_lines(&name);
        if !is_table {
            let text = matches!(ending.as_str(), "txt" | "json" | "xml" | "yaml" | "yml" | "lst" | "dat");
            if text && names.stand_in(&start_of(&path)) {
                remarks.push(format!(
                    "{name} names images, and `init` does not read such files: if it holds their labels, write a table with the \
                     columns path and label, or name its kind as `source` (see the kinds in the docs)"
                ));
            } else if matches!(ending.as_str(), "xls" | "xlsx" | "ods") {
                remarks.push(format!("{name} is not read: if it holds labels, save it as CSV"));
            }
            continue;
        }
        if is_parquet(&name) && place.options.tables.is_none() {
            remarks.push(format!("{name} was passed over: nothing here reads Parquet"));
            continue;
        }
        match candidate(place, &name, &names) {
            // A table of other files, in a folder that has images of its own.
            Ok(Ok(candidate)) if candidate.there == 0 && !images.is_empty() => {
                remarks.push(format!("{name} names no image that is here, so it was passed over"));
            }
            Ok(Ok(candidate)) => candidates.push(candidate),
            Ok(Err(reason)) => remarks.push(format!("{name}: {reason}")),
            Err((error, named)) => {
                let is_meant = named || is_parquet(&name) || names.stand_in(&start_of(&path));
                match is_meant && broken.is_none() {
                    true => broken = Some(error),
                    false => remarks.push(format!("{name} was passed over: {}", first_line(&error))),
                }
            }
        }
    }
    match (choose(place, candidates)?, broken) {
        (Some((finding, others)), broken) => {
            remarks.extend(others);
            remarks.extend(broken.map(|error| format!("passed over: {}", first_line(&error))));
            Ok((Some(finding), remarks))
        }
        (None, Some(error)) => Err(error),
        (None, None) => Ok((None, remarks)),
    }
}

fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// The beginning of a file as text, in whatever encoding it may be.
fn start_of(path: &Path) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SEARCHED).read_to_end(&mut bytes));
    if read.is_err() {
        return String::new();
    }
    // Of UTF-16 the zero bytes.
    let is_wide = bytes.iter().take(1000).filter(|byte| **byte == 0).count() > 100;
    if is_wide {
        bytes.retain(|byte| *byte != 0);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A table as a candidate, or why it is none; or what is wrong with it, and whether it surely names the images.
fn candidate(
    place: &Place<'_>,
    name: &str,
    names: &Names,
) -> std::result::Result<std::result::Result<Candidate, String>, (Error, bool)> {
    let preview = preview(place, name).map_err(|error| (error, false))?;
    let held = preview.embedded.clone().map(|column| {
        let (matching, root) = (PathMatch::Path, Some(String::new()));
        Naming { column, matching, root }
    });
    let plain = |cell: &String| nfc(&cell.replace('\\', "/")).into_owned();
    if let Some(first) = preview.columns.iter().find(|column| names.is_image(&plain(column))) {
        let place = At { file: name.to_owned(), row: Some(1) };
        let reason = format!("its first row names the image `{first}`: give it a header, such as path,label");
        return Err((Error::Manifest { place, reason }, true));
    }
    let Some(naming) = held.or_else(|| naming(place, &preview, names)) else {
        return Ok(Err("no column names the images, so it was passed over".into()));
    };
    let mut candidate = read(place, name, naming).map_err(|error| (error, true))?;
    candidate.finding.one_hot.extend(find_one_hot(&candidate.finding.table, name));
    let (found, reasons) = attributes(&candidate.finding);
    if found.is_empty() {
        let reasons = if reasons.is_empty() { "it has no other columns".into() } else { reasons.join(", ") };
        return Ok(Err(format!("no column could be an attribute: {reasons}")));
    }
    Ok(Ok(candidate))
}

fn preview(place: &Place<'_>, name: &str) -> Result<Preview> {
    let reader = place.origin(place.dir).open_manifest(name)?;
    if is_parquet(name) || jsonl::is_lines(name) {
        jsonl::preview(reader, name, ROWS)
    } else {
        manifest::preview(reader, name, ROWS)
    }
}

/// Reads a whole table as its description would.
fn read(place: &Place<'_>, name: &str, naming: Naming) -> Result<Candidate> {
    let source = source(place, name, &naming);
    let (table, root) = scanned(place, &source)?;
    let there = table.records.iter().filter_map(|record| record.path.as_deref());
    let there = there.filter(|path| root.join(path).is_file()).count();
    let there = if table.embedded.is_some() { table.records.len() } else { there };
    let paths: Vec<_> = table.records.iter().filter_map(|record| Some(root.join(record.path.as_ref()?))).collect();
    let (size, channels) = if table.embedded.is_some() { look_within(place, &table)? } else { look(paths.into_iter()) };
    let parts = String::new();
    let finding = Finding { table, root, source, parts, size, channels, one_hot: Vec::new(), remarks: Vec::new() };
    Ok(Candidate { name: name.to_owned(), naming, finding, there })
}

/// As [`look`], for images that lie in the table.
fn look_within(place: &Place<'_>, table: &Table) -> Result<(u32, usize)> {
    let base = place.options.base.as_deref().unwrap_or(place.dir);
    let (Some(column), Some(file)) = (&table.embedded, table.files.first()) else { return Ok(looked(None)) };
    let images = place.origin(base).open_images(file, column)?;
    let mut found = images.take(SOUGHT).filter_map(|bytes| decode::peek_bytes(&bytes.ok()??));
    Ok(looked(found.next()))
}

/// The keys of `[images]` that name a table.
fn source(place: &Place<'_>, name: &str, naming: &Naming) -> String {
    let mut source = format!("source = \"manifest\"\nfile = {}\n", quoted(&place.path(name)));
    source.push_str(&root_and_column(place, naming));
    source
}

fn root_and_column(place: &Place<'_>, naming: &Naming) -> String {
    let mut keys = String::new();
    match naming.root.as_deref().map(|root| place.path(root)) {
        Some(root) if root.is_empty() => {}
        Some(root) => _ = writeln!(keys, "root = {}", quoted(&root)),
        None => keys
            .push_str("# root = \"…\"   # none of the first paths was found: name the folder that they start from\n"),
    }
    if !PATH_COLUMNS.iter().any(|known| naming.column.eq_ignore_ascii_case(known)) {
        _ = writeln!(keys, "path_column = {}", quoted(&naming.column));
    }
    if naming.matching != PathMatch::Path {
        let meaning = match naming.matching {
            PathMatch::Stem => "the column holds names of files without their ending",
            _ => "the column holds names of files, which lie anywhere below the root",
        };
        _ = writeln!(keys, "path_match = \"{}\"   # {meaning}", naming.matching.as_str());
    }
    keys
}

/// The column that names the images, and how.
fn naming(place: &Place<'_>, preview: &Preview, names: &Names) -> Option<Naming> {
    let rank = |column: &str| {
        let known = PATH_COLUMNS.iter().chain(&NAME_COLUMNS);
        known.into_iter().position(|known| column.eq_ignore_ascii_case(known))
    };
    let mut columns: Vec<(usize, &String)> = preview.columns.iter().enumerate().collect();
    columns.sort_by_key(|(at, column)| (rank(column).unwrap_or(usize::MAX), *at));
    for (at, column) in columns {
        let cells: Vec<&str> =
            preview.rows.iter().map(|row| row[at].as_str()).filter(|cell| !cell.is_empty()).collect();
        let needed = MATCHED[usize::from(rank(column).is_none())];
        // A column of any name must not be a mere count of the rows.
        let distinct: HashSet<&str> = cells.iter().copied().collect();
        let counts = rank(column).is_none() && cells.iter().all(|cell| cell.parse::<u64>().is_ok());
        if cells.is_empty() || distinct.len() * 2 < cells.len() || counts {
            continue;
        }
        if let Some((matching, root)) = matched(place, &cells, needed, names) {
            return Some(Naming { column: column.clone(), matching, root: Some(root) });
        }
    }
    // None of the images is there: a column that says that it holds paths is believed.
    let column = PATH_COLUMNS
        .iter()
        .find_map(|known| preview.columns.iter().find(|column| column.eq_ignore_ascii_case(known)))?;
    let at = preview.columns.iter().position(|known| known == column)?;
    let some = preview.rows.iter().any(|row| !row[at].is_empty());
    some.then(|| Naming { column: column.clone(), matching: PathMatch::Path, root: None })
}

/// How the cells name images, and below which folder, if at least the share `needed` of them does.
fn matched(place: &Place<'_>, cells: &[&str], needed: f64, names: &Names) -> Option<(PathMatch, String)> {
    let cells: Vec<String> = cells.iter().map(|cell| nfc(&cell.replace('\\', "/")).into_owned()).collect();
    let share = |is: &dyn Fn(&str) -> bool| cells.iter().filter(|cell| is(cell)).count() as f64 / cells.len() as f64;
    if cells.iter().any(|cell| Path::new(cell).is_absolute()) {
        return absolute(place, &cells, needed);
    }
    let plain = |cell: &str| cell.trim_start_matches("./").to_owned();
    if share(&|cell| names.paths.contains(&plain(cell)) || place.dir.join(cell).is_file()) >= needed {
        return Some((PathMatch::Path, String::new()));
    }
    for folder in &names.folders {
        if share(&|cell| names.paths.contains(&format!("{folder}/{}", plain(cell)))) >= needed {
            return Some((PathMatch::Path, folder.clone()));
        }
    }
    let last = |cell: &str| cell.rsplit('/').next().unwrap_or(cell).to_owned();
    if share(&|cell| names.names.contains(&last(cell))) >= needed {
        return Some((PathMatch::Name, String::new()));
    }
    (share(&|cell| names.stems.contains(&last(cell))) >= needed).then(|| (PathMatch::Stem, String::new()))
}

/// As [`matched`], for absolute paths: below this folder, or below the one that all have in common.
fn absolute(place: &Place<'_>, cells: &[String], needed: f64) -> Option<(PathMatch, String)> {
    let there = cells.iter().filter(|cell| Path::new(cell).is_file()).count() as f64;
    if there < needed * cells.len() as f64 {
        return None;
    }
    let roots = [std::path::absolute(place.dir), place.dir.canonicalize()];
    let is_below = roots.into_iter().flatten().any(|root| cells.iter().all(|cell| Path::new(cell).starts_with(&root)));
    if is_below {
        return Some((PathMatch::Path, String::new()));
    }
    let mut common = Path::new(&cells[0]).parent()?.to_path_buf();
    for cell in cells {
        while !Path::new(cell).starts_with(&common) {
            common = common.parent()?.to_path_buf();
        }
    }
    Some((PathMatch::Path, common.to_str()?.to_owned()))
}

/// The best of several tables, or those that hold a split each together; and sentences about the others.
fn choose(place: &Place<'_>, mut candidates: Vec<Candidate>) -> Result<Option<(Finding, Vec<String>)>> {
    if let Some(chosen) = parts(place, &candidates)? {
        return Ok(Some(chosen));
    }
    let score = |candidate: &Candidate| (candidate.there, candidate.finding.table.columns.len());
    candidates.sort_by(|a, b| score(b).cmp(&score(a)).then(a.name.cmp(&b.name)));
    let mut candidates = candidates.into_iter();
    let Some(best) = candidates.next() else { return Ok(None) };
    let others = candidates.map(|other| {
        format!(
            "{} names {} images with labels too; {} with {} was taken",
            other.name, other.there, best.name, best.there
        )
    });
    let others = others.collect();
    Ok(Some((best.finding, others)))
}

/// Tables named after splits, such as train.csv and test.csv, with the same columns.
fn parts(place: &Place<'_>, candidates: &[Candidate]) -> Result<Option<(Finding, Vec<String>)>> {
    let split = |candidate: &Candidate| split_of_table(&candidate.name);
    let mut places: Vec<usize> = (0..candidates.len()).filter(|at| split(&candidates[*at]).is_some()).collect();
    places.sort_by_key(|at| (split(&candidates[*at]), candidates[*at].name.clone()));
    let [first, rest @ ..] = &places[..] else { return Ok(None) };
    let fits = |other: &Candidate| {
        let (a, b) = (&candidates[*first].finding.table.columns, &other.finding.table.columns);
        let same = |a: &Naming, b: &Naming| a.column == b.column && a.matching == b.matching;
        same(&candidates[*first].naming, &other.naming) && a.iter().any(|column| b.contains(column))
    };
    if rest.is_empty() || !rest.iter().all(|at| fits(&candidates[*at])) {
        return Ok(None);
    }
    let naming = Naming { root: Some(String::new()), ..candidates[*first].naming.clone() };
    let source = format!("source = \"manifest\"\n{}", root_and_column(place, &naming));
    let mut tables = String::new();
    for candidate in places.iter().map(|at| &candidates[*at]) {
        let (file, split) = (quoted(&place.path(&candidate.name)), split(candidate).map_or("train", Split::as_str));
        _ = writeln!(tables, "\n[[images.parts]]\nfile = {file}");
        match candidate.naming.root.as_deref() {
            None | Some("") => {}
            Some(root) => _ = writeln!(tables, "root = {}", quoted(root)),
        }
        _ = writeln!(tables, "split = \"{split}\"");
    }
    let (table, root) = scanned(place, &format!("{source}{tables}"))?;
    let paths: Vec<_> = table.records.iter().filter_map(|record| Some(root.join(record.path.as_ref()?))).collect();
    let (size, channels) = if table.embedded.is_some() { look_within(place, &table)? } else { look(paths.into_iter()) };
    let others = candidates.iter().enumerate().filter(|(at, _)| !places.contains(at));
    let others = others
        .map(|(_, other)| format!("{} names {} images with labels too and was passed over", other.name, other.there));
    let others = others.collect();
    let finding =
        Finding { table, root, source, parts: tables, size, channels, one_hot: Vec::new(), remarks: Vec::new() };
    Ok(Some((finding, others)))
}

/// The split that a table is named after: `train.csv`, `labels_val.csv`, `test-annotations.tsv`.
fn split_of_table(name: &str) -> Option<Split> {
    let stem = name.split('.').next().unwrap_or(name).to_lowercase();
    let words = stem.split(|c: char| !c.is_alphanumeric());
    // Shards are numbered: `train-00000-of-00002`.
    let says_nothing = |word: &str| {
        word.bytes().all(|byte| byte.is_ascii_digit())
            || matches!(
                word,
                "labels" | "label" | "annotations" | "annotation" | "metadata" | "list" | "df" | "meta" | "of"
            )
    };
    let kept: Vec<&str> = words.filter(|word| !says_nothing(word)).collect();
    split_of(&kept.join("_"))
}
