//! What a frame header says: sides, components, sampling.

use crate::error::{Error, Result};

/// Samples of a block's side.
pub(crate) const SIDE: usize = 8;

/// One component of the picture.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    pub(crate) id: u8,
    /// Blocks of an MCU, across and down.
    pub(crate) h: usize,
    pub(crate) v: usize,
    /// Which quantisation table it uses.
    pub(crate) table: usize,
    /// Blocks that hold samples of the picture, across and down.
    pub(crate) blocks: (usize, usize),
}

/// A frame header.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) is_progressive: bool,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) components: Vec<Component>,
    /// Greatest blocks of an MCU, across and down.
    pub(crate) h_max: usize,
    pub(crate) v_max: usize,
    /// MCUs, across and down.
    pub(crate) mcus: (usize, usize),
}

impl Frame {
    /// Reads the payload of a frame header that begins with marker `FF marker` and lies at byte `at`.
    pub(crate) fn parse(marker: u8, payload: &[u8], at: usize) -> Result<Self> {
        let damaged = |what| Error::Damaged { what, at };
        let [bits, height_high, height_low, width_high, width_low, count, rest @ ..] = payload else {
            return Err(damaged("its frame header is too short"));
        };
        if let Some(what) = unsupported(marker, *bits, *count) {
            return Err(Error::Unsupported { what });
        }
        let height = usize::from(u16::from_be_bytes([*height_high, *height_low]));
        let width = usize::from(u16::from_be_bytes([*width_high, *width_low]));
        if width == 0 {
            return Err(damaged("its width is 0"));
        }
        if height == 0 {
            return Err(Error::Unsupported { what: "a height that is given only after the first scan" });
        }
        let (triples, left) = rest.as_chunks::<3>();
        if triples.len() != usize::from(*count) || !left.is_empty() {
            return Err(damaged("its frame header does not have the length that its components need"));
        }
        let mut components: Vec<Component> = Vec::with_capacity(triples.len());
        for &[id, factors, table] in triples {
            let (h, v) = (usize::from(factors >> 4), usize::from(factors & 15));
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) || table > 3 {
                return Err(damaged("a component's sampling factors are not 1 to 4, or its table not 0 to 3"));
            }
            if components.iter().any(|known| known.id == id) {
                return Err(damaged("two components have the same number"));
            }
            components.push(Component { id, h, v, table: usize::from(table), blocks: (0, 0) });
        }
        // The factors of a single component say nothing: its scans are never interleaved.
        if let [only] = &mut components[..] {
            (only.h, only.v) = (1, 1);
        }
        let h_max = components.iter().map(|c| c.h).max().unwrap_or(1);
        let v_max = components.iter().map(|c| c.v).max().unwrap_or(1);
        if components.iter().any(|c| h_max % c.h != 0 || v_max % c.v != 0) {
            return Err(Error::Unsupported { what: "sampling factors that do not divide the greatest one" });
        }
        for component in &mut components {
            let of = |side: usize, own: usize, max: usize| (side * own).div_ceil(max).div_ceil(SIDE);
            component.blocks = (of(width, component.h, h_max), of(height, component.v, v_max));
        }
        let mcus = (width.div_ceil(h_max * SIDE), height.div_ceil(v_max * SIDE));
        Ok(Self { is_progressive: marker == 0xc2, width, height, components, h_max, v_max, mcus })
    }

    /// Blocks of a component that its MCUs hold, across and down.
    pub(crate) fn padded(&self, component: &Component) -> (usize, usize) {
        (self.mcus.0 * component.h, self.mcus.1 * component.v)
    }

    /// Blocks that hold samples of the picture.
    pub(crate) fn blocks(&self) -> u64 {
        self.components.iter().map(|c| c.blocks.0 as u64 * c.blocks.1 as u64).sum()
    }
}

fn unsupported(marker: u8, bits: u8, components: u8) -> Option<&'static str> {
    match marker {
        0xc0..=0xc2 => {}
        0xc9..=0xcb | 0xcd..=0xcf => return Some("arithmetic coding"),
        0xc3 => return Some("lossless coding"),
        _ => return Some("hierarchical coding"),
    }
    match (bits, components) {
        (8, 1 | 3 | 4) => None,
        (8, _) => Some("a number of components other than 1, 3 and 4"),
        _ => Some("samples of other than 8 bits"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn header(height: u16, width: u16, components: &[[u8; 3]]) -> Vec<u8> {
        let sides = [&[8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[components.len() as u8]].concat();
        [&sides[..], components.as_flattened()].concat()
    }

    #[test]
    fn sizes_follow_from_the_factors() {
        let frame = Frame::parse(0xc0, &header(17, 33, &[[1, 0x22, 0], [2, 0x11, 1], [3, 0x12, 1]]), 0).unwrap();
        assert_eq!((frame.mcus, frame.h_max, frame.v_max, frame.is_progressive), ((3, 2), 2, 2, false));
        let blocks: Vec<_> = frame.components.iter().map(|c| c.blocks).collect();
        assert_eq!(blocks, [(5, 3), (3, 2), (3, 3)]);
        assert_eq!(frame.padded(&frame.components[2]), (3, 4));
        let grey = Frame::parse(0xc2, &header(16, 16, &[[1, 0x22, 0]]), 0).unwrap();
        assert_eq!((grey.mcus, grey.is_progressive), ((2, 2), true));
    }

    #[test]
    fn what_is_wrong_is_told_from_what_is_unusual() {
        let grey = [[1, 0x11, 0]];
        let refused = |marker, payload: &[u8]| Frame::parse(marker, payload, 7).unwrap_err();
        assert!(matches!(refused(0xc0, &[8, 0]), Error::Damaged { at: 7, .. }));
        assert!(matches!(refused(0xc0, &header(1, 0, &grey)), Error::Damaged { .. }));
        assert!(matches!(refused(0xc0, &header(1, 1, &[[1, 0x15, 0]])), Error::Damaged { .. }));
        assert!(matches!(refused(0xc0, &header(1, 1, &[[1, 0x11, 4]])), Error::Damaged { .. }));
        assert!(matches!(refused(0xc0, &header(1, 1, &[[1, 0x11, 0]; 3])), Error::Damaged { .. }));
        for (marker, payload) in [
            (0xc3, header(1, 1, &grey)),
            (0xc9, header(1, 1, &grey)),
            (0xc5, header(1, 1, &grey)),
            (0xc0, header(0, 1, &grey)),
            (0xc0, header(1, 1, &[])),
            (0xc0, header(1, 1, &[[1, 0x11, 0], [2, 0x11, 0]])),
            (0xc0, header(1, 1, &[[1, 0x31, 0], [2, 0x21, 0], [3, 0x11, 0]])),
            (0xc1, [&[12], &header(1, 1, &grey)[1..]].concat()),
        ] {
            assert!(matches!(refused(marker, &payload), Error::Unsupported { .. }), "{marker:x} {payload:?}");
        }
    }
}
