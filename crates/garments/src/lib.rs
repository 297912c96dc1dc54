//! What would a perfectly labelled wardrobe be?
//!
//! Renders women's tops and dresses whose every visible factor is known: [`Factors`] are labelled, [`Nuisances`] vary without
//! a label. [`Garment::draw`] draws one garment, [`render`] paints it, [`twins`] makes its copies that differ in one factor
//! alone, [`write_dataset`] writes a folder that `latentwalk pipeline` reads.
//!
//! **Conventions.** The same seed gives the same bytes on every machine and with any number of threads: own mathematics or
//! `libm` instead of the platform's functions, `tiny-skia` without SIMD, ChaCha streams instead of shared generators.
//!
//! **Example**
//!
//! ```
//! # fn main() -> Result<(), latentwalk_garments::Error> {
//! use latentwalk_garments::{Factor, Frequencies, Garment, render, twins};
//!
//! let garment = Garment::draw(1, 7, &Frequencies::catalogue());
//! let image = render(&garment, 128)?;
//! for twin in twins(&garment).iter().filter(|twin| twin.factor == Factor::Sleeve) {
//!     assert_ne!(render(&twin.garment, 128)?, image);
//! }
//! # Ok(())
//! # }
//! ```

mod canvas;
mod cloth;
mod cut;
mod dataset;
mod description;
mod entry;
mod error;
mod fabric;
mod factors;
mod figure;
mod frequencies;
mod limb;
mod maths;
mod nuisances;
mod render;

pub use dataset::{
    DEFAULT_COUNT, DEFAULT_SEED, DEFAULT_SIZE, DEFAULT_TWIN_SETS, Format, MAX_COUNT, More, Options, Summary,
    write_dataset, write_dataset_from,
};
pub use description::{DESCRIPTION_FILE, MANIFEST_FILE, PARQUET_FILE, description};
pub use entry::{COLUMNS, Entry, group, twin_id};
pub use error::{Error, Result};
pub use factors::{
    Colour, Factor, Factors, Garment, IMPOSSIBLE, Length, Neckline, Pattern, Silhouette, Sleeve, Twin, twins,
};
pub use frequencies::Frequencies;
pub use nuisances::{Arm, Nuisances, Pose, SHARE_TWO_VIEWS, SHARE_WORN, Worn};
pub use render::{Image, MAX_SIZE, MIN_SIZE, REVISION, render};

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
