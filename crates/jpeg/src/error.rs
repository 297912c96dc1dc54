//! What can be wrong with a file.
//!
//! [`Error`] is public: a caller has to tell kinds that this crate leaves to other decoders ([`Error::Unsupported`]) from
//! damage. `images` does so, and keeps the sentence as the reason for which an image was skipped.

/// Why a file is not decoded; the sentence follows the file's name.
///
/// The first line of a message is the cause. A second one, `hint: …`, says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It does not start as a JPEG file does.
    #[error("it is no JPEG file: it does not begin with the start marker FF D8")]
    NotJpeg,
    /// Its data end before the picture does.
    #[error("it is cut short: its end marker is missing")]
    Truncated,
    /// It is a JPEG file of a kind that this crate leaves to others.
    #[error("it uses {what}, which is not supported\nhint: save it as a baseline or progressive JPEG of 8 bits")]
    Unsupported {
        /// The feature.
        what: &'static str,
    },
    /// It breaks the rules of the format.
    #[error("it is damaged at byte {at}: {what}")]
    Damaged {
        /// The rule.
        what: &'static str,
        /// Where the segment or scan lies, in bytes from the start of the file.
        at: usize,
    },
    /// Decoding it would take more memory than allowed.
    #[error("it is {width} x {height} pixels; decoding it takes {bytes} bytes, more than the {limit} allowed")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes for pixels and coefficients.
        bytes: u64,
        /// [`crate::Options::max_bytes`].
        limit: u64,
    },
    /// The region asked for has no pixels or reaches beyond the picture.
    #[error("the region {region:?} does not lie in a picture of {width} x {height} pixels\nhint: choose one that does")]
    Region {
        /// The region asked for.
        region: crate::Region,
        /// Width of the picture after scaling.
        width: u32,
        /// Height of the picture after scaling.
        height: u32,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
