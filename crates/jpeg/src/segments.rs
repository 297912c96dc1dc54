//! The segments of a file: tables, headers, and where scans begin.

use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::huffman::{STANDARD_AC, STANDARD_DC, Spec};

/// Position in natural order by position in the zigzag.
pub(crate) const ZIGZAG: [u8; 64] = {
    let mut order = [0; 64];
    let (mut x, mut y) = (0_usize, 0_usize);
    let mut at = 0;
    while at < 64 {
        order[at] = (y * 8 + x) as u8;
        // Even diagonals run up, odd ones down.
        let up = (x + y) % 2 == 0;
        if up && x == 7 || !up && y < 7 && x == 0 {
            y += 1;
        } else if up && y == 0 || !up && y == 7 {
            x += 1;
        } else if up {
            x += 1;
            y -= 1;
        } else {
            x -= 1;
            y += 1;
        }
        at += 1;
    }
    order
};

/// Most scans of a file; more than any encoder writes, few enough to be worked off.
const MAX_SCANS: usize = 256;
/// Most blocks of an MCU, by the standard.
const MAX_MCU_BLOCKS: usize = 10;

/// A quantisation table in natural order.
pub(crate) type Quant = [u16; 64];

/// A component's part in a scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// Its place among the frame's components.
    pub(crate) component: usize,
    pub(crate) dc: usize,
    pub(crate) ac: usize,
}

/// A scan header.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    pub(crate) parts: Vec<Part>,
    /// First and last coefficient in zigzag order.
    pub(crate) band: (usize, usize),
    /// Bit of the scan before, 0 if there was none, and bit of this one.
    pub(crate) bit: (u32, u32),
    /// Where its data begin.
    pub(crate) at: usize,
}

/// Reads segment after segment and remembers the tables.
#[derive(Debug, Clone)]
pub(crate) struct Segments<'a> {
    pub(crate) bytes: &'a [u8],
    at: usize,
    scans: usize,
    pub(crate) frame: Option<Frame>,
    /// Table by number, and table by component once a scan of it has begun.
    quant: [Option<Quant>; 4],
    pub(crate) latched: [Option<Quant>; 4],
    pub(crate) dc: [Option<Spec>; 4],
    pub(crate) ac: [Option<Spec>; 4],
    /// MCUs of an interval, 0 if there are no restarts.
    pub(crate) restart: usize,
    pub(crate) has_jfif: bool,
    /// The colour transform of Adobe's segment.
    pub(crate) adobe: Option<u8>,
    pub(crate) exif: Option<&'a [u8]>,
    /// Whether what is damaged is shown as far as it can be read, instead of refused.
    pub(crate) keeps_damage: bool,
}

impl<'a> Segments<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self> {
        if !bytes.starts_with(&[0xff, 0xd8]) {
            return Err(Error::NotJpeg);
        }
        Ok(Self {
            bytes,
            at: 2,
            scans: 0,
            frame: None,
            quant: [None; 4],
            latched: [None; 4],
            dc: [const { None }; 4],
            ac: [const { None }; 4],
            restart: 0,
            has_jfif: false,
            adobe: None,
            exif: None,
            keeps_damage: false,
        })
    }

    /// Goes on at a byte, where the data of a scan end.
    pub(crate) fn seek(&mut self, at: usize) {
        self.at = at;
    }

    /// Reads up to the next scan; `None` at the end marker.
    pub(crate) fn next_scan(&mut self) -> Result<Option<Scan>> {
        loop {
            let (marker, at) = self.marker()?;
            match marker {
                0xd9 => return Ok(None),
                // Restarts that nothing waits for, and a mark without meaning.
                0x01 | 0xd0..=0xd7 => continue,
                0xd8 => return Err(Error::Damaged { what: "a second picture begins before the first ends", at }),
                _ => {}
            }
            let payload = self.payload(at)?;
            match marker {
                0xc4 => self.huffman(payload, at)?,
                0xdb => self.quantisation(payload, at)?,
                0xcc => return Err(Error::Unsupported { what: "arithmetic coding" }),
                0xdc => return Err(Error::Unsupported { what: "a height that is given only after the first scan" }),
                0xc0..=0xcf if self.frame.is_some() => {
                    return Err(Error::Damaged { what: "it has a second frame header", at });
                }
                0xc0..=0xcf => self.frame = Some(Frame::parse(marker, payload, at)?),
                0xda => return self.scan(payload, at).map(Some),
                0xdd => match payload {
                    [high, low] => self.restart = usize::from(u16::from_be_bytes([*high, *low])),
                    _ => return Err(Error::Damaged { what: "its restart interval has not two bytes", at }),
                },
                0xe0 if payload.starts_with(b"JFIF\0") && payload.len() >= 14 => self.has_jfif = true,
                0xe1 if self.exif.is_none() => self.exif = payload.strip_prefix(b"Exif\0\0"),
                0xee if payload.starts_with(b"Adobe") && payload.len() >= 12 => self.adobe = Some(payload[11]),
                _ => {}
            }
        }
    }

    /// The next marker and its position; what lies before it is passed over.
    fn marker(&mut self) -> Result<(u8, usize)> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let found = rest.iter().position(|&byte| byte == 0xff).ok_or(Error::Truncated)?;
            self.at += found + 1;
            match self.bytes.get(self.at) {
                None => return Err(Error::Truncated),
                Some(0xff) => {}
                Some(0) => self.at += 1,
                Some(&marker) => {
                    self.at += 1;
                    return Ok((marker, self.at - 2));
                }
            }
        }
    }

    fn payload(&mut self, at: usize) -> Result<&'a [u8]> {
        let length = self.bytes.get(self.at..self.at + 2).ok_or(Error::Truncated)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if length < 2 {
            return Err(Error::Damaged { what: "a segment is shorter than its length", at });
        }
        let payload = self.bytes.get(self.at + 2..self.at + length).ok_or(Error::Truncated)?;
        self.at += length;
        Ok(payload)
    }

    fn huffman(&mut self, mut rest: &[u8], at: usize) -> Result<()> {
        let damaged = |what| Error::Damaged { what, at };
        while let Some((&kind, tail)) = rest.split_first() {
            let (counts, tail) = tail.split_first_chunk::<16>().ok_or(damaged("its Huffman table is too short"))?;
            let total = counts.iter().map(|&count| usize::from(count)).sum::<usize>();
            if total > 256 || total > tail.len() {
                return Err(damaged("its Huffman table has more codes than symbols"));
            }
            let (symbols, tail) = tail.split_at(total);
            let spec =
                Spec::new(*counts, symbols).ok_or(damaged("its Huffman table has too many codes of a length"))?;
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(damaged("its Huffman table is neither for DC nor for AC")),
            };
            let slot = tables.get_mut(usize::from(kind & 15));
            *slot.ok_or(damaged("its Huffman table has a number above 3"))? = Some(spec);
            rest = tail;
        }
        Ok(())
    }

    fn quantisation(&mut self, mut rest: &[u8], at: usize) -> Result<()> {
        let damaged = |what| Error::Damaged { what, at };
        while let Some((&kind, tail)) = rest.split_first() {
            let width = match kind >> 4 {
                0 => 1,
                1 => 2,
                _ => return Err(damaged("its quantisation table has neither 8 nor 16 bits")),
            };
            if tail.len() < 64 * width {
                return Err(damaged("its quantisation table is too short"));
            }
            let (values, tail) = tail.split_at(64 * width);
            let mut table = [0; 64];
            for (value, &place) in values.chunks_exact(width).zip(&ZIGZAG) {
                table[usize::from(place)] = value.iter().fold(0, |sum, &byte| sum << 8 | u16::from(byte));
            }
            let slot = self.quant.get_mut(usize::from(kind & 15));
            *slot.ok_or(damaged("its quantisation table has a number above 3"))? = Some(table);
            rest = tail;
        }
        Ok(())
    }

    fn scan(&mut self, payload: &[u8], at: usize) -> Result<Scan> {
        let damaged = |what| Error::Damaged { what, at };
        let frame = self.frame.as_ref().ok_or(damaged("a scan comes before the frame header"))?;
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(damaged("it has more scans than are read"));
        }
        let (&count, rest) = payload.split_first().ok_or(damaged("its scan header is empty"))?;
        let (pairs, band) =
            rest.split_at_checked(usize::from(count) * 2).ok_or(damaged("its scan header is too short"))?;
        let &[first, last, bits] = band else {
            return Err(damaged("its scan header does not have the length that its components need"));
        };
        let mut parts: Vec<Part> = Vec::new();
        for &[id, tables] in pairs.as_chunks::<2>().0 {
            let component = frame.components.iter().position(|known| known.id == id);
            let component = component.ok_or(damaged("a scan names a component that the frame does not have"))?;
            if parts.iter().any(|part| part.component == component) {
                return Err(damaged("a scan names a component twice"));
            }
            let (dc, ac) = (usize::from(tables >> 4), usize::from(tables & 15));
            if dc > 3 || ac > 3 {
                return Err(damaged("a scan names a Huffman table above 3"));
            }
            if self.latched[component].is_none() {
                self.latched[component] = self.quant[frame.components[component].table];
            }
            if self.latched[component].is_none() {
                return Err(damaged("a component's quantisation table is missing"));
            }
            parts.push(Part { component, dc, ac });
        }
        if !frame.is_progressive {
            // Frames of moving pictures leave these out. libjpeg-turbo does the same.
            for &Part { dc, ac, .. } in &parts {
                self.dc[dc] = self.dc[dc].take().or_else(|| Spec::standard(dc, &STANDARD_DC));
                self.ac[ac] = self.ac[ac].take().or_else(|| Spec::standard(ac, &STANDARD_AC));
            }
        }
        let blocks = |part: &Part| frame.components[part.component].h * frame.components[part.component].v;
        if parts.is_empty() || parts.len() > 1 && parts.iter().map(blocks).sum::<usize>() > MAX_MCU_BLOCKS {
            return Err(damaged("a scan has no components, or more blocks an MCU than 10"));
        }
        let (band, bit) = if frame.is_progressive {
            let (band, bit) = ((usize::from(first), usize::from(last)), (u32::from(bits >> 4), u32::from(bits & 15)));
            let of_dc = band == (0, 0);
            let of_ac = band.0 > 0 && band.0 <= band.1 && band.1 < 64 && parts.len() == 1;
            if !(of_dc || of_ac) || bit.1 > 13 || bit.0 > 0 && bit.0 != bit.1 + 1 {
                return Err(damaged("a progressive scan has a band or bits that no scan can have"));
            }
            (band, bit)
        } else {
            ((0, 63), (0, 0))
        };
        Ok(Scan { parts, band, bit, at: self.at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zigzag_is_the_standards() {
        assert_eq!(ZIGZAG[..16], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5]);
        assert_eq!(ZIGZAG[56..], [53, 60, 61, 54, 47, 55, 62, 63]);
    }
}
