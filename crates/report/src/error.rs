//! What can be wrong with the data of a report.

/// Why a [`Report`](crate::Report) cannot be rendered, or a [`figure`](crate::figure) not be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A card points at an image which the report does not hold.
    #[error(
        "attribute `{attribute}`: the card of `{id}` names image {index}, but the report holds {count} images; \
         add the image before the card"
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
    /// An image's type is not one that browsers draw.
    #[error("image `{id}` has type `{mime}`; use one of {}", crate::images::MIME_TYPES.join(", "))]
    ImageType {
        /// The image's id.
        id: String,
        /// The type given.
        mime: String,
    },
    /// An image has no bytes, or a side of zero pixels.
    #[error("image `{id}` is empty ({bytes} bytes, {width} x {height} pixels); encode it again")]
    EmptyImage {
        /// The image's id.
        id: String,
        /// How many bytes it has.
        bytes: usize,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// A number that places something on a chart is NaN or infinite.
    #[error("{place}: {what} {index} is {value}, and only finite numbers can be drawn; repair the stage that made it")]
    NotFinite {
        /// Attribute, class or chart.
        place: String,
        /// What kind of number.
        what: &'static str,
        /// Which one, counted from 0.
        index: usize,
        /// The number.
        value: f64,
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
    /// A figure names a class that the attribute does not list.
    #[error("attribute `{attribute}`: {place} names class `{class}`, which is not among its classes")]
    UnknownClass {
        /// The attribute.
        attribute: String,
        /// The figure.
        place: &'static str,
        /// The class.
        class: String,
    },
    /// A class or an attribute is listed twice.
    #[error("{place}: `{name}` is listed twice; keep one")]
    Twice {
        /// The list.
        place: String,
        /// The name found twice.
        name: String,
    },
    /// A figure has nothing to show.
    #[error(
        "{place}: there are no {what} to draw; leave the figure out or repair the stage that should have made them"
    )]
    Nothing {
        /// The figure.
        place: String,
        /// What is missing.
        what: &'static str,
    },
    /// A figure has more series or points than can be told apart.
    #[error("{place}: {got} {what}, but at most {most} can be told apart; split the figure")]
    TooMany {
        /// The figure.
        place: String,
        /// What was counted.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many there may be.
        most: usize,
    },
    /// A number that is not above 0 stands on a logarithmic axis.
    #[error(
        "{place}: {what} {index} is {value}, but a logarithmic axis holds only numbers above 0; \
         leave it out or use a linear axis"
    )]
    NotPositive {
        /// The figure, and the series if it is one's.
        place: String,
        /// What kind of number.
        what: &'static str,
        /// Which one, counted from 0.
        index: usize,
        /// The number.
        value: f64,
    },
    /// A number lies outside an axis of named places.
    #[error(
        "{place}: {what} {index} is {value}, but the axis has the places 0 to {last}; name the place or leave it out"
    )]
    NoPlace {
        /// The figure, and the series if it is one's.
        place: String,
        /// What kind of number.
        what: &'static str,
        /// Which one, counted from 0.
        index: usize,
        /// The number.
        value: f64,
        /// The last place of the axis.
        last: usize,
    },
    /// The page's template failed: a defect of this crate.
    #[error("the report's template failed: {0}; please file this as a defect")]
    Template(#[from] minijinja::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
