//! What does libjpeg make of this file?
//!
//! A JPEG decoder whose bytes are those of libjpeg-turbo with its defaults, and so of Pillow and torchvision: networks that
//! were trained on their pixels see the same ones here. It reads baseline, extended sequential and progressive files of
//! 8 bits, Huffman-coded, with 1, 3 or 4 components and any sampling factors that divide the greatest one. What it does not
//! read it refuses as [`Error::Unsupported`], damaged files with the reason; it never panics, and takes no more memory than
//! [`Options::max_bytes`] and the file's own size.
//!
//! **Source.** ITU-T T.81 for the format, T.871 (JFIF) for colour; the transform as in [`Decoder::decode`].
//!
//! **Example**
//!
//! ```
//! # fn main() -> Result<(), latentwalk_jpeg::Error> {
//! let file = include_bytes!("../../../fixtures/golden/jpeg/420-33x17-q75.jpg");
//! let decoder = latentwalk_jpeg::Decoder::new(file)?;
//! let image = decoder.decode(&latentwalk_jpeg::Options::default())?;
//! assert_eq!((image.width, image.height, image.pixels.len()), (33, 17, 33 * 17 * 3));
//! # Ok(())
//! # }
//! ```

#[cfg(target_arch = "x86_64")]
mod avx2;
mod bits;
mod decoder;
mod entropy;
mod error;
mod frame;
mod huffman;
mod idct;
mod kernels;
mod plan;
mod progressive;
mod render;
mod segments;

pub use decoder::{Colour, DEFAULT_MAX_BYTES, Damage, Decoder, Image, Options, Region, Scale};
pub use error::{Error, Result};

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
