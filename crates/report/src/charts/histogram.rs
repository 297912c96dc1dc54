//! A figure of many draws, and ours among them.

use super::{Frame, HALF};
use crate::number;
use crate::statistics;
use crate::svg::{Anchor, Scale, Svg, ticks};

/// Height of the figure.
const HEIGHT: f64 = 220.0;

/// The drawing of the draws' values as bars, with ours as a line; `values` are finite.
pub(crate) fn draw(values: &[f64], ours: Option<f64>, statistic: &str, label: &str) -> Svg {
    let frame = Frame { left: 46.0, right: HALF - 14.0, top: 34.0, bottom: HEIGHT - 46.0 };
    let ours = ours.filter(|o| o.is_finite());
    let domain = statistics::range(values.iter().copied().chain(ours)).unwrap_or((0.0, 1.0));
    let (low, high) = rounded(Scale::new(domain, (0.0, 1.0)).domain());
    let bins = ((values.len() as f64).sqrt().ceil() as usize * 2).clamp(8, 40);
    let counts = statistics::histogram(values, low, high, bins);
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let x = Scale::new((low, high), (frame.left + 4.0, frame.right - 4.0));
    let y = Scale::new((0.0, most * 1.08), (frame.bottom, frame.top));
    let mut svg = Svg::new(HALF, HEIGHT, label);
    frame.y_axis(&mut svg, &y, |v, _| if v.fract() == 0.0 { number::fixed(v, 0) } else { String::new() });
    let width = (high - low) / bins as f64;
    for (i, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (from, to) = (low + width * i as f64, low + width * (i + 1) as f64);
        let (left, top) = (x.at(from) + 0.5, y.at(count as f64));
        let title = format!("{} to {}: {count}", number::fixed(from, 3), number::fixed(to, 3));
        svg.rect((left, top), (x.at(to) - x.at(from) - 1.0, frame.bottom - top), "bar", &title);
    }
    frame.x_axis(&mut svg, &x, &x.ticks(6), statistic);
    if let Some(ours) = ours {
        let at = x.at(ours);
        svg.line((at, frame.top - 8.0), (at, frame.bottom), "ours");
        let anchor = match at {
            a if a > frame.right - 60.0 => Anchor::End,
            a if a < frame.left + 60.0 => Anchor::Start,
            _ => Anchor::Middle,
        };
        svg.text((at, frame.top - 14.0), anchor, "ours-name", &format!("ours {}", number::share(Some(ours))));
    }
    svg
}

/// A domain widened to the ticks around it.
fn rounded((low, high): (f64, f64)) -> (f64, f64) {
    let steps = ticks(low, high, 6);
    let [first, second, ..] = steps[..] else { return (low, high) };
    let step = second - first;
    ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step)
}
