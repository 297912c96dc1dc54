//! One form for texts that look the same: NFC, in which most programs write.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The text in NFC, the Unicode form in which names are compared: the same name may be written in several.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

/// Whether two texts look the same.
pub(crate) fn alike(a: &str, b: &str) -> bool {
    a == b || (!a.is_ascii() && !b.is_ascii() && nfc(a) == nfc(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_text_are_alike() {
        assert!(alike("Caf\u{e9}", "Cafe\u{301}") && !alike("Cafe", "Caf\u{e9}") && !alike("a", "b"));
        assert_eq!(nfc("Cafe\u{301}"), "Caf\u{e9}");
    }
}
