//! How much of the variance the first axes keep.

use super::{Frame, HALF};
use crate::number;
use crate::svg::{Anchor, Scale, Svg, log_ticks};

/// Height of the figure.
const HEIGHT: f64 = 270.0;

/// The drawing of cumulative shares, axis by axis on a logarithmic scale; `marks` are counts of axes with their words.
pub(crate) fn draw(cumulative: &[f64], marks: &[(usize, String)], label: &str) -> Svg {
    let frame = Frame { left: 54.0, right: HALF - 14.0, top: 14.0, bottom: HEIGHT - 46.0 };
    let last = (cumulative.len().max(2) as f64).log10();
    let x = Scale::new((0.0, last), (frame.left + 6.0, frame.right - 6.0));
    let y = Scale::new((0.0, 1.0), (frame.bottom, frame.top));
    let at = |axes: usize| x.at((axes.max(1) as f64).log10());
    let mut svg = Svg::new(HALF, HEIGHT, label);
    frame.y_axis(&mut svg, &y, |v, _| format!("{}\u{202f}%", number::fixed(v * 100.0, 0)));
    svg.line((frame.left, frame.bottom), (frame.right, frame.bottom), "axis");
    for tick in log_ticks(1.0, cumulative.len().max(2) as f64) {
        let place = x.at(tick.log10());
        svg.line((place, frame.bottom), (place, frame.bottom + 4.0), "axis");
        svg.text((place, frame.bottom + 17.0), Anchor::Middle, "tick", &number::fixed(tick, 0));
    }
    let middle = (frame.left + frame.right) / 2.0;
    svg.text((middle, frame.bottom + 36.0), Anchor::Middle, "name", "number of axes, logarithmic");
    let points: Vec<(f64, f64)> = cumulative.iter().enumerate().map(|(i, c)| (at(i + 1), y.at(*c))).collect();
    for (i, (axes, words)) in marks.iter().enumerate() {
        let Some(share) = axes.checked_sub(1).and_then(|a| cumulative.get(a)) else { continue };
        let (place, height) = (at(*axes), frame.bottom - 22.0 - 24.0 * i as f64);
        svg.line((place, y.at(*share)), (place, frame.bottom), "best");
        let (shift, anchor) = if place > middle { (-7.0, Anchor::End) } else { (7.0, Anchor::Start) };
        svg.text((place + shift, height), anchor, "note", words);
    }
    svg.polyline(&points, "curve k0");
    for (axes, words) in marks {
        if let Some(share) = axes.checked_sub(1).and_then(|a| cumulative.get(a)) {
            svg.circle((at(*axes), y.at(*share)), 4.0, "dot k0", words);
        }
    }
    svg
}
