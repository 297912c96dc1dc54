//! Cloth before it is sewn: colours and patterns, anti-aliased by the width of a pixel.

use crate::canvas::{Point, Rgb, mix};
use crate::factors::{Colour, Garment, Pattern};
use crate::maths::{hash, lattice, noise};

/// Hue in turns, saturation, lightness, and how far each may stray.
const COLOURS: [([f32; 3], [f32; 3]); 12] = [
    ([0.62, 0.04, 0.115], [0.30, 0.03, 0.02]),
    ([0.11, 0.12, 0.945], [0.06, 0.10, 0.015]),
    ([0.60, 0.04, 0.53], [0.10, 0.03, 0.07]),
    ([0.095, 0.38, 0.735], [0.015, 0.06, 0.035]),
    ([0.990, 0.76, 0.42], [0.012, 0.08, 0.045]),
    ([0.935, 0.72, 0.76], [0.020, 0.10, 0.050]),
    ([0.062, 0.88, 0.53], [0.012, 0.08, 0.035]),
    ([0.138, 0.86, 0.59], [0.010, 0.10, 0.045]),
    ([0.385, 0.50, 0.33], [0.045, 0.10, 0.060]),
    ([0.578, 0.62, 0.56], [0.022, 0.10, 0.055]),
    ([0.635, 0.58, 0.205], [0.015, 0.08, 0.025]),
    ([0.770, 0.44, 0.45], [0.025, 0.08, 0.050]),
];

/// Second colours and accents, by preference of the nuisances.
const SECONDS: [Rgb; 8] = [
    [0.96, 0.95, 0.92],
    [0.12, 0.12, 0.13],
    [0.95, 0.93, 0.86],
    [0.14, 0.18, 0.36],
    [0.97, 0.96, 0.95],
    [0.70, 0.14, 0.17],
    [0.96, 0.80, 0.36],
    [0.10, 0.36, 0.34],
];

/// Least difference of lightness between ground and second colour: less is not seen in a thumbnail.
const LEAST_CONTRAST: f32 = 0.36;

/// The cloth of one garment.
#[derive(Debug, Clone)]
pub(crate) struct Fabric {
    /// The labelled colour, with its jitter.
    pub(crate) ground: Rgb,
    second: Rgb,
    accent: Rgb,
    leaf: Rgb,
    pattern: Pattern,
    /// One over the size of the pattern.
    density: f32,
    phase: Point,
    way: u8,
    seed: u32,
}

impl Fabric {
    pub(crate) fn new(garment: &Garment) -> Self {
        let nuisances = &garment.nuisances;
        let ground = colour(garment.factors.colour, nuisances.colour_jitter);
        let second = contrasting(nuisances.second_colour, ground, &[]);
        Self {
            ground,
            second,
            accent: contrasting(nuisances.accent, second, &[ground]),
            leaf: if lightness(ground) > 0.45 { [0.20, 0.36, 0.20] } else { [0.52, 0.66, 0.42] },
            pattern: garment.factors.pattern,
            density: 1.0 / nuisances.pattern_scale,
            phase: nuisances.pattern_phase,
            way: nuisances.pattern_way,
            seed: nuisances.cloth_seed,
        }
    }

    /// The colour at a place of the cloth; `width` is that of a pixel there.
    pub(crate) fn at(&self, [x, y]: Point, width: f32) -> Rgb {
        let (x, y, width) = (x * self.density, y * self.density, width * self.density);
        match self.pattern {
            Pattern::Solid => self.ground,
            Pattern::Striped => self.stripes(x, y, width),
            Pattern::Dotted => self.dots(x, y, width),
            Pattern::Floral => self.flowers(x, y, width),
            Pattern::Plaid => self.plaid(x, y, width),
        }
    }

    fn stripes(&self, x: f32, y: f32, width: f32) -> Rgb {
        const PERIOD: f32 = 0.056;
        let across = match self.way {
            0 => y,
            1 => x,
            _ => std::f32::consts::FRAC_1_SQRT_2 * (x + y),
        };
        mix(self.ground, self.second, band(across / PERIOD + self.phase[0], 0.38, width / PERIOD))
    }

    fn dots(&self, x: f32, y: f32, width: f32) -> Rgb {
        const SPACING: f32 = 0.047;
        let row = y / (SPACING * 0.8) + 2.0 * self.phase[1];
        let even = libm::floorf(row);
        let column = x / SPACING + self.phase[0] + 0.5 * (even - 2.0 * libm::floorf(even * 0.5));
        let (u, v) = (column - libm::floorf(column) - 0.5, (row - even - 0.5) * 0.8);
        let distance = libm::sqrtf(u * u + v * v);
        mix(self.ground, self.second, ((0.27 - distance) / (width / SPACING) + 0.5).clamp(0.0, 1.0))
    }

    fn flowers(&self, x: f32, y: f32, width: f32) -> Rgb {
        const CELL: f32 = 0.074;
        let row = y / CELL + self.phase[1];
        let top = libm::floorf(row);
        let column = x / CELL + self.phase[0] + 0.5 * (top - 2.0 * libm::floorf(top * 0.5));
        let left = libm::floorf(column);
        let draw = |what: u32| lattice(self.seed.wrapping_add(what), left as i32, top as i32);
        let size = 0.34 + 0.08 * draw(1);
        let (u, v) = (column - left - 0.5 - 0.14 * (draw(2) - 0.5), row - top - 0.5 - 0.14 * (draw(3) - 0.5));
        let (distance, edge) = (libm::sqrtf(u * u + v * v), width / CELL);
        let angle = libm::atan2f(v, u);
        let turn = std::f32::consts::TAU * draw(4);
        let mut colour = self.ground;
        // Two leaves behind the petals.
        let leaf = 0.10 * (1.0 - (distance - 0.30).abs() / 0.20).max(0.0);
        let off = libm::sinf(angle - turn).abs() * distance;
        colour = mix(colour, self.leaf, ((leaf - off) / edge + 0.5).clamp(0.0, 1.0));
        let wave = libm::cosf(2.5 * (angle - turn)).abs();
        let petal = ((size * (0.55 + 0.45 * wave) - distance) / edge + 0.5).clamp(0.0, 1.0);
        let shade = 0.86 + 0.14 * (distance / size).min(1.0);
        colour = mix(colour, self.second.map(|value| value * shade), petal);
        mix(colour, self.accent, ((0.115 - distance) / edge + 0.5).clamp(0.0, 1.0))
    }

    fn plaid(&self, x: f32, y: f32, width: f32) -> Rgb {
        const PERIOD: f32 = 0.088;
        let (u, v) = (x / PERIOD + self.phase[0], y / PERIOD + self.phase[1]);
        let edge = width / PERIOD;
        let dark = mix(self.ground, self.second, 0.45);
        let mut colour = mix(self.ground, dark, band(u, 0.36, edge));
        let crossing = mix(colour, self.second, 0.50);
        colour = mix(colour, crossing, band(v, 0.36, edge));
        colour = mix(colour, self.accent, 0.75 * band(u + 0.5, 0.07, edge));
        mix(colour, self.accent, 0.75 * band(v + 0.5, 0.07, edge))
    }

    /// Irregularity of the weave, around 1.
    pub(crate) fn weave(&self, [x, y]: Point) -> f32 {
        1.0 + 0.035 * (noise(self.seed ^ 0x77, x * 160.0, y * 160.0) - 0.5)
    }

    /// Colour of thread and trimmings: the ground, darker, or lighter where it is dark already.
    pub(crate) fn thread(&self) -> Rgb {
        if lightness(self.ground) < 0.25 { self.ground.map(|value| value + 0.20) } else { self.ground.map(|v| v * 0.5) }
    }
}

/// A band of the share `duty` of every whole step, softened over `edge`.
fn band(at: f32, duty: f32, edge: f32) -> f32 {
    let distance = (at - libm::floorf(at) - 0.5).abs();
    ((0.5 * duty - distance) / edge + 0.5).clamp(0.0, 1.0)
}

/// The first second colour from `first` on that stands out from `ground` and is none of `taken`.
fn contrasting(first: u8, ground: Rgb, taken: &[Rgb]) -> Rgb {
    let apart = |a: Rgb, b: Rgb| a.iter().zip(b).map(|(x, y)| (x - y).abs()).sum::<f32>();
    let fits = |colour: &Rgb| {
        (lightness(*colour) - lightness(ground)).abs() >= LEAST_CONTRAST
            && taken.iter().all(|other| apart(*other, *colour) > 0.5)
    };
    let order = (0..SECONDS.len()).map(|at| SECONDS[(at + usize::from(first)) % SECONDS.len()]);
    let fallback = if lightness(ground) > 0.5 { SECONDS[1] } else { SECONDS[0] };
    order.into_iter().find(fits).unwrap_or(fallback)
}

/// Lightness as the eye weighs it.
pub(crate) fn lightness([r, g, b]: Rgb) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

fn colour(colour: Colour, jitter: [f32; 3]) -> Rgb {
    let (base, range) = COLOURS[colour as usize];
    hsl(std::array::from_fn(|axis| base[axis] + range[axis] * jitter[axis]))
}

/// Hue in turns, saturation and lightness to RGB.
pub(crate) fn hsl([hue, saturation, light]: [f32; 3]) -> Rgb {
    let reach = saturation * light.min(1.0 - light);
    [0.0, 8.0, 4.0].map(|offset| {
        let k = offset + 12.0 * (hue - libm::floorf(hue));
        let k = if k >= 12.0 { k - 12.0 } else { k };
        light - reach * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0)
    })
}

/// A seed for something that belongs to the garment.
pub(crate) fn seed_of(garment: &Garment, what: u32) -> u32 {
    hash(garment.nuisances.cloth_seed ^ hash(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsl_knows_the_corners() {
        for (from, to) in [
            ([0.0, 1.0, 0.5], [1.0, 0.0, 0.0]),
            ([1.0 / 3.0, 1.0, 0.5], [0.0, 1.0, 0.0]),
            ([2.0 / 3.0, 1.0, 0.5], [0.0, 0.0, 1.0]),
            ([0.2, 0.0, 0.4], [0.4; 3]),
        ] {
            let got = hsl(from);
            assert!(got.iter().zip(to).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?}");
        }
    }

    #[test]
    fn second_colours_stand_out_from_every_ground() {
        for value in Colour::ALL {
            for first in 0..8 {
                let ground = colour(*value, [0.0; 3]);
                let second = contrasting(first, ground, &[]);
                assert!((lightness(second) - lightness(ground)).abs() > 0.3, "{value:?} {first}");
            }
        }
    }
}
