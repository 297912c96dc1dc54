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
    // Intervals that are lost, of those to come.
    let mut lost = 0;
    // Whether the data had ended before the interval: then nothing of it is decoded, else one MCU, from zeros.
    let mut is_lost = false;
    for restart in 0.. {
        is_lost &= lost > 0;
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
                    // Data that end within an MCU go on with zeros; a code that is none spoils its MCU.
                    if decoded.is_err() {
                        decode(None, (x, y), false)?;
                    }
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
        if lost > 1 {
            lost -= 1;
            continue;
        }
        let wanted = restart % 8;
        match segments.bytes.get(end..end + 2) {
            // The interval that this marker begins was waited for.
            Some([_, 0xd0..=0xd7]) if lost == 1 => {
                lost = 0;
                end = interval.fill(segments.bytes, end + 2);
            }
            Some([_, marker]) if *marker == 0xd0 + wanted => end = interval.fill(segments.bytes, end + 2),
            Some([_, marker @ 0xd0..=0xd7]) if segments.keeps_damage => {
                // A marker that comes too early says that the intervals before it are lost.
                lost = usize::from((marker - 0xd0 + 8 - wanted) % 8);
                interval.fill(segments.bytes, end);
            }
            _ if segments.keeps_damage => {
                lost = usize::MAX;
                interval.fill(segments.bytes, end);
            }
            Some(_) => return Err(damaged("a restart marker is missing or out of order")),
            None => return Err(Error::Truncated),
        }
    }
    Ok(end)
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
                    if is_wanted {
                        let last = read(bits, share, &mut block).ok_or_else(|| wrong.clone())?;
                        let at = (x * share.h + across, y * share.v + down);
                        sink.block(share.component, at, &block, last);
                    } else {
                        pass(bits, share).ok_or_else(|| wrong.clone())?;
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
