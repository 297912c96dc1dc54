//! Table `[images]` and the tables below it.

use serde::{Deserialize, Serialize};

use super::garments::Wardrobe;
use super::words::{Alpha, Damaged, Exif, PathMatch, Source};
use crate::attribute::Split;
use crate::pixel::FileDecoding;

/// Longest side of a packed image, in pixels.
pub const MAX_SIZE: usize = 2_048;
/// Default of [`ImagesSection::size`], in pixels.
pub const DEFAULT_SIZE: usize = 64;
/// Default of [`ImagesSection::channels`].
pub const DEFAULT_CHANNELS: usize = 3;
/// Default of [`ImagesSection::minimum_per_class`].
pub const DEFAULT_MINIMUM_PER_CLASS: usize = 10;
/// Default of [`ImagesSection::maximum_unreadable`].
pub const DEFAULT_MAXIMUM_UNREADABLE: f64 = 0.01;
/// Default of [`ImagesSection::minimum_support`].
pub const DEFAULT_MINIMUM_SUPPORT: usize = 0;
/// Default of [`ImagesSection::limit`].
pub const DEFAULT_LIMIT: usize = 0;
/// Default of [`ImagesSection::split_folders`].
pub const DEFAULT_SPLIT_FOLDERS: bool = false;
/// Default of [`Limits::pixels`]; Pillow refuses larger images too.
pub const DEFAULT_LIMIT_PIXELS: u64 = 178_956_970;
/// Default of [`Limits::file_bytes`].
pub const DEFAULT_LIMIT_FILE_BYTES: u64 = 536_870_912;
/// Default of [`Limits::rows`].
pub const DEFAULT_LIMIT_ROWS: usize = 20_000_000;
/// Default of [`Limits::classes`].
pub const DEFAULT_LIMIT_CLASSES: usize = 10_000;
/// Defaults of [`Limits`].
pub const DEFAULT_LIMITS: Limits = Limits {
    pixels: DEFAULT_LIMIT_PIXELS,
    file_bytes: DEFAULT_LIMIT_FILE_BYTES,
    rows: DEFAULT_LIMIT_ROWS,
    classes: DEFAULT_LIMIT_CLASSES,
};
/// Defaults of [`Shares`]: train, validation, test.
pub const DEFAULT_SHARES: [f64; 3] = [0.7, 0.1, 0.2];
/// Default of [`Shares::seed`].
pub const DEFAULT_SEED: u64 = 1;

/// Table `[images]`: the source, the size of the pack and the limits of an import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagesSection {
    /// What is read.
    pub source: Source,
    /// Source `idx`: image files, plain or gzipped, in the order in which they are joined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Source `idx`: one label file for every image file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Source `folder`: the folder whose sub-folders are classes. Every other source with image files: the folder that
    /// its paths start from; without it, the description's own. A path that leaves it is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Source `manifest`: a CSV or TSV file with a header, JSON Lines (`.jsonl`, `.ndjson`) with one object per row, or
    /// Parquet (`.parquet`). Columns `path` (or `file_name`, `filepath`, `image`, `image_path`, `filename`, `img_path`,
    /// `image_name`, `img_name`, `image_file`, `image_filename`, `file`, `img`), and optionally `id`, `split`, `group`; all
    /// others are label columns. An empty cell, `null` or a missing key is unlabelled, `a|b` or a list is two labels. Source `imaterialist`: the JSON with `images` and `annotations`. Source `fashionai`: the label CSV. Source
    /// `coco`: the JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Sources `manifest`, `imaterialist`, `fashionai` and `coco`: several such files instead of `file`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Source `imaterialist`: the CSV that names the labels, with columns `labelId`, `labelName` and `taskName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels_file: Option<String>,
    /// Source `deepfashion`: the folder with the list files (`list_attr_cloth.txt` and so on), or the one above its `Anno`
    /// and `Eval`. Source `celeba`: the folder with `list_attr_celeba.txt` and, where it has them,
    /// `list_eval_partition.txt` and `identity_CelebA.txt`; `.csv` stands for `.txt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<String>,
    /// Sources with image files: whether images are turned upright as their EXIF data says. Default [`Exif::Apply`].
    #[serde(default)]
    pub exif: Exif,
    /// Source `folder`: the first folder below `root` names the split (`train`, `val`, `test` and the like), the one below it is
    /// the class. Images that lie in no such pair of folders are left out, and that is told. Default [`DEFAULT_SPLIT_FOLDERS`].
    #[serde(default, skip_serializing_if = "is_default_split_folders")]
    pub split_folders: bool,
    /// Source `manifest`: the column that names the image, where it is called otherwise than `file` lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_column: Option<String>,
    /// Source `manifest`: what that column holds. Default [`PathMatch::Path`].
    #[serde(default, skip_serializing_if = "PathMatch::is_path")]
    pub path_match: PathMatch,
    /// Sources with image files: what becomes of transparent pixels. Default [`Alpha::White`].
    #[serde(default, skip_serializing_if = "Alpha::is_white")]
    pub alpha: Alpha,
    /// Sources with image files: what becomes of JPEG files that are damaged or cut short. Default [`Damaged::Refuse`].
    #[serde(default, skip_serializing_if = "Damaged::is_refuse")]
    pub damaged: Damaged,
    /// Source `garments`: which garments are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub garments: Option<Wardrobe>,
    /// Side of a packed image in pixels: the short side is resized to it, the long side cropped around the centre. IDX
    /// images of that size stay as they are. Default [`DEFAULT_SIZE`].
    #[serde(default = "default_size")]
    pub size: usize,
    /// Channels of a packed image: 1 for grey, 3 for RGB. Default [`DEFAULT_CHANNELS`].
    #[serde(default = "default_channels")]
    pub channels: usize,
    /// Fewer labelled images of a class in the train split are an error. Default [`DEFAULT_MINIMUM_PER_CLASS`].
    #[serde(default = "default_minimum_per_class")]
    pub minimum_per_class: usize,
    /// A class with fewer labelled images in the train split is left out: its images become unlabelled, with a warning, and
    /// no head or direction knows it. Looked at before `minimum_per_class`; 0 leaves out none. Default
    /// [`DEFAULT_MINIMUM_SUPPORT`].
    #[serde(default = "default_minimum_support", skip_serializing_if = "is_default_minimum_support")]
    pub minimum_support: usize,
    /// Share of unreadable images past which the import stops. Default [`DEFAULT_MAXIMUM_UNREADABLE`].
    #[serde(default = "default_maximum_unreadable")]
    pub maximum_unreadable: f64,
    /// Size of a stratified subset, always the same one, that is taken instead of all images; 0 takes all. Default
    /// [`DEFAULT_LIMIT`].
    #[serde(default = "default_limit")]
    pub limit: usize,
    /// Which share of the images goes into which split.
    #[serde(default)]
    pub split: Shares,
    /// What is too large to be read. No part of a result's identity.
    #[serde(default, skip_serializing)]
    pub limits: Limits,
}

/// Table `[images.limits]`: what is too large to be read. No key of it is part of a result's identity.
///
/// The defaults are [`DEFAULT_LIMITS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Pixels of an image file. A larger one counts as unreadable. No part of a result's identity. Default
    /// [`DEFAULT_LIMIT_PIXELS`].
    pub pixels: u64,
    /// Bytes of an image file. A larger one counts as unreadable. No part of a result's identity. Default
    /// [`DEFAULT_LIMIT_FILE_BYTES`].
    pub file_bytes: u64,
    /// Images of a source; more are an error. No part of a result's identity. Default [`DEFAULT_LIMIT_ROWS`].
    pub rows: usize,
    /// Classes of an attribute; more are an error. No part of a result's identity. Default [`DEFAULT_LIMIT_CLASSES`].
    pub classes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        DEFAULT_LIMITS
    }
}

impl Limits {
    /// Why a file is not read.
    pub(crate) fn passed(&self, what: &str, key: &str, limit: u64) -> String {
        format!(
            "{what}, more than `images.limits.{key}` = {limit} allows (for `embed`: `--max-{}`)",
            key.replace('_', "-")
        )
    }
}

/// Table `[[images.parts]]`: one of several label files; the table is written once per file.
///
/// **Units and conventions.** Such files number their images each from 1, so an id is `NAME/ID`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The file, as `file` of `[images]`.
    pub file: String,
    /// The folder that its paths start from, below `root` of `[images]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The split of its images, unless the file itself names one; without it they are divided by `[images.split]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// What stands before its ids; without it, the file's name without folder and ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Part {
    /// What stands before the ids.
    pub(crate) fn name(&self) -> &str {
        let base = self.file.rsplit(['/', '\\']).next().unwrap_or(&self.file);
        self.name.as_deref().unwrap_or_else(|| base.split_once('.').map_or(base, |(stem, _)| stem))
    }
}

/// Table `[images.split]`: which share of the images goes where. Splits that the source declares win over it.
///
/// The defaults are [`DEFAULT_SHARES`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shares {
    /// Share of the train split.
    pub train: f64,
    /// Share of the validation split.
    pub validation: f64,
    /// Share of the test split.
    pub test: f64,
    /// Seed of the shuffle; the top-level `seed` does not reach it. Default [`DEFAULT_SEED`].
    pub seed: u64,
    /// The attribute whose classes are divided by these shares, each by itself; without it, the first that is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stratify: Option<String>,
}

impl Default for Shares {
    fn default() -> Self {
        let [train, validation, test] = DEFAULT_SHARES;
        Self { train, validation, test, seed: DEFAULT_SEED, stratify: None }
    }
}

impl ImagesSection {
    /// What messages call the source.
    pub(crate) fn source_name(&self) -> String {
        if !self.parts.is_empty() {
            return self.parts.iter().map(|part| part.file.as_str()).collect::<Vec<_>>().join(", ");
        }
        let named = self.file.as_deref().or(self.annotations.as_deref()).or(self.root.as_deref());
        let named = named.unwrap_or(match self.source {
            Source::Idx => "an IDX source",
            Source::Garments => "the rendered garments",
            _ => "the source",
        });
        named.to_owned()
    }

    /// How its image files become pixels.
    pub fn decoding(&self) -> FileDecoding {
        FileDecoding { exif: self.exif, alpha: self.alpha, damaged: self.damaged, limits: self.limits }
    }

    /// The garments of source `garments`, or the default ones.
    pub(crate) fn wardrobe(&self) -> Wardrobe {
        self.garments.clone().unwrap_or_default()
    }
}

impl Shares {
    /// Train, validation, test.
    pub(crate) fn all(&self) -> [f64; 3] {
        [self.train, self.validation, self.test]
    }
}

fn default_minimum_support() -> usize {
    DEFAULT_MINIMUM_SUPPORT
}

fn is_default_minimum_support(minimum: &usize) -> bool {
    *minimum == DEFAULT_MINIMUM_SUPPORT
}

fn is_default_split_folders(value: &bool) -> bool {
    *value == DEFAULT_SPLIT_FOLDERS
}

fn default_limit() -> usize {
    DEFAULT_LIMIT
}

fn default_size() -> usize {
    DEFAULT_SIZE
}

fn default_channels() -> usize {
    DEFAULT_CHANNELS
}

fn default_minimum_per_class() -> usize {
    DEFAULT_MINIMUM_PER_CLASS
}

fn default_maximum_unreadable() -> f64 {
    DEFAULT_MAXIMUM_UNREADABLE
}
