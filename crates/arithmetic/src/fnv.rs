//! The Fowler-Noll-Vo hash.

const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The 64-bit Fowler-Noll-Vo hash (FNV-1a), over bytes or over words: against accidents, not against attackers.
///
/// Keys of results are BLAKE3. This one guards what must not depend on a larger crate, and what was made with it: index files,
/// checkpoints of interrupted trainings, and the golden values of scripts, in which it is three lines of Python. So its
/// values never change.
///
/// **Source.** Fowler, Noll, Vo and Eastlake: The FNV Non-Cryptographic Hash Algorithm (IETF, draft-eastlake-fnv).
///
/// **Example**
///
/// ```
/// assert_eq!(latentwalk_arithmetic::Fnv::new().bytes(b"a").value(), 0xaf63_dc4c_8601_ec8c);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fnv(u64);

impl Fnv {
    /// The hash of nothing.
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// With one more word. FNV-1a proper takes bytes; a word in one step is eight times as fast.
    #[inline]
    #[must_use]
    pub const fn word(self, word: u64) -> Self {
        Self((self.0 ^ word).wrapping_mul(PRIME))
    }

    /// With one more word, and turned by 23 bits: high bits of a word then reach the low bits of the hash, which the product
    /// alone does not let them. Checkpoints of a training are hashed so.
    #[inline]
    #[must_use]
    pub const fn turned_word(self, word: u64) -> Self {
        Self(self.word(word).0.rotate_left(23))
    }

    /// With more bytes: FNV-1a proper.
    #[inline]
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |hash, &byte| hash.word(u64::from(byte)))
    }

    /// The hash so far.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl Default for Fnv {
    fn default() -> Self {
        Self::new()
    }
}

/// The 32-bit FNV-1a of bytes, for golden values that scripts made with it.
///
/// **Source.** As [`Fnv`].
pub fn fnv1a_32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// **Source.** The test vectors of draft-eastlake-fnv.
    #[test]
    fn published_values_are_met() {
        let of = |text: &str| Fnv::new().bytes(text.as_bytes()).value();
        assert_eq!([of(""), of("a"), of("foobar")], [0xcbf29ce484222325, 0xaf63dc4c8601ec8c, 0x85944171f73967e8]);
        assert_eq!(["", "a", "foobar"].map(|t| fnv1a_32(t.as_bytes())), [0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
    }

    #[test]
    fn a_word_is_one_step_and_turned_or_not() {
        let hash = Fnv::new().word(7);
        assert_eq!(hash, Fnv::new().bytes(&[7]));
        assert_ne!(hash.word(1 << 60), hash.word(1 << 61));
        assert_eq!(hash.turned_word(9).value(), hash.word(9).value().rotate_left(23));
    }
}
