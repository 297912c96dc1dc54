//! Everything that can be wrong with a description, a source or a pack.
//!
//! [`Error`] is public, and so is [`IdxError`], because the readers of [`crate::idx`] can be used alone and know no file's
//! name. Callers ask [`Error::key`] which key of the description is to blame; no other crate matches a variant.

use std::fmt;
use std::path::PathBuf;

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
///
/// The first line of a message is the cause. A second one, `hint: …`, says what to do about it. A cause that another
/// library told is the [source](std::error::Error::source) and not part of the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The [reader of tables](crate::TableReader) refused a manifest, which its own message names.
    #[error(transparent)]
    Table(std::io::Error),
    /// A file or folder that the description names does not exist.
    #[error("{path} does not exist\nhint: check `{key}`, which is looked up from the description's folder")]
    Missing {
        /// The file or folder.
        path: String,
        /// The key that names it.
        key: &'static str,
    },
    /// An IDX file is not what it should be.
    #[error("{file} is no whole IDX file")]
    Idx {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: IdxError,
    },
    /// The description is not valid TOML, has an unknown key or a value of the wrong type.
    #[error("the description cannot be read")]
    Toml(#[source] Box<toml::de::Error>),
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
    /// A key asks for garments that cannot be drawn.
    #[error("`{key}` asks for what cannot be drawn")]
    Garments {
        /// The key, with its table.
        key: &'static str,
        /// Why.
        source: latentwalk_garments::Error,
    },
    /// A key names a class, an attribute or a column that is not there.
    #[error("`{key}` names the {kind} `{name}`, which {place} does not have: it has {}", known.join(", "))]
    Unknown {
        /// The key, with its table.
        key: String,
        /// What it names: "class", "attribute" or "column".
        kind: &'static str,
        /// The unknown name.
        name: String,
        /// Where it was looked up: an attribute, the description or a file.
        place: String,
        /// What is there.
        known: Vec<String>,
    },
    /// A direction needs at least two classes.
    #[error(
        "attribute `{attribute}` has fewer than two classes with labelled images ({classes} found), and a direction needs two\n\
         hint: check its `column` and its `map`, add labels, or remove the attribute"
    )]
    OneClass {
        /// The attribute.
        attribute: String,
        /// Classes that have a labelled image.
        classes: usize,
    },
    /// A class has too few labelled images in the train split.
    #[error(
        "class `{class}` of attribute `{attribute}` has {count} labelled images in the train split, fewer than \
         `images.minimum_per_class` = {minimum}\n\
         hint: add images, drop the class (with `rest = \"unlabelled\"`) or lower the minimum"
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
    /// A row of a source has a value that it cannot have: a label, an id, a path, a split or a group.
    #[error("{place} has `{value}`, {wrong}\nhint: {hint}")]
    Cell {
        /// Where the value stands.
        place: Place,
        /// The value.
        value: String,
        /// What is wrong with it, with the attribute or the other row that it does not agree with.
        wrong: String,
        /// What to do.
        hint: &'static str,
    },
    /// A source or a split holds no images at all.
    #[error("{place} holds no images\nhint: {hint}")]
    NoImages {
        /// A file, a folder, or a split.
        place: String,
        /// What to do.
        hint: &'static str,
    },
    /// Too many images could not be read.
    #[error(
        "{unreadable} of {total} images could not be read, more than `images.maximum_unreadable` = {maximum} allows; the first \
         is {path}: {reason}"
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
    /// A manifest, list, JSON or label file is not what it should be.
    #[error("{place} cannot be read: {reason}")]
    Manifest {
        /// Where.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// A file of a pack is damaged, or was written by a newer version of this program.
    #[error("{}{}: {reason}\nhint: {hint}", path.display(), in_line(*line))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, where one is to blame.
        line: Option<usize>,
        /// What is wrong.
        reason: String,
        /// What to do.
        hint: &'static str,
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
    /// A source is larger than `[images.limits]` allows.
    #[error("{what}, more than `images.limits.{key}` = {limit} allows\nhint: raise it if that is meant")]
    Limit {
        /// What is too large, with its size.
        what: String,
        /// The key of `[images.limits]`.
        key: &'static str,
        /// Its value.
        limit: u64,
    },
    /// No column of a source can be an attribute.
    #[error("{place} has no labels that could be an attribute: {}\nhint: {hint}", reasons.join("; "))]
    NoAttribute {
        /// The file or the folder.
        place: String,
        /// Why each column is none.
        reasons: Vec<String>,
        /// What to do.
        hint: &'static str,
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

/// `, line 3`, where a line is known.
fn in_line(line: Option<usize>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}

impl Error {
    /// The key of the description that is to blame, with its table, where a check of the description found the mistake.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Setting { key, .. } | Self::Unknown { key, .. } => Some(key.clone()),
            Self::Garments { key, .. } => Some((*key).to_owned()),
            Self::OneClass { attribute, .. } => Some(format!("attributes.{attribute}")),
            _ => None,
        }
    }

    /// Wraps what the system said about a path.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// Wraps what is wrong with an IDX file.
    pub(crate) fn idx(file: &str) -> impl Fn(IdxError) -> Self {
        move |source| Self::Idx { file: file.to_owned(), source }
    }

    /// A file of a pack that a new import would make whole.
    pub(crate) fn damaged(path: impl Into<PathBuf>, line: Option<usize>, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.into(), line, reason: reason.into(), hint: "import again" }
    }

    /// A file of a pack that holds too much or too little.
    pub(crate) fn pack_size(path: impl Into<PathBuf>, unit: &str, expected: u64, got: u64) -> Self {
        Self::damaged(path, None, format!("it holds {got} {unit}, expected {expected}"))
    }

    /// An id that two images have.
    pub(crate) fn duplicate_id(id: &str, first: &Place, second: Place) -> Self {
        let wrong = format!("the id of {first} too");
        Self::Cell { place: second, value: id.to_owned(), wrong, hint: "give every image an id of its own" }
    }

    /// A split that does not exist.
    pub(crate) fn unknown_split(value: &str, place: Place) -> Self {
        let hint = "use train, validation (or val), test or leave it empty";
        Self::Cell { place, value: value.to_owned(), wrong: "which is no split".to_owned(), hint }
    }

    /// A folder or a file without images.
    pub(crate) fn no_images(place: impl Into<String>) -> Self {
        Self::NoImages {
            place: place.into(),
            hint: "name another place; JPEG, PNG, WebP, BMP, TIFF and GIF files are looked for",
        }
    }
}
