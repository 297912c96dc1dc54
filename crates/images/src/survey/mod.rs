//! What was understood of a source, without packing pixels.

mod suspicion;
mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rayon::prelude::*;

use crate::attribute::{AttributeKind, Split};
use crate::dataset::Skipped;
use crate::description::{AttributeDescription, Description, ImagesSection, Rest, natural};
use crate::error::Result;
use crate::import::drawn_from_train;
use crate::import::labels::{self, Mapper};
use crate::pixel::decode::{self, FileDecoding};
use crate::source::unicode::alike;
use crate::source::{self, Origin, Record, Separator, Table, slashed, values};

pub use suspicion::Suspicion;

/// Files looked at between two calls of the progress.
const CHUNK_FILES: usize = 4_096;

/// How closely a survey looks at the image files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Whether they exist and are not empty.
    Names,
    /// Each is decoded as the import decodes it, and compared with the others: whether another file has the same content.
    Contents,
}

/// How often a value or a class occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frequency {
    /// The value or the class.
    pub name: String,
    /// Images that have it.
    pub images: usize,
}

/// A label column of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSurvey {
    /// Its name.
    pub name: String,
    /// Images with a label.
    pub labelled: usize,
    /// Images with several labels.
    pub several: usize,
    /// Its values, the most frequent first.
    pub values: Vec<Frequency>,
}

/// An attribute of the description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeSurvey {
    /// Its name.
    pub name: String,
    /// The column that it reads.
    pub column: String,
    /// Images with a label.
    pub labelled: usize,
    /// Its classes in their order.
    pub classes: Vec<Frequency>,
    /// Values of the column that its map or classes do not have, the most frequent first.
    pub outside: Vec<Frequency>,
}

/// What was understood of a source; [`std::fmt::Display`] writes it for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// The source's name.
    pub source: String,
    /// Images that the source names.
    pub images: usize,
    /// Those of them whose files are missing.
    pub missing: usize,
    /// Missing and unreadable files, with the reason.
    pub skipped: Vec<Skipped>,
    /// Files whose content an earlier file has; 0 unless contents were looked at.
    pub same_content: usize,
    /// Images a declared split: train, validation, test.
    pub declared: [usize; 3],
    /// Images whose split is still to be drawn.
    pub undeclared: usize,
    /// Groups.
    pub groups: usize,
    /// All label columns of the source.
    pub columns: Vec<ColumnSurvey>,
    /// The attributes of the description whose columns are there.
    pub attributes: Vec<AttributeSurvey>,
    /// What would stop an import or spoil its figures.
    pub suspicions: Vec<Suspicion>,
    /// Sentences about files that were passed over, and about what the import does by itself.
    pub remarks: Vec<String>,
}

/// Reads everything about a source but its pixels, and reports what it is rather than stopping at the first mistake;
/// `progress` hears (files looked at, files in all).
///
/// A description may have no attributes yet. `images.limit` is not looked at.
///
/// **Errors.** A setting that [`Description::check`] refuses, and label files that are missing or cannot be read.
pub fn survey(
    description: &Description,
    origin: &Origin,
    depth: Depth,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Survey> {
    if description.attributes.0.is_empty() {
        description.images.check()?;
    } else {
        description.check()?;
    }
    let table = source::scan_all(description, origin)?;
    let root = source::originals(description, origin);
    let section = &description.images;
    let looks = match root {
        _ if table.embedded.is_some() => look_within(&table, origin, section, depth, progress)?,
        Some(root) => look_at(&table, &root, section, depth, progress),
        None => Vec::new(),
    };
    let mut suspicions: Vec<Suspicion> = table.remarks.iter().cloned().map(Suspicion::LeftOver).collect();
    let mut skipped = table.skipped.clone();
    skipped.extend(looks.iter().zip(&table.records).filter_map(|(look, record)| {
        let path = record.path.clone().unwrap_or_else(|| record.id.clone());
        Some(Skipped { path, reason: look.as_ref().err()?.reason.clone() })
    }));
    let total = table.records.len() + table.skipped.len();
    let maximum = description.images.maximum_unreadable;
    if skipped.len() as f64 > maximum * total as f64 {
        suspicions.push(Suspicion::Unreadable { unreadable: skipped.len(), total, maximum });
    }
    let read = |attribute| attribute_survey(description, attribute, &table, &mut suspicions);
    let attributes = description.attributes.0.iter().filter_map(read).collect();
    repeated(&table, &mut suspicions);
    let same_content = same_content(&table, &looks, &mut suspicions);
    let groups = groups(&table, &mut suspicions);
    let declared = Split::ALL.map(|split| table.records.iter().filter(|record| record.split == Some(split)).count());
    Ok(Survey {
        source: description.images.source_name(),
        images: total,
        missing: looks.iter().filter(|look| matches!(look, Err(bad) if bad.missing)).count(),
        skipped,
        same_content,
        undeclared: table.records.len() - declared.iter().sum::<usize>(),
        declared,
        groups,
        columns: (0..table.columns.len()).map(|at| column_survey(&table, at)).collect(),
        attributes,
        suspicions,
        remarks: table.left_out.iter().cloned().chain(drawn_from_train(&table, section)).collect(),
    })
}

/// Why a file is not an image.
struct Bad {
    missing: bool,
    reason: String,
}

/// A look at a file: a hash of its content, if that was asked for.
type Look = std::result::Result<Option<blake3::Hash>, Bad>;

/// Looks at every record's file, in the order of the records.
fn look_at(
    table: &Table,
    root: &Path,
    section: &ImagesSection,
    depth: Depth,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Look> {
    let decoding = section.decoding();
    let total = table.records.len();
    let mut looks = Vec::with_capacity(total);
    progress(0, total);
    for chunk in table.records.chunks(CHUNK_FILES) {
        let look = |record: &Record| look(&root.join(record.path.as_deref().unwrap_or(&record.id)), &decoding, depth);
        looks.par_extend(chunk.par_iter().map(look));
        progress(looks.len(), total);
    }
    looks
}

/// Looks at images that lie in their tables, if contents are asked for.
fn look_within(
    table: &Table,
    origin: &Origin,
    section: &ImagesSection,
    depth: Depth,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Vec<Look>> {
    let mut looks = Vec::new();
    if depth == Depth::Names {
        return Ok(looks);
    }
    let decoding = section.decoding();
    source::embedded::each(table, origin, &mut |_, bytes| {
        let bytes = bytes.ok_or_else(|| Bad { missing: true, reason: "the row has no image".into() });
        looks.push(bytes.and_then(|bytes| {
            decode::decode(&bytes, &decoding).map_err(|reason| Bad { missing: false, reason })?;
            Ok(Some(blake3::hash(&bytes)))
        }));
        progress(looks.len(), table.records.len());
        Ok(())
    })?;
    Ok(looks)
}

fn look(path: &Path, decoding: &FileDecoding, depth: Depth) -> Look {
    let bad = |reason: String| Bad { missing: false, reason };
    match fs::metadata(path) {
        Err(error) => {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            return Err(Bad { missing, reason: decode::reason(error) });
        }
        Ok(found) if !found.is_file() => return Err(bad("it is no file".into())),
        Ok(found) if found.len() == 0 => return Err(bad("it is empty".into())),
        Ok(_) => {}
    }
    match depth {
        Depth::Names => Ok(None),
        Depth::Contents => {
            let bytes = decode::read(path, &decoding.limits).map_err(bad)?;
            decode::decode(&bytes, decoding).map_err(bad)?;
            Ok(Some(blake3::hash(&bytes)))
        }
    }
}

/// How often each value of a column occurs, an image counting once a value.
fn counts(table: &Table, at: usize, separator: Separator) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for record in &table.records {
        let mut distinct: Vec<&str> = values(&record.cells[at], separator).collect();
        distinct.sort_unstable();
        distinct.dedup();
        distinct.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
    }
    counts
}

fn by_frequency<'a>(counts: impl Iterator<Item = (&'a str, usize)>) -> Vec<Frequency> {
    let mut list: Vec<Frequency> = counts.map(|(name, images)| Frequency { name: name.into(), images }).collect();
    list.sort_by(|a, b| b.images.cmp(&a.images).then_with(|| natural(&a.name, &b.name)));
    list
}

fn column_survey(table: &Table, at: usize) -> ColumnSurvey {
    let labels = table.records.iter().map(|record| values(&record.cells[at], table.separator).count());
    let (labelled, several) = labels.fold((0, 0), |(labelled, several), count| {
        (labelled + usize::from(count > 0), several + usize::from(count > 1))
    });
    let values = by_frequency(counts(table, at, table.separator).into_iter());
    ColumnSurvey { name: table.columns[at].clone(), labelled, several, values }
}

fn attribute_survey(
    description: &Description,
    attribute: &AttributeDescription,
    table: &Table,
    suspicions: &mut Vec<Suspicion>,
) -> Option<AttributeSurvey> {
    let (name, column) = (&attribute.name, description.column(attribute));
    let Some(at) = table.columns.iter().position(|known| alike(known, column)) else {
        let known = table.available.clone();
        suspicions.push(Suspicion::UnknownColumn { attribute: name.clone(), column: column.into(), known });
        return None;
    };
    let classes = labels::classes(attribute, table, at);
    let mapper = Mapper::new(attribute, &classes);
    let separator = attribute.separator(table);
    let mut images = vec![0; classes.len()];
    let (mut labelled, mut several) = (0, Vec::new());
    for record in &table.records {
        let mut found: Vec<u32> =
            values(&record.cells[at], separator).filter_map(|value| mapper.class(value)).collect();
        found.sort_unstable();
        found.dedup();
        labelled += usize::from(!found.is_empty());
        found.iter().for_each(|&class| images[class as usize] += 1);
        if found.len() > 1 && attribute.kind != AttributeKind::Multi && attribute.several == Rest::Error {
            several.push(record);
        }
    }
    let outside =
        by_frequency(counts(table, at, separator).into_iter().filter(|(value, _)| mapper.class(value).is_none()));
    let classes: Vec<Frequency> =
        classes.into_iter().zip(images).map(|(name, images)| Frequency { name, images }).collect();
    suspect_classes(description, attribute, &classes, suspicions);
    if let Some(first) = several.first() {
        let (attribute, images, place) = (name.clone(), several.len(), table.place(first));
        suspicions.push(Suspicion::SeveralLabels { attribute, images, place });
    }
    if let Some(most) = outside.first() {
        suspicions.push(Suspicion::OutsideMap {
            attribute: name.clone(),
            value: most.name.clone(),
            values: outside.len(),
            labels: outside.iter().map(|value| value.images).sum(),
            stops: attribute.rest == Rest::Error,
        });
    }
    Some(AttributeSurvey { name: name.clone(), column: column.into(), labelled, classes, outside })
}

fn suspect_classes(
    description: &Description,
    attribute: &AttributeDescription,
    classes: &[Frequency],
    suspicions: &mut Vec<Suspicion>,
) {
    let minimum = description.images.minimum_per_class;
    let name = || attribute.name.clone();
    let found: Vec<String> = classes.iter().filter(|class| class.images > 0).map(|class| class.name.clone()).collect();
    if found.len() < 2 {
        suspicions.push(Suspicion::OneClass { attribute: name(), classes: found });
    }
    let unknown = attribute.order.iter().filter(|class| classes.iter().all(|known| known.name != **class));
    suspicions.extend(unknown.map(|class| Suspicion::UnknownClass { attribute: name(), class: class.clone() }));
    let names: Vec<&str> = classes.iter().filter(|class| class.images > 0).map(|class| class.name.as_str()).collect();
    suspicions.extend(alike_classes(&names).into_iter().map(|classes| Suspicion::Alike { attribute: name(), classes }));
    let void: Vec<String> = names.iter().filter(|class| is_void(class)).map(|class| (*class).to_owned()).collect();
    if !void.is_empty() {
        suspicions.push(Suspicion::Void { attribute: name(), classes: void });
    }
    let support = description.images.minimum_support;
    let rare = classes.iter().filter(|class| class.images < support);
    suspicions.extend(rare.map(|class| Suspicion::RareClass {
        attribute: name(),
        class: class.name.clone(),
        count: class.images,
        minimum: support,
    }));
    let small = classes.iter().filter(|class| class.images >= support && class.images < minimum);
    suspicions.extend(small.map(|class| Suspicion::SmallClass {
        attribute: name(),
        class: class.name.clone(),
        count: class.images,
        minimum,
    }));
}

/// Classes that differ in upper and lower case or in outer marks alone.
pub(crate) fn alike_classes(classes: &[&str]) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for class in classes {
        let words: Vec<String> = class
            .to_lowercase()
            .split(|c: char| c.is_whitespace() || c == '_' || c == '-')
            .map(str::to_owned)
            .collect();
        groups.entry(words.join(" ")).or_default().push((*class).to_owned());
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// Whether a class's name is what programs write where there is no label.
pub(crate) fn is_void(class: &str) -> bool {
    matches!(
        class.to_lowercase().as_str(),
        "nan" | "none" | "null" | "na" | "n/a" | "<na>" | "nil" | "#n/a" | "undefined"
    )
}

/// Whether two images may come to stand in two splits.
fn apart(a: &Record, b: &Record) -> bool {
    let grouped = a.group.is_some() && a.group == b.group;
    let declared = a.split.is_some() && a.split == b.split;
    !grouped && !declared
}

/// Ids and files that stand there twice.
fn repeated(table: &Table, suspicions: &mut Vec<Suspicion>) {
    let (mut ids, mut paths) = (BTreeMap::new(), BTreeMap::new());
    for record in &table.records {
        if let Some(first) = ids.insert(record.id.as_str(), record) {
            let (first, second) = (table.place(first), table.place(record));
            suspicions.push(Suspicion::RepeatedId { id: record.id.clone(), first, second });
        }
        let Some(path) = &record.path else { continue };
        let first = *paths.entry(slashed(Path::new(path))).or_insert(record);
        if first.id != record.id && apart(first, record) {
            suspicions.push(Suspicion::RepeatedFile {
                path: path.clone(),
                ids: [first.id.clone(), record.id.clone()],
                splits: [first.split, record.split],
            });
        }
    }
}

/// Files whose content an earlier file has.
fn same_content(table: &Table, looks: &[Look], suspicions: &mut Vec<Suspicion>) -> usize {
    let mut firsts: BTreeMap<[u8; 32], &Record> = BTreeMap::new();
    let mut count = 0;
    for (look, record) in looks.iter().zip(&table.records) {
        let Ok(Some(hash)) = look else { continue };
        let first = *firsts.entry(*hash.as_bytes()).or_insert(record);
        let file = |record: &Record| record.path.as_deref().map(|path| slashed(Path::new(path)));
        if std::ptr::eq(first, record) || record.path.is_some() && file(first) == file(record) {
            continue;
        }
        count += 1;
        if apart(first, record) {
            let paths = [first, record].map(|record| record.path.clone().unwrap_or_else(|| record.id.clone()));
            suspicions.push(Suspicion::SameContent { paths, splits: [first.split, record.split] });
        }
    }
    count
}

/// Counts the groups; those that the source puts into two splits are suspicious.
fn groups(table: &Table, suspicions: &mut Vec<Suspicion>) -> usize {
    let mut groups: BTreeMap<&str, Option<Split>> = BTreeMap::new();
    for record in &table.records {
        let Some(group) = record.group.as_deref() else { continue };
        let known = groups.entry(group).or_default();
        match (*known, record.split) {
            (Some(first), Some(second)) if first != second => suspicions.push(Suspicion::GroupStraddles {
                group: group.into(),
                first,
                second,
                place: table.place(record),
            }),
            (None, split) => *known = split,
            _ => {}
        }
    }
    groups.len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use image::{GrayImage, Luma};
    use tempfile::TempDir;

    use super::*;

    const TEXT: &str = r#"
        [images]
        source = "manifest"
        file = "m.csv"
        root = "img"
        minimum_per_class = 2
        [attributes.sleeve]
        kind = "ordered"
        classes = ["short", "long"]
        [attributes.tags]
        kind = "nominal"
        rest = "unlabelled"
        map = { red = "red", blue = "blue" }
        [attributes.gender]
        kind = "nominal"
        [attributes.length]
        kind = "nominal"
    "#;
    const ROWS: &str = "id,path,split,group,sleeve,tags,gender\n\
                        a,a.png,train,,short,red,f\n\
                        b,b.png,test,,long,red|blue,f\n\
                        c,./a.png,test,,long,red|dotted,\n\
                        d,d.png,train,g,wide,,f\n\
                        e,e.png,test,g,long,,f\n\
                        f,f.png,,,,blue|blue,f\n\
                        f,a copy.png,,,long,,f\n\
                        h,h.png,,,,,\n";

    fn folder() -> TempDir {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("m.csv"), ROWS).unwrap();
        let img = dir.path().join("img");
        fs::create_dir(&img).unwrap();
        for (name, grey) in [("a", 1), ("b", 2), ("d", 4), ("a copy", 1)] {
            GrayImage::from_pixel(3, 3, Luma([grey])).save(img.join(format!("{name}.png"))).unwrap();
        }
        fs::write(img.join("e.png"), "").unwrap();
        fs::write(img.join("f.png"), "no image").unwrap();
        dir
    }

    fn look(depth: Depth) -> Survey {
        let dir = folder();
        survey(&Description::parse(TEXT).unwrap(), &Origin::Folder(dir.path().into()), depth, &|_, _| {}).unwrap()
    }

    #[test]
    fn labels_splits_and_files_are_counted() {
        let survey = look(Depth::Names);
        assert_eq!((survey.images, survey.missing, survey.skipped.len(), survey.groups), (8, 1, 2, 1));
        assert_eq!((survey.declared, survey.undeclared), ([2, 0, 3], 3));
        let tags = survey.columns.iter().find(|column| column.name == "tags").unwrap();
        assert_eq!((tags.labelled, tags.several), (4, 3));
        let values: Vec<(&str, usize)> = tags.values.iter().map(|value| (&value.name[..], value.images)).collect();
        assert_eq!(values, [("red", 3), ("blue", 2), ("dotted", 1)]);
        let sleeve = &survey.attributes[0];
        let classes: Vec<(&str, usize)> = sleeve.classes.iter().map(|class| (&class.name[..], class.images)).collect();
        assert_eq!((classes, sleeve.labelled), (vec![("short", 1), ("long", 4)], 5));
        assert_eq!(sleeve.outside, [Frequency { name: "wide".into(), images: 1 }]);
        assert_eq!(survey.attributes.len(), 3);
    }

    #[test]
    fn everything_suspicious_is_said() {
        let said = look(Depth::Contents).to_string();
        for expected in [
            "m.csv: 8 images, 1 missing, 2 unreadable",
            "splits: 2 train, 0 validation, 3 test as declared, 3 to be drawn",
            "files with the content of an earlier one: 1",
            "column tags: 4 labelled, 3 of them with several labels, 3 values: red 3, blue 2, dotted 1",
            "attribute sleeve of column sleeve: 5 labelled: short 1, long 4",
            "- 3 of 8 images are missing or unreadable, more than `images.maximum_unreadable` = 0.01 allows",
            "- class `short` of attribute `sleeve` has 1 images, fewer than `images.minimum_per_class` = 2",
            "- 1 labels of 1 values, the most frequent `wide`, are none of attribute `sleeve`: the import stops there",
            "- 1 images have several labels for attribute `tags`, which takes one; the first is m.csv, row 3",
            "most frequent `dotted`, are none of attribute `tags`: they stay unlabelled",
            "- attribute `gender` has one class with images, f",
            "- attribute `length` reads column `length`, which is not there: columns are sleeve, tags, gender",
            "- m.csv, row 8 repeats the id `f` of m.csv, row 7",
            "- ./a.png stands there as `a` and as `c`, in splits train and test",
            "- a.png and a copy.png have the same content, and may be drawn into two splits: give them one `group`",
            "- m.csv, row 6 puts group `g` into split test, an earlier row into train",
            "- e.png: it is empty",
            "- f.png: it is no picture of a kind that is read",
            "- h.png: it does not exist",
        ] {
            assert!(said.contains(expected), "{expected}\n{said}");
        }
    }

    #[test]
    fn several_labels_are_not_suspicious_where_the_description_provides_for_them() {
        let dir = folder();
        let origin = Origin::Folder(dir.path().into());
        let look = |text: &str| {
            survey(&Description::parse(text).unwrap(), &origin, Depth::Names, &|_, _| {}).unwrap().to_string()
        };
        let told = TEXT.replace("[attributes.tags]", "[attributes.tags]\nseveral = \"unlabelled\"");
        assert!(look(TEXT).contains("several labels for attribute `tags`"));
        assert!(!look(&told).contains("several labels for attribute `tags`"));
    }

    #[test]
    fn a_description_without_attributes_is_surveyed_too() {
        let dir = folder();
        let text = format!("{}[attributes]", TEXT.split("[attributes").next().unwrap());
        let origin = Origin::Folder(dir.path().into());
        let survey = survey(&Description::parse(&text).unwrap(), &origin, Depth::Names, &|_, _| {}).unwrap();
        assert_eq!((survey.columns.len(), survey.attributes.len()), (3, 0));
    }
}
