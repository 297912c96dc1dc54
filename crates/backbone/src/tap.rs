//! Where vectors are taken from a network.

use serde::{Deserialize, Serialize};

/// Where a vector is taken from the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tap {
    /// The FC vector, on which the heads stand.
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
