//! What can go wrong, with the values that say where.

use std::path::PathBuf;

use crate::metric::MetricKind;

/// An input that no line can be drawn through, or an index that does not fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinesError {
    /// Something that must have at least one element has none.
    #[error("{what} is empty: give at least one")]
    Empty {
        /// What was empty.
        what: &'static str,
    },
    /// Widths (number of axes) disagree.
    #[error("{what} has {got} axes, expected {expected}: all points and weights must come from the same PCA")]
    Width {
        /// What has the wrong width.
        what: &'static str,
        /// Axes that the metric has.
        expected: usize,
        /// Axes that came.
        got: usize,
    },
    /// Lengths of two lists that go together disagree.
    #[error("{what}: {got} entries for {expected} rows, give one for each row")]
    Length {
        /// The list.
        what: &'static str,
        /// Entries needed.
        expected: usize,
        /// Entries given.
        got: usize,
    },
    /// A list that must have one entry for each attribute has another number.
    #[error("{what}: {got} entries for {expected} attributes, give one for each")]
    Attributes {
        /// The list.
        what: &'static str,
        /// Attributes that there are.
        expected: usize,
        /// Entries given.
        got: usize,
    },
    /// An attribute's number beyond the end.
    #[error("attribute {attribute} is beyond the {attributes} attributes that there are: the first is 0")]
    AttributeOutside {
        /// Number of the attribute.
        attribute: usize,
        /// Number of attributes.
        attributes: usize,
    },
    /// A slab whose borders are no numbers or the wrong way round.
    #[error("the slab reaches from {low} to {high}: give two numbers, the lower one first")]
    Slab {
        /// Lower border.
        low: f64,
        /// Upper border.
        high: f64,
    },
    /// A value that is NaN, infinite, or too large to square in f32.
    #[error("{what}, row {row}, axis {axis}: {value} is not a usable number, remove that row or extract it again")]
    NotUsable {
        /// The matrix or vector.
        what: &'static str,
        /// Row of it (0 for a vector).
        row: usize,
        /// Column of it.
        axis: usize,
        /// The value.
        value: f64,
    },
    /// A row number beyond the end.
    #[error("{what}: row {row} is beyond the {rows} rows that there are")]
    RowOutside {
        /// The list that names the row.
        what: &'static str,
        /// The row.
        row: usize,
        /// Number of rows.
        rows: usize,
    },
    /// The direction has no length.
    #[error("the direction has length zero: train the probe again, it has collapsed")]
    ZeroDirection,
    /// A label beyond the classes of its attribute.
    #[error("row {row} has label {label}, but the attribute has {classes} classes")]
    LabelOutside {
        /// Row of the label.
        row: usize,
        /// The label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// A class has too few rows for a covariance.
    #[error(
        "class {class} has {rows} labelled training rows, the within-class metric needs 2: leave the class out or use another metric"
    )]
    FewRows {
        /// The class.
        class: usize,
        /// Rows it has.
        rows: usize,
    },
    /// A coordinate does not vary.
    #[error("axis {axis} has variance {variance}, so it cannot be whitened: lower k below {axis_count}", axis_count = axis + 1)]
    NoVariance {
        /// The axis.
        axis: usize,
        /// Its variance.
        variance: f64,
    },
    /// Too few rows for what the attributes explain.
    #[error(
        "{rows} training rows have a label of every attribute, and {parameters} parameters describe them: give more rows or fewer attributes"
    )]
    FewResiduals {
        /// Rows with a label of every attribute.
        rows: usize,
        /// Independent parameters of the attributes' effects.
        parameters: usize,
    },
    /// The covariance of a metric cannot be inverted.
    #[error(
        "the {metric} covariance is singular at axis {axis} with shrinkage {shrinkage}: raise the shrinkage or lower k"
    )]
    Singular {
        /// The metric.
        metric: MetricKind,
        /// Axis at which the factorisation failed.
        axis: usize,
        /// Shrinkage that was used.
        shrinkage: f64,
    },
    /// An option outside its range.
    #[error("{name} is {value}, it must be at least {low} and at most {high}")]
    Option {
        /// Name of the option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// Least value.
        low: f64,
        /// Greatest value.
        high: f64,
    },
    /// Stops that do not ascend.
    #[error(
        "stop {stop} stands at {right}, not above the one before it at {left}: stops must ascend, use fewer or another rule"
    )]
    StopsNotAscending {
        /// Number of the right-hand stop.
        stop: usize,
        /// Position of the one before.
        left: f64,
        /// Position of this one.
        right: f64,
    },
    /// The order of classes is not an order.
    #[error("the order names class {class} twice: name each class once, from low to high")]
    OrderRepeats {
        /// The class.
        class: u32,
    },
    /// A line of one metric met a space of another.
    #[error("the line was drawn in the {line} metric and the space is {space}: draw it with the space's own metric")]
    OtherMetric {
        /// Metric of the line.
        line: MetricKind,
        /// Metric of the space.
        space: MetricKind,
    },
    /// An index was built over other rows than the space holds.
    #[error("the index was built over other rows or in another metric than the {n} rows of the space: build it again")]
    OtherRows {
        /// Rows of the space.
        n: usize,
    },
    /// A saved metric or index contradicts itself or what it is used with.
    #[error("{path}: {what} is {got}, expected {expected}: build it again", path = path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What disagrees.
        what: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        got: String,
    },
    /// The index library refused.
    #[error("{path}: the index library could not {action}: {reason}", path = path.display())]
    Index {
        /// The folder.
        path: PathBuf,
        /// What was asked.
        action: &'static str,
        /// What it said.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is not the JSON it should be.
    #[error("{path}: not a file of this crate: {source}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

/// Result of this crate.
pub(crate) type Result<T> = std::result::Result<T, LinesError>;
