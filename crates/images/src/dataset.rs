//! An imported data set: what stands in `dataset.json`, `items.jsonl` and `skipped.jsonl`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::attribute::{Attribute, AttributeKind, Label, Split};
use crate::description::MAX_SIZE;
use crate::error::{Error, Result};

/// Version of the files that an import writes.
pub const SCHEMA_VERSION: u32 = 1;

pub(crate) const DATASET_FILE: &str = "dataset.json";
pub(crate) const ITEMS_FILE: &str = "items.jsonl";
pub(crate) const PIXELS_FILE: &str = "pixels.u8";
pub(crate) const SKIPPED_FILE: &str = "skipped.jsonl";

/// One image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Unique name.
    pub id: String,
    /// The split that it belongs to.
    pub split: Split,
    /// One label per attribute, in the order of [`Dataset::attributes`].
    pub labels: Vec<Label>,
    /// The original file, below the folder that [`crate::originals`] gives; `None` for images without a file of their own.
    pub path: Option<String>,
    /// The group that it belongs to, if its source declares one: images of a group stand in one split, and walks never answer a
    /// start by an image of its group.
    pub group: Option<String>,
}

/// Size of every packed image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageShape {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// 1 grey, 3 RGB.
    pub channels: usize,
}

impl ImageShape {
    /// Values of one image.
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether an image of this shape has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A file that could not be read and is not part of the data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// The file.
    pub path: String,
    /// Why it could not be read.
    pub reason: String,
}

/// Kinds of reasons that [`skipped_summary`] names.
const REASONS_TOLD: usize = 6;

/// How many files were left out, and how many for each reason; `None` for fewer than two.
pub fn skipped_summary(skipped: &[Skipped]) -> Option<String> {
    if skipped.len() < 2 {
        return None;
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    // Figures of a single file stand behind a colon, a comma or a semicolon.
    let kind = |reason: &'_ str| {
        let marked = reason.find([':', ',', ';']).unwrap_or(reason.len());
        reason.find(" at byte").unwrap_or(reason.len()).min(marked)
    };
    for one in skipped {
        *reasons.entry(&one.reason[..kind(&one.reason)]).or_default() += 1;
    }
    let mut reasons: Vec<(&str, usize)> = reasons.into_iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let more = if reasons.len() > REASONS_TOLD { ", and other reasons" } else { "" };
    let told = reasons.iter().take(REASONS_TOLD).map(|(reason, count)| format!("{count} ({reason})"));
    Some(format!("{} files left out: {}{more}", skipped.len(), told.collect::<Vec<_>>().join(", ")))
}

/// A class that too few images of the train split carry; its images are unlabelled for the attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropped {
    /// The attribute.
    pub attribute: String,
    /// The class, which the attribute has no more.
    pub class: String,
    /// Images of the train split that carry it.
    pub train: usize,
}

/// An imported data set, pixels aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Attributes in the order of their declaration.
    pub attributes: Vec<Attribute>,
    /// The `n` images; the row of an image is its index here and in the pack.
    pub items: Vec<Item>,
    /// Size of every packed image.
    pub shape: ImageShape,
    /// Files left out.
    pub skipped: Vec<Skipped>,
    /// Classes left out, by `images.minimum_support`.
    pub dropped: Vec<Dropped>,
}

/// How often a class occurs; `class` is `None` for unlabelled images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    attribute: String,
    class: Option<String>,
    train: usize,
    validation: usize,
    test: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    schema: u32,
    name: String,
    items: usize,
    skipped: usize,
    shape: ImageShape,
    attributes: Vec<Attribute>,
    counts: Vec<Count>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<Dropped>,
}

/// Only the version, so that a newer file is named as such before its other keys are looked at.
#[derive(Deserialize)]
struct Version {
    schema: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Named {
    One(String),
    Many(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    split: Split,
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    labels: BTreeMap<String, Option<Named>>,
}

impl Dataset {
    /// Reads the folder that [`crate::import`] wrote and checks that its files agree.
    ///
    /// **Errors.** [`Error::Io`] and [`Error::Damaged`].
    pub fn open(dir: &Path) -> Result<Self> {
        let head = read_head(dir)?;
        let items = read_lines(&dir.join(ITEMS_FILE), head.items, "lines", |row: Row| item(row, &head.attributes))?;
        let skipped = read_lines(&dir.join(SKIPPED_FILE), head.skipped, "lines", Ok)?;
        let Head { name, attributes, shape, counts, dropped, .. } = head;
        let dataset = Self { name, attributes, items, shape, skipped, dropped };
        if dataset.counts() != counts {
            let reason = format!("its counts differ from those of {ITEMS_FILE}");
            return Err(Error::damaged(dir.join(DATASET_FILE), None, reason));
        }
        check_pixels(dir, &dataset)?;
        Ok(dataset)
    }

    /// Rows of one split, ascending.
    pub fn rows(&self, split: Split) -> Vec<usize> {
        let of_split = |(row, item): (usize, &Item)| (item.split == split).then_some(row);
        self.items.iter().enumerate().filter_map(of_split).collect()
    }

    /// Index of the attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<usize> {
        self.attributes.iter().position(|attribute| attribute.name == name)
    }

    /// Images of one split that carry each class of an attribute, and those that are unlabelled.
    ///
    /// **Shapes.** `c + 1` counts, the last that of the unlabelled; an image of a multi attribute counts once a class.
    pub fn class_counts(&self, attribute: usize, split: Split) -> Vec<usize> {
        let classes = self.attributes[attribute].classes.len();
        let mut counts = vec![0; classes + 1];
        for item in self.items.iter().filter(|item| item.split == split) {
            match &item.labels[attribute] {
                Label::Missing => counts[classes] += 1,
                Label::One(class) => counts[*class as usize] += 1,
                Label::Many(several) => several.iter().for_each(|&class| counts[class as usize] += 1),
            }
        }
        counts
    }

    fn counts(&self) -> Vec<Count> {
        let mut counts = Vec::new();
        for (index, attribute) in self.attributes.iter().enumerate() {
            let [train, validation, test] = Split::ALL.map(|split| self.class_counts(index, split));
            let names = attribute.classes.iter().map(|class| Some(class.clone())).chain([None]);
            counts.extend(names.enumerate().map(|(at, class)| Count {
                attribute: attribute.name.clone(),
                class,
                train: train[at],
                validation: validation[at],
                test: test[at],
            }));
        }
        counts
    }

    /// Writes everything but the pixels.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        write_lines(&dir.join(ITEMS_FILE), self.items.iter().map(|item| row(item, &self.attributes)))?;
        write_lines(&dir.join(SKIPPED_FILE), self.skipped.iter())?;
        let head = Head {
            schema: SCHEMA_VERSION,
            name: self.name.clone(),
            items: self.items.len(),
            skipped: self.skipped.len(),
            shape: self.shape,
            attributes: self.attributes.clone(),
            counts: self.counts(),
            dropped: self.dropped.clone(),
        };
        let path = dir.join(DATASET_FILE);
        let mut text = serde_json::to_vec_pretty(&head).map_err(|error| Error::io(&path)(error.into()))?;
        text.push(b'\n');
        fs::write(&path, text).map_err(Error::io(&path))
    }
}

fn read_head(dir: &Path) -> Result<Head> {
    let path = dir.join(DATASET_FILE);
    let text = fs::read(&path).map_err(Error::io(&path))?;
    let damaged = |error: serde_json::Error| Error::damaged(&path, Some(error.line()), error.to_string());
    let Version { schema } = serde_json::from_slice(&text).map_err(damaged)?;
    if schema > SCHEMA_VERSION {
        let reason = format!("it has schema version {schema}, this program reads up to {SCHEMA_VERSION}");
        return Err(Error::Damaged { path, line: None, reason, hint: "use a newer program, or import again" });
    }
    let head: Head = serde_json::from_slice(&text).map_err(damaged)?;
    let ImageShape { height, width, channels } = head.shape;
    let sides = 1..=MAX_SIZE;
    if !sides.contains(&height) || !sides.contains(&width) || !(1..=3).contains(&channels) {
        let reason = format!("its shape is {height} x {width} x {channels}");
        return Err(Error::damaged(path, None, reason));
    }
    let named = |attribute: &Attribute| attribute.order.iter().all(|&at| (at as usize) < attribute.classes.len());
    if !head.attributes.iter().all(named) {
        return Err(Error::damaged(path, None, "an order names a class that does not exist"));
    }
    Ok(head)
}

/// Checks the size of the pack.
pub(crate) fn check_pixels(dir: &Path, dataset: &Dataset) -> Result<()> {
    let path = dir.join(PIXELS_FILE);
    let got = fs::metadata(&path).map_err(Error::io(&path))?.len();
    let expected = (dataset.items.len() as u64).checked_mul(dataset.shape.len() as u64);
    match expected {
        Some(expected) if expected == got => Ok(()),
        _ => Err(Error::pack_size(path, "bytes", expected.unwrap_or(u64::MAX), got)),
    }
}

fn item(row: Row, attributes: &[Attribute]) -> std::result::Result<Item, String> {
    let mut named = row.labels;
    let mut labels = Vec::with_capacity(attributes.len());
    for attribute in attributes {
        let value = named.remove(&attribute.name).ok_or_else(|| format!("no label for {}", attribute.name))?;
        labels.push(label(value, attribute)?);
    }
    match named.keys().next() {
        Some(name) => Err(format!("label for the undeclared attribute {name}")),
        None => Ok(Item { id: row.id, split: row.split, labels, path: row.path, group: row.group }),
    }
}

fn label(value: Option<Named>, attribute: &Attribute) -> std::result::Result<Label, String> {
    let index = |class: &String| match attribute.classes.iter().position(|known| known == class) {
        Some(at) => Ok(at as u32),
        None => Err(format!("class {class} is none of attribute {}", attribute.name)),
    };
    match (value, attribute.kind) {
        (None, _) => Ok(Label::Missing),
        (Some(Named::One(class)), AttributeKind::Ordered | AttributeKind::Nominal) => index(&class).map(Label::One),
        (Some(Named::Many(classes)), AttributeKind::Multi) => {
            classes.iter().map(index).collect::<std::result::Result<_, _>>().map(Label::Many)
        }
        _ => Err(format!("the label of {} does not fit its kind", attribute.name)),
    }
}

fn row(item: &Item, attributes: &[Attribute]) -> Row {
    let named = |(attribute, label): (&Attribute, &Label)| {
        let class = |at: &u32| attribute.classes[*at as usize].clone();
        let value = match label {
            Label::Missing => None,
            Label::One(at) => Some(Named::One(class(at))),
            Label::Many(several) => Some(Named::Many(several.iter().map(class).collect())),
        };
        (attribute.name.clone(), value)
    };
    Row {
        id: item.id.clone(),
        split: item.split,
        path: item.path.clone(),
        group: item.group.clone(),
        labels: attributes.iter().zip(&item.labels).map(named).collect(),
    }
}

fn write_lines<T: Serialize>(path: &Path, lines: impl Iterator<Item = T>) -> Result<()> {
    let mut out = BufWriter::new(File::create(path).map_err(Error::io(path))?);
    for line in lines {
        serde_json::to_writer(&mut out, &line).map_err(|error| Error::io(path)(error.into()))?;
        out.write_all(b"\n").map_err(Error::io(path))?;
    }
    out.flush().map_err(Error::io(path))
}

fn read_lines<T: for<'a> Deserialize<'a>, U>(
    path: &Path,
    expected: usize,
    unit: &'static str,
    mut convert: impl FnMut(T) -> std::result::Result<U, String>,
) -> Result<Vec<U>> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut values = Vec::new();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(Error::io(path))?;
        let parsed = serde_json::from_str(&line).map_err(|error| error.to_string());
        let value = parsed.and_then(&mut convert);
        values.push(value.map_err(|reason| Error::damaged(path, Some(at + 1), reason))?);
    }
    if values.len() != expected {
        return Err(Error::pack_size(path, unit, expected as u64, values.len() as u64));
    }
    Ok(values)
}
