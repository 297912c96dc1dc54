//! Curves over epochs, named at their ends.

use super::{Frame, HALF, dodge};
use crate::number;
use crate::statistics;
use crate::svg::{Anchor, CHARACTER, Scale, Svg, shorten};

/// Longest name at the end of a curve, in characters.
const NAME: usize = 16;
/// Height of a figure of curves.
const HEIGHT: f64 = 250.0;

/// One curve.
pub(crate) struct Series {
    pub(crate) name: String,
    /// Index of its colour.
    pub(crate) slot: usize,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Curves over a common axis of epochs.
pub(crate) struct Curves<'a> {
    pub(crate) series: Vec<Series>,
    /// The epoch whose weights were kept.
    pub(crate) best: Option<usize>,
    /// Whether values are shares, so that the axis ends at 1.
    pub(crate) shares: bool,
    pub(crate) label: &'a str,
}

impl Curves<'_> {
    /// The drawing.
    pub(crate) fn draw(&self) -> Svg {
        let longest = self.series.iter().map(|s| s.name.chars().count().min(NAME)).max().unwrap_or(0);
        let right = HALF - 14.0 - longest as f64 * CHARACTER;
        let frame = Frame { left: 46.0, right, top: 26.0, bottom: HEIGHT - 46.0 };
        let all = || self.series.iter().flat_map(|s| &s.points);
        let x = Scale::new(
            statistics::range(all().map(|p| p.0)).unwrap_or((0.0, 1.0)),
            (frame.left + 4.0, frame.right - 8.0),
        );
        let (low, high) = statistics::range(all().map(|p| p.1)).unwrap_or((0.0, 1.0));
        let domain = if self.shares { ((low * 20.0).floor() / 20.0, 1.0) } else { (0.0, high * 1.04) };
        let y = Scale::new(domain, (frame.bottom, frame.top));
        let mut svg = Svg::new(HALF, HEIGHT, self.label);
        frame.y_axis(&mut svg, &y, number::fixed);
        let ticks: Vec<f64> = x.ticks(7).into_iter().filter(|t| t.fract() == 0.0).collect();
        frame.x_axis(&mut svg, &x, &ticks, "epoch");
        self.draw_best(&mut svg, &frame, &x, &y);
        self.series.iter().for_each(|s| draw_series(&mut svg, &x, &y, s));
        self.draw_names(&mut svg, &frame, &y);
        svg
    }

    fn draw_best(&self, svg: &mut Svg, frame: &Frame, x: &Scale, y: &Scale) {
        let Some(best) = self.best else { return };
        let at = x.at(best as f64);
        svg.line((at, frame.top), (at, frame.bottom), "best");
        let anchor = if at > (frame.left + frame.right) / 2.0 { Anchor::End } else { Anchor::Start };
        svg.text((at, frame.top - 9.0), anchor, "tick", &format!("kept: epoch {best}"));
        for series in &self.series {
            let kept = series.points.iter().find(|p| p.0 == best as f64 && p.1.is_finite());
            if let Some(point) = kept {
                svg.circle((at, y.at(point.1)), 3.5, &format!("dot k{}", series.slot), "");
            }
        }
    }

    fn draw_names(&self, svg: &mut Svg, frame: &Frame, y: &Scale) {
        let ends: Vec<(f64, &Series)> = self
            .series
            .iter()
            .filter_map(|s| s.points.iter().rev().find(|p| p.1.is_finite()).map(|p| (y.at(p.1), s)))
            .collect();
        let wanted: Vec<f64> = ends.iter().map(|e| e.0).collect();
        for ((_, series), at) in ends.iter().zip(dodge(&wanted, 15.0, frame.top, frame.bottom - 2.0)) {
            let name = shorten(&series.name, NAME);
            svg.text((frame.right, at + 4.0), Anchor::Start, &format!("tag k{}", series.slot), &name);
        }
    }
}

fn draw_series(svg: &mut Svg, x: &Scale, y: &Scale, series: &Series) {
    let points: Vec<(f64, f64)> = series.points.iter().map(|p| (x.at(p.0), y.at(p.1))).collect();
    svg.polyline(&points, &format!("curve k{}", series.slot));
    if points.len() == 1 && points[0].1.is_finite() {
        svg.circle(points[0], 3.5, &format!("dot k{}", series.slot), "");
    }
}
