//! How a garment is cut: outlines of its parts from its factors.
//!
//! **Units and conventions.** Coordinates of a view: x from the axis, positive to the image's right, y down, in shares of
//! the image's side; the figure stands 0.96 high.

use crate::canvas::Point;
use crate::factors::{Factors, Length, Neckline, Silhouette, Sleeve};
use crate::maths::{curve, table};

/// Height of the armpit.
pub(crate) const ARMPIT: f32 = 0.238;
/// Height of the waist.
pub(crate) const WAIST: f32 = 0.345;
/// Where a sleeve's centre line starts.
pub(crate) const SHOULDER: Point = [0.094, 0.187];

/// Close to the body: (height, half width).
const SHEATH: [Point; 8] = [
    [0.238, 0.084],
    [0.255, 0.084],
    [0.300, 0.073],
    [0.345, 0.067],
    [0.385, 0.076],
    [0.445, 0.092],
    [0.520, 0.091],
    [0.930, 0.080],
];

/// Height of the hem.
pub(crate) fn hem(length: Length) -> f32 {
    match length {
        Length::Top => 0.432,
        Length::Mini => 0.560,
        Length::Knee => 0.680,
        Length::Midi => 0.790,
        Length::Maxi => 0.915,
    }
}

/// Half the width of the garment's body at a height.
pub(crate) fn half_width(silhouette: Silhouette, y: f32) -> f32 {
    let sheath = table(&SHEATH, y);
    match silhouette {
        Silhouette::Sheath => sheath,
        Silhouette::ALine => {
            let d = (y - 0.245).max(0.0);
            0.084 + 0.245 * d * (1.0 - 0.32 * d)
        }
        Silhouette::FitAndFlare if y < WAIST => sheath.min(table(&[[0.255, 0.084], [WAIST, 0.061]], y)),
        Silhouette::FitAndFlare => {
            let d = y - WAIST;
            let t = (d / 0.13).min(1.0);
            0.061 + 0.050 * t * (2.0 - t) + 0.262 * d * (1.0 - 0.36 * d)
        }
    }
}

/// The right half of the upper edge: from the axis along the neckline, over the shoulder and down to the armpit.
pub(crate) struct Upper {
    /// From the axis to the shoulder.
    pub(crate) neck: Vec<Point>,
    /// From the shoulder's end to the armpit; empty without straps.
    pub(crate) armhole: Vec<Point>,
}

/// The upper edge of the front, or of the back.
pub(crate) fn upper(factors: &Factors, back: bool) -> Upper {
    if factors.sleeve == Sleeve::Strapless {
        return Upper { neck: bustier(factors.neckline, back), armhole: Vec::new() };
    }
    let mut neck = neck(factors.neckline, back);
    if factors.sleeve == Sleeve::Sleeveless && factors.neckline == Neckline::Boat {
        // A boat neckline without sleeves leaves a strap, lest it look strapless.
        neck.iter_mut().for_each(|point| point[0] *= 0.80);
    }
    let armhole = if factors.sleeve == Sleeve::Sleeveless {
        curve(&[[0.086, 0.1585], [0.075, 0.185], [0.072, 0.215], [0.084, ARMPIT]], false, 5)
    } else {
        curve(&[[0.104, 0.166], [0.096, 0.20], [0.084, ARMPIT]], false, 5)
    };
    Upper { neck, armhole }
}

fn neck(neckline: Neckline, back: bool) -> Vec<Point> {
    match (neckline, back) {
        (Neckline::Turtleneck, _) => vec![[0.0, 0.150], [0.030, 0.1385]],
        (Neckline::Boat, _) => curve(&[[0.0, 0.1735], [0.040, 0.1705], [0.081, 0.1570]], false, 6),
        (_, true) => curve(&[[0.0, 0.158], [0.028, 0.154], [0.048, 0.1465]], false, 6),
        (Neckline::Round, _) => {
            curve(&[[0.0, 0.214], [0.022, 0.2100], [0.043, 0.195], [0.055, 0.172], [0.059, 0.1500]], false, 5)
        }
        (Neckline::V, _) => vec![[0.0, 0.288], [0.014, 0.258], [0.031, 0.218], [0.0475, 0.178], [0.058, 0.1495]],
        (Neckline::Square, _) => vec![[0.0, 0.229], [0.065, 0.229], [0.067, 0.190], [0.071, 0.1535]],
    }
}

/// The upper edge where there are no straps.
fn bustier(neckline: Neckline, back: bool) -> Vec<Point> {
    match (neckline, back) {
        (Neckline::V, false) => {
            curve(&[[0.0, 0.272], [0.010, 0.246], [0.030, 0.214], [0.056, 0.207], [0.084, 0.229]], false, 5)
        }
        (Neckline::Round, false) => curve(&[[0.0, 0.252], [0.030, 0.247], [0.060, 0.232], [0.084, 0.212]], false, 5),
        _ => vec![[0.0, 0.217], [0.083, 0.217]],
    }
}

/// The right half, from the axis at the top to the right end of the hem.
fn right(factors: &Factors, back: bool) -> Vec<Point> {
    let Upper { mut neck, armhole } = upper(factors, back);
    neck.extend(armhole);
    let hem = hem(factors.length);
    // Heights on a fixed grid, so that another sleeve or length leaves the rest of the side as it is.
    const STEP: f32 = 0.018;
    let heights = (0..).map(|step| ARMPIT + STEP * step as f32).take_while(|y| *y < hem - 0.5 * STEP);
    neck.extend(heights.chain([hem]).map(|y| [half_width(factors.silhouette, y), y]));
    neck
}

/// How a hem falls: how far its middle hangs below its ends, and waves around that.
pub(crate) struct Drape {
    pub(crate) sag: f32,
    pub(crate) wave: f32,
    pub(crate) folds: f32,
    pub(crate) phase: f32,
}

impl Drape {
    /// The hem's height at a share of the half width, −1 to 1.
    pub(crate) fn at(&self, hem: f32, u: f32) -> f32 {
        let inner = 1.0 - u * u;
        hem + self.sag * inner + self.wave * inner * libm::sinf(self.folds * u + self.phase)
    }
}

/// The outline of the garment's body, without sleeves and collar.
pub(crate) fn outline(factors: &Factors, back: bool, drape: &Drape) -> Vec<Point> {
    let right = right(factors, back);
    let (hem, half) = (hem(factors.length), right.last().map_or(0.0, |end| end[0]));
    let mut all = right.clone();
    const STEPS: i32 = 32;
    all.extend((1..STEPS).map(|step| {
        let u = 1.0 - 2.0 * step as f32 / STEPS as f32;
        [half * u, drape.at(hem, u)]
    }));
    all.extend(right.iter().rev().map(mirrored));
    all
}

/// A point on the other side of the axis.
pub(crate) fn mirrored([x, y]: &Point) -> Point {
    [-x, *y]
}

/// A half edge from the axis made whole: from the left end over the axis to the right end.
pub(crate) fn whole(half: &[Point]) -> Vec<Point> {
    half.iter().rev().map(mirrored).chain(half.iter().skip(1).copied()).collect()
}

/// Share of the arm, from and to, that a sleeve covers.
pub(crate) fn sleeve_span(sleeve: Sleeve) -> Option<[f32; 2]> {
    match sleeve {
        Sleeve::Sleeveless | Sleeve::Strapless => None,
        Sleeve::Short => Some([0.0, 0.29]),
        Sleeve::Puff => Some([0.0, 0.31]),
        Sleeve::Long => Some([0.0, 0.975]),
    }
}

/// Half the width of a sleeve at a share of the arm.
pub(crate) fn sleeve_radius(sleeve: Sleeve, t: f32) -> f32 {
    match sleeve {
        Sleeve::Puff => table(
            &[[0.0, 0.038], [0.06, 0.050], [0.12, 0.057], [0.19, 0.056], [0.25, 0.044], [0.275, 0.027], [0.31, 0.0265]],
            t,
        ),
        Sleeve::Short => table(&[[0.0, 0.0285], [0.29, 0.0325]], t),
        _ => table(&[[0.0, 0.0285], [0.30, 0.0275], [0.60, 0.0235], [0.90, 0.0195], [0.975, 0.0190]], t),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hems_fall_in_order_and_skirts_widen_in_order() {
        for pair in Length::ALL.windows(2) {
            assert!(hem(pair[1]) - hem(pair[0]) > 0.1, "{pair:?}");
        }
        for y in [0.44, 0.56, 0.7, 0.9] {
            let [sheath, a_line, flare] =
                [Silhouette::Sheath, Silhouette::ALine, Silhouette::FitAndFlare].map(|which| half_width(which, y));
            assert!(sheath + 0.02 < a_line && a_line < flare + 0.04, "{y}: {sheath} {a_line} {flare}");
        }
        assert!(half_width(Silhouette::FitAndFlare, WAIST) + 0.03 < half_width(Silhouette::ALine, WAIST));
    }

    #[test]
    fn outlines_are_symmetric() {
        let drape = Drape { sag: 0.01, wave: 0.0, folds: 5.0, phase: 0.0 };
        for sleeve in Sleeve::ALL {
            let factors = Factors {
                sleeve: *sleeve,
                pattern: crate::Pattern::Solid,
                neckline: Neckline::Round,
                length: Length::Knee,
                silhouette: Silhouette::ALine,
                colour: crate::Colour::Red,
            };
            let outline = outline(&factors, false, &drape);
            let sum: f32 = outline.iter().map(|point| point[0]).sum();
            assert!(sum.abs() < 1e-4, "{sleeve:?}: {sum}");
        }
    }
}
