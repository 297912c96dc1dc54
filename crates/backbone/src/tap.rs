//! Where vectors are taken from a network.

use serde::{Deserialize, Serialize};

/// Where a vector is taken from the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tap {
    /// The FC vector, on which the heads stand.
    #[default]
    Fc,
    /// The mean over all pixels of the last stage, before the FC layer.
    Pool,
    /// The mean over all pixels of the stem.
    Stem,
    /// The mean over all pixels of the first stage.
    Layer1,
    /// The mean over all pixels of the second stage.
    Layer2,
    /// The mean over all pixels of the third stage; that of the fourth is [`Tap::Pool`].
    Layer3,
}

impl Tap {
    /// All of them, the last layer first.
    pub const ALL: [Self; 6] = [Self::Fc, Self::Pool, Self::Stem, Self::Layer1, Self::Layer2, Self::Layer3];

    /// The name as descriptions and files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fc => "fc",
            Self::Pool => "pool",
            Self::Stem => "stem",
            Self::Layer1 => "layer1",
            Self::Layer2 => "layer2",
            Self::Layer3 => "layer3",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_is_named_alike_in_text_and_in_json() {
        for tap in Tap::ALL {
            assert_eq!(serde_json::to_value(tap).ok(), Some(tap.name().into()));
        }
    }
}
