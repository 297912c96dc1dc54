//! What can be wrong with the data of a report.
//!
//! [`enum@Error`] is the only error type of the crate, and public because a caller gets it; nothing outside this crate has to match its
//! variants so far.

/// Why a [`Report`](crate::Report) cannot be rendered, or a [`figure`](crate::figure) not be drawn; what to do stands after a line feed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A card points at an image which the report does not hold.
    #[error(
        "attribute `{attribute}`: the card of `{id}` names image {index}, but the report holds {count} images\n\
         hint: add the image before the card"
    )]
    UnknownImage {
        /// The attribute whose strip holds the card.
        attribute: String,
        /// The id on the card.
        id: String,
        /// The index that the card names.
        index: usize,
        /// How many images the report holds.
        count: usize,
    },
    /// An image that is empty, or of a type that browsers do not draw.
    #[error("image `{id}` {problem}\nhint: encode it again, as one of {}", crate::images::MIME_TYPES.join(", "))]
    Image {
        /// The image's id.
        id: String,
        /// What is wrong with it, with its type or its size.
        problem: String,
    },
    /// A number that has no place on a chart: NaN, infinite, or outside the axis.
    #[error("{place}: {what} {index} is {value}, but {must}\nhint: leave it out, or repair the stage that made it")]
    Number {
        /// Attribute, class, figure or series.
        place: String,
        /// What kind of number.
        what: &'static str,
        /// Which one, counted from 0.
        index: usize,
        /// The number.
        value: f64,
        /// What can be drawn.
        must: String,
    },
    /// Two lists that belong together differ in length.
    #[error("{place}: {got} {what}, expected {expected}")]
    Length {
        /// Attribute or chart.
        place: String,
        /// What was counted.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A class, an attribute or an image that is listed twice, or a class that is not listed.
    #[error("{place}: `{name}` {problem}\nhint: list each name once, and use only names that are listed")]
    Name {
        /// The list or the figure, with the attribute.
        place: String,
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A figure that has nothing to show, or more than can be told apart.
    #[error("{place}: {got} {what}, but {must}\nhint: leave the figure out, or give it fewer or more of them")]
    Count {
        /// The figure.
        place: String,
        /// What was counted.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many can be drawn.
        must: String,
    },
    /// The page's template failed: a defect of this crate.
    #[error("the report's template failed\nhint: please file this as a defect")]
    Template(#[from] minijinja::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
