//! Sequential scans: from bits to blocks of coefficients.

use crate::bits::{Bits, Interval};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::huffman::{END, Spec, Values};
use crate::segments::{Part, Scan, Segments, ZIGZAG};

/// Coefficients of a block in natural order, not yet multiplied by the quantisation table.
pub(crate) type Block = [i16; 64];

/// What takes the blocks of a sequential scan.
pub(crate) trait Sink {
    /// Whether the blocks of this MCU are wanted.
    fn wants(&self, mcu: (usize, usize)) -> bool;
    /// Takes a block; `at` counts blocks of the component. Coefficients behind `last` of the zigzag are 0.
    fn block(&mut self, component: usize, at: (usize, usize), block: &Block, last: usize);
    /// All blocks of a row of MCUs were given.
    fn row_done(&mut self, row: usize);
}

/// Calls `decode(bits, MCU, whether an interval begins)` for every MCU of a scan; gives where its data end. Where damage is kept,
/// there are no bits for the MCUs behind it, up to the next interval.
pub(crate) fn for_each_mcu(
    segments: &Segments<'_>,
    scan: &Scan,
    mcus: (usize, usize),
    mut decode: impl FnMut(Option<&mut Bits<'_>>, (usize, usize), bool) -> Result<()>,
) -> Result<usize> {
    let damaged = |what| Error::Damaged { what, at: scan.at };
    let mut interval = Interval::default();
    let mut end = interval.fill(segments.bytes, scan.at);
    let total = mcus.0 * mcus.1;
    let longest = if segments.restart == 0 { total } else { segments.restart };
    let (mut at, mut x, mut y) = (0, 0, 0);
    // Whether the data have ended: then nothing is decoded up to the next interval that has some.
    let mut is_lost = false;
    for restart in 0_usize.. {
        let mut bits = interval.bits();
        for index in 0..longest.min(total - at) {
            if is_lost {
                decode(None, (x, y), index == 0)?;
            } else {
                let decoded = decode(Some(&mut bits), (x, y), index == 0);
                if decoded.is_err() || bits.is_overrun() {
                    if !segments.keeps_damage {
                        // Whatever looks wrong in data that no marker ends, the end is what is missing.
                        let reason = decoded.err().unwrap_or(damaged("a scan's data end too early"));
                        return Err(if end == segments.bytes.len() { Error::Truncated } else { reason });
                    }
                    // Data that end within an MCU go on with zeros.
                    decoded?;
                    is_lost = true;
                }
            }
            x += 1;
            if x == mcus.0 {
                (x, y) = (0, y + 1);
            }
        }
        at += longest.min(total - at);
        if at == total {
            break;
        }
        match resumed(segments, (restart % 8) as u8, end) {
            // What waits for its interval says that this one is lost.
            Resumed::Later(marker) if segments.keeps_damage => {
                end = marker;
                interval.fill(segments.bytes, segments.bytes.len());
            }
            Resumed::Here(data) => {
                is_lost = false;
                end = interval.fill(segments.bytes, data);
            }
            Resumed::Later(marker) if marker == segments.bytes.len() => return Err(Error::Truncated),
            Resumed::Later(_) => return Err(damaged("a restart marker is missing or out of order")),
        }
    }
    Ok(end)
}

/// Where a scan goes on behind an interval.
enum Resumed {
    /// With the data that begin here.
    Here(usize),
    /// With a later interval, whose marker is here, or not at all.
    Later(usize),
}

/// Looks for restart marker `wanted` at the marker at `at`. Only where damage is kept are others than the wanted one passed over or
/// taken for it.
///
/// **Source.** `jpeg_resync_to_restart` of libjpeg.
fn resumed(segments: &Segments<'_>, wanted: u8, mut at: usize) -> Resumed {
    loop {
        let Some(&[_, marker]) = segments.bytes.get(at..at + 2) else { return Resumed::Later(segments.bytes.len()) };
        let is_passed_over = match (marker, marker.wrapping_sub(0xd0 + wanted) % 8) {
            (0xd0..=0xd7, 0) => return Resumed::Here(at + 2),
            _ if !segments.keeps_damage => false,
            (0xd0..=0xd7, 3..=5) => return Resumed::Here(at + 2),
            (0xd0..=0xd7, ahead) => ahead > 5,
            _ => marker < 0xc0,
        };
        if !is_passed_over {
            return Resumed::Later(at);
        }
        at = Interval::default().fill(segments.bytes, at + 2);
    }
}

/// The MCUs of a scan: those of the frame, or the blocks of its only component.
pub(crate) fn mcus(frame: &Frame, scan: &Scan) -> (usize, usize) {
    match &scan.parts[..] {
        [only] => frame.components[only.component].blocks,
        _ => frame.mcus,
    }
}

/// A component's share of an MCU.
struct Share {
    component: usize,
    h: usize,
    v: usize,
    dc: Values,
    ac: Values,
    predicted: i32,
    is_tame: bool,
}

/// Decodes a sequential scan; gives where its data end.
pub(crate) fn sequential(segments: &Segments<'_>, frame: &Frame, scan: &Scan, sink: &mut impl Sink) -> Result<usize> {
    let is_interleaved = scan.parts.len() > 1;
    let mut shares = Vec::with_capacity(scan.parts.len());
    for part in &scan.parts {
        let component = &frame.components[part.component];
        let (h, v) = if is_interleaved { (component.h, component.v) } else { (1, 1) };
        let (dc, ac) = tables(segments, scan, part)?;
        let (dc, ac) = (Values::new(dc, true), Values::new(ac, false));
        let is_tame = dc.is_tame && ac.is_tame;
        shares.push(Share { component: part.component, h, v, dc, ac, predicted: 0, is_tame });
    }
    let mcus = mcus(frame, scan);
    let wrong = Error::Damaged { what: "a scan has a code that its tables do not have", at: scan.at };
    let mut block = [0; 64];
    for_each_mcu(segments, scan, mcus, |bits, (x, y), begins| {
        if begins {
            shares.iter_mut().for_each(|share| share.predicted = 0);
        }
        let is_wanted = sink.wants((x, y));
        let Some(bits) = bits else {
            if is_wanted {
                lose(&shares, (x, y), sink);
            }
            if x + 1 == mcus.0 {
                sink.row_done(y);
            }
            return Ok(());
        };
        for share in &mut shares {
            for down in 0..share.v {
                for across in 0..share.h {
                    let predicted = share.predicted;
                    let found = match is_wanted {
                        true => read(bits, share, &mut block),
                        false => pass(bits, share).map(|()| 0),
                    };
                    let last = match found {
                        Some(last) => last,
                        None if segments.keeps_damage => {
                            share.predicted = predicted;
                            guess(bits, share, &mut block)
                        }
                        None => return Err(wrong.clone()),
                    };
                    if is_wanted {
                        sink.block(share.component, (x * share.h + across, y * share.v + down), &block, last);
                    }
                }
            }
        }
        if x + 1 == mcus.0 {
            sink.row_done(y);
        }
        Ok(())
    })
}

/// Gives blocks without anything in them for an MCU that is lost.
#[cold]
fn lose(shares: &[Share], (x, y): (usize, usize), sink: &mut impl Sink) {
    for share in shares {
        for place in 0..share.h * share.v {
            let at = (x * share.h + place % share.h, y * share.v + place / share.h);
            sink.block(share.component, at, &[0; 64], 0);
        }
    }
}

/// The tables that a part of a sequential scan names.
fn tables<'s>(segments: &'s Segments<'_>, scan: &Scan, part: &Part) -> Result<(&'s Spec, &'s Spec)> {
    Ok((dc_table(segments, scan, part)?, ac_table(segments, scan, part)?))
}

pub(crate) fn dc_table<'s>(segments: &'s Segments<'_>, scan: &Scan, part: &Part) -> Result<&'s Spec> {
    let damaged = |what| Error::Damaged { what, at: scan.at };
    let table = segments.dc[part.dc].as_ref().ok_or(damaged("a scan's Huffman table is missing"))?;
    if table.is_for_dc() { Ok(table) } else { Err(damaged("a Huffman table for DC has sizes above 15")) }
}

pub(crate) fn ac_table<'s>(segments: &'s Segments<'_>, scan: &Scan, part: &Part) -> Result<&'s Spec> {
    let missing = Error::Damaged { what: "a scan's Huffman table is missing", at: scan.at };
    segments.ac[part.ac].as_ref().ok_or(missing)
}

/// Reads a block; gives the position of its last coefficient, or `None` for what no encoder writes.
#[inline(always)]
fn read(reader: &mut Bits<'_>, share: &mut Share, block: &mut Block) -> Option<usize> {
    *block = [0; 64];
    let mut last = 0;
    walk(reader, share, |bits, share, at| {
        let (step, value) = share.ac.next(bits)?;
        if at + step < 64 {
            last = at + step;
            block[usize::from(ZIGZAG[last] & 63)] = value as i16;
        }
        Some(step)
    })?;
    block[0] = share.predicted as i16;
    Some(last)
}

/// As [`read`], for a block that no encoder writes.
///
/// **Source.** libjpeg: what is no code stands for 0, a value behind the last place is put there.
#[cold]
fn guess(bits: &mut Bits<'_>, share: &mut Share, block: &mut Block) -> usize {
    *block = [0; 64];
    let size = share.dc.symbols.next_or_zero(bits);
    share.predicted = share.predicted.wrapping_add(bits.signed(u32::from(size)));
    block[0] = share.predicted as i16;
    let (mut at, mut last) = (1, 0);
    while at < 64 {
        let symbol = share.ac.symbols.next_or_zero(bits);
        at += usize::from(symbol >> 4);
        match symbol & 15 {
            0 if symbol >> 4 < 15 => break,
            0 => {}
            size => {
                last = at.min(63);
                block[usize::from(ZIGZAG[last] & 63)] = bits.signed(u32::from(size)) as i16;
            }
        }
        at += 1;
    }
    last
}

/// Passes over a block that is not wanted; only its first coefficient counts for the next one.
#[inline(always)]
fn pass(reader: &mut Bits<'_>, share: &mut Share) -> Option<()> {
    walk(reader, share, |bits, share, _| share.ac.pass(bits))
}

/// Reads the first coefficient of a block, then has `next` read the others: it gets the position and gives a step.
#[inline(always)]
fn walk(
    reader: &mut Bits<'_>,
    share: &mut Share,
    mut next: impl FnMut(&mut Bits<'_>, &Share, usize) -> Option<usize>,
) -> Option<()> {
    // A copy, which stays in registers.
    let mut bits = *reader;
    bits.refill();
    let (_, difference) = share.dc.next(&mut bits)?;
    share.predicted = share.predicted.wrapping_add(difference);
    let mut at = 0;
    // A full reader holds the bits of two values.
    let mut is_full = share.is_tame;
    while at < 63 {
        if !is_full || !share.is_tame {
            bits.refill();
        }
        is_full = !is_full;
        let step = next(&mut bits, share, at)?;
        if at + step > 63 {
            if step != END {
                return None;
            }
            break;
        }
        at += step;
    }
    *reader = bits;
    Some(())
}
