//! From a garment to pixels.

use crate::canvas::{Canvas, Cast, Point, Rgb, View, mix};
use crate::cloth::Cloth;
use crate::error::{Error, Result};
use crate::factors::Garment;
use crate::figure::{Figure, arms};
use crate::maths::{ellipse, noise, smooth};
use crate::nuisances::Worn;

/// Changed when the same garment gives other pixels; what was made from rendered images is made again then.
pub const REVISION: &str = "latentwalk-garments 2";
/// Least side of an image, in pixels.
pub const MIN_SIZE: u32 = 64;
/// Greatest side of an image, in pixels.
pub const MAX_SIZE: u32 = 512;
/// Scale of each of two views against one.
const TWO_VIEWS_SCALE: f32 = 0.88;

/// Scale of what is laid flat, alone in the picture: no head and no shoes need room.
const FLAT_SCALE: f32 = 1.06;

/// A rendered image.
///
/// **Shapes.** `pixels` holds `height * width * 3` bytes, channels (RGB) last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// RGB, row by row.
    pub pixels: Vec<u8>,
}

/// Backgrounds: wall and floor (or the table that a garment is laid on).
const BACKGROUNDS: [(Rgb, Rgb); 8] = [
    ([0.965, 0.965, 0.965], [0.93, 0.93, 0.93]),
    ([0.90, 0.90, 0.91], [0.82, 0.82, 0.83]),
    ([0.93, 0.90, 0.86], [0.85, 0.80, 0.74]),
    ([0.86, 0.89, 0.92], [0.78, 0.81, 0.85]),
    ([0.94, 0.88, 0.87], [0.86, 0.79, 0.78]),
    ([0.80, 0.80, 0.80], [0.70, 0.70, 0.70]),
    ([0.87, 0.90, 0.86], [0.79, 0.81, 0.77]),
    ([0.955, 0.95, 0.935], [0.80, 0.72, 0.62]),
];

/// Renders a garment as a square image; the same bytes on every machine.
///
/// **Errors.** [`Error::Range`] outside [`MIN_SIZE`]..=[`MAX_SIZE`].
///
/// **Example**
///
/// ```
/// # fn main() -> Result<(), latentwalk_garments::Error> {
/// use latentwalk_garments::{Frequencies, Garment, render};
///
/// let image = render(&Garment::draw(1, 0, &Frequencies::catalogue()), 64)?;
/// assert_eq!(image.pixels.len(), 64 * 64 * 3);
/// # Ok(())
/// # }
/// ```
pub fn render(garment: &Garment, size_px: u32) -> Result<Image> {
    if !(MIN_SIZE..=MAX_SIZE).contains(&size_px) {
        return Err(wrong_size(size_px));
    }
    let nuisances = &garment.nuisances;
    let mut canvas =
        Canvas::new(size_px as usize, |place| background(garment, place)).ok_or_else(|| wrong_size(size_px))?;
    if nuisances.views == 2 {
        paint_view(&mut canvas, garment, &view(garment, size_px, 0.265, TWO_VIEWS_SCALE), false);
        paint_view(&mut canvas, garment, &view(garment, size_px, 0.735, TWO_VIEWS_SCALE), true);
    } else {
        paint_view(&mut canvas, garment, &view(garment, size_px, 0.5, 1.0), false);
    }
    let warm = 0.022 * nuisances.warmth;
    let light = [1.0 + warm, 1.0, 1.0 - warm].map(|channel| channel * nuisances.light);
    let pixels = canvas.finish(light, nuisances.noise, nuisances.noise_seed);
    Ok(Image { width: size_px, height: size_px, pixels })
}

/// A size that the renderer refuses.
pub(crate) fn wrong_size(size_px: u32) -> Error {
    Error::Range { what: "size in px", got: size_px as usize, min: MIN_SIZE as usize, max: MAX_SIZE as usize }
}

fn view(garment: &Garment, size_px: u32, middle: f32, scale: f32) -> View {
    let nuisances = &garment.nuisances;
    let flat = nuisances.worn == Worn::Flat;
    let turn = if flat { nuisances.turn } else { 0.0 };
    // Two views leave less room for a shift; what is laid flat has no head above it and moves up.
    let room = if nuisances.views == 2 { 0.2 } else { 1.0 };
    let up = if flat { -0.028 } else { -0.002 };
    let laid = if nuisances.views == 2 { 0.98 } else { FLAT_SCALE };
    View {
        size: size_px as f32,
        centre: [middle + room * nuisances.shift[0], 0.5 + up + nuisances.shift[1]],
        scale: scale * nuisances.scale * if flat { laid } else { 1.0 },
        lean: if flat { 0.0 } else { 0.016 * nuisances.pose.lean },
        turn: [libm::cosf(turn), libm::sinf(turn)],
    }
}

fn paint_view(canvas: &mut Canvas, garment: &Garment, view: &View, back: bool) {
    let cloth = Cloth::new(garment, back);
    let arms = arms(garment, back);
    let side = garment.nuisances.light_side;
    let shapes = cloth.shapes(&arms);
    if garment.nuisances.worn == Worn::Flat {
        let cast = Cast { blur: 0.012, shift: [-0.010 * side, 0.010], strength: 0.34, on_body: false };
        canvas.shadow(view, &shapes, &cast);
        cloth.paint_inside(canvas, view);
        cloth.paint(canvas, view, &arms);
        return;
    }
    let figure = Figure::new(garment, cloth.light(), back);
    floor_shadow(canvas, garment, view);
    figure.paint_behind(canvas, view, &arms);
    let cast = Cast { blur: 0.008, shift: [-0.004 * side, 0.009], strength: 0.42, on_body: true };
    canvas.shadow(view, &shapes, &cast);
    cloth.paint_trunk(canvas, view);
    figure.paint_forearms(canvas, view, &arms);
    cloth.paint_arms(canvas, view, &arms);
    cloth.paint_collar(canvas, view);
    figure.paint_head(canvas, view);
}

/// The figure's shadow on the floor.
fn floor_shadow(canvas: &mut Canvas, garment: &Garment, view: &View) {
    let side = -0.05 * garment.nuisances.light_side;
    for ring in 0..7 {
        let radius = 0.14 - 0.014 * ring as f32;
        let pool = ellipse([side, 0.960], [radius, 0.17 * radius]);
        canvas.fill(view, &pool, [0.22, 0.21, 0.20], 0.055);
    }
}

/// Wall, floor or table.
fn background(garment: &Garment, [x, y]: Point) -> Rgb {
    let nuisances = &garment.nuisances;
    let (wall, floor) = BACKGROUNDS[usize::from(nuisances.background) % BACKGROUNDS.len()];
    let tone = 0.94 + 0.07 * nuisances.background_tone;
    let glow = 1.0 - 0.10 * ((x - 0.5 - 0.2 * nuisances.light_side).abs() + 0.5 * (y - 0.4).abs());
    let colour = if nuisances.worn == Worn::Flat {
        // A table top or a sheet: faint streaks along one way.
        let streak = noise(nuisances.cloth_seed ^ 0x51, x * 3.0, y * 38.0) - 0.5;
        let depth = if nuisances.background % 2 == 1 { 0.05 } else { 0.012 };
        mix(wall, floor, 0.45).map(|value| value * (1.0 + depth * streak))
    } else {
        mix(wall, floor, smooth((y - 0.86) / 0.06))
    };
    colour.map(|value| value * tone * glow)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::factors::{Colour, Factor, Pattern, Sleeve, twins};
    use crate::frequencies::Frequencies;

    const SIZE: u32 = 256;

    /// A worn garment in one view, arms hanging, without noise and rotation.
    fn calm(index: u64, worn: Worn) -> Garment {
        let mut garment = Garment::draw(11, index, &Frequencies::balanced());
        let nuisances = &mut garment.nuisances;
        (nuisances.worn, nuisances.views, nuisances.turn, nuisances.noise) = (worn, 1, 0.0, 0.0);
        nuisances.pose.lean = 0.0;
        nuisances.pose.arms.iter_mut().for_each(|arm| arm.on_hip = false);
        garment
    }

    /// Height in a view, from the row of a pixel.
    fn height(garment: &Garment, at: usize) -> f32 {
        let view = view(garment, SIZE, 0.5, 1.0);
        (((at / 3) / SIZE as usize) as f32 + 0.5) / SIZE as f32 / view.scale - (view.centre[1] / view.scale) + 0.5
    }

    #[test]
    fn twins_differ_only_where_they_should() {
        for index in 0..12 {
            let garment = calm(index, if index % 3 == 2 { Worn::Flat } else { Worn::Figure });
            let image = render(&garment, SIZE).unwrap();
            let hem = crate::cut::hem(garment.factors.length);
            for twin in twins(&garment) {
                let other = render(&twin.garment, SIZE).unwrap();
                let pairs = image.pixels.iter().zip(&other.pixels).enumerate();
                let changed: Vec<usize> = pairs.filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
                assert!(changed.len() > 150, "{twin:?}: {} bytes", changed.len());
                let [from, to] = match twin.factor {
                    Factor::Sleeve => [0.08, 0.53],
                    Factor::Neckline => [0.07, 0.31],
                    Factor::Length => [0.345, 1.2],
                    Factor::Silhouette => [0.20, 1.2],
                    Factor::Pattern | Factor::Colour => [0.07, hem.max(0.50) + 0.07],
                };
                for at in changed {
                    let y = height(&garment, at);
                    assert!((from..to).contains(&y), "{index}: {:?} {} changes {y}", twin.factor, twin.value);
                }
            }
        }
    }

    /// Mean colour of the pixels around a place of the view.
    fn probe(image: &Image, garment: &Garment, place: Point) -> Rgb {
        let view = view(garment, SIZE, 0.5, 1.0);
        let [x, y] = view.to_px(place).map(|value| value as usize);
        let mut sum = [0.0; 3];
        for at in (y - 1..=y + 1).flat_map(|y| (x - 1..=x + 1).map(move |x| (y * SIZE as usize + x) * 3)) {
            (0..3).for_each(|channel| sum[channel] += f32::from(image.pixels[at + channel]) / 2295.0);
        }
        sum
    }

    #[test]
    fn sleeves_cover_what_their_name_says() {
        for index in 0..20 {
            let mut garment = calm(index, Worn::Figure);
            (garment.factors.colour, garment.factors.pattern) = (Colour::Blue, Pattern::Solid);
            garment.factors.neckline = crate::Neckline::Round;
            let arm = arms(&garment, false)[1].clone();
            for sleeve in Sleeve::ALL {
                garment.factors.sleeve = *sleeve;
                let image = render(&garment, SIZE).unwrap();
                let blue = |t: f32| {
                    let [r, _, b] = probe(&image, &garment, arm.at(t).0);
                    b > 1.15 * r
                };
                let expected = match sleeve {
                    Sleeve::Sleeveless | Sleeve::Strapless => [false, false],
                    Sleeve::Short | Sleeve::Puff => [true, false],
                    Sleeve::Long => [true, true],
                };
                assert_eq!([blue(0.20), blue(0.70)], expected, "{index} {sleeve:?}");
            }
        }
    }

    #[test]
    fn patterns_vary_on_the_body_and_solid_does_not() {
        for index in 0..10 {
            let mut garment = calm(index, Worn::Flat);
            garment.nuisances.buttons = false;
            garment.nuisances.belt = false;
            for pattern in Pattern::ALL {
                garment.factors.pattern = *pattern;
                let image = render(&garment, SIZE).unwrap();
                let lights: Vec<f32> = (0..60)
                    .map(|at| [0.05 * ((at % 6) as f32 / 2.5 - 1.0), 0.285 + 0.012 * (at / 6) as f32])
                    .map(|place| crate::fabric::lightness(probe(&image, &garment, place)))
                    .collect();
                let mean = lights.iter().sum::<f32>() / 60.0;
                let spread = (lights.iter().map(|light| (light - mean) * (light - mean)).sum::<f32>() / 60.0).sqrt();
                assert_eq!(spread > 0.07, *pattern != Pattern::Solid, "{index} {pattern:?}: {spread}");
            }
        }
    }
}
