//! What can go wrong, in sentences that say what to do.

use std::path::PathBuf;

use crate::{Collapse, Method, Split};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that ends a fit, a null, a save or a load.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option outside its range.
    #[error("probe option `{option}` is {got}: it must be {requirement}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// Value given.
        got: f64,
        /// What is allowed.
        requirement: &'static str,
    },
    /// Labels, splits or weights of another length than the rows.
    #[error("attribute `{attribute}`: {expected} rows of z but {got} {what}; give one per row")]
    Length {
        /// Attribute.
        attribute: String,
        /// What was counted.
        what: &'static str,
        /// Rows of z.
        expected: usize,
        /// Entries given.
        got: usize,
    },
    /// Vectors of another width than the direction's.
    #[error(
        "attribute `{attribute}`: the direction has {expected} axes but the vectors have {got}; project with the same decomposition"
    )]
    Width {
        /// Attribute.
        attribute: String,
        /// Width of the direction.
        expected: usize,
        /// Width given.
        got: usize,
    },
    /// Vectors without a single axis.
    #[error("attribute `{attribute}`: the vectors have no axes; keep at least one axis in the decomposition")]
    NoAxes {
        /// Attribute.
        attribute: String,
    },
    /// Fewer than two classes declared.
    #[error(
        "attribute `{attribute}` has {classes} class(es): a direction needs at least two, so drop the attribute or add labels"
    )]
    OneClass {
        /// Attribute.
        attribute: String,
        /// Classes declared.
        classes: usize,
    },
    /// NaN or infinity in the vectors.
    #[error(
        "attribute `{attribute}`: z is not finite at row {row}, axis {axis}; find out which image gave it and extract again"
    )]
    NotFinite {
        /// Attribute.
        attribute: String,
        /// Row of z.
        row: usize,
        /// Axis.
        axis: usize,
    },
    /// A label that names no class.
    #[error("attribute `{attribute}`: label {label} of row {row} names no class, there are {classes}")]
    Label {
        /// Attribute.
        attribute: String,
        /// Row.
        row: usize,
        /// Label given.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// An order that names no class.
    #[error("attribute `{attribute}`: the order names class number {index}, but there are {classes}, counted from 0")]
    OrderIndex {
        /// Attribute.
        attribute: String,
        /// Index given.
        index: u32,
        /// Number of classes.
        classes: usize,
    },
    /// An order that names a class twice.
    #[error("attribute `{attribute}`: the order names class `{class}` twice")]
    OrderRepeats {
        /// Attribute.
        attribute: String,
        /// Class.
        class: String,
    },
    /// An order of one class.
    #[error(
        "attribute `{attribute}`: the order names one class only; name at least two, or none for a nominal attribute"
    )]
    OrderTooShort {
        /// Attribute.
        attribute: String,
    },
    /// A class with too few labelled rows.
    #[error(
        "attribute `{attribute}`: class `{class}` has {got} {split} row(s), at least {needed} needed; label more images or leave the class out"
    )]
    TooFewRows {
        /// Attribute.
        attribute: String,
        /// Class.
        class: String,
        /// Split that lacks rows.
        split: Split,
        /// Rows found.
        got: usize,
        /// Rows needed.
        needed: usize,
    },
    /// No labelled row in a split that the method needs.
    #[error("attribute `{attribute}` has no labelled {split} row; give that split a share of the labelled images")]
    EmptySplit {
        /// Attribute.
        attribute: String,
        /// Split that lacks rows.
        split: Split,
    },
    /// All training rows are the same vector.
    #[error(
        "attribute `{attribute}`: all labelled training rows are the same vector, so no direction exists; check the embeddings"
    )]
    ConstantInput {
        /// Attribute.
        attribute: String,
    },
    /// Logistic regression asked for an attribute of more than two classes.
    #[error("attribute `{attribute}` has {classes} classes, logistic regression fits two; use `auto` or `bottleneck`")]
    NotTwoClasses {
        /// Attribute.
        attribute: String,
        /// Number of classes.
        classes: usize,
    },
    /// No restart found anything.
    #[error(
        "attribute `{attribute}`: all {restarts} restarts collapsed (the first: {first}); try more restarts, another learning_rate, \
         or check that the labels belong to these vectors"
    )]
    AllCollapsed {
        /// Attribute.
        attribute: String,
        /// Restarts made.
        restarts: usize,
        /// How the first one collapsed.
        first: Collapse,
    },
    /// Newton's method ran out of iterations.
    #[error(
        "attribute `{attribute}`: logistic regression did not converge in {iterations} iterations (gradient {gradient:e}); raise l2"
    )]
    NotConverged {
        /// Attribute.
        attribute: String,
        /// Iterations made.
        iterations: usize,
        /// Largest entry of the gradient.
        gradient: f64,
    },
    /// A closed-form direction that is no direction.
    #[error(
        "attribute `{attribute}`: {method} gives no direction, the class means coincide or the covariance is singular; use another method"
    )]
    NoDirection {
        /// Attribute.
        attribute: String,
        /// Method.
        method: Method,
    },
    /// Null draws wider than the base attribute has classes, or narrower than two.
    #[error(
        "the null draws {width} classes of `{attribute}`, which has {classes}: the width must be between 2 and that"
    )]
    NullWidth {
        /// Base attribute.
        attribute: String,
        /// Classes a draw.
        width: usize,
        /// Classes there are.
        classes: usize,
    },
    /// An attribute without a name, or two of one name.
    #[error("attribute name `{name}` is empty or given twice; names must be distinct to be saved")]
    Name {
        /// Name given.
        name: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A JSON file that is not what this crate writes.
    #[error("{path}: not a description of directions ({source}); run the probe again")]
    Json {
        /// File.
        path: PathBuf,
        /// Cause.
        source: serde_json::Error,
    },
    /// A safetensors file that is not what this crate writes.
    #[error("{path}: not whole or not safetensors ({source}); run the probe again")]
    Tensors {
        /// File.
        path: PathBuf,
        /// Cause.
        source: safetensors::SafeTensorError,
    },
    /// A tensor of another kind or size than expected.
    #[error("{path}: tensor `{name}` is not {expected} numbers of type F64; run the probe again")]
    TensorShape {
        /// File.
        path: PathBuf,
        /// Tensor.
        name: String,
        /// Numbers expected.
        expected: usize,
    },
    /// A file of a newer version.
    #[error("{path}: written by format version {found}, this program reads up to {supported}; update the program")]
    Newer {
        /// File.
        path: PathBuf,
        /// Version found.
        found: u32,
        /// Newest version known.
        supported: u32,
    },
}
