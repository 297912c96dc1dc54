//! Entropy-coded data: bytes without stuffing, then bits.

/// Zero bytes behind an interval's data, so that eight bytes can be loaded anywhere in it.
const PADDING: usize = 8;
const MARK: u8 = 0xff;

/// The data between two markers, without stuffing.
#[derive(Debug, Default)]
pub(crate) struct Interval {
    data: Vec<u8>,
}

impl Interval {
    /// Takes up the data from `at` to the next marker; gives the marker's position, or the end of the file.
    pub(crate) fn fill(&mut self, bytes: &[u8], mut at: usize) -> usize {
        self.data.clear();
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let run = first_mark(rest);
            self.data.extend_from_slice(&rest[..run]);
            at += run;
            match rest.get(run + 1) {
                Some(0) => {
                    self.data.push(MARK);
                    at += 2;
                }
                // A fill byte.
                Some(&MARK) => at += 1,
                Some(_) => break,
                None => {
                    at = bytes.len();
                    break;
                }
            }
        }
        self.data.extend_from_slice(&[0; PADDING]);
        at
    }

    pub(crate) fn bits(&self) -> Bits<'_> {
        Bits { data: &self.data, at: 0, held: 0, count: 0 }
    }
}

/// How many bytes come before the first `FF`.
fn first_mark(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let has_mark = |word: &[u8; 8]| {
        let zeros_for_marks = !u64::from_le_bytes(*word);
        zeros_for_marks.wrapping_sub(0x0101_0101_0101_0101) & !zeros_for_marks & 0x8080_8080_8080_8080 != 0
    };
    let clean = words.iter().take_while(|word| !has_mark(word)).count() * 8;
    clean + bytes[clean..].iter().position(|&byte| byte == MARK).unwrap_or(bytes.len() - clean)
}

/// Bits of an interval, most significant first. Behind the data come zeros; [`Bits::is_overrun`] tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the top; below `count` of them there may already be some of the following byte.
    held: u64,
    count: u32,
}

impl Bits<'_> {
    /// Afterwards at least 56 bits are held.
    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        let word = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<8>());
        self.held |= word.map_or(0, |word| u64::from_be_bytes(*word)) >> self.count;
        self.at += (63 - self.count as usize) >> 3;
        self.count |= 56;
    }

    /// Holds at least `n <= 56` bits.
    #[inline(always)]
    pub(crate) fn hold(&mut self, n: u32) {
        if self.count < n {
            self.refill();
        }
    }

    /// The next `n` bits of those held, 1 to 32.
    #[inline(always)]
    pub(crate) fn peek(&self, n: u32) -> u32 {
        (self.held >> (64 - n)) as u32
    }

    /// Passes over `n` of the bits held.
    #[inline(always)]
    pub(crate) fn skip(&mut self, n: u32) {
        self.held <<= n;
        self.count -= n;
    }

    /// Takes `n` of the bits held, 0 to 16.
    #[inline(always)]
    pub(crate) fn take(&mut self, n: u32) -> u32 {
        let bits = (self.held >> 32) as u32;
        self.skip(n);
        ((u64::from(bits) << n) >> 32) as u32
    }

    /// One bit, read if none is held.
    #[inline(always)]
    pub(crate) fn bit(&mut self) -> bool {
        self.hold(1);
        self.take(1) != 0
    }

    /// The signed number that `size` of the bits held stand for, 0 to 15.
    ///
    /// **Source.** ITU T.81, F.2.2.1, EXTEND.
    #[inline(always)]
    pub(crate) fn signed(&mut self, size: u32) -> i32 {
        extended(self.take(size), size)
    }

    /// The signed number of `size` bits that come `length` bits later; takes none of them.
    #[inline(always)]
    pub(crate) fn signed_behind(&self, length: u32, size: u32) -> i32 {
        let behind = self.held << length;
        let bits = (behind >> 1 >> (63 - size)) as i32;
        // All ones where the number's top bit is 0, which makes it negative.
        let negative = !(behind as i64 >> 63) as i32;
        bits - (negative & ((1 << size) - 1))
    }

    /// Whether more bits were taken than there are.
    #[inline(always)]
    pub(crate) fn is_overrun(&self) -> bool {
        self.at * 8 - self.count as usize > (self.data.len() - PADDING) * 8
    }
}

/// The signed number whose code is `bits`: without its top bit it is negative.
#[inline(always)]
pub(crate) fn extended(bits: u32, size: u32) -> i32 {
    let negative = ((bits << 1) >> size) == 0;
    bits as i32 - if negative { (1 << size) - 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffing_and_fill_bytes_vanish_and_a_marker_ends_the_data() {
        let mut interval = Interval::default();
        let data = [1, 0xff, 0, 2, 3, 4, 5, 6, 7, 8, 9, 0xff, 0xff, 0, 10, 0xff, 0xff, 0xd0, 1];
        assert_eq!(interval.fill(&data, 0), 16);
        assert_eq!(interval.data[..13], [1, 0xff, 2, 3, 4, 5, 6, 7, 8, 9, 0xff, 10, 0]);
        assert_eq!(interval.data.len(), 12 + PADDING);
        assert_eq!(interval.fill(&[1, 2, 0xff], 1), 3);
        assert_eq!(interval.fill(&[1, 2], 7), 2);
    }

    #[test]
    fn bits_come_in_order_and_their_end_is_noticed() {
        let mut interval = Interval::default();
        let data: Vec<u8> = (1..=20).map(|byte| byte * 11).collect();
        interval.fill(&data, 0);
        let mut bits = interval.bits();
        for byte in &data {
            for shift in (0..8).rev() {
                assert!(!bits.is_overrun());
                assert_eq!(bits.bit(), byte >> shift & 1 == 1);
            }
        }
        assert!(!bits.is_overrun());
        for _ in 0..200 {
            assert!(!bits.bit());
            assert!(bits.is_overrun());
        }
    }

    #[test]
    fn signed_numbers_are_those_of_the_standard() {
        let all: Vec<i32> = (0..8).map(|bits| extended(bits, 3)).collect();
        assert_eq!(all, [-7, -6, -5, -4, 4, 5, 6, 7]);
        assert_eq!([extended(0, 0), extended(0, 1), extended(1, 1)], [0, -1, 1]);
    }
}
