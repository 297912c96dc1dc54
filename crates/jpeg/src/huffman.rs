//! Huffman tables, and the look-ups made of them.

use crate::bits::{Bits, extended};

/// Bits that a look-up decides at once.
const LOOK: u32 = 10;
/// Longest code.
const LONGEST: usize = 16;
/// What the end of a block adds to the position: more than any run can.
pub(crate) const END: usize = 128;

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
        self.next_long(bits)
    }

    #[cold]
    fn next_long(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let ahead = bits.peek(LONGEST as u32);
        let length = (LOOK as usize + 1..=LONGEST).find(|&length| ahead < self.long[length].0)?;
        let code = (ahead >> (LONGEST - length)) as i32;
        bits.skip(length as u32);
        self.symbols.get((code + self.long[length].1) as usize).copied()
    }
}

/// A table for sequential scans, which gives runs and values in one look where both fit.
#[derive(Debug)]
pub(crate) struct Values {
    /// [`Entry`] by the next [`LOOK`] bits; 0 if the code is longer.
    short: Box<[u32; 1 << LOOK]>,
    symbols: Symbols,
    is_dc: bool,
}

/// Bits to pass over | step << 8 | bits still to read << 16 | value << 16, of which one of the last two is 0, the value
/// marked by a set bit 7.
struct Entry;

impl Entry {
    const WITH_VALUE: u32 = 1 << 7;

    fn of(symbol: u8, is_dc: bool) -> (usize, u32) {
        match (is_dc, symbol) {
            (true, size) => (1, u32::from(size)),
            (false, 0) => (END, 0),
            (false, symbol) => (usize::from(symbol >> 4) + 1, u32::from(symbol & 15)),
        }
    }
}

impl Values {
    pub(crate) fn new(spec: &Spec, is_dc: bool) -> Self {
        let symbols = Symbols::new(spec);
        let entry = |ahead: usize| {
            let found = symbols.short[ahead];
            if found == 0 {
                return 0;
            }
            let length = u32::from(found >> 8);
            let (step, size) = Entry::of(found as u8, is_dc);
            if length + size > LOOK {
                return length | (step as u32) << 8 | size << 16;
            }
            let bits = (ahead as u32 >> (LOOK - length - size)) & ((1 << size) - 1);
            (length + size) | Entry::WITH_VALUE | (step as u32) << 8 | (extended(bits, size) as u32) << 16
        };
        let mut short = Box::new([0; 1 << LOOK]);
        short.iter_mut().enumerate().for_each(|(ahead, slot)| *slot = entry(ahead));
        Self { short, symbols, is_dc }
    }

    /// How far the position moves, [`END`] at the end of a block, and the value that then stands there.
    #[inline(always)]
    pub(crate) fn next(&self, bits: &mut Bits<'_>) -> Option<(usize, i32)> {
        bits.hold(32);
        let entry = self.short[bits.peek(LOOK) as usize];
        let step = (entry >> 8 & 0xff) as usize;
        if entry & Entry::WITH_VALUE != 0 {
            bits.skip(entry & 0x7f);
            return Some((step, entry as i32 >> 16));
        }
        if entry == 0 {
            return self.next_long(bits);
        }
        bits.skip(entry & 0x7f);
        Some((step, bits.signed(entry >> 16)))
    }

    #[cold]
    fn next_long(&self, bits: &mut Bits<'_>) -> Option<(usize, i32)> {
        let symbol = self.symbols.next_long(bits)?;
        let (step, size) = Entry::of(symbol, self.is_dc);
        Some((step, bits.signed(size)))
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
            assert_eq!(values.next(bits), Some((2, 5)));
            assert_eq!(values.next(bits), Some((16, 0)));
            assert_eq!(values.next(bits), Some((3, 513)));
            assert_eq!(values.next(bits), Some((END, 0)));
        });
        with("10110111000000000", |bits| {
            assert_eq!(
                [symbols.next(bits), symbols.next(bits), symbols.next(bits)],
                [Some(0x13), Some(0xf0), Some(0x2a)]
            );
        });
        with("1110111111111", |bits| assert_eq!((symbols.next(bits), values.next(bits)), (None, None)));
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
