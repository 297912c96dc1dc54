//! Paint: anti-aliased polygons over a float image, blur, and the way to bytes.

use tiny_skia::{FillRule, LineCap, LineJoin, Mask, Path, PathBuilder, Stroke, Transform};

use crate::maths::hash;

/// A colour, channels from 0 to 1, in the image's own encoding (sRGB).
pub(crate) type Rgb = [f32; 3];
/// A point: x to the right of the figure's axis, y down from the image's top, in shares of the image's side.
pub(crate) type Point = [f32; 2];

/// Breadth of the figure against its drawing: catalogues crop so that the garment fills the picture.
const BREADTH: f32 = 1.07;

/// How a view's own coordinates lie in the image.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// Side of the image in pixels.
    pub(crate) size: f32,
    /// Where the view's axis and middle height lie, in shares of the image.
    pub(crate) centre: Point,
    /// Scale about that place.
    pub(crate) scale: f32,
    /// Sideways bend of the figure.
    pub(crate) lean: f32,
    /// Cosine and sine of the rotation.
    pub(crate) turn: [f32; 2],
}

impl View {
    pub(crate) fn to_px(&self, [x, y]: Point) -> Point {
        let (x, y) = ((x + self.bend(y)) * BREADTH, y - 0.5);
        let [cos, sin] = self.turn;
        let (x, y) = (cos * x - sin * y, sin * x + cos * y);
        [self.size * (self.centre[0] + self.scale * x), self.size * (self.centre[1] + self.scale * y)]
    }

    fn to_unit(&self, [x, y]: Point) -> Point {
        let (x, y) = ((x / self.size - self.centre[0]) / self.scale, (y / self.size - self.centre[1]) / self.scale);
        let [cos, sin] = self.turn;
        let (x, y) = (cos * x + sin * y, cos * y - sin * x + 0.5);
        [x / BREADTH - self.bend(y), y]
    }

    /// The figure's axis at a height: it swings to one side at the hips.
    fn bend(&self, y: f32) -> f32 {
        self.lean * 4.0 * y * (0.9 - y)
    }

    /// Width of a pixel in the view's coordinates.
    pub(crate) fn footprint(&self) -> f32 {
        1.0 / (self.size * self.scale)
    }

    fn path(&self, points: &[Point], close: bool) -> Option<Path> {
        let mut builder = PathBuilder::with_capacity(points.len() + 1, points.len() + 1);
        for (at, point) in points.iter().enumerate() {
            let [x, y] = self.to_px(*point);
            if at == 0 { builder.move_to(x, y) } else { builder.line_to(x, y) }
        }
        if close {
            builder.close();
        }
        builder.finish()
    }
}

/// The image while it is painted.
pub(crate) struct Canvas {
    side: usize,
    pixels: Vec<Rgb>,
    mask: Mask,
    /// What the figure's body covers, for the shadows that clothes throw on it.
    body: Vec<u8>,
}

/// A rectangle of pixels, upper bounds excluded.
#[derive(Clone, Copy)]
struct Area {
    x: [usize; 2],
    y: [usize; 2],
}

impl Canvas {
    /// `background` gets the pixel's place in shares of the image.
    pub(crate) fn new(side: usize, background: impl Fn(Point) -> Rgb) -> Option<Self> {
        let mask = Mask::new(u32::try_from(side).ok()?, u32::try_from(side).ok()?)?;
        let step = 1.0 / side as f32;
        let mut pixels = Vec::with_capacity(side * side);
        for y in 0..side {
            pixels.extend((0..side).map(|x| background([(x as f32 + 0.5) * step, (y as f32 + 0.5) * step])));
        }
        Some(Self { side, pixels, mask, body: vec![0; side * side] })
    }

    /// Fills a polygon; `shade` gets a place in the view's coordinates and what lies beneath.
    pub(crate) fn paint(&mut self, view: &View, shape: &[Point], shade: impl Fn(Point, Rgb) -> Rgb) {
        if let Some(path) = view.path(shape, true) {
            self.cover(view, &path, false, shade);
        }
    }

    /// Fills a polygon that belongs to the figure's body.
    pub(crate) fn paint_body(&mut self, view: &View, shape: &[Point], shade: impl Fn(Point, Rgb) -> Rgb) {
        if let Some(path) = view.path(shape, true) {
            self.cover(view, &path, true, shade);
        }
    }

    /// Fills a polygon with one colour.
    pub(crate) fn fill(&mut self, view: &View, shape: &[Point], colour: Rgb, opacity: f32) {
        self.paint(view, shape, |_, under| mix(under, colour, opacity));
    }

    /// Draws a line; `width` in the view's coordinates.
    pub(crate) fn line(&mut self, view: &View, points: &[Point], width: f32, colour: Rgb, opacity: f32) {
        let width = width / view.footprint();
        let stroke = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Bevel, ..Stroke::default() };
        if let Some(path) = view.path(points, false).and_then(|path| path.stroke(&stroke, 1.0)) {
            self.cover(view, &path, false, |_, under| mix(under, colour, opacity));
        }
    }

    /// Darkens by `strength` what lies under the blurred, shifted union of shapes: all of it, or only the body.
    pub(crate) fn shadow(&mut self, view: &View, shapes: &[Vec<Point>], cast: &Cast) {
        self.mask.clear();
        for path in shapes.iter().filter_map(|shape| view.path(shape, true)) {
            self.mask.fill_path(&path, FillRule::Winding, true, Transform::identity());
        }
        let radius = ((cast.blur / view.footprint()) as usize).max(1);
        let side = self.side;
        let mut blurred: Vec<u16> = self.mask.data().iter().map(|&value| u16::from(value) << 4).collect();
        for _ in 0..2 {
            blur_rows(&mut blurred, side, radius);
            blurred = transpose(&blurred, side);
            blur_rows(&mut blurred, side, radius);
            blurred = transpose(&blurred, side);
        }
        let shift = cast.shift.map(|by| libm::roundf(by / view.footprint()) as isize);
        for y in 0..side {
            let Some(from_y) = y.checked_add_signed(-shift[1]).filter(|&at| at < side) else { continue };
            for x in 0..side {
                let Some(from_x) = x.checked_add_signed(-shift[0]).filter(|&at| at < side) else { continue };
                let at = y * side + x;
                let body = if cast.on_body { f32::from(self.body[at]) / 255.0 } else { 1.0 };
                let dark = 1.0 - cast.strength * body * f32::from(blurred[from_y * side + from_x]) / 4080.0;
                self.pixels[at] = self.pixels[at].map(|value| value * dark);
            }
        }
    }

    fn cover(&mut self, view: &View, path: &Path, body: bool, shade: impl Fn(Point, Rgb) -> Rgb) {
        let bounds = path.bounds();
        let clamp = |value: f32| (value.max(0.0) as usize).min(self.side);
        let area = Area {
            x: [clamp(bounds.left() - 1.0), clamp(bounds.right() + 2.0)],
            y: [clamp(bounds.top() - 1.0), clamp(bounds.bottom() + 2.0)],
        };
        if area.x[0] >= area.x[1] || area.y[0] >= area.y[1] {
            return;
        }
        for y in area.y[0]..area.y[1] {
            let row = y * self.side;
            self.mask.data_mut()[row + area.x[0]..row + area.x[1]].fill(0);
        }
        self.mask.fill_path(path, FillRule::Winding, true, Transform::identity());
        for y in area.y[0]..area.y[1] {
            for x in area.x[0]..area.x[1] {
                let at = y * self.side + x;
                let covered = self.mask.data()[at];
                if covered > 0 {
                    let under = self.pixels[at];
                    let colour = shade(view.to_unit([x as f32 + 0.5, y as f32 + 0.5]), under);
                    self.pixels[at] = mix(under, colour, f32::from(covered) / 255.0);
                    if body {
                        self.body[at] = self.body[at].max(covered);
                    }
                }
            }
        }
    }

    /// The bytes, channels last, after light and noise.
    pub(crate) fn finish(self, light: Rgb, noise: f32, seed: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.pixels.len() * 3);
        for (at, pixel) in self.pixels.iter().enumerate() {
            let grain = hash(seed ^ hash(at as u32));
            for (channel, value) in pixel.iter().enumerate() {
                let other = hash(grain.wrapping_add(channel as u32 + 1));
                // Four bytes of the hash added up: near enough a normal distribution.
                let sum: u32 = other.to_le_bytes().iter().map(|&byte| u32::from(byte)).sum();
                let normal = (sum as f32 - 510.0) / 147.8;
                let value = value * light[channel] + noise * normal;
                bytes.push((value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
            }
        }
        bytes
    }
}

/// How a shadow falls.
pub(crate) struct Cast {
    pub(crate) blur: f32,
    pub(crate) shift: Point,
    pub(crate) strength: f32,
    pub(crate) on_body: bool,
}

/// From `a` to `b` by the share `t`.
pub(crate) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * t)
}

/// A colour scaled.
pub(crate) fn scale(colour: Rgb, by: f32) -> Rgb {
    colour.map(|value| value * by)
}

/// Box blur along every row; beyond the edge lies nothing.
fn blur_rows(values: &mut [u16], side: usize, radius: usize) {
    let width = 2 * radius as u32 + 1;
    let mut row_copy = vec![0_u16; side];
    for row in values.chunks_exact_mut(side) {
        row_copy.copy_from_slice(row);
        let mut sum: u32 = row_copy.iter().take(radius).map(|&value| u32::from(value)).sum();
        for (x, value) in row.iter_mut().enumerate() {
            sum += u32::from(row_copy.get(x + radius).copied().unwrap_or(0));
            *value = (sum / width) as u16;
            sum -= x.checked_sub(radius).map_or(0, |at| u32::from(row_copy[at]));
        }
    }
}

fn transpose(values: &[u16], side: usize) -> Vec<u16> {
    let mut turned = vec![0; values.len()];
    for y in 0..side {
        for x in 0..side {
            turned[x * side + y] = values[y * side + x];
        }
    }
    turned
}
