//! The figures as SVG, each a pure function of its data and a width.

pub(crate) mod bars;
pub(crate) mod histogram;
pub(crate) mod lines;
pub(crate) mod probabilities;
pub(crate) mod ridge;
pub(crate) mod spectrum;

use crate::number;
use crate::svg::{Anchor, Scale, Svg, tick_decimals};

/// The style of grounds, inks and fonts, light and dark.
pub(crate) const GROUND: &str = include_str!("../page/ground.css");
/// The style of everything that a figure draws.
pub(crate) const STYLE: &str = include_str!("../page/chart.css");

/// Width of a figure that spans the page.
pub(crate) const WIDE: f64 = 980.0;
/// Width of a figure that spans a phone.
pub(crate) const NARROW: f64 = 372.0;
/// Width of a figure that shares the page with another.
pub(crate) const HALF: f64 = 470.0;

/// From one line of a label to the next.
pub(crate) const LINE: f64 = 14.0;

/// A plot's inner rectangle.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Frame {
    /// Horizontal grid lines with their labels on the left.
    pub(crate) fn y_axis(&self, svg: &mut Svg, y: &Scale, label: impl Fn(f64, usize) -> String) {
        let ticks = y.ticks(4);
        let decimals = tick_decimals(&ticks);
        let labels: Vec<(f64, String)> = ticks.into_iter().map(|t| (y.at(t), label(t, decimals))).collect();
        self.y_labels(svg, &labels);
    }

    /// Horizontal grid lines at these heights, with these labels on the left.
    pub(crate) fn y_labels(&self, svg: &mut Svg, labels: &[(f64, String)]) {
        for (at, label) in labels {
            svg.line((self.left, *at), (self.right, *at), "grid");
            svg.text((self.left - 8.0, at + 4.0), Anchor::End, "tick", label);
        }
    }

    /// The base line with ticks and their labels beneath, and the axis' name.
    pub(crate) fn x_axis(&self, svg: &mut Svg, x: &Scale, ticks: &[f64], name: &str) {
        let decimals = tick_decimals(ticks);
        let labels: Vec<(f64, String)> = ticks.iter().map(|t| (x.at(*t), number::fixed(*t, decimals))).collect();
        self.x_labels(svg, &labels, name);
    }

    /// The base line with ticks at these places and their labels of one or more lines beneath, and the axis' name.
    pub(crate) fn x_labels(&self, svg: &mut Svg, labels: &[(f64, String)], name: &str) {
        svg.line((self.left, self.bottom), (self.right, self.bottom), "axis");
        let mut last = self.bottom + 17.0;
        for (at, label) in labels {
            svg.line((*at, self.bottom), (*at, self.bottom + 4.0), "axis");
            for (i, line) in label.lines().enumerate() {
                let y = self.bottom + 17.0 + LINE * i as f64;
                svg.text((*at, y), Anchor::Middle, "tick", line);
                last = last.max(y);
            }
        }
        svg.text(((self.left + self.right) / 2.0, last + 19.0), Anchor::Middle, "name", name);
    }
}

/// Moves labels apart until they are `gap` from one another, keeping their order and staying within `low..=high` where
/// they fit.
pub(crate) fn dodge(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]).then(a.cmp(b)));
    let mut placed = wanted.to_vec();
    let mut floor = low;
    for &i in &order {
        placed[i] = placed[i].max(floor);
        floor = placed[i] + gap;
    }
    let mut ceiling = high;
    for &i in order.iter().rev() {
        placed[i] = placed[i].min(ceiling);
        ceiling = placed[i] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dodged_labels_keep_their_order_and_their_distance() {
        let placed = dodge(&[10.0, 11.0, 12.0, 90.0], 14.0, 0.0, 100.0);
        assert_eq!(placed, [10.0, 24.0, 38.0, 90.0]);
        let placed = dodge(&[99.0, 98.0, 97.0], 10.0, 0.0, 100.0);
        assert_eq!(placed, [100.0, 90.0, 80.0]);
        assert!(dodge(&[], 10.0, 0.0, 1.0).is_empty());
    }
}
