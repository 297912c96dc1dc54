//! The name of a result: a hash of everything that it depends on.

mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;

/// Starts the hashed bytes, so that a change of the encoding changes every key.
const ENCODING: &[u8] = b"latentwalk-key-1";

/// A result's key: BLAKE3 over the facts of its [`crate::Recipe`], written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key([u8; 32]);

impl Key {
    /// The first 12 digits: enough for people and for messages.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }

    /// Hashes facts: the encoding's name, their number, then length and bytes of every name and value.
    ///
    /// **Units and conventions**: lengths are 64-bit little-endian, so that no two lists of facts give the same bytes.
    pub fn of(facts: &[Fact]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(ENCODING);
        hasher.update(&(facts.len() as u64).to_le_bytes());
        for text in facts.iter().flat_map(|fact| [&fact.name, &fact.value]) {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}
