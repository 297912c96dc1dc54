//! Which columns can be attributes, and what separates several labels in their cells.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Found};
use crate::attribute::Split;
use crate::description::{DEFAULT_MINIMUM_PER_CLASS, DEFAULT_SHARES, natural};
use crate::source::{Separator, Table, values};

/// A table's column with more values is more likely a name or a measurement than a set of classes.
const MOST_CLASSES: usize = 1_000;
/// With more values than this, a column needs [`IMAGES_PER_CLASS`].
const MANY_CLASSES: usize = 100;
/// Images per value that a column of many values needs.
const IMAGES_PER_CLASS: usize = 5;
/// Share of the labels, taken apart, that have to recur in other combinations.
const RECURRING: f64 = 0.9;

/// The columns that can be attributes, and why each other one is none.
pub(super) fn attributes(finding: &Finding) -> (Vec<Found>, Vec<String>) {
    let (mut found, mut left_out) = (Vec::<Found>::new(), Vec::new());
    let gathered: BTreeSet<&str> =
        finding.one_hot.iter().flat_map(|group| &group.columns).map(String::as_str).collect();
    for group in &finding.one_hot {
        found.extend(one_hot(&finding.table, group));
    }
    for (at, column) in finding.table.columns.iter().enumerate() {
        if gathered.contains(column.as_str()) {
            continue;
        }
        match attribute(&finding.table, at) {
            Ok(mut attribute) => {
                while found.iter().any(|known| known.name == attribute.name) {
                    attribute.name.push('_');
                }
                found.push(attribute);
            }
            Err(reason) => left_out.push(format!("{} ({reason})", column.escape_debug())),
        }
    }
    (found, left_out)
}

/// Columns that together hold one attribute, a class each.
pub(super) struct OneHot {
    pub(super) columns: Vec<String>,
    pub(super) multi: bool,
}

/// The columns of a table that hold 0 and 1 alone, if together they are one attribute: exactly one of them is 1 in every row,
/// or the file's name says so (`_classes.csv`, as Roboflow writes it).
pub(super) fn find_one_hot(table: &Table, file: &str) -> Option<OneHot> {
    let flag = |cell: &str| match cell.trim() {
        "0" | "0.0" | "False" | "false" => Some(0_usize),
        "1" | "1.0" | "True" | "true" => Some(1),
        _ => None,
    };
    let is_flags = |at: &usize| {
        let mut sums = [0, 0];
        for record in &table.records {
            match flag(&record.cells[*at]) {
                Some(value) => sums[value] += 1,
                None => return false,
            }
        }
        sums[1] > 0
    };
    let columns: Vec<usize> = (0..table.columns.len()).filter(is_flags).collect();
    if columns.len() < 2 || columns.iter().any(|&at| table.columns[at].contains('|')) {
        return None;
    }
    let sum = |record: &crate::source::Record| columns.iter().filter_map(|&at| flag(&record.cells[at])).sum::<usize>();
    let exclusive = table.records.iter().all(|record| sum(record) == 1);
    let told = file.to_lowercase().contains("_classes");
    let names = columns.iter().map(|&at| table.columns[at].clone()).collect();
    (exclusive || told).then_some(OneHot { columns: names, multi: !exclusive })
}

fn one_hot(table: &Table, group: &OneHot) -> Option<Found> {
    let mut counts: Counts<'_> = BTreeMap::new();
    for column in &group.columns {
        let at = table.columns.iter().position(|known| known == column)?;
        for record in
            table.records.iter().filter(|record| matches!(record.cells[at].trim(), "1" | "1.0" | "True" | "true"))
        {
            count(&mut counts, column, record.split);
        }
    }
    let (classes, rare) = classes(counts).ok()?;
    // The classes are the columns that are left.
    let columns: Vec<String> = classes.iter().map(|class| class.0.clone()).collect();
    Some(Found {
        name: "category".into(),
        column: String::new(),
        columns,
        multi: group.multi,
        classes,
        rare,
        ..Found::default()
    })
}

/// Images of each value, and how many of those the train split will hold.
type Counts<'a> = BTreeMap<&'a str, (usize, f64)>;
/// Classes, or those too small to be declared, with their images; and how many of those the train split will hold.
type Classes = Vec<(String, usize, usize)>;

/// How much of an image the train split is expected to hold.
pub(super) fn of_train(split: Option<Split>) -> f64 {
    match split {
        None => DEFAULT_SHARES[0],
        Some(split) => f64::from(u8::from(split == Split::Train)),
    }
}

fn count<'a>(counts: &mut Counts<'a>, value: &'a str, split: Option<Split>) {
    let of_train = of_train(split);
    let count = counts.entry(value).or_default();
    *count = (count.0 + 1, count.1 + of_train);
}

/// Those that are declared and those that are too small, or why there are not two.
fn classes(counts: Counts<'_>) -> Result<(Classes, Vec<(String, usize)>), String> {
    let all: Classes =
        counts.into_iter().map(|(class, (images, train))| (class.to_owned(), images, train as usize)).collect();
    let mut all = all;
    all.sort_by(|a, b| natural(&a.0, &b.0));
    let least = |minimum: usize| all.iter().filter(|class| class.2 >= minimum).count();
    let minimum = if least(DEFAULT_MINIMUM_PER_CLASS) >= 2 { DEFAULT_MINIMUM_PER_CLASS } else { 1 };
    if least(minimum) < 2 {
        return Err(format!("{} of its {} values have images to train on, and two are needed", least(1), all.len()));
    }
    let (classes, rare): (Vec<_>, Vec<_>) = all.into_iter().partition(|class| class.2 >= minimum);
    Ok((classes, rare.into_iter().map(|(class, images, _)| (class, images)).collect()))
}

fn attribute(table: &Table, at: usize) -> Result<Found, String> {
    let separation = separation(table, at);
    let separator = separation.separator.unwrap_or(table.separator);
    let mut counts: Counts<'_> = BTreeMap::new();
    let (mut labelled, mut multi) = (0, false);
    for record in &table.records {
        let distinct: BTreeSet<&str> = values(&record.cells[at], separator).collect();
        labelled += usize::from(!distinct.is_empty());
        multi |= distinct.len() > 1;
        distinct.into_iter().for_each(|value| count(&mut counts, value, record.split));
    }
    let distinct = counts.len();
    let is_folder = table.columns[at] == "folder" && table.files.is_empty();
    match distinct {
        0 => return Err("it is empty".into()),
        1 => return Err("it has one value".into()),
        _ if is_folder => {}
        _ if distinct * 2 > labelled && !multi => return Err(format!("{distinct} values for {labelled} images")),
        _ if distinct > MANY_CLASSES && distinct * IMAGES_PER_CLASS > labelled && !multi => {
            return Err(format!(
                "{distinct} values for {labelled} images; more than {MANY_CLASSES} need {IMAGES_PER_CLASS} images each"
            ));
        }
        _ if distinct > MOST_CLASSES => {
            return Err(format!("{distinct} values, more than the {MOST_CLASSES} that `init` takes for classes"));
        }
        _ => {}
    }
    let (classes, rare) = classes(counts)?;
    let Separation { word, doubt, .. } = separation;
    let (name, column) = (attribute_name(&table.columns[at]), table.columns[at].clone());
    Ok(Found { name, column, multi, classes, rare, separator: word, doubt, columns: Vec::new() })
}

/// What separates several labels in a column's cells.
#[derive(Default)]
struct Separation {
    /// Unless it is the table's own.
    separator: Option<Separator>,
    /// As a description writes it.
    word: Option<&'static str>,
    /// A sentence about cells that may hold several labels.
    doubt: Option<String>,
}

/// Cells are taken apart only where their parts come again in other combinations: `light blue` and `Paris, France` stay whole.
fn separation(table: &Table, at: usize) -> Separation {
    let mut cells: BTreeMap<&str, usize> = BTreeMap::new();
    for record in &table.records {
        let cell = record.cells[at].trim();
        if !cell.is_empty() {
            *cells.entry(cell).or_default() += 1;
        }
    }
    let is_list = |cell: &&str| cell.starts_with('[') && cell.ends_with(']');
    if !cells.is_empty() && cells.keys().all(is_list) {
        return Separation { separator: Some(Separator::List), word: Some("list"), doubt: None };
    }
    if cells.keys().any(|cell| cell.contains('|')) {
        return Separation::default();
    }
    let mut doubt = None;
    for (separator, word) in [(Separator::Mark(';'), ";"), (Separator::Mark(','), ","), (Separator::Blank, " ")] {
        let evidence = Evidence::of(&cells, separator);
        if evidence.several == 0 {
            continue;
        }
        // Blanks stand in plain names too, so more is asked of them.
        let enough = separator != Separator::Blank || evidence.turns && evidence.longest > 2;
        if evidence.recurring >= RECURRING && enough {
            return Separation { separator: Some(separator), word: Some(word), doubt: None };
        }
        let likely =
            if separator == Separator::Blank { evidence.recurring >= RECURRING } else { evidence.recurring > 0.3 };
        if likely && doubt.is_none() {
            doubt = Some(format!(
                "Cells such as `{}` may hold several labels: then set kind = \"multi\" and separator = \"{word}\"",
                evidence.example.escape_debug()
            ));
        }
    }
    Separation { separator: None, word: None, doubt }
}

/// How cells look when they are taken apart.
struct Evidence<'a> {
    /// Cells of several parts.
    several: usize,
    /// Share of the parts, each as often as images have it, that stand in two different cells or more.
    recurring: f64,
    /// Whether a part ends one cell and not another, of those of several parts.
    turns: bool,
    /// Most parts of a cell.
    longest: usize,
    /// A cell of several parts.
    example: &'a str,
}

impl<'a> Evidence<'a> {
    fn of(cells: &BTreeMap<&'a str, usize>, separator: Separator) -> Self {
        let mut parts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let (mut several, mut longest, mut example) = (0, 0, "");
        let (mut last, mut before): (BTreeSet<&str>, BTreeSet<&str>) = (BTreeSet::new(), BTreeSet::new());
        for (&cell, &images) in cells {
            let of_cell: Vec<&str> = values(cell, separator).collect();
            longest = longest.max(of_cell.len());
            if let [first @ .., end] = &of_cell[..]
                && !first.is_empty()
            {
                several += 1;
                example = if example.is_empty() { cell } else { example };
                last.insert(end);
                before.extend(first);
            }
            let distinct: BTreeSet<&str> = of_cell.iter().copied().collect();
            for part in distinct {
                let count = parts.entry(part).or_default();
                *count = (count.0 + 1, count.1 + images);
            }
        }
        // Of labels that always stand alone nothing can be learned.
        parts.retain(|part, _| last.contains(part) || before.contains(part));
        let all: usize = parts.values().map(|part| part.1).sum();
        let again: usize = parts.values().filter(|part| part.0 > 1).map(|part| part.1).sum();
        let recurring = if all == 0 { 0.0 } else { again as f64 / all as f64 };
        Self { several, recurring, turns: last.intersection(&before).next().is_some(), longest, example }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn separated(cells: &[&'static str]) -> (Option<&'static str>, bool) {
        let rows: Vec<_> = cells.iter().map(|cell| vec![(*cell).into()]).collect();
        let record = |cells| crate::source::Record {
            id: String::new(),
            path: None,
            place: crate::source::RecordPlace::OwnFile,
            cells,
            split: None,
            group: None,
        };
        let records = rows.into_iter().map(record).collect();
        let table = Table { columns: vec!["x".into()], records, separator: Separator::Mark('|'), ..Table::default() };
        let found = separation(&table, 0);
        (found.word, found.doubt.is_some())
    }

    #[test]
    fn cells_are_taken_apart_only_where_their_parts_come_again() {
        let sets = |mark: &str| {
            let of = |labels: &[&str]| -> &'static str { labels.join(mark).leak() };
            separated(&[
                of(&["clear", "water"]),
                of(&["clear", "road"]),
                of(&["clear", "water", "road"]),
                of(&["road"]),
            ])
        };
        assert_eq!((sets(";"), sets(", "), sets(" ")), ((Some(";"), false), (Some(","), false), (Some(" "), false)));
        assert_eq!(sets("|"), (None, false));
        assert_eq!(separated(&["[\"a\", \"b\"]", "[]", "[\"a\"]"]), (Some("list"), false));
        assert_eq!(separated(&["['a']", "['a', 'b']"]), (Some("list"), false));
        // Names that hold the mark.
        assert_eq!(separated(&["Paris, France", "Rome, Italy", "Lyon, Rhone"]), (None, false));
        assert_eq!(separated(&["shirt, blouse", "jacket", "coat"]), (None, false));
        assert_eq!(separated(&["light blue", "dark blue", "blue", "red"]).0, None);
        assert_eq!(separated(&["light blue", "dark blue", "light green", "dark green"]), (None, true));
        assert_eq!(separated(&["small", "large", "very large"]), (None, false));
        assert_eq!(separated(&["a", "b"]), (None, false));
    }
}
