//! Small mathematics that gives the same bits on every machine: no function of the platform's own library.

use crate::canvas::Point;

/// A number mixed so that neighbours have nothing in common.
pub(crate) fn hash(value: u32) -> u32 {
    let value = (value ^ (value >> 16)).wrapping_mul(0x7feb_352d);
    let value = (value ^ (value >> 15)).wrapping_mul(0x846c_a68b);
    value ^ (value >> 16)
}

/// A hash of a lattice point, from 0 to 1.
pub(crate) fn lattice(seed: u32, x: i32, y: i32) -> f32 {
    (hash(seed ^ hash((x as u32).wrapping_mul(0x9e37_79b9) ^ hash(y as u32))) >> 8) as f32 / 16_777_216.0
}

/// From 0 to 1 as `t` goes there, flat at both ends.
pub(crate) fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Smooth noise from 0 to 1 with features of size 1.
pub(crate) fn noise(seed: u32, x: f32, y: f32) -> f32 {
    let (left, top) = (libm::floorf(x), libm::floorf(y));
    let (u, v) = (smooth(x - left), smooth(y - top));
    let (left, top) = (left as i32, top as i32);
    let row = |y| {
        let (a, b) = (lattice(seed, left, y), lattice(seed, left + 1, y));
        a + (b - a) * u
    };
    let (a, b) = (row(top), row(top + 1));
    a + (b - a) * v
}

/// A bump of height 1 and width 1 around 0.
pub(crate) fn bump(x: f32) -> f32 {
    libm::expf(-x * x)
}

/// A smooth curve through all points (Catmull-Rom), `steps` pieces between two of them.
pub(crate) fn curve(points: &[Point], closed: bool, steps: usize) -> Vec<Point> {
    let n = points.len();
    let at = |index: isize| {
        let index = if closed { index.rem_euclid(n as isize) } else { index.clamp(0, n as isize - 1) };
        points[index as usize]
    };
    let pieces = if closed { n } else { n - 1 };
    let mut all = Vec::with_capacity(pieces * steps + 1);
    for piece in 0..pieces as isize {
        let [a, b, c, d] = [at(piece - 1), at(piece), at(piece + 1), at(piece + 2)];
        for step in 0..steps {
            let t = step as f32 / steps as f32;
            all.push(std::array::from_fn(|axis| {
                let (a, b, c, d) = (a[axis], b[axis], c[axis], d[axis]);
                let linear = b + 0.5 * t * (c - a);
                let square = t * t * (a - 2.5 * b + 2.0 * c - 0.5 * d);
                linear + square + 0.5 * t * t * t * (3.0 * (b - c) + d - a)
            }));
        }
    }
    if !closed {
        all.push(points[n - 1]);
    }
    all
}

/// An ellipse as a polygon.
pub(crate) fn ellipse(centre: Point, radius: Point) -> Vec<Point> {
    const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;
    const CORNERS: [Point; 8] = [
        [1.0, 0.0],
        [DIAGONAL, DIAGONAL],
        [0.0, 1.0],
        [-DIAGONAL, DIAGONAL],
        [-1.0, 0.0],
        [-DIAGONAL, -DIAGONAL],
        [0.0, -1.0],
        [DIAGONAL, -DIAGONAL],
    ];
    curve(&CORNERS.map(|[x, y]| [centre[0] + radius[0] * x, centre[1] + radius[1] * y]), true, 4)
}

/// The value of a table of (place, value) at `x`, straight between rows.
pub(crate) fn table(rows: &[Point], x: f32) -> f32 {
    let mut before = rows[0];
    for &row in rows {
        if x < row[0] {
            let t = (x - before[0]) / (row[0] - before[0]).max(1e-6);
            return before[1] + (row[1] - before[1]) * t.max(0.0);
        }
        before = row;
    }
    before[1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_pass_their_points_and_tables_their_rows() {
        let points = [[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]];
        let open = curve(&points, false, 4);
        assert_eq!((open.len(), open[0], open[4], open[8]), (9, points[0], points[1], points[2]));
        assert_eq!(curve(&points, true, 4).len(), 12);
        let rows = [[0.0, 1.0], [1.0, 3.0]];
        assert_eq!([-1.0, 0.5, 2.0].map(|x| table(&rows, x)), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn noise_stays_within_its_range() {
        for at in 0..1000 {
            let value = noise(7, at as f32 * 0.37 - 100.0, at as f32 * 0.11 - 50.0);
            assert!((0.0..=1.0).contains(&value));
        }
    }
}
