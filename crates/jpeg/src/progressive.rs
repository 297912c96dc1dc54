//! Progressive scans and the coefficients that they fill bit by bit.
//!
//! **Source.** ITU T.81, annex G.

use crate::bits::Bits;
use crate::entropy::{Block, Sink, ac_table, dc_table, for_each_mcu, mcus};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::huffman::Symbols;
use crate::segments::{Scan, Segments, ZIGZAG};

/// All coefficients of a picture.
#[derive(Debug)]
pub(crate) struct Coefficients {
    /// By component: blocks a row, and the blocks.
    pub(crate) planes: Vec<(usize, Vec<Block>)>,
}

impl Coefficients {
    pub(crate) fn new(frame: &Frame) -> Self {
        let plane = |(across, down): (usize, usize)| (across, vec![[0; 64]; across * down]);
        Self { planes: frame.components.iter().map(|component| plane(frame.padded(component))).collect() }
    }

    /// Bytes that [`Coefficients::new`] takes.
    pub(crate) fn size(frame: &Frame) -> u64 {
        let blocks = |(across, down): (usize, usize)| across as u64 * down as u64;
        frame.components.iter().map(|component| blocks(frame.padded(component)) * 128).sum()
    }
}

/// Keeps the blocks of a sequential scan.
impl Sink for Coefficients {
    fn wants(&self, _: (usize, usize)) -> bool {
        true
    }

    fn block(&mut self, component: usize, (x, y): (usize, usize), block: &Block, _: usize) {
        let (across, blocks) = &mut self.planes[component];
        blocks[y * *across + x] = *block;
    }

    fn row_done(&mut self, _: usize) {}
}

/// Decodes a progressive scan; gives where its data end.
pub(crate) fn progressive(
    segments: &Segments<'_>,
    frame: &Frame,
    scan: &Scan,
    coefficients: &mut Coefficients,
) -> Result<usize> {
    match (scan.band.0, scan.bit.0) {
        (0, 0) => first_of_dc(segments, frame, scan, coefficients),
        (0, _) => rest_of_dc(segments, frame, scan, coefficients),
        _ => of_ac(segments, frame, scan, coefficients),
    }
}

fn wrong(scan: &Scan) -> Error {
    Error::Damaged { what: "a scan has a code that its tables do not have", at: scan.at }
}

/// The next symbol; where damage is kept, what is none stands for 0.
#[inline(always)]
fn symbol(table: &Symbols, bits: &mut Bits<'_>, keeps_damage: bool) -> Option<u8> {
    if keeps_damage { Some(table.next_or_zero(bits)) } else { table.next(bits) }
}

/// Component, blocks across and blocks down, of every part of an MCU.
fn shares(frame: &Frame, scan: &Scan) -> Vec<(usize, usize, usize)> {
    let is_interleaved = scan.parts.len() > 1;
    let share = |at: usize| {
        let component = &frame.components[at];
        if is_interleaved { (at, component.h, component.v) } else { (at, 1, 1) }
    };
    scan.parts.iter().map(|part| share(part.component)).collect()
}

fn first_of_dc(segments: &Segments<'_>, frame: &Frame, scan: &Scan, coefficients: &mut Coefficients) -> Result<usize> {
    let tables = scan.parts.iter().map(|part| dc_table(segments, scan, part).map(Symbols::new));
    let tables = tables.collect::<Result<Vec<_>>>()?;
    let shares = shares(frame, scan);
    let mut predicted = [0_i32; 4];
    for_each_mcu(segments, scan, mcus(frame, scan), |bits, (x, y), begins| {
        let Some(bits) = bits else { return Ok(()) };
        if begins {
            predicted = [0; 4];
        }
        for (&(component, h, v), table) in shares.iter().zip(&tables) {
            let (across, blocks) = &mut coefficients.planes[component];
            for at in 0..h * v {
                let size = symbol(table, bits, segments.keeps_damage).ok_or_else(|| wrong(scan))?;
                let predicted = &mut predicted[component];
                *predicted = predicted.wrapping_add(bits.signed(u32::from(size)));
                let place = (y * v + at / h) * *across + x * h + at % h;
                blocks[place][0] = (*predicted << scan.bit.1) as i16;
            }
        }
        Ok(())
    })
}

fn rest_of_dc(segments: &Segments<'_>, frame: &Frame, scan: &Scan, coefficients: &mut Coefficients) -> Result<usize> {
    let shares = shares(frame, scan);
    for_each_mcu(segments, scan, mcus(frame, scan), |bits, (x, y), _| {
        let Some(bits) = bits else { return Ok(()) };
        for &(component, h, v) in &shares {
            let (across, blocks) = &mut coefficients.planes[component];
            for at in 0..h * v {
                if bits.bit() {
                    blocks[(y * v + at / h) * *across + x * h + at % h][0] |= 1 << scan.bit.1;
                }
            }
        }
        Ok(())
    })
}

fn of_ac(segments: &Segments<'_>, frame: &Frame, scan: &Scan, coefficients: &mut Coefficients) -> Result<usize> {
    let part = scan.parts[0];
    let table = Symbols::new(ac_table(segments, scan, &part)?);
    let (across, blocks) = &mut coefficients.planes[part.component];
    // Blocks, this one included, whose band holds nothing new.
    let mut empty = 0_u32;
    let is_first = scan.bit.0 == 0;
    for_each_mcu(segments, scan, mcus(frame, scan), |bits, (x, y), begins| {
        let Some(bits) = bits else { return Ok(()) };
        if begins {
            empty = 0;
        }
        let block = &mut blocks[y * *across + x];
        let read = if is_first { first_of_ac } else { rest_of_ac };
        read(bits, &table, scan, (&mut empty, segments.keeps_damage), block).ok_or_else(|| wrong(scan))
    })
}

/// How many blocks a symbol of size 0 and run below 15 ends, this one included.
fn run_of_blocks(bits: &mut Bits<'_>, run: u32) -> u32 {
    (1 << run) + bits.take(run)
}

fn first_of_ac(
    bits: &mut Bits<'_>,
    table: &Symbols,
    scan: &Scan,
    (empty, keeps_damage): (&mut u32, bool),
    block: &mut Block,
) -> Option<()> {
    if *empty > 0 {
        *empty -= 1;
        return Some(());
    }
    let mut at = scan.band.0;
    while at <= scan.band.1 {
        let symbol = symbol(table, bits, keeps_damage)?;
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 && run < 15 {
            *empty = run_of_blocks(bits, run) - 1;
            return Some(());
        }
        at += run as usize;
        if size > 0 {
            if at > scan.band.1 && !keeps_damage {
                return None;
            }
            block[usize::from(ZIGZAG[at.min(63)])] = (bits.signed(size) << scan.bit.1) as i16;
        }
        at += 1;
    }
    Some(())
}

fn rest_of_ac(
    bits: &mut Bits<'_>,
    table: &Symbols,
    scan: &Scan,
    (empty, keeps_damage): (&mut u32, bool),
    block: &mut Block,
) -> Option<()> {
    let one = 1_i16 << scan.bit.1;
    let mut at = scan.band.0;
    if *empty == 0 {
        while at <= scan.band.1 {
            let symbol = symbol(table, bits, keeps_damage)?;
            let (run, size) = (u32::from(symbol >> 4), symbol & 15);
            let value = match size {
                0 if run < 15 => {
                    *empty = run_of_blocks(bits, run);
                    break;
                }
                0 => 0,
                1 if bits.bit() => one,
                1 => -one,
                _ if !keeps_damage => return None,
                _ if bits.bit() => one,
                _ => -one,
            };
            at = refine(bits, block, at, scan.band.1, one, run);
            if value != 0 {
                if at > scan.band.1 && !keeps_damage {
                    return None;
                }
                block[usize::from(ZIGZAG[at.min(63)])] = value;
            }
            at += 1;
        }
    }
    if *empty > 0 {
        refine(bits, block, at, scan.band.1, one, u32::MAX);
        *empty -= 1;
    }
    Some(())
}

/// Corrects the coefficients that have a value until `run` that have none are passed; gives the position of the next one
/// without.
fn refine(bits: &mut Bits<'_>, block: &mut Block, from: usize, last: usize, one: i16, mut run: u32) -> usize {
    for at in from..=last {
        let value = &mut block[usize::from(ZIGZAG[at])];
        if *value != 0 {
            if bits.bit() && *value & one == 0 {
                *value = value.wrapping_add(if *value > 0 { one } else { -one });
            }
        } else if run == 0 {
            return at;
        } else {
            run -= 1;
        }
    }
    last + 1
}
