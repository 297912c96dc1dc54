//! The description of a data set: where images come from and how labels map onto attributes.

mod attributes;
mod check;
mod garments;
mod images;
mod init;
mod words;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub(crate) use attributes::natural;
pub use attributes::{AttributeDescription, Attributes, Rest};
pub use garments::{DEFAULT_GARMENTS, Wardrobe};
pub use images::{
    DEFAULT_CHANNELS, DEFAULT_LIMIT, DEFAULT_LIMIT_CLASSES, DEFAULT_LIMIT_FILE_BYTES, DEFAULT_LIMIT_PIXELS,
    DEFAULT_LIMIT_ROWS, DEFAULT_LIMITS, DEFAULT_MAXIMUM_UNREADABLE, DEFAULT_MINIMUM_PER_CLASS, DEFAULT_MINIMUM_SUPPORT,
    DEFAULT_SEED, DEFAULT_SHARES, DEFAULT_SIZE, DEFAULT_SPLIT_FOLDERS, ImagesSection, Limits, MAX_SIZE, Part, Shares,
};
pub use init::{Draft, InitOptions, init};
pub use words::{Alpha, Damaged, Exif, PathMatch, Source};

/// A data set as its owner describes it, in TOML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Table `[images]`.
    pub images: ImagesSection,
    /// Tables `[attributes.NAME]`, in the order of the file.
    pub attributes: Attributes,
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
