//! The description of a data set: where images come from and how labels map onto attributes.

mod check;
mod garments;
mod init;

use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::attribute::{AttributeKind, Split};
use crate::error::{Error, Result};
use crate::pixel::FileDecoding;
use crate::source::{Separator, Table};

pub use garments::{DEFAULT_GARMENTS, Wardrobe};
pub use init::{Draft, InitOptions, init};

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

/// A data set as its owner describes it, in TOML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Table `[images]`.
    pub images: ImagesSection,
    /// Tables `[attributes.NAME]`, in the order of the file.
    pub attributes: Attributes,
}

/// What kind of source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// IDX files, as MNIST has them; label column `label`.
    Idx,
    /// A folder with one sub-folder per class; label column `folder`.
    Folder,
    /// A CSV, TSV, JSON Lines or Parquet file that names images and their labels.
    Manifest,
    /// iMaterialist Challenge (Fashion) 2018: its JSON and the CSV that names the labels; a label column for each task
    /// (`category`, `color`, `gender`, `material`, `neckline`, `pattern`, `sleeve`, `style`), images at
    /// `<root>/<imageId>.jpg`, `.jpeg` or `.png`.
    Imaterialist,
    /// DeepFashion, category and attribute prediction: its list files; label columns `category`, `texture`, `fabric`,
    /// `shape`, `part` and `style`. Attributes that are present are labels; absent and unknown ones are not told apart.
    DeepFashion,
    /// CelebA: its list files, or the CSV files of the same names; a label column for each attribute with the values `yes`
    /// and `no`, identities as groups.
    CelebA,
    /// FashionAI: its label CSV without a header; a label column for each key, such as `sleeve_length`.
    FashionAi,
    /// COCO-style JSON as Fashionpedia has it; label columns `category` and one for each supercategory of the attributes,
    /// every image with the labels of all its annotations.
    Coco,
    /// Rendered garments with known truth, drawn while they are imported; a label column for each factor, `worn` and `views`.
    Garments,
}

impl Source {
    /// The name as descriptions write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idx => "idx",
            Self::Folder => "folder",
            Self::Manifest => "manifest",
            Self::Imaterialist => "imaterialist",
            Self::DeepFashion => "deepfashion",
            Self::CelebA => "celeba",
            Self::FashionAi => "fashionai",
            Self::Coco => "coco",
            Self::Garments => "garments",
        }
    }
}

/// What becomes of the rotation that a camera noted in a file's EXIF data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exif {
    /// The image is turned upright.
    #[default]
    Apply,
    /// The image stays as it is stored, as torchvision leaves it.
    Ignore,
}

/// What a manifest calls an image by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PathMatch {
    /// Its path from `root`; an absolute path below `root` is the same.
    #[default]
    Path,
    /// The name of its file, which lies anywhere below `root`.
    Name,
    /// The same without its ending.
    Stem,
}

impl PathMatch {
    fn is_path(&self) -> bool {
        *self == Self::Path
    }

    /// The word as descriptions write it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Name => "name",
            Self::Stem => "stem",
        }
    }
}

/// What becomes of transparent pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alpha {
    /// The picture is laid on white, the usual ground of product photographs.
    #[default]
    White,
    /// The colour that the file states for them is taken, as torchvision's loader does.
    Drop,
}

impl Alpha {
    fn is_white(&self) -> bool {
        *self == Self::White
    }
}

/// What becomes of JPEG files that are damaged or cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Damaged {
    /// They count as unreadable.
    #[default]
    Refuse,
    /// What could be read is taken, and the rest is grey, much as libjpeg shows it.
    Keep,
}

impl Damaged {
    fn is_refuse(&self) -> bool {
        *self == Self::Refuse
    }
}

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

/// What becomes of a source's value that the map or the classes do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rest {
    /// The import stops and names it.
    #[default]
    Error,
    /// The image stays unlabelled for the attribute.
    Unlabelled,
}

impl Rest {
    fn is_error(&self) -> bool {
        *self == Self::Error
    }
}

/// Table `[attributes.NAME]`: one thing that is told of every image, and the classes that it may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeDescription {
    /// The NAME of the table.
    #[serde(skip)]
    pub name: String,
    /// What its labels are.
    pub kind: AttributeKind,
    /// The source's column; without it `label` (source `idx`), `folder` (source `folder`) or the attribute's name (all others).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// In place of `column`: the columns of a table with one column per class, which hold 1 where the class applies and 0 where
    /// it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// What separates several labels in one cell: a character, or `list` for cells like `["a", "b"]`. Without it `|`, and nothing
    /// in sources whose labels come singly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// The classes. Without them, those that the map leads to, in the order of its keys; without a map too, the distinct
    /// values of the column. Both are sorted, whole numbers by value and before other text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// For kind `ordered`: classes from least to most. It may leave classes out; without it, all classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
    /// What becomes of values that the map or the classes do not have. Default [`Rest::Error`].
    #[serde(default)]
    pub rest: Rest,
    /// For kinds `ordered` and `nominal`: what becomes of an image with several labels at once. Default [`Rest::Error`].
    #[serde(default, skip_serializing_if = "Rest::is_error")]
    pub several: Rest,
    /// From a source's value to a class; without it values are classes.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub map: std::collections::BTreeMap<String, String>,
}

/// The attributes in the order of their declaration; in TOML a table of tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes(pub Vec<AttributeDescription>);

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for attribute in &self.0 {
            map.serialize_entry(&attribute.name, attribute)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table with one table per attribute")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Attributes, A::Error> {
                let mut attributes: Vec<AttributeDescription> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if attributes.iter().any(|known| known.name == name) {
                        return Err(A::Error::custom(format!("attribute `{name}` is declared twice")));
                    }
                    let attribute: AttributeDescription = map.next_value()?;
                    attributes.push(AttributeDescription { name, ..attribute });
                }
                Ok(Attributes(attributes))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl Description {
    /// Reads a description that holds nothing but `[images]` and `[attributes]`.
    ///
    /// **Errors.** [`Error::Toml`] for what is no TOML, an unknown key or a value of the wrong type.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::Toml(Box::new(error)))
    }

    /// The source's columns that an attribute reads.
    pub(crate) fn columns<'a>(&self, attribute: &'a AttributeDescription) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        match attribute.columns.is_empty() {
            true => Box::new(std::iter::once(self.column(attribute))),
            false => Box::new(attribute.columns.iter().map(String::as_str)),
        }
    }

    /// The table's column that an attribute reads: the source's, or the one that is gathered from several.
    pub(crate) fn column<'a>(&self, attribute: &'a AttributeDescription) -> &'a str {
        if !attribute.columns.is_empty() {
            return &attribute.name;
        }
        attribute.column.as_deref().unwrap_or(match self.images.source {
            Source::Idx => "label",
            Source::Folder => "folder",
            _ => &attribute.name,
        })
    }

    /// Index of the attribute that the split is stratified by.
    pub(crate) fn stratify(&self) -> usize {
        let wanted = self.images.split.stratify.as_deref();
        let named = |name: &str| self.attributes.0.iter().position(|attribute| attribute.name == name);
        wanted.and_then(named).unwrap_or(0)
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

impl AttributeDescription {
    /// The classes as far as the description alone tells them; empty when they are the column's values.
    pub(crate) fn known_classes(&self) -> Vec<String> {
        if !self.classes.is_empty() {
            return self.classes.clone();
        }
        if self.map.is_empty() && !self.columns.is_empty() {
            return self.columns.clone();
        }
        let mut keys: Vec<&String> = self.map.keys().collect();
        keys.sort_by(|a, b| natural(a, b));
        let mut classes: Vec<String> = Vec::new();
        for class in keys.into_iter().map(|key| &self.map[key]) {
            if !classes.contains(class) {
                classes.push(class.clone());
            }
        }
        classes
    }

    /// Indices of the order in `classes`.
    ///
    /// **Errors.** [`Error::Unknown`] when the classes are the column's values and the order names another.
    pub(crate) fn order_in(&self, classes: &[String]) -> Result<Vec<u32>> {
        if self.kind != AttributeKind::Ordered {
            return Ok(Vec::new());
        }
        if self.order.is_empty() {
            return Ok((0..classes.len() as u32).collect());
        }
        let index = |class: &String| match classes.iter().position(|known| known == class) {
            Some(at) => Ok(at as u32),
            None => Err(self.unknown("order", class, classes.to_vec())),
        };
        self.order.iter().map(index).collect()
    }

    /// What separates its labels in a cell of the table.
    pub(crate) fn separator(&self, table: &Table) -> Separator {
        self.separator.as_deref().and_then(Separator::parse).unwrap_or(table.separator)
    }

    /// The error of a key that names a class which does not exist.
    fn unknown(&self, key: &str, class: &str, known: Vec<String>) -> Error {
        let place = format!("attribute `{}`", self.name);
        Error::Unknown { key: self.key(key), kind: "class", name: class.into(), place, known }
    }

    /// The name of one of the table's keys.
    fn key(&self, key: &str) -> String {
        format!("attributes.{}.{key}", self.name)
    }
}

/// Sorts whole numbers by value and before other text.
pub(crate) fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let number = |text: &str| text.parse::<i64>().map_err(|_| ());
    match (number(a), number(b)) {
        (Ok(x), Ok(y)) => x.cmp(&y).then_with(|| a.cmp(b)),
        (Ok(_), Err(())) => std::cmp::Ordering::Less,
        (Err(()), Ok(_)) => std::cmp::Ordering::Greater,
        (Err(()), Err(())) => a.cmp(b),
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
