//! What can go wrong, in sentences that say what to do.
//!
//! [`enum@Error`] is the only error type of the crate, and public because a caller gets it. Callers match [`Error::AllCollapsed`], where
//! "no direction was found" is a result of theirs.

use std::path::{Path, PathBuf};

use crate::Collapse;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that ends a fit, a null, a save or a load; what to do stands after a line feed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option outside its range.
    #[error("probe option `{option}` is {got}, but must be {must}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// Value given.
        got: f64,
        /// What is allowed.
        must: String,
    },
    /// Labels, splits or vectors of another length or width than what they go with.
    #[error(
        "attribute `{attribute}`: {got} {what}, but {expected} are expected\n\
         hint: give one label, split and vector per row, projected with the same decomposition"
    )]
    Shape {
        /// Attribute.
        attribute: String,
        /// What was counted.
        what: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// Too few labelled rows, or too few classes.
    #[error(
        "attribute `{attribute}`: {got} {what}, but at least {needed} are needed\n\
         hint: label more images and give each split a share of them, or leave the class or the attribute out"
    )]
    TooFew {
        /// Attribute.
        attribute: String,
        /// What was counted: classes, or labelled rows of a split and class.
        what: String,
        /// How many there are.
        got: usize,
        /// How many are needed.
        needed: usize,
    },
    /// NaN or infinity in the vectors.
    #[error(
        "attribute `{attribute}`: z is not finite at row {row}, axis {axis}\n\
         hint: find out which image gave it and extract again"
    )]
    NotFinite {
        /// Attribute.
        attribute: String,
        /// Row of z.
        row: usize,
        /// Axis.
        axis: usize,
    },
    /// A label, or an entry of the order, that names no class.
    #[error("attribute `{attribute}`: {what} is {got}, but there are only {classes} classes, counted from 0")]
    NoClass {
        /// Attribute.
        attribute: String,
        /// The label with its row, or the place in the order.
        what: String,
        /// The class that is named.
        got: u32,
        /// Number of classes.
        classes: usize,
    },
    /// An order that is none.
    #[error(
        "attribute `{attribute}`: the order names {problem}\n\
         hint: name at least two classes, each once, or none for a nominal attribute"
    )]
    Order {
        /// Attribute.
        attribute: String,
        /// What is wrong with it, with the class.
        problem: String,
    },
    /// A method that gives no direction for these vectors and labels.
    #[error("attribute `{attribute}` gets no direction: {reason}\nhint: {remedy}")]
    NoDirection {
        /// Attribute.
        attribute: String,
        /// Why, with the method's name where it is the method's fault.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// No restart found anything.
    #[error(
        "attribute `{attribute}`: all {restarts} restarts collapsed (the first: {first})\n\
         hint: try more restarts or another learning_rate, or check that the labels belong to these vectors"
    )]
    AllCollapsed {
        /// Attribute.
        attribute: String,
        /// Restarts made.
        restarts: usize,
        /// How the first one collapsed.
        first: Collapse,
    },
    /// An attribute without a name, or two of one name.
    #[error(
        "attribute name `{name}` is empty or given twice\nhint: give each attribute that is saved a name of its own"
    )]
    Name {
        /// Name given.
        name: String,
    },
    /// A file could not be read or written.
    #[error("cannot read or write {path}")]
    Io {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A file that is damaged, or not what this crate writes.
    #[error("{path} does not hold directions of this version\nhint: run the probe again")]
    Content {
        /// File.
        path: PathBuf,
        /// What the parser says, or which tensor is not as it should be.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of a newer version.
    #[error(
        "{path}: written by format version {found}, this program reads up to {supported}\nhint: update the program"
    )]
    Newer {
        /// File.
        path: PathBuf,
        /// Version found.
        found: u32,
        /// Newest version known.
        supported: u32,
    },
}

/// Compares two counts that must be equal.
pub(crate) fn check_shape(attribute: &str, what: &'static str, expected: usize, got: usize) -> Result<()> {
    if got == expected { Ok(()) } else { Err(Error::Shape { attribute: attribute.to_owned(), what, expected, got }) }
}

/// A file that is not what this crate writes.
pub(crate) fn content(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Content { path: path.to_owned(), source: source.into() }
}
