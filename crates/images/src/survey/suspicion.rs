//! What a survey warns of.

use std::fmt;

use crate::attribute::Split;
use crate::error::Place;

/// Something about a source that would stop an import or spoil its figures.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Suspicion {
    /// An attribute reads a column that the source does not have.
    UnknownColumn {
        /// The attribute.
        attribute: String,
        /// The column.
        column: String,
        /// The source's label columns.
        known: Vec<String>,
    },
    /// Fewer than two classes of an attribute have images.
    OneClass {
        /// The attribute.
        attribute: String,
        /// The classes that have images.
        classes: Vec<String>,
    },
    /// A class has fewer images in all than the train split needs.
    SmallClass {
        /// The attribute.
        attribute: String,
        /// The class.
        class: String,
        /// Its images.
        count: usize,
        /// `images.minimum_per_class`.
        minimum: usize,
    },
    /// A class has so few images that the import leaves it out.
    RareClass {
        /// The attribute.
        attribute: String,
        /// The class.
        class: String,
        /// Its images.
        count: usize,
        /// `images.minimum_support`.
        minimum: usize,
    },
    /// The order of an attribute names a class that it does not have.
    UnknownClass {
        /// The attribute.
        attribute: String,
        /// The class.
        class: String,
    },
    /// The source has values that the attribute's map or classes do not have.
    OutsideMap {
        /// The attribute.
        attribute: String,
        /// The most frequent of them.
        value: String,
        /// How many values there are.
        values: usize,
        /// Labels of these values.
        labels: usize,
        /// Whether they stop the import, or stay unlabelled.
        stops: bool,
    },
    /// Images have several labels of an attribute that takes one.
    SeveralLabels {
        /// The attribute.
        attribute: String,
        /// How many images.
        images: usize,
        /// Where the first stands.
        place: Place,
    },
    /// Two images have the same id.
    RepeatedId {
        /// The id.
        id: String,
        /// Where it stands first.
        first: Place,
        /// Where it stands again.
        second: Place,
    },
    /// Two rows name the same file, and nothing keeps them in one split.
    RepeatedFile {
        /// The file.
        path: String,
        /// The ids.
        ids: [String; 2],
        /// The splits that the source declares.
        splits: [Option<Split>; 2],
    },
    /// Two files have the same content, and nothing keeps them in one split.
    SameContent {
        /// The files.
        paths: [String; 2],
        /// The splits that the source declares.
        splits: [Option<Split>; 2],
    },
    /// The source puts one group into two splits.
    GroupStraddles {
        /// The group.
        group: String,
        /// The split of an earlier row.
        first: Split,
        /// The split of another row.
        second: Split,
        /// Where that stands.
        place: Place,
    },
    /// More files are missing or unreadable than the import allows.
    Unreadable {
        /// How many.
        unreadable: usize,
        /// Images in all.
        total: usize,
        /// `images.maximum_unreadable`.
        maximum: f64,
    },
    /// Classes whose names differ in case, blanks, `_` or `-` alone.
    Alike {
        /// The attribute.
        attribute: String,
        /// The classes.
        classes: Vec<String>,
    },
    /// Classes that are called as programs write a missing value.
    Void {
        /// The attribute.
        attribute: String,
        /// The classes.
        classes: Vec<String>,
    },
    /// What the source has that no image takes up.
    LeftOver(String),
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownColumn { attribute, column, known } => write!(
                f,
                "attribute `{attribute}` reads column `{column}`, which is not there: columns are {}",
                known.join(", ")
            ),
            Self::OneClass { attribute, classes } => match &classes[..] {
                [] => write!(f, "no image has a label for attribute `{attribute}`: check its `column` and its `map`"),
                only => write!(f, "attribute `{attribute}` has one class with images, {}", only.join(", ")),
            },
            Self::SmallClass { attribute, class, count, minimum } => write!(
                f,
                "class `{class}` of attribute `{attribute}` has {count} images, fewer than `images.minimum_per_class` = {minimum}"
            ),
            Self::RareClass { attribute, class, count, minimum } => write!(
                f,
                "class `{class}` of attribute `{attribute}` has {count} images, fewer than `images.minimum_support` = {minimum}: they become unlabelled"
            ),
            Self::UnknownClass { attribute, class } => {
                write!(f, "the order of attribute `{attribute}` names class `{class}`, which it does not have")
            }
            Self::OutsideMap { attribute, value, values, labels, stops } => write!(
                f,
                "{labels} labels of {values} values, the most frequent `{value}`, are none of attribute `{attribute}`: {}",
                if *stops { "the import stops there" } else { "they stay unlabelled" }
            ),
            Self::SeveralLabels { attribute, images, place } => write!(
                f,
                "{images} images have several labels for attribute `{attribute}`, which takes one; the first is {place}"
            ),
            Self::RepeatedId { id, first, second } => write!(f, "{second} repeats the id `{id}` of {first}"),
            Self::RepeatedFile { path, ids: [first, second], splits } => {
                write!(f, "{path} stands there as `{first}` and as `{second}`, {}", Apart(splits))
            }
            Self::SameContent { paths: [first, second], splits } => {
                write!(f, "{first} and {second} have the same content, {}", Apart(splits))
            }
            Self::GroupStraddles { group, first, second, place } => {
                write!(f, "{place} puts group `{group}` into split {second}, an earlier row into {first}")
            }
            Self::Unreadable { unreadable, total, maximum } => write!(
                f,
                "{unreadable} of {total} images are missing or unreadable, more than `images.maximum_unreadable` = {maximum} allows"
            ),
            Self::Alike { attribute, classes } => write!(
                f,
                "classes {} of attribute `{attribute}` look alike: if they are one, join them by the attribute's `map`",
                quoted(classes)
            ),
            Self::Void { attribute, classes } => write!(
                f,
                "{} of attribute `{attribute}` may stand for a missing label: leave the cells empty, or leave it out of the \
                 attribute's `classes` and set `rest = \"unlabelled\"`",
                quoted(classes)
            ),
            Self::LeftOver(sentence) => f.write_str(sentence),
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Two splits that differ or may come to differ.
struct Apart<'a>(&'a [Option<Split>; 2]);

impl fmt::Display for Apart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [Some(first), Some(second)] => write!(f, "in splits {first} and {second}"),
            _ => f.write_str("and may be drawn into two splits: give them one `group`"),
        }
    }
}
