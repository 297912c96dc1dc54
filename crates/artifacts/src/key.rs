//! The name of a result: a hash of everything that it depends on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::recipe::Fact;

/// Starts the hashed bytes, so that a change of the encoding changes every key.
const ENCODING: &[u8] = b"latentwalk-key-1";

/// A result's key: BLAKE3 over the facts of its [`crate::Recipe`], written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key([u8; 32]);

impl Key {
    /// Reads a key from its 64 digits.
    ///
    /// **Errors**: [`Error::KeyText`] for any other length, other characters or upper case.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = || Error::KeyText { text: text.to_owned() };
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(refused());
        }
        let hash = blake3::Hash::from_hex(text).map_err(|_| refused())?;
        Ok(Self(*hash.as_bytes()))
    }

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

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Key {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let key = Key::of(&[]);
        let text = key.to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(Key::parse(&text).unwrap(), key);
        assert_eq!(key.short(), text[..12]);
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<Key>(&json).unwrap(), key);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "abc", &"A".repeat(64), &"g".repeat(64), &"a".repeat(65), "../../etc"] {
            assert!(matches!(Key::parse(text), Err(Error::KeyText { .. })), "{text}");
        }
        assert!(serde_json::from_str::<Key>("\"12\"").is_err());
    }
}
