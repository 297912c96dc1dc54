//! Arms, legs and sleeves: a bent tube around a centre line.

use crate::canvas::Point;

/// Pieces of a centre line.
const PIECES: usize = 16;

/// A bent tube's centre line with its normals.
#[derive(Debug, Clone)]
pub(crate) struct Limb {
    points: [Point; PIECES + 1],
    normals: [Point; PIECES + 1],
    /// Length of the centre line.
    pub(crate) length: f32,
}

/// A place seen from a limb.
pub(crate) struct Place {
    /// Share of the length from the start; negative behind it.
    pub(crate) along: f32,
    /// Signed distance from the centre line.
    pub(crate) across: f32,
    /// Normal of the centre line there.
    pub(crate) normal: Point,
}

impl Limb {
    /// Through `start`, `middle` (half way) and `end`.
    pub(crate) fn new(start: Point, middle: Point, end: Point) -> Self {
        let control: Point = std::array::from_fn(|axis| 2.0 * middle[axis] - 0.5 * (start[axis] + end[axis]));
        let points: [Point; PIECES + 1] = std::array::from_fn(|at| {
            let t = at as f32 / PIECES as f32;
            std::array::from_fn(|axis| {
                let (a, b) = (start[axis] + (control[axis] - start[axis]) * t, control[axis]);
                a + (b + (end[axis] - b) * t - a) * t
            })
        });
        let mut length = 0.0;
        let normals = std::array::from_fn(|at| {
            let (a, b) = (points[at.saturating_sub(1)], points[(at + 1).min(PIECES)]);
            let [x, y] = [b[0] - a[0], b[1] - a[1]];
            let norm = libm::sqrtf(x * x + y * y).max(1e-6);
            [-y / norm, x / norm]
        });
        for pair in points.windows(2) {
            let [x, y] = [pair[1][0] - pair[0][0], pair[1][1] - pair[0][1]];
            length += libm::sqrtf(x * x + y * y);
        }
        Self { points, normals, length }
    }

    /// Point of the centre line and its normal at the share `t` of the limb.
    pub(crate) fn at(&self, t: f32) -> (Point, Point) {
        let place = t.clamp(0.0, 1.0) * PIECES as f32;
        let index = (place as usize).min(PIECES - 1);
        let rest = place - index as f32;
        let blend = |values: &[Point; PIECES + 1]| {
            std::array::from_fn(|axis| values[index][axis] + (values[index + 1][axis] - values[index][axis]) * rest)
        };
        (blend(&self.points), blend(&self.normals))
    }

    /// The tube from `from` to `to` (shares), `radius` wide at a share, with a round start if `cap`.
    pub(crate) fn shape(&self, [from, to]: [f32; 2], cap: bool, radius: impl Fn(f32) -> f32) -> Vec<Point> {
        const STEPS: usize = 18;
        let side = |sign: f32, step: usize| {
            let t = from + (to - from) * step as f32 / STEPS as f32;
            let (point, normal) = self.at(t);
            let r = sign * radius(t);
            [point[0] + normal[0] * r, point[1] + normal[1] * r]
        };
        let mut all: Vec<Point> = (0..=STEPS).map(|step| side(1.0, step)).collect();
        all.extend((0..=STEPS).rev().map(|step| side(-1.0, step)));
        if cap {
            let (point, normal) = self.at(from);
            let r = radius(from);
            // A half circle against the direction of the limb, from the negative side to the positive.
            for [across, back] in [[-0.924, 0.383], [-0.707, 0.707], [-0.383, 0.924], [0.0, 1.0]].into_iter().chain([
                [0.383, 0.924],
                [0.707, 0.707],
                [0.924, 0.383],
            ]) {
                all.push([
                    point[0] + r * (normal[0] * across - normal[1] * back),
                    point[1] + r * (normal[1] * across + normal[0] * back),
                ]);
            }
        }
        all
    }

    /// The share, negative, of a point behind the start, as in a round cap.
    fn before(&self, point: Point) -> f32 {
        let ([a, b], normal) = ([self.points[0], point], self.normals[0]);
        ((b[0] - a[0]) * normal[1] - (b[1] - a[1]) * normal[0]) / self.length
    }

    /// Where a point lies, by the nearest piece of the centre line.
    pub(crate) fn locate(&self, point: Point) -> Place {
        let mut best = (f32::MAX, 0, 0.0);
        for (index, pair) in self.points.windows(2).enumerate() {
            let [a, b] = [pair[0], pair[1]];
            let d = [b[0] - a[0], b[1] - a[1]];
            let t = ((point[0] - a[0]) * d[0] + (point[1] - a[1]) * d[1]) / (d[0] * d[0] + d[1] * d[1]).max(1e-9);
            let t = t.clamp(0.0, 1.0);
            let gap = [point[0] - a[0] - d[0] * t, point[1] - a[1] - d[1] * t];
            let distance = gap[0] * gap[0] + gap[1] * gap[1];
            if distance < best.0 {
                best = (distance, index, t);
            }
        }
        let along = match best {
            (_, 0, t) if t <= 0.0 => self.before(point),
            (_, index, t) => (index as f32 + t) / PIECES as f32,
        };
        let (centre, normal) = self.at(along);
        let across = (point[0] - centre[0]) * normal[0] + (point[1] - centre[1]) * normal[1];
        Place { along, across, normal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_limb_is_a_ruler() {
        let limb = Limb::new([0.0, 0.0], [0.0, 0.5], [0.0, 1.0]);
        assert!((limb.length - 1.0).abs() < 1e-5);
        let place = limb.locate([0.1, 0.25]);
        assert!((place.along - 0.25).abs() < 1e-5 && (place.across.abs() - 0.1).abs() < 1e-5);
        assert_eq!(place.normal, [-1.0, 0.0]);
        assert_eq!(limb.shape([0.0, 1.0], true, |_| 0.1).len(), 38 + 7);
    }
}
