//! From coefficients to pixels, one row of MCUs after the other.

use crate::entropy::{Block, Sink};
use crate::frame::Frame;
use crate::kernels::{Kernels, higher, repeated};
use crate::plan::{Plan, PlanePlan, Upsampling};
use crate::segments::Quant;

/// Rows of samples that are kept from one row of MCUs to the next.
const KEPT: usize = 2;

/// How the components become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// Grey, RGB and CMYK as they are.
    None,
    /// YCbCr to RGB.
    Rgb,
    /// YCCK to CMYK.
    Cmyk,
}

/// A component's samples of the last rows.
struct Plane {
    plan: PlanePlan,
    quant: Quant,
    /// Blocks of an MCU, down.
    v: usize,
    /// [`KEPT`] rows of the MCUs above, then those of the current row of MCUs.
    samples: Vec<u8>,
    stride: usize,
    /// A row at the picture's size.
    row: Vec<u8>,
}

impl Plane {
    /// Samples `columns` of a row, which counts from the picture's top; `base` is the first of the current MCUs.
    fn samples(&self, row: usize, base: usize, columns: (usize, usize)) -> &[u8] {
        let start = (row + KEPT - base) * self.stride;
        &self.samples[start + columns.0..start + columns.1]
    }

    /// Makes a row of the picture; gives where its first pixel's sample lies in the row and whether it lies in
    /// [`Plane::row`] or is itself the row of samples.
    fn upsample(&mut self, kernels: Kernels, y: usize, base: usize, (from, to): (usize, usize)) {
        let PlanePlan { across, down, width, height, upsampling, .. } = self.plan;
        // One sample more on either side, so that the ends of the slice matter only where they are the picture's.
        let columns = ((from / across).saturating_sub(1), ((to - 1) / across + 2).min(width));
        let near = y / down;
        let is_upper = y.is_multiple_of(down);
        let far = if is_upper { near.saturating_sub(1) } else { (near + 1).min(height - 1) };
        let mut row = std::mem::take(&mut self.row);
        row.resize((columns.1 - columns.0) * across, 0);
        let near = self.samples(near, base, columns);
        match upsampling {
            Upsampling::None => row.copy_from_slice(near),
            Upsampling::Wider => kernels.wider(near, &mut row),
            Upsampling::Higher => higher(near, self.samples(far, base, columns), is_upper, &mut row),
            Upsampling::WiderAndHigher => {
                kernels.wider_and_higher(near, self.samples(far, base, columns), &mut row);
            }
            Upsampling::Repeated(times, _) => repeated(near, times, &mut row),
        }
        self.row = row;
    }

    /// A row of the picture: the samples themselves, or what [`Plane::upsample`] made of them.
    fn pixels(&self, y: usize, base: usize, (from, to): (usize, usize)) -> &[u8] {
        if self.plan.upsampling == Upsampling::None {
            return self.samples(y, base, (from, to));
        }
        let first = (from / self.plan.across).saturating_sub(1) * self.plan.across;
        &self.row[from - first..to - first]
    }
}

/// Takes blocks and makes pixels.
pub(crate) struct Renderer {
    plan: Plan,
    planes: Vec<Plane>,
    conversion: Conversion,
    kernels: Kernels,
    columns: Vec<bool>,
    rows: Vec<bool>,
    /// The next row of the picture.
    next: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Renderer {
    /// **Shapes.** `quant` is one table a component.
    pub(crate) fn new(plan: Plan, frame: &Frame, quant: &[Quant], conversion: Conversion, kernels: Kernels) -> Self {
        let of = |((component, plan), quant): ((_, &PlanePlan), &Quant)| {
            let component: &crate::frame::Component = component;
            let stride = frame.mcus.0 * component.h * plan.size;
            let samples = vec![0; stride * (KEPT + component.v * plan.size)];
            Plane { plan: plan.clone(), quant: *quant, v: component.v, samples, stride, row: Vec::new() }
        };
        let planes: Vec<Plane> = frame.components.iter().zip(&plan.planes).zip(quant).map(of).collect();
        let pixels = vec![0; plan.region.width as usize * plan.region.height as usize * planes.len()];
        let columns = (0..frame.mcus.0).map(|column| plan.needs_column(column)).collect();
        let rows = (0..frame.mcus.1).map(|row| plan.needs_row(row)).collect();
        let next = plan.region.y as usize;
        Self { plan, planes, conversion, kernels, columns, rows, next, pixels }
    }

    /// Writes one row of the picture, whose samples are there.
    fn row(&mut self, y: usize, row: usize) {
        let region = self.plan.region;
        let columns = (region.x as usize, (region.x + region.width) as usize);
        let mut bases = [0; 4];
        for (plane, base) in self.planes.iter_mut().zip(&mut bases) {
            *base = row * plane.v * plane.plan.size;
            if plane.plan.upsampling != Upsampling::None {
                plane.upsample(self.kernels, y, *base, columns);
            }
        }
        let line = region.width as usize * self.planes.len();
        let out = &mut self.pixels[(y - region.y as usize) * line..][..line];
        let of = |at: usize| self.planes[at].pixels(y, bases[at], columns);
        match (self.conversion, self.planes.len()) {
            (Conversion::Rgb, _) => self.kernels.rgb(of(0), of(1), of(2), out),
            (Conversion::Cmyk, _) => cmyk(self.kernels, [of(0), of(1), of(2), of(3)], out),
            (Conversion::None, 1) => out.copy_from_slice(of(0)),
            (Conversion::None, 3) => interleave([of(0), of(1), of(2)], out),
            (Conversion::None, _) => interleave([of(0), of(1), of(2), of(3)], out),
        }
    }
}

impl Sink for Renderer {
    #[inline]
    fn wants(&self, (x, y): (usize, usize)) -> bool {
        self.columns[x] && self.rows[y]
    }

    #[inline]
    fn block(&mut self, component: usize, (x, y): (usize, usize), block: &Block, last: usize) {
        let Plane { plan, quant, v, samples, stride, .. } = &mut self.planes[component];
        let size = plan.size;
        let place = (KEPT + y % *v * size) * *stride + x * size;
        self.kernels.inverse(size, block, last, quant, &mut samples[place..], *stride);
    }

    fn row_done(&mut self, row: usize) {
        let region = self.plan.region;
        let is_last = row + 1 == self.rows.len();
        // The lowest pixels of an MCU wait for the samples below them.
        let ready = (row + 1) * self.plan.mcu.1 - usize::from(!is_last);
        let ready = ready.min((region.y + region.height) as usize);
        if self.rows[row] {
            (self.next..ready).for_each(|y| self.row(y, row));
            self.next = self.next.max(ready);
        }
        for plane in &mut self.planes {
            let end = plane.samples.len();
            plane.samples.copy_within(end - KEPT * plane.stride..end, 0);
        }
    }
}

fn interleave<const N: usize>(planes: [&[u8]; N], out: &mut [u8]) {
    for (x, pixel) in out.as_chunks_mut::<N>().0.iter_mut().enumerate() {
        *pixel = planes.map(|plane| plane[x]);
    }
}

/// YCCK is CMY's complement as YCbCr, and K as it is.
fn cmyk(kernels: Kernels, [y, cb, cr, k]: [&[u8]; 4], out: &mut [u8]) {
    let mut rgb = vec![0; 3 * y.len()];
    kernels.rgb(y, cb, cr, &mut rgb);
    for ((pixel, [r, g, b]), &k) in out.as_chunks_mut::<4>().0.iter_mut().zip(rgb.as_chunks::<3>().0).zip(k) {
        *pixel = [255 - r, 255 - g, 255 - b, k];
    }
}
