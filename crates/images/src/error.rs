//! Everything that can be wrong with a description, a source or a pack.

use std::fmt;
use std::path::PathBuf;

use crate::attribute::Split;
use crate::source::idx::IdxError;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Where in a source something stands: a file, and the row in it where there are rows.
///
/// **Units and conventions.** Rows of an IDX file count from 0; rows of a manifest or list file are line numbers, the
/// header being 1; rows of a JSON file count the entries of its `images` from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the description or the folder names it.
    pub file: String,
    /// The row, where the file has rows.
    pub row: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "{}, row {row}", self.file),
            None => write!(f, "{}", self.file),
        }
    }
}

/// What went wrong, with the culprit and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("cannot read or write {}: {reason}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A file or folder that the description names does not exist.
    #[error("{path} does not exist: check `{key}`, which is looked up from the description's folder")]
    Missing {
        /// The file or folder.
        path: String,
        /// The key that names it.
        key: &'static str,
    },
    /// An IDX file is not what it should be.
    #[error("{file}: {problem}")]
    Idx {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: IdxError,
    },
    /// An image file and its label file hold different numbers of rows.
    #[error(
        "{images} holds {image_count} images but {labels} holds {label_count} labels: the two must belong together and stand at the same place in `images.images` and `images.labels`"
    )]
    CountMismatch {
        /// The image file.
        images: String,
        /// The label file.
        labels: String,
        /// Images in the first.
        image_count: u64,
        /// Labels in the second.
        label_count: u64,
    },
    /// The description is not valid TOML, has an unknown key or a value of the wrong type.
    #[error("the description cannot be read: {0}")]
    Toml(Box<toml::de::Error>),
    /// A key has a value that it cannot have.
    #[error("`{key}` is {got}: {must}")]
    Setting {
        /// The key, with its table.
        key: String,
        /// Its value.
        got: String,
        /// What is allowed.
        must: &'static str,
    },
    /// The shares of the three splits are not shares of one whole.
    #[error(
        "`images.split` has train {train}, validation {validation}, test {test}: each must lie in 0 to 1, train above 0, and together they must make 1"
    )]
    Shares {
        /// Share of the train split.
        train: f64,
        /// Share of the validation split.
        validation: f64,
        /// Share of the test split.
        test: f64,
    },
    /// A key names a class that the attribute does not have.
    #[error("`{key}` names class `{class}`, which attribute `{attribute}` does not have: its classes are {}", .known.join(", "))]
    UnknownClass {
        /// The key.
        key: String,
        /// The attribute.
        attribute: String,
        /// The unknown class.
        class: String,
        /// The attribute's classes.
        known: Vec<String>,
    },
    /// A key names an attribute that is not declared.
    #[error("`{key}` names attribute `{name}`, which is not declared: declared are {}", .known.join(", "))]
    UnknownAttribute {
        /// The key.
        key: &'static str,
        /// The unknown name.
        name: String,
        /// The declared attributes.
        known: Vec<String>,
    },
    /// An attribute reads a column that the source does not have.
    #[error("attribute `{attribute}` reads column `{column}`, which {file} does not have: its label columns are {}", .known.join(", "))]
    UnknownColumn {
        /// The attribute.
        attribute: String,
        /// The column.
        column: String,
        /// The source.
        file: String,
        /// The source's label columns.
        known: Vec<String>,
    },
    /// A direction needs at least two classes.
    #[error(
        "attribute `{attribute}` has fewer than two classes with labelled images ({classes} found): a direction needs two, so add labels or remove the attribute"
    )]
    OneClass {
        /// The attribute.
        attribute: String,
        /// Classes that have a labelled image.
        classes: usize,
    },
    /// No image has a label of the attribute.
    #[error("no image has a label for attribute `{attribute}`: check its `column` ({column}) and its `map`")]
    AllUnlabelled {
        /// The attribute.
        attribute: String,
        /// The column that it reads.
        column: String,
    },
    /// A class has too few labelled images in the train split.
    #[error(
        "class `{class}` of attribute `{attribute}` has {count} labelled images in the train split, fewer than `images.minimum_per_class` = {minimum}: add images, drop the class (with `rest = \"unlabelled\"`) or lower the minimum"
    )]
    SmallClass {
        /// The attribute.
        attribute: String,
        /// The class.
        class: String,
        /// Its labelled images in the train split.
        count: usize,
        /// The minimum asked for.
        minimum: usize,
    },
    /// A source has a value that the attribute's map or classes do not have.
    #[error(
        "{place} has `{value}`, which attribute `{attribute}` does not know: add it to the attribute's map or classes, or set `rest = \"unlabelled\"` there"
    )]
    UnknownValue {
        /// The attribute.
        attribute: String,
        /// Where the value stands.
        place: Place,
        /// The value.
        value: String,
    },
    /// A cell has several labels but the attribute takes one.
    #[error(
        "{place} has several labels (`{value}`) for attribute `{attribute}`, which takes one: declare `kind = \"multi\"`, set `several = \"unlabelled\"`, or leave one label"
    )]
    SeveralLabels {
        /// The attribute.
        attribute: String,
        /// Where the cell stands.
        place: Place,
        /// The cell.
        value: String,
    },
    /// Two images have the same id.
    #[error("{second} repeats the id `{id}` of {first}: every image needs an id of its own")]
    DuplicateId {
        /// The id.
        id: String,
        /// Where it stands first.
        first: Place,
        /// Where it stands again.
        second: Place,
    },
    /// A source has no images at all.
    #[error("{0} holds no images: JPEG, PNG and WebP files are looked for")]
    NoImages(String),
    /// Too many images could not be read.
    #[error(
        "{unreadable} of {total} images could not be read, more than `images.maximum_unreadable` = {maximum} allows; the first is {path}: {reason}"
    )]
    Unreadable {
        /// Images that could not be read so far.
        unreadable: usize,
        /// Images in all.
        total: usize,
        /// The share that is allowed.
        maximum: f64,
        /// The first of them.
        path: String,
        /// Why it could not be read.
        reason: String,
    },
    /// A row names a file outside the root.
    #[error(
        "{place} names the image {path}, which leaves the root: set `images.root` to a folder that holds all images, and give paths below it"
    )]
    LeavesRoot {
        /// Where.
        place: Place,
        /// The path.
        path: String,
    },
    /// A manifest, list or JSON file is not what it should be.
    #[error("{place} cannot be read: {reason}")]
    Manifest {
        /// Where.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// A manifest names a split that does not exist.
    #[error("{place} has split `{value}`: use train, validation (or val), test or leave it empty")]
    UnknownSplit {
        /// Where.
        place: Place,
        /// The value.
        value: String,
    },
    /// A manifest puts one group into two splits.
    #[error(
        "{place} puts group `{group}` into split {second}, but an earlier row puts it into {first}: a group must stay whole, so correct the `split` or the `group` column"
    )]
    GroupStraddles {
        /// Where the second split stands.
        place: Place,
        /// The group.
        group: String,
        /// The split of an earlier row.
        first: Split,
        /// The split of this row.
        second: Split,
    },
    /// A split that should have images has none.
    #[error(
        "the {split} split has no images: add images, give it a larger share or set its share in `images.split` to 0"
    )]
    EmptySplit {
        /// The split.
        split: Split,
    },
    /// The binary's own files are IDX files.
    #[error("`images.source` is \"{0}\", which needs a folder: embedded files can only be read as \"idx\"")]
    NeedsFolder(&'static str),
    /// A pack was written by a newer version of this program.
    #[error(
        "{} has schema version {found}, this program reads up to {supported}: use a newer program or import again", path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is understood.
        supported: u32,
    },
    /// A file of a pack is damaged.
    #[error("{}, line {line}: {reason}; import again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A file of a pack has the wrong size.
    #[error("{} holds {got} {unit}, expected {expected}; import again", path.display())]
    PackSize {
        /// The file.
        path: PathBuf,
        /// What is counted.
        unit: &'static str,
        /// The number that belongs there.
        expected: u64,
        /// The number found.
        got: u64,
    },
    /// A row outside the data set.
    #[error("row {row} is outside the data set of {n} images")]
    Row {
        /// The row.
        row: usize,
        /// Images in the data set.
        n: usize,
    },
    /// A buffer has the wrong length.
    #[error("{what} has length {got}, expected {expected}")]
    Length {
        /// Which buffer or list.
        what: &'static str,
        /// The length that belongs there.
        expected: usize,
        /// The length given.
        got: usize,
    },
    /// A PNG could not be written.
    #[error("the thumbnail of row {row} cannot be encoded: {reason}")]
    Encode {
        /// The row.
        row: usize,
        /// What the encoder said.
        reason: String,
    },
}

impl Error {
    /// The key of the description that is to blame, with its table, where a check of the description found the mistake.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Setting { key, .. } | Self::UnknownClass { key, .. } => Some(key.clone()),
            Self::UnknownAttribute { key, .. } => Some((*key).to_owned()),
            Self::Shares { .. } => Some("images.split".to_owned()),
            Self::OneClass { attribute, .. } => Some(format!("attributes.{attribute}")),
            _ => None,
        }
    }

    /// Wraps what the system said about a path.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |reason| Self::Io { path, reason }
    }
}
