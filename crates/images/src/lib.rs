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
//! | `imaterialist` | `file`, `labels_file`, `root` | one per task |
//! | `deepfashion` | `annotations`, `root` | `category`, `texture`, `fabric`, `shape`, `part`, `style` |
//! | `celeba` | `annotations`, `root` | one per attribute |
//! | `fashionai` | `file`, `root` | one per key |
//! | `coco` | `file`, `root` | `category` and one per supercategory of attributes |
//! | `garments` | `garments` | one per factor, `worn`, `views` |
//!
//! An import writes:
//!
//! | file | holds |
//! |---|---|
//! | `dataset.json` | schema version, name, shape, attributes, counts per class and split |
//! | `items.jsonl` | one line per image: id, split, path, labels by class name (`null` = unlabelled) |
//! | `pixels.u8` | `n * height * width * channels` bytes, channels last, in the order of `items.jsonl` |
//! | `skipped.jsonl` | one line per file that could not be read, with the reason |
//!
//! [`survey`] says what was understood of a source without packing it.
//!
//! # The wings
//!
//! | module | question |
//! |---|---|
//! | `description` | what does the owner say? The TOML, its checks, and a first draft of one |
//! | `source` | which images and raw labels are there? One file per kind of source, each ends in one `Table` |
//! | `import` | from that table to a data set: map labels, draw the split, pack the pixels |
//! | `survey` | what would an import find? Counts and suspicions, without packing |
//! | `pixel` | decode, resize, pack, augment, and pictures for people |
//!
//! `attribute`, `dataset` and `error` hold what all of them speak of. `import` and `survey` use the other wings; `source`
//! looks only at the description; the description's draft (`init`) alone looks at sources.
//!
//! # Conventions
//!
//! A missing label is never a negative. An attribute is ordered, nominal (one label per image) or multi
//! (several at once). Same description and source: same bytes, whatever the number of threads.
//!
//! # Example
//!
//! ```
//! use latentwalk_images::{Augmentation, Batcher, Dataset, Description, Origin, Pixels, Split, import};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let out = folder.path();
//! let description = Description::parse(
//!     r#"
//!     [images]
//!     source = "garments"   # drawn while they are imported: this source needs no files
//!     size = 32
//!     minimum_per_class = 1
//!     [images.garments]
//!     count = 60
//!     balanced = true
//!     [attributes.sleeve]
//!     kind = "nominal"
//!     "#,
//! )?;
//! import("wardrobe", &description, &Origin::Folder(".".into()), out, &|_done, _all| ())?;
//! let dataset = Dataset::open(out)?;
//! assert_eq!((dataset.items.len(), dataset.attributes[0].name.as_str()), (60, "sleeve"));
//!
//! let batcher = Batcher::new(Pixels::open(out, &dataset)?, vec![0.5; 3], vec![0.25; 3], Augmentation::none())?;
//! let rows = dataset.rows(Split::Train);
//! let mut batch = vec![0.0; 8 * dataset.shape.len()];
//! batcher.load(&rows[..8], None, &mut batch)?;
//! # Ok(())
//! # }
//! ```

mod attribute;
mod dataset;
mod description;
mod error;
mod import;
mod pixel;
mod source;
mod survey;

pub use attribute::{Attribute, AttributeKind, Label, Split};
pub use dataset::{Dataset, Dropped, ImageShape, Item, SCHEMA_VERSION, Skipped, skipped_summary};
pub use description::{
    Alpha, AttributeDescription, Attributes, DEFAULT_CHANNELS, DEFAULT_GARMENTS, DEFAULT_LIMIT, DEFAULT_LIMIT_CLASSES,
    DEFAULT_LIMIT_FILE_BYTES, DEFAULT_LIMIT_PIXELS, DEFAULT_LIMIT_ROWS, DEFAULT_LIMITS, DEFAULT_MAXIMUM_UNREADABLE,
    DEFAULT_MINIMUM_PER_CLASS, DEFAULT_MINIMUM_SUPPORT, DEFAULT_SEED, DEFAULT_SHARES, DEFAULT_SIZE,
    DEFAULT_SPLIT_FOLDERS, Damaged, Description, Draft, Exif, ImagesSection, InitOptions, Limits, MAX_SIZE, Part,
    PathMatch, Rest, Shares, Source, Wardrobe, init,
};
pub use error::{Error, Place, Result};
pub use import::import;
pub use pixel::{
    Augmentation, Batcher, DECODER_VERSION, DEFAULT_BRIGHTNESS, DEFAULT_CONTRAST, DEFAULT_ERASE, DEFAULT_ERASE_AREA,
    DEFAULT_FLIP, DEFAULT_SHIFT_PX, Decoding, FileDecoding, Fill, Pixels, Preparation, Resize, SMALL_IMAGES_PX,
    SMALL_SHIFT_PX, SheetFormat, Sprite, contact_sheet, is_decoding, lighter, pack_bytes, pack_file, packed_png,
    png_of, prepare, read_rgb, thumbnail,
};
pub use source::unicode::nfc;
pub use source::{EmbeddedImages, Listing, Origin, SourceFile, TableReader, files, idx, list_images, originals};
pub use survey::{AttributeSurvey, ColumnSurvey, Depth, Frequency, Survey, Suspicion, survey};

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
