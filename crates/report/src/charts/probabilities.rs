//! The probe's class probabilities along the direction, on the axis of the ridges.

use super::Frame;
use super::ridge::{AXIS, left_margin};
use crate::attribute::Probabilities;
use crate::number;
use crate::svg::{Anchor, Scale, Svg, shorten};

/// Longest name on a curve, in characters.
const NAME: usize = 16;
/// Width to allow for one bold character.
const BOLD: f64 = 8.4;

/// The drawing at a width; `slots` gives each curve's colour.
pub(crate) fn draw(data: &Probabilities, slots: &[usize], domain: (f64, f64), width: f64, label: &str) -> Svg {
    let frame = Frame { left: left_margin(width), right: width - 14.0, top: 22.0, bottom: 152.0 };
    let x = Scale::new(domain, (frame.left + 6.0, frame.right - 6.0));
    let y = Scale::new((0.0, 1.0), (frame.bottom, frame.top));
    let mut svg = Svg::new(width, frame.bottom + 46.0, label);
    for tick in [0.0, 0.5, 1.0] {
        svg.line((frame.left, y.at(tick)), (frame.right, y.at(tick)), "grid");
        svg.text((frame.left - 8.0, y.at(tick) + 4.0), Anchor::End, "tick", &number::fixed(tick, 1));
    }
    let (low, high) = x.domain();
    // Centre, height and half width of the names drawn so far; one that would cover another is left to the legend.
    let mut tags: Vec<(f64, f64, f64)> = Vec::new();
    for ((class, values), slot) in data.curves.iter().zip(slots) {
        let inside = data.positions.iter().zip(values).filter(|(s, _)| **s >= low && **s <= high);
        let points: Vec<(f64, f64)> = inside.map(|(s, p)| (x.at(*s), y.at(p.clamp(0.0, 1.0)))).collect();
        svg.polyline(&points, &format!("curve k{slot}"));
        let peak = points.iter().filter(|p| p.1.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some(&(at, top)) = peak.filter(|p| p.1 < y.at(0.6)) {
            let name = shorten(class, NAME);
            let half = name.chars().count() as f64 * BOLD / 2.0;
            let centre = at.clamp(frame.left + half, (frame.right - half).max(frame.left + half));
            if tags.iter().all(|tag| (tag.0 - centre).abs() > tag.2 + half || (tag.1 - top).abs() > 15.0) {
                svg.text((centre, top - 7.0), Anchor::Middle, &format!("tag k{slot}"), &name);
                tags.push((centre, top, half));
            }
        }
    }
    let ticks = x.ticks(if width < 600.0 { 5 } else { 9 });
    frame.x_axis(&mut svg, &x, &ticks, if width < 600.0 { "position along the direction" } else { AXIS });
    svg
}
