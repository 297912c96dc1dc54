//! One thing that a result depends on.

use serde::{Deserialize, Serialize};

/// One thing that a result depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fact {
    /// `stage`, `revision`, `schema`, `device`, `parameter NAME`, `input STAGE` or `file NAME`.
    pub name: String,
    /// The value as canonical JSON text: no spaces, objects sorted by name. Kept as text, since reading a number and
    /// writing it again need not give the same digits.
    pub value: String,
}
