//! Huffman tables, and the look-ups made of them.

use crate::bits::Bits;

/// Bits that a look-up decides at once.
const LOOK: u32 = 9;
/// Longest code.
const LONGEST: usize = 16;
/// What the end of a block adds to the position: more than any run can.
pub(crate) const END: usize = 128;

/// How many codes of each length a table has, and their symbols.
type Standard = ([u8; LONGEST], &'static [u8]);

/// The tables that are meant where a file states none: for light and for colour.
///
/// **Source.** ITU-T T.81, annex K.3.
pub(crate) const STANDARD_DC: [Standard; 2] = [
    ([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
];
/// As [`STANDARD_DC`].
#[rustfmt::skip]
pub(crate) const STANDARD_AC: [Standard; 2] = [
    ([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], &[
        0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22,
        0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33,
        0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34,
        0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55,
        0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76,
        0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96,
        0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5,
        0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4,
        0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1,
        0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
    ]),
    ([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], &[
        0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13,
        0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62,
        0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29,
        0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54,
        0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75,
        0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94,
        0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3,
        0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2,
        0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea,
        0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
    ]),
];

/// A table as a file states it: how many codes of each length, and their symbols.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    counts: [u8; LONGEST],
    symbols: Vec<u8>,
}

impl Spec {
    /// `None` if there are more codes of a length than bits can tell apart.
    pub(crate) fn new(counts: [u8; LONGEST], symbols: &[u8]) -> Option<Self> {
        let mut free = 1_i32;
        for &count in &counts {
            free = free * 2 - i32::from(count);
            if free < 0 {
                return None;
            }
        }
        Some(Self { counts, symbols: symbols.to_vec() })
    }

    /// The standard's table of that number, if it has one.
    pub(crate) fn standard(number: usize, tables: &[Standard]) -> Option<Self> {
        let (counts, symbols) = tables.get(number)?;
        Self::new(*counts, symbols)
    }

    /// Whether all symbols are sizes that a DC difference can have.
    pub(crate) fn is_for_dc(&self) -> bool {
        self.symbols.iter().all(|&symbol| symbol <= 15)
    }
}

/// A table that gives symbols.
#[derive(Debug)]
pub(crate) struct Symbols {
    /// Length << 8 | symbol by the next [`LOOK`] bits; 0 if the code is longer.
    short: Vec<u16>,
    /// By length: the first 16 bits that no code up to that length begins with, and where its symbols begin, less its
    /// first code.
    long: [(u32, i32); LONGEST + 1],
    symbols: Vec<u8>,
}

impl Symbols {
    pub(crate) fn new(spec: &Spec) -> Self {
        let mut short = vec![0; 1 << LOOK];
        let mut long = [(0, 0); LONGEST + 1];
        let (mut code, mut at) = (0_u32, 0_usize);
        for (length, &count) in (1..).zip(&spec.counts) {
            long[length as usize].1 = at as i32 - code as i32;
            for &symbol in &spec.symbols[at..at + usize::from(count)] {
                if length <= LOOK {
                    let first = (code << (LOOK - length)) as usize;
                    short[first..first + (1 << (LOOK - length))].fill((length << 8) as u16 | u16::from(symbol));
                }
                code += 1;
            }
            at += usize::from(count);
            long[length as usize].0 = code << (LONGEST as u32 - length);
            code <<= 1;
        }
        Self { short, long, symbols: spec.symbols.clone() }
    }

    /// The next symbol; holds at least 40 bits before, so that 24 are left.
    #[inline(always)]
    pub(crate) fn next(&self, bits: &mut Bits<'_>) -> Option<u8> {
        bits.hold(40);
        let found = self.short[bits.peek(LOOK) as usize];
        if found != 0 {
            bits.skip(u32::from(found >> 8));
            return Some(found as u8);
        }
        let (length, symbol) = self.long(bits.peek(LONGEST as u32))?;
        bits.skip(length);
        Some(symbol)
    }

    /// As [`Symbols::next`], for damaged data: bits that begin no code are passed over and stand for 0.
    ///
    /// **Source.** libjpeg, which takes 17 of them.
    pub(crate) fn next_or_zero(&self, bits: &mut Bits<'_>) -> u8 {
        self.next(bits).unwrap_or_else(|| {
            bits.skip(LONGEST as u32 + 1);
            0
        })
    }

    /// Length and symbol of the code that the next 16 bits begin with. It takes bits, not their reader, so that the reader
    /// of a block stays in registers.
    #[cold]
    fn long(&self, ahead: u32) -> Option<(u32, u8)> {
        let length = (LOOK as usize + 1..=LONGEST).find(|&length| ahead < self.long[length].0)?;
        let code = (ahead >> (LONGEST - length)) as i32;
        Some((length as u32, *self.symbols.get((code + self.long[length].1) as usize)?))
    }
}

/// A table for sequential scans, which gives runs and values at once.
#[derive(Debug)]
pub(crate) struct Values {
    /// [`entry`] by the next [`LOOK`] bits; 0 if the code is longer.
    short: Box<[u32; 1 << LOOK]>,
    pub(crate) symbols: Symbols,
    is_dc: bool,
    /// Whether two codes with their values never take more than the 56 bits that are held.
    pub(crate) is_tame: bool,
}

/// Length with the value's bits | length << 8 | step << 16 | size of the value << 24.
fn entry(length: u32, symbol: u8, is_dc: bool) -> u32 {
    let (step, size) = match (is_dc, symbol) {
        (true, size) => (1, u32::from(size)),
        (false, 0) => (END as u32, 0),
        (false, symbol) => (u32::from(symbol >> 4) + 1, u32::from(symbol & 15)),
    };
    (length + size) | length << 8 | step << 16 | size << 24
}

impl Values {
    pub(crate) fn new(spec: &Spec, is_dc: bool) -> Self {
        let symbols = Symbols::new(spec);
        let mut short = Box::new([0; 1 << LOOK]);
        for (slot, &found) in short.iter_mut().zip(&symbols.short).filter(|(_, found)| **found != 0) {
            *slot = entry(u32::from(found >> 8), found as u8, is_dc);
        }
        let is_tame = spec.symbols.iter().all(|symbol| symbol & 15 <= 12);
        Self { short, symbols, is_dc, is_tame }
    }

    /// How far the position moves, [`END`] at the end of a block, and the value that then stands there. 31 bits have to be
    /// held, or 28 where the table [is tame](Values::is_tame).
    #[inline(always)]
    pub(crate) fn next(&self, bits: &mut Bits<'_>) -> Option<(usize, i32)> {
        let found = self.find(bits)?;
        let value = bits.signed_behind(found >> 8 & 0xff, found >> 24);
        bits.skip(found & 0xff);
        Some(((found >> 16 & 0xff) as usize, value))
    }

    /// As [`Values::next`], for values that nobody wants.
    #[inline(always)]
    pub(crate) fn pass(&self, bits: &mut Bits<'_>) -> Option<usize> {
        let found = self.find(bits)?;
        bits.skip(found & 0xff);
        Some((found >> 16 & 0xff) as usize)
    }

    #[inline(always)]
    fn find(&self, bits: &Bits<'_>) -> Option<u32> {
        let found = self.short[bits.peek(LOOK) as usize];
        if found != 0 {
            return Some(found);
        }
        let (length, symbol) = self.symbols.long(bits.peek(LONGEST as u32))?;
        Some(entry(length, symbol, self.is_dc))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::bits::Interval;

    /// Codes 0, 10, 110 and one of 12 bits, 111000000000.
    fn spec() -> Spec {
        Spec::new([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], &[0x00, 0x13, 0xf0, 0x2a]).unwrap()
    }

    fn with<T>(text: &str, read: impl FnOnce(&mut Bits<'_>) -> T) -> T {
        let padded = format!("{text:0<64}");
        let bytes: Vec<u8> = (0..8).map(|at| u8::from_str_radix(&padded[at * 8..at * 8 + 8], 2).unwrap()).collect();
        let mut interval = Interval::default();
        interval.fill(&bytes, 0);
        read(&mut interval.bits())
    }

    #[test]
    fn symbols_and_values_are_found_whatever_their_length() {
        let (symbols, values) = (Symbols::new(&spec()), Values::new(&spec(), false));
        let text = "10".to_owned() + "101" + "110" + "111000000000" + "1000000001" + "0";
        with(&text, |bits| {
            for expected in [(2, 5), (16, 0), (3, 513), (END, 0)] {
                bits.hold(32);
                assert_eq!(values.next(bits), Some(expected));
            }
        });
        with("10110111000000000", |bits| {
            assert_eq!(
                [symbols.next(bits), symbols.next(bits), symbols.next(bits)],
                [Some(0x13), Some(0xf0), Some(0x2a)]
            );
        });
        with("1110111111111", |bits| {
            assert_eq!((symbols.next(bits), values.next(bits)), (None, None));
        });
    }

    #[test]
    fn tables_with_too_many_codes_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Spec::new(counts, &[1, 2, 3]).is_none());
        counts[0] = 2;
        counts[15] = 1;
        assert!(Spec::new(counts, &[1, 2, 3]).is_none());
        assert!(!spec().is_for_dc());
    }
}
