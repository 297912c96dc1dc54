//! The words that descriptions choose among.

use serde::{Deserialize, Serialize};

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
    pub(super) fn is_path(&self) -> bool {
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
    pub(super) fn is_white(&self) -> bool {
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
    /// They are shown as libjpeg shows them: what could be read, and grey where the data have ended.
    Keep,
}

impl Damaged {
    pub(super) fn is_refuse(&self) -> bool {
        *self == Self::Refuse
    }
}
