//! How large everything becomes: scaled sizes, regions, memory.

use crate::error::{Error, Result};
use crate::frame::{Frame, SIDE};
use crate::progressive::Coefficients;
use crate::{Colour, Options, Region, Scale};

/// How a component's samples become as many as the picture has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upsampling {
    /// They are as many.
    None,
    /// Twice as many columns, by a triangle filter.
    Wider,
    /// Twice as many rows, by a triangle filter.
    Higher,
    /// Both.
    WiderAndHigher,
    /// Each so many times across and down.
    Repeated(usize, usize),
}

/// One component of a picture.
#[derive(Debug, Clone)]
pub(crate) struct PlanePlan {
    /// Side of a block after the transform, in samples.
    pub(crate) size: usize,
    /// Samples, across and down.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Columns and rows of the picture a sample.
    pub(crate) across: usize,
    pub(crate) down: usize,
    pub(crate) upsampling: Upsampling,
}

/// What is decoded and how.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) region: Region,
    /// Sides of an MCU in pixels.
    pub(crate) mcu: (usize, usize),
    pub(crate) planes: Vec<PlanePlan>,
}

impl Plan {
    pub(crate) fn new(frame: &Frame, colour: Colour, is_buffered: bool, options: &Options) -> Result<Self> {
        let smallest = SIDE / options.scale.divisor() as usize;
        let (width, height) = scaled(frame, options.scale);
        let whole = Region { x: 0, y: 0, width: width as u32, height: height as u32 };
        let region = options.region.unwrap_or(whole);
        let fits =
            |from: u32, length: u32, side: usize| length > 0 && u64::from(from) + u64::from(length) <= side as u64;
        if !fits(region.x, region.width, width) || !fits(region.y, region.height, height) {
            return Err(Error::Region { region, width: whole.width, height: whole.height });
        }
        let pixels = u64::from(region.width) * u64::from(region.height) * colour.channels() as u64;
        let bytes = pixels + if is_buffered { Coefficients::size(frame) } else { 0 };
        if bytes > options.max_bytes {
            let (width, height) = (frame.width as u32, frame.height as u32);
            return Err(Error::TooLarge { width, height, bytes, limit: options.max_bytes });
        }
        let planes = frame.components.iter().map(|c| plane(frame, (c.h, c.v), smallest)).collect();
        let mcu = (frame.h_max * smallest, frame.v_max * smallest);
        Ok(Self { region, mcu, planes })
    }

    /// Whether a row or column of MCUs reaches into the region, or within the two pixels that upsampling looks beyond it.
    pub(crate) fn needs_row(&self, row: usize) -> bool {
        touches(row * self.mcu.1, self.mcu.1, self.region.y, self.region.height)
    }

    /// As [`Plan::needs_row`], for a column.
    pub(crate) fn needs_column(&self, column: usize) -> bool {
        touches(column * self.mcu.0, self.mcu.0, self.region.x, self.region.width)
    }
}

fn touches(from: usize, length: usize, start: u32, wanted: u32) -> bool {
    from < (start + wanted) as usize + 2 && from + length + 2 > start as usize
}

/// Sides of the picture at a scale: rounded up.
pub(crate) fn scaled(frame: &Frame, scale: Scale) -> (usize, usize) {
    let divisor = scale.divisor() as usize;
    (frame.width.div_ceil(divisor), frame.height.div_ceil(divisor))
}

fn plane(frame: &Frame, (h, v): (usize, usize), smallest: usize) -> PlanePlan {
    let (wide, high) = (frame.h_max * smallest, frame.v_max * smallest);
    // A component of fewer samples keeps more of its frequencies rather than being shrunk and made larger again.
    let mut size = smallest;
    while size < SIDE && wide.is_multiple_of(h * size * 2) && high.is_multiple_of(v * size * 2) {
        size *= 2;
    }
    let of = |side: usize, own: usize, max: usize| (side * own * size).div_ceil(max * SIDE);
    let (width, height) = (of(frame.width, h, frame.h_max), of(frame.height, v, frame.v_max));
    let (across, down) = (wide / (h * size), high / (v * size));
    let is_smooth = smallest > 1;
    let upsampling = match (across, down) {
        (1, 1) => Upsampling::None,
        (2, 1) if is_smooth && width > 2 => Upsampling::Wider,
        (1, 2) if is_smooth => Upsampling::Higher,
        (2, 2) if is_smooth && width > 2 => Upsampling::WiderAndHigher,
        _ => Upsampling::Repeated(across, down),
    };
    PlanePlan { size, width, height, across, down, upsampling }
}
