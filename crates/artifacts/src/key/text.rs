//! Reading a key: 64 digits and nothing else.

use std::str::FromStr;

use super::Key;
use crate::error::{Error, Result};

impl Key {
    /// Reads a key from its 64 digits.
    ///
    /// **Errors**: [`Error::Text`] for any other length, other characters or upper case.
    pub fn parse(text: &str) -> Result<Self> {
        let refused =
            || Error::Text { text: text.to_owned(), what: "key", must: "64 hexadecimal digits in lower case" };
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(refused());
        }
        let hash = blake3::Hash::from_hex(text).map_err(|_| refused())?;
        Ok(Self(*hash.as_bytes()))
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
            assert!(matches!(Key::parse(text), Err(Error::Text { what: "key", .. })), "{text}");
        }
        assert!(serde_json::from_str::<Key>("\"12\"").is_err());
    }
}
