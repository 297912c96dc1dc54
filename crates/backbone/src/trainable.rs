//! Which part of a network learns.

use serde::{Deserialize, Serialize};

use crate::tap::Tap;

/// Which part of the network learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trainable {
    /// All of it.
    #[default]
    All,
    /// The fourth stage, the FC layer and the heads; what lies before keeps its weights and BatchNorm statistics.
    LastStage,
    /// The FC layer and the heads. Pooled vectors are computed once, without augmentation.
    Fc,
    /// The heads alone. FC vectors are computed once, without augmentation.
    Heads,
}

impl Trainable {
    /// The vectors on which the trainable part stands, where everything below them is frozen: they need computing once.
    pub fn features(self) -> Option<Tap> {
        match self {
            Trainable::Heads => Some(Tap::Fc),
            Trainable::Fc => Some(Tap::Pool),
            Trainable::All | Trainable::LastStage => None,
        }
    }
}
