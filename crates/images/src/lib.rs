//! Which images, which labels?
//!
//! A [`Description`] (TOML) says where images come from and how a source's labels map onto **attributes**. [`import`] reads
//! the source, maps, splits and packs it into a folder of plain files; [`Dataset::open`] reads that folder back, [`Pixels`]
//! reads the pack by position and [`Batcher`] turns rows of it into normalised, optionally augmented floats.
//!
//! | source | keys of `[images]` | label columns |
//! |---|---|---|
//! | `idx` | `images`, `labels` | `label` |
//! | `folder` | `root` | `folder` |
//! | `manifest` | `file`, `root` | as the CSV, TSV, JSON Lines or Parquet file names them |
//! | `imaterialist` | `file`, `labels_file`, `root` | one a task |
//! | `deepfashion` | `annotations`, `root` | `category`, `texture`, `fabric`, `shape`, `part`, `style` |
//! | `celeba` | `annotations`, `root` | one an attribute |
//! | `fashionai` | `file`, `root` | one a key |
//! | `coco` | `file`, `root` | `category` and one a supercategory of attributes |
//! | `garments` | `garments` | one a factor, `worn`, `views` |
//!
//! An import writes:
//!
//! | file | holds |
//! |---|---|
//! | `dataset.json` | schema version, name, shape, attributes, counts a class and split |
//! | `items.jsonl` | one line an image: id, split, path, labels by class name (`null` = unlabelled) |
//! | `pixels.u8` | `n * height * width * channels` bytes, channels last, in the order of `items.jsonl` |
//! | `skipped.jsonl` | one line a file that could not be read, with the reason |
//!
//! [`survey`] says what was understood of a source without packing it.
//!
//! **Conventions.** A missing label is never a negative. An attribute is ordered, nominal (one label an image) or multi
//! (several at once). Same description and source: same bytes, whatever the number of threads.
//!
//! **Example**
//!
//! ```
//! # fn main() -> Result<(), latentwalk_images::Error> {
//! let description = latentwalk_images::Description::parse(
//!     r#"
//!     [images]
//!     source = "folder"
//!     root = "photos"
//!     [attributes.garment]
//!     kind = "nominal"
//!     column = "folder"
//!     "#,
//! )?;
//! description.check()?;
//! assert_eq!(description.attributes.0[0].name, "garment");
//! # Ok(())
//! # }
//! ```

mod augment;
mod batch;
mod celeba;
mod check;
mod coco;
mod contact_sheet;
mod csv_text;
mod dataset;
mod decode;
mod deepfashion;
mod description;
mod error;
mod fashionai;
mod folder;
pub mod idx;
mod imaterialist;
mod import;
mod init;
mod jpeg;
mod json;
mod jsonl;
mod labels;
mod lists;
mod manifest;
mod parts;
mod pixels;
mod prepare;
mod resample;
mod rows;
mod source;
mod split;
mod support;
mod survey;
mod survey_text;
mod suspicion;
mod thumbnail;
mod wardrobe;

pub use augment::{
    Augmentation, DEFAULT_BRIGHTNESS, DEFAULT_CONTRAST, DEFAULT_ERASE, DEFAULT_ERASE_AREA, DEFAULT_FLIP,
    DEFAULT_SHIFT_PX, Fill,
};
pub use batch::Batcher;
pub use contact_sheet::contact_sheet;
pub use dataset::{
    Attribute, AttributeKind, Dataset, Dropped, ImageShape, Item, Label, SCHEMA_VERSION, Skipped, Split,
};
pub use description::{
    AttributeDescription, Attributes, DEFAULT_CHANNELS, DEFAULT_LIMIT, DEFAULT_MAXIMUM_UNREADABLE,
    DEFAULT_MINIMUM_PER_CLASS, DEFAULT_MINIMUM_SUPPORT, DEFAULT_SEED, DEFAULT_SHARES, DEFAULT_SIZE, Description, Exif,
    ImagesSection, MAX_SIZE, Part, Rest, Shares, Source,
};
pub use error::{Error, Place, Result};
pub use import::import;
pub use init::init;
pub use pixels::Pixels;
pub use prepare::{Decoding, Preparation, list_images, pack_file, prepare};
pub use resample::Resize;
pub use source::{Origin, SourceFile, TableReader, files, originals};
pub use survey::{AttributeSurvey, ColumnSurvey, Depth, Frequency, Survey, survey};
pub use suspicion::Suspicion;
pub use thumbnail::thumbnail;
pub use wardrobe::{DEFAULT_GARMENTS, Wardrobe};
