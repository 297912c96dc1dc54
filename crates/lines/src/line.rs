//! A line through a metric's space.

use latentwalk_arithmetic::dot;

use crate::error::{Error, Result};
use crate::linalg;
use crate::metric::{Metric, MetricKind};

/// A line from a start point along which the position `wᵀz` grows. Made by [`Metric::line`].
///
/// **Units and conventions.** Positions are absolute coordinates `wᵀz` in raw PCA space; the start stands at its own.
/// In the mapped space the line is `p' + t u'` with `u' = L⁻¹w / |L⁻¹w|` and `t = (s − s₀) / |L⁻¹w|`.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    kind: MetricKind,
    start_position: f64,
    scale: f64,
    start: Vec<f64>,
    displacement: Vec<f64>,
    origin: Vec<f64>,
    unit: Vec<f64>,
}

impl Line {
    pub(crate) fn new(metric: &Metric, w: &[f64], start: Vec<f64>) -> Result<Self> {
        let mapped = metric.map_weights(w);
        let scale = linalg::norm(&mapped);
        if scale == 0.0 || !scale.is_finite() {
            return Err(Error::ZeroDirection);
        }
        let unit: Vec<f64> = mapped.iter().map(|v| v / scale).collect();
        let displacement = metric.unmap_displacement(&unit).iter().map(|v| v / scale).collect();
        Ok(Self {
            kind: metric.kind(),
            start_position: dot(w, &start),
            scale,
            origin: metric.map_point(&start),
            start,
            displacement,
            unit,
        })
    }

    /// Metric in which the line was drawn.
    pub fn kind(&self) -> MetricKind {
        self.kind
    }

    /// Position of the start.
    pub fn start_position(&self) -> f64 {
        self.start_position
    }

    /// Position gained by one unit of mapped length, `|L⁻¹w|`.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The walking direction in the mapped space, of unit length.
    pub fn unit(&self) -> &[f64] {
        &self.unit
    }

    /// Movement in raw PCA space for one unit of position: `M⁻¹w / wᵀM⁻¹w`.
    pub fn displacement(&self) -> &[f64] {
        &self.displacement
    }

    /// The point of the line at `position`, in raw PCA space.
    pub fn point(&self, position: f64) -> Vec<f64> {
        let step = position - self.start_position;
        self.start.iter().zip(&self.displacement).map(|(z, d)| z + step * d).collect()
    }

    /// The point of the line at `position`, in the mapped space.
    pub fn mapped_point(&self, position: f64) -> Vec<f32> {
        let t = (position - self.start_position) / self.scale;
        self.origin.iter().zip(&self.unit).map(|(p, u)| (p + t * u) as f32).collect()
    }

    pub(crate) fn origin(&self) -> &[f64] {
        &self.origin
    }

    /// Position of a point that lies `along` the line by so much mapped length.
    pub(crate) fn position(&self, along: f64) -> f64 {
        self.start_position + self.scale * along
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ndarray::{Array2, array};

    use super::*;
    use crate::Space;

    /// Deterministic, correlated points with different spreads.
    fn points(n: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, 4), |(i, j)| {
            let base = ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0;
            let own = ((i * (13 + 17 * j) + 7 * j) % 97) as f32 / 48.0 - 1.0;
            (own + 0.6 * base) * [3.0, 1.0, 0.5, 0.2][j]
        })
    }

    fn metrics(z: &Array2<f32>) -> Vec<Metric> {
        let labels: Vec<Option<u32>> = (0..z.nrows()).map(|i| (i % 4 < 3).then_some((i % 3) as u32)).collect();
        let rows: Vec<usize> = (0..z.nrows()).collect();
        vec![
            Metric::euclidean(4).unwrap(),
            Metric::whitened(z.view()).unwrap(),
            Metric::within_class(z.view(), &labels, &rows, 3, 1e-4).unwrap(),
        ]
    }

    #[test]
    fn positions_are_raw_coordinates_in_every_metric() {
        let z = points(200);
        let w = [0.5, -0.5, 0.1, 0.7];
        for metric in metrics(&z) {
            let space = Space::new(metric, z.view()).unwrap();
            let line = space.metric().line(&w, z.row(3)).unwrap();
            let (positions, _) = space.scan(&line).unwrap();
            for (row, position) in positions.iter().enumerate() {
                let expected: f64 = z.row(row).iter().zip(&w).map(|(&v, w)| f64::from(v) * w).sum();
                // Mapped points are f32: 1e-5 is a hundred roundings of coordinates of up to 10.
                assert!((position - expected).abs() < 1e-5, "{} {position} {expected}", line.kind());
            }
            for s in [-2.0, 0.3, 4.0] {
                let point = line.point(s);
                assert!((dot(&point, &w) - s).abs() < 1e-10);
                let mapped = space.metric().map_point(&point);
                for (a, b) in mapped.iter().zip(line.mapped_point(s)) {
                    assert!((a - f64::from(b)).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn distance_is_the_minimum_over_the_line() {
        let z = points(60);
        for metric in metrics(&z) {
            let space = Space::new(metric, z.view()).unwrap();
            let line = space.metric().line(&[0.1, 0.9, -0.3, 0.2], z.row(5)).unwrap();
            let (positions, distances) = space.scan(&line).unwrap();
            for row in 0..space.len() {
                let to = |s: f64| {
                    let p = line.mapped_point(s);
                    space.row(row).iter().zip(&p).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
                };
                let best = golden_section(to, positions[row] - 5.0, positions[row] + 5.0);
                assert!((best - distances[row]).abs() < 1e-4 * (1.0 + best), "{best} {}", distances[row]);
                assert!(to(positions[row]) <= best + 1e-5);
            }
        }
    }

    fn golden_section(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
        let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
        for _ in 0..80 {
            let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
            if f(a) < f(b) { high = b } else { low = a }
        }
        f((low + high) / 2.0)
    }

    #[test]
    fn distance_survives_reflection_and_translation() {
        let z = points(80);
        let w = [0.3, 0.4, -0.2, 0.1];
        let normal = [0.5_f64, -0.5, 0.5, 0.5];
        let shift = [2.0_f64, -1.0, 0.5, 3.0];
        let reflect = |v: &[f64]| {
            let along = 2.0 * dot(v, &normal);
            v.iter().zip(&normal).map(|(x, n)| x - along * n).collect::<Vec<_>>()
        };
        let mut moved = z.clone();
        for mut row in moved.rows_mut() {
            let r = reflect(&row.iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
            row.iter_mut().enumerate().for_each(|(j, v)| *v = (r[j] + shift[j]) as f32);
        }
        let both = [(&z, w.to_vec()), (&moved, reflect(&w))].map(|(points, w)| {
            let space = Space::new(Metric::euclidean(4).unwrap(), points.view()).unwrap();
            let line = space.metric().line(&w, points.row(0)).unwrap();
            space.scan(&line).unwrap().1
        });
        for (a, b) in both[0].iter().zip(&both[1]) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn whitened_distance_is_mahalanobis_with_the_diagonal() {
        let z = points(50);
        let metric = Metric::whitened(z.view()).unwrap();
        let mapped = metric.map(z.view()).unwrap();
        let variances: Vec<f64> = (0..4).map(|j| f64::from(z.column(j).var(1.0))).collect();
        for (a, b) in [(0, 1), (7, 30), (49, 12)] {
            let expected: f64 =
                (0..4).map(|j| f64::from(z[[a, j]] - z[[b, j]]).powi(2) / variances[j]).sum::<f64>().sqrt();
            let got: f64 = (0..4).map(|j| f64::from(mapped[[a, j]] - mapped[[b, j]]).powi(2)).sum::<f64>().sqrt();
            assert!((got - expected).abs() < 1e-4 * expected);
        }
    }

    #[test]
    fn bad_directions_and_starts_are_refused() {
        let metric = Metric::euclidean(2).unwrap();
        let start = array![0.0_f32, 1.0];
        assert!(matches!(metric.line(&[0.0, 0.0], start.view()), Err(Error::ZeroDirection)));
        assert!(matches!(
            metric.line(&[1.0], start.view()),
            Err(Error::Shape { unit: "axes", expected: 2, got: 1, .. })
        ));
        assert!(matches!(metric.line(&[1.0, f64::NAN], start.view()), Err(Error::NotUsable { axis: 1, .. })));
        let bad = array![f32::INFINITY, 0.0];
        assert!(matches!(metric.line(&[1.0, 0.0], bad.view()), Err(Error::NotUsable { axis: 0, .. })));
    }
}
