//! The page's own script: the only one that its content policy lets run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The script as it stands in the page.
pub(super) const SOURCE: &str = include_str!("../page/report.js");

/// Its hash, as a content policy names it.
pub(super) fn hash() -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(SOURCE.as_bytes())))
}
