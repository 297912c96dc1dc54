//! What images are asked about: attributes, their classes, an image's labels, and the splits.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the labels of an attribute are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeKind {
    /// One label per image; the classes named by the order stand in that order.
    Ordered,
    /// One label per image, no order.
    Nominal,
    /// Several labels per image at once.
    Multi,
}

/// One attribute of the images, such as the length of a sleeve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What its labels are.
    pub kind: AttributeKind,
    /// Its `c` classes; labels are indices into this list.
    pub classes: Vec<String>,
    /// Class indices in the declared order; may name a subset, empty unless the kind is ordered.
    pub order: Vec<u32>,
}

/// Which part of the data set an image belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Everything is fitted on these.
    Train,
    /// Choices are made on these.
    Validation,
    /// Figures are reported on these.
    Test,
}

impl Split {
    /// All splits, in their fixed order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The name as files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// Reads `train`, `validation`, `val` or `test`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "train" => Some(Self::Train),
            "validation" | "val" => Some(Self::Validation),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known of one image about one attribute; numbers are indices into [`Attribute::classes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// Nothing is known; never a negative.
    Missing,
    /// The class of an ordered or nominal attribute.
    One(u32),
    /// The classes of a multi attribute, ascending, each once, never empty; the classes not named are absent.
    Many(Vec<u32>),
}

impl Label {
    /// The class of an ordered or nominal attribute; `None` where it is missing, or where there may be several.
    pub fn class(&self) -> Option<u32> {
        match self {
            Self::One(class) => Some(*class),
            Self::Missing | Self::Many(_) => None,
        }
    }
}
